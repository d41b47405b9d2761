import { z } from "zod";
import { pruneBackups } from "../../loop/backup/list-backups.ts";
import { type ShownBackup, showBackup } from "../../loop/backup/show-backup.ts";
import { defineCommand } from "../command.ts";
import { renderBackups } from "../render/backups.ts";

export const backupPrune = defineCommand({
  name: "backup prune",
  summary: "Remove all but the newest backups of a folder.",
  arguments: { folder: { summary: "where backups are kept", type: z.string().min(1) } },
  options: { keep: { summary: "how many stay", value: "<count>", type: z.int().min(1) } },
  examples: [{ line: "requeen backup prune /backups --keep 14 --dry-run", does: "which would go" }],
  changes: true,
  run: async ({ folder, keep }, { now, dryRun }): Promise<{ removed: ShownBackup[]; dry_run: boolean }> => ({
    removed: (await pruneBackups(folder, keep, { now: now(), dryRun })).map(showBackup),
    dry_run: dryRun,
  }),
  render: ({ removed, dry_run }, terminal) =>
    removed.length === 0 ? "Nothing to remove." : `${dry_run ? "Would remove" : "Removed"}:\n${renderBackups(removed, terminal)}`,
});

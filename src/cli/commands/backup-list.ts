import { z } from "zod";
import { listBackups } from "../../loop/backup/list-backups.ts";
import { type ShownBackup, showBackup } from "../../loop/backup/show-backup.ts";
import { defineCommand } from "../command.ts";
import { renderBackups } from "../render/backups.ts";

export const backupList = defineCommand({
  name: "backup list",
  summary: "List the backups in a folder, newest first.",
  arguments: { folder: { summary: "where backups are kept", type: z.string().min(1) } },
  options: {},
  examples: [{ line: "requeen backup list /backups", does: "which there are, and how large" }],
  changes: false,
  run: async ({ folder }): Promise<{ backups: ShownBackup[] }> => ({ backups: (await listBackups(folder)).map(showBackup) }),
  render: ({ backups }, terminal) => (backups.length === 0 ? "No backups here." : renderBackups(backups, terminal)),
});

import { z } from "zod";
import { ERRORS } from "../../core/errors.ts";
import { sizeOf } from "../../loop/backup/create-backup.ts";
import { type ShownBackup, showBackup } from "../../loop/backup/show-backup.ts";
import { verifyBackup } from "../../loop/backup/verify-backup.ts";
import { defineCommand } from "../command.ts";

interface Verified {
  readonly backup: ShownBackup;
  readonly intact: boolean;
  readonly problems: readonly string[];
}

export const backupVerify = defineCommand({
  name: "backup verify",
  summary: "Read a backup back whole: digests, SQLite's own check, counts, audit chain, files that records name.",
  details: "Exits with 8 when anything is wrong; the backup itself is not changed.",
  arguments: { backup: { summary: "folder of one backup", type: z.string().min(1) } },
  options: {},
  examples: [{ line: "requeen backup verify /backups/requeen-20260208T020000Z-1f9c02aa", does: "can this one be restored?" }],
  changes: false,
  async run({ backup: folder }, { now, progress }): Promise<Verified> {
    const line = progress.begin("verify");
    const { manifest, problems } = await verifyBackup(folder, now, (what) => line.step(what));
    const backup = showBackup({ folder, manifest, size_bytes: await sizeOf(folder, manifest) });
    return { backup, intact: problems.length === 0, problems };
  },
  render: ({ backup, intact, problems }, { style }) =>
    intact
      ? `${style.green("intact")}: ${backup.files} files and the records of ${backup.backup_id} are what they were on ${backup.created_at}.`
      : [
          `${style.red("damaged")}: ${backup.backup_id}`,
          ...problems.slice(0, 20).map((problem) => `  ${problem}`),
          ...(problems.length > 20 ? [`  and ${problems.length - 20} more`] : []),
          "Keep an older backup, and look at the disk.",
        ].join("\n"),
  exitCode: ({ intact }) => (intact ? 0 : ERRORS.digest_mismatch.exit),
});

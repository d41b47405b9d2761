import { randomBytes } from "node:crypto";
import { z } from "zod";
import { createBackup, sizeOf } from "../../loop/backup/create-backup.ts";
import { pruneBackups } from "../../loop/backup/list-backups.ts";
import { type ShownBackup, showBackup } from "../../loop/backup/show-backup.ts";
import { packageVersion, withBackupSource } from "../backup-place.ts";
import { defineCommand } from "../command.ts";
import { bytes } from "../render/values.ts";

interface Created {
  readonly backup: ShownBackup | null;
  readonly removed: readonly ShownBackup[];
  readonly dry_run: boolean;
}

export const backupCreate = defineCommand({
  name: "backup create",
  summary: "Copy store, registry and files into a folder of backups, while everything goes on.",
  details: [
    "The copy stands for one moment: first the store in one transaction, then the registry, then the files that they name. Each backup is a",
    "folder of its own with a manifest of sizes and SHA-256; it gets its name when it is whole. An MLflow server of the team's has a backup",
    "of its own. Secrets and the configuration file are not copied. `requeen backup verify` reads it back.",
  ].join("\n"),
  arguments: { folder: { summary: "where backups are kept; another disk than the data folder's", type: z.string().min(1) } },
  options: { keep: { summary: "then remove all but the newest of these", value: "<count>", type: z.int().min(1).optional() } },
  examples: [{ line: "requeen backup create /backups --keep 14", does: "what the CronJob runs every night" }],
  changes: true,
  async run({ folder, keep }, { config, now, progress, signal, dryRun }): Promise<Created> {
    const line = progress.begin("backup");
    const made = dryRun
      ? null
      : await withBackupSource(config, now, (source) =>
          createBackup({
            source,
            into: folder,
            version: packageVersion(),
            now,
            newId: () => randomBytes(4).toString("hex"),
            onProgress: (what) => {
              signal.throwIfAborted();
              line.step(what);
            },
          }),
        );
    const removed =
      keep === undefined ? [] : await pruneBackups(folder, dryRun ? Math.max(1, keep - 1) : keep, { now: now(), dryRun });
    const backup = made === null ? null : showBackup({ ...made, size_bytes: await sizeOf(made.folder, made.manifest) });
    return { backup, removed: removed.map(showBackup), dry_run: dryRun };
  },
  render: ({ backup, removed, dry_run }) => {
    const gone = removed.map(({ backup_id }) => `${dry_run ? "Would remove" : "Removed"} ${backup_id}.`);
    if (backup === null) return ["Would make a backup.", ...gone].join("\n");
    const { folder, files, records, size_bytes } = backup;
    const total = Object.values(records).reduce((sum, count) => sum + count, 0);
    return [
      `Backup ${folder}: ${total} records, ${files} files, ${bytes(size_bytes)}.`,
      ...gone,
      `\`requeen backup verify ${folder}\` reads it back; \`requeen backup restore\` brings it into an empty data folder.`,
    ].join("\n");
  },
});

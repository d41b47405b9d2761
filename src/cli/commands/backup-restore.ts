import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { sizeOf } from "../../loop/backup/create-backup.ts";
import { readManifest } from "../../loop/backup/manifest.ts";
import { restoreBackup } from "../../loop/backup/restore-backup.ts";
import { type ShownBackup, showBackup } from "../../loop/backup/show-backup.ts";
import { withBackupSource } from "../backup-place.ts";
import { defineCommand } from "../command.ts";

interface Restored {
  readonly backup: ShownBackup;
  readonly data_dir: string;
  readonly dry_run: boolean;
}

export const backupRestore = defineCommand({
  name: "backup restore",
  summary: "Bring a backup back into an empty data folder, and an empty database where MONGODB_URI is set.",
  details: [
    "The target is REQUEEN_DATA_DIR or --data-dir; stop `requeen serve` first. A target that holds anything is refused. Each file is checked",
    "on the way; a restore that was cut off goes on where it stood when it is called again. Runs that were under way resume at the next",
    "`requeen serve`. A MongoDB's backup may be restored into a data folder, and the other way.",
  ].join("\n"),
  arguments: { backup: { summary: "folder of one backup", type: z.string().min(1) } },
  options: {},
  examples: [
    {
      line: "requeen backup restore /backups/requeen-20260208T020000Z-1f9c02aa --data-dir /srv/requeen",
      does: "after the disk was lost",
    },
  ],
  changes: true,
  async run({ backup: folder }, { config, now, progress, signal, dryRun }): Promise<Restored> {
    const line = progress.begin("restore");
    const manifest = await readManifest(folder);
    if (manifest.registry === "embedded" && config.mlflowTrackingUri !== undefined)
      throw new RequeenError(
        "conflict",
        "the backup holds an embedded registry, and MLFLOW_TRACKING_URI names a server: restore without it, then see docs/guide/mlflow.md",
      );
    if (!dryRun)
      await withBackupSource(config, now, ({ dataDir, mongo }) =>
        restoreBackup(folder, { dataDir, mongo }, now, (what) => {
          signal.throwIfAborted();
          line.step(what);
        }),
      );
    const backup = showBackup({ folder, manifest, size_bytes: await sizeOf(folder, manifest) });
    return { backup, data_dir: config.dataDir, dry_run: dryRun };
  },
  render: ({ backup, data_dir, dry_run }) =>
    dry_run
      ? `Would restore ${backup.backup_id} of ${backup.created_at} into ${data_dir}.`
      : `Restored ${backup.backup_id} of ${backup.created_at} into ${data_dir}. \`requeen doctor\` and \`requeen audit verify\` look at it.`,
});

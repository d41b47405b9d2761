import { toIso } from "../../core/time.ts";
import type { BackupEntry } from "./list-backups.ts";

/** A backup as people and programs see it. */
export interface ShownBackup {
  readonly backup_id: string;
  readonly folder: string;
  readonly created_at: string;
  readonly version: string;
  readonly store: "sqlite" | "mongodb";
  readonly registry: "embedded" | "external";
  readonly records: Readonly<Record<string, number>>;
  readonly files: number;
  readonly size_bytes: number;
}

export const showBackup = ({ folder, manifest, size_bytes }: BackupEntry): ShownBackup => ({
  backup_id: manifest.backup_id,
  folder,
  created_at: toIso(manifest.created_at),
  version: manifest.version,
  store: manifest.store,
  registry: manifest.registry,
  records: manifest.records,
  files: manifest.files.length,
  size_bytes,
});

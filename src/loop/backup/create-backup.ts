import { constants } from "node:fs";
import { copyFile, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RequeenError } from "../../core/errors.ts";
import { toIso } from "../../core/time.ts";
import { copyStore } from "../../store/migrate.ts";
import { type MovableStore, RECORD_KINDS, type RecordKind } from "../../store/movable.ts";
import { openSqliteStore } from "../../store/sqlite/open.ts";
import { settleSqlite, snapshotSqlite } from "../../store/sqlite/snapshot.ts";
import {
  type BackupFile,
  type BackupManifest,
  describeFile,
  FILE_FOLDERS,
  filesBelow,
  MANIFEST_FILE,
  REGISTRY_FILE,
  STORE_FILE,
  sync,
  UNFINISHED,
} from "./manifest.ts";

export interface BackupSource {
  readonly dataDir: string;
  /** The store, where it is no file of the data folder. */
  readonly mongo: MovableStore | null;
  /** Whether registry.db and artifacts/ of the data folder are the registry. */
  readonly hasEmbeddedRegistry: boolean;
}

export interface BackupOptions {
  readonly source: BackupSource;
  /** The folder of backups; each is a folder of its own in it. */
  readonly into: string;
  readonly version: string;
  readonly now: () => number;
  /** Distinguishes backups of one second. */
  readonly newId: () => string;
  /** Called often; what it throws ends the backup, and nothing of it stays. */
  readonly onProgress?: (what: string) => void;
}

/**
 * Makes a backup while everything is being used. What makes it consistent is the order: first the store, in one read transaction, then the
 * registry, likewise, then files. A record names only files and versions that were there before it, and neither is ever changed, so all
 * that the copied store names is in what is copied after it; what came meanwhile is more than is needed, never less. A promotion that
 * falls between the two copies looks like one that a crash cut off, and the next start finishes it.
 * A MongoDB is copied kind by kind in the order in which records name each other, into the same form.
 * @throws RequeenError disk_full, store_unavailable, store_corrupt; nothing that looks like a backup is left then
 */
export async function createBackup(options: BackupOptions): Promise<{ folder: string; manifest: BackupManifest }> {
  const { source, into, version, now, newId, onProgress = () => undefined } = options;
  const createdAt = now();
  const stamp = new Date(createdAt).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const backupId = `requeen-${stamp}-${newId()}`;
  const unfinished = join(into, `${UNFINISHED}${backupId}`);
  await mkdir(unfinished, { recursive: true });
  try {
    onProgress("store");
    const records = await copyRecords(source, join(unfinished, STORE_FILE), now, onProgress);
    if (source.hasEmbeddedRegistry) {
      onProgress("registry");
      await snapshotSqlite(join(source.dataDir, REGISTRY_FILE), join(unfinished, REGISTRY_FILE));
    }
    for (const folder of FILE_FOLDERS) await copyFiles(source.dataDir, folder, unfinished, onProgress);
    const files = await describeAll(unfinished, onProgress);
    const manifest: BackupManifest = {
      format: "requeen-backup/1",
      backup_id: backupId,
      created_at: createdAt,
      version,
      store: source.mongo === null ? "sqlite" : "mongodb",
      registry: source.hasEmbeddedRegistry ? "embedded" : "external",
      records,
      files,
    };
    const path = join(unfinished, MANIFEST_FILE);
    await writeFile(path, `${JSON.stringify({ ...manifest, created_at: toIso(createdAt) }, null, 2)}\n`, { flush: true });
    await sync(unfinished);
    await rename(unfinished, join(into, backupId));
    await sync(into);
    return { folder: join(into, backupId), manifest };
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
}

/** The store as one SQLite file, and how many records of each kind are in it. */
async function copyRecords(
  { dataDir, mongo }: BackupSource,
  target: string,
  now: () => number,
  onProgress: (what: string) => void,
): Promise<Record<RecordKind, number>> {
  if (mongo === null) await snapshotSqlite(join(dataDir, STORE_FILE), target);
  else {
    const filled = await openSqliteStore(target, { now });
    try {
      await copyStore(mongo, filled, (kind, records) => onProgress(`${kind}: ${records}`));
    } finally {
      await filled.close();
    }
    await settleSqlite(target);
  }
  const copy = await openSqliteStore(target, { now, readOnly: true });
  try {
    return await countRecords(copy);
  } finally {
    await copy.close();
  }
}

const PAGE = 1_000;

/** Records of a store by kind; reads each. */
export async function countRecords(store: MovableStore): Promise<Record<RecordKind, number>> {
  const counts: [RecordKind, number][] = [];
  for (const kind of RECORD_KINDS) {
    let records = 0;
    let cursor: string | null = null;
    do {
      const page: { records: readonly unknown[]; cursor: string | null } = await store.exportRecords(kind, cursor, PAGE);
      records += page.records.length;
      cursor = page.cursor;
    } while (cursor !== null);
    counts.push([kind, records]);
  }
  return Object.fromEntries(counts) as Record<RecordKind, number>;
}

const isUnfinished = (path: string): boolean => /(^|\/)(unfinished\/|\.requeen-upload-)/.test(path);

async function copyFiles(dataDir: string, folder: string, target: string, onProgress: (what: string) => void): Promise<void> {
  const paths = (await filesBelow(dataDir, folder)).filter((path) => !isUnfinished(path));
  for (const [index, path] of paths.entries()) {
    if (index % 100 === 0) onProgress(`${folder}: ${index} of ${paths.length}`);
    const place = join(target, path);
    await mkdir(dirname(place), { recursive: true });
    try {
      // a copy of its own where the file system cannot share blocks: a byte that flips in one must not flip in both
      await copyFile(join(dataDir, path), place, constants.COPYFILE_FICLONE);
    } catch (error) {
      // artifacts of an experiment that a person deletes meanwhile; verify finds a blob that is named and missing
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw asDiskError(error, place);
      await rm(place, { force: true });
    }
    await sync(place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }
}

function asDiskError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOSPC" || code === "EDQUOT"
    ? new RequeenError("disk_full", `the backup's disk is full at ${path}`, { path }, { cause: error })
    : error;
}

async function describeAll(folder: string, onProgress: (what: string) => void): Promise<BackupFile[]> {
  const files: BackupFile[] = [];
  const paths = await filesBelow(folder, ".");
  for (const [index, path] of paths.entries()) {
    if (index % 100 === 0) onProgress(`digests: ${index} of ${paths.length}`);
    files.push(await describeFile(folder, path));
  }
  return files;
}

/** Bytes of a backup on disk, its manifest included. */
export async function sizeOf(folder: string, manifest: BackupManifest): Promise<number> {
  const { size } = await stat(join(folder, MANIFEST_FILE));
  return manifest.files.reduce((total, file) => total + file.size_bytes, size);
}

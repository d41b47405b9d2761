import { constants } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RequeenError } from "../../core/errors.ts";
import { copyStore } from "../../store/migrate.ts";
import type { MovableStore } from "../../store/movable.ts";
import { openSqliteStore } from "../../store/sqlite/open.ts";
import { type BackupManifest, describeFile, FILE_FOLDERS, REGISTRY_FILE, readManifest, STORE_FILE, sync } from "./manifest.ts";

export interface RestoreTarget {
  readonly dataDir: string;
  /** Where the records go instead of requeen.db; must be empty, or hold the beginning of the same restore. */
  readonly mongo: MovableStore | null;
}

/** Stands in the target while a restore is not finished. */
const MARKER = ".requeen-restore";
const OURS: ReadonlySet<string> = new Set([STORE_FILE, REGISTRY_FILE, ...FILE_FOLDERS]);

/**
 * Brings a backup back into an empty data folder (and, where the store is a MongoDB, an empty database). Every file is checked against its
 * digest on the way. A restore that was cut off goes on where it stood; until it is finished, the target is refused to every other backup.
 * @throws RequeenError conflict when the target holds anything else; digest_mismatch when a file of the backup is damaged; not_found
 */
export async function restoreBackup(
  folder: string,
  target: RestoreTarget,
  now: () => number,
  onProgress: (what: string) => void = () => undefined,
): Promise<BackupManifest> {
  const manifest = await readManifest(folder);
  const { dataDir, mongo } = target;
  await mkdir(dataDir, { recursive: true });
  await claimTarget(dataDir, manifest.backup_id);
  for (const [index, file] of manifest.files.entries()) {
    if (file.path === STORE_FILE && mongo !== null) continue;
    if (index % 100 === 0) onProgress(`files: ${index} of ${manifest.files.length}`);
    await restoreFile(folder, dataDir, file);
  }
  if (mongo !== null) await restoreRecords(folder, manifest, { dataDir, mongo }, now, onProgress);
  await rm(join(dataDir, MARKER));
  await sync(dataDir);
  return manifest;
}

async function claimTarget(dataDir: string, backupId: string): Promise<void> {
  const marker = join(dataDir, MARKER);
  const begun = await readFile(marker, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (begun === backupId) return;
  if (begun !== null)
    throw new RequeenError("conflict", `${dataDir} holds an unfinished restore of ${begun}: finish it, or empty the folder`, {
      dataDir,
      backup_id: begun,
    });
  const there = (await readdir(dataDir)).filter((name) => OURS.has(name));
  if (there.length > 0)
    throw new RequeenError(
      "conflict",
      `the target of a restore must be an empty data folder; ${dataDir} has ${there.join(", ")}`,
      { dataDir, there },
    );
  await writeFile(marker, backupId, { flush: true });
  await sync(dataDir);
}

/** Copies one file under a name of its own, checks it, and only then gives it its name. */
async function restoreFile(folder: string, dataDir: string, file: BackupManifest["files"][number]): Promise<void> {
  if (await isThere(dataDir, file)) return;
  const place = join(dataDir, file.path);
  await mkdir(dirname(place), { recursive: true });
  const draft = `${place}.restoring`;
  try {
    await copyFile(join(folder, file.path), draft, constants.COPYFILE_FICLONE);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT")
      throw new RequeenError("digest_mismatch", `${file.path} of the backup is missing`, { path: file.path }, { cause });
    if (code === "ENOSPC" || code === "EDQUOT")
      throw new RequeenError("disk_full", `no room for ${file.path}; the restore goes on from here`, { path: place }, { cause });
    throw cause;
  }
  const { sha256 } = await describeFile(dataDir, `${file.path}.restoring`);
  if (sha256 !== file.sha256) {
    await rm(draft);
    throw new RequeenError("digest_mismatch", `${file.path} of the backup has the SHA-256 ${sha256} instead of ${file.sha256}`, {
      path: file.path,
    });
  }
  await sync(draft);
  await rename(draft, place);
}

async function isThere(dataDir: string, file: BackupManifest["files"][number]): Promise<boolean> {
  try {
    return (await describeFile(dataDir, file.path)).sha256 === file.sha256;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

async function restoreRecords(
  folder: string,
  manifest: BackupManifest,
  { dataDir, mongo }: { dataDir: string; mongo: MovableStore },
  now: () => number,
  onProgress: (what: string) => void,
): Promise<void> {
  const file = manifest.files.find(({ path }) => path === STORE_FILE);
  if (file === undefined) throw new RequeenError("digest_mismatch", `the backup has no ${STORE_FILE}`);
  // a copy, since opening brings an older Requeen's file to today's form; the backup stays as it is
  await restoreFile(folder, dataDir, file);
  const path = join(dataDir, STORE_FILE);
  const records = await openSqliteStore(path, { now });
  try {
    await copyStore(records, mongo, (kind, count) => onProgress(`${kind}: ${count}`));
  } finally {
    await records.close();
  }
  await rm(path);
}

import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isRequeenError } from "../../core/errors.ts";
import { sizeOf } from "./create-backup.ts";
import { type BackupManifest, readManifest, UNFINISHED } from "./manifest.ts";

export interface BackupEntry {
  readonly folder: string;
  readonly manifest: BackupManifest;
  readonly size_bytes: number;
}

/** The whole backups in a folder, newest first; what has no readable manifest is no backup. */
export async function listBackups(into: string): Promise<BackupEntry[]> {
  const names = await namesIn(into);
  const entries: BackupEntry[] = [];
  for (const name of names.filter((each) => each.startsWith("requeen-"))) {
    const folder = join(into, name);
    try {
      const manifest = await readManifest(folder);
      entries.push({ folder, manifest, size_bytes: await sizeOf(folder, manifest) });
    } catch (error) {
      if (!isRequeenError(error, "not_found") && !isRequeenError(error, "digest_mismatch")) throw error;
    }
  }
  return entries.sort((left, right) => right.manifest.created_at - left.manifest.created_at);
}

/** Longer than any backup takes: what is older and unfinished was cut off. */
const CUT_OFF_MS = 86_400_000;

/**
 * Removes all but the newest `keep` backups, and what was cut off more than a day ago. Gives the backups that were removed, or with `dryRun`
 * would be.
 */
export async function pruneBackups(
  into: string,
  keep: number,
  { now, dryRun }: { now: number; dryRun: boolean },
): Promise<BackupEntry[]> {
  const old = (await listBackups(into)).slice(keep);
  if (dryRun) return old;
  for (const { folder } of old) await rm(folder, { recursive: true });
  for (const name of await namesIn(into)) {
    const folder = join(into, name);
    if (name.startsWith(UNFINISHED) && now - (await stat(folder)).mtimeMs > CUT_OFF_MS) await rm(folder, { recursive: true });
  }
  return old;
}

const namesIn = (folder: string): Promise<string[]> =>
  readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });

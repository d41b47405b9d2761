import { join } from "node:path";
import { isRequeenError } from "../../core/errors.ts";
import { verifyAuditChain } from "../../store/audit-chain.ts";
import type { MovableStore, MovedRecords, RecordKind } from "../../store/movable.ts";
import { openSqliteStore } from "../../store/sqlite/open.ts";
import { checkSqlite } from "../../store/sqlite/snapshot.ts";
import { countRecords } from "./create-backup.ts";
import {
  type BackupManifest,
  describeFile,
  filesBelow,
  MANIFEST_FILE,
  REGISTRY_FILE,
  readManifest,
  STORE_FILE,
} from "./manifest.ts";

export interface BackupCheck {
  readonly manifest: BackupManifest;
  /** What is wrong, one sentence each; empty = the backup can be restored. */
  readonly problems: readonly string[];
}

/**
 * Recomputes everything: each file's size and SHA-256, files that are too many, SQLite's own check, the number of records, the chain of the
 * audit log, and that the dataset and the predictions of every verdict are there.
 * @throws RequeenError not_found, digest_mismatch when the manifest cannot be read
 */
export async function verifyBackup(
  folder: string,
  now: () => number,
  onProgress: (what: string) => void = () => undefined,
): Promise<BackupCheck> {
  const manifest = await readManifest(folder);
  const problems: string[] = [];
  const known = new Set([MANIFEST_FILE, ...manifest.files.map(({ path }) => path)]);
  for (const path of await filesBelow(folder, ".")) if (!known.has(path)) problems.push(`${path} is not in the manifest`);
  for (const [index, file] of manifest.files.entries()) {
    if (index % 100 === 0) onProgress(`files: ${index} of ${manifest.files.length}`);
    problems.push(...(await problemsOfFile(folder, file)));
  }
  // a damaged file is said once, by its digest; what stands in it means nothing then
  if (problems.length === 0) {
    if (manifest.registry === "embedded") problems.push(...(await checkSqlite(join(folder, REGISTRY_FILE))));
    problems.push(...(await checkSqlite(join(folder, STORE_FILE))));
    if (problems.length === 0) problems.push(...(await problemsOfStore(folder, manifest, now)));
  }
  return { manifest, problems };
}

async function problemsOfFile(folder: string, { path, size_bytes, sha256 }: BackupManifest["files"][number]): Promise<string[]> {
  try {
    const found = await describeFile(folder, path);
    if (found.size_bytes !== size_bytes) return [`${path} has ${found.size_bytes} bytes instead of ${size_bytes}`];
    return found.sha256 === sha256 ? [] : [`${path} has the SHA-256 ${found.sha256} instead of ${sha256}`];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [`${path} is missing`];
    throw error;
  }
}

async function problemsOfStore(folder: string, manifest: BackupManifest, now: () => number): Promise<string[]> {
  let store: MovableStore;
  try {
    store = await openSqliteStore(join(folder, STORE_FILE), { now, readOnly: true });
  } catch (error) {
    // an older Requeen wrote it: a restore brings it to today's form first
    if (isRequeenError(error, "store_read_only")) return [];
    throw error;
  }
  try {
    const problems: string[] = [];
    const counts = await countRecords(store);
    for (const [kind, count] of Object.entries(manifest.records))
      if (counts[kind as RecordKind] !== count)
        problems.push(`the store has ${counts[kind as RecordKind] ?? 0} ${kind}, the manifest says ${count}`);
    const audit = await verifyAuditChain(everyRecord(store, "audit"));
    if (!audit.intact) problems.push(`the audit log is broken: ${audit.problem}`);
    const blobs = new Set(manifest.files.map(({ path }) => path.split("/").at(-1)));
    // files of runs without a verdict may have been pruned
    for await (const { verdict_id, inputs } of everyRecord(store, "verdicts"))
      for (const digest of [inputs.dataset_id, inputs.predictions_sha256])
        if (!blobs.has(digest)) problems.push(`the file ${digest} of the verdict ${verdict_id} is missing`);
    return problems;
  } finally {
    await store.close();
  }
}

async function* everyRecord<K extends RecordKind>(store: MovableStore, kind: K): AsyncGenerator<MovedRecords[K]> {
  let cursor: string | null = null;
  do {
    const page: { records: MovedRecords[K][]; cursor: string | null } = await store.exportRecords(kind, cursor, 1_000);
    yield* page.records;
    cursor = page.cursor;
  } while (cursor !== null);
}

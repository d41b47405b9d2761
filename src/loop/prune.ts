import { isEnded, type Run } from "../core/run.ts";
import type { VerdictRecord } from "../core/verdict-record.ts";
import { VERSION_TAGS } from "../registry/names.ts";
import type { ModelVersion } from "../registry/registry.ts";
import { listBlobFiles, removeFile } from "../store/sweep-files.ts";
import type { House } from "./house.ts";

export interface Retention {
  /** Null: files that nothing refers to are kept. */
  readonly endedRunsDays: number | null;
  readonly unfinishedDays: number | null;
}

export interface Pruned {
  /** Files that are referred to and stay. */
  readonly kept: { readonly files: number; readonly bytes: number };
  /** Files that nothing refers to, old enough. */
  readonly removed: { readonly files: number; readonly bytes: number };
  /** What a crash left half-written. */
  readonly unfinished: { readonly files: number; readonly bytes: number };
  /** Remembered requests (Idempotency-Key) whose time is over. */
  readonly requests: number;
  readonly dry_run: boolean;
}

const DAY_MS = 86_400_000;
/** However short the configured time is: a run writes a file first and the record that names it after. */
const LEAST_AGE_MS = DAY_MS;

/**
 * Removes files of the data folder that nothing refers to: datasets, predictions and models of runs that ended without a verdict, or whose
 * model was never registered. Kept, whatever their age: what a verdict was computed from, so that it recomputes; what a registered version was
 * made from; what a run that is not ended may need. Records are never removed.
 * @param folder of the blobs
 * @throws RequeenError registry_unavailable; nothing was removed then, since what it refers to is not known
 */
export async function prune(house: House, folder: string, retention: Retention, dryRun: boolean): Promise<Pruned> {
  const now = house.now();
  const referred = await readReferences(house, now, retention);
  const counts = { kept: none(), removed: none(), unfinished: none() };
  for await (const file of listBlobFiles(folder)) {
    const kind = fateOf(file.sha256, now - file.changedAtMs, referred, retention);
    counts[kind].files += 1;
    counts[kind].bytes += file.sizeBytes;
    if (kind !== "kept" && !dryRun) await removeFile(file.path);
  }
  const requests = dryRun ? 0 : await house.store.forgetExpiredRequests(now);
  return { ...counts, requests, dry_run: dryRun };
}

const none = (): { files: number; bytes: number } => ({ files: 0, bytes: 0 });

function fateOf(
  sha256: string | null,
  ageMs: number,
  referred: ReadonlySet<string>,
  { endedRunsDays, unfinishedDays }: Retention,
): "kept" | "removed" | "unfinished" {
  const isOlder = (days: number | null): boolean => days !== null && ageMs > Math.max(LEAST_AGE_MS, days * DAY_MS);
  if (sha256 === null) return isOlder(unfinishedDays) ? "unfinished" : "kept";
  return !referred.has(sha256) && isOlder(endedRunsDays) ? "removed" : "kept";
}

async function readReferences(house: House, now: number, { endedRunsDays }: Retention): Promise<Set<string>> {
  const referred = new Set<string>();
  for await (const { inputs } of everyVerdict(house))
    for (const digest of [inputs.dataset_id, inputs.predictions_sha256, inputs.challenger_sha256, inputs.champion?.sha256])
      if (digest !== undefined) referred.add(digest);
  // of every model, also of specialists that the configuration names no more
  for await (const { tags } of everyVersion(house))
    for (const digest of [tags[VERSION_TAGS.digest], tags[VERSION_TAGS.dataset]]) if (digest !== undefined) referred.add(digest);
  const since = endedRunsDays === null ? Number.NEGATIVE_INFINITY : now - endedRunsDays * DAY_MS;
  for await (const run of everyRun(house))
    if (!isEnded(run) || (run.ended_at ?? now) >= since) for (const digest of digestsIn(run)) referred.add(digest);
  return referred;
}

/** Every digest that stands in a run's record, whatever the step calls it. */
const digestsIn = (run: Run): string[] => [...JSON.stringify(run).matchAll(/[0-9a-f]{64}/g)].map(([digest]) => digest);

async function* everyVerdict({ store }: House): AsyncGenerator<VerdictRecord> {
  for (let cursor: string | undefined; ; ) {
    const { items, next } = await store.listVerdicts({}, { limit: 1_000, cursor });
    yield* items;
    if (next === null) return;
    cursor = next;
  }
}

async function* everyRun({ store }: House): AsyncGenerator<Run> {
  for (let cursor: string | undefined; ; ) {
    const { items, next } = await store.listRuns({}, { limit: 1_000, cursor });
    yield* items;
    if (next === null) return;
    cursor = next;
  }
}

async function* everyVersion({ registry }: House): AsyncGenerator<ModelVersion> {
  for (let pageToken: string | undefined; ; ) {
    const { items, nextPageToken } = await registry.searchModelVersions({
      maxResults: 1_000,
      ...(pageToken === undefined ? {} : { pageToken }),
    });
    yield* items;
    if (nextPageToken === null) return;
    pageToken = nextPageToken;
  }
}

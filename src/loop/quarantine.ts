import type { QuarantineEntry } from "../core/audit.ts";
import { RequeenError } from "../core/errors.ts";
import type { Channel } from "../core/evidence.ts";
import { everyItem } from "./find-record.ts";
import type { House } from "./house.ts";
import { type ImportReport, replayQuarantine } from "./import-documents.ts";

const SHOWN_PROBLEMS = 10;

/** What waits, opinions first, since feedback may wait for them. */
export async function* waitingEntries(
  house: Pick<House, "store">,
  kind: QuarantineEntry["kind"] | undefined,
): AsyncGenerator<QuarantineEntry> {
  for (const one of kind === undefined ? (["opinion", "feedback"] as const) : [kind]) {
    // read whole before the first is replayed: replaying changes the list
    const entries: QuarantineEntry[] = [];
    for await (const entry of everyItem((page) => house.store.listQuarantine({ kind: one, state: "waiting" }, page)))
      entries.push(entry);
    yield* entries;
  }
}

/** @throws RequeenError not_found */
export async function* namedEntries(house: Pick<House, "store">, ids: readonly string[]): AsyncGenerator<QuarantineEntry> {
  for (const id of ids) {
    const entry = await house.store.getQuarantine(id);
    if (entry === null)
      throw new RequeenError("not_found", `the quarantine has no entry ${JSON.stringify(id)}`, { quarantine_id: id });
    yield entry;
  }
}

export interface ReplayOptions {
  readonly channel: Channel;
  readonly vouchedBy: string | null;
  readonly signal?: AbortSignal;
}

/** Tries the entries again, one after the other; what fails again goes on waiting. */
export async function replayAll(
  house: House,
  entries: AsyncIterable<QuarantineEntry>,
  { signal, ...options }: ReplayOptions,
): Promise<ImportReport> {
  const sum = { read: 0, added: 0, same: 0, superseded: 0, quarantined: 0, problems: [] as string[] };
  for await (const entry of entries) {
    signal?.throwIfAborted();
    const part = await replayQuarantine(house, [entry], { ...options, source: entry.source });
    // one entry a document: what failed again is this entry still, so it goes on waiting
    if (part.quarantined > 0) await house.store.setQuarantineState(entry.quarantine_id, "waiting");
    for (const key of ["read", "added", "same", "superseded", "quarantined"] as const) sum[key] += part[key];
    if (sum.problems.length < SHOWN_PROBLEMS) sum.problems.push(...part.problems);
  }
  return sum;
}

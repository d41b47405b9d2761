import { createHash } from "node:crypto";
import type { Run } from "../core/run.ts";
import type { Trial } from "../engine/index.ts";
import type { Store } from "../store/store.ts";
import type { FitAsk } from "../workers/protocol.ts";
import { readTrials, writeTrials } from "../workers/wire.ts";

type Settings = Pick<Store, "getSetting" | "putSetting">;

/** What the trials of a search hang on, whoever makes it. */
export type SearchOf = Pick<FitAsk, "modelType" | "params" | "search" | "trainRows" | "seed">;

/** The trials of a run's searches that are done: what a crash interrupts goes on behind them. */
export interface KeptTrials {
  /** Of a fit's search, those that an earlier attempt at the run left. */
  of(search: SearchOf): readonly Trial[];
  /** Keeps one more; it is in the store a quarter of a second later. */
  add(search: SearchOf, trial: Trial): void;
  /** Waits until all are in the store. @throws what the store threw */
  settle(): Promise<void>;
}

/** Setting of the store: trials of a run that trains, by search. */
const trialsKey = (runId: string): string => `run-trials/${runId}`;
/** Some megabytes; those that come after are made again after a crash. */
const MOST_KEPT = 5_000;
/** Between two writes, since each writes all of them. */
const WRITE_EVERY_MS = 250;

/** @param datasetId what the searches are over: the same rows have the same id. */
export async function openTrials(
  store: Settings,
  run: Pick<Run, "run_id">,
  datasetId: string,
): Promise<KeptTrials & AsyncDisposable> {
  const key = trialsKey(run.run_id);
  const stored = await store.getSetting(key);
  const before = new Map(Object.entries((stored ?? {}) as Record<string, unknown>).map(([id, list]) => [id, readTrials(list)]));
  const all = new Map([...before].map(([id, trials]) => [id, [...trials]]));
  let count = [...all.values()].reduce((sum, trials) => sum + trials.length, 0);
  let unwritten = false;
  let failed: unknown = null;
  let writing: Promise<void> = Promise.resolve();
  // a search adds a trial for each point of its grid
  const ids = new Map<SearchOf, string>();
  const idOf = (search: SearchOf): string => {
    const id = ids.get(search) ?? searchId(search, datasetId);
    ids.set(search, id);
    return id;
  };
  let timer: NodeJS.Timeout | null = null;

  function write(): void {
    timer = null;
    unwritten = false;
    const value = Object.fromEntries([...all].map(([id, trials]) => [id, writeTrials(trials)]));
    writing = writing
      .then(() => store.putSetting(key, value))
      .catch((error: unknown) => {
        failed = error;
      });
  }

  return {
    of: (search) => before.get(idOf(search)) ?? [],
    add(search, trial) {
      // JSON has no infinity: such a trial is made again
      if (count >= MOST_KEPT || ![trial.score, ...trial.turnScores].every(Number.isFinite)) return;
      const id = idOf(search);
      const trials = all.get(id) ?? [];
      all.set(id, [...trials, trial]);
      count += 1;
      unwritten = true;
      timer ??= setTimeout(write, count === 1 ? 0 : WRITE_EVERY_MS);
    },
    async settle() {
      if (timer !== null) clearTimeout(timer);
      if (unwritten) write();
      await writing;
      if (failed !== null) throw failed;
    },
    async [Symbol.asyncDispose]() {
      // what stopped the training is the error of the step; trials that were done before it are kept all the same
      if (timer !== null) clearTimeout(timer);
      if (unwritten) write();
      await writing;
    },
  };
}

/** For a run that has ended. */
export const forgetTrials = (store: Settings, run: Pick<Run, "run_id">): Promise<void> =>
  store.putSetting(trialsKey(run.run_id), null);

function searchId({ modelType, params, search, trainRows, seed }: SearchOf, datasetId: string): string {
  const rows = new Uint8Array(trainRows.buffer, trainRows.byteOffset, trainRows.byteLength);
  return createHash("sha256")
    .update(JSON.stringify([datasetId, modelType, params, search, seed]))
    .update(rows)
    .digest("hex")
    .slice(0, 32);
}

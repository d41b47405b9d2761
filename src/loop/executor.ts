import type { Run } from "../core/run.ts";
import type { Specialist } from "../core/specialist.ts";
import type { Trial } from "../engine/index.ts";
import type { Store } from "../store/store.ts";
import type { Pool } from "../workers/pool.ts";
import type { Answer, Task } from "../workers/wire.ts";

type Log = (event: string, details: Readonly<Record<string, unknown>>) => void;

/** What an executor is told of the tasks besides themselves. */
export interface TaskContext {
  readonly run: Run;
  readonly specialist: Specialist;
  /** Aborting stops the waiting; what runs elsewhere goes on and is adopted when the run resumes. */
  readonly signal: AbortSignal;
  /** Share of the task at `index` that is done, 0..1. */
  readonly onProgress: (index: number, share: number) => void;
  /** A trial of the search of the task at `index`, as soon as it is done; tasks that run elsewhere keep their answers themselves. */
  readonly onTrial: (index: number, trial: Trial) => void;
  /** Where the tasks stand elsewhere, in words, whenever that changes: `requeen status` tells it. */
  readonly onState: (words: string) => Promise<void>;
  readonly log: Log;
}

/** Where the trainings of a run happen: on the threads of this process, or elsewhere. */
export interface Executor {
  /** How many tasks go on at once, at most: more of them wait. */
  readonly width: number;
  /**
   * Gives one answer a task, in the order of the tasks. The same tasks of the same run may be asked for again after a crash.
   * @throws the error of a task; cancelled; and what the place of execution meets.
   */
  execute(tasks: readonly Task[], context: TaskContext): Promise<Answer[]>;
  /** Ends what still runs elsewhere for a run that was cancelled. */
  discard(run: Run, log: Log): Promise<void>;
}

/** On the threads of this process: the first task first. */
export const onThreads = (pool: () => Pool): Executor => ({
  get width() {
    return pool().threads;
  },
  async execute(tasks, { signal, onProgress, onTrial }) {
    const asked = tasks.map(({ job, ask }, index) =>
      pool().ask(job, ask, {
        signal,
        onProgress: (share) => onProgress(index, share),
        onTrial: (trial) => onTrial(index, trial),
      }),
    );
    // waits for the others before it throws, so that no job runs on behind a step that has ended
    const settled = await Promise.allSettled(asked);
    const failed = settled.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    return settled.map((result) => (result as PromiseFulfilledResult<Answer>).value);
  },
  discard: async () => undefined,
});

/** Setting of the store: where the tasks of a run stand that are executed elsewhere. */
const stateKey = (runId: string): string => `run-state/${runId}`;

export const writeTaskState = (
  { store }: { readonly store: Pick<Store, "putSetting"> },
  runId: string,
  words: string | null,
): Promise<void> => store.putSetting(stateKey(runId), words);

/** Null for a run that trains on threads, or does not train now. */
export async function readTaskState(
  { store }: { readonly store: Pick<Store, "getSetting"> },
  runId: string,
): Promise<string | null> {
  const stored = await store.getSetting(stateKey(runId));
  return typeof stored === "string" ? stored : null;
}

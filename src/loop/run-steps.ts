import { isRequeenError, RequeenError } from "../core/errors.ts";
import type { Policy } from "../core/policy.ts";
import { RUN_STEPS, type Run, type RunStep, type StepRecord } from "../core/run.ts";
import type { Specialist } from "../core/specialist.ts";
import { type House, specialistOf } from "./house.ts";
import { forgetTrials } from "./kept-trials.ts";
import { underLease } from "./lease.ts";

/** What a step is given. `run` is the record as the steps before left it. */
export interface StepContext {
  readonly run: Run;
  readonly specialist: Specialist;
  readonly policy: Policy;
  readonly signal: AbortSignal;
  /** Share of this step that is done, 0..1. */
  readonly progress: (share: number) => void;
}

/** What a step leaves: its own result for the steps after it, and changes of the run's record. */
export interface StepOutcome {
  readonly result: Record<string, unknown>;
  readonly changes?: Partial<
    Pick<Run, "dataset_id" | "verdict_id" | "challenger_version" | "champion_version" | "promoted" | "mlflow">
  >;
}

/** A step may be done again after a crash, with the same effect as once. */
export type Step = (house: House, context: StepContext) => Promise<StepOutcome>;
export type Steps = Readonly<Record<RunStep, Step>>;

export interface RunEvent {
  readonly run: Run;
  readonly step: RunStep;
  readonly phase: "started" | "progress" | "done";
  readonly share: number;
}

export interface DriveOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called at every boundary, after the record is on disk. */
  readonly onEvent?: (event: RunEvent) => void;
}

/** Failures that a later try may overcome: the run stays `running`, without a lease, and can be resumed. */
const RESUMABLE = new Set([
  "registry_unavailable",
  "store_unavailable",
  "worker_lost",
  "disk_full",
  "cancelled",
  "lease_lost",
  "unauthenticated",
  "forbidden",
  "cluster_unavailable",
  "image_unavailable",
  "no_capacity",
  "job_lost",
  "paused",
]);
/** The evidence does not allow it: not a failure of the machine. */
const REFUSALS = new Set(["evidence_refused", "not_enough_evidence", "conflict", "tombstoned"]);

/**
 * Drives a run to its end from wherever it stands. Each step is recorded before it begins and after it ends, the end of one and the begin of
 * the next in one write; a step that had begun is done again. One process at a time, by the lease `run:<specialist>`; every write carries its fencing token, so that a process that lost the
 * lease can change nothing any more.
 * @returns the run, ended.
 * @throws RequeenError run_not_found; the step's own error, when the run stays resumable; lease_lost, cancelled.
 */
export async function driveRun(house: House, steps: Steps, runId: string, options: DriveOptions = {}): Promise<Run> {
  const found = await house.store.getRun(runId);
  if (found === null) throw new RequeenError("run_not_found", `there is no run ${JSON.stringify(runId)}`, { run_id: runId });
  if (found.state !== "running") return found;
  const specialist = specialistOf(house, found.specialist);
  return underLease(house, leaseOfRun(found), options.signal, async ({ fence, signal: held }) => {
    using cancelling = watchCancel(house, runId);
    const signal = AbortSignal.any([held, cancelling.signal]);
    // read again under the lease: the process before us may have gone further
    const current = (await house.store.getRun(runId)) ?? found;
    if (current.state !== "running") return current;
    let run: Run = { ...current, fence, error: null };
    const write = async (changes: Partial<Run>): Promise<Run> => {
      run = { ...run, ...changes, updated_at: house.now() };
      await house.store.putRun(run);
      return run;
    };
    try {
      const left = RUN_STEPS.filter((step) => !run.steps.some((record) => record.step === step && record.ended_at !== null));
      if (left.length === 0) await write({ state: "finished", ended_at: house.now() });
      let isBegun = false;
      for (const [index, step] of left.entries()) {
        signal.throwIfAborted();
        if (!isBegun) await write({ steps: begin(run.steps, step, house.now()) });
        options.onEvent?.({ run, step, phase: "started", share: 0 });
        const policy = run.policy as Policy;
        const progress = (share: number) => options.onEvent?.({ run, step, phase: "progress", share });
        const { result, changes } = await steps[step](house, { run, specialist, policy, signal, progress });
        // one write for each boundary: a wait for the disk costs more than most steps do
        const next = left[index + 1];
        const now = house.now();
        const ended = { ...changes, steps: end(run.steps, step, result, now) };
        isBegun = next !== undefined && !signal.aborted;
        if (next === undefined) await write({ ...ended, state: "finished", ended_at: now });
        else await write(isBegun ? { ...ended, steps: begin(ended.steps, next, now) } : ended);
        options.onEvent?.({ run, step, phase: "done", share: 1 });
        house.log("run.step", { run_id: run.run_id, specialist: run.specialist, step, result });
      }
    } catch (thrown) {
      const stopped = [thrown, signal.reason].find((reason) => reason instanceof RunStopped);
      if (stopped !== undefined) {
        const error = { code: "cancelled", message: stopped.message, details: {} };
        await write({ error, state: "cancelled", ended_at: house.now() });
        await house.executor?.discard(run, house.log);
        return await close(house, run);
      }
      const error = asRunError(thrown, signal);
      house.log("run.error", { run_id: run.run_id, specialist: run.specialist, code: error.code, message: error.message });
      if (error.code === "lease_lost") throw error;
      const record = { code: error.code, message: error.message, details: { ...error.details } };
      if (RESUMABLE.has(error.code)) {
        await write({ error: record });
        throw error;
      }
      await write({ error: record, state: REFUSALS.has(error.code) ? "refused" : "failed", ended_at: house.now() });
    }
    return close(house, run);
  });
}

/** Setting of the store: who asks the process that drives a run to end it for good. */
const cancelKey = (runId: string): string => `cancel/${runId}`;
const CANCEL_LOOK_MS = 2_000;

/** Asks the process that drives the run, which looks every other second. */
export const askToCancel = (house: Pick<House, "store">, runId: string, by: string): Promise<void> =>
  house.store.putSetting(cancelKey(runId), by);

/** Aborts with RunStopped when somebody asks. */
function watchCancel(house: House, runId: string): { readonly signal: AbortSignal } & Disposable {
  const asked = new AbortController();
  const look = async (): Promise<void> => {
    try {
      const by = await house.store.getSetting(cancelKey(runId));
      if (typeof by === "string") asked.abort(new RunStopped(by));
    } catch (error) {
      // the store is away: the run itself meets that, and says it
      house.log("run.cancel_unknown", { run_id: runId, message: error instanceof Error ? error.message : String(error) });
    }
  };
  const timer = setInterval(() => void look(), CANCEL_LOOK_MS);
  timer.unref();
  return { signal: asked.signal, [Symbol.dispose]: () => clearInterval(timer) };
}

/** A person ends a run for good: thrown by a step, it makes the run `cancelled`. */
export class RunStopped extends Error {
  constructor(by: string) {
    super(`cancelled by ${by}`);
  }
}

async function close(house: House, run: Run): Promise<Run> {
  if (run.options.hyperparameter_tuning) await forgetTrials(house.store, run);
  const details = { run_id: run.run_id, verdict_id: run.verdict_id, promoted: run.promoted, error: run.error?.code ?? null };
  await house.store.appendAudit([
    { at: house.now(), actor: run.trigger.by, action: `run.${run.state}`, subject: run.specialist, details },
  ]);
  return run;
}

export const leaseOfRun = (run: Pick<Run, "specialist">): string => `run:${run.specialist}`;

/** The step at which a run stands: the one begun and not ended, else the next; null when all are done. */
export function currentStep(run: Run): RunStep | null {
  return RUN_STEPS.find((step) => !run.steps.some((record) => record.step === step && record.ended_at !== null)) ?? null;
}

function begin(records: readonly StepRecord[], step: RunStep, now: number): StepRecord[] {
  const before = records.find((record) => record.step === step);
  const record: StepRecord = { step, started_at: now, ended_at: null, attempts: (before?.attempts ?? 0) + 1, result: null };
  return [...records.filter((other) => other.step !== step), record];
}

const end = (records: readonly StepRecord[], step: RunStep, result: Record<string, unknown>, now: number): StepRecord[] =>
  records.map((record) => (record.step === step ? { ...record, ended_at: now, result } : record));

function asRunError(thrown: unknown, signal: AbortSignal): RequeenError {
  if (isRequeenError(signal.reason, "lease_lost")) return signal.reason;
  if (isRequeenError(thrown)) return thrown;
  if (signal.aborted)
    return new RequeenError(
      "cancelled",
      "the run was interrupted; it stands where it was and can be resumed",
      {},
      { cause: thrown },
    );
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return new RequeenError("internal", error.message, { stack: error.stack ?? "" }, { cause: error });
}

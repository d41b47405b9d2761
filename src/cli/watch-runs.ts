import { ERRORS, type RequeenError } from "../core/errors.ts";
import { RUN_STEPS, type Run, type RunStep } from "../core/run.ts";
import { championVersion } from "../loop/champion.ts";
import { type House, specialistOf } from "../loop/house.ts";
import { refusedRun, type ShownRun, showRun } from "../loop/present.ts";
import type { DriveOptions, RunEvent } from "../loop/run-steps.ts";
import type { CommandContext } from "./command.ts";
import type { ProgressLine } from "./progress.ts";
import { shortId } from "./render/figures.ts";
import { toRequeenError } from "./render/problem.ts";

/** One specialist's turn: begins or goes on with a run and drives it to its end. */
export interface Turn {
  readonly specialist: string;
  /** The run to go on with; absent for a new one. */
  readonly runId?: string;
  drive(options: DriveOptions): Promise<Run>;
}

const STEP_WORDS: Readonly<Record<RunStep, string>> = {
  collect: "collecting labels",
  check: "checking labels",
  train: "training",
  decide: "deciding",
  register: "registering",
  promote: "promoting",
  rollout: "rolling out",
};

/** What the steps take of a run's time, about; together 1. */
const STEP_PARTS: Readonly<Record<RunStep, number>> = {
  collect: 0.12,
  check: 0.01,
  train: 0.7,
  decide: 0.06,
  register: 0.07,
  promote: 0.02,
  rollout: 0.02,
};

/** A run's event on its line: the step in words, and a bar over the whole run that never goes back. */
export function showStep(line: ProgressLine, { step, phase, share }: Pick<RunEvent, "step" | "phase" | "share">): void {
  if (phase === "started") line.step(STEP_WORDS[step]);
  const before = RUN_STEPS.slice(0, RUN_STEPS.indexOf(step)).reduce((sum, earlier) => sum + STEP_PARTS[earlier], 0);
  line.share(before + STEP_PARTS[step] * share);
}

/**
 * Drives several runs side by side, one progress line each. A specialist that is refused or fails does not stop the others: every turn ends
 * as a shown run, with its error where it has one.
 */
export async function watchRuns(
  house: House,
  { progress, signal }: Pick<CommandContext, "progress" | "signal">,
  turns: readonly Turn[],
): Promise<ShownRun[]> {
  const ended = turns.map(async ({ specialist, runId, drive }): Promise<ShownRun> => {
    const line = progress.begin(specialist);
    let last = runId ?? null;
    const onEvent = (event: RunEvent): void => {
      last = event.run.run_id;
      showStep(line, event);
    };
    const [outcome] = await Promise.allSettled([drive({ signal, onEvent })]);
    const shown =
      outcome.status === "fulfilled"
        ? await withVerdict(house, outcome.value)
        : await interrupted(house, specialist, last, toRequeenError(outcome.reason));
    line.end(outcomeLine(shown));
    return shown;
  });
  return Promise.all(ended);
}

const withVerdict = async (house: House, run: Run): Promise<ShownRun> =>
  showRun(run, run.verdict_id === null ? null : await house.store.getVerdict(run.verdict_id));

/** A run that threw stays as its record says, resumable; a run that never began is refused. */
async function interrupted(house: House, specialist: string, runId: string | null, error: RequeenError): Promise<ShownRun> {
  const failure = { code: error.code, message: error.message, details: { ...error.details } };
  const stored = runId === null ? null : await house.store.getRun(runId);
  if (stored !== null) return { ...(await withVerdict(house, stored)), error: failure };
  return refusedRun(
    specialist,
    await championNow(house, specialist),
    failure,
    ERRORS[error.code].exit === ERRORS.evidence_refused.exit,
  );
}

/** The version in production; null when there is none, or when it is the registry itself that failed. */
async function championNow(house: House, specialist: string): Promise<string | null> {
  const [found] = await Promise.allSettled([championVersion(house, specialistOf(house, specialist))]);
  return found.status === "fulfilled" ? (found.value?.version ?? null) : null;
}

/** What became of a run, in one line. */
export function outcomeLine(run: ShownRun): string {
  if (run.state === "running")
    return `stopped (${run.error?.code ?? "interrupted"}); \`requeen runs resume ${shortId(run.run_id)}\` goes on`;
  if (run.verdict === null || run.state !== "finished") return `${run.state}: ${run.error?.code ?? "no verdict"}`;
  const { decision } = run.verdict;
  if (run.promoted) return `promote: version ${run.challenger_version} is in production`;
  return `${decision}: ${run.champion_version === null ? "no champion yet" : `version ${run.champion_version} stays`}`;
}

/**
 * 0 when every run ended with a verdict; 9 when any was refused for its evidence; else the code of the first error.
 */
export function exitCodeOf(runs: readonly ShownRun[]): number {
  const codes = runs.flatMap(({ error }) => (error === null ? [] : [exitOf(error.code)]));
  return codes.includes(ERRORS.evidence_refused.exit) ? ERRORS.evidence_refused.exit : (codes[0] ?? 0);
}

const exitOf = (code: string): number => (isErrorCode(code) ? ERRORS[code].exit : ERRORS.internal.exit);
const isErrorCode = (code: string): code is keyof typeof ERRORS => Object.hasOwn(ERRORS, code);

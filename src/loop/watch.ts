import { isRequeenError } from "../core/errors.ts";
import type { Run } from "../core/run.ts";
import { checkDrift, type DriftQuestion, readDrift } from "./drift.ts";
import { examineIntake } from "./forensics.ts";
import type { House } from "./house.ts";
import { isHeld } from "./lease.ts";
import { readPause } from "./pause.ts";
import { settleDeployments } from "./promote.ts";
import { type RetrainRequest, resumeRun, startRun } from "./retrain.ts";
import { settleRollouts } from "./rollout.ts";
import { type DriveOptions, leaseOfRun } from "./run-steps.ts";
import { viewTrigger } from "./trigger.ts";

/** What one look around did. */
export interface WatchReport {
  readonly settled: number;
  readonly runs: readonly Run[];
}

/** What the configuration says of training, for the runs that start by themselves. */
export type TrainingChoice = Partial<Omit<RetrainRequest, "specialist" | "by" | "reason">>;

/**
 * One look around, as `requeen serve` takes it again and again: finishes changes of production that a crash left, goes on with runs that
 * nobody drives, looks at the labels that came in, and starts what is READY; while paused, runs wait. A failure of one specialist is logged and does not hold up the others.
 */
export async function watchOnce(house: House, options: DriveOptions = {}, training: TrainingChoice = {}): Promise<WatchReport> {
  const settled = await guarded(house, "deployments", async () => (await settleDeployments(house)).length);
  const signal = options.signal ?? new AbortController().signal;
  const rollouts = guarded(house, "rollouts", () => settleRollouts(house, signal, house.actor));
  // what cannot be read may be paused
  const standing =
    (await guarded(house, "pause", async () => ((await readPause(house)) === null ? house.specialists : []))) ?? [];
  const runs = await Promise.all(
    standing.map((specialist) => guarded(house, specialist.name, () => advance(house, specialist.name, options, training))),
  );
  await rollouts;
  return { settled: settled ?? 0, runs: runs.filter((run): run is Run => run !== null && run !== undefined) };
}

async function advance(house: House, name: string, options: DriveOptions, training: TrainingChoice): Promise<Run | null> {
  const specialist = house.specialists.find((one) => one.name === name);
  if (specialist === undefined) return null;
  await examineIntake(house, specialist, false);
  const view = await viewTrigger(house, specialist);
  if (view.activeRun !== null)
    return (await isHeld(house, leaseOfRun(view.activeRun))) ? null : resumeRun(house, view.activeRun.run_id, options);
  if (view.decision.state !== "READY") return null;
  const run = await startRun(house, { ...training, specialist: name, by: house.actor, reason: view.decision.cause });
  return resumeRun(house, run.run_id, options);
}

/**
 * Looks for drift of every specialist whose last look, by whomever, is as old as that. What it finds is stored, shows in the metrics, and asks
 * for a run where the policy says `on_drift`. @param everyMs greater than 0 @returns whom it looked at
 */
export async function watchDrift(house: House, everyMs: number, question: DriftQuestion): Promise<string[]> {
  const looked: string[] = [];
  // one after another: each reads thousands of opinions, and requests are answered beside it
  for (const { name } of house.specialists)
    await guarded(house, `drift:${name}`, async () => {
      const last = await readDrift(house, name);
      if (last !== null && house.now() - last.checked_at < everyMs) return;
      await checkDrift(house, name, question);
      looked.push(name);
    });
  return looked;
}

async function guarded<T>(house: House, subject: string, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    house.log("watch.error", {
      subject,
      code: isRequeenError(error) ? error.code : "internal",
      message: error instanceof Error ? error.message : String(error),
    });
    return null;
  }
}

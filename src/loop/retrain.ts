import { setTimeout as pause } from "node:timers/promises";
import { isRequeenError, RequeenError } from "../core/errors.ts";
import { isEnded, type Run, type RunOptions, stepResult, type Trigger } from "../core/run.ts";
import type { QualityReport } from "../decide/index.ts";
import { collectStep } from "./collect-step.ts";
import { decideStep } from "./decide-step.ts";
import { fallbackChance, firstChampionReason, trainsOn } from "./first-from-synthetic.ts";
import { type House, specialistOf } from "./house.ts";
import { isHeld } from "./lease.ts";
import { refuseWhilePaused } from "./pause.ts";
import { promote } from "./promote.ts";
import { registerStep } from "./register.ts";
import { rollOut } from "./rollout.ts";
import { FOLLOWING } from "./rollout-strategy.ts";
import { askToCancel, type DriveOptions, driveRun, leaseOfRun, RunStopped, type Step, type Steps } from "./run-steps.ts";
import { trainStep } from "./train-step.ts";
import { viewTrigger } from "./trigger.ts";

/** What a caller may choose; the rest is the specialist's configuration. */
export interface RetrainRequest {
  readonly specialist: string;
  readonly by: string;
  readonly reason: Trigger["reason"];
  readonly modelType?: string | undefined;
  readonly hyperparameterTuning?: boolean | undefined;
  readonly promoteIfBetter?: boolean | undefined;
  readonly seed?: number | undefined;
  readonly windowDays?: number | null | undefined;
  readonly feedbackCount?: number | null | undefined;
  readonly minFeedbackQuality?: number | null | undefined;
  readonly allowSynthetic?: boolean | undefined;
  readonly force?: boolean | undefined;
}

const DEFAULT_SEED = 42;

/**
 * Begins a run if the trigger rule allows it, or a person asks (then threshold and cool-down do not hold, the checks on labels do).
 * @throws RequeenError not_enough_evidence, evidence_refused (the last run was refused for its labels and nothing new has come),
 * run_active, conflict, paused.
 */
export async function startRun(house: House, request: RetrainRequest): Promise<Run> {
  const specialist = specialistOf(house, request.specialist);
  await refuseWhilePaused(house, `a run of ${specialist.name}`);
  const person = request.reason === "person" ? request.by : null;
  const signal = request.reason === "drift" || request.reason === "schedule" ? request.reason : null;
  const view = await viewTrigger(house, specialist, person, signal);
  const { decision, evidenceKey } = view;
  const chance = await fallbackChance(house, specialist, view, {
    byPerson: person !== null,
    allowSynthetic: request.allowSynthetic ?? false,
  });
  if (decision.state !== "READY" && !chance.allowed) {
    const why = decision.reasons.map((reason) => reason.sentence).join(" ");
    if (decision.state === "RUNNING")
      throw new RequeenError("run_active", `${specialist.name}: ${view.activeRun?.run_id ?? ""} is not ended. ${why}`);
    const code =
      decision.state === "BLOCKED" && view.lastRun?.error?.code === "evidence_refused"
        ? "evidence_refused"
        : "not_enough_evidence";
    throw new RequeenError(code, `${specialist.name}: ${why}${chance.hint}`, {
      state: decision.state,
      reasons: decision.reasons,
    });
  }
  const options: RunOptions = {
    model_type: request.modelType ?? specialist.model_types[0] ?? "random_forest",
    hyperparameter_tuning: request.hyperparameterTuning ?? false,
    promote_if_better: request.promoteIfBetter ?? true,
    seed: request.seed ?? DEFAULT_SEED,
    window_days: request.windowDays ?? null,
    feedback_count: request.feedbackCount ?? null,
    min_feedback_quality: request.minFeedbackQuality ?? null,
    allow_synthetic: request.allowSynthetic ?? false,
    force: request.force ?? false,
  };
  const run: Run = {
    run_id: house.newId("run-"),
    specialist: specialist.name,
    // a person may look at the same evidence again, for example with another model type
    trigger: {
      reason: request.reason,
      by: request.by,
      evidence_key: person === null ? evidenceKey : `${evidenceKey}/${house.newId("")}`,
    },
    options,
    policy: { ...house.policyOf(specialist) },
    state: "running",
    steps: [],
    dataset_id: null,
    verdict_id: null,
    challenger_version: null,
    champion_version: null,
    promoted: false,
    mlflow: null,
    error: null,
    fence: 0,
    started_at: house.now(),
    updated_at: house.now(),
    ended_at: null,
  };
  await house.store.addRun(run);
  return run;
}

/** Begins a run and drives it to its end. @throws as startRun and driveRun */
export async function retrain(house: House, request: RetrainRequest, options: DriveOptions = {}): Promise<Run> {
  const run = await startRun(house, request);
  return driveRun(house, STEPS, run.run_id, options);
}

/** Goes on with a run that a crash, an interruption or an absent server left. @throws as driveRun */
export const resumeRun = (house: House, runId: string, options: DriveOptions = {}): Promise<Run> =>
  driveRun(house, STEPS, runId, options);

/** How long the process that drives a run may take to end it, and how often we look, milliseconds. */
const CANCEL_WITHIN_MS = 30_000;
const CANCEL_LOOK_MS = 250;

/**
 * Ends a run for good, also one that another process drives; what it registered stays, nothing is promoted, its Job is deleted.
 * @throws RequeenError run_not_found; conflict when it has ended, or its process does not answer
 */
export async function cancelRun(house: House, runId: string, by: string): Promise<Run> {
  const found = await house.store.getRun(runId);
  if (found === null) throw new RequeenError("run_not_found", `there is no run ${JSON.stringify(runId)}`, { run_id: runId });
  if (isEnded(found))
    throw new RequeenError("conflict", `run ${runId} has ended already: ${found.state}`, { state: found.state });
  const lease = leaseOfRun(found);
  if (await isHeld(house, lease)) return askAndWait(house, found, by);
  const stop = Object.fromEntries(Object.keys(STEPS).map((step) => [step, stopStep(by)])) as unknown as Steps;
  try {
    return await driveRun(house, stop, runId);
  } catch (error) {
    // somebody began to drive it in between
    if (!isRequeenError(error, "conflict") || error.details.lease !== lease) throw error;
    return askAndWait(house, found, by);
  }
}

async function askAndWait(house: House, { run_id, specialist }: Run, by: string): Promise<Run> {
  await askToCancel(house, run_id, by);
  for (let waitedMs = 0; waitedMs < CANCEL_WITHIN_MS; waitedMs += CANCEL_LOOK_MS) {
    const run = await house.store.getRun(run_id);
    if (run !== null && isEnded(run)) return run;
    await pause(CANCEL_LOOK_MS);
  }
  const holder = (await house.store.getLease(leaseOfRun({ specialist })))?.owner ?? "nobody";
  throw new RequeenError(
    "conflict",
    `run ${run_id} was asked to end, and ${holder}, which drives it, has not answered; whoever drives it next ends it`,
    { run_id, holder },
  );
}

const stopStep =
  (by: string): Step =>
  async () => {
    throw new RunStopped(by);
  };

interface CollectResult {
  readonly missing: { readonly training: number; readonly gate: number };
  readonly trainable: boolean;
  readonly human_rows: number;
  readonly fallen: number;
  readonly findings: string[];
  /** Opinions left out for labels that are not a person's, by reason. */
  readonly machine: Record<string, number>;
}

/** Refuses what cannot give a verdict, before any training. */
const checkStep: Step = async (house, { run, specialist, policy }) => {
  const collected = stepResult(run, "collect") as CollectResult | null;
  if (collected === null) throw new Error(`run ${run.run_id} checks before it collected`);
  const { missing, trainable, fallen, findings, human_rows, machine } = collected;
  if (trainsOn(run) === "synthetic")
    return { result: { human_rows, warnings: ["generated rows alone train this model; no label of a person judges it"] } };
  const enough = missing.training === 0 && missing.gate === 0 && trainable;
  const machineMade = Object.entries(machine).map(([reason, rows]) => `${rows} opinions: ${reason}.`);
  if (!enough && (fallen > 0 || machineMade.length > 0)) {
    const message = [...findings, ...machineMade, `Labels of people that are left: ${human_rows}.`].join(" ");
    throw new RequeenError("evidence_refused", `${specialist.name}: ${message}`, { findings, machine, fallen, human_rows });
  }
  if (!enough) {
    const { min_gate_rows, min_training_rows } = policy.evidence;
    const wants = [
      missing.gate > 0 ? `${missing.gate} more that the champion has not seen, to judge (${min_gate_rows} at least)` : "",
      missing.training > 0 ? `${missing.training} more to train on (${min_training_rows} at least)` : "",
      trainable ? "" : "labels of at least two classes in every part",
    ].filter((want) => want !== "");
    throw new RequeenError(
      "not_enough_evidence",
      `${specialist.name}: ${human_rows} human labels are there; needed are ${wants.join("; ")}.`,
      { missing, human_rows },
    );
  }
  const dataset = run.dataset_id === null ? null : await house.store.getDataset(run.dataset_id);
  const quality = dataset?.quality as unknown as QualityReport | null | undefined;
  const failed = quality?.checks.filter((check) => !check.passed) ?? [];
  const blocking = failed.filter((check) => check.effect === "block");
  if (blocking.length > 0)
    throw new RequeenError("evidence_refused", `${specialist.name}: ${blocking.map((check) => check.sentence).join(" ")}`, {
      checks: blocking,
    });
  const { feedback_count } = run.options;
  const warnings =
    feedback_count !== null && feedback_count !== human_rows
      ? [`the caller counted ${feedback_count} feedbacks; ${human_rows} human labels are usable`]
      : [];
  if (run.options.min_feedback_quality !== null)
    warnings.push("min_feedback_quality filters nothing: a low rating is a negative, not noise");
  return { result: { human_rows, warnings: [...warnings, ...failed.map((check) => check.sentence)] } };
};

/** Promotes what the verdict promotes, if the run may. */
const promoteStep: Step = async (house, { run }) => {
  const verdict = run.verdict_id === null ? null : await house.store.getVerdict(run.verdict_id);
  if (verdict === null || run.challenger_version === null) throw new Error(`run ${run.run_id} promotes before it registered`);
  const keep = (reason: string) => ({ result: { promoted: false, reason } });
  const rows = run.dataset_id === null ? 0 : ((await house.store.getDataset(run.dataset_id))?.rows ?? 0);
  const isFirst = trainsOn(run) === "synthetic" && run.champion_version === null;
  if (verdict.decision !== "promote" && !isFirst) return keep(`verdict ${verdict.decision}`);
  if (!run.options.promote_if_better) return keep("promote_if_better is off");
  if (isFirst && verdict.verdict.policy.requires_approval)
    return keep("the policy asks for a person's approval: `requeen promote --force` puts it into production all the same");
  if (verdict.verdict.requires_approval) return keep("the policy asks for a person's approval: `requeen verdict approve`");
  const deployment = await promote(house, {
    specialist: run.specialist,
    version: run.challenger_version,
    by: run.trigger.by,
    reason: isFirst ? firstChampionReason(rows) : verdict.verdict.headline,
    force: false,
    asFirst: isFirst,
    runId: run.run_id,
    verdictId: verdict.verdict_id,
    datasetId: run.dataset_id,
    expectedChampion: run.champion_version,
  });
  if (run.mlflow !== null) await house.registry.setRunTag(run.mlflow.run_id, "promoted", "true");
  const result = { promoted: true, deployment_id: deployment.deployment_id, reason: deployment.reason };
  return { result, changes: { promoted: true } };
};

/** Carries a promotion to the pods that judge; one that does not get there is taken back, and the run has promoted nothing. */
const rolloutStep: Step = async (house, { run, signal }) => {
  const { strategy } = house.rollout ?? FOLLOWING;
  if (!run.promoted) return { result: { strategy, changed: false } };
  const record = await rollOut(house, run.specialist, { signal, by: run.trigger.by });
  const result = { strategy, changed: true, state: record?.state ?? "none", error: record?.error ?? null };
  if (record?.state !== "rolled_back") return { result };
  if (run.mlflow !== null) await house.registry.setRunTag(run.mlflow.run_id, "promoted", "false");
  return { result, changes: { promoted: false } };
};

export const STEPS: Steps = {
  collect: collectStep,
  check: checkStep,
  train: trainStep,
  decide: decideStep,
  register: registerStep,
  promote: promoteStep,
  rollout: rolloutStep,
};

import { lastDueMs, parseCron } from "../core/cron.ts";
import type { Policy } from "../core/policy.ts";
import { isEnded, type Run } from "../core/run.ts";
import type { Specialist } from "../core/specialist.ts";
import { decideTrigger, type TriggerDecision, type TriggerState } from "../decide/triggers.ts";
import { VERSION_TAGS } from "../registry/names.ts";
import type { LabelCounts } from "../store/store.ts";
import { championVersion } from "./champion.ts";
import { readTaskState } from "./executor.ts";
import type { House } from "./house.ts";
import { isHeld } from "./lease.ts";
import { currentStep, leaseOfRun } from "./run-steps.ts";

/** What the trigger rule saw of one specialist, and what it says. */
export interface TriggerView {
  readonly decision: TriggerDecision;
  readonly counts: LabelCounts;
  /** What the distinct new human labels that may judge, since the last verdict's cut-off, are worth: their effective number, rounded down. */
  readonly newLabels: number;
  /** Rows that could judge a challenger now: also those that an earlier verdict has seen. */
  readonly gateRows: number;
  readonly evidenceKey: string;
  readonly activeRun: Run | null;
  /** The last run that ended, whatever its end. */
  readonly lastRun: Run | null;
}

/** Names the evidence of one moment: one set never triggers twice. */
export const evidenceKeyOf = (specialist: string, lastSequence: number): string => `${specialist}@${lastSequence}`;

const RUNS_LOOKED_AT = 200;

/** Why somebody else asks: a drift detector raised its signal, or a schedule says that it is time. Both skip the threshold alone. */
export type TriggerSignal = "drift" | "schedule" | null;

/** Reads what the rule needs, in a handful of queries, and asks it. `requestedBy` names a person who wants a run now. */
export async function viewTrigger(
  house: House,
  specialist: Specialist,
  requestedBy: string | null = null,
  signal: TriggerSignal = null,
): Promise<TriggerView> {
  const policy = house.policyOf(specialist);
  const { items: runs } = await house.store.listRuns({ specialist: specialist.name }, { limit: RUNS_LOOKED_AT });
  const afterSequence = await lastCutoff(house, runs);
  const counts = await house.store.countLabels(specialist.name, {
    afterSequence,
    gateTiers: policy.gate_tiers,
    featureSchema: specialist.features.schema,
    weigh: true,
  });
  const newLabels = Math.floor(counts.new_gate_effective + 1e-9);
  const activeRun = runs.find((run) => !isEnded(run)) ?? null;
  const ended = runs.filter(isEnded);
  const lastVerdict = ended.find((run) => run.verdict_id !== null);
  const decided = lastVerdict?.verdict_id == null ? null : await house.store.getVerdict(lastVerdict.verdict_id);
  const evidenceKey = evidenceKeyOf(specialist.name, counts.last_sequence);
  const rows = await countRows(house, specialist, policy, afterSequence, counts);
  const state: TriggerState = {
    newLabels,
    newJudgements: counts.new_gate,
    gateRows: rows.gateRows,
    trainingRows: rows.trainingRows,
    evidenceKey,
    usedEvidenceKeys: new Set(
      ended.flatMap(({ state: end, trigger }) =>
        end !== "failed" && trigger.evidence_key !== null ? [trigger.evidence_key] : [],
      ),
    ),
    runActive: activeRun !== null,
    lastRunStartedMs: ended.find((run) => run.state === "finished")?.started_at ?? null,
    // a first champion of generated rows is promoted without a verdict of people
    lastDecision: lastVerdict?.promoted === true ? "promote" : (decided?.decision ?? null),
    ...failuresOf(ended),
    blockedBy: blockedBy(ended[0], evidenceKey),
    requestedBy,
    driftSignal:
      signal === "drift" || (policy.trigger.on_drift === true && (await driftFound(house, specialist, rows.champion, ended[0]))),
    scheduleDue: signal === "schedule" || scheduleDue(policy, ended[0], counts, house.now()),
  };
  return {
    decision: decideTrigger(state, policy, house.now()),
    counts,
    newLabels,
    gateRows: rows.gateRows,
    evidenceKey,
    activeRun,
    lastRun: ended[0] ?? null,
  };
}

/**
 * How many rows could judge a challenger now, and how many a fold's challenger could train on: the labels since the champion's snapshot judge,
 * also those that an earlier verdict has seen; all train, but for the fold that is held out.
 */
async function countRows(
  house: House,
  specialist: Specialist,
  policy: Policy,
  afterSequence: number,
  counts: LabelCounts,
): Promise<{ gateRows: number; trainingRows: number; champion: string | null }> {
  const champion = await championVersion(house, specialist);
  const datasetId = champion?.tags[VERSION_TAGS.dataset];
  const dataset = datasetId === undefined ? null : await house.store.getDataset(datasetId);
  const countAfter = async (sequence: number): Promise<number> => {
    if (sequence === afterSequence) return counts.new_gate;
    const options = { afterSequence: sequence, gateTiers: policy.gate_tiers, featureSchema: specialist.features.schema };
    return (await house.store.countLabels(specialist.name, options)).new_gate;
  };
  // a champion made elsewhere: what it saw is not known, so only labels that are new since the last verdict are sure
  const gateRows = champion !== null && dataset === null ? counts.new_gate : await countAfter(dataset?.cutoff_sequence ?? 0);
  const all = await countAfter(0);
  const { folds } = policy.evidence;
  const trainingRows = all - gateRows + Math.floor((gateRows * (folds - 1)) / folds);
  return { gateRows, trainingRows, champion: champion?.version ?? null };
}

/** The last look for drift found some in what this champion judges, and no run has begun since. */
async function driftFound(
  house: House,
  specialist: Specialist,
  champion: string | null,
  last: Run | undefined,
): Promise<boolean> {
  const { readDrift } = await import("./drift.ts");
  const report = await readDrift(house, specialist.name);
  if (report === null || report.state !== "drift" || report.champion_version !== champion) return false;
  return report.checked_at > (last?.started_at ?? Number.NEGATIVE_INFINITY);
}

/** The policy's schedule was due since the last run began, or since the first label where there was none: once a time, however late. */
function scheduleDue({ trigger }: Policy, last: Run | undefined, counts: LabelCounts, nowMs: number): boolean {
  const cron = trigger.schedule == null ? null : parseCron(trigger.schedule);
  const due = cron === null ? null : lastDueMs(cron, nowMs);
  const since = last?.started_at ?? counts.first_submitted_at;
  return due !== null && since !== null && due > since;
}

/** A run in plain words: who drives it, or that nobody does and how to go on. */
export async function describeActiveRun(house: House, run: Run): Promise<string> {
  const step = currentStep(run) ?? "its end";
  if (await isHeld(house, leaseOfRun(run))) {
    const elsewhere = step === "train" ? await readTaskState(house, run.run_id) : null;
    return `${run.run_id} at ${step}${elsewhere === null ? "" : `: ${elsewhere}`}`;
  }
  const why = run.error === null ? "its process ended" : run.error.message;
  return `${run.run_id} stopped at ${step} (${why}); \`requeen runs resume ${run.run_id}\` goes on`;
}

/** The newest evidence that a verdict considered. */
async function lastCutoff(house: House, runs: readonly Run[]): Promise<number> {
  const last = runs.find((run) => run.state === "finished" && run.dataset_id !== null);
  const dataset = last?.dataset_id == null ? null : await house.store.getDataset(last.dataset_id);
  return dataset?.cutoff_sequence ?? 0;
}

function failuresOf(ended: readonly Run[]): { failures: number; lastFailureMs: number | null } {
  const until = ended.findIndex((run) => run.state !== "failed");
  const failures = until < 0 ? ended.length : until;
  return { failures, lastFailureMs: failures === 0 ? null : (ended[0]?.ended_at ?? null) };
}

/** The last run was refused for its labels, and nothing new has come since. */
function blockedBy(last: Run | undefined, evidenceKey: string): string | null {
  const refused =
    last?.state === "refused" && last.error?.code === "evidence_refused" && last.trigger.evidence_key === evidenceKey;
  return refused ? (last.error?.message.replace(/^evidence_refused: /, "") ?? null) : null;
}

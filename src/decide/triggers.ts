import type { Policy } from "../core/policy.ts";
import { duration, grouped, plural } from "./phrases.ts";

/** What the trigger rule knows of one specialist. All counts are of distinct, current judgements of tiers that the policy's gate accepts. */
export interface TriggerState {
  /** What such judgements since the last dataset's cut-off, not yet seen by the champion, are worth: their effective number. */
  readonly newLabels: number;
  /** How many they are; absent = `newLabels`. Picks of unequal chance are more than they are worth. */
  readonly newJudgements?: number;
  /** Rows that a fold's challenger could train on, and rows that could judge it, now (planEvidence tells). Absent = the threshold's promise. */
  readonly trainingRows?: number;
  readonly gateRows?: number;
  /** Names the present evidence (digest of its feedback ids). */
  readonly evidenceKey: string | null;
  /** Evidence keys of earlier runs that ended with a verdict or a refusal. */
  readonly usedEvidenceKeys: ReadonlySet<string>;
  readonly runActive: boolean;
  /** Start of the last run that was not refused at once, ms since the epoch. */
  readonly lastRunStartedMs: number | null;
  readonly lastDecision: "promote" | "reject" | "inconclusive" | null;
  /** Failed runs since the last that did not fail, and the end of the latest of them. */
  readonly failures: number;
  readonly lastFailureMs: number | null;
  /** Why labels were found unusable (a forensic finding or a quality check of effect block); null = nothing found. */
  readonly blockedBy: string | null;
  /** Signals besides new evidence. */
  readonly driftSignal?: boolean;
  readonly scheduleDue?: boolean;
  /** A person asks: skips threshold, cooldown and back-off, never the checks on labels and sizes. */
  readonly requestedBy?: string | null;
}

export type TriggerCause = "evidence" | "drift" | "schedule" | "person";

export interface TriggerReason {
  readonly code: string;
  readonly sentence: string;
  readonly value: number | null;
  readonly threshold: number | null;
}

export type TriggerDecision =
  | {
      readonly state: "READY";
      readonly cause: TriggerCause;
      readonly reasons: readonly TriggerReason[];
      readonly retryAtMs: null;
    }
  | { readonly state: "RUNNING"; readonly cause: null; readonly reasons: readonly TriggerReason[]; readonly retryAtMs: null }
  | {
      readonly state: "WAIT" | "BLOCKED";
      readonly cause: null;
      readonly reasons: readonly TriggerReason[];
      readonly retryAtMs: number | null;
    };

/**
 * Whether a run may start now. WAIT ends by itself (labels come, time passes); BLOCKED needs somebody. READY implies that training and gate
 * sizes suffice: a run that fires is never refused for too few rows. Pure.
 */
export function decideTrigger(state: TriggerState, policy: Policy, nowMs: number): TriggerDecision {
  const { trigger } = policy;
  if (state.runActive) {
    return { state: "RUNNING", cause: null, reasons: [reason("running", "A run is under way.", null, null)], retryAtMs: null };
  }
  if (state.blockedBy !== null) return blocked(reason("labels", state.blockedBy, null, null));
  const person = state.requestedBy ?? null;
  if (!trigger.enabled && person === null) {
    return blocked(reason("disabled", "The policy starts no run by itself; a person can.", null, null));
  }
  if (state.evidenceKey !== null && state.usedEvidenceKeys.has(state.evidenceKey) && person === null) {
    return wait(
      [
        reason(
          "evidence_used",
          "These labels already had their run; new ones start the next.",
          state.newLabels,
          trigger.threshold,
        ),
      ],
      null,
    );
  }
  const waits = sizeReasons(state, policy);
  let retryAtMs: number | null = null;
  if (person === null) {
    const threshold = effectiveThreshold(state, policy);
    if (state.newLabels < threshold && state.driftSignal !== true && state.scheduleDue !== true) {
      waits.unshift(
        reason(
          "threshold",
          `${worth(state)} of ${grouped(threshold)}; ${grouped(threshold - state.newLabels)} more ${threshold - state.newLabels === 1 ? "is" : "are"} needed.`,
          state.newLabels,
          threshold,
        ),
      );
    }
    const pauses = [cooldownEnd(state, policy), backoffEnd(state, policy)].filter((pause) => pause.endMs > nowMs);
    for (const pause of pauses) {
      waits.push(reason(pause.code, `${pause.sentence} Next start in ${duration(pause.endMs - nowMs)}.`, nowMs, pause.endMs));
      retryAtMs = Math.max(retryAtMs ?? 0, pause.endMs);
    }
  }
  if (waits.length > 0) return wait(waits, retryAtMs);
  const cause: TriggerCause =
    person !== null
      ? "person"
      : state.newLabels >= effectiveThreshold(state, policy)
        ? "evidence"
        : state.driftSignal === true
          ? "drift"
          : "schedule";
  const by = person === null ? "" : ` Asked for by ${person}.`;
  return {
    state: "READY",
    cause,
    reasons: [
      reason(
        "ready",
        `${worth(state)} (threshold ${effectiveThreshold(state, policy)}).${by}`,
        state.newLabels,
        effectiveThreshold(state, policy),
      ),
    ],
    retryAtMs: null,
  };
}

/** "130 new human labels, worth 87 picked by plain chance" where reviews were picked with unequal chances. */
function worth({ newLabels, newJudgements = newLabels }: TriggerState): string {
  const counted = plural(newJudgements, "new human label");
  return newJudgements === newLabels ? counted : `${counted}, worth ${grouped(newLabels)} picked by plain chance,`;
}

/** Why a run would be refused for its size; the policy's consistency makes this empty whenever the threshold is reached. */
function sizeReasons(state: TriggerState, { evidence }: Policy): TriggerReason[] {
  const labels = state.newJudgements ?? state.newLabels;
  const gateRows = state.gateRows ?? labels;
  const trainingRows = state.trainingRows ?? Math.floor((labels * (evidence.folds - 1)) / evidence.folds);
  const short: TriggerReason[] = [];
  if (gateRows < evidence.min_gate_rows) {
    const sentence = `${plural(gateRows, "label")} could judge a challenger; the policy asks for ${evidence.min_gate_rows}.`;
    short.push(reason("gate_rows", sentence, gateRows, evidence.min_gate_rows));
  }
  if (trainingRows < evidence.min_training_rows) {
    const sentence = `${plural(trainingRows, "label")} could train a challenger; the policy asks for ${evidence.min_training_rows}.`;
    short.push(reason("training_rows", sentence, trainingRows, evidence.min_training_rows));
  }
  return short;
}

/** After a verdict without promotion the next run needs a little more, so that it does not flutter around the threshold. */
export const effectiveThreshold = (state: TriggerState, policy: Policy): number =>
  state.lastDecision === null || state.lastDecision === "promote"
    ? policy.trigger.threshold
    : Math.ceil(policy.trigger.threshold * (1 + policy.trigger.hysteresis));

interface Pause {
  readonly code: string;
  readonly sentence: string;
  readonly endMs: number;
}

const cooldownEnd = (state: TriggerState, policy: Policy): Pause => ({
  code: "cooldown",
  sentence: `The policy leaves ${duration(policy.trigger.cooldown_ms)} between two runs.`,
  endMs: state.lastRunStartedMs === null ? -Infinity : state.lastRunStartedMs + policy.trigger.cooldown_ms,
});

function backoffEnd(state: TriggerState, policy: Policy): Pause {
  const { backoff_base_ms, backoff_max_ms } = policy.trigger;
  const waitMs = Math.min(backoff_max_ms, backoff_base_ms * 2 ** Math.min(50, Math.max(0, state.failures - 1)));
  return {
    code: "backoff",
    sentence: `${plural(state.failures, "run")} failed in a row.`,
    endMs: state.failures === 0 || state.lastFailureMs === null ? -Infinity : state.lastFailureMs + waitMs,
  };
}

const reason = (code: string, sentence: string, value: number | null, threshold: number | null): TriggerReason => ({
  code,
  sentence,
  value,
  threshold,
});
const wait = (reasons: readonly TriggerReason[], retryAtMs: number | null): TriggerDecision => ({
  state: "WAIT",
  cause: null,
  reasons,
  retryAtMs,
});
const blocked = (why: TriggerReason): TriggerDecision => ({ state: "BLOCKED", cause: null, reasons: [why], retryAtMs: null });

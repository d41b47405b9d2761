import type { Plan } from "../../core/plan.ts";
import { extractFeatures, type PlanSchemaName } from "../../features/index.ts";
import { MOST_ATTEMPTS, simulatePlanOfClass } from "../simulate/quotas.ts";
import { DECISIONS, type Decision, type SimulatedSpecialist } from "../simulate/reviewer-rules.ts";
import type { DescriptionScore } from "./description-score.ts";
import { type Gate, passOwnGates } from "./gates.ts";
import { shinglesOf, signatureOf } from "./near-duplicates.ts";

/** What a plan by rule is made from: the same request, slot and attempt, the same plan, on whatever thread. */
export interface RuleSource {
  readonly specialist: SimulatedSpecialist;
  readonly featureSchema: PlanSchemaName;
  readonly seed: number;
  readonly count: number;
  readonly idPrefix: string;
  readonly startMs: number;
  readonly minQualityScore: number;
}

/** A plan that passed every gate that asks nothing of other plans. */
export interface RuleCandidate {
  readonly plan: Plan;
  readonly vector: Float64Array;
  readonly description: DescriptionScore;
  /** Of its shingles, for the last gate; see near-duplicates.ts. */
  readonly signature: Uint32Array;
}

export interface SlotAnswer {
  /** Null: no attempt was left. */
  readonly candidate: RuleCandidate | null;
  /** Where to go on when the last gate refuses it. */
  readonly nextAttempt: number;
  /** Plans that were refused on the way. */
  readonly refused: readonly { readonly gate: Gate; readonly message: string }[];
}

/** The first plan of a slot, from an attempt on, that passes all gates but the last. */
export function fillSlot(source: RuleSource, index: number, decision: Decision, firstAttempt = 0): SlotAnswer {
  const { featureSchema, minQualityScore } = source;
  const refused: { gate: Gate; message: string }[] = [];
  for (let attempt = firstAttempt; attempt < MOST_ATTEMPTS; ) {
    const made = simulatePlanOfClass(source, index, decision, attempt);
    attempt = made.attempt + 1;
    const result = passOwnGates(made.plan, decision, { classes: DECISIONS, minQualityScore }, made.texts);
    if (!result.passed) {
      refused.push({ gate: result.gate, message: result.message });
      continue;
    }
    const vector = featureSchema === "plan/2" ? made.vector : extractFeatures(featureSchema, made.plan);
    const signature = signatureOf(shinglesOf(made.plan, made.texts));
    const { plan, description } = result;
    return { candidate: { plan, vector, description, signature }, nextAttempt: attempt, refused };
  }
  return { candidate: null, nextAttempt: MOST_ATTEMPTS, refused };
}

import { isRequeenError } from "../../core/errors.ts";
import { type Plan, readPlan } from "../../core/plan.ts";
import { type DescriptionScore, scoreDescriptions } from "./description-score.ts";
import type { DuplicateIndex, NearDuplicate } from "./near-duplicates.ts";
import { textsOf } from "./texts.ts";
import { unsafeText } from "./unsafe-text.ts";

/** Why a generated plan is not taken. Every candidate is counted under the first gate that it fails, in this order. */
export const GATES = {
  no_answer: "the generator gave no answer that can be read: cut short, too long, too slow, no JSON",
  schema: "the answer is no plan: fields missing, of another type or out of range",
  graph: "the tasks form no acyclic graph: a cycle, a dependency on no task, a task id used twice",
  content: "a text holds an address, markup, a control character, or instructions to a model",
  label: "the label is none of the specialist's classes, or another than was asked for",
  risk: "risk and label contradict: approve above 0.85, reject below 0.15",
  description: "the mean score of the descriptions is below the least that was asked for",
  near_duplicate: "it says what an earlier plan of the set says",
} as const;
export type Gate = keyof typeof GATES;
export const GATE_NAMES = Object.keys(GATES) as Gate[];

export const APPROVE_RISK_LIMIT = 0.85;
export const REJECT_RISK_LIMIT = 0.15;

export interface GateOptions {
  readonly classes: readonly string[];
  /** Least mean score of a plan's descriptions, 0..1. */
  readonly minQualityScore: number;
  /** The plans taken before; a plan that passes is added. */
  readonly duplicates: DuplicateIndex;
}

export type GateResult =
  | { readonly passed: true; readonly plan: Plan; readonly description: DescriptionScore }
  | { readonly passed: false; readonly gate: Gate; readonly message: string };

/**
 * Puts one candidate through the gates. `document` is whatever a generator answered; nothing of it is trusted.
 * A plan that passes has been added to `options.duplicates`.
 */
export function passGates(document: unknown, label: string, options: GateOptions): GateResult {
  const read = readCandidate(document);
  return "plan" in read ? passPlanGates(read.plan, label, options) : read;
}

/** The gates after the first two, for a plan that is read and checked. */
function passPlanGates(plan: Plan, label: string, options: GateOptions): GateResult {
  const texts = textsOf(plan);
  const result = passOwnGates(plan, label, options, texts);
  if (!result.passed) return result;
  const twin = options.duplicates.add(plan, texts);
  return twin === null ? result : { passed: false, ...refusedAsDuplicate(twin) };
}

export const refusedAsDuplicate = ({ similarity, planId }: NearDuplicate): { gate: Gate; message: string } => ({
  gate: "near_duplicate",
  message: `similarity ${similarity.toFixed(2)} with plan ${planId}`,
});

/** The gates that ask nothing of other plans: all between the first two and the last. @param texts words of its tasks */
export function passOwnGates(
  plan: Plan,
  label: string,
  options: Pick<GateOptions, "classes" | "minQualityScore">,
  texts: readonly (readonly string[])[],
): GateResult {
  const failed = (gate: Gate, message: string): GateResult => ({ passed: false, gate, message });
  const unsafe = unsafeText(plan);
  if (unsafe !== null) return failed("content", unsafe);
  if (!options.classes.includes(label))
    return failed("label", `label must be one of ${options.classes.join(", ")}; got ${JSON.stringify(label)}`);
  const contradiction = riskContradiction(plan.risk_score, label);
  if (contradiction !== null) return failed("risk", contradiction);
  const description = scoreDescriptions(plan, texts);
  if (description.score < options.minQualityScore)
    return failed(
      "description",
      `descriptions score ${description.score.toFixed(3)}; at least ${options.minQualityScore} is asked for`,
    );
  return { passed: true, plan, description };
}

function readCandidate(document: unknown): { plan: Plan } | (GateResult & { passed: false }) {
  try {
    return { plan: readPlan(document) };
  } catch (error) {
    if (!isRequeenError(error, "bad_plan")) throw error;
    return { passed: false, gate: error.details.part === "graph" ? "graph" : "schema", message: error.message };
  }
}

/** What is wrong between a plan's risk and its label; null = nothing, also where the plan states no risk. */
export function riskContradiction(risk: number | null | undefined, label: string): string | null {
  if (risk === null || risk === undefined) return null;
  if (label === "approve" && risk > APPROVE_RISK_LIMIT) return `approve with a risk of ${risk}; at most ${APPROVE_RISK_LIMIT}`;
  if (label === "reject" && risk < REJECT_RISK_LIMIT) return `reject with a risk of ${risk}; at least ${REJECT_RISK_LIMIT}`;
  return null;
}

/** Counts of refused candidates by gate, with the first message of each as an example. */
export class RejectionTally {
  readonly #seen = new Map<Gate, { count: number; example: string }>();

  count(gate: Gate, message: string): void {
    const known = this.#seen.get(gate);
    if (known) known.count++;
    else this.#seen.set(gate, { count: 1, example: message });
  }

  /** One entry for each gate, those without a refusal included. */
  entries(): { gate: Gate; count: number; example: string | null }[] {
    return GATE_NAMES.map((gate) => ({
      gate,
      count: this.#seen.get(gate)?.count ?? 0,
      example: this.#seen.get(gate)?.example ?? null,
    }));
  }
}

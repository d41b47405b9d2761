import type { Plan } from "../../core/plan.ts";
import { extractFeatures, featureNames, type Plan2Feature } from "../../features/index.ts";

export const SIMULATED_SPECIALISTS = ["architecture", "behavior", "business", "evolution", "technical"] as const;
export type SimulatedSpecialist = (typeof SIMULATED_SPECIALISTS)[number];
export const DECISIONS = ["approve", "reject", "review_required", "conditional"] as const;
export type Decision = (typeof DECISIONS)[number];

/** One line of a rule: the decision if the value is at least (or below) the limit. A missing value fits neither. */
export interface Clause {
  readonly feature: Plan2Feature;
  readonly is: "at least" | "below";
  readonly limit: number;
  readonly decision: Decision;
  /** What the reviewer notes. */
  readonly because: string;
}

const MINUTE_MS = 60_000;

/** What the reviewers of each specialist decide: the first clause that fits; approve where none does. Told in examples/hive/README.md. */
export const REVIEWER_RULES = {
  architecture: [
    {
      feature: "dependencies_per_task",
      is: "at least",
      limit: 2,
      decision: "reject",
      because: "everything depends on everything",
    },
    {
      feature: "max_dependents",
      is: "at least",
      limit: 5,
      decision: "conditional",
      because: "too many tasks wait for one: split it first",
    },
    {
      feature: "level_count",
      is: "at least",
      limit: 6,
      decision: "review_required",
      because: "a long chain: can a part of it run side by side?",
    },
  ],
  behavior: [
    {
      feature: "type_delete_share",
      is: "at least",
      limit: 0.17,
      decision: "reject",
      because: "it takes too much away from the people who use it",
    },
    {
      feature: "critical_path_ms",
      is: "at least",
      limit: 19 * MINUTE_MS,
      decision: "review_required",
      because: "people would wait too long",
    },
    { feature: "risk_operational", is: "at least", limit: 0.45, decision: "conditional", because: "only in a quiet hour" },
  ],
  business: [
    { feature: "risk_business", is: "at least", limit: 0.58, decision: "reject", because: "the business risk is too high" },
    { feature: "priority_level", is: "at least", limit: 2, decision: "approve", because: "it is needed now" },
    { feature: "words_business_share", is: "below", limit: 0.25, decision: "conditional", because: "name the benefit first" },
    {
      feature: "total_duration_ms",
      is: "at least",
      limit: 22 * MINUTE_MS,
      decision: "review_required",
      because: "dear for its priority",
    },
  ],
  evolution: [
    {
      feature: "words_makeshift_share",
      is: "at least",
      limit: 0.25,
      decision: "reject",
      because: "makeshifts would stay for years",
    },
    { feature: "words_testing_share", is: "below", limit: 0.15, decision: "conditional", because: "tests first" },
    {
      feature: "capability_count",
      is: "at least",
      limit: 7,
      decision: "review_required",
      because: "who will keep all of this alive?",
    },
  ],
  technical: [
    { feature: "complexity_score", is: "at least", limit: 0.62, decision: "reject", because: "too complex as one plan" },
    { feature: "risk_score", is: "at least", limit: 0.55, decision: "review_required", because: "a second look at the risk" },
    {
      feature: "unvalidated_change_share",
      is: "at least",
      limit: 0.5,
      decision: "conditional",
      because: "validate the changes that nothing checks",
    },
  ],
} as const satisfies Record<SimulatedSpecialist, readonly Clause[]>;

const PLACES: ReadonlyMap<string, number> = new Map(featureNames("plan/2").map((name, place) => [name, place]));

/** The value that a clause looks at, from a vector of plan/2. */
export function clauseValue(clause: Clause, vector: Float64Array): number {
  const value = vector[PLACES.get(clause.feature) ?? -1];
  if (value === undefined) throw new Error(`plan/2 has no feature ${clause.feature}`);
  return value;
}

/**
 * The first clause that fits a vector of plan/2; null = none, so approve.
 * @param strictness how a reviewer differs from the rule: each limit is moved by this share of itself; 0 = the rule as stated.
 */
export function fittingClause(specialist: SimulatedSpecialist, vector: Float64Array, strictness = 0): Clause | null {
  const clauses: readonly Clause[] = REVIEWER_RULES[specialist];
  const fits = (clause: Clause): boolean => {
    const value = clauseValue(clause, vector);
    const limit = clause.limit * (clause.is === "at least" ? 1 - strictness : 1 + strictness);
    return clause.is === "at least" ? value >= limit : value < limit;
  };
  return clauses.find(fits) ?? null;
}

/** What the rule decides of a vector of plan/2, without noise. */
export const vectorDecision = (specialist: SimulatedSpecialist, vector: Float64Array): Decision =>
  fittingClause(specialist, vector)?.decision ?? "approve";

/** What the rule decides of a plan, without noise. */
export const ruleDecision = (specialist: SimulatedSpecialist, plan: Plan): Decision =>
  vectorDecision(specialist, extractFeatures("plan/2", plan));

import { RequeenError } from "../../core/errors.ts";
import type { Plan } from "../../core/plan.ts";
import { deriveSeed, SeededRandom } from "../../engine/seeded-random.ts";
import { extractFeatures, wordsOf } from "../../features/index.ts";
import { checkCount, type SimulatePlansRequest, simulatePlan } from "./plans.ts";
import { between, type PlanProfile, pickFrom } from "./profile.ts";
import { DECISIONS, type Decision, REVIEWER_RULES, type SimulatedSpecialist, vectorDecision } from "./reviewer-rules.ts";
import { checkSpecialist } from "./reviewers.ts";

/** Shares of the classes that the operators asked of their generator (original-system.md 2.22). */
export const DEFAULT_QUOTAS: Readonly<Record<Decision, number>> = {
  approve: 0.4,
  reject: 0.2,
  review_required: 0.25,
  conditional: 0.15,
};

export interface LabelledPlan {
  readonly plan: Plan;
  /** What the rule of the specialist decides of it: a machine label, tier `rule` or `synthetic`, never a person's. */
  readonly decision: Decision;
}

export interface LabelledPlansRequest extends SimulatePlansRequest {
  readonly specialist: SimulatedSpecialist;
  /** Shares that add up to 1. Default: `DEFAULT_QUOTAS`. */
  readonly quotas?: Readonly<Record<Decision, number>>;
}

const MINUTE_MS = 60_000;
type Knob = Readonly<Record<"fits" | "clear", (profile: PlanProfile, random: SeededRandom) => void>>;
type RuledFeature = (typeof REVIEWER_RULES)[SimulatedSpecialist][number]["feature"];

/** How a profile is turned so that a clause on the feature surely fits, or surely does not. */
const KNOBS: Record<RuledFeature, Knob> = {
  dependencies_per_task: {
    fits: (profile, random) => reshape(profile, "dense", 8 + random.nextInt(12)),
    clear: (profile, random) =>
      profile.shape === "dense" && reshape(profile, pickFrom(random, ["branching", "hub", "chain"]), profile.taskCount),
  },
  max_dependents: {
    fits: (profile, random) => reshape(profile, "hub", 8 + random.nextInt(10)),
    clear: (profile, random) =>
      profile.shape === "hub" && reshape(profile, pickFrom(random, ["branching", "chain"]), profile.taskCount),
  },
  level_count: {
    fits: (profile, random) => reshape(profile, "chain", 7 + random.nextInt(10)),
    clear: (profile) => profile.shape === "chain" && reshape(profile, "branching", profile.taskCount),
  },
  type_delete_share: {
    fits: (profile, random) => set(profile, { deletes: between(random, 0.35, 0.5) }),
    clear: (profile, random) => set(profile, { deletes: between(random, 0, 0.14) }),
  },
  critical_path_ms: {
    fits: (profile, random) => set(profile, { criticalPathMs: between(random, 20, 80) * MINUTE_MS, durationMissing: false }),
    clear: (profile, random) => set(profile, { criticalPathMs: between(random, 3, 18) * MINUTE_MS }),
  },
  total_duration_ms: {
    fits: (profile, random) => set(profile, { totalDurationMs: between(random, 23, 120) * MINUTE_MS, durationMissing: false }),
    clear: (profile, random) => set(profile, { totalDurationMs: between(random, 4, 21) * MINUTE_MS }),
  },
  risk_operational: {
    fits: (profile, random) => setArea(profile, "operational", between(random, 0.47, 0.95)),
    clear: (profile, random) => setArea(profile, "operational", between(random, 0.02, 0.43)),
  },
  risk_business: {
    fits: (profile, random) => setArea(profile, "business", between(random, 0.6, 0.98)),
    clear: (profile, random) => setArea(profile, "business", between(random, 0.03, 0.55)),
  },
  priority_level: {
    fits: (profile, random) => set(profile, { priority: pickFrom(random, ["high", "critical"]) }),
    clear: (profile, random) => set(profile, { priority: pickFrom(random, ["low", "normal"]) }),
  },
  words_business_share: {
    fits: (profile, random) => set(profile, { benefits: between(random, 0, 0.15) }),
    clear: (profile, random) => set(profile, { benefits: between(random, 0.5, 1) }),
  },
  words_makeshift_share: {
    fits: (profile, random) => set(profile, { makeshifts: between(random, 0.45, 1) }),
    clear: (profile, random) => set(profile, { makeshifts: between(random, 0, 0.15) }),
  },
  words_testing_share: {
    fits: (profile) => set(profile, { tests: 0 }),
    clear: (profile, random) => set(profile, { tests: between(random, 0.4, 1) }),
  },
  capability_count: {
    fits: (profile, random) => set(profile, { capabilities: 9 + random.nextInt(3), taskCount: Math.max(12, profile.taskCount) }),
    clear: (profile, random) => set(profile, { capabilities: 2 + random.nextInt(5) }),
  },
  complexity_score: {
    fits: (profile, random) => set(profile, { complexity: between(random, 0.63, 0.98) }),
    clear: (profile, random) => set(profile, { complexity: between(random, 0.08, 0.6) }),
  },
  risk_score: {
    fits: (profile, random) => set(profile, { risk: between(random, 0.56, 0.97) }),
    clear: (profile, random) => set(profile, { risk: between(random, 0.05, 0.53) }),
  },
  unvalidated_change_share: {
    fits: (profile) => set(profile, { validated: 0 }),
    clear: (profile) => set(profile, { validated: 1 }),
  },
};

const set = (profile: PlanProfile, values: Partial<PlanProfile>): void => void Object.assign(profile, values);
const reshape = (profile: PlanProfile, shape: PlanProfile["shape"], taskCount: number): void =>
  set(profile, { shape, taskCount });
const setArea = (profile: PlanProfile, area: "business" | "operational", value: number): void =>
  set(profile, { riskMatrix: { business: 0.3, security: 0.3, operational: 0.3, ...profile.riskMatrix, [area]: value } });

/** A slot is built anew, with other draws, at most so often. */
export const MOST_ATTEMPTS = 20;

/**
 * Plans with the classes that the quotas ask for, by construction: each slot gets its class first and the profile is turned so that the
 * specialist's rule decides so. The rule checks every plan; `rebuilt` counts the few whose tasks came out otherwise and were drawn anew.
 * @throws bad_parameter for quotas that do not add up to 1.
 */
export function simulateLabelledPlans(request: LabelledPlansRequest): { plans: LabelledPlan[]; rebuilt: number } {
  const { specialist, count, seed, quotas = DEFAULT_QUOTAS } = request;
  checkSpecialist(specialist);
  checkCount("count of simulateLabelledPlans", count);
  let rebuilt = 0;
  const plans = dealQuotas(quotas, count, seed).map((decision, index): LabelledPlan => {
    const { plan, attempt } = simulatePlanOfClass(request, index, decision);
    rebuilt += attempt;
    return { plan, decision };
  });
  return { plans, rebuilt };
}

/** The class of each slot: the quotas in whole plans, shuffled by the seed. @throws bad_parameter */
export const dealQuotas = (quotas: Readonly<Record<Decision, number>>, count: number, seed: number): Decision[] =>
  new SeededRandom(deriveSeed(seed, 0x90a)).shuffle(dealClasses(quotas, count));

/** The plan of one slot, with its features of plan/2 and the words of its tasks: of the first attempt, from `firstAttempt` on, of which the rule of the specialist decides as wanted. */
export function simulatePlanOfClass(
  request: Pick<LabelledPlansRequest, "specialist" | keyof SimulatePlansRequest>,
  index: number,
  decision: Decision,
  firstAttempt = 0,
): { plan: Plan; attempt: number; vector: Float64Array; texts: string[][] } {
  const { specialist } = request;
  for (let attempt = firstAttempt; attempt < firstAttempt + MOST_ATTEMPTS; attempt++) {
    const plan = simulatePlan(request, index, attempt, (profile, random) => turnTo(specialist, decision, profile, random));
    const texts = plan.tasks.map((task) => wordsOf(task.description));
    const vector = extractFeatures("plan/2", plan, texts);
    if (vectorDecision(specialist, vector) === decision) return { plan, attempt, vector, texts };
  }
  throw new Error(`no plan of class ${decision} for ${specialist} in ${MOST_ATTEMPTS} attempts: a knob does not do what it says`);
}

/** Whole numbers of plans a class by largest remainder, as a list of classes. @throws bad_parameter */
export function dealClasses(quotas: Readonly<Record<Decision, number>>, count: number): Decision[] {
  const sum = DECISIONS.reduce((total, decision) => total + quotas[decision], 0);
  if (DECISIONS.some((decision) => !(quotas[decision] >= 0)) || Math.abs(sum - 1) > 1e-9)
    throw new RequeenError(
      "bad_parameter",
      `quotas must be shares of 0 or more that add up to 1; got ${JSON.stringify(quotas)}, sum ${sum}`,
    );
  const counts = new Map(DECISIONS.map((decision) => [decision, Math.floor(quotas[decision] * count + 1e-9)]));
  const left = count - [...counts.values()].reduce((total, value) => total + value, 0);
  const byRemainder = [...DECISIONS].sort((a, b) => ((quotas[b] * count) % 1) - ((quotas[a] * count) % 1));
  for (const decision of byRemainder.slice(0, left)) counts.set(decision, (counts.get(decision) ?? 0) + 1);
  return DECISIONS.flatMap((decision) => Array.from({ length: counts.get(decision) ?? 0 }, () => decision));
}

/** Turns the profile so that the first clause that fits is one of the wanted decision, or, for approve, perhaps none at all. */
function turnTo(specialist: SimulatedSpecialist, decision: Decision, profile: PlanProfile, random: SeededRandom): void {
  const clauses = REVIEWER_RULES[specialist];
  const wanted = clauses.flatMap((clause, place) => (clause.decision === decision ? place : []));
  const fitting =
    decision === "approve" && (wanted.length === 0 || random.next() < 0.5) ? clauses.length : pickFrom(random, wanted);
  for (const [place, clause] of clauses.entries()) {
    const { fits, clear } = KNOBS[clause.feature];
    if (place < fitting) clear(profile, random);
    else if (place === fitting) fits(profile, random);
  }
}

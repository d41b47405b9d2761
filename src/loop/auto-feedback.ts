import type { Opinion } from "../core/opinion.ts";
import type { Specialist } from "../core/specialist.ts";
import { type House, specialistOf } from "./house.ts";
import { addFeedback, type NewJudgement } from "./intake.ts";
import { ruleDecision, SIMULATED_SPECIALISTS, type SimulatedSpecialist } from "./simulate/reviewer-rules.ts";

export interface AutoFeedback {
  readonly specialist: string;
  /** Opinions without a judgement of a person that were looked at. */
  readonly looked_at: number;
  /** Judgements that are new; those that the rule gave before are there once. */
  readonly added: number;
  readonly same: number;
  /** Opinions without a plan, or with a class that the rule does not know: nothing is said of them. */
  readonly passed_over: number;
  /** Why nothing was done; null when the specialist has a rule. */
  readonly no_rule: string | null;
}

/** Names the rule in the stored judgements. */
export const RULE_REVIEWER = "rule/hive-1";
const PAGE = 500;

/**
 * Lets the written rule of a specialist judge the plans that no person has judged. It looks at the plan alone, never at what the model said.
 * The judgements have tier `rule`: they neither start a run nor judge a model, and a policy may let them train with little weight. Doing it
 * again adds nothing.
 * @throws RequeenError specialist_not_found
 */
export async function judgeByRule(house: House, name: string, most: number): Promise<AutoFeedback> {
  const specialist = specialistOf(house, name);
  const nothing = { specialist: name, looked_at: 0, added: 0, same: 0, passed_over: 0 };
  if (!hasRule(specialist))
    return {
      ...nothing,
      no_rule: `There is no written rule for ${name}: only ${SIMULATED_SPECIALISTS.join(", ")} judge plans by one.`,
    };
  const counts = { ...nothing };
  for (let cursor: string | undefined; counts.looked_at < most; ) {
    const limit = Math.min(PAGE, most - counts.looked_at);
    const { items, next } = await house.store.listOpinions({ specialist: name, pending: true }, { limit, cursor });
    counts.looked_at += items.length;
    const judgements = items.flatMap((opinion) => judgementOf(specialist, opinion, house.now()));
    counts.passed_over += items.length - judgements.length;
    for (const { outcome } of await addFeedback(house, "import", judgements)) {
      if (outcome === "added") counts.added += 1;
      else counts.same += 1;
    }
    if (next === null) break;
    cursor = next;
  }
  return { ...counts, no_rule: null };
}

type Ruled = Specialist & { readonly name: SimulatedSpecialist };
const hasRule = (specialist: Specialist): specialist is Ruled =>
  !("columns" in specialist.features) && (SIMULATED_SPECIALISTS as readonly string[]).includes(specialist.name);

function judgementOf(specialist: Ruled, opinion: Opinion, now: number): NewJudgement[] {
  if (opinion.cognitive_plan === null || opinion.state === "generated") return [];
  const recommendation = ruleDecision(specialist.name, opinion.cognitive_plan);
  if (!specialist.classes.includes(recommendation)) return [];
  return [
    {
      opinionId: opinion.opinion_id,
      feedbackId: `feedback-rule-${opinion.opinion_id}`,
      recommendation,
      rating: null,
      reviewer: RULE_REVIEWER,
      submittedAtMs: now,
    },
  ];
}

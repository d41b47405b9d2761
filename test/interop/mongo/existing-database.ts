import { writePlan } from "../../../src/core/plan.ts";
import { fabricateAutoFeedback, simulatePlans, simulateReviewers } from "../../../src/loop/simulate.ts";

const SPECIALIST = "business";
const DAY_MS = 86_400_000;
const AUTOMATIC = 10;
type Place = "own" | "collection" | "snapshot" | "nowhere";

/** Every twentieth opinion has its plan nowhere; of the others a third each in its document, among the plans, in a feedback's snapshot. */
const placeOf = (index: number): Place =>
  index % 20 === 19 ? "nowhere" : ((["own", "collection", "snapshot"] as const)[index % 3] ?? "own");

/**
 * A database as the original system leaves it (original-system.md 1.1-1.5, 3.1): opinions of a heuristic, plans beside them, feedback of people
 * and of the auto job. The people follow a rule with 3 % noise, so that there is something to learn.
 * @returns collections by name; `withPlan`: opinions whose plan stands somewhere
 */
export function existingDatabase(count: number, nowMs: number) {
  const startMs = nowMs - 30 * DAY_MS;
  const plans = simulatePlans({ seed: 11, count, idPrefix: "old", startMs: startMs - 3 * DAY_MS, stepMs: 60_000 });
  const opinions = plans.map((plan, index) => ({
    opinionId: `old-opinion-${index}`,
    plan,
    recommendation: ["approve", "reject", "review_required"][index % 3] ?? "approve",
    confidence: 0.4 + (index % 50) / 100,
  }));
  const said = simulateReviewers({ seed: 12, specialist: SPECIALIST, opinions, noise: 0.03, startMs });
  const indexOf = new Map(opinions.map(({ opinionId }, index) => [opinionId, index]));
  const planOf = (index: number) => writePlan(opinions[index]?.plan ?? plans[0]);
  const isAt = (place: Place) => (_: unknown, index: number) => placeOf(index) === place;
  return {
    withPlan: plans.filter((_, index) => placeOf(index) !== "nowhere").length,
    said: said.length,
    automatic: AUTOMATIC,
    collections: {
      cognitive_plans: plans.filter(isAt("collection")).map((plan) => ({ plan_id: plan.plan_id, plan_data: writePlan(plan) })),
      specialist_opinions: opinions.map(({ opinionId, plan, recommendation, confidence }, index) => ({
        schema_version: "2.0.0",
        opinion_id: opinionId,
        plan_id: plan.plan_id,
        intent_id: plan.intent_id,
        specialist_type: SPECIALIST,
        specialist_version: "1.0.9",
        opinion: {
          confidence_score: confidence,
          risk_score: 0.4,
          recommendation,
          reasoning_summary: "heuristic",
          reasoning_factors: [],
          explainability_token: "t",
          explainability: {},
          mitigations: [],
          metadata: { model_source: "heuristic" },
        },
        correlation_id: `corr-${index}`,
        evaluated_at: new Date(startMs - 2 * DAY_MS + index * 60_000),
        processing_time_ms: 5,
        ...(placeOf(index) === "own" ? { cognitive_plan: planOf(index) } : {}),
      })),
      specialist_feedback: [
        ...said.map((one, number) => {
          const index = indexOf.get(one.opinionId) ?? 0;
          return {
            feedback_id: `feedback-${number.toString(16).padStart(12, "0")}`,
            schema_version: "2.0.0",
            opinion_id: one.opinionId,
            plan_id: opinions[index]?.plan.plan_id,
            specialist_type: SPECIALIST,
            submitted_by: one.reviewer,
            human_rating: one.rating,
            human_recommendation: one.recommendation,
            feedback_notes: one.notes,
            submitted_at: new Date(one.submittedAtMs),
            feedback_source: "human_expert",
            metadata: {},
            cognitive_plan_snapshot: placeOf(index) === "snapshot" ? planOf(index) : {},
            reasoning_factors: [],
            auto_generated: false,
            manual_review: false,
            balanced_dataset: false,
          };
        }),
        ...fabricateAutoFeedback({
          opinions: opinions.slice(0, AUTOMATIC).map((one) => ({ ...one, specialist: SPECIALIST, traceId: null })),
          startMs,
        }).map((document) => ({ ...document, submitted_at: new Date(document.submitted_at) })),
      ],
    },
  };
}

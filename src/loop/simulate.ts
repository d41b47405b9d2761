/** The seeded simulator of examples/hive: plans, people who review them, and the writers that only pretended to be people. */
export {
  BALANCED_QUOTA,
  type FabricatedFeedback,
  fabricateAutoFeedback,
  fabricateBalancedFeedback,
  type OpinionToFabricate,
} from "./simulate/fabricate.ts";
export { type SimulatePlansRequest, simulatePlans } from "./simulate/plans.ts";
export { DEFAULT_QUOTAS, type LabelledPlan, type LabelledPlansRequest, simulateLabelledPlans } from "./simulate/quotas.ts";
export {
  type Clause,
  DECISIONS,
  type Decision,
  REVIEWER_RULES,
  ruleDecision,
  SIMULATED_SPECIALISTS,
  type SimulatedSpecialist,
} from "./simulate/reviewer-rules.ts";
export {
  type EarlyJudgement,
  type OpinionToReview,
  type SimulatedJudgement,
  type SimulateReviewersRequest,
  simulateEarlyJudgements,
  simulateReviewers,
} from "./simulate/reviewers.ts";

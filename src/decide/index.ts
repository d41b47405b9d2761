/** `requeen/decide`: the statistics between feedback and production. Pure: no I/O, no clock, no global randomness. */
export { canonicalJson } from "../core/canonical-json.ts";
export { POLICY_PRESETS, type Policy, type PolicyPreset, policyProblems, policySchema, readPolicy } from "../core/policy.ts";
export {
  type Decision,
  type Interval,
  type ModelScores,
  type Reason,
  type SliceResult,
  type Verdict,
  verdictSchema,
} from "../core/verdict.ts";
export { type BudgetState, lordLevel, nextLevel, type PastGate, saffronLevel } from "./error-budget.ts";
export {
  FINDING_CODES,
  type Finding,
  type FindingCode,
  type FindingEffect,
  FORENSIC_LIMITS,
  type ForensicsOptions,
  type LabelRow,
} from "./forensics/finding.ts";
export { examineLabels, worstEffects } from "./forensics.ts";
export { GATE_VERSION, type GateInput, gate } from "./gate.ts";
export {
  chooseSourceWeights,
  type MachineSource,
  type ScoreWeights,
  type SourceError,
  type SourceWeights,
  sourceErrors,
  type WeightChoice,
} from "./label-weights.ts";
export { prevalenceProbabilities } from "./measure.ts";
export {
  effectiveCounts,
  effectiveSize,
  furtherRowsNeeded,
  midP,
  type PairedCounts,
  type PowerQuestion,
  pairedPower,
  probabilityBetter,
  rowsNeeded,
  smallestVisibleGain,
} from "./paired-test.ts";
export {
  expectedGain,
  type FleetMember,
  type FleetRank,
  type LabelPlan,
  PLANNED_GAINS,
  type PlanInput,
  planLabels,
  rankNextLabels,
  reviewPaceMs,
  testLevel,
} from "./planner.ts";
export { checkQuality } from "./quality-checks.ts";
export { QUALITY_LIMITS, type QualityCheck, type QualityInput, type QualityReport, qualityReportHtml } from "./quality-report.ts";
export { type Drawn, drawForReview, REVIEW_WINDOW, type RingItem, type RingPart } from "./review-draw.ts";
export {
  type DawidSkene,
  dawidSkene,
  type JoinedLabels,
  type Judgements,
  joinReviewers,
  krippendorffAlpha,
} from "./reviewers.ts";
export { holm } from "./slices.ts";
export {
  dealFolds,
  type EvidenceInput,
  type EvidencePlan,
  type EvidenceRow,
  gateRows,
  type PlannedFold,
  type PlannedRow,
  planEvidence,
  ROW_REASONS,
  type RowReason,
  trainingRows,
} from "./split.ts";
export {
  decideTrigger,
  effectiveThreshold,
  type TriggerCause,
  type TriggerDecision,
  type TriggerReason,
  type TriggerState,
} from "./triggers.ts";
export { wilsonInterval } from "./wilson-interval.ts";

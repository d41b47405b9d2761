import type { SQLInputValue } from "node:sqlite";
import { isHuman, TIER_NAMES } from "../../core/evidence.ts";
import { FEEDBACK_STATES, type Feedback } from "../../core/feedback.ts";
import type { StoredFeedback } from "../store.ts";
import { document, number, numberOrNull, oneOf, text, textOrNull } from "./columns.ts";
import { compact, restore } from "./compact.ts";
import type { Row } from "./connection.ts";

/** A feedback as a row: the columns that queries ask for, the rest as a compact document. */

export const FEEDBACK_COLUMNS =
  "feedback_id, specialist, reviewer, tier, state, recommendation, rating, submitted_at, recorded_at, sequence, document";
export const INSERT_FEEDBACK = `INSERT INTO feedback
  (sequence, feedback_id, opinion, feature_schema, specialist, reviewer, tier, human, state, recommendation, rating, submitted_at, recorded_at, document)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (feedback_id) DO NOTHING`;
/** Columns of a row of INSERT_FEEDBACK, and where some of them stand. */
export const FEEDBACK_WIDTH = 14;
export const FEEDBACK_PLACES = {
  sequence: 0,
  opinion: 2,
  featureSchema: 3,
  specialist: 4,
  reviewer: 5,
  human: 7,
  recordedAt: 12,
} as const;
const USUAL_FEEDBACK = {
  schema_version: "3.0.0",
  feedback_notes: "",
  feedback_source: "human_expert",
  supersedes: null,
  opinion_recommendation: null,
  opinion_confidence: null,
  opinion_risk: null,
  metadata: {},
  extra: {},
} as const;
const USUAL_EVIDENCE = { shown_opinion: null, claimed: {}, demoted_from: null } as const;

/** @param opinion its row: number, schema of the vector */
export const feedbackColumns = (
  feedback: Feedback,
  opinion: Row,
  { sequence, state, recorded_at }: Pick<StoredFeedback, "sequence" | "state" | "recorded_at">,
): SQLInputValue[] => [
  sequence,
  feedback.feedback_id,
  number(opinion.opinion),
  textOrNull(opinion.feature_schema),
  feedback.specialist_type,
  feedback.evidence.reviewer,
  feedback.evidence.tier,
  isHuman(feedback.evidence.tier) ? 1 : 0,
  state,
  feedback.human_recommendation,
  feedback.human_rating,
  feedback.submitted_at,
  recorded_at,
  feedbackDocument(feedback),
];

/** What has no column. */
export function feedbackDocument(source: Feedback): string {
  const { feedback_id, specialist_type, human_recommendation, human_rating, submitted_at, evidence, ...rest } = source;
  const { tier, reviewer, ...claim } = evidence;
  return JSON.stringify({ ...compact(rest, USUAL_FEEDBACK), evidence: compact(claim, USUAL_EVIDENCE) });
}

type WithoutColumns = Omit<
  Feedback,
  "feedback_id" | "specialist_type" | "human_recommendation" | "human_rating" | "submitted_at" | "evidence"
>;

export function readFeedback(row: Row): Feedback {
  const { evidence, ...kept } = document<Record<string, unknown> & { evidence: Record<string, unknown> }>(row.document);
  const rest = restore(kept, USUAL_FEEDBACK) as WithoutColumns; // what feedbackDocument wrote, see `document`
  const claim = restore(evidence, USUAL_EVIDENCE) as Omit<Feedback["evidence"], "tier" | "reviewer">;
  return {
    ...rest,
    feedback_id: text(row.feedback_id),
    specialist_type: text(row.specialist),
    human_recommendation: text(row.recommendation),
    human_rating: numberOrNull(row.rating),
    submitted_at: number(row.submitted_at),
    evidence: { ...claim, tier: oneOf(TIER_NAMES, row.tier), reviewer: text(row.reviewer) },
  };
}

export const readStored = (row: Row): StoredFeedback => ({
  ...readFeedback(row),
  state: oneOf(FEEDBACK_STATES, row.state),
  sequence: number(row.sequence),
  recorded_at: number(row.recorded_at),
});

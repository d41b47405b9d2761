import type { SQLInputValue } from "node:sqlite";
import type { Opinion } from "../../core/opinion.ts";
import { bytesToVector, vectorToBytes, vectorToValues } from "../vector-bytes.ts";
import { bytesOrNull, document, number, numberOrNull, OPINION_STATES, oneOf, text, textOrNull } from "./columns.ts";
import { compact, restore } from "./compact.ts";
import type { Row } from "./connection.ts";

/** An opinion as a row: the columns that queries ask for, the vector as bytes, the rest as a compact document. */

export const INSERT_OPINION = `INSERT INTO opinions
  (opinion_id, specialist, plan_id, model_version, evaluated_at, decision, confidence, state, row_group, feature_schema, features, document)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (opinion_id) DO NOTHING`;
/** Columns of a row of INSERT_OPINION, and where some of them stand. */
export const OPINION_WIDTH = 12;
export const OPINION_PLACES = { opinionId: 0, specialist: 1, state: 7, features: 10 } as const;
export const OPINION_COLUMNS = `opinion_id, specialist, plan_id, evaluated_at, decision, confidence, state, coalesce(row_group, plan_id) AS row_group,
  feature_schema, features, document`;

const USUAL_OPINION = {
  schema_version: "3.0.0",
  intent_id: null,
  specialist_version: null,
  correlation_id: null,
  trace_id: null,
  span_id: null,
  processing_time_ms: null,
  cognitive_plan: null,
  columns: null,
  model: null,
  probabilities: null,
  extra: {},
} as const;
const USUAL_JUDGEMENT = {
  risk_score: null,
  reasoning_summary: "",
  reasoning_factors: [],
  explainability_token: null,
  explainability: {},
  mitigations: [],
  metadata: {},
} as const;

export function opinionColumns(source: Opinion): SQLInputValue[] {
  const { opinion_id, specialist_type, plan_id, evaluated_at, state, group, features, opinion, ...rest } = source;
  const { recommendation, confidence_score, ...judgement } = opinion;
  const kept = { ...compact(rest, USUAL_OPINION), opinion: compact(judgement, USUAL_JUDGEMENT) };
  return [
    opinion_id,
    specialist_type,
    plan_id,
    source.model?.version ?? null,
    evaluated_at,
    recommendation,
    confidence_score,
    state,
    group === plan_id ? null : group,
    features?.schema ?? null,
    features === null ? null : vectorToBytes(features.values),
    JSON.stringify(kept),
  ];
}

type WithoutColumns = Omit<
  Opinion,
  "opinion_id" | "specialist_type" | "plan_id" | "evaluated_at" | "state" | "group" | "features" | "opinion"
>;
type JudgementWithoutColumns = Omit<Opinion["opinion"], "recommendation" | "confidence_score">;

export function readOpinion(row: Row): Opinion {
  const { opinion, ...kept } = document<Record<string, unknown> & { opinion: Record<string, unknown> }>(row.document);
  const rest = restore(kept, USUAL_OPINION) as WithoutColumns; // what opinionColumns wrote, see `document`
  const judgement = restore(opinion, USUAL_JUDGEMENT) as JudgementWithoutColumns;
  const schema = textOrNull(row.feature_schema);
  const vector = bytesOrNull(row.features);
  return {
    ...rest,
    opinion_id: text(row.opinion_id),
    specialist_type: text(row.specialist),
    plan_id: text(row.plan_id),
    evaluated_at: number(row.evaluated_at),
    state: oneOf(OPINION_STATES, row.state),
    group: text(row.row_group),
    features: schema === null || vector === null ? null : { schema, values: vectorToValues(bytesToVector(vector)) },
    opinion: { ...judgement, recommendation: text(row.decision), confidence_score: numberOrNull(row.confidence) },
  };
}

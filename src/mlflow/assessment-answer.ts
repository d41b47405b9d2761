import { type Int64Column, int64 } from "./database.ts";
import { timeAnswer } from "./protobuf-time.ts";

export interface AssessmentRow {
  readonly assessment_id: string;
  readonly trace_id: string;
  readonly name: string;
  readonly assessment_type: string;
  /** JSON. */
  readonly value: string;
  /** JSON: error_code, error_message, stack_trace. */
  readonly error: string | null;
  readonly created_timestamp: Int64Column;
  readonly last_updated_timestamp: Int64Column;
  readonly source_type: string;
  readonly source_id: string | null;
  readonly span_id: string | null;
  readonly rationale: string | null;
  readonly overrides: string | null;
  readonly valid: number;
  /** JSON: texts by name. */
  readonly assessment_metadata: string | null;
}

export const ASSESSMENT_COLUMNS = `a.assessment_id, a.trace_id, a.name, a.assessment_type, a.value, a.error,
  ${int64("a.created_timestamp")} AS created_timestamp, ${int64("a.last_updated_timestamp")} AS last_updated_timestamp,
  a.source_type, a.source_id, a.span_id, a.rationale, a.overrides, a.valid, a.assessment_metadata`;

export const assessmentAnswer = (row: AssessmentRow): object => ({
  assessment_id: row.assessment_id,
  assessment_name: row.name,
  trace_id: row.trace_id,
  span_id: row.span_id ?? undefined,
  source: { source_type: row.source_type, source_id: row.source_id ?? undefined },
  create_time: timeAnswer(row.created_timestamp),
  last_update_time: timeAnswer(row.last_updated_timestamp),
  ...(row.assessment_type === "expectation"
    ? { expectation: expectationAnswer(row.value) }
    : { feedback: { value: JSON.parse(row.value), error: row.error === null ? undefined : JSON.parse(row.error) } }),
  rationale: row.rationale ?? undefined,
  metadata: row.assessment_metadata === null ? undefined : JSON.parse(row.assessment_metadata),
  overrides: row.overrides ?? undefined,
  valid: row.valid === 1,
});

/** Lists and objects travel as JSON text, so that whole numbers in them stay whole. */
function expectationAnswer(stored: string): object {
  const value: unknown = JSON.parse(stored);
  if (typeof value === "object" && value !== null)
    return { serialized_value: { serialization_format: "JSON_FORMAT", value: stored } };
  return { value };
}

import { ASSESSMENT_COLUMNS, type AssessmentRow, assessmentAnswer } from "./assessment-answer.ts";
import type { Context } from "./context.ts";
import { type Endpoint, rpc, V3, V3_READ } from "./endpoint.ts";
import { bool, json, type Message, map, message, oneOf, required, text, timestamp } from "./message-fields.ts";
import { checkLength } from "./names.ts";
import { invalid, missing } from "./protocol-error.ts";
import { pythonDumps, pythonFloat } from "./python-text.ts";
import { isObject } from "./read-request.ts";
import { findTrace } from "./trace-answer.ts";

const SOURCE_TYPES = ["SOURCE_TYPE_UNSPECIFIED", "HUMAN", "LLM_JUDGE", "CODE"] as const;
const NAME_LIMIT = 250;
/** Of a run that an assessment was made in; clients name it in the metadata. */
const SOURCE_RUN = "mlflow.assessment.sourceRunId";

/** Source: reference/mlflow/protos.txt, Assessment. */
export const assessmentFields = message({
  assessment_id: text,
  assessment_name: text,
  trace_id: text,
  span_id: text,
  source: message({ source_type: oneOf(SOURCE_TYPES, 0), source_id: text }),
  create_time: timestamp,
  last_update_time: timestamp,
  feedback: message({ value: json, error: message({ error_code: text, error_message: text, stack_trace: text }) }),
  expectation: message({ value: json, serialized_value: message({ serialization_format: text, value: text }) }),
  rationale: text,
  metadata: map,
  overrides: text,
  valid: bool,
});
export type AssessmentMessage = Message<(typeof assessmentFields)["fields"]>;

const PATH = "traces/{trace_id}/assessments";
const one = { trace_id: required(text), assessment_id: required(text) } as const;

export const assessmentEndpoints: readonly Endpoint[] = [
  rpc(
    ["POST"],
    PATH,
    { trace_id: text, assessment: required(assessmentFields) },
    (context, request) => ({
      assessment: context.db.write(() => {
        checkAssessment(request.assessment);
        const traceId = findTrace(context, request.trace_id ?? "").request_id;
        return answerOf(context, traceId, writeAssessment(context, traceId, request.assessment));
      }),
    }),
    V3,
  ),
  rpc(
    ["GET"],
    `${PATH}/{assessment_id}`,
    one,
    (context, request) => ({ assessment: answerOf(context, request.trace_id, request.assessment_id) }),
    V3_READ,
  ),
  rpc(
    ["PATCH"],
    `${PATH}/{assessment_id}`,
    { ...one, assessment: required(assessmentFields), update_mask: required(text) },
    (context, request) => ({
      assessment: updateAssessment(
        context,
        request.trace_id,
        request.assessment_id,
        request.assessment,
        request.update_mask.split(","),
      ),
    }),
    V3,
  ),
  rpc(
    ["DELETE"],
    `${PATH}/{assessment_id}`,
    one,
    (context, request) => deleteAssessment(context, request.trace_id, request.assessment_id),
    V3,
  ),
];

function find(context: Context, traceId: string, assessmentId: string): AssessmentRow {
  const row = context.db.get<AssessmentRow>(
    `SELECT ${ASSESSMENT_COLUMNS} FROM assessments a WHERE a.trace_id = ? AND a.assessment_id = ?`,
    traceId,
    assessmentId,
  );
  if (row !== undefined) return row;
  if (context.db.get("SELECT 1 AS found FROM trace_info WHERE request_id = ?", traceId) === undefined)
    throw missing(`Trace with request_id '${traceId}' not found`);
  throw missing(`Assessment with ID '${assessmentId}' not found for trace '${traceId}'`);
}

const answerOf = (context: Context, traceId: string, assessmentId: string): object =>
  assessmentAnswer(find(context, traceId, assessmentId));

export function checkAssessment(assessment: AssessmentMessage): void {
  const { feedback, expectation } = assessment;
  if (feedback === undefined && expectation === undefined) throw invalid("Unknown assessment type: None");
  if (feedback !== undefined && feedback.value === undefined && feedback.error === undefined)
    throw invalid("Either `value` or `error` must be provided.");
  checkLength("assessment_name", NAME_LIMIT, assessment.assessment_name ?? "");
}

/** Writes an assessment of a trace that is there; one that overrides another makes that one invalid. @returns its id. */
export function writeAssessment(context: Context, traceId: string, assessment: AssessmentMessage): string {
  const { db } = context;
  const time = context.now();
  const id = assessment.assessment_id || `a-${context.newId()}`;
  if (db.get("SELECT 1 AS found FROM assessments WHERE assessment_id = ?", id) !== undefined)
    throw invalid(`Assessment with ID '${id}' exists already.`);
  const overrides = assessment.overrides || null;
  if (overrides !== null) {
    find(context, traceId, overrides);
    db.run("UPDATE assessments SET valid = 0 WHERE assessment_id = ?", overrides);
  }
  const { feedback, metadata } = assessment;
  db.run(
    `INSERT INTO assessments (assessment_id, trace_id, name, assessment_type, value, error, created_timestamp, last_updated_timestamp,
       source_type, source_id, run_id, span_id, rationale, overrides, valid, assessment_metadata)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)`,
    id,
    traceId,
    assessment.assessment_name ?? "",
    feedback === undefined ? "expectation" : "feedback",
    feedback === undefined ? expectationText(assessment) : dumpValue(feedback.value),
    feedback?.error === undefined ? null : pythonDumps(feedback.error),
    assessment.create_time ?? time,
    assessment.last_update_time ?? time,
    assessment.source?.source_type ?? "SOURCE_TYPE_UNSPECIFIED",
    assessment.source?.source_id || null,
    metadata?.[SOURCE_RUN] ?? null,
    assessment.span_id || null,
    assessment.rationale ?? null,
    overrides,
    metadata === undefined || Object.keys(metadata).length === 0 ? null : pythonDumps(metadata),
  );
  return id;
}

function expectationText({ expectation }: AssessmentMessage): string {
  const serialized = expectation?.serialized_value?.value;
  if (serialized === undefined) return dumpValue(expectation?.value);
  try {
    JSON.parse(serialized);
  } catch {
    throw invalid(`Invalid value of an expectation: serialized_value is no JSON: ${serialized.slice(0, 100)}`);
  }
  return serialized;
}

/** A protobuf Value as MLflow stores it: its numbers are doubles, so 3 is "3.0". */
function dumpValue(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return pythonFloat(Number(value));
  if (Array.isArray(value)) return `[${value.map(dumpValue).join(", ")}]`;
  if (isObject(value)) {
    return `{${Object.entries(value)
      .map(([key, inner]) => `${pythonDumps(key)}: ${dumpValue(inner)}`)
      .join(", ")}}`;
  }
  return pythonDumps(value);
}

/** Changes what the mask names. Metadata is added to, not replaced. */
function updateAssessment(
  context: Context,
  traceId: string,
  assessmentId: string,
  change: AssessmentMessage,
  mask: readonly string[],
): object {
  const { db } = context;
  const named = new Set(mask.map((path) => path.trim()));
  return db.write(() => {
    const old = find(context, traceId, assessmentId);
    if (named.has("feedback") && old.assessment_type !== "feedback")
      throw invalid("Cannot update feedback value on an Expectation assessment.");
    if (named.has("expectation") && old.assessment_type !== "expectation")
      throw invalid("Cannot update expectation value on a Feedback assessment.");
    const set = (column: string, value: string | number | null): void => {
      db.run(`UPDATE assessments SET ${column} = ? WHERE assessment_id = ?`, value, assessmentId);
    };
    if (named.has("feedback")) {
      set("value", dumpValue(change.feedback?.value));
      set("error", change.feedback?.error === undefined ? null : pythonDumps(change.feedback.error));
    }
    if (named.has("expectation")) set("value", expectationText(change));
    if (named.has("assessmentName") || named.has("assessment_name")) {
      checkLength("assessment_name", NAME_LIMIT, change.assessment_name ?? "");
      set("name", change.assessment_name ?? "");
    }
    if (named.has("rationale")) set("rationale", change.rationale ?? "");
    if (named.has("metadata")) {
      const kept: unknown = old.assessment_metadata === null ? {} : JSON.parse(old.assessment_metadata);
      set("assessment_metadata", pythonDumps({ ...(isObject(kept) ? kept : {}), ...change.metadata }));
    }
    set("last_updated_timestamp", context.now());
    return answerOf(context, traceId, assessmentId);
  });
}

/** What a deleted assessment overrode is valid again; one that is not there is no error, as in MLflow. */
function deleteAssessment(context: Context, traceId: string, assessmentId: string): object {
  const { db } = context;
  return db.write(() => {
    const row = db.get<{ overrides: string | null }>(
      "SELECT overrides FROM assessments WHERE trace_id = ? AND assessment_id = ?",
      traceId,
      assessmentId,
    );
    if (row === undefined) return {};
    if (row.overrides !== null) db.run("UPDATE assessments SET valid = 1 WHERE assessment_id = ?", row.overrides);
    db.run("DELETE FROM assessments WHERE assessment_id = ?", assessmentId);
    return {};
  });
}

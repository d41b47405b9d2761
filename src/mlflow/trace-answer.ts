import type { AssessmentRow } from "./assessment-answer.ts";
import { ASSESSMENT_COLUMNS, assessmentAnswer } from "./assessment-answer.ts";
import type { Context, KeyValue } from "./context.ts";
import { allIn, type Database, type Int64Column, int64, jsonInt64 } from "./database.ts";
import { cutTo } from "./names.ts";
import { NAME_TAG, type NewerColumns, newerColumns, SESSION_METADATA, tokenText } from "./newer-columns.ts";
import { durationAnswer, timeAnswer } from "./protobuf-time.ts";
import { missing } from "./protocol-error.ts";
import { TOKEN_USAGE } from "./trace-usage.ts";

export interface TraceRow extends NewerColumns {
  readonly request_id: string;
  readonly experiment_id: number;
  readonly timestamp_ms: Int64Column;
  readonly execution_time_ms: Int64Column;
  readonly status: string;
  readonly client_request_id: string | null;
  readonly request_preview: string | null;
  readonly response_preview: string | null;
}

export const traceColumns = (db: Database): string =>
  `t.request_id, t.experiment_id, ${int64("t.timestamp_ms")} AS timestamp_ms,
  ${int64("t.execution_time_ms")} AS execution_time_ms, t.status, t.client_request_id, t.request_preview, t.response_preview, ${newerColumns(db)}`;

/** Where the spans of a trace are: the tag and its value for the tables of this file; without it they are an artifact. */
export const SPANS_LOCATION_TAG = "mlflow.trace.spansLocation";
export const IN_TABLES = "TRACKING_STORE";
export const ARTIFACT_LOCATION_TAG = "mlflow.artifactLocation";

/** Characters of a value that an answer carries, as in MLflow; the tables keep all. */
const SHOWN = { trace_tags: 4_096, trace_request_metadata: 250 } as const;

/** @throws MlflowError RESOURCE_DOES_NOT_EXIST */
export function findTrace(context: Context, traceId: string): TraceRow {
  const row = context.db.get<TraceRow>(`SELECT ${traceColumns(context.db)} FROM trace_info t WHERE t.request_id = ?`, traceId);
  if (row === undefined) throw missing(`Trace with ID '${traceId}' not found.`);
  return row;
}

/** Traces as protocol 3 names them, with metadata, tags and assessments, in the order of `rows`. */
export function traceAnswers(context: Context, rows: readonly TraceRow[]): object[] {
  const ids = rows.map((row) => row.request_id);
  const { tags, metadata } = pairsOfTraces(context, rows);
  const assessments = new Map<string, object[]>();
  const found = allIn<AssessmentRow>(
    context.db,
    ids,
    (list) =>
      `SELECT ${ASSESSMENT_COLUMNS} FROM assessments a WHERE a.trace_id IN (${list}) ORDER BY a.created_timestamp, a.rowid`,
  );
  for (const row of found) {
    const list = assessments.get(row.trace_id);
    if (list === undefined) assessments.set(row.trace_id, [assessmentAnswer(row)]);
    else list.push(assessmentAnswer(row));
  }
  const asMap = (pairs: readonly KeyValue[] | undefined) =>
    pairs === undefined ? undefined : Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
  return rows.map((row) => ({
    trace_id: row.request_id,
    client_request_id: row.client_request_id ?? undefined,
    trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: String(row.experiment_id) } },
    request_time: timeAnswer(row.timestamp_ms),
    execution_duration: row.execution_time_ms === null ? undefined : durationAnswer(Number(row.execution_time_ms)),
    state: row.status,
    trace_metadata: asMap(metadata.get(row.request_id)),
    assessments: assessments.get(row.request_id),
    tags: asMap(tags.get(row.request_id)),
    request_preview: row.request_preview ?? undefined,
    response_preview: row.response_preview ?? undefined,
  }));
}

/** Traces as protocol 2 names them. */
export function oldTraceAnswers(context: Context, rows: readonly TraceRow[]): object[] {
  const { tags, metadata } = pairsOfTraces(context, rows);
  return rows.map((row) => ({
    request_id: row.request_id,
    experiment_id: String(row.experiment_id),
    timestamp_ms: jsonInt64(row.timestamp_ms ?? 0),
    execution_time_ms: jsonInt64(row.execution_time_ms ?? 0),
    status: row.status === "STATE_UNSPECIFIED" ? "TRACE_STATUS_UNSPECIFIED" : row.status,
    request_metadata: metadata.get(row.request_id),
    tags: tags.get(row.request_id),
  }));
}

/** Tags and metadata, those included that a newer MLflow keeps in columns. */
function pairsOfTraces(
  context: Context,
  rows: readonly TraceRow[],
): { tags: Map<string, KeyValue[]>; metadata: Map<string, KeyValue[]> } {
  const ids = rows.map((row) => row.request_id);
  const tags = pairsOf(context, "trace_tags", ids);
  const metadata = pairsOf(context, "trace_request_metadata", ids);
  const add = (to: Map<string, KeyValue[]>, id: string, key: string, value: string | null | undefined): void => {
    const pairs = to.get(id) ?? [];
    if (value === null || value === undefined || pairs.some((pair) => pair.key === key)) return;
    to.set(id, [...pairs, { key, value }]);
  };
  for (const row of rows) {
    add(tags, row.request_id, NAME_TAG, row.trace_name);
    add(metadata, row.request_id, SESSION_METADATA, row.session_id);
    add(metadata, row.request_id, TOKEN_USAGE, tokenText(row.tokens));
  }
  return { tags, metadata };
}

function pairsOf(context: Context, table: keyof typeof SHOWN, ids: readonly string[]): Map<string, KeyValue[]> {
  const pairs = new Map<string, KeyValue[]>();
  const rows = allIn<{ request_id: string; key: string; value: string | null }>(
    context.db,
    ids,
    (list) => `SELECT request_id, "key", value FROM ${table} WHERE request_id IN (${list})`,
  );
  for (const { request_id, key, value } of rows) {
    const pair = { key, value: cutTo(SHOWN[table], value ?? "") };
    const list = pairs.get(request_id);
    if (list === undefined) pairs.set(request_id, [pair]);
    else list.push(pair);
  }
  return pairs;
}

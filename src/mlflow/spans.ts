import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import type { TransportResponse } from "../registry/transport.ts";
import type { Context, KeyValue } from "./context.ts";
import { type Int64Column, int64, jsonInt64 } from "./database.ts";
import { type Call, type Endpoint, jsonResponse, readBody } from "./endpoint.ts";
import { findExperiment } from "./experiments.ts";
import { cutTo } from "./names.ts";
import { keepNewerColumns, SESSION_METADATA } from "./newer-columns.ts";
import { readSpans, type Span } from "./otlp.ts";
import { MlflowError } from "./protocol-error.ts";
import { PythonFloat, readPythonJson } from "./python-json.ts";
import { pythonDumps } from "./python-text.ts";
import { isObject, parseExactJson } from "./read-request.ts";
import { ARTIFACT_LOCATION_TAG, IN_TABLES, SPANS_LOCATION_TAG } from "./trace-answer.ts";
import { readTokenUsage, TOKEN_USAGE, writeTokenUsage } from "./trace-usage.ts";
import { traceArtifacts, writePairs } from "./trace-writes.ts";

const BODY_LIMIT_BYTES = 64 * 1024 * 1024;
const PREVIEW_LIMIT = 1_000;
const PROTOBUF = "application/x-protobuf";
const EXPERIMENT_HEADER = "x-mlflow-experiment-id";
const SPAN_USAGE = "mlflow.chat.tokenUsage";

/** OpenTelemetry's own route, with which MLflow's client sends spans while they end. */
export const spanEndpoint: Endpoint = { methods: ["POST"], path: "v1/traces", access: "write", mount: "root", handle: takeSpans };

async function takeSpans(context: Context, call: Call): Promise<TransportResponse> {
  const refuse = (status: number, detail: unknown) => jsonResponse(status, { detail });
  const type = call.headers?.["content-type"] ?? "";
  const experimentId = call.headers?.[EXPERIMENT_HEADER];
  if (experimentId === undefined)
    return refuse(422, [{ type: "missing", loc: ["header", EXPERIMENT_HEADER], msg: "Field required", input: null }]);
  if (type.split(";")[0]?.trim() !== PROTOBUF) return refuse(400, `Invalid Content-Type: ${type}. Expected: ${PROTOBUF}`);
  const encoding = (call.headers?.["content-encoding"] ?? "").toLowerCase();
  if (!["", "identity", "gzip", "deflate"].includes(encoding)) return refuse(400, `Unsupported Content-Encoding: ${encoding}`);
  let spans: Span[];
  try {
    spans = readSpans(await inflated(await readBody(call, BODY_LIMIT_BYTES), encoding));
  } catch (error) {
    if (error instanceof MlflowError) throw error;
    return refuse(400, "Invalid OpenTelemetry protobuf format");
  }
  if (spans.length === 0) return refuse(400, "Invalid OpenTelemetry protobuf format - no spans found");
  writeSpans(context, experimentId, spans);
  return { status: 200, headers: { "content-type": PROTOBUF }, body: new Uint8Array() };
}

async function inflated(body: Uint8Array, encoding: string): Promise<Uint8Array> {
  const options = { maxOutputLength: BODY_LIMIT_BYTES };
  if (encoding === "gzip") return promisify(gunzip)(body, options);
  if (encoding === "deflate") return promisify(inflate)(body, options);
  return body;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const milliseconds = (nano: bigint): number => Number(nano / 1_000_000n);

function writeSpans(context: Context, experimentId: string, spans: readonly Span[]): void {
  const byTrace = new Map<string, Span[]>();
  for (const span of spans) {
    const id = `tr-${hex(span.traceId)}`;
    const list = byTrace.get(id);
    if (list === undefined) byTrace.set(id, [span]);
    else list.push(span);
  }
  context.db.write(() => {
    const experiment = findExperiment(context, experimentId, "ALL");
    for (const [traceId, its] of byTrace) {
      writeTrace(context, traceId, experiment, its);
      for (const span of its) writeSpan(context, traceId, experiment.experiment_id, span);
      if (its.some(({ attributes }) => attributes[SPAN_USAGE] !== undefined)) sumUsage(context, traceId);
      keepNewerColumns(context.db, traceId);
    }
  });
}

interface Home {
  readonly experiment_id: number;
  readonly artifact_location: string | null;
}

/** The trace that spans make: from the first start to the last end; its root says how it went and what went in and out. */
function writeTrace(context: Context, traceId: string, home: Home, spans: readonly Span[]): void {
  const { db } = context;
  const start = milliseconds(
    spans.reduce((least, { startNano }) => (startNano < least ? startNano : least), spans[0]?.startNano ?? 0n),
  );
  const end = milliseconds(spans.reduce((most, { endNano }) => (endNano > most ? endNano : most), 0n));
  const root = spans.find(({ parentId }) => parentId.byteLength === 0);
  const status = root === undefined ? "IN_PROGRESS" : root.status === "ERROR" ? "ERROR" : "OK";
  const preview = (key: string): string | null => {
    const value = root?.attributes[key];
    return value === undefined ? null : cutTo(PREVIEW_LIMIT, value);
  };
  db.run(
    `INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, execution_time_ms, status, request_preview, response_preview)
     VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (request_id) DO UPDATE SET timestamp_ms = min(timestamp_ms, excluded.timestamp_ms),
       execution_time_ms = max(timestamp_ms + coalesce(execution_time_ms, 0), excluded.timestamp_ms + excluded.execution_time_ms)
         - min(timestamp_ms, excluded.timestamp_ms),
       status = CASE WHEN status IN ('IN_PROGRESS', 'STATE_UNSPECIFIED') THEN excluded.status ELSE status END,
       request_preview = coalesce(request_preview, excluded.request_preview),
       response_preview = coalesce(response_preview, excluded.response_preview)`,
    traceId,
    home.experiment_id,
    start,
    Math.max(0, end - start),
    status,
    preview("mlflow.spanInputs"),
    preview("mlflow.spanOutputs"),
  );
  writePairs(context, "trace_tags", traceId, [
    { key: SPANS_LOCATION_TAG, value: IN_TABLES },
    { key: ARTIFACT_LOCATION_TAG, value: traceArtifacts(home.artifact_location, traceId) },
  ]);
  const session = root?.attributes["session.id"];
  if (session !== undefined) {
    db.run(
      `INSERT INTO trace_request_metadata ("key", value, request_id) VALUES ('${SESSION_METADATA}', ?, ?) ON CONFLICT DO NOTHING`,
      plainText(session),
      traceId,
    );
  }
}

/** A JSON text without its quotes; anything else as it is. */
function plainText(source: string): string {
  const value: unknown = JSON.parse(source);
  return typeof value === "string" ? value : source;
}

function writeSpan(context: Context, traceId: string, experimentId: number, span: Span): void {
  const attributes: Record<string, string> = { "mlflow.traceRequestId": pythonDumps(traceId), ...span.attributes };
  const type = attributes["mlflow.spanType"];
  const events = span.events.map(
    (event) =>
      `{"name": ${pythonDumps(event.name)}, "time_unix_nano": ${event.timeNano}, "attributes": {${Object.entries(event.attributes)
        .map(([key, value]) => `${pythonDumps(key)}: ${value}`)
        .join(", ")}}}`,
  );
  const parent = span.parentId.byteLength === 0 ? undefined : span.parentId;
  // MLflow's own text of a span, so that it reads this file and this server reads its.
  const content =
    `{"trace_id": "${base64(span.traceId)}", "span_id": "${base64(span.spanId)}", ` +
    `"parent_span_id": ${parent === undefined ? "null" : `"${base64(parent)}"`}, "name": ${pythonDumps(span.name)}, ` +
    `"start_time_unix_nano": ${span.startNano}, "end_time_unix_nano": ${span.endNano}, "events": [${events.join(", ")}], ` +
    `"status": {"code": "STATUS_CODE_${span.status}", "message": ${pythonDumps(span.statusMessage)}}, "attributes": ${pythonDumps(attributes)}}`;
  context.db.run(
    `INSERT INTO spans (trace_id, experiment_id, span_id, parent_span_id, name, type, status, start_time_unix_nano, end_time_unix_nano, content)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (trace_id, span_id) DO UPDATE SET parent_span_id = excluded.parent_span_id, name = excluded.name, type = excluded.type,
       status = excluded.status, start_time_unix_nano = excluded.start_time_unix_nano, end_time_unix_nano = excluded.end_time_unix_nano,
       content = excluded.content`,
    traceId,
    experimentId,
    hex(span.spanId),
    parent === undefined ? null : hex(parent),
    span.name,
    type === undefined ? null : plainText(type),
    span.status,
    BigInt.asIntN(64, span.startNano),
    BigInt.asIntN(64, span.endNano),
    content,
  );
}

/** The tokens of all spans of a trace, as its metadata and as numbers. Clients send span by span: only those that count are read. */
function sumUsage(context: Context, traceId: string): void {
  const total: Record<string, number> = {};
  const counting = context.db.all<{ content: string }>(
    "SELECT content FROM spans WHERE trace_id = ? AND instr(content, ?) > 0",
    traceId,
    SPAN_USAGE,
  );
  for (const { content } of counting) {
    const counts = readTokenUsage(readContent(content).attributes[SPAN_USAGE]);
    for (const [key, value] of Object.entries(counts ?? {})) total[key] = (total[key] ?? 0) + value;
  }
  if (Object.keys(total).length === 0) return;
  const metadata: KeyValue[] = [{ key: TOKEN_USAGE, value: pythonDumps(total) }];
  writePairs(context, "trace_request_metadata", traceId, metadata);
  writeTokenUsage(context, traceId, metadata);
}

interface Content {
  readonly attributes: Readonly<Record<string, string>>;
  readonly events: readonly unknown[];
  readonly status: Readonly<Record<string, unknown>>;
}

function readContent(source: string): Content {
  const parsed = parseExactJson(source);
  const fields = isObject(parsed) ? parsed : {};
  const attributes = isObject(fields.attributes) ? fields.attributes : {};
  return {
    attributes: Object.fromEntries(
      Object.entries(attributes).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    ),
    events: Array.isArray(fields.events) ? fields.events : [],
    status: isObject(fields.status) ? fields.status : {},
  };
}

const ORDER = "ORDER BY parent_span_id IS NOT NULL, start_time_unix_nano, rowid";

/** Each span as its JSON text, the root first. */
export const spanContents = (context: Context, traceId: string): string[] =>
  context.db
    .all<{ content: string }>(`SELECT content FROM spans WHERE trace_id = ? ${ORDER}`, traceId)
    .map(({ content }) => content);

interface SpanRow {
  readonly span_id: string;
  readonly parent_span_id: string | null;
  readonly name: string | null;
  readonly start: Int64Column;
  readonly end: Int64Column;
  readonly content: string;
}

/** The spans of a trace in OpenTelemetry's JSON form, the root first. */
export function spanAnswers(context: Context, traceId: string): object[] {
  const rows = context.db.all<SpanRow>(
    `SELECT span_id, parent_span_id, name, ${int64("start_time_unix_nano")} AS start, ${int64("end_time_unix_nano")} AS "end", content
     FROM spans WHERE trace_id = ? ${ORDER}`,
    traceId,
  );
  const toBase64 = (id: string): string => Buffer.from(id, "hex").toString("base64");
  return rows.map((row) => {
    const { attributes, events, status } = readContent(row.content);
    const code = status.code === "STATUS_CODE_UNSET" ? undefined : status.code;
    return {
      trace_id: toBase64(traceId.replace(/^tr-/, "")),
      span_id: toBase64(row.span_id),
      parent_span_id: row.parent_span_id === null ? undefined : toBase64(row.parent_span_id),
      name: row.name ?? "",
      start_time_unix_nano: jsonInt64(row.start ?? 0),
      end_time_unix_nano: row.end === null ? undefined : jsonInt64(row.end),
      attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(readValue(value)) })),
      events: events.length === 0 ? undefined : events.map(eventAnswer),
      status: { code, message: status.message || undefined },
    };
  });
}

function eventAnswer(event: unknown): object {
  const { name, time_unix_nano, attributes } = isObject(event) ? event : {};
  const time = typeof time_unix_nano === "bigint" ? String(time_unix_nano) : Number(time_unix_nano ?? 0);
  const list = Object.entries(isObject(attributes) ? attributes : {}).map(([key, value]) => ({
    key,
    value: anyValue(readValue(pythonDumps(value))),
  }));
  return { time_unix_nano: jsonInt64(time), name, attributes: list.length === 0 ? undefined : list };
}

function readValue(source: string): unknown {
  try {
    return readPythonJson(source);
  } catch {
    // A file of MLflow may hold NaN, which is no JSON; the text itself is what can be said of it.
    return source;
  }
}

function anyValue(value: unknown): object {
  if (typeof value === "string") return { string_value: value };
  if (typeof value === "boolean") return { bool_value: value };
  if (value instanceof PythonFloat) return { double_value: value };
  if (typeof value === "number" || typeof value === "bigint") return { int_value: JSON.rawJSON(String(value)) };
  if (Array.isArray(value)) return { array_value: { values: value.length === 0 ? undefined : value.map(anyValue) } };
  if (isObject(value)) {
    const values = Object.entries(value).map(([key, inner]) => ({ key, value: anyValue(inner) }));
    return { kvlist_value: { values: values.length === 0 ? undefined : values } };
  }
  return {};
}

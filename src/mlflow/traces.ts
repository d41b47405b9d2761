import { downloadAt } from "./artifacts.ts";
import { assessmentFields, checkAssessment, writeAssessment } from "./assessments.ts";
import { type Context, type KeyValue, readKeyValues } from "./context.ts";
import { allIn } from "./database.ts";
import { type Call, type Endpoint, READ, rpc, V3, V3_READ } from "./endpoint.ts";
import { findActiveExperiment, findExperiment } from "./experiments.ts";
import {
  bool,
  duration,
  int32,
  int64,
  keyValue,
  type Message,
  many,
  map,
  message,
  oneOf,
  required,
  text,
  timestamp,
} from "./message-fields.ts";
import { checkEntityName, checkLength, cutTo, LIMITS } from "./names.ts";
import { forgetName, keepNewerColumns, NAME_TAG } from "./newer-columns.ts";
import { invalid, MlflowError, missing } from "./protocol-error.ts";
import { missingAt } from "./read-request.ts";
import { someOrNone } from "./some-or-none.ts";
import { spanAnswers, spanContents } from "./spans.ts";
import {
  ARTIFACT_LOCATION_TAG,
  findTrace,
  IN_TABLES,
  oldTraceAnswers,
  SPANS_LOCATION_TAG,
  type TraceRow,
  traceAnswers,
  traceColumns,
} from "./trace-answer.ts";
import { writeTokenUsage } from "./trace-usage.ts";
import { traceArtifacts, writePairs } from "./trace-writes.ts";

const TRACE_ID_LIMIT = 50;
const MAX_LINKED = 100;
const STATES = ["STATE_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS"] as const;
const OLD_STATUSES = ["TRACE_STATUS_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS"] as const;

/** Source: reference/mlflow/protos.txt, TraceInfoV3. */
const traceInfo = message({
  trace_id: text,
  client_request_id: text,
  trace_location: message({ type: text, mlflow_experiment: message({ experiment_id: text }) }),
  request_preview: text,
  response_preview: text,
  request_time: timestamp,
  execution_duration: duration,
  state: oneOf(STATES, 0),
  trace_metadata: map,
  assessments: many(assessmentFields),
  tags: map,
});
const oldStart = {
  experiment_id: text,
  timestamp_ms: int64,
  request_metadata: many(keyValue),
  tags: many(keyValue),
} as const;
const oldEnd = {
  request_id: required(text),
  timestamp_ms: int64,
  status: oneOf(OLD_STATUSES, 0),
  request_metadata: many(keyValue),
  tags: many(keyValue),
} as const;
const deletion = {
  experiment_id: required(text),
  max_timestamp_millis: int64,
  max_traces: int32,
  request_ids: many(text),
} as const;
const promptVersion = message({ name: text, version: text });

const tagEndpoints = (id: "request_id" | "trace_id", options: Parameters<typeof rpc>[4]): Endpoint[] => [
  rpc(
    ["PATCH"],
    `traces/{${id}}/tags`,
    { request_id: text, trace_id: text, key: required(text), value: text },
    (context, request) => setTag(context, request[id] ?? "", request.key, request.value ?? ""),
    options,
  ),
  rpc(
    ["DELETE"],
    `traces/{${id}}/tags`,
    { request_id: text, trace_id: text, key: required(text) },
    (context, request) => deleteTag(context, request[id] ?? "", request.key),
    options,
  ),
];

export const traceEndpoints: readonly Endpoint[] = [
  rpc(["POST"], "traces", { trace: required(message({ trace_info: traceInfo })) }, startTrace, V3),
  rpc(
    ["GET"],
    "traces/get",
    { trace_id: required(text), allow_partial: bool },
    (context, request) => getTrace(context, request.trace_id),
    V3_READ,
  ),
  rpc(
    ["GET"],
    "traces/batchGet",
    { trace_ids: required(many(text)) },
    (context, request) => ({ traces: someOrNone(wholeTraces(context, tracesById(context, request.trace_ids))) }),
    V3_READ,
  ),
  rpc(
    ["POST"],
    "traces/batchGetInfos",
    { trace_ids: required(many(text)) },
    (context, request) => ({ trace_infos: someOrNone(traceAnswers(context, tracesById(context, request.trace_ids))) }),
    V3_READ,
  ),
  rpc(
    ["GET"],
    "traces/{trace_id}",
    { trace_id: required(text) },
    (context, request) => ({ trace: { trace_info: traceAnswers(context, [findTrace(context, request.trace_id)])[0] } }),
    V3_READ,
  ),
  ...tagEndpoints("trace_id", V3),
  ...tagEndpoints("request_id", {}),
  rpc(["POST"], "traces/delete-traces", deletion, deleteTraces, V3),
  rpc(["POST"], "traces/delete-traces", deletion, deleteTraces),
  rpc(["POST"], "traces/link-to-run", { trace_ids: required(many(text)), run_id: required(text) }, (context, request) => {
    if (request.trace_ids.length > MAX_LINKED) {
      throw invalid(
        `Cannot link more than ${MAX_LINKED} traces to a run in a single request. Provided ${request.trace_ids.length} traces.`,
      );
    }
    return link(
      context,
      request.trace_ids.map((traceId) => ({ traceId, type: "run", destination: request.run_id })),
    );
  }),
  rpc(
    ["POST"],
    "traces/link-prompts",
    { trace_id: required(text), prompt_versions: required(many(promptVersion)) },
    (context, request) =>
      link(
        context,
        request.prompt_versions.map(({ name, version }) => ({
          traceId: request.trace_id,
          type: "prompt_version",
          destination: `${name ?? ""}/${version ?? ""}`,
        })),
      ),
  ),
  rpc(["POST"], "traces", oldStart, startOldTrace),
  rpc(["PATCH"], "traces/{request_id}", oldEnd, endOldTrace),
  rpc(
    ["GET"],
    "traces/{request_id}/info",
    { request_id: required(text) },
    (context, request) => ({ trace_info: oldTraceAnswers(context, [findTrace(context, request.request_id)])[0] }),
    READ,
  ),
  { methods: ["GET"], path: "get-trace-artifact", access: "read", mount: "ajax-v2-v3", handle: traceArtifact },
];

/** Writes a trace, or writes over it: spans may have come first, and a client may send the end of a trace after its beginning. */
function startTrace(
  context: Context,
  request: { trace: { trace_info: Message<(typeof traceInfo)["fields"]> | undefined } },
): object {
  const info = request.trace.trace_info;
  const traceId = info?.trace_id ?? "";
  const experimentId = info?.trace_location?.mlflow_experiment?.experiment_id;
  if (traceId === "") throw missingAt("trace.trace_info.trace_id");
  if (info === undefined || !experimentId) throw missingAt("trace.trace_info.trace_location.mlflow_experiment.experiment_id");
  checkLength("trace_id", TRACE_ID_LIMIT, traceId);
  for (const assessment of info.assessments) checkAssessment(assessment);
  const metadata = pairs(info.trace_metadata);
  return context.db.write(() => {
    const experiment = findActiveExperiment(context, experimentId);
    context.db.run(
      `INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, execution_time_ms, status, client_request_id, request_preview, response_preview)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (request_id) DO UPDATE SET experiment_id = excluded.experiment_id, timestamp_ms = excluded.timestamp_ms,
         execution_time_ms = excluded.execution_time_ms, status = excluded.status, client_request_id = excluded.client_request_id,
         request_preview = coalesce(excluded.request_preview, request_preview),
         response_preview = coalesce(excluded.response_preview, response_preview)`,
      traceId,
      experiment.experiment_id,
      info.request_time ?? 0,
      info.execution_duration ?? null,
      info.state ?? "STATE_UNSPECIFIED",
      info.client_request_id ?? null,
      info.request_preview ?? null,
      info.response_preview ?? null,
    );
    writePairs(context, "trace_tags", traceId, [
      ...pairs(info.tags),
      { key: ARTIFACT_LOCATION_TAG, value: traceArtifacts(experiment.artifact_location, traceId) },
    ]);
    writePairs(context, "trace_request_metadata", traceId, metadata);
    writeTokenUsage(context, traceId, metadata);
    keepNewerColumns(context.db, traceId);
    for (const assessment of info.assessments) writeAssessment(context, traceId, assessment);
    return { trace: { trace_info: traceAnswers(context, [findTrace(context, traceId)])[0] } };
  });
}

const pairs = (values: Readonly<Record<string, string>> | undefined): KeyValue[] =>
  Object.entries(values ?? {}).map(([key, value]) => ({ key, value }));

function getTrace(context: Context, traceId: string): object {
  const [row] = tracesById(context, [traceId]);
  if (row === undefined) throw missing(`Trace with ID ${traceId} is not found.`);
  return { trace: wholeTraces(context, [row])[0] };
}

/** Rows in the order of the ids; ids of no trace are left out. */
function tracesById(context: Context, ids: readonly string[]): TraceRow[] {
  const found = allIn<TraceRow>(
    context.db,
    ids,
    (list) => `SELECT ${traceColumns(context.db)} FROM trace_info t WHERE t.request_id IN (${list})`,
  );
  const byId = new Map(found.map((row) => [row.request_id, row]));
  return [...new Set(ids)].flatMap((id) => byId.get(id) ?? []);
}

function wholeTraces(context: Context, rows: readonly TraceRow[]): object[] {
  const infos = traceAnswers(context, rows);
  return rows.map((row, index) => {
    // MLflow's status is 500 here, with which its client tries again for minutes.
    if (!isInTables(context, row.request_id))
      throw new MlflowError("INTERNAL_ERROR", "Trace data not stored in tracking store", 400);
    return { trace_info: infos[index], spans: someOrNone(spanAnswers(context, row.request_id)) };
  });
}

const tagOf = (context: Context, traceId: string, key: string): string | undefined =>
  context.db.get<{ value: string | null }>(`SELECT value FROM trace_tags WHERE request_id = ? AND "key" = ?`, traceId, key)
    ?.value ?? undefined;

const isInTables = (context: Context, traceId: string): boolean => tagOf(context, traceId, SPANS_LOCATION_TAG) === IN_TABLES;

/** The spans as the file that MLflow's pages download: from the tables, or as a client uploaded it. */
async function traceArtifact(context: Context, call: Call): Promise<Awaited<ReturnType<typeof downloadAt>>> {
  const id = call.query?.find(([key]) => key === "request_id")?.[1];
  if (!id) throw new MlflowError("BAD_REQUEST", 'Request must include the "request_id" query parameter.');
  const [row] = tracesById(context, [id]);
  if (row === undefined) throw missing(`Trace with ID ${id} is not found.`);
  if (isInTables(context, id)) {
    return {
      status: 200,
      headers: {
        "content-type": "text/plain",
        "content-disposition": "attachment; filename=traces.json",
        "x-content-type-options": "nosniff",
      },
      body: Buffer.from(`{"spans": [${spanContents(context, id).join(", ")}]}`),
    };
  }
  const location = tagOf(context, id, ARTIFACT_LOCATION_TAG);
  if (location === undefined) throw notThere(id);
  return downloadAt(context, location, "traces.json", call).catch((error: unknown) => {
    throw error instanceof MlflowError && error.code === "RESOURCE_DOES_NOT_EXIST" ? notThere(id) : error;
  });
}

const notThere = (traceId: string): MlflowError => new MlflowError("NOT_FOUND", `Trace data not found for trace '${traceId}'`);

function setTag(context: Context, traceId: string, key: string, value: string): object {
  checkEntityName(key, "key");
  checkLength("key", LIMITS.entityKey, key);
  return context.db.write(() => {
    findTrace(context, traceId);
    writePairs(context, "trace_tags", traceId, [{ key, value: cutTo(LIMITS.runTagValue, value) }]);
    keepNewerColumns(context.db, traceId);
    return {};
  });
}

function deleteTag(context: Context, traceId: string, key: string): object {
  const removed = context.db.write(
    () =>
      context.db.run(`DELETE FROM trace_tags WHERE request_id = ? AND "key" = ?`, traceId, key) +
      (key === NAME_TAG ? forgetName(context.db, traceId) : 0),
  );
  if (removed === 0) throw missing(`No trace tag with key '${key}' for trace with ID '${traceId}'`);
  return {};
}

/** Tables whose rows go with their trace. */
const CHILDREN = {
  trace_tags: "request_id",
  trace_request_metadata: "request_id",
  trace_metrics: "request_id",
  assessments: "trace_id",
  span_metrics: "trace_id",
  spans: "trace_id",
} as const;

/** Named traces, or the oldest ones up to a time. */
function deleteTraces(context: Context, request: Message<typeof deletion>): object {
  const { max_timestamp_millis: until, max_traces: count, request_ids: ids } = request;
  if (until === undefined && ids.length === 0) throw invalid("Either `max_timestamp_millis` or `trace_ids` must be specified.");
  if (until !== undefined && ids.length > 0)
    throw invalid("Only one of `max_timestamp_millis` and `trace_ids` can be specified.");
  if (count !== undefined && ids.length > 0) throw invalid("`max_traces` can't be specified if `trace_ids` is specified.");
  if (count !== undefined && count <= 0) throw invalid(`\`max_traces\` must be a positive integer, received ${count}.`);
  const { db } = context;
  return db.write(() => {
    const experimentId = experimentNumber(request.experiment_id);
    const rows =
      ids.length > 0
        ? allIn<{ request_id: string }>(
            db,
            ids,
            (list) => `SELECT request_id FROM trace_info WHERE experiment_id = ${experimentId} AND request_id IN (${list})`,
          )
        : db.all<{ request_id: string }>(
            "SELECT request_id FROM trace_info WHERE experiment_id = ? AND timestamp_ms <= ? ORDER BY timestamp_ms, request_id LIMIT ?",
            experimentId,
            until ?? 0,
            count ?? -1,
          );
    for (const { request_id } of rows) {
      for (const [table, column] of Object.entries(CHILDREN)) db.run(`DELETE FROM ${table} WHERE ${column} = ?`, request_id);
      db.run("DELETE FROM entity_associations WHERE source_type = 'trace' AND source_id = ?", request_id);
      db.run("DELETE FROM trace_info WHERE request_id = ?", request_id);
    }
    return { traces_deleted: rows.length };
  });
}

/** @throws MlflowError INVALID_PARAMETER_VALUE unless the id is a number. */
export function experimentNumber(id: string): number {
  if (!/^\s*-?\d{1,15}\s*$/.test(id)) throw invalid(`Invalid experiment ID '${id}'. Experiment ID must be a valid integer.`);
  return Number(id);
}

interface Link {
  readonly traceId: string;
  readonly type: string;
  readonly destination: string;
}

/** As in MLflow neither end need be there: a client may link a trace that it has not sent yet. */
function link(context: Context, links: readonly Link[]): object {
  const time = context.now();
  context.db.write(() => {
    for (const { traceId, type, destination } of links) {
      context.db.run(
        `INSERT INTO entity_associations (association_id, source_type, source_id, destination_type, destination_id, created_time)
         VALUES (?, 'trace', ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
        context.newId(),
        traceId,
        type,
        destination,
        time,
      );
    }
  });
  return {};
}

function startOldTrace(context: Context, request: Message<typeof oldStart>): object {
  const traceId = context.newId();
  if (!request.experiment_id) throw missingAt("experiment_id");
  const experiment = findExperiment(context, request.experiment_id, "ALL");
  return context.db.write(() => {
    context.db.run(
      "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status) VALUES (?, ?, ?, 'IN_PROGRESS')",
      traceId,
      experiment.experiment_id,
      request.timestamp_ms ?? 0,
    );
    writePairs(context, "trace_tags", traceId, [
      ...readKeyValues(request.tags),
      { key: ARTIFACT_LOCATION_TAG, value: traceArtifacts(experiment.artifact_location, traceId) },
    ]);
    writePairs(context, "trace_request_metadata", traceId, readKeyValues(request.request_metadata));
    return { trace_info: oldTraceAnswers(context, [findTrace(context, traceId)])[0] };
  });
}

function endOldTrace(context: Context, request: Message<typeof oldEnd>): object {
  const traceId = request.request_id;
  return context.db.write(() => {
    const { timestamp_ms } = findTrace(context, traceId);
    const { status } = request;
    if (status === undefined || status === "TRACE_STATUS_UNSPECIFIED")
      throw invalid(`Invalid status of a trace that ends: ${status}; it must be OK, ERROR or IN_PROGRESS`);
    context.db.run(
      "UPDATE trace_info SET execution_time_ms = ?, status = ? WHERE request_id = ?",
      Number(request.timestamp_ms ?? 0) - Number(timestamp_ms ?? 0),
      status,
      traceId,
    );
    writePairs(context, "trace_tags", traceId, readKeyValues(request.tags));
    writePairs(context, "trace_request_metadata", traceId, readKeyValues(request.request_metadata));
    return { trace_info: oldTraceAnswers(context, [findTrace(context, traceId)])[0] };
  });
}

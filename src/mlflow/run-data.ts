import { type Context, type KeyValue, lastByKey, readKeyValues } from "./context.ts";
import type { Database, SqlValue } from "./database.ts";
import { type Endpoint, rpc } from "./endpoint.ts";
import {
  double,
  type Int64,
  int64,
  keyValue,
  type Message,
  many,
  metric as metricField,
  required,
  text,
} from "./message-fields.ts";
import { checkEntityName, checkLength, checkParam, checkRunId, checkRunTag, joinPath, LIMITS } from "./names.ts";
import { invalid, missing } from "./protocol-error.ts";
import { pythonFloat, pythonJson, pythonRepr } from "./python-text.ts";
import { isObject, missingAt } from "./read-request.ts";
import { findActiveRun, RUN_NAME_TAG, renameRun, writeRunTag } from "./runs.ts";

const MAX_METRICS = 1_000;
const MAX_PARAMS_OR_TAGS = 100;
const MAX_ENTITIES = 1_000;
/** What an infinite metric is stored as: MLflow's column holds no infinities. */
const LARGEST = Number.MAX_VALUE;

export interface Metric {
  readonly key: string;
  readonly value: number;
  readonly timestamp: Int64;
  readonly step: Int64;
  readonly modelId: string | undefined;
  readonly datasetName: string | undefined;
  readonly datasetDigest: string | undefined;
}

const oneMetric = {
  run_id: required(text),
  key: required(text),
  value: required(double),
  timestamp: required(int64),
  step: int64,
  model_id: text,
  dataset_name: text,
  dataset_digest: text,
} as const;
const batch = { run_id: required(text), metrics: many(metricField), params: many(keyValue), tags: many(keyValue) } as const;

export const runDataEndpoints: readonly Endpoint[] = [
  rpc(["POST"], "runs/log-metric", oneMetric, (context, request) => logMetric(context, request.run_id, readMetric(request))),
  rpc(["POST"], "runs/log-parameter", { run_id: required(text), key: required(text), value: text }, (context, request) =>
    logParam(context, request.run_id, request.key, request.value ?? ""),
  ),
  rpc(["POST"], "runs/set-tag", { run_id: required(text), key: required(text), value: text }, (context, request) =>
    setTag(context, request.run_id, request.key, request.value ?? ""),
  ),
  rpc(["POST"], "runs/delete-tag", { run_id: required(text), key: required(text) }, (context, request) =>
    deleteTag(context, request.run_id, request.key),
  ),
  rpc(["POST"], "runs/log-batch", batch, (context, request, raw) => {
    checkPresence(raw);
    return logBatch(context, request);
  }),
];

type MetricMessage = Message<(typeof metricField)["fields"]>;

function readMetric(request: MetricMessage): Metric {
  if (!request.dataset_name !== !request.dataset_digest) {
    throw invalid("Both dataset_name and dataset_digest must be provided if one is provided");
  }
  return {
    key: request.key ?? "",
    value: request.value ?? 0,
    timestamp: request.timestamp ?? 0,
    step: request.step ?? 0,
    modelId: request.model_id || undefined,
    datasetName: request.dataset_name || undefined,
    datasetDigest: request.dataset_digest || undefined,
  };
}

/** Keys, values and timestamps that a batch must carry, in MLflow's order and words. */
function checkPresence(raw: Readonly<Record<string, unknown>>): void {
  const demands = { metrics: ["key", "value", "timestamp"], params: ["key"], tags: ["key"] } as const;
  for (const [list, names] of Object.entries(demands)) {
    const items = raw[list];
    if (!Array.isArray(items)) continue;
    items.forEach((item, index) => {
      for (const name of names) {
        const value = isObject(item) ? item[name] : undefined;
        if (value === undefined || value === null || value === "") throw missingAt(`${list}[${index}].${name}`);
      }
    });
  }
}

function checkMetric(metric: Metric, path: string): void {
  checkEntityName(metric.key, joinPath(path, "name"));
  if (metric.timestamp < 0) {
    throw invalid(
      `Invalid value ${pythonJson(metric.timestamp)} for parameter '${joinPath(path, "timestamp")}' supplied: metric '${metric.key}' ` +
        `(value=${pythonFloat(metric.value)}). Timestamp must be a nonnegative long (64-bit integer) `,
    );
  }
  checkLength("Metric name", LIMITS.entityKey, metric.key);
}

function logMetric(context: Context, runId: string, metric: Metric): object {
  checkMetric(metric, "");
  return context.db.write(() => {
    const { experiment_id } = findActiveRun(context, runId);
    writeMetrics(context, runId, experiment_id, [metric]);
    return {};
  });
}

/** Exact repeats are dropped; the latest is the greatest (step, timestamp, value). */
function writeMetrics(context: Context, runId: string, experimentId: number, metrics: readonly Metric[]): void {
  const { db } = context;
  insertMetrics(db, runId, inIndexOrder(metrics));
  const latest = new Map<string, Metric>();
  for (const metric of metrics) {
    const previous = latest.get(metric.key);
    if (previous === undefined || isLater(metric, previous)) latest.set(metric.key, metric);
    if (metric.modelId !== undefined) writeModelMetric(context, runId, experimentId, metric, metric.modelId);
  }
  for (const metric of latest.values()) {
    db.run(
      `INSERT INTO latest_metrics ("key", value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT ("key", run_uuid) DO UPDATE SET value = excluded.value, timestamp = excluded.timestamp, step = excluded.step, is_nan = excluded.is_nan
       WHERE (excluded.step, excluded.timestamp, excluded.value) > (step, timestamp, value)`,
      metric.key,
      storedValue(metric.value),
      metric.timestamp,
      metric.step,
      Number.isNaN(metric.value) ? 1 : 0,
      runId,
    );
  }
}

const METRIC_INSERT = `INSERT OR IGNORE INTO metrics ("key", value, timestamp, run_uuid, step, is_nan) VALUES `;
const METRIC_VALUES = "(?, ?, ?, ?, ?, ?)";
/** Rows of one statement: a fifth less time than one statement a row. */
const ROWS_AT_ONCE = 50;
const MANY_METRICS = METRIC_INSERT + Array.from({ length: ROWS_AT_ONCE }, () => METRIC_VALUES).join(", ");

function insertMetrics(db: Database, runId: string, metrics: readonly Metric[]): void {
  const rowOf = (metric: Metric): SqlValue[] => [
    metric.key,
    storedValue(metric.value),
    metric.timestamp,
    runId,
    metric.step,
    Number.isNaN(metric.value) ? 1 : 0,
  ];
  let at = 0;
  for (; at + ROWS_AT_ONCE <= metrics.length; at += ROWS_AT_ONCE)
    db.run(MANY_METRICS, ...metrics.slice(at, at + ROWS_AT_ONCE).flatMap(rowOf));
  for (const metric of metrics.slice(at)) db.run(METRIC_INSERT + METRIC_VALUES, ...rowOf(metric));
}

/** By key, then time: neighbours of the primary key come together, which spares a quarter of the time of a batch in a large file. */
const inIndexOrder = (metrics: readonly Metric[]): Metric[] =>
  [...metrics].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : Number(a.timestamp) - Number(b.timestamp)));

function isLater(a: Metric, b: Metric): boolean {
  if (a.step !== b.step) return a.step > b.step;
  if (a.timestamp !== b.timestamp) return a.timestamp > b.timestamp;
  return storedValue(a.value) > storedValue(b.value);
}

function storedValue(value: number): number {
  if (Number.isNaN(value)) return 0;
  return Math.max(-LARGEST, Math.min(LARGEST, value));
}

/** A model's metric. The table cannot hold NaN (MLflow writes 0 for it): such a value stays with the run alone, absent rather than wrong. */
function writeModelMetric(context: Context, runId: string, experimentId: number, metric: Metric, modelId: string): void {
  const { db } = context;
  if (Number.isNaN(metric.value)) return;
  if (db.get("SELECT 1 AS found FROM logged_models WHERE model_id = ?", modelId) === undefined) {
    throw missing(`Logged model with ID '${modelId}' not found.`);
  }
  db.run(
    `INSERT INTO logged_model_metrics
       (model_id, metric_name, metric_timestamp_ms, metric_step, metric_value, experiment_id, run_id, dataset_name, dataset_digest)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET metric_value = excluded.metric_value, dataset_name = excluded.dataset_name, dataset_digest = excluded.dataset_digest
       WHERE metric_value != excluded.metric_value`,
    modelId,
    metric.key,
    metric.timestamp,
    metric.step,
    storedValue(metric.value),
    experimentId,
    runId,
    metric.datasetName ?? null,
    metric.datasetDigest ?? null,
  );
}

function logParam(context: Context, runId: string, key: string, value: string): object {
  const param = checkParam(key, value);
  return context.db.write(() => {
    findActiveRun(context, runId);
    const old = readParam(context, runId, param.key);
    if (old === undefined) insertParam(context, runId, param);
    else if (old !== param.value) {
      throw invalid(
        `Changing param values is not allowed. Param with key='${param.key}' was already logged with value='${old}' for run ID='${runId}'. ` +
          `Attempted logging new value '${param.value}'.`,
      );
    }
    return {};
  });
}

const readParam = (context: Context, runId: string, key: string): string | undefined =>
  context.db.get<{ value: string }>(`SELECT value FROM params WHERE "key" = ? AND run_uuid = ?`, key, runId)?.value;

const insertParam = (context: Context, runId: string, param: KeyValue): void => {
  context.db.run(`INSERT INTO params ("key", value, run_uuid) VALUES (?, ?, ?)`, param.key, param.value, runId);
};

function logBatch(context: Context, request: Message<typeof batch>): object {
  const runId = request.run_id;
  checkRunId(runId);
  const metrics = request.metrics.map(readMetric);
  // A batch repeats few names: each is looked at once.
  const good = new Set<string>();
  metrics.forEach((metric, index) => {
    if (good.has(metric.key) && metric.timestamp >= 0) return;
    checkMetric(metric, `metrics[${index}]`);
    good.add(metric.key);
  });
  const params = readKeyValues(request.params).map((param, index) => checkParam(param.key, param.value, `params[${index}]`));
  const tags = readKeyValues(request.tags).map((tag, index) => checkRunTag(tag.key, tag.value, `tags[${index}]`));
  checkCount("metrics", MAX_METRICS, metrics.length);
  checkCount("params", MAX_PARAMS_OR_TAGS, params.length);
  checkCount("tags", MAX_PARAMS_OR_TAGS, tags.length);
  checkCount("metrics, params, and tags", MAX_ENTITIES, metrics.length + params.length + tags.length);
  checkUniqueParams(params);
  return context.db.write(() => {
    const { experiment_id } = findActiveRun(context, runId);
    writeParams(context, runId, params);
    writeMetrics(context, runId, experiment_id, metrics);
    for (const tag of lastByKey(tags)) applyTag(context, runId, tag);
    return {};
  });
}

function checkCount(what: string, limit: number, count: number): void {
  if (count <= limit) return;
  throw invalid(
    `A batch logging request can contain at most ${limit} ${what}. Got ${count} ${what}. Please split up ${what} across multiple requests ` +
      "and try again.",
  );
}

function checkUniqueParams(params: readonly KeyValue[]): void {
  const seen = new Set<string>();
  const repeated: string[] = [];
  for (const { key } of params) {
    if (seen.has(key)) repeated.push(key);
    seen.add(key);
  }
  if (repeated.length === 0) return;
  throw invalid(
    `Duplicate parameter keys have been submitted: ${pythonRepr(repeated)}. Please ensure the request contains only one param value per param key.`,
  );
}

function writeParams(context: Context, runId: string, params: readonly KeyValue[]): void {
  const changed: object[] = [];
  const fresh: KeyValue[] = [];
  for (const param of params) {
    const old = readParam(context, runId, param.key);
    if (old === undefined) fresh.push(param);
    else if (old !== param.value) changed.push({ key: param.key, old_value: old, new_value: param.value });
  }
  if (changed.length > 0) {
    throw invalid(
      `Changing param values is not allowed. Params were already logged='${pythonRepr(changed)}' for run ID='${runId}'.`,
    );
  }
  for (const param of fresh) insertParam(context, runId, param);
}

function setTag(context: Context, runId: string, key: string, value: string): object {
  const tag = checkRunTag(key, value);
  return context.db.write(() => {
    findActiveRun(context, runId);
    applyTag(context, runId, tag);
    return {};
  });
}

/** The name tag renames the run; an empty name changes nothing, as in MLflow. */
function applyTag(context: Context, runId: string, tag: KeyValue): void {
  if (tag.key !== RUN_NAME_TAG) writeRunTag(context, runId, tag.key, tag.value);
  else if (tag.value !== "") renameRun(context, runId, tag.value);
}

function deleteTag(context: Context, runId: string, key: string): object {
  return context.db.write(() => {
    findActiveRun(context, runId);
    const removed = context.db.run(`DELETE FROM tags WHERE run_uuid = ? AND "key" = ?`, runId, key);
    if (removed === 0) throw missing(`No tag with name: ${key} in run with id ${runId}`);
    return {};
  });
}

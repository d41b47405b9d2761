import { type Context, joinUri, type KeyValue, lastByKey, readKeyValues } from "./context.ts";
import { allIn, int64, jsonDouble, jsonInt64 } from "./database.ts";
import { type Endpoint, rpc } from "./endpoint.ts";
import { findActiveExperiment } from "./experiments.ts";
import { keyValue, type Message, MODEL_STATUSES, many, modelStatus, required, text } from "./message-fields.ts";
import { checkLoggedModelName } from "./names.ts";
import { MlflowError, missing } from "./protocol-error.ts";
import { pythonDumps, pythonRepr } from "./python-text.ts";
import { nameFrom } from "./run-names.ts";

export interface LoggedModelRow {
  readonly model_id: string;
  readonly experiment_id: number;
  readonly name: string;
  readonly artifact_location: string;
  readonly creation_timestamp_ms: number;
  readonly last_updated_timestamp_ms: number;
  readonly status: number;
  readonly model_type: string | null;
  readonly source_run_id: string | null;
  readonly status_message: string | null;
}
export const LOGGED_MODEL_COLUMNS =
  "l.model_id, l.experiment_id, l.name, l.artifact_location, l.creation_timestamp_ms, l.last_updated_timestamp_ms, l.status, l.model_type, l.source_run_id, l.status_message";
export const MODEL_VERSIONS_TAG = "mlflow.modelVersions";

const newModel = {
  experiment_id: required(text),
  name: text,
  model_type: text,
  source_run_id: text,
  params: many(keyValue),
  tags: many(keyValue),
} as const;

export const loggedModelEndpoints: readonly Endpoint[] = [
  rpc(["POST"], "logged-models", newModel, createModel),
  rpc(["GET"], "logged-models/{model_id}", { model_id: required(text), allow_deleted: text }, (context, request) => ({
    model: modelAnswers(context, [
      findLoggedModel(context, request.model_id, request.allow_deleted?.toLowerCase() === "true"),
    ])[0],
  })),
  rpc(["PATCH"], "logged-models/{model_id}", { model_id: required(text), status: required(modelStatus) }, (context, request) =>
    context.db.write(() => {
      findLoggedModel(context, request.model_id, true);
      context.db.run(
        "UPDATE logged_models SET status = ?, last_updated_timestamp_ms = ? WHERE model_id = ?",
        MODEL_STATUSES.indexOf(request.status),
        context.now(),
        request.model_id,
      );
      return { model: modelAnswers(context, [findLoggedModel(context, request.model_id, true)])[0] };
    }),
  ),
  rpc(["DELETE"], "logged-models/{model_id}", { model_id: required(text) }, (context, request) =>
    context.db.write(() => {
      findLoggedModel(context, request.model_id, true);
      context.db.run(
        "UPDATE logged_models SET lifecycle_stage = 'deleted', last_updated_timestamp_ms = ? WHERE model_id = ?",
        context.now(),
        request.model_id,
      );
      return {};
    }),
  ),
  rpc(["PATCH"], "logged-models/{model_id}/tags", { model_id: required(text), tags: many(keyValue) }, (context, request) =>
    context.db.write(() => {
      const model = findLoggedModel(context, request.model_id, true);
      for (const tag of readKeyValues(request.tags)) writeModelTag(context, model, tag);
      return {};
    }),
  ),
  rpc(
    ["DELETE"],
    "logged-models/{model_id}/tags/{tag_key...}",
    { model_id: required(text), tag_key: required(text) },
    (context, request) =>
      context.db.write(() => {
        findLoggedModel(context, request.model_id, true);
        const removed = context.db.run(
          "DELETE FROM logged_model_tags WHERE model_id = ? AND tag_key = ?",
          request.model_id,
          request.tag_key,
        );
        if (removed === 0)
          throw missing(
            `No tag with key ${pythonRepr(request.tag_key)} found for model with ID ${pythonRepr(request.model_id)}.`,
          );
        return {};
      }),
  ),
  rpc(["POST"], "logged-models/{model_id}/params", { model_id: required(text), params: many(keyValue) }, (context, request) =>
    context.db.write(() => {
      const model = findLoggedModel(context, request.model_id, true);
      for (const param of readKeyValues(request.params)) writeModelParam(context, model, param);
      return {};
    }),
  ),
];

/** @throws MlflowError RESOURCE_DOES_NOT_EXIST */
export function findLoggedModel(context: Context, modelId: string, allowDeleted: boolean): LoggedModelRow {
  const row = context.db.get<LoggedModelRow>(
    `SELECT ${LOGGED_MODEL_COLUMNS} FROM logged_models l WHERE l.model_id = ? ${allowDeleted ? "" : "AND l.lifecycle_stage != 'deleted'"}`,
    modelId,
  );
  if (row === undefined) throw missing(`Logged model with ID '${modelId}' not found.`);
  return row;
}

function createModel(context: Context, request: Message<typeof newModel>): object {
  const { db } = context;
  const asked = request.name ?? "";
  if (asked !== "") checkLoggedModelName(asked);
  return db.write(() => {
    const experiment = findActiveExperiment(context, request.experiment_id);
    const modelId = `m-${context.newId()}`;
    const time = context.now();
    db.run(
      `INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type, source_run_id)
       VALUES (?, ?, ?, ?, ?, ?, ?, 'active', ?, ?)`,
      modelId,
      experiment.experiment_id,
      asked || nameFrom(context.newId()),
      joinUri(experiment.artifact_location ?? "", "models", modelId, "artifacts"),
      time,
      time,
      MODEL_STATUSES.indexOf("LOGGED_MODEL_PENDING"),
      request.model_type ?? "",
      request.source_run_id ?? "",
    );
    const model = findLoggedModel(context, modelId, false);
    for (const param of lastByKey(readKeyValues(request.params))) writeModelParam(context, model, param);
    for (const tag of lastByKey(readKeyValues(request.tags))) writeModelTag(context, model, tag);
    return { model: modelAnswers(context, [model])[0] };
  });
}

export function writeModelTag(context: Context, model: LoggedModelRow, tag: KeyValue): void {
  context.db.run(
    `INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) VALUES (?, ?, ?, ?)
     ON CONFLICT (model_id, tag_key) DO UPDATE SET tag_value = excluded.tag_value`,
    model.model_id,
    model.experiment_id,
    tag.key,
    tag.value,
  );
}

/** Model params, like run params, are written once. */
function writeModelParam(context: Context, model: LoggedModelRow, param: KeyValue): void {
  const old = context.db.get<{ param_value: string }>(
    "SELECT param_value FROM logged_model_params WHERE model_id = ? AND param_key = ?",
    model.model_id,
    param.key,
  );
  if (old?.param_value === param.value) return;
  if (old !== undefined) {
    throw new MlflowError(
      "BAD_REQUEST",
      `Changing param values is not allowed. Param with key='${param.key}' was already logged with value='${old.param_value}' for model ID='${model.model_id}'. Attempted logging new value '${param.value}'.`,
    );
  }
  context.db.run(
    "INSERT INTO logged_model_params (model_id, experiment_id, param_key, param_value) VALUES (?, ?, ?, ?)",
    model.model_id,
    model.experiment_id,
    param.key,
    param.value,
  );
}

/** Notes in the model's tag that a registered version was made from it; a pair that is there is not repeated. */
export function noteModelVersion(context: Context, modelId: string, name: string, version: number): void {
  const { db } = context;
  const model = findLoggedModel(context, modelId, true);
  const old = db.get<{ tag_value: string }>(
    "SELECT tag_value FROM logged_model_tags WHERE model_id = ? AND tag_key = ?",
    modelId,
    MODEL_VERSIONS_TAG,
  );
  const known: unknown = old === undefined ? [] : JSON.parse(old.tag_value);
  const list: unknown[] = Array.isArray(known) ? known : [];
  const same = (entry: unknown): boolean =>
    typeof entry === "object" &&
    entry !== null &&
    "name" in entry &&
    "version" in entry &&
    entry.name === name &&
    Number(entry.version) === version;
  if (list.some(same)) return;
  // The client writes the version as text; equal entries are then told apart by nobody.
  writeModelTag(context, model, {
    key: MODEL_VERSIONS_TAG,
    value: pythonDumps([...list, { name, version: String(version) }]),
  });
}

/** Whole models in the order of `rows`. */
export function modelAnswers(context: Context, rows: readonly LoggedModelRow[]): object[] {
  const { db } = context;
  const ids = rows.map((row) => row.model_id);
  const params = groupBy(
    allIn<KeyValue & { model_id: string }>(
      db,
      ids,
      (list) =>
        `SELECT model_id, param_key AS "key", param_value AS value FROM logged_model_params WHERE model_id IN (${list}) ORDER BY param_key`,
    ),
    ({ key, value }) => ({ key, value }),
  );
  const tags = groupBy(
    allIn<KeyValue & { model_id: string }>(
      db,
      ids,
      (list) =>
        `SELECT model_id, tag_key AS "key", tag_value AS value FROM logged_model_tags WHERE model_id IN (${list}) ORDER BY tag_key`,
    ),
    ({ key, value }) => ({ key, value }),
  );
  const metrics = groupBy(
    allIn<ModelMetricRow>(
      db,
      ids,
      (
        list,
      ) => `SELECT model_id, metric_name, metric_value, ${int64("metric_timestamp_ms")} AS timestamp, ${int64("metric_step")} AS step, run_id, dataset_name, dataset_digest
        FROM logged_model_metrics WHERE model_id IN (${list}) ORDER BY rowid`,
    ),
    modelMetricAnswer,
  );
  return rows.map((row) => ({
    info: {
      model_id: row.model_id,
      experiment_id: String(row.experiment_id),
      name: row.name,
      creation_timestamp_ms: row.creation_timestamp_ms,
      last_updated_timestamp_ms: row.last_updated_timestamp_ms,
      artifact_uri: row.artifact_location,
      status: MODEL_STATUSES[row.status] ?? MODEL_STATUSES[0],
      model_type: row.model_type ?? undefined,
      source_run_id: row.source_run_id ?? undefined,
      tags: tags.get(row.model_id),
    },
    data: { params: params.get(row.model_id), metrics: metrics.get(row.model_id) },
  }));
}

interface ModelMetricRow {
  readonly model_id: string;
  readonly metric_name: string;
  readonly metric_value: number | null;
  readonly timestamp: number | string;
  readonly step: number | string;
  readonly run_id: string;
  readonly dataset_name: string | null;
  readonly dataset_digest: string | null;
}

const modelMetricAnswer = (row: ModelMetricRow): object => ({
  key: row.metric_name,
  value: row.metric_value === null ? "NaN" : jsonDouble(row.metric_value),
  timestamp: jsonInt64(row.timestamp),
  step: jsonInt64(row.step),
  dataset_name: row.dataset_name || undefined,
  dataset_digest: row.dataset_digest || undefined,
  model_id: row.model_id,
  run_id: row.run_id,
});

function groupBy<Row extends { model_id: string }, Answer>(
  rows: readonly Row[],
  answer: (row: Row) => Answer,
): Map<string, Answer[]> {
  const groups = new Map<string, Answer[]>();
  for (const row of rows) {
    const group = groups.get(row.model_id);
    if (group === undefined) groups.set(row.model_id, [answer(row)]);
    else group.push(answer(row));
  }
  return groups;
}

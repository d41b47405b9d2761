import type { Context, KeyValue } from "./context.ts";
import { allIn, type Int64Column, int64, jsonDouble, jsonInt64 } from "./database.ts";

export interface RunRow {
  readonly run_uuid: string;
  readonly name: string | null;
  readonly user_id: string | null;
  readonly status: string | null;
  readonly start_time: Int64Column;
  readonly end_time: Int64Column;
  readonly lifecycle_stage: string;
  readonly artifact_uri: string | null;
  readonly experiment_id: number;
}

export const RUN_COLUMNS = `r.run_uuid, r.name, r.user_id, r.status, ${int64("r.start_time")} AS start_time, ${int64("r.end_time")} AS end_time,
  r.lifecycle_stage, r.artifact_uri, r.experiment_id`;

/** A metric's row as selected by `METRIC_COLUMNS`. */
export interface MetricRow {
  readonly key: string;
  readonly value: number;
  readonly timestamp: Int64Column;
  readonly step: number | string;
  readonly is_nan: number;
}
export const METRIC_COLUMNS = `"key", value, ${int64("timestamp")} AS timestamp, ${int64("step")} AS step, is_nan`;

export const metricAnswer = (row: MetricRow): object => ({
  key: row.key,
  value: row.is_nan ? "NaN" : jsonDouble(row.value),
  timestamp: jsonInt64(row.timestamp ?? 0),
  step: jsonInt64(row.step),
});

/**
 * Whole runs: latest metrics, params, tags, dataset inputs and models, in the order of `rows`.
 * @param scope MLflow lists model inputs when one run is fetched, not when runs are searched, and no outputs when one is created.
 */
export function runAnswers(context: Context, rows: readonly RunRow[], scope: "created" | "fetched" | "searched"): object[] {
  const { db } = context;
  const ids = rows.map((row) => row.run_uuid);
  const metrics = grouped(
    allIn<MetricRow & { run_uuid: string }>(
      db,
      ids,
      (list) =>
        `SELECT run_uuid, ${METRIC_COLUMNS} FROM latest_metrics INDEXED BY index_latest_metrics_run_uuid WHERE run_uuid IN (${list})`,
    ),
    metricAnswer,
  );
  const params = grouped(
    allIn<KeyValue & { run_uuid: string }>(
      db,
      ids,
      (list) => `SELECT run_uuid, "key", value FROM params INDEXED BY index_params_run_uuid WHERE run_uuid IN (${list})`,
    ),
    pair,
  );
  const tags = grouped(
    allIn<KeyValue & { run_uuid: string }>(
      db,
      ids,
      (list) => `SELECT run_uuid, "key", value FROM tags INDEXED BY index_tags_run_uuid WHERE run_uuid IN (${list})`,
    ),
    pair,
  );
  const datasets = datasetInputs(context, ids);
  const models = modelEdges(context, ids);
  return rows.map((row) => {
    const edges = models.get(row.run_uuid) ?? [];
    const outputs = edges.filter((edge) => edge.source_type === "RUN_OUTPUT").map(outputAnswer);
    const inputs = scope === "fetched" ? edges.filter((edge) => edge.source_type === "RUN_INPUT").map(inputAnswer) : [];
    return {
      info: infoAnswer(row),
      data: { metrics: metrics.get(row.run_uuid), params: params.get(row.run_uuid), tags: tags.get(row.run_uuid) },
      inputs: { dataset_inputs: datasets.get(row.run_uuid), model_inputs: inputs.length === 0 ? undefined : inputs },
      outputs: scope === "created" ? undefined : { model_outputs: outputs.length === 0 ? undefined : outputs },
    };
  });
}

const pair = (row: { key: string; value: string | null }): KeyValue => ({ key: row.key, value: row.value ?? "" });

function grouped<Row extends { run_uuid: string }, Answer>(
  rows: readonly Row[],
  answer: (row: Row) => Answer,
): Map<string, Answer[]> {
  const groups = new Map<string, Answer[]>();
  for (const row of rows) {
    const group = groups.get(row.run_uuid);
    if (group === undefined) groups.set(row.run_uuid, [answer(row)]);
    else group.push(answer(row));
  }
  return groups;
}

interface DatasetInputRow {
  readonly run_uuid: string;
  readonly input_uuid: string;
  readonly name: string;
  readonly digest: string;
  readonly dataset_source_type: string;
  readonly dataset_source: string;
  readonly dataset_schema: string | null;
  readonly dataset_profile: string | null;
}

function datasetInputs(context: Context, runIds: readonly string[]): Map<string, object[]> {
  const rows = allIn<DatasetInputRow>(
    context.db,
    runIds,
    (
      list,
    ) => `SELECT i.destination_id AS run_uuid, i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, d.dataset_schema, d.dataset_profile
      FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id
      WHERE i.destination_type = 'RUN' AND i.destination_id IN (${list}) AND i.source_type = 'DATASET'`,
  );
  const tags = new Map<string, KeyValue[]>();
  const tagRows = allIn<{ input_uuid: string; name: string; value: string }>(
    context.db,
    rows.map((row) => row.input_uuid),
    (list) => `SELECT input_uuid, name, value FROM input_tags WHERE input_uuid IN (${list})`,
  );
  for (const { input_uuid, name, value } of tagRows)
    tags.set(input_uuid, [...(tags.get(input_uuid) ?? []), { key: name, value }]);
  return grouped(rows, (row) => ({
    tags: tags.get(row.input_uuid),
    dataset: {
      name: row.name,
      digest: row.digest,
      source_type: row.dataset_source_type,
      source: row.dataset_source,
      schema: row.dataset_schema || undefined,
      profile: row.dataset_profile || undefined,
    },
  }));
}

interface ModelEdge {
  readonly run_uuid: string;
  readonly source_type: string;
  readonly model_id: string;
  readonly step: number | string;
}

const outputAnswer = (edge: ModelEdge): object => ({ model_id: edge.model_id, step: jsonInt64(edge.step) });
const inputAnswer = (edge: ModelEdge): object => ({ model_id: edge.model_id });

function modelEdges(context: Context, runIds: readonly string[]): Map<string, ModelEdge[]> {
  const rows = allIn<ModelEdge>(
    context.db,
    runIds,
    (list) => `SELECT source_id AS run_uuid, source_type, destination_id AS model_id, ${int64("step")} AS step FROM inputs
      WHERE source_type IN ('RUN_OUTPUT', 'RUN_INPUT') AND source_id IN (${list}) ORDER BY rowid`,
  );
  return grouped(rows, (row) => row);
}

const time = (value: Int64Column): number | object | undefined => (value === null ? undefined : jsonInt64(value));

/** A run's info. user_id and start_time are always there: MLflow's client fails on a run without them. */
export const infoAnswer = (row: RunRow): object => ({
  run_uuid: row.run_uuid,
  experiment_id: String(row.experiment_id),
  run_name: row.name ?? undefined,
  user_id: row.user_id ?? "",
  status: row.status ?? "RUNNING",
  start_time: time(row.start_time) ?? 0,
  end_time: time(row.end_time) || undefined,
  artifact_uri: row.artifact_uri ?? undefined,
  lifecycle_stage: row.lifecycle_stage,
  run_id: row.run_uuid,
});

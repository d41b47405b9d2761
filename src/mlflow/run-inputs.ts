import type { Context } from "./context.ts";
import { placeholders } from "./database.ts";
import { type Endpoint, READ, rpc } from "./endpoint.ts";
import { int64, type Message, many, message, required, text } from "./message-fields.ts";
import { checkRunId } from "./names.ts";
import { invalid } from "./protocol-error.ts";
import { pythonDumps, pythonRepr } from "./python-text.ts";
import { misfitError } from "./read-request.ts";
import { findActiveRun, writeRunTag } from "./runs.ts";

const LIMITS = { name: 500, digest: 36, source: 65_535, schema: 1_048_575, profile: 16_777_215 } as const;
const TAG_LIMITS = { key: 255, value: 500 } as const;
const MAX_SUMMARIES = 1_000;
const MAX_EXPERIMENTS = 20;
const LOGGED_MODELS_TAG = "mlflow.log-model.history";

const dataset = message({ name: text, digest: text, source_type: text, source: text, schema: text, profile: text });
const datasetInput = message({ tags: many(message({ key: text, value: text })), dataset });
const inputs = { run_id: required(text), datasets: many(datasetInput), models: many(message({ model_id: text })) } as const;
const outputs = { run_id: required(text), models: required(many(message({ model_id: text, step: int64 }))) } as const;

export const runInputEndpoints: readonly Endpoint[] = [
  rpc(["POST"], "runs/log-inputs", inputs, logInputs),
  rpc(["POST"], "runs/outputs", outputs, logOutputs),
  rpc(["POST"], "runs/log-model", { run_id: required(text), model_json: required(text) }, (context, request) =>
    recordModel(context, request.run_id, request.model_json),
  ),
  rpc(
    ["POST"],
    "experiments/search-datasets",
    { experiment_ids: many(text) },
    (context, request) => searchDatasets(context, request.experiment_ids),
    READ,
  ),
];

type DatasetMessage = Message<(typeof dataset)["fields"]>;

function logInputs(context: Context, request: Message<typeof inputs>): object {
  const runId = request.run_id;
  checkRunId(runId);
  for (const input of request.datasets) checkInput(input.dataset, input.tags);
  return context.db.write(() => {
    const { experiment_id } = findActiveRun(context, runId);
    for (const input of request.datasets) {
      if (input.dataset !== undefined) writeDatasetInput(context, runId, experiment_id, input.dataset, input.tags);
    }
    for (const model of request.models) writeEdge(context, "RUN_INPUT", runId, "MODEL_INPUT", model.model_id ?? "", 0);
    return {};
  });
}

function checkInput(
  data: DatasetMessage | undefined,
  tags: readonly { key: string | undefined; value: string | undefined }[],
): void {
  if (data === undefined) throw invalid("Dataset cannot be None");
  for (const [name, limit] of Object.entries(LIMITS)) {
    const value = data[name as keyof typeof LIMITS] ?? "";
    if (value.length > limit) throw invalid(`'${name}' exceeds the maximum length of ${limit} characters`);
  }
  for (const tag of tags) {
    for (const part of ["key", "value"] as const) {
      if ((tag[part] ?? "").length > TAG_LIMITS[part])
        throw invalid(`'${part}' exceeds the maximum length of ${TAG_LIMITS[part]} characters`);
    }
  }
}

/** A dataset is one per experiment, name and digest, an input one per dataset and run: the first write of each stays. */
function writeDatasetInput(
  context: Context,
  runId: string,
  experimentId: number,
  data: DatasetMessage,
  tags: readonly { key: string | undefined; value: string | undefined }[],
): void {
  const { db } = context;
  const { name = "", digest = "" } = data;
  const known = db.get<{ dataset_uuid: string }>(
    "SELECT dataset_uuid FROM datasets WHERE experiment_id = ? AND name = ? AND digest = ?",
    experimentId,
    name,
    digest,
  );
  const datasetId = known?.dataset_uuid ?? context.newId();
  if (known === undefined) {
    db.run(
      `INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source, dataset_schema, dataset_profile)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      datasetId,
      experimentId,
      name,
      digest,
      data.source_type ?? "",
      data.source ?? "",
      data.schema ?? "",
      data.profile ?? "",
    );
  }
  const inputId = writeEdge(context, "DATASET", datasetId, "RUN", runId, 0);
  if (inputId === undefined) return;
  for (const tag of tags) {
    db.run(
      "INSERT INTO input_tags (input_uuid, name, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
      inputId,
      tag.key ?? "",
      tag.value ?? "",
    );
  }
}

/** @returns the new edge's id, or undefined where the edge was there. */
function writeEdge(
  context: Context,
  sourceType: string,
  sourceId: string,
  destinationType: string,
  destinationId: string,
  step: number | bigint,
): string | undefined {
  const id = context.newId();
  const added = context.db.run(
    `INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id, step) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    id,
    sourceType,
    sourceId,
    destinationType,
    destinationId,
    step,
  );
  return added === 0 ? undefined : id;
}

function logOutputs(context: Context, request: Message<typeof outputs>): object {
  return context.db.write(() => {
    findActiveRun(context, request.run_id);
    for (const model of request.models) {
      writeEdge(context, "RUN_OUTPUT", request.run_id, "MODEL_OUTPUT", model.model_id ?? "", model.step ?? 0);
    }
    return {};
  });
}

/** Clients of MLflow 2 record their models in a tag of the run. */
function recordModel(context: Context, runId: string, modelJson: string): object {
  let model: unknown;
  try {
    model = JSON.parse(modelJson);
  } catch {
    throw invalid(`Malformed model info. \n ${modelJson} \n is not a valid JSON.`);
  }
  if (typeof model !== "object" || model === null || Array.isArray(model)) throw misfitError("model_json", modelJson);
  const fields: Record<string, unknown> = { ...model };
  const absent = ["artifact_path", "flavors", "utc_time_created", "run_id"].filter((name) => !(name in fields));
  if (absent.length > 0) throw invalid(`Model json is missing mandatory fields: {${absent.map(pythonRepr).join(", ")}}`);
  const { db } = context;
  return db.write(() => {
    findActiveRun(context, runId);
    const previous = db.get<{ value: string | null }>(
      `SELECT value FROM tags WHERE "key" = ? AND run_uuid = ?`,
      LOGGED_MODELS_TAG,
      runId,
    );
    const history: unknown = previous?.value ? JSON.parse(previous.value) : [];
    writeRunTag(
      context,
      runId,
      LOGGED_MODELS_TAG,
      pythonDumps([...(Array.isArray(history) ? history : []), modelSummary(fields)]),
    );
    return {};
  });
}

function modelSummary(model: Record<string, unknown>): object {
  const { run_id, artifact_path, utc_time_created, model_uuid, flavors } = model;
  const bare = Object.entries(typeof flavors === "object" && flavors !== null ? flavors : {}).map(([name, options]) => {
    if (typeof options !== "object" || options === null) return [name, options];
    const { config: _config, ...rest } = options as Record<string, unknown>;
    return [name, rest];
  });
  return {
    run_id,
    artifact_path,
    utc_time_created,
    model_uuid: model_uuid ?? null,
    flavors: Object.fromEntries(bare),
  };
}

function searchDatasets(context: Context, ids: readonly string[]): object {
  if (ids.length === 0) throw invalid("SearchDatasets request must specify at least one experiment_id.");
  if (ids.length > MAX_EXPERIMENTS) {
    throw invalid(
      `SearchDatasets request cannot specify more than ${MAX_EXPERIMENTS} experiment_ids. Received ${ids.length} experiment_ids.`,
    );
  }
  const numbers = ids.map(Number).filter((id) => Number.isSafeInteger(id));
  const rows = context.db.all<{ experiment_id: number; name: string; digest: string; context: string | null }>(
    `SELECT DISTINCT d.experiment_id, d.name, d.digest, t.value AS context
     FROM datasets d JOIN inputs i ON i.source_id = d.dataset_uuid AND i.source_type = 'DATASET'
     LEFT JOIN input_tags t ON t.input_uuid = i.input_uuid AND t.name = 'mlflow.data.context'
     WHERE d.experiment_id IN (${placeholders(numbers.length)}) LIMIT ${MAX_SUMMARIES}`,
    ...numbers,
  );
  if (rows.length === 0) return {};
  return {
    dataset_summaries: rows.map((row) => ({
      ...row,
      experiment_id: String(row.experiment_id),
      context: row.context ?? undefined,
    })),
  };
}

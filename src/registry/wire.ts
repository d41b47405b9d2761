/**
 * MLflow's JSON answers, checked and turned into the plain data of registry.ts. Fields that MLflow leaves out when they are unset get their
 * documented default; 64-bit numbers may come as text; NaN and infinities come as text.
 */
import * as z from "zod";
import type {
  ArtifactEntry,
  DatasetInput,
  Experiment,
  LoggedModel,
  Metric,
  ModelVersion,
  RegisteredModel,
  Run,
} from "./registry.ts";

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");
const whole = z.union([
  z.number(),
  z
    .string()
    .regex(/^-?\d+$/)
    .transform(Number),
]);
const wholeOrZero = whole.nullish().transform((value) => value ?? 0);
const decimal = z.union([z.number(), z.enum(["NaN", "Infinity", "-Infinity"]).transform(Number)]);
const listOf = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);
const pairs = listOf(z.object({ key: z.string(), value: text })).transform(
  (items): Record<string, string> => Object.fromEntries(items.map(({ key, value }) => [key, value])),
);
const lifecycle = z
  .enum(["active", "deleted"])
  .nullish()
  .transform((value) => value ?? "active");

export const nextPageToken = text.transform((token) => (token === "" ? null : token));

export const experimentWire = z
  .object({
    experiment_id: z.string(),
    name: z.string(),
    artifact_location: text,
    lifecycle_stage: lifecycle,
    creation_time: wholeOrZero,
    last_update_time: wholeOrZero,
    tags: pairs,
  })
  .transform(
    (wire): Experiment => ({
      experimentId: wire.experiment_id,
      name: wire.name,
      artifactLocation: wire.artifact_location,
      lifecycleStage: wire.lifecycle_stage,
      createdAtMs: wire.creation_time,
      updatedAtMs: wire.last_update_time,
      tags: wire.tags,
    }),
  );

export const metricWire = z
  .object({
    key: z.string(),
    value: decimal,
    timestamp: wholeOrZero,
    step: wholeOrZero,
    model_id: z.string().nullish(),
    dataset_name: z.string().nullish(),
    dataset_digest: z.string().nullish(),
  })
  .transform(
    (wire): Metric => ({
      key: wire.key,
      value: wire.value,
      timestampMs: wire.timestamp,
      step: wire.step,
      ...(wire.model_id ? { modelId: wire.model_id } : {}),
      ...(wire.dataset_name ? { datasetName: wire.dataset_name } : {}),
      ...(wire.dataset_digest ? { datasetDigest: wire.dataset_digest } : {}),
    }),
  );

const datasetInputWire = z
  .object({
    tags: pairs,
    dataset: z.object({
      name: z.string(),
      digest: z.string(),
      source_type: text,
      source: text,
      schema: z.string().nullish(),
      profile: z.string().nullish(),
    }),
  })
  .transform(
    ({ tags, dataset }): DatasetInput => ({
      name: dataset.name,
      digest: dataset.digest,
      sourceType: dataset.source_type,
      source: dataset.source,
      ...(dataset.schema ? { schema: dataset.schema } : {}),
      ...(dataset.profile ? { profile: dataset.profile } : {}),
      tags,
    }),
  );

export const runWire = z
  .object({
    info: z.object({
      run_id: z.string(),
      run_name: text,
      experiment_id: z.string(),
      user_id: text,
      status: z.enum(["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]),
      start_time: wholeOrZero,
      end_time: whole.nullish(),
      artifact_uri: text,
      lifecycle_stage: lifecycle,
    }),
    data: z.object({ metrics: listOf(metricWire), params: pairs, tags: pairs }).nullish(),
    inputs: z.object({ dataset_inputs: listOf(datasetInputWire) }).nullish(),
    outputs: z.object({ model_outputs: listOf(z.object({ model_id: z.string(), step: wholeOrZero })) }).nullish(),
  })
  .transform(
    ({ info, data, inputs, outputs }): Run => ({
      runId: info.run_id,
      runName: info.run_name,
      experimentId: info.experiment_id,
      userId: info.user_id,
      status: info.status,
      startedAtMs: info.start_time,
      // MLflow writes 0 for a run that has not ended in some answers
      endedAtMs: info.end_time || null,
      artifactUri: info.artifact_uri,
      lifecycleStage: info.lifecycle_stage,
      metrics: data?.metrics ?? [],
      params: data?.params ?? {},
      tags: data?.tags ?? {},
      datasets: inputs?.dataset_inputs ?? [],
      modelOutputs: (outputs?.model_outputs ?? []).map(({ model_id: modelId, step }) => ({ modelId, step })),
    }),
  );

export const loggedModelWire = z
  .object({
    info: z.object({
      model_id: z.string(),
      experiment_id: z.string(),
      name: text,
      artifact_uri: text,
      status: z.enum(["LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"]),
      model_type: text,
      source_run_id: text,
      creation_timestamp_ms: wholeOrZero,
      last_updated_timestamp_ms: wholeOrZero,
      tags: pairs,
    }),
    data: z.object({ params: pairs, metrics: listOf(metricWire) }).nullish(),
  })
  .transform(
    ({ info, data }): LoggedModel => ({
      modelId: info.model_id,
      experimentId: info.experiment_id,
      name: info.name,
      artifactUri: info.artifact_uri,
      status: info.status,
      modelType: info.model_type,
      sourceRunId: info.source_run_id,
      createdAtMs: info.creation_timestamp_ms,
      updatedAtMs: info.last_updated_timestamp_ms,
      tags: info.tags,
      params: data?.params ?? {},
      metrics: data?.metrics ?? [],
    }),
  );

export const modelVersionWire = z
  .object({
    name: z.string(),
    version: z.union([z.string(), z.number().transform(String)]),
    creation_timestamp: wholeOrZero,
    last_updated_timestamp: wholeOrZero,
    current_stage: z.enum(["None", "Staging", "Production", "Archived"]).nullish(),
    description: text,
    source: text,
    run_id: text,
    status: z.enum(["PENDING_REGISTRATION", "FAILED_REGISTRATION", "READY"]).nullish(),
    status_message: text,
    tags: pairs,
    aliases: listOf(z.string()),
  })
  .transform(
    (wire): ModelVersion => ({
      name: wire.name,
      version: wire.version,
      createdAtMs: wire.creation_timestamp,
      updatedAtMs: wire.last_updated_timestamp,
      stage: wire.current_stage ?? "None",
      description: wire.description,
      source: wire.source,
      runId: wire.run_id,
      status: wire.status ?? "READY",
      statusMessage: wire.status_message,
      tags: wire.tags,
      aliases: wire.aliases,
    }),
  );

export const registeredModelWire = z
  .object({
    name: z.string(),
    description: text,
    creation_timestamp: wholeOrZero,
    last_updated_timestamp: wholeOrZero,
    tags: pairs,
    aliases: listOf(z.object({ alias: z.string(), version: z.union([z.string(), z.number().transform(String)]) })),
    latest_versions: listOf(modelVersionWire),
  })
  .transform(
    (wire): RegisteredModel => ({
      name: wire.name,
      description: wire.description,
      createdAtMs: wire.creation_timestamp,
      updatedAtMs: wire.last_updated_timestamp,
      tags: wire.tags,
      aliases: Object.fromEntries(wire.aliases.map(({ alias, version }) => [alias, version])),
      latestVersions: wire.latest_versions,
    }),
  );

export const fileWire = z.object({ path: z.string(), is_dir: z.boolean().nullish(), file_size: whole.nullish() }).transform(
  (wire): ArtifactEntry => ({
    path: wire.path,
    isDirectory: wire.is_dir ?? false,
    // protobuf leaves a size of 0 out
    sizeBytes: wire.is_dir ? null : (wire.file_size ?? 0),
  }),
);

/** A tag map as MLflow's lists of `{key, value}`. */
export const pairList = (tags: Readonly<Record<string, string>> = {}) =>
  Object.entries(tags).map(([key, value]) => ({ key, value }));

/** JSON has no NaN and no infinities: MLflow takes them as text. */
export const wireNumber = (value: number): number | string => (Number.isFinite(value) ? value : String(value));

export const wireMetric = (metric: Metric) => ({
  key: metric.key,
  value: wireNumber(metric.value),
  timestamp: Math.trunc(metric.timestampMs),
  step: metric.step,
  ...(metric.modelId === undefined ? {} : { model_id: metric.modelId }),
  ...(metric.datasetName === undefined ? {} : { dataset_name: metric.datasetName }),
  ...(metric.datasetDigest === undefined ? {} : { dataset_digest: metric.datasetDigest }),
});

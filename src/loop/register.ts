import { canonicalJson } from "../core/canonical-json.ts";
import type { Dataset } from "../core/dataset.ts";
import { RequeenError } from "../core/errors.ts";
import { type Run, stepResult } from "../core/run.ts";
import type { Specialist } from "../core/specialist.ts";
import type { ModelScores } from "../core/verdict.ts";
import type { VerdictRecord } from "../core/verdict-record.ts";
import { type QualityReport, qualityReportHtml } from "../decide/index.ts";
import { decodeModel } from "../engine/index.ts";
import { buildModelDirectory } from "../registry/model-files.ts";
import { CHALLENGER_ALIAS, INPUT_TAGS, inputDigestOf, STAGE_OF_ALIAS, VERSION_TAGS } from "../registry/names.ts";
import { publishModel } from "../registry/publish-model.ts";
import type { Metric, ModelVersion, Run as RegistryRun } from "../registry/registry.ts";
import { DATA_SOURCE_TAG } from "./data-source.ts";
import { firstChampionReason, trainsOn } from "./first-from-synthetic.ts";
import { type House, registryNames } from "./house.ts";
import { findOrCreateRegistryRun } from "./registry-run.ts";
import type { StepContext, StepOutcome } from "./run-steps.ts";

const encoder = new TextEncoder();

/**
 * Writes into the registry what the run found: params, metrics, dataset, reports, verdict and the model directory, and registers the
 * challenger with the evidence attached. Everything is found again by the run's id, so that a second time changes nothing.
 */
export async function registerStep(house: House, context: StepContext): Promise<StepOutcome> {
  const { run, specialist } = context;
  const dataset = await needed(
    house.store.getDataset(run.dataset_id ?? ""),
    "dataset_not_found",
    `dataset ${run.dataset_id} of run ${run.run_id}`,
  );
  const verdict = await needed(
    house.store.getVerdict(run.verdict_id ?? ""),
    "verdict_not_found",
    `verdict ${run.verdict_id} of run ${run.run_id}`,
  );
  const registryRun = await findOrCreateRun(house, specialist, run);
  context.progress(0.1);
  await house.registry.logBatch(registryRun.runId, {
    params: paramsOf(run, dataset, verdict),
    metrics: [...metricsOf(verdict, dataset, run.started_at), ...tuningMetrics(run)],
    tags: {
      data_source_type: trainsOn(run),
      probabilistic_output: "true",
      output_signature_type: "probabilities",
      "requeen.verdict": verdict.decision,
    },
  });
  await house.registry.logInputs(registryRun.runId, [
    {
      name: `${specialist.name}-feedback`,
      digest: inputDigestOf(dataset.dataset_id),
      sourceType: "local",
      source: JSON.stringify({ uri: "dataset.parquet" }),
      schema: JSON.stringify({ mlflow_colspec: dataset.feature_names.map((name) => ({ name, type: "double" })) }),
      profile: JSON.stringify({ num_rows: dataset.rows }),
      tags: { [INPUT_TAGS.context]: "training", [INPUT_TAGS.sha256]: dataset.dataset_id },
    },
  ]);
  context.progress(0.3);
  await uploadReports(house, registryRun, run, dataset, verdict);
  context.progress(0.6);
  const version = await registerVersion(house, specialist, run, registryRun, dataset, verdict);
  if (verdict.decision === "promote" || verdict.verdict.candidate) {
    await house.registry.setAlias(version.name, CHALLENGER_ALIAS, version.version);
    await house.registry.transitionStage(version.name, version.version, STAGE_OF_ALIAS.challenger);
  }
  await house.registry.updateRun(registryRun.runId, { status: "FINISHED", endedAtMs: house.now() });
  return {
    result: { version: version.version, mlflow_run_id: registryRun.runId },
    changes: {
      challenger_version: version.version,
      mlflow: { experiment_id: registryRun.experimentId, run_id: registryRun.runId },
    },
  };
}

/** The MLflow run of a run: found by its tag, else made. */
export async function findOrCreateRun(house: Pick<House, "registry">, specialist: Specialist, run: Run): Promise<RegistryRun> {
  return findOrCreateRegistryRun(house, specialist, {
    id: run.run_id,
    startedAtMs: run.started_at,
    userId: run.trigger.by,
    tags: {
      "requeen.specialist": specialist.name,
      "requeen.trigger": run.trigger.reason,
      "mlflow.source.name": "requeen",
      "mlflow.source.type": "JOB",
    },
    experimentTags: { "requeen.specialist": specialist.name },
  });
}

async function registerVersion(
  house: House,
  specialist: Specialist,
  run: Run,
  registryRun: RegistryRun,
  dataset: Dataset,
  verdict: VerdictRecord,
): Promise<ModelVersion> {
  const bytes = await house.blobs.get(verdict.inputs.challenger_sha256);
  const fitted = decodeModel(bytes);
  const about = { bytes, fitted, specialist: specialist.name, runId: registryRun.runId, createdAtMs: run.started_at };
  return publishModel(house.registry, {
    name: registryNames(specialist).model,
    experimentId: registryRun.experimentId,
    runId: registryRun.runId,
    build: ({ modelId }) => buildModelDirectory({ ...about, modelId }),
    description: trainsOn(run) === "synthetic" ? `Made as a ${firstChampionReason(dataset.rows)}.` : verdict.verdict.headline,
    modelDescription: `Judges as the ${specialist.name} specialist; made by Requeen.`,
    modelType: run.options.model_type,
    metrics: metricsOf(verdict, dataset, run.started_at),
    tags: {
      [VERSION_TAGS.specialist]: specialist.name,
      [VERSION_TAGS.run]: run.run_id,
      [VERSION_TAGS.verdict]: verdict.verdict_id,
      [VERSION_TAGS.dataset]: dataset.dataset_id,
      [VERSION_TAGS.policy]: `${verdict.verdict.policy.name}/${verdict.verdict.policy.version}`,
      [VERSION_TAGS.digest]: verdict.inputs.challenger_sha256,
      // the mark of a synthetic first champion ends with the first promotion that people's labels decide
      [DATA_SOURCE_TAG]: trainsOn(run),
    },
  });
}

async function uploadReports(
  house: House,
  registryRun: RegistryRun,
  run: Run,
  dataset: Dataset,
  verdict: VerdictRecord,
): Promise<void> {
  const place = { runId: registryRun.runId };
  const json = (value: unknown): Uint8Array => encoder.encode(canonicalJson(JSON.parse(JSON.stringify(value))));
  await house.registry.uploadArtifact(place, "verdict.json", json(verdict));
  await house.registry.uploadArtifact(place, "dataset.json", json(dataset));
  await house.registry.uploadArtifact(
    place,
    "feature_schema.json",
    json({ schema: dataset.feature_schema, features: dataset.feature_names, classes: dataset.classes }),
  );
  await house.registry.uploadArtifact(
    place,
    "data_quality_report.json",
    json({ findings: dataset.findings, quality: dataset.quality, checks: stepResult(run, "check") }),
  );
  if (dataset.quality !== null) {
    const html = qualityReportHtml(dataset.quality as unknown as QualityReport, `Data quality: ${dataset.specialist}`);
    await house.registry.uploadArtifact(place, "data_quality_report.html", encoder.encode(html));
  }
  await house.registry.uploadArtifact(place, "training_report.json", json(stepResult(run, "train")));
  await house.registry.uploadArtifact(place, "gate_predictions.parquet", {
    filePath: await house.blobs.path(verdict.inputs.predictions_sha256),
  });
  await house.registry.uploadArtifact(place, "dataset.parquet", { filePath: await house.blobs.path(dataset.dataset_id) });
}

/** A parameter may be a list of a number a column, and the registry takes 6,000 characters: training_report.json has it whole. */
const withoutLongLists = (_: string, value: unknown): unknown =>
  Array.isArray(value) && value.length > 500 ? `${value.length} values, see training_report.json` : value;

/** Names as the original trainer logged them (original-system.md 1.11), as far as they mean something here. */
function paramsOf(run: Run, dataset: Dataset, verdict: VerdictRecord): Record<string, string> {
  const { options } = run;
  const given = {
    specialist_type: run.specialist,
    model_type: options.model_type,
    feedback_count: options.feedback_count,
    window_days: options.window_days,
    min_feedback_quality: options.min_feedback_quality,
    hyperparameter_tuning: options.hyperparameter_tuning,
    promote_if_better: options.promote_if_better,
    allow_synthetic_fallback: options.allow_synthetic,
    seed: options.seed,
    data_source: trainsOn(run),
    dataset_id: dataset.dataset_id,
    feature_schema: dataset.feature_schema,
    num_features: dataset.feature_names.length,
    classes: dataset.classes.join(","),
    policy: `${verdict.verdict.policy.name}/${verdict.verdict.policy.version}`,
    champion_version: run.champion_version,
    model_params: JSON.stringify(trainingReport(run)?.params ?? {}, withoutLongLists),
    calibrator: trainingReport(run)?.calibrator ?? null,
    calibrated_on: trainingReport(run)?.heldOut ?? null,
  };
  return Object.fromEntries(Object.entries(given).flatMap(([key, value]) => (value === null ? [] : [[key, String(value)]])));
}

function metricsOf(verdict: VerdictRecord, dataset: Dataset, timestampMs: number): Metric[] {
  const { challenger, champion } = verdict.verdict.models;
  const values: Record<string, number | null> = {
    total_dataset_size: dataset.rows,
    new_human_labels: dataset.new_human_labels,
    gate_rows: verdict.verdict.rows.count,
    p_better: verdict.verdict.test.p_better,
    mid_p: verdict.verdict.test.mid_p,
    ...scores("", challenger),
    ...scores("champion_", champion),
  };
  for (const [name, rows] of Object.entries(dataset.rows_by_class))
    values[`label_${name}_percentage`] = dataset.rows === 0 ? null : (100 * rows) / dataset.rows;
  return Object.entries(values).flatMap(([key, value]) =>
    value === null ? [] : [{ key: metricKey(key), value, timestampMs, step: 0 }],
  );
}

/** What the train step reported of the final model. */
interface TrainingReport {
  readonly params: Readonly<Record<string, unknown>>;
  readonly calibrator: string;
  /** Absent in runs from before out-of-bag calibration, which held out by folds. */
  readonly heldOut?: string;
  readonly tuning: { readonly metric: string; readonly trials: readonly { readonly score: number }[] } | null;
}

const trainingReport = (run: Run): TrainingReport | null =>
  (stepResult(run, "train")?.report as TrainingReport | undefined) ?? null;

/** One step a trial of the parameter search, in the order in which they were tried. */
function tuningMetrics(run: Run): Metric[] {
  const tuning = trainingReport(run)?.tuning ?? null;
  if (tuning === null) return [];
  return tuning.trials.map(({ score }, step) => ({
    key: `tuning_${tuning.metric}`,
    value: score,
    timestampMs: run.started_at,
    step,
  }));
}

const scores = (prefix: string, model: ModelScores | null): Record<string, number | null> =>
  model === null
    ? {}
    : {
        [`${prefix}precision`]: model.precision,
        [`${prefix}recall`]: model.recall,
        [`${prefix}f1`]: model.f1,
        [`${prefix}accuracy`]: model.accuracy,
        [`${prefix}log_loss`]: model.log_loss,
        [`${prefix}brier_score`]: model.brier,
        [`${prefix}expected_calibration_error`]: model.ece,
        [`${prefix}mean_confidence`]: model.mean_confidence,
      };

/** MLflow allows letters, digits, underscore, dash, dot, space, colon and slash in metric names. */
const metricKey = (key: string): string => key.replaceAll(/[^\w\-. :/]/g, "_");

async function needed<T>(value: Promise<T | null>, code: "dataset_not_found" | "verdict_not_found", what: string): Promise<T> {
  const found = await value;
  if (found === null) throw new RequeenError(code, `${what} is not in the store`);
  return found;
}

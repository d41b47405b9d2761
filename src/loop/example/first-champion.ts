import type { Dataset } from "../../core/dataset.ts";
import type { Specialist } from "../../core/specialist.ts";
import { decodeModel } from "../../engine/index.ts";
import { buildModelDirectory } from "../../registry/model-files.ts";
import { VERSION_TAGS } from "../../registry/names.ts";
import { publishModel } from "../../registry/publish-model.ts";
import { writeParquet } from "../../store/parquet.ts";
import { paramsOf } from "../../workers/search.ts";
import { championVersion } from "../champion.ts";
import { DATA_SOURCE_TAG, type DataSource } from "../data-source.ts";
import { type DatasetRow, datasetBatches, datasetFields } from "../dataset-file.ts";
import { featureNamesOf } from "../feature-names.ts";
import { type House, registryNames, specialistOf } from "../house.ts";
import { promote } from "../promote.ts";
import { findOrCreateRegistryRun } from "../registry-run.ts";
import { type SimulatedSpecialist, simulateEarlyJudgements } from "../simulate.ts";
import { vectorOf } from "../vector.ts";

/** Few rows, a quarter of them wrong: a champion that is right about half the time, and says so. */
const ROWS = 60;
const NOISE = 0.25;

export interface FirstChampionRequest {
  readonly seed: number;
  readonly trainedAtMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Trains a weak first champion, as the operators had one: on a few simulated rows, which are kept as a dataset of tier `synthetic`, so that
 * everyone sees what it stands on. Nothing happens when there is a champion.
 * @returns what waits for the fit, which a thread has been asked for, then registers and promotes it.
 */
export async function trainFirstChampion(
  house: House,
  name: SimulatedSpecialist,
  request: FirstChampionRequest,
): Promise<() => Promise<void>> {
  const specialist = specialistOf(house, name);
  if ((await championVersion(house, specialist)) !== null) return async () => undefined;
  const dataset = await writeDataset(house, specialist, name, request);
  const fitting = house.pool().ask(
    "fit",
    {
      dataset: {
        path: await house.blobs.path(dataset.dataset_id),
        featureNames: dataset.feature_names,
        classes: dataset.classes,
      },
      featureSchema: dataset.feature_schema,
      modelType: "random_forest",
      params: paramsOf("random_forest", specialist, dataset.feature_names),
      search: null,
      trials: [],
      trainRows: Uint32Array.from({ length: dataset.rows }, (_, row) => row),
      predictRows: new Uint32Array(),
      // weak on purpose, and quick
      calibrate: false,
      wantModel: true,
      seed: request.seed,
    },
    { signal: request.signal },
  );
  // a failure is told to who installs; without this it would end the process before
  fitting.catch(() => undefined);
  return async () => {
    const { model } = await fitting;
    if (model === null) throw new Error("the fit came back without its model");
    const { sha256 } = await house.blobs.put(model);
    const version = await publish(house, specialist, { bytes: model, sha256, dataset, createdAtMs: request.trainedAtMs });
    const reason = `first champion of the example: trained on ${dataset.rows} simulated rows, weak on purpose`;
    await promote(house, { specialist: name, version, by: house.actor, reason, force: true });
  };
}

async function writeDataset(
  house: House,
  specialist: Specialist,
  name: SimulatedSpecialist,
  request: FirstChampionRequest,
): Promise<Dataset> {
  const early = simulateEarlyJudgements({ seed: request.seed, specialist: name, count: ROWS, noise: NOISE });
  const featureNames = featureNamesOf(specialist);
  const features = new Float64Array(early.length * featureNames.length);
  const rows = early.map(({ plan, judgement }, index): DatasetRow => {
    features.set(vectorOf(specialist, { plan }), index * featureNames.length);
    return {
      opinion_id: judgement.opinionId,
      plan_id: plan.plan_id,
      group: plan.plan_id,
      feedback_id: `feedback-${judgement.opinionId}`,
      label: specialist.classes.indexOf(judgement.recommendation),
      tier: "synthetic",
      agreement: 1,
      disputed: false,
      reviewers: 1,
      propensity: null,
      judged_at: request.trainedAtMs,
      labelled_at: request.trainedAtMs,
      sequence: 0,
      role: "train",
      fold: null,
      reason: "train_tier",
      weight: 1,
    };
  });
  const path = await house.blobs.temporaryPath();
  await writeParquet(path, datasetFields(featureNames), datasetBatches(rows, features, featureNames));
  const { sha256, sizeBytes } = await house.blobs.adopt(path);
  const dataset: Dataset = {
    dataset_id: sha256,
    specialist: specialist.name,
    feature_schema: specialist.features.schema,
    feature_names: [...featureNames],
    classes: [...specialist.classes],
    rows: rows.length,
    rows_by_role: { train: rows.length, gate: 0, out: 0 },
    rows_by_tier: { synthetic: rows.length },
    rows_by_class: Object.fromEntries(
      specialist.classes.map((label, index) => [label, rows.filter((row) => row.label === index).length]),
    ),
    rows_left_out: {},
    cutoff_sequence: 0,
    new_human_labels: 0,
    size_bytes: sizeBytes,
    findings: [],
    reviewer_agreement: null,
    quality: null,
    created_at: request.trainedAtMs,
  };
  await house.store.addDataset(dataset);
  return dataset;
}

interface FirstModel {
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly dataset: Dataset;
  readonly createdAtMs: number;
}

async function publish(
  house: House,
  specialist: Specialist,
  { bytes, sha256, dataset, createdAtMs }: FirstModel,
): Promise<string> {
  const runTag = `example-first-${specialist.name}`;
  const run = await findOrCreateRegistryRun(house, specialist, {
    id: runTag,
    startedAtMs: createdAtMs,
    userId: house.actor,
    tags: { data_source_type: "synthetic" },
  });
  const version = await publishModel(house.registry, {
    name: registryNames(specialist).model,
    experimentId: run.experimentId,
    runId: run.runId,
    build: ({ modelId }) =>
      buildModelDirectory({
        bytes,
        fitted: decodeModel(bytes),
        specialist: specialist.name,
        runId: run.runId,
        modelId,
        createdAtMs,
      }),
    description: `First champion of the example, trained on ${dataset.rows} simulated rows only.`,
    modelType: "random_forest",
    tags: {
      [VERSION_TAGS.specialist]: specialist.name,
      [VERSION_TAGS.run]: runTag,
      [VERSION_TAGS.dataset]: dataset.dataset_id,
      [VERSION_TAGS.digest]: sha256,
      [DATA_SOURCE_TAG]: "synthetic" satisfies DataSource,
    },
  });
  await house.registry.updateRun(run.runId, { status: "FINISHED", endedAtMs: house.now() });
  return version.version;
}

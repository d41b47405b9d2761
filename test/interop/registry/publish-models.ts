/**
 * Does with each model of make-models.ts what a run does: experiment, run, params, metrics, dataset, model directory, version, alias, stage.
 * Writes `published.json` (name, version, run) beside the model, for check_published.py.
 * Usage: node publish-models.ts BASE_URL FOLDER
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeModel } from "../../../src/engine/index.ts";
import { buildModelDirectory, readModelDirectory } from "../../../src/registry/model-files.ts";
import {
  CHAMPION_ALIAS,
  INPUT_TAGS,
  inputDigestOf,
  MODEL_FILES,
  modelNameOf,
  STAGE_OF_ALIAS,
  VERSION_TAGS,
} from "../../../src/registry/names.ts";
import { publishModel } from "../../../src/registry/publish-model.ts";
import { openRegistry } from "./open-registry.ts";

const [baseUrl, folder] = process.argv.slice(2);
if (baseUrl === undefined || folder === undefined) throw new Error("usage: node publish-models.ts BASE_URL FOLDER");
const registry = openRegistry(baseUrl);
const experiment = await registry.getOrCreateExperiment(`interop-specialist-${process.pid}`, { "requeen.specialist": "interop" });

for (const name of await readdir(folder)) {
  const bytes = new Uint8Array(await readFile(join(folder, name, "model", MODEL_FILES.native)));
  const fitted = decodeModel(bytes);
  const run = await registry.createRun({
    experimentId: experiment.experimentId,
    runName: name,
    startedAtMs: Date.now(),
    userId: "interop",
  });
  const history = Array.from({ length: 20 }, (_, step) => ({
    key: "tuning_log_loss",
    value: 1 / (step + 1),
    timestampMs: Date.now(),
    step,
  }));
  await registry.logBatch(run.runId, {
    params: { model_type: fitted.model.modelType },
    metrics: [...history, { key: "f1", value: 0.75, timestampMs: Date.now(), step: 0 }],
  });
  const sha256 = "5".repeat(64);
  const tags = { [INPUT_TAGS.context]: "training", [INPUT_TAGS.sha256]: sha256 };
  await registry.logInputs(run.runId, [
    { name: "interop-feedback", digest: inputDigestOf(sha256), sourceType: "local", source: '{"uri":"dataset.parquet"}', tags },
  ]);
  await registry.uploadArtifact({ runId: run.runId }, "verdict.json", new TextEncoder().encode('{"decision":"promote"}'));
  const version = await publishModel(registry, {
    name: `${modelNameOf(name)}-${process.pid}`,
    experimentId: experiment.experimentId,
    runId: run.runId,
    build: ({ modelId }) =>
      buildModelDirectory({ bytes, fitted, specialist: "interop", runId: run.runId, modelId, createdAtMs: Date.now() }),
    description: "promoted by the interop suite",
    tags: { [VERSION_TAGS.run]: run.runId, [VERSION_TAGS.verdict]: "verdict-1" },
  });
  await registry.setAlias(version.name, CHAMPION_ALIAS, version.version);
  await registry.transitionStage(version.name, version.version, STAGE_OF_ALIAS.champion, { archiveExisting: true });
  await registry.updateRun(run.runId, { status: "FINISHED", endedAtMs: Date.now() });
  const { native } = await readModelDirectory(registry, { uri: `models:/${version.name}@${CHAMPION_ALIAS}` });
  if (!Buffer.from(native).equals(Buffer.from(bytes))) throw new Error(`${name} came back changed`);
  const published = { name: version.name, version: version.version, run_id: run.runId, experiment: experiment.name };
  await writeFile(join(folder, name, "published.json"), JSON.stringify(published));
}

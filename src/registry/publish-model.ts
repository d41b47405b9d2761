/**
 * Puts a model directory where the server keeps models and registers it as a version: a logged model on servers that have them, the run's
 * folder `model` on those that have not. Safe to do again after a crash at any point: what is there is found and finished, not doubled.
 */
import { RequeenError } from "../core/errors.ts";
import { quoted } from "./filter-value.ts";
import type { ModelDirectory } from "./model-files.ts";
import { MODEL_ARTIFACT_NAME, VERSION_TAGS } from "./names.ts";
import type { ArtifactPlace, LoggedModel, Metric, ModelVersion, Registry, Tags } from "./registry.ts";

export interface Publication {
  /** Of the registered model. */
  readonly name: string;
  readonly experimentId: string;
  readonly runId: string;
  /** Makes the directory; `modelId` is "" on servers without logged models. */
  readonly build: (home: { readonly modelId: string }) => ModelDirectory;
  readonly description?: string;
  readonly modelDescription?: string;
  readonly modelType?: string;
  readonly params?: Readonly<Record<string, string>>;
  /** What was measured of this model; shown with it on servers with logged models. The run's own metrics are logged apart from it. */
  readonly metrics?: readonly Metric[];
  /** Of the version. `VERSION_TAGS.run` in it, or else the MLflow run, tells a second publication of the same model. */
  readonly tags: Tags;
}

/** @returns the version; the same one when this publication was done before. */
export async function publishModel(registry: Registry, publication: Publication): Promise<ModelVersion> {
  const { name, runId, tags, description } = publication;
  await registry.ensureRegisteredModel(name, { description: publication.modelDescription });
  const earlier = (await registry.listModelVersions(name)).find((version) => isSame(version, publication));
  if (earlier !== undefined) return requireReady(earlier);
  const { loggedModels } = await registry.capabilities();
  const home = loggedModels ? await asLoggedModel(registry, publication) : await inRunFolder(registry, publication);
  const made = await registry.createModelVersion({ name, source: home.source, runId, modelId: home.modelId, description, tags });
  return requireReady(made);
}

function isSame(version: ModelVersion, { runId, tags }: Publication): boolean {
  const wanted = tags[VERSION_TAGS.run];
  return wanted === undefined ? version.runId === runId : version.tags[VERSION_TAGS.run] === wanted;
}

function requireReady(version: ModelVersion): ModelVersion {
  if (version.status === "READY") return version;
  const { name, version: number, status, statusMessage } = version;
  throw new RequeenError(
    "registry_unavailable",
    `version ${number} of ${name} is ${status} at the MLflow server${statusMessage === "" ? "" : `: ${statusMessage}`}`,
    {
      name,
      version: number,
      status,
    },
  );
}

interface Home {
  readonly source: string;
  readonly modelId?: string;
}

async function inRunFolder(registry: Registry, { runId, build }: Publication): Promise<Home> {
  const root = await registry.resolveArtifacts({ runId });
  await uploadDirectory(registry, { runId }, MODEL_ARTIFACT_NAME, build({ modelId: "" }));
  return { source: `${root.replace(/\/+$/, "")}/${MODEL_ARTIFACT_NAME}` };
}

async function asLoggedModel(registry: Registry, publication: Publication): Promise<Home> {
  const model = (await findLoggedModel(registry, publication)) ?? (await createLoggedModel(registry, publication));
  const { modelId } = model;
  if (model.status !== "LOGGED_MODEL_READY") {
    await registry.logOutputs(publication.runId, [{ modelId, step: 0 }]);
    await uploadDirectory(registry, { uri: model.artifactUri }, "", publication.build({ modelId }));
    const metrics = publication.metrics?.map((metric) => ({ ...metric, modelId }));
    await registry.logBatch(publication.runId, { metrics });
    await registry.finalizeLoggedModel(modelId, "LOGGED_MODEL_READY");
  }
  return { source: `models:/${modelId}`, modelId };
}

/** One that an earlier, interrupted try of the same run began. */
async function findLoggedModel(registry: Registry, { experimentId, runId }: Publication): Promise<LoggedModel | null> {
  const filter = `name = ${quoted(MODEL_ARTIFACT_NAME)} AND source_run_id = ${quoted(runId)}`;
  const { items } = await registry.searchLoggedModels([experimentId], { filter });
  return items.find(({ status }) => status !== "LOGGED_MODEL_UPLOAD_FAILED") ?? null;
}

const createLoggedModel = (
  registry: Registry,
  { experimentId, runId, modelType = "", params }: Publication,
): Promise<LoggedModel> =>
  registry.createLoggedModel({ experimentId, name: MODEL_ARTIFACT_NAME, sourceRunId: runId, modelType, params });

/** Sends the files in the directory's order, then compares what the server lists with what was sent. */
async function uploadDirectory(
  registry: Registry,
  place: ArtifactPlace,
  folder: string,
  directory: ModelDirectory,
): Promise<void> {
  const under = folder === "" ? "" : `${folder}/`;
  for (const [path, content] of directory) await registry.uploadArtifact(place, under + path, content);
  const listed = new Map((await registry.listArtifactTree(place, folder)).map(({ path, sizeBytes }) => [path, sizeBytes]));
  for (const [path, content] of directory) {
    const sizeBytes = listed.get(under + path);
    if (sizeBytes === content.byteLength || sizeBytes === null) continue;
    const what = sizeBytes === undefined ? "does not list it" : `lists ${sizeBytes} bytes`;
    throw new RequeenError(
      "registry_unavailable",
      `${under}${path} went up with ${content.byteLength} bytes, and the MLflow server ${what}`,
      { path },
    );
  }
}

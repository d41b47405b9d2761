/**
 * What Requeen needs of an MLflow server, in MLflow's own words: plain data in, plain data out. Times are milliseconds since the epoch.
 * The one implementation is `client.ts`, over HTTP or over the embedded server; nothing here depends on either.
 * Every method may throw RequeenError registry_unavailable, unauthenticated, forbidden or bad_request; others are named at the method.
 */
export type Tags = Readonly<Record<string, string>>;
export type LifecycleStage = "active" | "deleted";
export type RunStatus = "RUNNING" | "SCHEDULED" | "FINISHED" | "FAILED" | "KILLED";
export type Stage = "None" | "Staging" | "Production" | "Archived";
export type VersionStatus = "PENDING_REGISTRATION" | "FAILED_REGISTRATION" | "READY";
export type LoggedModelStatus = "LOGGED_MODEL_PENDING" | "LOGGED_MODEL_READY" | "LOGGED_MODEL_UPLOAD_FAILED";

export interface Page<T> {
  readonly items: readonly T[];
  /** null on the last page. */
  readonly nextPageToken: string | null;
}

/** `filter` and `orderBy` in MLflow's grammar, for example `tags.x = 'y'` and `["metrics.f1 DESC"]`; `quoted` of filter-value.ts writes values. */
export interface Search {
  readonly filter?: string;
  readonly orderBy?: readonly string[];
  /** Most items of this page; the server caps it (runs 50,000; registered models 1,000; versions 200,000). */
  readonly maxResults?: number;
  readonly pageToken?: string;
}

export interface Experiment {
  readonly experimentId: string;
  readonly name: string;
  readonly artifactLocation: string;
  readonly lifecycleStage: LifecycleStage;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly tags: Tags;
}

export interface Metric {
  readonly key: string;
  /** NaN is kept; servers store infinities as plus or minus 1.7976931348623157e308 and answer that. */
  readonly value: number;
  readonly timestampMs: number;
  readonly step: number;
  /** The logged model that was measured; servers without logged models ignore it. */
  readonly modelId?: string;
  readonly datasetName?: string;
  readonly datasetDigest?: string;
}

export interface DatasetInput {
  readonly name: string;
  /** At most 36 characters. */
  readonly digest: string;
  /** For example "local", "mongodb", "http". */
  readonly sourceType: string;
  /** JSON text or an address. */
  readonly source: string;
  readonly schema?: string;
  readonly profile?: string;
  readonly tags: Tags;
}

export interface ModelOutput {
  readonly modelId: string;
  readonly step: number;
}

export interface Run {
  readonly runId: string;
  readonly runName: string;
  readonly experimentId: string;
  readonly userId: string;
  readonly status: RunStatus;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly artifactUri: string;
  readonly lifecycleStage: LifecycleStage;
  /** The latest of each key. */
  readonly metrics: readonly Metric[];
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Tags;
  readonly datasets: readonly DatasetInput[];
  readonly modelOutputs: readonly ModelOutput[];
}

export interface NewRun {
  readonly experimentId: string;
  readonly runName: string;
  readonly startedAtMs: number;
  readonly userId?: string;
  readonly tags?: Tags;
}

export interface RunSearch extends Search {
  readonly experimentIds: readonly string[];
  /** Default "ACTIVE_ONLY". */
  readonly viewType?: "ACTIVE_ONLY" | "DELETED_ONLY" | "ALL";
}

export interface LogBatch {
  readonly metrics?: readonly Metric[];
  readonly params?: Readonly<Record<string, string>>;
  readonly tags?: Tags;
}

/**
 * Where artifacts lie: in a run's folder, or at an address as the server gives it (`mlflow-artifacts:/...`, `file:///...`, `s3://...`, or
 * `runs:/<run>/<path>`, `models:/<model id>`, `models:/<name>/<version>`, which are resolved first).
 */
export type ArtifactPlace = { readonly runId: string } | { readonly uri: string };

/** What is uploaded. A stream is given as a function, so that a failed attempt can start again; `sizeBytes` when it is known. */
export type ArtifactContent =
  | Uint8Array
  | { readonly filePath: string }
  | { readonly open: () => AsyncIterable<Uint8Array>; readonly sizeBytes?: number };

export interface ArtifactEntry {
  /** Relative to the place's root, with "/" between the parts. */
  readonly path: string;
  readonly isDirectory: boolean;
  /** null for folders and where the server does not tell. */
  readonly sizeBytes: number | null;
}

export interface StoredArtifact {
  readonly path: string;
  readonly sizeBytes: number;
  /** Hex, of the bytes that were sent. */
  readonly sha256: string;
}

export interface LoggedModel {
  readonly modelId: string;
  readonly experimentId: string;
  readonly name: string;
  readonly artifactUri: string;
  readonly status: LoggedModelStatus;
  readonly modelType: string;
  readonly sourceRunId: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly tags: Tags;
  readonly params: Readonly<Record<string, string>>;
  readonly metrics: readonly Metric[];
}

export interface NewLoggedModel {
  readonly experimentId: string;
  readonly name: string;
  readonly sourceRunId?: string;
  readonly modelType?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly tags?: Tags;
}

export interface RegisteredModel {
  readonly name: string;
  readonly description: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly tags: Tags;
  /** Alias -> version. */
  readonly aliases: Readonly<Record<string, string>>;
  /** The highest version of each stage. */
  readonly latestVersions: readonly ModelVersion[];
}

export interface ModelVersion {
  readonly name: string;
  /** A whole number as text, as MLflow writes it: "1". */
  readonly version: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly stage: Stage;
  readonly description: string;
  readonly source: string;
  readonly runId: string;
  readonly status: VersionStatus;
  readonly statusMessage: string;
  readonly tags: Tags;
  /** Filled by `getModelVersion`, `getModelVersionByAlias` and `listModelVersions`; MLflow's search answers leave it empty. */
  readonly aliases: readonly string[];
}

export interface NewModelVersion {
  readonly name: string;
  /** Where the model directory lies: `models:/<model id>`, `runs:/...` or an artifact address. */
  readonly source: string;
  readonly runId?: string;
  readonly modelId?: string;
  readonly description?: string;
  readonly tags?: Tags;
}

/** What the server at hand can do, asked once and kept. */
export interface Capabilities {
  /** As `/version` answers, or null when it does not. */
  readonly serverVersion: string | null;
  readonly loggedModels: boolean;
  readonly aliases: boolean;
  readonly stages: boolean;
}

export interface Registry {
  /** For messages to people: the server's address without credentials, or "the embedded registry". */
  readonly address: string;

  capabilities(): Promise<Capabilities>;

  /** Creates the experiment, or answers the one of this name. @throws conflict when that one is deleted. */
  getOrCreateExperiment(name: string, tags?: Tags): Promise<Experiment>;
  /** null when there is none; a deleted one is answered. */
  findExperiment(name: string): Promise<Experiment | null>;
  searchExperiments(search?: Search): Promise<Page<Experiment>>;
  setExperimentTag(experimentId: string, key: string, value: string): Promise<void>;

  createRun(run: NewRun): Promise<Run>;
  /** @throws not_found */
  getRun(runId: string): Promise<Run>;
  updateRun(
    runId: string,
    change: { readonly status?: RunStatus; readonly endedAtMs?: number; readonly runName?: string },
  ): Promise<void>;
  searchRuns(search: RunSearch): Promise<Page<Run>>;
  setRunTag(runId: string, key: string, value: string): Promise<void>;
  /** Silent when the tag is not there. */
  deleteRunTag(runId: string, key: string): Promise<void>;
  /** Any amount; sent in as many requests as the server's limits ask for. @throws bad_parameter when one value is too long for MLflow. */
  logBatch(runId: string, batch: LogBatch): Promise<void>;
  /** Every logged value of one metric, by time, step and value. */
  getMetricHistory(runId: string, key: string): Promise<readonly Metric[]>;
  logInputs(runId: string, datasets: readonly DatasetInput[]): Promise<void>;
  /** Links logged models to the run that made them; nothing happens on servers without logged models. */
  logOutputs(runId: string, models: readonly ModelOutput[]): Promise<void>;

  /** The address that a place stands for. @throws not_found, model_not_found */
  resolveArtifacts(place: ArtifactPlace): Promise<string>;
  /** Overwrites. Large content goes up in parts where the server offers it. @throws payload_too_large, disk_full */
  uploadArtifact(place: ArtifactPlace, path: string, content: ArtifactContent): Promise<StoredArtifact>;
  /** One folder's entries, sorted by path; empty for a folder that is not there. */
  listArtifacts(place: ArtifactPlace, folder?: string): Promise<readonly ArtifactEntry[]>;
  /** Every file below a folder. */
  listArtifactTree(place: ArtifactPlace, folder?: string): Promise<readonly ArtifactEntry[]>;
  /** @throws not_found; digest_mismatch when `sha256` is given and the bytes differ */
  downloadArtifact(place: ArtifactPlace, path: string, expect?: { readonly sha256: string }): Promise<Uint8Array>;
  /** The same as a stream of constant memory; a wrong digest throws at the end, so use nothing before the stream has ended. */
  openArtifact(place: ArtifactPlace, path: string, expect?: { readonly sha256: string }): AsyncIterable<Uint8Array>;

  /** @throws not_implemented on servers without logged models (MLflow 2). */
  createLoggedModel(model: NewLoggedModel): Promise<LoggedModel>;
  /** @throws model_not_found, not_implemented */
  getLoggedModel(modelId: string): Promise<LoggedModel>;
  /** @throws not_implemented */
  searchLoggedModels(experimentIds: readonly string[], search?: Search): Promise<Page<LoggedModel>>;
  finalizeLoggedModel(modelId: string, status: "LOGGED_MODEL_READY" | "LOGGED_MODEL_UPLOAD_FAILED"): Promise<LoggedModel>;
  setLoggedModelTags(modelId: string, tags: Tags): Promise<void>;

  /** Creates the registered model, or answers the one of this name unchanged. */
  ensureRegisteredModel(name: string, about?: { readonly description?: string; readonly tags?: Tags }): Promise<RegisteredModel>;
  findRegisteredModel(name: string): Promise<RegisteredModel | null>;
  searchRegisteredModels(search?: Search): Promise<Page<RegisteredModel>>;
  setRegisteredModelTag(name: string, key: string, value: string): Promise<void>;
  deleteRegisteredModelTag(name: string, key: string): Promise<void>;

  /** Not repeated by itself when the answer is lost, since it would make two; ask `listModelVersions` then. @throws model_not_found */
  createModelVersion(version: NewModelVersion): Promise<ModelVersion>;
  /** @throws model_not_found */
  getModelVersion(name: string, version: string): Promise<ModelVersion>;
  searchModelVersions(search?: Search): Promise<Page<ModelVersion>>;
  /** All versions of one model with their aliases, newest first; empty when there is no such model. */
  listModelVersions(name: string): Promise<readonly ModelVersion[]>;
  updateModelVersion(name: string, version: string, change: { readonly description: string }): Promise<ModelVersion>;
  setModelVersionTag(name: string, version: string, key: string, value: string): Promise<void>;
  setModelVersionTags(name: string, version: string, tags: Tags): Promise<void>;
  deleteModelVersionTag(name: string, version: string, key: string): Promise<void>;
  /** `archiveExisting` moves the other versions in Staging or Production of that stage to Archived. Kept as a tag where stages are gone. */
  transitionStage(
    name: string,
    version: string,
    stage: Stage,
    options?: { readonly archiveExisting?: boolean },
  ): Promise<ModelVersion>;
  /** @throws model_not_found */
  deleteModelVersion(name: string, version: string): Promise<void>;
  /** The address of the version's model directory. @throws model_not_found */
  getModelVersionDownloadUri(name: string, version: string): Promise<string>;

  /** Sets or moves. @throws model_not_found when the version is not there */
  setAlias(name: string, alias: string, version: string): Promise<void>;
  /** null when the model or the alias is not there. @throws model_not_found when the alias points to a version that was deleted */
  getModelVersionByAlias(name: string, alias: string): Promise<ModelVersion | null>;
  /** Silent when the alias is not there. */
  deleteAlias(name: string, alias: string): Promise<void>;
}

import { randomBytes } from "node:crypto";
import { join, resolve } from "node:path";
import { RequeenError } from "../core/errors.ts";
import type { Transport, TransportRequest, TransportResponse } from "../registry/transport.ts";
import { openArtifactStore } from "./artifact-store.ts";
import { artifactEndpoints } from "./artifacts.ts";
import type { Context } from "./context.ts";
import { openDatabase } from "./database.ts";
import { type Access, type Endpoint, errorResponse, jsonResponse, textResponse } from "./endpoint.ts";
import { experimentEndpoints } from "./experiments.ts";
import { loggedModelEndpoints } from "./logged-models.ts";
import { metricHistoryEndpoints } from "./metric-history.ts";
import { modelVersionEndpoints } from "./model-versions.ts";
import { isInside, realPath } from "./real-path.ts";
import { registeredModelEndpoints } from "./registered-models.ts";
import { MLFLOW_VERSION } from "./release.ts";
import { createRouter, type Found, type Router } from "./router.ts";
import { runDataEndpoints } from "./run-data.ts";
import { runInputEndpoints } from "./run-inputs.ts";
import { runEndpoints } from "./runs.ts";
import { searchLoggedModelsEndpoint } from "./search-logged-models.ts";
import { searchRunsEndpoint } from "./search-runs.ts";
import type { Upgrade } from "./upgrade-file.ts";
import { isLocalUri, localPath } from "./uri.ts";

export interface MlflowOptions {
  /** Holds registry.db and, unless told otherwise, artifacts/. */
  readonly dataDir: string;
  /** Where new experiments keep their artifacts; by default through this server ("mlflow-artifacts:/"). */
  readonly defaultArtifactRoot?: string;
  /** The folder behind "mlflow-artifacts:/"; `<dataDir>/artifacts` by default. */
  readonly artifactsDestination?: string;
  /** Lets clients name folders of this machine as artifact locations; off by default. */
  readonly allowLocalArtifactRoots?: boolean;
  /** What every model version's source must match. */
  readonly modelSourcePattern?: RegExp;
  /** Relative locations are taken from here; the process's working directory by default. */
  readonly workingDirectory?: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** 32 random lower-case hexadecimal digits; the system's randomness by default. */
  readonly newId?: () => string;
}

export interface MlflowService {
  /** Answers as an MLflow server does, without HTTP. */
  readonly transport: Transport;
  /** What a request needs to be allowed, or undefined where nothing answers. */
  accessOf(method: string, path: string): Promise<Access | undefined>;
  /** Set when the file came from an older MLflow and was converted; the caller should tell. */
  readonly upgrade: Upgrade | undefined;
  close(): void;
}

/**
 * Opens the embedded MLflow server. Several processes may open one folder at once.
 * @throws RequeenError store_corrupt, store_read_only, store_unavailable, disk_full.
 */
export async function openMlflow(options: MlflowOptions): Promise<MlflowService> {
  const workingDirectory = options.workingDirectory ?? process.cwd();
  const dataDir = resolve(workingDirectory, options.dataDir);
  const newId = options.newId ?? (() => randomBytes(16).toString("hex"));
  const artifactRoot = absoluteRoot(options.defaultArtifactRoot ?? "mlflow-artifacts:/", workingDirectory);
  const artifactsDestination = options.artifactsDestination ?? join(dataDir, "artifacts");
  if (!isLocalUri(artifactsDestination)) {
    throw new RequeenError(
      "bad_parameter",
      `artifactsDestination of the MLflow server must be a local folder; got ${artifactsDestination}`,
    );
  }
  const { db, upgrade } = await openDatabase(
    join(dataDir, "registry.db"),
    options.now(),
    `${artifactRoot.replace(/\/+$/, "")}/0`,
  );
  const destination = localPath(artifactsDestination);
  const localRoot = isLocalUri(artifactRoot) ? realPath(localPath(artifactRoot)) : undefined;
  const allowLocalArtifactRoots = options.allowLocalArtifactRoots ?? false;
  const context: Context = {
    db,
    artifacts: openArtifactStore(resolve(workingDirectory, destination), newId),
    artifactRoot,
    allowLocalArtifactRoots,
    mayReadLocal: (path) => allowLocalArtifactRoots || (localRoot !== undefined && isInside(localRoot, realPath(path))),
    modelSourcePattern: options.modelSourcePattern,
    workingDirectory,
    now: options.now,
    newId,
  };
  const find = findIn(createRouter(ENDPOINTS));
  const method = (name: string) => (name === "HEAD" ? "GET" : name) as TransportRequest["method"];
  return {
    transport: (request) => answer(context, find, request),
    accessOf: async (name, path) => {
      const found = await find(method(name), path);
      return found === undefined || found === "method-not-allowed" ? undefined : found.endpoint.access;
    },
    upgrade,
    close: () => db.close(),
  };
}

const plain = (path: string, respond: () => TransportResponse, mount: Endpoint["mount"] = "root"): Endpoint => ({
  methods: ["GET"],
  path,
  access: "read",
  mount,
  handle: respond,
});

const ENDPOINTS: readonly Endpoint[] = [
  ...experimentEndpoints,
  ...runEndpoints,
  ...runDataEndpoints,
  ...runInputEndpoints,
  ...metricHistoryEndpoints,
  searchRunsEndpoint,
  searchLoggedModelsEndpoint,
  ...loggedModelEndpoints,
  ...registeredModelEndpoints,
  ...modelVersionEndpoints,
  ...artifactEndpoints,
  plain("health", () => textResponse(200, "OK")),
  plain("version", () => textResponse(200, MLFLOW_VERSION)),
  plain("server-info", () => jsonResponse(200, { store_type: "SqlStore", workspaces_enabled: false }), "tracking-v3"),
];

type Find = (method: TransportRequest["method"], path: string) => Found | Promise<Found>;

/** Looks among the endpoints of every day first, then among those that are loaded when first asked for. */
function findIn(router: Router): Find {
  let late: Promise<Router> | undefined;
  return (method, path) => {
    const found = router.find(method, path);
    if (found !== undefined) return found;
    late ??= import("./late-endpoints.ts").then(({ lateEndpoints }) => createRouter(lateEndpoints));
    return late.then((loaded) => loaded.find(method, path));
  };
}

async function answer(context: Context, find: Find, request: TransportRequest): Promise<TransportResponse> {
  const found = await find(request.method, request.path);
  if (found === undefined) return textResponse(404, "Not Found");
  if (found === "method-not-allowed") return textResponse(405, "Method Not Allowed");
  try {
    return await found.endpoint.handle(context, { ...request, params: found.params });
  } catch (error) {
    return errorResponse(error);
  }
}

function absoluteRoot(root: string, workingDirectory: string): string {
  if (!isLocalUri(root)) return root;
  const path = resolve(workingDirectory, localPath(root));
  return root.startsWith("file:") ? `file://${path}` : path;
}

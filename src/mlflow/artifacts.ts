import { posix } from "node:path";
import type { TransportResponse } from "../registry/transport.ts";
import { checkArtifactPath } from "./artifact-path.ts";
import { type ArtifactStore, FileBody, openArtifactStore } from "./artifact-store.ts";
import { contentTypeOf } from "./content-type.ts";
import type { Context } from "./context.ts";
import { type Access, type Call, type Endpoint, jsonResponse, type Mount, READ, readBody, rpc } from "./endpoint.ts";
import { downloadUri } from "./find-version.ts";
import { findLoggedModel } from "./logged-models.ts";
import { type Fields, int64, many, message, required, text } from "./message-fields.ts";
import { invalid, MlflowError } from "./protocol-error.ts";
import { findRun } from "./runs.ts";
import { isLocalUri, localPath, schemeOf } from "./uri.ts";

const PROXY_ROUTE = "/api/2.0/mlflow-artifacts/artifacts/";
const UI_UPLOAD_LIMIT_BYTES = 10 * 1024 * 1024;
const MULTIPART = "Multipart upload is not supported for the current artifact repository";
const MULTIPART_DOWNLOAD = "Multipart download is not supported for the current artifact repository";

const endpoint = (
  method: Endpoint["methods"][number],
  path: string,
  access: Access,
  mount: Mount,
  handle: Endpoint["handle"],
): Endpoint => ({
  methods: [method],
  path,
  access,
  mount,
  handle,
});

export const artifactEndpoints: readonly Endpoint[] = [
  endpoint("GET", "artifacts", "read", "artifacts", async (context, call) => {
    const path = queryValue(call, "path");
    const entries = await context.artifacts.list(path === undefined ? "" : checkArtifactPath(path));
    return jsonResponse(200, filesAnswer(entries, ""));
  }),
  endpoint("GET", "artifacts/{path...}", "read", "artifacts", (context, call) =>
    download(context.artifacts, routePath(call), call),
  ),
  endpoint("PUT", "artifacts/{path...}", "write", "artifacts", async (context, call) => {
    await context.artifacts.write(routePath(call), call.body);
    return jsonResponse(200, {});
  }),
  endpoint("DELETE", "artifacts/{path...}", "write", "artifacts", async (context, call) => {
    await context.artifacts.remove(routePath(call));
    return jsonResponse(200, {});
  }),
  // A local store has no multipart form; MLflow's clients read these words and fall back to one PUT or GET.
  noMultipart("create", { path: required(text), num_parts: int64 }),
  noMultipart("complete", { path: required(text), upload_id: required(text), parts: required(many(message({}))) }),
  noMultipart("abort", { path: required(text), upload_id: required(text) }),
  endpoint("GET", "presigned/{path...}", "read", "artifacts", (_context, call) => refuse(call, MULTIPART_DOWNLOAD)),

  rpc(["GET"], "artifacts/list", { run_id: required(text), path: text, page_token: text }, async (context, request) => {
    const path = request.path === undefined ? "" : checkArtifactPath(request.path);
    const uri = findRun(context, request.run_id).artifact_uri ?? "";
    return { root_uri: uri, ...(await listAt(context, uri, path)) };
  }),
  noPresigned("upload"),
  noPresigned("download"),
  rpc(
    ["GET"],
    "logged-models/{model_id}/artifacts/directories",
    { model_id: required(text), artifact_directory_path: text, page_token: text },
    async (context, request) => {
      const path = request.artifact_directory_path === undefined ? "" : checkArtifactPath(request.artifact_directory_path);
      const uri = findLoggedModel(context, request.model_id, false).artifact_location;
      return { root_uri: uri, ...(await listAt(context, uri, path)) };
    },
    READ,
  ),
  endpoint("GET", "logged-models/{model_id}/artifacts/files", "read", "ajax", (context, call) => {
    const path = queryValue(call, "artifact_file_path");
    if (!path) throw new MlflowError("BAD_REQUEST", 'Request must include the "artifact_file_path" query parameter.');
    return downloadAt(context, findLoggedModel(context, call.params.model_id ?? "", false).artifact_location, path, call);
  }),
  endpoint("GET", "get-artifact", "read", "root", (context, call) => {
    const path = neededPath(call);
    const runId = queryValue(call, "run_id") || queryValue(call, "run_uuid") || "None";
    return downloadAt(context, findRun(context, runId).artifact_uri ?? "", path, call);
  }),
  endpoint("GET", "model-versions/get-artifact", "read", "root", (context, call) => {
    const path = neededPath(call);
    return downloadAt(
      context,
      downloadUri(context, queryValue(call, "name") ?? "", queryValue(call, "version") ?? ""),
      path,
      call,
    );
  }),
  endpoint("POST", "upload-artifact", "write", "ajax", uploadFromUi),
];

/** Artifacts lie with this server, not in a store that signs addresses. */
function noPresigned(direction: "upload" | "download"): Endpoint {
  const what = direction === "upload" ? "proxied" : "runs with proxied";
  const needed = direction === "upload" ? "a direct" : "a run with a direct";
  return rpc(
    ["POST"],
    `artifacts/presigned-${direction}-url`,
    { run_id: required(text), path: required(text), expiration: int64 },
    (context, request) => {
      checkArtifactPath(request.path);
      const scheme = schemeOf(findRun(context, request.run_id).artifact_uri ?? "");
      if (scheme === "mlflow-artifacts" || scheme.startsWith("http")) {
        throw invalid(
          `Presigned ${direction} is not supported for ${what} artifact storage (artifact URI scheme: ${scheme}). ` +
            `This endpoint requires ${needed} cloud storage artifact URI.`,
        );
      }
      throw new MlflowError("NOT_IMPLEMENTED", `Presigned ${direction}s are not supported for the current artifact repository`);
    },
    { access: direction === "upload" ? "write" : "read" },
  );
}

/** The path is looked at first, then the body, then the caller is told that one PUT is the way. */
function noMultipart(step: string, fields: Fields): Endpoint {
  const asking = rpc(["POST"], `mpu/${step}/{path...}`, fields, () => {
    throw new MlflowError("NOT_IMPLEMENTED", MULTIPART);
  });
  return endpoint("POST", asking.path, "write", "artifacts", (context, call) => {
    routePath(call);
    return asking.handle(context, { ...call, params: {} });
  });
}

const queryValue = (call: Call, name: string): string | undefined => call.query?.find(([key]) => key === name)?.[1];

/** The rest of the route as a path of the store; leading slashes are merged away as MLflow's router does. */
const routePath = (call: Call): string => checkArtifactPath((call.params.path ?? "").replace(/^\/+/, ""));

function refuse(call: Call, message: string): never {
  routePath(call);
  throw new MlflowError("NOT_IMPLEMENTED", message);
}

function neededPath(call: Call): string {
  const path = queryValue(call, "path");
  if (path === undefined) throw new MlflowError("BAD_REQUEST", "Bad Request. Query parameter 'path' is missing.");
  checkArtifactPath(path);
  return path;
}

/** The store that an artifact location of ours stands for, and the path in it. */
export function locate(context: Context, uri: string, path: string): { store: ArtifactStore; path: string } {
  const proxied = /^mlflow-artifacts:(?:\/\/[^/]*)?(\/.*)?$/s.exec(uri)?.[1] ?? afterProxyRoute(uri);
  if (proxied !== undefined)
    return { store: context.artifacts, path: posix.join(checkArtifactPath(proxied.replace(/^\/+/, "")), path) };
  if (isLocalUri(uri) && context.mayReadLocal(localPath(uri)))
    return { store: openArtifactStore(localPath(uri), context.newId), path };
  throw invalid(`The artifacts at '${uri}' are not served by this server; read them where they lie.`);
}

function afterProxyRoute(uri: string): string | undefined {
  if (!/^https?:/i.test(uri)) return undefined;
  const at = uri.indexOf(PROXY_ROUTE);
  return at < 0 ? undefined : uri.slice(at + PROXY_ROUTE.length);
}

async function listAt(context: Context, uri: string, path: string): Promise<{ files?: object[] }> {
  const place = locate(context, uri, path);
  return filesAnswer(await place.store.list(place.path), path);
}

function filesAnswer(entries: Awaited<ReturnType<ArtifactStore["list"]>>, folder: string): { files?: object[] } {
  if (entries.length === 0) return {};
  return {
    files: entries.map((entry) => ({ path: posix.join(folder, entry.name), is_dir: entry.isFolder, file_size: entry.sizeBytes })),
  };
}

/** A file below an artifact location of ours. */
export function downloadAt(context: Context, uri: string, sentPath: string, call: Call): Promise<TransportResponse> {
  const place = locate(context, uri, checkArtifactPath(sentPath));
  return download(place.store, place.path, call);
}

/** A file, always as an attachment that no browser interprets, whole or one range of it. */
async function download(store: ArtifactStore, path: string, call: Call): Promise<TransportResponse> {
  const file = await store.open(path);
  const name = posix.basename(path);
  const headers = {
    "content-type": contentTypeOf(name),
    "content-disposition": `attachment; filename=${headerName(name)}`,
    "x-content-type-options": "nosniff",
    "accept-ranges": "bytes",
  };
  const range = readRange(call.headers?.range, file.sizeBytes);
  if (range === "unsatisfiable") {
    return { status: 416, headers: { ...headers, "content-range": `bytes */${file.sizeBytes}` }, body: new Uint8Array() };
  }
  const { start, end } = range ?? { start: 0, end: file.sizeBytes - 1 };
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      ...headers,
      "content-length": String(end - start + 1),
      ...(range === undefined ? {} : { "content-range": `bytes ${start}-${end}/${file.sizeBytes}` }),
    },
    body: new FileBody(file.path, start, end),
  };
}

/** A name that cannot end the header or reach out of a folder (CVE-2024-0520): anything but plain characters is escaped. */
function headerName(name: string): string {
  if (/^[\w.+-]+$/.test(name)) return name;
  const plain = name.replace(/[^\w.+ -]/g, "_");
  return `"${plain}"; filename*=UTF-8''${encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)}`;
}

function readRange(header: string | undefined, sizeBytes: number): { start: number; end: number } | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  const last = sizeBytes - 1;
  const start = match[1] === "" ? Math.max(0, sizeBytes - Number(match[2])) : Number(match[1]);
  const end = match[1] === "" || match[2] === "" ? last : Math.min(Number(match[2]), last);
  return start > end || start > last ? "unsatisfiable" : { start, end };
}

/** The upload of MLflow's own pages: small files into a run. */
async function uploadFromUi(context: Context, call: Call): Promise<TransportResponse> {
  const runId = queryValue(call, "run_uuid");
  if (!runId) throw invalid("Request must specify run_uuid.");
  const sentPath = queryValue(call, "path");
  if (!sentPath) throw invalid("Request must specify path.");
  const path = checkArtifactPath(sentPath);
  // "." is the run's own folder, which must not become a file.
  if (path === "") throw invalid("Invalid path");
  if (Number(call.headers?.["content-length"] ?? 0) > UI_UPLOAD_LIMIT_BYTES) throw uploadTooLarge();
  const body = await readBody(call, UI_UPLOAD_LIMIT_BYTES).catch((error: unknown) => {
    throw error instanceof MlflowError ? uploadTooLarge() : error;
  });
  if (body.byteLength === 0) throw invalid("Request must specify data.");
  const place = locate(context, findRun(context, runId).artifact_uri ?? "", path);
  await place.store.write(place.path, body);
  return jsonResponse(200, {});
}

const uploadTooLarge = (): MlflowError => invalid("Artifact size is too large. Max size is 10MB.");

/** Artifacts through the MLflow server itself: its mlflow-artifacts endpoints, in parts when the content is large and the server can. */
import * as z from "zod";
import { isRequeenError, RequeenError } from "../core/errors.ts";
import { encodeArtifactPath, joinArtifactPath } from "./artifact-path.ts";
import type { ArtifactStore, Upload } from "./artifact-store.ts";
import { collectBytes } from "./bytes.ts";
import { type Endpoint, isEndpointMissing } from "./endpoint.ts";
import type { RestCaller } from "./rest-call.ts";
import type { Transport } from "./transport.ts";
import { fileWire } from "./wire.ts";

export interface MultipartOptions {
  /** Content from this size on goes up in parts. Default 500 MB, as MLflow's own client. */
  readonly fromBytes?: number;
  /** S3 wants at least 5 MiB. Default 10 MiB. */
  readonly partBytes?: number;
  /** Reaches the presigned address of a part; null uploads in one piece always. */
  readonly transportTo: ((origin: string) => Transport) | null;
}

const DEFAULT_FROM_BYTES = 500_000_000;
const DEFAULT_PART_BYTES = 10 * 1024 * 1024;
/** S3's own limit. */
const MOST_PARTS = 10_000;
/** An upload is answered with nearly nothing. */
const MOST_ANSWER_BYTES = 65_536;

const endpoint = (method: Endpoint["method"], path: string, repeatable = true): Endpoint => ({
  method,
  path: `/api/2.0/mlflow-artifacts/${path}`,
  repeatable,
  missing: "not_found",
});

/** @param root the folder behind `mlflow-artifacts:/`, for example "2/<run>/artifacts"; not encoded. */
export function createProxyArtifacts(caller: RestCaller, root: string, multipart: MultipartOptions): ArtifactStore {
  const fullPath = (path: string) => joinArtifactPath(root, path);
  return {
    async put(path, upload) {
      if (
        upload.sizeBytes !== null &&
        upload.sizeBytes >= (multipart.fromBytes ?? DEFAULT_FROM_BYTES) &&
        upload.openRange !== null
      ) {
        if (await putInParts(caller, fullPath(path), upload, multipart)) return;
      }
      const headers: Record<string, string> = { "content-type": "application/octet-stream" };
      if (upload.sizeBytes !== null) headers["content-length"] = String(upload.sizeBytes);
      const put = endpoint("PUT", `artifacts/${encodeArtifactPath(fullPath(path))}`);
      await caller.repeated(true, async () => {
        const answer = await caller.once(put, { headers, body: upload.open() });
        await collectBytes(answer.body, MOST_ANSWER_BYTES);
      });
    },

    async get(path) {
      try {
        return (await caller.once(endpoint("GET", `artifacts/${encodeArtifactPath(fullPath(path))}`))).body;
      } catch (error) {
        // MLflow 3 answers 400 for a folder; the path itself was checked before
        if (!isRequeenError(error, "bad_request")) throw error;
        throw new RequeenError(
          "not_found",
          `no file ${path} lies at ${caller.address}: ${error.message}`,
          { path },
          { cause: error },
        );
      }
    },

    async list(folder) {
      const shape = z.object({ files: z.array(fileWire).default([]) });
      const { files } = await caller.json(endpoint("GET", "artifacts"), shape, { query: [["path", fullPath(folder)]] });
      // the proxy answers base names
      return files.map((file) => ({ ...file, path: joinArtifactPath(folder, file.path) }));
    },
  };
}

const uploadShape = z.object({
  upload_id: z.string(),
  credentials: z.array(
    z.object({
      url: z.string(),
      part_number: z.union([z.number(), z.string().transform(Number)]),
      headers: z.record(z.string(), z.string()).nullish(),
    }),
  ),
});

/** @returns false when the server's store takes no parts (a local folder): then one piece is sent. */
async function putInParts(caller: RestCaller, fullPath: string, upload: Upload, options: MultipartOptions): Promise<boolean> {
  const { transportTo } = options;
  const { sizeBytes, openRange } = upload;
  if (transportTo === null || openRange === null || sizeBytes === null) return false;
  const partBytes = Math.max(options.partBytes ?? DEFAULT_PART_BYTES, Math.ceil(sizeBytes / MOST_PARTS));
  const folder = fullPath.split("/").slice(0, -1).join("/");
  const name = fullPath.slice(folder === "" ? 0 : folder.length + 1);
  const at = (step: string) => endpoint("POST", `mpu/${step}/${encodeArtifactPath(folder)}`, step !== "create");
  let begun: z.infer<typeof uploadShape>;
  try {
    begun = await caller.json(at("create"), uploadShape, { body: { path: name, num_parts: Math.ceil(sizeBytes / partBytes) } });
  } catch (error) {
    if (isEndpointMissing(error)) return false;
    throw error;
  }
  const { upload_id: uploadId, credentials } = begun;
  try {
    const parts: Array<{ part_number: number; etag: string; url: string }> = [];
    for (const { url, part_number: partNumber, headers } of credentials) {
      const from = (partNumber - 1) * partBytes;
      const to = Math.min(from + partBytes, sizeBytes);
      const etag = await putPart(caller, transportTo, url, headers ?? {}, () => openRange(from, to), to - from);
      parts.push({ part_number: partNumber, etag, url });
    }
    await caller.json(at("complete"), z.unknown(), { body: { path: name, upload_id: uploadId, parts } });
    return true;
  } catch (error) {
    // parts that nobody completes cost storage: give them back; the upload's own error is the one that counts
    await caller.json(at("abort"), z.unknown(), { body: { path: name, upload_id: uploadId } }).catch((abortError: unknown) => {
      if (error instanceof RequeenError)
        Object.assign(error, { cause: new AggregateError([error.cause, abortError], "upload and its clean-up failed") });
    });
    throw error;
  }
}

/** Sends one part to its presigned address, without our credentials: the address carries its own. */
function putPart(
  caller: RestCaller,
  transportTo: (origin: string) => Transport,
  url: string,
  headers: Readonly<Record<string, string>>,
  open: () => AsyncIterable<Uint8Array>,
  sizeBytes: number,
): Promise<string> {
  const target = new URL(url);
  const lower = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toLowerCase(), value]));
  return caller.repeated(true, async () => {
    const answer = await transportTo(target.origin)({
      method: "PUT",
      path: target.pathname,
      query: [...target.searchParams],
      headers: { ...lower, "content-length": String(sizeBytes) },
      body: open(),
    });
    await collectBytes(answer.body, MOST_ANSWER_BYTES);
    if (answer.status < 200 || answer.status > 299) {
      const details = { address: target.origin, status: answer.status, permanent: answer.status < 500 && answer.status !== 429 };
      throw new RequeenError(
        "registry_unavailable",
        `PUT of an artifact's part to ${target.origin} answered ${answer.status}`,
        details,
      );
    }
    return answer.headers.etag ?? "";
  });
}

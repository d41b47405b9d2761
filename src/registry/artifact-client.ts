/** Artifacts of runs and models, wherever the server says that they lie. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { RequeenError } from "../core/errors.ts";
import { encodeArtifactPath, joinArtifactPath, requireArtifactFolder, requireArtifactPath } from "./artifact-path.ts";
import type { ArtifactStore, Upload } from "./artifact-store.ts";
import { checked, collectBytes, requireDigest, sha256Of } from "./bytes.ts";
import { createLocalArtifacts } from "./local-artifacts.ts";
import { createProxyArtifacts, type MultipartOptions } from "./proxy-artifacts.ts";
import type { ArtifactContent, ArtifactEntry, ArtifactPlace, Registry } from "./registry.ts";
import { type CallerOptions, createRestCaller, type RestCaller } from "./rest-call.ts";
import { createS3Artifacts, type S3Options } from "./s3-artifacts.ts";
import type { Transport } from "./transport.ts";

export type ArtifactMethods = Pick<
  Registry,
  "resolveArtifacts" | "uploadArtifact" | "listArtifacts" | "listArtifactTree" | "downloadArtifact" | "openArtifact"
>;

export interface ArtifactOptions {
  readonly multipart?: Omit<MultipartOptions, "transportTo">;
  /**
   * Makes a transport without credentials to another origin: artifact roots on a second MLflow server, presigned addresses of parts.
   * Default: such places are refused.
   */
  readonly transportTo?: (origin: string) => Transport;
  readonly s3?: S3Options;
  /** false refuses `file:` roots and plain paths, for a server that is not trusted to name folders of this machine. Default true. */
  readonly localArtifacts?: boolean;
}

/** A download into memory; larger ones go through `openArtifact`. */
const MOST_DOWNLOAD_BYTES = 1024 * 1024 * 1024;
const PROXY_PATH = "/api/2.0/mlflow-artifacts/artifacts";
/** runs: and models: addresses may point at each other; a ring ends here. */
const MOST_HOPS = 5;

export function createArtifactMethods(
  caller: RestCaller,
  callerOptions: CallerOptions,
  registry: Pick<Registry, "getRun" | "getLoggedModel" | "getModelVersionByAlias" | "getModelVersionDownloadUri">,
  options: ArtifactOptions,
): ArtifactMethods {
  const rootOfRun = new Map<string, string>();
  const s3 = options.s3 ?? {};
  const multipart: MultipartOptions = { ...options.multipart, transportTo: options.transportTo ?? null };

  const methods: ArtifactMethods = {
    async resolveArtifacts(place) {
      let uri = "runId" in place ? `runs:/${place.runId}` : place.uri;
      for (let hop = 0; hop < MOST_HOPS; hop++) {
        const next = await resolveOnce(uri);
        if (next === null) return uri;
        uri = next;
      }
      throw new RequeenError("bad_parameter", `artifact address ${uri} must lead to a place in at most ${MOST_HOPS} steps`, {
        uri,
      });
    },

    async uploadArtifact(place, path, content) {
      const store = await storeOf(place);
      const upload = await uploadOf(content);
      requireArtifactPath(path);
      const counted = countedUpload(upload, path);
      await store.put(path, counted.upload);
      return { path, ...counted.finish() };
    },

    async listArtifacts(place, folder = "") {
      const store = await storeOf(place);
      return sorted(await store.list(requireArtifactFolder(folder)));
    },

    async listArtifactTree(place, folder = "") {
      const store = await storeOf(place);
      const files: ArtifactEntry[] = [];
      const folders = [requireArtifactFolder(folder)];
      for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
        for (const entry of await store.list(next)) {
          requireArtifactPath(entry.path);
          if (entry.isDirectory) folders.push(entry.path);
          else files.push(entry);
        }
      }
      return sorted(files);
    },

    async downloadArtifact(place, path, expect) {
      const store = await storeOf(place);
      requireArtifactPath(path);
      const bytes = await caller.repeated(true, async () => collectBytes(await store.get(path), MOST_DOWNLOAD_BYTES));
      if (expect !== undefined) requireDigest(sha256Of(bytes), expect.sha256, `artifact ${path} of ${nameOf(place)}`);
      return bytes;
    },

    async *openArtifact(place, path, expect) {
      const store = await storeOf(place);
      requireArtifactPath(path);
      const body = await caller.repeated(true, () => store.get(path));
      const chunks = body instanceof Uint8Array ? chunkOf(body) : body;
      if (expect === undefined) yield* chunks;
      else yield* checked(chunks, expect.sha256, `artifact ${path} of ${nameOf(place)}`);
    },
  };
  return methods;

  /** One step of runs: and models: addresses; null when `uri` is a place already. */
  async function resolveOnce(uri: string): Promise<string | null> {
    const [, kind, rest = ""] = /^(runs|models):\/+(.*)$/.exec(uri) ?? [];
    if (kind === undefined) return null;
    const [first = "", ...more] = rest.split("/");
    const below = more.join("/");
    if (kind === "runs") {
      let root = rootOfRun.get(first);
      if (root === undefined) {
        root = (await registry.getRun(first)).artifactUri;
        rootOfRun.set(first, root);
      }
      return below === "" ? root : appendPath(root, requireArtifactPath(below));
    }
    if (more.length === 0 && first.startsWith("m-") && !first.includes("@"))
      return (await registry.getLoggedModel(first)).artifactUri;
    const [name = "", alias] = first.split("@");
    if (alias !== undefined && more.length === 0) {
      const version = await registry.getModelVersionByAlias(name, alias);
      if (version === null)
        throw new RequeenError("model_not_found", `model ${name} at ${caller.address} has no alias ${alias}`, { name, alias });
      return registry.getModelVersionDownloadUri(name, version.version);
    }
    if (more.length === 1 && /^\d+$/.test(below)) return registry.getModelVersionDownloadUri(name, below);
    throw new RequeenError(
      "bad_parameter",
      `a models: address must be models:/<model id>, models:/<name>/<version> or models:/<name>@<alias>; got ${uri}`,
      { uri },
    );
  }

  async function storeOf(place: ArtifactPlace): Promise<ArtifactStore> {
    const uri = await methods.resolveArtifacts(place);
    if (uri.startsWith("/")) return localStore(uri, uri);
    // paths stand in these addresses as they are: MLflow does not percent-encode them
    const [, scheme = "", host = "", path = ""] = /^([a-z0-9+.-]+):(?:\/\/([^/]*))?\/*(.*?)\/*$/i.exec(uri) ?? [];
    switch (scheme.toLowerCase()) {
      case "mlflow-artifacts": {
        const own = URL.parse(caller.address);
        if (host === "" || host === own?.host) return createProxyArtifacts(caller, path, multipart);
        return proxyAt(`${own?.protocol ?? "http:"}//${host}`, path);
      }
      case "http":
      case "https": {
        const at = uri.indexOf(PROXY_PATH);
        if (at < 0) throw unknownPlace(uri);
        const root = joinArtifactPath(...uri.slice(at + PROXY_PATH.length).split("/"));
        const origin = uri.slice(0, at);
        return origin === caller.address ? createProxyArtifacts(caller, root, multipart) : proxyAt(origin, root);
      }
      case "file":
        return localStore(pathOfFileUri(uri), uri);
      case "s3":
        return createS3Artifacts({ bucket: host, prefix: path }, s3);
      default:
        throw unknownPlace(uri);
    }
  }

  function proxyAt(origin: string, root: string): ArtifactStore {
    if (options.transportTo === undefined) throw unknownPlace(origin);
    return createProxyArtifacts(
      createRestCaller({ ...callerOptions, transport: options.transportTo(origin), address: origin }),
      root,
      multipart,
    );
  }

  function localStore(folder: string, uri: string): ArtifactStore {
    if (options.localArtifacts === false) {
      throw new RequeenError(
        "forbidden",
        `artifacts at ${uri} lie in a folder of the server's machine, which this client is configured not to touch`,
        { uri },
      );
    }
    return createLocalArtifacts(folder);
  }

  function unknownPlace(uri: string): RequeenError {
    const allowed = "mlflow-artifacts:, http(s) to an MLflow artifact proxy, file: and s3:";
    const remedy = "let the MLflow server proxy its artifacts (--serve-artifacts, the default)";
    return new RequeenError(
      "not_implemented",
      `artifacts at ${uri} cannot be reached from here; reachable are ${allowed}; ${remedy}`,
      { uri },
    );
  }
}

const nameOf = (place: ArtifactPlace): string => ("runId" in place ? `run ${place.runId}` : place.uri);
const sorted = (entries: readonly ArtifactEntry[]): ArtifactEntry[] =>
  entries.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));

/** The address of a file below a root address; only file: addresses are percent-encoded. */
export function appendPath(root: string, path: string): string {
  return joinArtifactPath(root.replace(/\/+$/, ""), root.startsWith("file:") ? encodeArtifactPath(path) : path);
}

function pathOfFileUri(uri: string): string {
  try {
    return fileURLToPath(uri);
  } catch (cause) {
    throw new RequeenError(
      "bad_parameter",
      `a file: address of artifacts must name a folder of this machine; got ${uri}`,
      { uri },
      { cause },
    );
  }
}

async function* chunkOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function uploadOf(content: ArtifactContent): Promise<Upload> {
  if (content instanceof Uint8Array) {
    return { sizeBytes: content.byteLength, open: () => content, openRange: (from, to) => chunkOf(content.subarray(from, to)) };
  }
  if ("open" in content) return { sizeBytes: content.sizeBytes ?? null, open: content.open, openRange: null };
  const { filePath } = content;
  const { size } = await stat(filePath).catch((error: unknown) => {
    throw new RequeenError(
      "bad_parameter",
      `the file to upload must exist; ${filePath} cannot be read`,
      { path: filePath },
      { cause: error },
    );
  });
  return {
    sizeBytes: size,
    // not beyond the size that was announced, should the file grow meanwhile
    open: () => (size === 0 ? new Uint8Array() : createReadStream(filePath, { end: size - 1 })),
    openRange: (from, to) => createReadStream(filePath, { start: from, end: to - 1 }),
  };
}

/**
 * The same upload, which counts and digests what the latest try has read.
 * `finish` tells both, and refuses when the last try did not read everything: then a server said "done" before it had the whole.
 */
function countedUpload(upload: Upload, path: string): { upload: Upload; finish: () => { sizeBytes: number; sha256: string } } {
  // a broken try may still be reading while the next one begins: each has its own account
  let latest = { hash: createHash("sha256"), readBytes: 0, ended: false };
  const open = async function* (): AsyncGenerator<Uint8Array> {
    const account = { hash: createHash("sha256"), readBytes: 0, ended: false };
    latest = account;
    const content = upload.open();
    for await (const chunk of content instanceof Uint8Array ? chunkOf(content) : content) {
      account.hash.update(chunk);
      account.readBytes += chunk.byteLength;
      yield chunk;
    }
    const { readBytes } = account;
    if (upload.sizeBytes !== null && readBytes !== upload.sizeBytes) {
      throw new RequeenError(
        "conflict",
        `the content of artifact ${path} had ${upload.sizeBytes} bytes when its upload began, and ${readBytes} now`,
        { path },
      );
    }
    account.ended = true;
  };
  // parts are read by jumps: the digest comes from one reading of the whole before the first of them
  const { openRange } = upload;
  const openRangeAfterDigest = async function* (from: number, to: number): AsyncGenerator<Uint8Array> {
    if (!latest.ended) for await (const _ of open());
    if (openRange !== null) yield* openRange(from, to);
  };
  return {
    upload: { sizeBytes: upload.sizeBytes, open, openRange: openRange && openRangeAfterDigest },
    finish: () => {
      const { hash, readBytes, ended } = latest;
      if (ended || readBytes === upload.sizeBytes) return { sizeBytes: readBytes, sha256: hash.digest("hex") };
      throw new RequeenError(
        "registry_unavailable",
        `the server said that artifact ${path} is stored when only ${readBytes} bytes of it were sent`,
        { path },
      );
    },
  };
}

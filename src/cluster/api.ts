import { setTimeout as pause } from "node:timers/promises";
import { isRequeenError, RequeenError } from "../core/errors.ts";
import { GROUPS, type Kinds } from "./kinds.ts";

/** One call to the API server; the body of the answer is read as it comes. */
export interface ClusterRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query, beginning with "/". */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
  /** Longest silence, milliseconds. */
  readonly silenceMs: number;
}

export interface ClusterResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Must be read to its end or destroyed. */
  readonly body: AsyncIterable<Uint8Array> & { destroy(): void };
}

/** Rejects with what the socket said when no answer came. */
export type ClusterTransport = (request: ClusterRequest) => Promise<ClusterResponse>;

export interface Selection {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/**
 * What Requeen does at an API server. Calls are repeated while the server is away, overloaded or restarting; a creation that is repeated
 * meets itself as `already_exists`, so every name that we create is derived from what it is for.
 * @throws RequeenError cluster_unavailable, unauthenticated, forbidden, bad_request; no_capacity where a quota refuses; others at the method.
 */
export interface ClusterApi {
  /** For messages: the server's address without credentials. */
  readonly address: string;
  /** @throws already_exists */
  create<K extends keyof Kinds>(kind: K, namespace: string, object: object): Promise<Kinds[K]>;
  /** Null when it is not there. */
  get<K extends keyof Kinds>(kind: K, namespace: string, name: string): Promise<Kinds[K] | null>;
  list<K extends keyof Kinds>(kind: K, namespace: string, selection: Selection): Promise<Listing<Kinds[K]>>;
  /** Replaces what was read under the same resourceVersion. @throws conflict when it was changed since, not_found */
  replace<K extends keyof Kinds>(kind: K, namespace: string, object: Kinds[K]): Promise<Kinds[K]>;
  /** Merges (RFC 7396); without a resourceVersion in the patch, nobody else's change is in conflict with it. @throws not_found */
  patch<K extends keyof Kinds>(kind: K, namespace: string, name: string, patch: object): Promise<Kinds[K]>;
  /** Deletes with all that belongs to it, in the background. False when it was not there. */
  remove(kind: keyof Kinds, namespace: string, name: string): Promise<boolean>;
  /**
   * Waits until something of the selection changes, at most `timeoutMs`. Tells nothing of the change: whoever is woken lists again, so that
   * events that are lost, late, doubled or expired (410) cost time and never a wrong belief. Never throws for a watch that breaks.
   */
  untilChange(kind: keyof Kinds, namespace: string, wait: Selection & Wait): Promise<void>;
  /** A pod's log so far and, with `follow`, as it grows, line by line; ends when the container ends or the signal aborts. */
  logs(namespace: string, pod: string, options: { follow: boolean; signal?: AbortSignal }): AsyncIterable<string>;
}

export interface Listing<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

export interface Wait {
  readonly resourceVersion: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface ClusterApiOptions {
  readonly address: string;
  readonly transport: ClusterTransport;
  /** Tries of one call, the first included. Default 5. */
  readonly attempts?: number;
  /** The pause before try `n` + 1, milliseconds, without the server's own Retry-After. Default 200 ms doubled, at most 5 s. */
  readonly pauseMs?: (attempt: number) => number;
}

const ATTEMPTS = 5;
const SILENCE_MS = 30_000;
const defaultPauseMs = (attempt: number): number => Math.min(5_000, 200 * 2 ** (attempt - 1));
/** 504 comes from a server that shuts down, 500 from one that has lost its etcd. */
const AWAY = new Set([429, 500, 502, 503, 504]);

export function createClusterApi({
  address,
  transport,
  attempts = ATTEMPTS,
  pauseMs = defaultPauseMs,
}: ClusterApiOptions): ClusterApi {
  /** Gives status and parsed body of the first answer that is not "come again". */
  async function call(request: Omit<ClusterRequest, "silenceMs">): Promise<{ status: number; body: Answer }> {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await attemptOnce({ ...request, silenceMs: SILENCE_MS });
      if ("status" in outcome && !AWAY.has(outcome.status)) return outcome;
      if (attempt >= attempts) throw away(address, request, outcome);
      const asked = "retryAfterMs" in outcome ? outcome.retryAfterMs : 0;
      await pause(Math.max(asked, pauseMs(attempt)), undefined, { signal: request.signal });
    }
  }

  async function attemptOnce(request: ClusterRequest): Promise<Outcome> {
    request.signal?.throwIfAborted();
    try {
      const response = await transport(request);
      const text = await readText(response.body);
      const retryAfter = Number(response.headers["retry-after"] ?? 0);
      return {
        status: response.status,
        body: parseBody(text),
        retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1_000 : 0,
      };
    } catch (cause) {
      request.signal?.throwIfAborted();
      return { cause };
    }
  }

  const refuse = (status: number, body: Answer, what: string): RequeenError => refusal(address, status, body, what);

  return {
    address,

    async create(kind, namespace, object) {
      const { status, body } = await call({ method: "POST", path: collection(kind, namespace), body: object });
      if (status >= 200 && status < 300) return body as never;
      throw refuse(status, body, `creating ${kind}`);
    },

    async get(kind, namespace, name) {
      const { status, body } = await call({ method: "GET", path: member(kind, namespace, name) });
      if (status === 200) return body as never;
      if (status === 404) return null;
      throw refuse(status, body, `reading ${kind}/${name}`);
    },

    async list(kind, namespace, selection) {
      const { status, body } = await call({ method: "GET", path: `${collection(kind, namespace)}?${query({ ...selection })}` });
      if (status !== 200) throw refuse(status, body, `listing ${kind}`);
      const listing = body as { items?: never[] | null; metadata?: { resourceVersion?: string } };
      return { items: listing.items ?? [], resourceVersion: listing.metadata?.resourceVersion ?? "" };
    },

    async replace(kind, namespace, object) {
      const path = member(kind, namespace, object.metadata.name);
      const { apiVersion, kind: name } = GROUPS[kind];
      const { status, body } = await call({ method: "PUT", path, body: { apiVersion, kind: name, ...object } });
      if (status >= 200 && status < 300) return body as never;
      throw refuse(status, body, `replacing ${kind}/${object.metadata.name}`);
    },

    async patch(kind, namespace, name, patch) {
      const path = member(kind, namespace, name);
      const contentType = "application/merge-patch+json";
      const { status, body } = await call({ method: "PATCH", path, body: patch, contentType });
      if (status >= 200 && status < 300) return body as never;
      throw refuse(status, body, `changing ${kind}/${name}`);
    },

    async remove(kind, namespace, name) {
      const { status, body } = await call({
        method: "DELETE",
        path: member(kind, namespace, name),
        body: { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background" },
      });
      if (status === 404) return false;
      if (status >= 200 && status < 300) return true;
      throw refuse(status, body, `deleting ${kind}/${name}`);
    },

    async untilChange(kind, namespace, { resourceVersion, timeoutMs, signal, ...selection }) {
      const timer = AbortSignal.timeout(Math.ceil(timeoutMs));
      const stop = signal === undefined ? timer : AbortSignal.any([signal, timer]);
      const words = { ...selection, watch: "1", resourceVersion, timeoutSeconds: String(Math.ceil(timeoutMs / 1_000)) };
      try {
        const path = `${collection(kind, namespace)}?${query(words)}`;
        const response = await transport({ method: "GET", path, signal: stop, silenceMs: timeoutMs + SILENCE_MS });
        try {
          // any event wakes, an error event (410: too old a version) too; a refusal waits, so that nobody lists in a tight loop
          if (response.status === 200) for await (const chunk of response.body) if (chunk.byteLength > 0) return;
        } finally {
          response.body.destroy();
        }
        if (response.status === 410) return;
      } catch (error) {
        if (stop.aborted) return;
        if (!(error instanceof Error)) throw error;
      }
      await pause(Math.min(timeoutMs, pauseMs(1)), undefined, { signal: stop }).catch(() => undefined);
    },

    async *logs(namespace, pod, { follow, signal }) {
      const path = `${member("pods", namespace, pod)}/log?${query({ follow: follow ? "true" : undefined })}`;
      const response = await transport({ method: "GET", path, signal, silenceMs: follow ? 0 : SILENCE_MS });
      if (response.status !== 200)
        throw refuse(response.status, parseBody(await readText(response.body)), `reading the log of pods/${pod}`);
      yield* linesOf(response.body);
    },
  };
}

/** An object, or the API's Status. */
interface Answer {
  readonly reason?: string;
  readonly message?: string;
}
type Outcome = { status: number; body: Answer; retryAfterMs: number } | { cause: unknown };

const collection = (kind: keyof Kinds, namespace: string): string =>
  `/${GROUPS[kind].path}/namespaces/${encodeURIComponent(namespace)}/${kind}`;
const member = (kind: keyof Kinds, namespace: string, name: string): string =>
  `${collection(kind, namespace)}/${encodeURIComponent(name)}`;

function query(words: Readonly<Record<string, string | undefined>>): string {
  const set = Object.entries(words).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return new URLSearchParams(set).toString();
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function parseBody(text: string): Answer {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : { message: text };
  } catch {
    // a proxy or a server that starts answers in plain text
    return { message: text.slice(0, 500) };
  }
}

async function* linesOf(body: ClusterResponse["body"]): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of body) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
    if (rest !== "") yield rest;
  } finally {
    body.destroy();
  }
}

function away(address: string, { method, path }: Pick<ClusterRequest, "method" | "path">, outcome: Outcome): RequeenError {
  const cause = "cause" in outcome ? outcome.cause : undefined;
  const said =
    "cause" in outcome
      ? outcome.cause instanceof Error
        ? outcome.cause.message
        : String(outcome.cause)
      : `${outcome.status} ${outcome.body.message ?? ""}`.trim();
  const details = { address, method, path: path.split("?", 1)[0] ?? "" };
  return new RequeenError("cluster_unavailable", `the API server ${address} does not answer: ${said}`, details, { cause });
}

function refusal(address: string, status: number, { reason = "", message = "" }: Answer, what: string): RequeenError {
  const text = `${what} at ${address}: ${message || `status ${status}`}`;
  const details = { status, reason };
  if (status === 401) return new RequeenError("unauthenticated", text, details);
  if (status === 403) return new RequeenError(/exceeded quota|quota/i.test(message) ? "no_capacity" : "forbidden", text, details);
  if (status === 404) return new RequeenError("not_found", text, details);
  if (status === 409) return new RequeenError(reason === "AlreadyExists" ? "already_exists" : "conflict", text, details);
  return new RequeenError("bad_request", text, details);
}

/** Repeats `work` while it meets a change of somebody else, each time from what is there then. @throws what it throws else */
export async function retryConflicts<T>(attempts: number, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isRequeenError(error, "conflict") || attempt >= attempts) throw error;
      await pause(10 * attempt, undefined, { signal });
    }
  }
}

import type { Operations } from "./api-types.ts";

/**
 * A client of the HTTP API for browsers and Node 20 or newer: `fetch` and nothing else. Requests and answers are typed from the OpenAPI
 * document. Every write carries an Idempotency-Key, so that trying again never does a thing twice.
 */
export interface Client {
  /**
   * Asks one endpoint: `client.ask("POST /api/v1/feedback", { body })`. Gives the answer's JSON; a `Response` where the endpoint answers a
   * file or a stream.
   * @throws RequeenProblem when the server refuses; whatever `fetch` throws when it cannot be reached after all tries
   */
  ask<Name extends keyof Operations>(name: Name, ...request: RequestOf<Name>): Promise<AnswerOf<Name>>;
  /** The items of a list, page after page: `client.each("GET /api/v1/runs", "runs")`. */
  each<Name extends ListName, Item extends keyof AnswerOf<Name>>(
    name: Name,
    items: Item,
    ...request: RequestOf<Name>
  ): AsyncGenerator<AnswerOf<Name>[Item] extends readonly (infer One)[] ? One : never>;
  /** What changes, as it changes, connected again when the line is cut. Ends when `signal` aborts. */
  events(options: { readonly signal: AbortSignal }): AsyncGenerator<LiveEvent>;
}

export interface ClientOptions {
  /** Address of the server, `http://127.0.0.1:8080`; in a page of the server itself "". */
  readonly baseUrl: string;
  /** A token or an API key; a function where it changes. Left out: cookies of a signed-in page. */
  readonly token?: string | (() => string | Promise<string>);
  /** Tries after the first, of requests that may be repeated. */
  readonly retries?: number;
  /** Longest time of one try, milliseconds. */
  readonly timeoutMs?: number;
  readonly fetch?: typeof fetch;
  /** Waits between tries, milliseconds; given by tests. */
  readonly wait?: (ms: number) => Promise<void>;
}

/** A body that is sent as it is: a file, a stream, text. */
export type RawBody = Blob | ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | string;

type Part<Name extends keyof Operations, Key extends string> = Operations[Name] extends { readonly [K in Key]: infer T }
  ? { readonly [K in Key]: T }
  : Operations[Name] extends { readonly [K in Key]?: infer T }
    ? { readonly [K in Key]?: T }
    : unknown;

export type RequestFor<Name extends keyof Operations> = Part<Name, "path"> &
  Part<Name, "query"> &
  Part<Name, "body"> & {
    /** For a body that is sent as it is. */
    readonly contentType?: string;
    /** One of your own, to ask again after your process was started anew. */
    readonly idempotencyKey?: string;
    readonly signal?: AbortSignal;
  };
type RequestOf<Name extends keyof Operations> =
  Record<string, never> extends RequestFor<Name> ? [request?: RequestFor<Name>] : [request: RequestFor<Name>];
export type AnswerOf<Name extends keyof Operations> = Operations[Name]["answer"];
type ListName = { [N in keyof Operations]: AnswerOf<N> extends { readonly next: string | null } ? N : never }[keyof Operations];

export interface LiveEvent {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
}

/** The server's refusal, RFC 9457 with Requeen's code. */
export class RequeenProblem extends Error {
  readonly status: number;
  /** Of docs/errors.md; "" when what answered was no Requeen. */
  readonly code: string;
  readonly requestId: string;
  /** The whole problem: field, allowed values, remedy. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(status: number, details: Readonly<Record<string, unknown>>) {
    super(`${textOf(details.code) || status}: ${textOf(details.detail) || "the server refused"}`);
    this.name = "RequeenProblem";
    this.status = status;
    this.code = textOf(details.code);
    this.requestId = textOf(details.request_id);
    this.details = details;
  }
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

const RETRIES = 4;
const TIMEOUT_MS = 30_000;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;
const RECONNECT_MS = 3_000;

interface AnyRequest {
  readonly path?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

export function createClient(options: ClientOptions): Client {
  const { baseUrl, token, retries = RETRIES, timeoutMs = TIMEOUT_MS } = options;
  const send = options.fetch ?? ((...call: Parameters<typeof fetch>) => fetch(...call));
  const wait = options.wait ?? ((ms: number) => new Promise<void>((go) => void setTimeout(go, ms)));
  const authorization = async (): Promise<Record<string, string>> => {
    const own = typeof token === "function" ? await token() : token;
    return own === undefined ? {} : { authorization: `Bearer ${own}` };
  };

  const ask = async (name: string, request: AnyRequest = {}): Promise<unknown> => {
    const [method = "GET", path = ""] = name.split(" ");
    const url = addressOf(baseUrl, path, request);
    const isStream = request.body instanceof ReadableStream;
    const writes = method !== "GET";
    const key = request.idempotencyKey ?? (writes && request.contentType === undefined ? newKey() : undefined);
    const headers = {
      accept: "application/json, */*;q=0.5",
      ...(request.body === undefined ? {} : { "content-type": request.contentType ?? "application/json" }),
      ...(key === undefined ? {} : { "idempotency-key": key }),
    };
    for (let tried = 0; ; tried += 1) {
      // a stream is read once, and a file without a key might be stored in part: neither is sent again by itself
      const isLast = tried >= retries || isStream || (writes && key === undefined);
      const limit = request.contentType === undefined ? [AbortSignal.timeout(timeoutMs)] : [];
      const signal = AbortSignal.any([...limit, ...(request.signal === undefined ? [] : [request.signal])]);
      const init = { method, headers: { ...headers, ...(await authorization()) }, signal, ...bodyOf(request, isStream) };
      const answer = await send(url, init).catch((error: unknown) => {
        if (isLast || request.signal?.aborted === true) throw error;
        return null;
      });
      if (answer?.ok === true) return readAnswer(answer);
      if (answer !== null && (isLast || !isPassing(answer))) throw await problemOf(answer);
      const after = waitAsked(answer) ?? Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** tried);
      await answer?.body?.cancel();
      await wait(after);
      request.signal?.throwIfAborted();
    }
  };

  return {
    // the generic signature says what this returns; the tests of the client hold it to a real server
    ask: ask as Client["ask"],
    async *each(name, items, ...given) {
      const [request = {}] = given as [AnyRequest?];
      for (let cursor: string | undefined; ; ) {
        const query = { ...request.query, ...(cursor === undefined ? {} : { cursor }) };
        const page = (await ask(name, { ...request, query })) as Record<string, never> & { next: string | null };
        yield* page[items as string] ?? [];
        if (page.next === null) return;
        cursor = page.next;
      }
    },
    async *events({ signal }) {
      let lastId = "";
      while (!signal.aborted) {
        const headers = {
          accept: "text/event-stream",
          ...(await authorization()),
          ...(lastId === "" ? {} : { "last-event-id": lastId }),
        };
        const answer = await send(`${baseUrl}/api/v1/events`, { headers, signal }).catch((error: unknown) => {
          if (signal.aborted) return null;
          if (error instanceof TypeError) return null; // the server cannot be reached right now
          throw error;
        });
        if (answer !== null && !answer.ok && !isPassing(answer)) throw await problemOf(answer);
        if (answer?.ok === true)
          for await (const event of readEvents(answer, signal)) {
            lastId = event.id;
            yield event;
          }
        if (!signal.aborted) await wait(waitAsked(answer) ?? RECONNECT_MS);
      }
    },
  };
}

/** 128 random bits. Not randomUUID, which pages without TLS have not. */
const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

function addressOf(baseUrl: string, path: string, { path: names = {}, query = {} }: AnyRequest): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    // the path of a file keeps its slashes
    String(names[name])
      .split("/")
      .map(encodeURIComponent)
      .join(name === "path" ? "/" : "%2F"),
  );
  const asked = new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  ).toString();
  return `${baseUrl.replace(/\/$/, "")}${filled}${asked === "" ? "" : `?${asked}`}`;
}

function bodyOf({ body, contentType }: AnyRequest, isStream: boolean): { body?: BodyInit; duplex?: "half" } {
  if (body === undefined) return {};
  if (contentType === undefined) return { body: JSON.stringify(body) };
  return { body: body as RawBody, ...(isStream ? { duplex: "half" } : {}) };
}

/** Refusals that time mends: too many requests, a request in work, a server or a part of it away. */
const isPassing = ({ status, headers }: Response): boolean =>
  status === 429 || status === 503 || status === 502 || status === 504 || (status === 409 && headers.has("retry-after"));

/** Of the header Retry-After, milliseconds; null where there is none. */
function waitAsked(answer: Response | null): number | null {
  const text = answer?.headers.get("retry-after");
  if (text === null || text === undefined) return null;
  const seconds = Number(text);
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, Math.min(ms, 10 * LONGEST_WAIT_MS)) : null;
}

async function readAnswer(answer: Response): Promise<unknown> {
  if (answer.status === 204) return null;
  const type = answer.headers.get("content-type") ?? "";
  return /^application\/json\b/.test(type) && !answer.headers.has("content-disposition") ? answer.json() : answer;
}

async function problemOf(answer: Response): Promise<RequeenProblem> {
  const text = await answer.text();
  try {
    const details: unknown = JSON.parse(text);
    if (typeof details === "object" && details !== null) return new RequeenProblem(answer.status, { ...details });
  } catch {
    // a proxy's page: told as it is
  }
  return new RequeenProblem(answer.status, { detail: text.slice(0, 500) });
}

async function* readEvents(answer: Response, signal: AbortSignal): AsyncGenerator<LiveEvent> {
  const reader = answer.body
    ?.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array<ArrayBuffer>>)
    .getReader();
  let rest = "";
  while (reader !== undefined) {
    // a line that is cut ends the stream as its end does: the caller connects again
    const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
    if (done || signal.aborted) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const field = (name: string): string => new RegExp(`^${name}: ?(.*)$`, "m").exec(part)?.[1] ?? "";
      if (field("data") !== "") yield { id: field("id"), type: field("event"), data: JSON.parse(field("data")) as unknown };
    }
  }
}

/**
 * One call to an MLflow server: sent, repeated where that is safe, and every answer that is not a success told as one of our errors.
 */
import { setTimeout as wait } from "node:timers/promises";
import * as z from "zod";
import { isRequeenError, RequeenError } from "../core/errors.ts";
import { collectBytes } from "./bytes.ts";
import type { Endpoint } from "./endpoint.ts";
import { errorOfAnswer } from "./rest-errors.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transport.ts";

export interface RetryOptions {
  /** Tries in all, the first one counted. Default 5. */
  readonly attempts?: number;
  /** The first pause, milliseconds; doubled each time, then multiplied by a random number in [0.5, 1). Default 250. */
  readonly firstPauseMs?: number;
  /** The longest pause that is waited out, also when a server asks for more with Retry-After. Default 30,000. */
  readonly longestPauseMs?: number;
}

export interface CallerOptions extends RetryOptions {
  readonly transport: Transport;
  readonly address: string;
  /** In [0, 1). */
  readonly random: () => number;
  readonly now: () => number;
  /** The whole of one try of a JSON call, milliseconds. Default 120,000. */
  readonly callTimeoutMs?: number;
  /** Ends every call, also during pauses. */
  readonly signal?: AbortSignal;
  /** Waits; a test passes its own. Default: a timer. */
  readonly pause?: (pauseMs: number, signal: AbortSignal | undefined) => Promise<void>;
}

export interface RestCaller {
  readonly address: string;
  /** A JSON call: the answer, checked by `shape`. */
  json<T>(
    endpoint: Endpoint,
    shape: z.ZodType<T>,
    message?: { readonly query?: TransportRequest["query"]; readonly body?: object },
  ): Promise<T>;
  /** One try of a call whose answer is a stream; a success or one of our errors. */
  once(endpoint: Endpoint, message?: RawMessage): Promise<TransportResponse>;
  /** `work` with the rules of repetition: a JSON call has them built in, `once` has not. */
  repeated<T>(repeatable: boolean, work: () => Promise<T>): Promise<T>;
}

export interface RawMessage {
  readonly query?: TransportRequest["query"];
  readonly headers?: TransportRequest["headers"];
  readonly body?: TransportRequest["body"];
}

const DEFAULT_CALL_TIMEOUT_MS = 120_000;
/** No answer of the REST API comes near this; more is not read. */
const MOST_ANSWER_BYTES = 512 * 1024 * 1024;

export function createRestCaller(options: CallerOptions): RestCaller {
  const { transport, address, signal, callTimeoutMs = DEFAULT_CALL_TIMEOUT_MS } = options;

  const attempt = async (endpoint: Endpoint, request: TransportRequest): Promise<TransportResponse> => {
    const response = await transport(request);
    if (response.status >= 200 && response.status < 300) return response;
    const body = await collectBytes(response.body, MOST_ANSWER_BYTES);
    throw errorOfAnswer({ address, endpoint, status: response.status, headers: response.headers, body, nowMs: options.now() });
  };

  const caller: RestCaller = {
    address,
    async json(endpoint, shape, { query, body } = {}) {
      const encoded = body === undefined ? undefined : new TextEncoder().encode(JSON.stringify(body));
      const headers: Record<string, string> = { accept: "application/json" };
      if (encoded !== undefined) headers["content-type"] = "application/json";
      // a call that must not be repeated gets a connection of its own: an idle one may just be closing
      if (!endpoint.repeatable) headers.connection = "close";
      return caller.repeated(endpoint.repeatable, async () => {
        const limit = AbortSignal.timeout(callTimeoutMs);
        const request = {
          method: endpoint.method,
          path: endpoint.path,
          query,
          headers,
          body: encoded,
          signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
        };
        const response = await attempt(endpoint, request);
        return readJson(address, endpoint, shape, response, await collectBytes(response.body, MOST_ANSWER_BYTES));
      });
    },
    once: (endpoint, message = {}) => attempt(endpoint, { method: endpoint.method, path: endpoint.path, ...message, signal }),
    repeated: (repeatable, work) => repeat(options, repeatable, work),
  };
  return caller;
}

/**
 * Tries again with growing, jittered pauses: a refused connection and a 429 always (the server did nothing), a lost connection, silence or
 * a 5xx only when the work is repeatable.
 */
async function repeat<T>(options: CallerOptions, repeatable: boolean, work: () => Promise<T>): Promise<T> {
  const { attempts = 5, firstPauseMs = 250, longestPauseMs = 30_000, random, signal, pause = defaultPause } = options;
  for (let tried = 1; ; tried++) {
    try {
      signal?.throwIfAborted();
      return await work();
    } catch (error) {
      if (tried >= attempts || !mayRepeat(error, repeatable)) throw tried === 1 ? error : withAttempts(error, tried);
      const grown = Math.min(firstPauseMs * 2 ** (tried - 1), longestPauseMs) * (0.5 + random() / 2);
      const asked = Number(error.details.retry_after_ms ?? 0);
      if (asked > longestPauseMs) throw withAttempts(error, tried);
      await pause(Math.max(grown, asked), signal);
    }
  }
}

const defaultPause = async (pauseMs: number, signal: AbortSignal | undefined): Promise<void> => {
  await wait(pauseMs, undefined, { signal });
};

function mayRepeat(error: unknown, repeatable: boolean): error is RequeenError {
  if (!isRequeenError(error, "registry_unavailable") || error.details.permanent === true) return false;
  return repeatable || error.details.sent === false || error.details.status === 429;
}

function withAttempts(error: unknown, attempts: number): unknown {
  if (!(error instanceof RequeenError)) return error;
  const message = error.message.slice(error.code.length + 2);
  return new RequeenError(error.code, `${message}; tried ${attempts} times`, { ...error.details, attempts }, { cause: error });
}

function readJson<T>(
  address: string,
  endpoint: Endpoint,
  shape: z.ZodType<T>,
  response: TransportResponse,
  bytes: Uint8Array,
): T {
  const what = `${endpoint.method} ${endpoint.path} at ${address}`;
  let value: unknown;
  try {
    // an empty answer counts as {}: MLflow's own client takes it so
    value = bytes.byteLength === 0 ? {} : JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const type = response.headers["content-type"] ?? "no content type";
    throw new RequeenError(
      "registry_unavailable",
      `${what} answered ${response.status} with ${type} where JSON is due; is MLFLOW_TRACKING_URI the address of an MLflow server?`,
      { address, endpoint: endpoint.path, status: response.status, content_type: type, permanent: true },
      { cause: error },
    );
  }
  const checked = shape.safeParse(value);
  if (checked.success) return checked.data;
  throw new RequeenError(
    "registry_unavailable",
    `${what} answered JSON that is not MLflow's: ${z.prettifyError(checked.error).replaceAll("\n", " ")}`,
    { address, endpoint: endpoint.path, status: response.status, permanent: true },
  );
}

/**
 * Reaches an MLflow server over HTTP(S) with Node's own client: keep-alive, TLS options, HTTP proxy, streaming both ways with constant
 * memory. Redirects are answered, not followed, so that credentials never travel to an address that nobody configured.
 */
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { RequeenError } from "../core/errors.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transport.ts";

export interface HttpTransportOptions {
  /** "http://host:5000" or "https://host/prefix"; a user and password in it count as `username` and `password`. */
  readonly baseUrl: string;
  readonly username?: string;
  readonly password?: string;
  /** Sent as Bearer; wins over username and password. */
  readonly token?: string;
  /** The longest silence on the wire, milliseconds, in either direction. Default 120,000, as MLflow's own client. */
  readonly timeoutMs?: number;
  readonly tls?: TlsOptions;
  /** Default: no proxy. */
  readonly proxy?: ProxyOptions;
  /** Most connections at once. Default 8. */
  readonly maxSockets?: number;
}

export interface TlsOptions {
  /** PEM texts. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  /** The name that the server's certificate must carry, when it is not the host of `baseUrl`. */
  readonly serverName?: string;
  /** false accepts any certificate. Default true. */
  readonly verify?: boolean;
}

export interface ProxyOptions {
  /** The proxy for http:// servers, "http://proxy:3128"; may carry user and password. */
  readonly http?: string;
  /** The proxy for https:// servers, asked to CONNECT. */
  readonly https?: string;
  /** Hosts reached directly, comma-separated, as in NO_PROXY. */
  readonly noProxy?: string;
}

const DEFAULT_TIMEOUT_MS = 120_000;
/** Gunicorn closes idle connections after 2 s and uvicorn after 5 s; ours are given up before, so that no request meets a closed one. */
const IDLE_SOCKET_MS = 1_500;

/** Errors of `connect` and of name look-up: no byte of the request reached a server. */
const NOT_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
  "ERR_PROXY_TUNNEL",
]);

/** What Node and OpenSSL call a certificate, ours or theirs, that is not accepted, or a server that does not speak TLS. */
const CERTIFICATE = /CERT|^UNABLE_TO|ALTNAME|^ERR_SSL|^ERR_TLS|^EPROTO$/;

/**
 * @throws RequeenError bad_config when an option cannot be used. The transport itself throws registry_unavailable with details
 * `{ address, reason, sent }`; `sent: false` says that the server saw nothing of the request.
 */
export function createHttpTransport(options: HttpTransportOptions): Transport {
  const base = readBaseUrl(options.baseUrl);
  const secure = base.protocol === "https:";
  const address = addressOf(options.baseUrl);
  const prefix = base.pathname.replace(/\/+$/, "");
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const authorization = authorizationOf(options, base);
  const agent = agentOf(options, secure);
  const send = secure ? httpsRequest : httpRequest;

  return (request) => {
    const { promise, resolve, reject } = Promise.withResolvers<TransportResponse>();
    const headers: Record<string, string> = { "user-agent": "requeen", accept: "*/*", ...request.headers };
    if (authorization !== null) headers.authorization = authorization;
    if (request.body instanceof Uint8Array) headers["content-length"] = String(request.body.byteLength);
    const settings: RequestOptions = {
      host: base.hostname.replace(/^\[|\]$/g, ""),
      port: base.port === "" ? (secure ? 443 : 80) : Number(base.port),
      method: request.method,
      path: prefix + request.path + queryText(request.query),
      headers,
      agent,
      timeout: timeoutMs,
      signal: request.signal,
    };
    const unavailable = (error: unknown, answering: boolean) =>
      describeFailure(error, { address, timeoutMs, call, request, answering, silent });
    let answered = false;
    let silent = false;
    const call: ClientRequest = send(settings, (message) => {
      answered = true;
      // an answer that came before the whole body was taken is the end of the upload too
      message.once("close", () => call.writableFinished || call.destroy());
      resolve(readAnswer(message, unavailable));
    });
    call.on("timeout", () => {
      silent = true;
      call.destroy();
    });
    call.on("error", (error) => reject(unavailable(error, false)));
    writeBody(call, request.body, reject).catch((error) => {
      // an answer may come before the whole body is taken (401, 413): then the broken upload is only its echo
      if (!answered) reject(unavailable(error, false));
    });
    return promise;
  };
}

/** The server's address without user, password and query, for messages. */
export function addressOf(baseUrl: string): string {
  const url = readBaseUrl(baseUrl);
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, "")}`;
}

function readBaseUrl(baseUrl: string): URL {
  const url = URL.parse(baseUrl);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:") || url.hostname === "") {
    const shown = baseUrl.replace(/\/\/[^/]*@/, "//***@");
    throw new RequeenError(
      "bad_config",
      `MLFLOW_TRACKING_URI must be an http:// or https:// address; got ${JSON.stringify(shown)}`,
      { value: shown },
    );
  }
  return url;
}

function authorizationOf(options: HttpTransportOptions, base: URL): string | null {
  const username = options.username ?? decodeURIComponent(base.username);
  const password = options.password ?? decodeURIComponent(base.password);
  const bearer = options.token !== undefined && options.token !== "";
  if (bearer && /[^\x21-\x7e]/.test(options.token ?? "")) {
    throw new RequeenError("bad_config", "MLFLOW_TRACKING_TOKEN must be one line of visible ASCII characters; it holds others");
  }
  if (bearer) return `Bearer ${options.token}`;
  if (username === "") return null;
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}

function agentOf(options: HttpTransportOptions, secure: boolean): HttpAgent | HttpsAgent {
  const { tls = {}, proxy } = options;
  const common = {
    keepAlive: true,
    timeout: IDLE_SOCKET_MS,
    maxSockets: options.maxSockets ?? 8,
    proxyEnv: proxy && { HTTP_PROXY: proxy.http, HTTPS_PROXY: proxy.https, NO_PROXY: proxy.noProxy },
  };
  if (!secure) return new HttpAgent(common);
  const { ca, cert, key, passphrase, serverName: servername, verify: rejectUnauthorized = true } = tls;
  return new HttpsAgent({ ...common, ca, cert, key, passphrase, servername, rejectUnauthorized });
}

function queryText(query: TransportRequest["query"]): string {
  if (query === undefined || query.length === 0) return "";
  const text = new URLSearchParams();
  for (const [name, value] of query) text.append(name, value);
  return `?${text.toString()}`;
}

/** @param onSourceError hears the error of a body that could not be read to its end: a fault of this side, not of the wire. */
async function writeBody(
  call: ClientRequest,
  body: TransportRequest["body"],
  onSourceError: (error: unknown) => void,
): Promise<void> {
  if (body === undefined) call.end();
  else if (body instanceof Uint8Array) call.end(body);
  else await pipeline(Readable.from(watched(body, onSourceError), { objectMode: false }), call);
}

async function* watched(source: AsyncIterable<Uint8Array>, onError: (error: unknown) => void): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    onError(error);
    throw error;
  }
}

function readAnswer(message: IncomingMessage, unavailable: (error: unknown, answering: boolean) => unknown): TransportResponse {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers))
    headers[name] = Array.isArray(value) ? value.join(", ") : (value ?? "");
  return { status: message.statusCode ?? 0, headers, body: chunksOf(message, unavailable) };
}

/** The body, each failure told as ours; leaving the loop early closes the connection. */
async function* chunksOf(message: IncomingMessage, unavailable: (error: unknown, answering: boolean) => unknown) {
  try {
    for await (const chunk of message) yield chunk as Uint8Array;
  } catch (error) {
    throw unavailable(error, true);
  }
}

interface Failed {
  readonly address: string;
  readonly timeoutMs: number;
  readonly call: ClientRequest;
  readonly request: TransportRequest;
  /** The answer's head had come. */
  readonly answering: boolean;
  readonly silent: boolean;
}

function describeFailure(error: unknown, { address, timeoutMs, call, request, answering, silent }: Failed): unknown {
  if (error instanceof RequeenError) return error;
  const code = codeOf(error);
  const what = `${request.method} ${request.path} at ${address}`;
  if (code === "ABORT_ERR" || request.signal?.aborted) {
    const reason: unknown = request.signal?.reason ?? error;
    if (!(reason instanceof DOMException && reason.name === "TimeoutError")) return reason;
    return new RequeenError(
      "registry_unavailable",
      `${what}: no whole answer in the time allowed`,
      { address, reason: "timeout", sent: true },
      { cause: error },
    );
  }
  const certificate = CERTIFICATE.test(code);
  const sent =
    answering ||
    !(certificate || NOT_SENT.has(code) || call.socket === null || call.socket === undefined || call.socket.connecting);
  const reason = silent ? "timeout" : certificate ? "certificate" : sent ? "cut" : "unreachable";
  const story = {
    timeout: `nothing was heard for ${timeoutMs} ms`,
    certificate: `TLS failed (${code}); set MLFLOW_TRACKING_SERVER_CERT_PATH to the authority's certificate, if the server is the right one`,
    cut: `the connection ended before the whole ${answering ? "answer" : "request"} was through (${code || messageOf(error)})`,
    unreachable: `no connection (${code || messageOf(error)})`,
  }[reason];
  const details = { address, reason, sent, ...(certificate ? { permanent: true } : {}) };
  return new RequeenError("registry_unavailable", `${what}: ${story}`, details, { cause: error });
}

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "");
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

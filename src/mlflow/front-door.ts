import type { IncomingHttpHeaders } from "node:http";
import type { FastifyRequest } from "fastify";
import { isRequeenError, type RequeenError } from "../core/errors.ts";
import type { TransportRequest, TransportResponse } from "../registry/transport.ts";
import { type Access, jsonResponse, textResponse } from "./endpoint.ts";
import type { MlflowService } from "./index.ts";
import { MlflowError, type MlflowErrorCode } from "./protocol-error.ts";
import { BAD_HOST, BAD_ORIGIN, type GuardOptions, isAllowedHost, isAllowedOrigin, isBlockedOrigin } from "./request-guard.ts";

export interface DoorOptions extends GuardOptions {
  /**
   * Lets a request pass or throws RequeenError unauthenticated or forbidden; absent: everything passes.
   * @param token of `Authorization: Bearer` or the password of `Authorization: Basic`: MLflow's clients send either.
   * @param request null where the server stands alone.
   */
  readonly authorize?: (token: string | undefined, access: Access, request: FastifyRequest | null) => void | Promise<void>;
}

/** One HTTP request, whatever server it came to. */
export interface Visit {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Uint8Array> | undefined;
}

export const OPEN_PATHS: readonly string[] = ["/health", "/version"];
const ALWAYS = { "x-content-type-options": "nosniff", "x-frame-options": "SAMEORIGIN" };

/**
 * The answer to a request: foreign hosts and pages are refused, then tokens are asked, then the service speaks.
 * @param request for `authorize`.
 * @throws what is no refusal: a failure of ours, which `failureAnswer` turns into an answer.
 */
export async function answerVisit(
  service: MlflowService,
  options: DoorOptions,
  visit: Visit,
  request: FastifyRequest | null,
): Promise<TransportResponse> {
  const [path, query] = splitUrl(visit.url);
  const guarded = guard(path, visit, options);
  if ("status" in guarded) return withHeaders(guarded, ALWAYS);
  if (visit.method === "OPTIONS") return withHeaders(preflight(visit.headers, options), { ...ALWAYS, ...guarded.headers });
  const access = await service.accessOf(visit.method, path);
  if (options.authorize !== undefined && !OPEN_PATHS.includes(path)) {
    await options.authorize(readToken(visit.headers.authorization), access ?? "read", request);
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(visit.headers)) if (typeof value === "string") headers[name] = value;
  const response = await service.transport({
    method: (visit.method === "HEAD" ? "GET" : visit.method) as TransportRequest["method"],
    path,
    query: query === undefined ? [] : [...new URLSearchParams(query)],
    headers,
    ...(visit.body === undefined ? {} : { body: visit.body }),
  });
  return withHeaders(response, { ...ALWAYS, ...guarded.headers });
}

const withHeaders = (response: TransportResponse, headers: Readonly<Record<string, string>>): TransportResponse => ({
  ...response,
  headers: { ...headers, ...response.headers },
});

function splitUrl(url: string): [path: string, query: string | undefined] {
  const at = url.indexOf("?");
  return at < 0 ? [url, undefined] : [url.slice(0, at), url.slice(at + 1)];
}

/** @returns a refusal, or the headers that an answer to this page carries. */
function guard(
  path: string,
  { headers, method }: Visit,
  options: GuardOptions,
): TransportResponse | { headers: Record<string, string> } {
  if (OPEN_PATHS.includes(path)) return { headers: {} };
  if (!isAllowedHost(headers.host, options)) return textResponse(403, BAD_HOST, "text/plain");
  const { origin } = headers;
  if (isBlockedOrigin(origin, method, options)) return textResponse(403, BAD_ORIGIN, "text/plain");
  if (origin === undefined || !isAllowedOrigin(origin, options)) return { headers: {} };
  return {
    headers: {
      "access-control-allow-origin": origin,
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "*",
      vary: "Origin",
    },
  };
}

function preflight(headers: IncomingHttpHeaders, options: GuardOptions): TransportResponse {
  const { origin } = headers;
  if (origin === undefined || !isAllowedOrigin(origin, options)) return textResponse(400, "Disallowed CORS origin", "text/plain");
  const asked = headers["access-control-request-headers"];
  return {
    status: 204,
    headers: {
      "access-control-allow-methods": "GET, POST, PUT, DELETE, OPTIONS, PATCH",
      "access-control-max-age": "600",
      ...(asked === undefined ? {} : { "access-control-allow-headers": asked }),
    },
    body: new Uint8Array(),
  };
}

/** The token of an Authorization header: a bearer token, or the password of basic authentication. */
export function readToken(authorization: string | undefined): string | undefined {
  const [, scheme = "", value = ""] = /^(\S+)\s+(\S+)\s*$/.exec(authorization ?? "") ?? [];
  if (scheme.toLowerCase() === "bearer") return value;
  if (scheme.toLowerCase() !== "basic") return undefined;
  const decoded = Buffer.from(value, "base64").toString("utf8");
  const at = decoded.indexOf(":");
  return at < 0 ? undefined : decoded.slice(at + 1);
}

/** What a caller is told of a failure: refusals by their kind, anything else as a bare 500. */
export function failureAnswer(error: unknown): TransportResponse {
  return withHeaders(plainFailure(error), ALWAYS);
}

function plainFailure(error: unknown): TransportResponse {
  if (isRequeenError(error, "unauthenticated")) {
    const answer = jsonResponse(401, new MlflowError("UNAUTHENTICATED", error.message).toJSON());
    return { ...answer, headers: { ...answer.headers, "www-authenticate": 'Basic realm="mlflow"' } };
  }
  if (isRequeenError(error, "forbidden")) return jsonResponse(403, new MlflowError("PERMISSION_DENIED", error.message).toJSON());
  if (isRequeenError(error, "too_many_requests")) return later("REQUEST_LIMIT_EXCEEDED", error);
  if (isRequeenError(error, "overloaded")) return later("TEMPORARILY_UNAVAILABLE", error);
  if (isRequeenError(error, "request_timeout")) return jsonResponse(408, new MlflowError("BAD_REQUEST", error.message).toJSON());
  const status = error instanceof Error && "statusCode" in error && typeof error.statusCode === "number" ? error.statusCode : 500;
  const message = status < 500 && error instanceof Error ? error.message : "Internal Server Error";
  return jsonResponse(status, new MlflowError(status < 500 ? "BAD_REQUEST" : "INTERNAL_ERROR", message).toJSON());
}

/** MLflow's clients send such a request again by themselves, after Retry-After. */
function later(code: MlflowErrorCode, { message, details }: RequeenError): TransportResponse {
  const error = new MlflowError(code, message);
  const answer = jsonResponse(error.httpStatus, error.toJSON());
  return {
    ...answer,
    headers: { ...answer.headers, "retry-after": String(Math.ceil(Number(details.retry_after_seconds ?? 1))) },
  };
}

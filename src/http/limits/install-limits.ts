import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Identity } from "../../core/identity.ts";
import { limitConcurrency, limitSlowBodies } from "./admission.ts";
import { answerClientError } from "./client-errors.ts";
import { HEADERS_TIMEOUT_MS, type HttpLimits, KEEP_ALIVE_MS, MAX_HEADER_BYTES, SILENCE_TIMEOUT_MS } from "./http-limits.ts";
import { limitFailedSignIns, rateOfIdentities } from "./rate-limit.ts";

/** What Fastify is made with. */
export const serverOptions = (limits: HttpLimits) => ({
  bodyLimit: limits.bodyLimitBytes,
  connectionTimeout: SILENCE_TIMEOUT_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
  // a body may take long while it comes, see limitSlowBodies
  requestTimeout: 0,
  http: {
    headersTimeout: limits.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: 1_000,
    maxHeaderSize: MAX_HEADER_BYTES,
  },
  clientErrorHandler: answerClientError,
  // a request on an open connection is answered also while the server drains
  return503OnClosing: false,
});

/**
 * Bounds on everything that callers can make the server do at once. Call it before routes are registered.
 * @param nowMs any clock in ms
 * @returns to be called once the caller of a request is known. @throws RequeenError too_many_requests
 */
export function installLimits(
  app: FastifyInstance,
  limits: HttpLimits,
  nowMs: () => number,
): (request: FastifyRequest, identity: Identity) => void {
  app.server.maxConnections = limits.maxConnections;
  limitConcurrency(app, limits.maxConcurrentRequests);
  limitSlowBodies(app, limits.requestTimeoutMs);
  limitFailedSignIns(app, limits.rateLimit, nowMs);
  const demandRate = rateOfIdentities(limits.rateLimit, nowMs);
  return (request, identity) => {
    request.identity = identity; // also outside the API, for what counts as a sign-in
    demandRate(identity);
  };
}

import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { RequeenError } from "../../core/errors.ts";
import type { Identity } from "../../core/identity.ts";
import type { RateLimits } from "./http-limits.ts";
import { TokenBuckets } from "./token-buckets.ts";

const MAX_IDENTITIES = 10_000;
const MAX_ADDRESSES = 10_000;
const MAX_KNOWN_CREDENTIALS = 10_000;

/**
 * Refuses what one identity sends beyond its rate, whatever the addresses that it comes from.
 * @param nowMs any clock in ms
 * @returns called with each identity that was authenticated. @throws RequeenError too_many_requests
 */
export function rateOfIdentities({ requestsPerSecond, burst }: RateLimits, nowMs: () => number): (identity: Identity) => void {
  const buckets = new TokenBuckets({ perSecond: requestsPerSecond, burst, maxKeys: MAX_IDENTITIES });
  return ({ subject }) => {
    const waitMs = buckets.take(subject, nowMs());
    if (waitMs > 0)
      throw new RequeenError(
        "too_many_requests",
        `${subject} may send ${requestsPerSecond} requests a second, and ${burst} at once after a pause`,
        { requests_per_second: requestsPerSecond, burst, retry_after_seconds: waitMs / 1_000 },
      );
  };
}

/**
 * Refuses an address that failed to sign in too often, each time with something else, before its next token is looked at. Credentials that
 * were right a while ago are let through: behind a proxy all callers may have one address, and one of them shall not lock the others out.
 * @throws RequeenError too_many_requests from every route
 */
export function limitFailedSignIns(
  app: FastifyInstance,
  { failedSignInsPerMinute }: Pick<RateLimits, "failedSignInsPerMinute">,
  nowMs: () => number,
): void {
  const failures = new TokenBuckets({
    perSecond: failedSignInsPerMinute / 60,
    burst: failedSignInsPerMinute,
    maxKeys: MAX_ADDRESSES,
  });
  const right = new Set<string>();
  const wrong = new Set<string>();
  app.addHook("onRequest", async (request) => {
    const { vital, permission } = request.routeOptions.config;
    const isOpen = permission === "public" && request.method === "GET"; // signing in is public too, and is what this is about
    if (vital === true || isOpen) return;
    const waitMs = failures.wait(request.ip, nowMs());
    if (waitMs === 0 || right.has(digestOfCredentials(request))) return;
    throw new RequeenError(
      "too_many_requests",
      `${failedSignInsPerMinute} sign-ins a minute may fail from one address; ${request.ip} has to wait`,
      { failed_sign_ins_per_minute: failedSignInsPerMinute, retry_after_seconds: waitMs / 1_000 },
    );
  });
  app.addHook("onResponse", async (request, reply) => {
    if (reply.statusCode === 401) {
      // a page that asks again and again with a session that has ended guesses nothing
      if (remember(wrong, digestOfCredentials(request))) failures.take(request.ip, nowMs());
    } else if (request.identity !== undefined && request.identity !== null) remember(right, digestOfCredentials(request));
  });
}

/** @returns whether it is new. */
function remember(known: Set<string>, digest: string): boolean {
  if (known.has(digest)) return false;
  known.add(digest);
  const [oldest] = known;
  if (known.size > MAX_KNOWN_CREDENTIALS && oldest !== undefined) known.delete(oldest);
  return true;
}

const digestOfCredentials = ({ headers }: FastifyRequest): string =>
  createHash("sha256")
    .update(`${headers.authorization ?? ""}\n${headers.cookie ?? ""}`)
    .digest("base64");

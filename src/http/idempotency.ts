import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { canonicalJson } from "../core/canonical-json.ts";
import { RequeenError } from "../core/errors.ts";
import type { House } from "../loop/house.ts";
import { isDeadHere } from "../loop/lease.ts";

/** A request with an Idempotency-Key, while it is being worked on. */
export interface KeyedRequest {
  readonly key: string;
  /** When it first came: what it stores is dated so, also when it is done again after a crash. */
  readonly now: () => number;
  /** The same ids each time it is done, so that what is there already is found. */
  readonly newId: House["newId"];
  /** An earlier try ended in its middle: its effect may be there. */
  readonly again: boolean;
}

declare module "fastify" {
  interface FastifyRequest {
    keyed: KeyedRequest | null;
  }
  interface FastifyContextConfig {
    /** The body is read as a stream: the request cannot be compared, and the route is repeatable in a way of its own. */
    streams?: boolean;
    /** It takes an Idempotency-Key; set by `installIdempotency`. */
    keyed?: boolean;
  }
}

export const REMEMBERED_MS = 24 * 3_600_000;
/** A request whose process does not answer in this time may be taken over by another. */
const CLAIM_MS = 120_000;
const SWEEP_EVERY_MS = 600_000;
const KEY_FORM = /^[\x21-\x7e]{1,255}$/;
const RETRY_AFTER_SECONDS = "2";

/**
 * Remembers the answers of writes that carry an `Idempotency-Key`, for 24 hours, per identity: the same request again gets the same answer,
 * another with the same key is refused. Only answers of success are kept; a refusal changed nothing, so a repeat is looked at anew. After a
 * crash between effect and answer the repeat is done with the same time and ids (`houseOf`), so that it finds what is there. Call it before
 * the routes that it is for; answers that hold a secret, as that of a new token, are not for it.
 */
export function installIdempotency(scope: FastifyInstance, house: House): void {
  const working = new Set<string>();
  const done = new Set<string>();
  let sweptAtMs = 0;
  scope.decorateRequest("keyed", null);
  scope.addHook("onRoute", ({ method, config }) => {
    // changed in place, since the OpenAPI document holds the route as it came
    if (config !== undefined && [method].flat().some((one) => one !== "GET" && one !== "HEAD")) config.keyed = true;
  });

  scope.addHook("preHandler", async (request, reply) => {
    const header = request.headers["idempotency-key"];
    if (header === undefined || isReading(request) || request.routeOptions.config.streams === true) return;
    if (typeof header !== "string" || !KEY_FORM.test(header))
      throw new RequeenError("bad_request", "Idempotency-Key must be 1 to 255 visible ASCII characters", {
        field: "Idempotency-Key",
      });
    const now = house.leaseNow();
    if (now - sweptAtMs > SWEEP_EVERY_MS) {
      sweptAtMs = now;
      await house.store.forgetExpiredRequests(now);
    }
    const key = sha256(`${request.identity.subject}\n${header}`);
    const digest = sha256(`${request.method}\n${request.url}\n${canonicalJson((request.body ?? null) as never)}`);
    const wanted = {
      key,
      digest,
      owner: house.owner,
      claimed_until: now + CLAIM_MS,
      at: house.now(),
      expires_at: now + REMEMBERED_MS,
    };
    let found = await house.store.claimRequest(wanted, now);
    let again = found.claimed && found.request.at !== wanted.at;
    const { owner, answer } = found.request;
    const isLeft = owner === house.owner ? !working.has(key) : isFormerSelf(owner, house.owner) || isDeadHere(owner);
    if (!found.claimed && answer === null && isLeft) {
      found = await house.store.claimRequest(wanted, now, owner);
      again = true;
    }
    if (found.claimed) {
      working.add(key);
      request.keyed = { key, again, now: () => found.request.at, newId: idsOf(`${key}\n${digest}\n${found.request.at}`) };
      return;
    }
    if (found.request.digest !== digest)
      throw new RequeenError(
        "conflict",
        "this Idempotency-Key was used for another request in the last 24 hours; a new request needs a new key",
        { field: "Idempotency-Key" },
      );
    if (found.request.answer === null) {
      reply.header("retry-after", RETRY_AFTER_SECONDS);
      throw new RequeenError("request_in_progress", "the request with this Idempotency-Key is being worked on");
    }
    const { status, media_type, body } = found.request.answer;
    return reply.code(status).header("content-type", media_type).header("idempotency-replayed", "true").send(body);
  });

  scope.addHook("onSend", async (request, reply, payload) => {
    if (request.keyed === null) return;
    const { key } = request.keyed;
    // what was done and could not be remembered stays in work: the repeat finds what is there
    if (done.has(key)) return;
    const isKept = reply.statusCode >= 200 && reply.statusCode < 300 && typeof payload === "string";
    if (!isKept) {
      await house.store.forgetRequest(key, house.owner);
      return;
    }
    done.add(key);
    const mediaType = String(reply.getHeader("content-type") ?? "application/json; charset=utf-8");
    await house.store.answerRequest(key, house.owner, { status: reply.statusCode, media_type: mediaType, body: payload });
  });
  scope.addHook("onResponse", async (request) => {
    if (request.keyed === null) return;
    working.delete(request.keyed.key);
    done.delete(request.keyed.key);
  });
}

/** The house as a request acts in it: under its name and, where it carries a key, with the time and ids of its first try. */
export function houseOf(house: House, request: FastifyRequest): House {
  const { keyed, identity } = request;
  return { ...house, actor: identity.subject, ...(keyed === null ? {} : { now: keyed.now, newId: keyed.newId }) };
}

/** Same host and process id, another process: a container that was started again. */
const isFormerSelf = (owner: string, own: string): boolean => owner.replace(/:[^:]*$/, "") === own.replace(/:[^:]*$/, "");

const isReading = ({ method }: FastifyRequest): boolean => method === "GET" || method === "HEAD";
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

function idsOf(seed: string): House["newId"] {
  let count = 0;
  return (prefix) => {
    count += 1;
    return prefix + sha256(`${seed}\n${prefix}\n${count}`).slice(0, 32);
  };
}

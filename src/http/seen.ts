import type { FastifyInstance } from "fastify";
import { mayDo } from "../core/identity.ts";
import type { House } from "../loop/house.ts";

/**
 * Notes, for every answer of a scope, whose opinions it shows to a person who may review: from then on that person has seen what the model
 * said, and a judgement that he submits for a blind claim counts as informed. One place for all routes, so that none can forget it. Files
 * that are streamed (exports) pass by.
 */
export function installSeen(scope: FastifyInstance, house: House): void {
  scope.addHook("preSerialization", async ({ identity }, _reply, payload) => {
    if (identity === undefined || identity.channel !== "person" || !mayDo(identity, "review")) return payload;
    const opinionIds = opinionsIn(payload);
    if (opinionIds.length > 0) await house.store.markSeen(identity.subject, opinionIds, house.now());
    return payload;
  });
}

/** How deep opinions stand in an answer: the answer itself, a member, an item of a list in it. */
const DEPTH = 3;

/** Ids of the opinions whose decision stands in an answer. */
export function opinionsIn(answer: unknown, depth = DEPTH): string[] {
  if (depth < 0 || typeof answer !== "object" || answer === null) return [];
  if (Array.isArray(answer)) return answer.flatMap((item) => opinionsIn(item, depth - 1));
  if ("opinion_id" in answer && typeof answer.opinion_id === "string" && tellsDecision(answer)) return [answer.opinion_id];
  return Object.values(answer).flatMap((member) => opinionsIn(member, depth - 1));
}

const tellsDecision = (shown: object): boolean =>
  ("opinion" in shown && typeof shown.opinion === "object" && shown.opinion !== null) ||
  ("opinion_recommendation" in shown && shown.opinion_recommendation !== null);

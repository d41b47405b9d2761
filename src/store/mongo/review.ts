import type { Filter } from "mongodb";
import { RequeenError } from "../../core/errors.ts";
import type { ReviewClaim } from "../../core/review.ts";
import { checkedLimit, checkIdCount, decodeCursor, MAX_PAGE, pageOf } from "../page.ts";
import type { Store } from "../store.ts";
import { fieldsOf } from "./bson-form.ts";
import type { MongoConnection, Stored } from "./connection.ts";
import { type DocumentReader, WITHOUT_PLAN } from "./originals.ts";
import { recordOf } from "./records.ts";
import type { WaitingRing } from "./waiting.ts";

type Methods =
  | "listWaiting"
  | "countWaiting"
  | "decisionsOn"
  | "addClaim"
  | "putClaim"
  | "submitClaim"
  | "getClaim"
  | "listClaims"
  | "markSeen"
  | "hasSeen";

/**
 * The claims of one opinion are numbered, `turn` 1, 2, 3 ..., and the number stands in the `_id`: of two reviewers who take an opinion at
 * once, the insert of one fails. A claim that is over by time is not touched; the next turn ends it.
 */
export function reviewMethods(
  connection: MongoConnection,
  reader: DocumentReader,
  ring: WaitingRing,
  addFeedback: Store["addFeedback"],
): Pick<Store, Methods> {
  const claims = connection.collection("claims");
  const byId = (claimId: string): Promise<Stored | null> => connection.findOne("claims", { claim_id: claimId });
  const newestOf = async (opinionId: string): Promise<Stored | null> =>
    (await connection.find("claims", { opinion_id: opinionId }, { sort: { turn: -1 }, limit: 1 }))[0] ?? null;

  /** The stored claim, if it may still change; see putClaim. */
  const changeable = async (claim: ReviewClaim, from: ReviewClaim["state"]): Promise<Stored | null> => {
    const stored = await byId(claim.claim_id);
    if (stored?.state !== from) return null;
    const newest = await newestOf(claim.opinion_id);
    return newest?.claim_id === claim.claim_id ? stored : null;
  };
  const replace = async (stored: Stored, claim: ReviewClaim, from: ReviewClaim["state"]): Promise<boolean> => {
    const filter = { _id: stored._id, state: from };
    const document = { ...fieldsOf(claim), turn: stored.turn };
    return (await connection.guard(() => claims.replaceOne(filter, document))).matchedCount === 1;
  };

  return {
    listWaiting: (filter, fromKey, direction, limit) => ring.list(filter, fromKey, direction, limit),
    countWaiting: (specialist) => ring.count(specialist),

    async decisionsOn(planIds) {
      checkIdCount(planIds);
      const options = { projection: WITHOUT_PLAN, limit: MAX_PAGE };
      const opinions = await reader.opinions(await connection.findByIds("opinions", "plan_id", planIds, options));
      return opinions.map(({ plan_id, specialist_type, opinion }) => ({
        plan_id,
        specialist: specialist_type,
        recommendation: opinion.recommendation,
      }));
    },

    async addClaim(claim, now) {
      if (!(await ring.waits(claim.opinion_id))) return false;
      const newest = await newestOf(claim.opinion_id);
      if (newest !== null && newest.state === "open" && recordOf<ReviewClaim>(newest).expires_at > now) return false;
      const turn = Number(newest?.turn ?? 0) + 1;
      const document = { ...fieldsOf(claim), turn, _id: claimKey(claim.opinion_id, turn) };
      if (await connection.insertIfFree("claims", document)) return true;
      if ((await byId(claim.claim_id)) === null) return false;
      throw new RequeenError("already_exists", `claim ${claim.claim_id} is there already`, { claim_id: claim.claim_id });
    },

    async putClaim(claim, from) {
      const stored = await changeable(claim, from);
      return stored !== null && replace(stored, claim, from);
    },

    async submitClaim(claim, from, feedback) {
      const stored = await changeable(claim, from);
      if (stored === null) return null;
      const [answer] = await addFeedback([feedback]);
      if (answer === undefined) throw new Error("one judgement went in and no answer came back");
      if (answer.outcome !== "conflict" && answer.outcome !== "opinion_not_found")
        await replace(stored, { ...claim, feedback_id: answer.feedback_id }, from);
      return answer;
    },

    async getClaim(claimId) {
      const stored = await byId(claimId);
      return stored === null ? null : claimOf(stored);
    },

    async listClaims({ reviewer, specialist, opinionId, state, claimedFrom }, page) {
      const limit = checkedLimit(page);
      const all: Filter<Stored>[] = [];
      if (reviewer !== undefined) all.push({ reviewer });
      if (specialist !== undefined) all.push({ specialist });
      if (opinionId !== undefined) all.push({ opinion_id: opinionId });
      if (state !== undefined) all.push({ state });
      if (claimedFrom !== undefined) all.push({ claimed_at: { $gte: new Date(claimedFrom) } });
      if (page.cursor !== undefined) {
        const [ms, id] = decodeCursor(page.cursor, ["number", "string"]);
        const at = new Date(Number(ms));
        all.push({ $or: [{ claimed_at: { $lt: at } }, { claimed_at: at, claim_id: { $lt: String(id) } }] });
      }
      const sort = { claimed_at: -1, claim_id: -1 } as const;
      const documents = await connection.find("claims", all.length === 0 ? {} : { $and: all }, { sort, limit: limit + 1 });
      return pageOf(documents, limit, claimOf, (document) => {
        const claim = claimOf(document);
        return [claim.claimed_at, claim.claim_id];
      });
    },

    async markSeen(reviewer, opinionIds, now) {
      const documents = [...new Set(opinionIds)].map((opinion_id) => seenDocument({ reviewer, opinion_id, seen_at: now }));
      await connection.insertFree("seen", documents);
    },

    async hasSeen(reviewer, opinionId) {
      return (await connection.findOne("seen", { _id: seenKey(reviewer, opinionId) }, { projection: { _id: 1 } })) !== null;
    },
  };
}

export const claimKey = (opinionId: string, turn: number): string => JSON.stringify([opinionId, turn]);
export const seenKey = (reviewer: string, opinionId: string): string => JSON.stringify([reviewer, opinionId]);

export const seenDocument = (seen: { reviewer: string; opinion_id: string; seen_at: number }): Stored => ({
  ...fieldsOf(seen),
  _id: seenKey(seen.reviewer, seen.opinion_id),
});

export function claimOf({ turn, ...document }: Stored): ReviewClaim {
  return recordOf<ReviewClaim>({ ...document });
}

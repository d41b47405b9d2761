import type { RememberedAnswer, RememberedRequest } from "../../core/remembered-request.ts";
import type { Store } from "../store.ts";
import type { MongoConnection, Stored } from "./connection.ts";

type Methods = "claimRequest" | "answerRequest" | "forgetRequest" | "forgetExpiredRequests";

/** Every step is one document's: whoever changes it first has the request. */
export function requestMethods(connection: MongoConnection): Pick<Store, Methods> {
  const requests = () => connection.collection("requests");
  return {
    async claimRequest(request, now, takeFrom) {
      const { key, digest, owner, claimed_until, at, expires_at } = request;
      const document = { _id: key, digest, owner, claimed_until: new Date(claimed_until), at: new Date(at), answer: null };
      for (;;) {
        await connection.guard(() => requests().deleteOne({ _id: key, expires_at: { $lte: new Date(now) } }));
        if (await connection.insertIfFree("requests", { ...document, expires_at: new Date(expires_at) }))
          return { claimed: true, request: { ...request, answer: null } };
        const found = await connection.findOne("requests", { _id: key });
        // expired and taken away between the two: it is free now
        if (found === null) continue;
        const stored = readRequest(found);
        const isFree = stored.answer === null && (stored.claimed_until <= now || stored.owner === takeFrom);
        if (!isFree || stored.digest !== digest) return { claimed: false, request: stored };
        const { matchedCount } = await connection.guard(() =>
          requests().updateOne(
            { _id: key, owner: stored.owner, claimed_until: new Date(stored.claimed_until), answer: null },
            { $set: { owner, claimed_until: new Date(claimed_until) } },
          ),
        );
        if (matchedCount === 1) return { claimed: true, request: { ...stored, owner, claimed_until } };
      }
    },
    async answerRequest(key, owner, answer) {
      await connection.guard(() => requests().updateOne({ _id: key, owner, answer: null }, { $set: { answer: { ...answer } } }));
    },
    async forgetRequest(key, owner) {
      await connection.guard(() => requests().deleteOne({ _id: key, owner, answer: null }));
    },
    async forgetExpiredRequests(now) {
      const { deletedCount } = await connection.guard(() => requests().deleteMany({ expires_at: { $lte: new Date(now) } }));
      return deletedCount;
    },
  };
}

const readRequest = (document: Stored): RememberedRequest => ({
  key: String(document._id),
  digest: String(document.digest),
  owner: String(document.owner),
  claimed_until: Number(document.claimed_until),
  at: Number(document.at),
  expires_at: Number(document.expires_at),
  answer: document.answer === null ? null : (document.answer as RememberedAnswer), // written above
});

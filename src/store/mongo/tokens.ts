import { RequeenError } from "../../core/errors.ts";
import type { Token } from "../../core/token.ts";
import { checkedLimit, decodeCursor, pageOf } from "../page.ts";
import type { Store } from "../store.ts";
import { fieldsOf } from "./bson-form.ts";
import type { MongoConnection } from "./connection.ts";
import { recordOf } from "./records.ts";

export function tokenMethods(
  connection: MongoConnection,
): Pick<Store, "addToken" | "getToken" | "listTokens" | "revokeToken" | "touchToken"> {
  const get = async (tokenId: string): Promise<Token | null> => {
    const document = await connection.findOne("tokens", { _id: tokenId });
    return document === null ? null : recordOf<Token>(document);
  };
  return {
    async addToken(token) {
      if (await connection.insertIfFree("tokens", { ...fieldsOf(token), _id: token.token_id })) return;
      const { token_id } = token;
      throw new RequeenError("already_exists", `an API key with the id ${token_id} is there already`, { token_id });
    },
    getToken: get,
    async listTokens(page) {
      const limit = checkedLimit(page);
      let filter = {};
      if (page.cursor !== undefined) {
        const [at, id] = decodeCursor(page.cursor, ["number", "string"]);
        const place = new Date(Number(at));
        filter = { $or: [{ created_at: { $lt: place } }, { created_at: place, _id: { $lt: String(id) } }] };
      }
      const documents = await connection.find("tokens", filter, { sort: { created_at: -1, _id: -1 }, limit: limit + 1 });
      return pageOf(documents, limit, recordOf<Token>, (document) => [Number(document.created_at), String(document._id)]);
    },
    async revokeToken(tokenId, by, now) {
      // the filter makes the first revocation the one that stays
      await connection.guard(() =>
        connection
          .collection("tokens")
          .updateOne({ _id: tokenId, revoked_at: null }, { $set: { revoked_at: new Date(now), revoked_by: by } }),
      );
      const token = await get(tokenId);
      if (token === null) throw new RequeenError("not_found", `no API key has the id ${tokenId}`, { token_id: tokenId });
      return token;
    },
    async touchToken(tokenId, now) {
      const at = new Date(now);
      await connection.guard(() =>
        connection
          .collection("tokens")
          .updateOne(
            { _id: tokenId, $or: [{ last_used_at: null }, { last_used_at: { $lt: at } }] },
            { $set: { last_used_at: at } },
          ),
      );
    },
  };
}

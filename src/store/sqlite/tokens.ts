import { RequeenError } from "../../core/errors.ts";
import type { Token } from "../../core/token.ts";
import type { Store } from "../store.ts";
import type { SqliteConnection } from "./connection.ts";
import { getRecord, listRecords } from "./records.ts";

export function tokenMethods(
  connection: SqliteConnection,
): Pick<Store, "addToken" | "getToken" | "listTokens" | "revokeToken" | "touchToken"> {
  const change = (token: Token): Token => {
    connection.run("UPDATE tokens SET document = ? WHERE id = ?", JSON.stringify(token), token.token_id);
    return token;
  };
  return {
    async addToken(token) {
      const sql = "INSERT INTO tokens (id, at, document) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING";
      const { token_id, created_at } = token;
      connection.write(() => {
        if (connection.run(sql, token_id, created_at, JSON.stringify(token)) === 0)
          throw new RequeenError("already_exists", `an API key with the id ${token_id} is there already`, { token_id });
      });
    },
    async getToken(tokenId) {
      return getRecord<Token>(connection, "tokens", tokenId);
    },
    async listTokens(page) {
      return listRecords<Token>(connection, "tokens", {}, page);
    },
    async revokeToken(tokenId, by, now) {
      return connection.write(() => {
        const token = getRecord<Token>(connection, "tokens", tokenId);
        if (token === null) throw new RequeenError("not_found", `no API key has the id ${tokenId}`, { token_id: tokenId });
        return token.revoked_at === null ? change({ ...token, revoked_at: now, revoked_by: by }) : token;
      });
    },
    async touchToken(tokenId, now) {
      connection.write(() => {
        const token = getRecord<Token>(connection, "tokens", tokenId);
        if (token !== null && (token.last_used_at ?? 0) < now) change({ ...token, last_used_at: now });
      });
    },
  };
}

import type { RememberedRequest } from "../../core/remembered-request.ts";
import type { Store } from "../store.ts";
import { number, text } from "./columns.ts";
import type { Row, SqliteConnection } from "./connection.ts";

type Methods = "claimRequest" | "answerRequest" | "forgetRequest" | "forgetExpiredRequests";

export function requestMethods(connection: SqliteConnection): Pick<Store, Methods> {
  return {
    claimRequest(request, now, takeFrom) {
      const { key, digest, owner, claimed_until, at, expires_at } = request;
      return connection.writeTogether(1, () => {
        connection.run("DELETE FROM remembered_requests WHERE key = ? AND expires_at <= ?", key, now);
        const found = connection.get("SELECT * FROM remembered_requests WHERE key = ?", key);
        if (found === undefined) {
          connection.run(
            "INSERT INTO remembered_requests (key, digest, owner, claimed_until, at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
            ...[key, digest, owner, claimed_until, at, expires_at],
          );
          return { claimed: true, request: { ...request, answer: null } };
        }
        const stored = readRequest(found);
        const isFree = stored.answer === null && (stored.claimed_until <= now || stored.owner === takeFrom);
        if (!isFree || stored.digest !== digest) return { claimed: false, request: stored };
        connection.run("UPDATE remembered_requests SET owner = ?, claimed_until = ? WHERE key = ?", owner, claimed_until, key);
        return { claimed: true, request: { ...stored, owner, claimed_until } };
      });
    },
    async answerRequest(key, owner, { status, media_type, body }) {
      const sql =
        "UPDATE remembered_requests SET status = ?, media_type = ?, body = ? WHERE key = ? AND owner = ? AND status IS NULL";
      await connection.writeTogether(1, () => connection.run(sql, status, media_type, body, key, owner));
    },
    async forgetRequest(key, owner) {
      const sql = "DELETE FROM remembered_requests WHERE key = ? AND owner = ? AND status IS NULL";
      await connection.writeTogether(1, () => connection.run(sql, key, owner));
    },
    forgetExpiredRequests(now) {
      return connection.writeTogether(1, () => connection.run("DELETE FROM remembered_requests WHERE expires_at <= ?", now));
    },
  };
}

const readRequest = (row: Row): RememberedRequest => ({
  key: text(row.key),
  digest: text(row.digest),
  owner: text(row.owner),
  claimed_until: number(row.claimed_until),
  at: number(row.at),
  expires_at: number(row.expires_at),
  answer: row.status === null ? null : { status: number(row.status), media_type: text(row.media_type), body: text(row.body) },
});

import type { SQLInputValue } from "node:sqlite";
import { RequeenError } from "../../core/errors.ts";
import type { ReviewClaim, WaitingOpinion } from "../../core/review.ts";
import { checkedLimit, checkIdCount, decodeCursor, MAX_PAGE, pageOf } from "../page.ts";
import type { ClaimFilter, Store } from "../store.ts";
import { document, number, numberOrNull, text } from "./columns.ts";
import type { SqliteConnection } from "./connection.ts";
import { addJudgement } from "./feedback.ts";

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

const waitingSql = (direction: "up" | "down", unseen: boolean): string => `
  SELECT key, opinion_id, plan_id, opinions.specialist AS specialist, decision, confidence
  FROM review_waiting AS waiting CROSS JOIN opinions USING (opinion)
  WHERE waiting.specialist = ?1 AND key ${direction === "up" ? ">=" : "<"} ?2
    AND NOT EXISTS (SELECT 1 FROM review_queue AS claim WHERE claim.opinion = waiting.opinion
      AND ((claim.state = 'open' AND claim.expires_at > ?3)
        OR (claim.state = 'skipped' AND claim.reviewer = ?4 AND claim.closed_at >= ?5)))
    ${unseen ? "AND NOT EXISTS (SELECT 1 FROM review_seen AS seen WHERE seen.reviewer = ?4 AND seen.opinion_id = opinions.opinion_id)" : ""}
  ORDER BY key ${direction === "up" ? "ASC" : "DESC"} LIMIT ?6`;

const INSERT_CLAIM = `INSERT INTO review_queue
  (claim_id, opinion, specialist, reviewer, state, claimed_at, expires_at, closed_at, document) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (claim_id) DO NOTHING`;
const UPDATE_CLAIM = "UPDATE review_queue SET state = ?, expires_at = ?, closed_at = ?, document = ? WHERE claim_id = ?";

/** A claim as a row. @param opinion row number of its opinion */
export const insertClaim = (connection: SqliteConnection, claim: ReviewClaim, opinion: number): boolean =>
  connection.run(
    INSERT_CLAIM,
    claim.claim_id,
    opinion,
    claim.specialist,
    claim.reviewer,
    claim.state,
    claim.claimed_at,
    claim.expires_at,
    claim.closed_at,
    JSON.stringify(claim),
  ) === 1;

const write = (connection: SqliteConnection, claim: ReviewClaim): void =>
  void connection.run(UPDATE_CLAIM, claim.state, claim.expires_at, claim.closed_at, JSON.stringify(claim), claim.claim_id);

/** @param now wall clock, ms: when a row was written. */
export function reviewMethods(connection: SqliteConnection, now: () => number): Pick<Store, Methods> {
  const byId = (claimId: string): ReviewClaim | null => {
    const row = connection.get("SELECT document FROM review_queue WHERE claim_id = ?", claimId);
    return row === undefined ? null : document<ReviewClaim>(row.document);
  };
  return {
    async listWaiting(filter, fromKey, direction, limit) {
      const { specialist, reviewer, skippedSince, unseen } = filter;
      const values = [specialist, fromKey, filter.now, reviewer, skippedSince, limit];
      const rows = connection.read(() => connection.all(waitingSql(direction, unseen), ...values));
      return rows.map(
        (row): WaitingOpinion => ({
          opinion_id: text(row.opinion_id),
          plan_id: text(row.plan_id),
          specialist: text(row.specialist),
          key: number(row.key),
          recommendation: text(row.decision),
          confidence_score: numberOrNull(row.confidence),
        }),
      );
    },

    async countWaiting(specialist) {
      const sql = "SELECT count(*) AS count FROM review_waiting WHERE specialist = ?";
      return number(connection.read(() => connection.get(sql, specialist))?.count);
    },

    async decisionsOn(planIds) {
      checkIdCount(planIds);
      const sql = `SELECT plan_id, specialist, decision FROM opinions WHERE plan_id IN (SELECT value FROM json_each(?)) LIMIT ${MAX_PAGE}`;
      return connection
        .read(() => connection.all(sql, JSON.stringify(planIds)))
        .map((row) => ({
          plan_id: text(row.plan_id),
          specialist: text(row.specialist),
          recommendation: text(row.decision),
        }));
    },

    async addClaim(claim, at) {
      return connection.writeTogether(1, () => {
        const waiting = connection.get(
          "SELECT opinion FROM opinions JOIN review_waiting USING (opinion, specialist) WHERE opinion_id = ?",
          claim.opinion_id,
        );
        if (waiting === undefined) return false;
        const opinion = number(waiting.opinion);
        const held = connection.get("SELECT document FROM review_queue WHERE opinion = ? AND state = 'open'", opinion);
        if (held !== undefined) {
          const other = document<ReviewClaim>(held.document);
          if (other.expires_at > at) return false;
          write(connection, { ...other, state: "expired", closed_at: other.expires_at });
        }
        if (insertClaim(connection, claim, opinion)) return true;
        throw new RequeenError("already_exists", `claim ${claim.claim_id} is there already`, { claim_id: claim.claim_id });
      });
    },

    async putClaim(claim, from) {
      return connection.writeTogether(1, () => {
        if (byId(claim.claim_id)?.state !== from) return false;
        write(connection, claim);
        return true;
      });
    },

    async submitClaim(claim, from, feedback) {
      return connection.writeTogether(1, () => {
        if (byId(claim.claim_id)?.state !== from) return null;
        const answer = addJudgement(connection, feedback, now());
        if (answer.outcome !== "conflict" && answer.outcome !== "opinion_not_found")
          write(connection, { ...claim, feedback_id: answer.feedback_id });
        return answer;
      });
    },

    async getClaim(claimId) {
      return connection.read(() => byId(claimId));
    },

    async listClaims(filter, page) {
      const limit = checkedLimit(page);
      const { conditions, values } = conditionsOf(filter);
      if (page.cursor !== undefined) {
        conditions.push("(claimed_at, claim_id) < (?, ?)");
        values.push(...decodeCursor(page.cursor, ["number", "string"]));
      }
      const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
      const sql = `SELECT claim_id, claimed_at, document FROM review_queue ${where} ORDER BY claimed_at DESC, claim_id DESC LIMIT ?`;
      const rows = connection.read(() => connection.all(sql, ...values, limit + 1));
      return pageOf(
        rows,
        limit,
        (row) => document<ReviewClaim>(row.document),
        (row) => [number(row.claimed_at), text(row.claim_id)],
      );
    },

    async markSeen(reviewer, opinionIds, at) {
      const unknown = connection.read(() => connection.all(UNSEEN, reviewer, JSON.stringify(opinionIds)));
      if (unknown.length === 0) return; // no write for the second look
      await connection.writeTogether(unknown.length, () => {
        const insert = connection.prepare(
          "INSERT INTO review_seen (reviewer, opinion_id, seen_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        );
        for (const row of unknown) insert.run(reviewer, text(row.value), at);
      });
    },

    async hasSeen(reviewer, opinionId) {
      const sql = "SELECT 1 FROM review_seen WHERE reviewer = ? AND opinion_id = ?";
      return connection.read(() => connection.get(sql, reviewer, opinionId)) !== undefined;
    },
  };
}

const UNSEEN = `SELECT value FROM json_each(?2) AS wanted
  WHERE NOT EXISTS (SELECT 1 FROM review_seen WHERE reviewer = ?1 AND opinion_id = wanted.value)`;

function conditionsOf(filter: ClaimFilter): { conditions: string[]; values: SQLInputValue[] } {
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  const add = (condition: string, value: string | number | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  add("reviewer = ?", filter.reviewer);
  add("specialist = ?", filter.specialist);
  add("opinion = (SELECT opinion FROM opinions WHERE opinion_id = ?)", filter.opinionId);
  // in words, so that the index of the open ones serves
  if (filter.state === "open") conditions.push("state = 'open'");
  else add("state = ?", filter.state);
  add("claimed_at >= ?", filter.claimedFrom);
  return { conditions, values };
}

import { HUMAN_TIERS } from "../../core/evidence.ts";
import type { Opinion, OpinionHead } from "../../core/opinion.ts";
import { sameOpinion } from "../judgements.ts";
import { checkedLimit, checkIdCount, decodeCursor, pageOf } from "../page.ts";
import type { OpinionFilter, Store } from "../store.ts";
import { number, numberOrNull, text } from "./columns.ts";
import type { Row, SqliteConnection } from "./connection.ts";
import { INSERT_OPINION, OPINION_COLUMNS, opinionColumns, readOpinion } from "./opinion-rows.ts";
import { addWaiting } from "./waiting.ts";

export function opinionMethods(
  connection: SqliteConnection,
): Pick<Store, "addOpinions" | "getOpinion" | "getOpinions" | "getOpinionHeads" | "countOpinions" | "listOpinions"> {
  const byId = (id: string): Opinion | null => {
    const row = connection.get(`SELECT ${OPINION_COLUMNS} FROM opinions WHERE opinion_id = ?`, id);
    return row === undefined ? null : readOpinion(row);
  };
  return {
    async addOpinions(opinions) {
      return connection.writeTogether(opinions.length, () => {
        const insert = connection.prepare(INSERT_OPINION);
        return opinions.map((opinion) => {
          const { changes, lastInsertRowid } = insert.run(...opinionColumns(opinion));
          if (changes === 1) {
            if (opinion.state !== "generated")
              addWaiting(connection, opinion.specialist_type, opinion.opinion_id, Number(lastInsertRowid));
            return "added";
          }
          const stored = byId(opinion.opinion_id);
          return stored !== null && sameOpinion(stored, opinion) ? "same" : "conflict";
        });
      });
    },

    async getOpinion(opinionId) {
      return connection.read(() => byId(opinionId));
    },

    async getOpinionHeads(opinionIds) {
      checkIdCount(opinionIds);
      const rows = connection.read(() => connection.all(HEADS, JSON.stringify(opinionIds)));
      const found = new Map(rows.map((row) => [text(row.opinion_id), readHead(row)]));
      return opinionIds.map((id) => found.get(id) ?? null);
    },

    async countOpinions(filter) {
      const { conditions, values } = conditionsOf(filter);
      const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
      const row = connection.read(() => connection.get(`SELECT count(*) AS count FROM opinions ${where}`, ...values));
      return number(row?.count);
    },

    async getOpinions(opinionIds) {
      checkIdCount(opinionIds);
      const sql = `SELECT ${OPINION_COLUMNS} FROM opinions WHERE opinion_id IN (SELECT value FROM json_each(?))`;
      const rows = connection.read(() => connection.all(sql, JSON.stringify(opinionIds)));
      const found = new Map(rows.map((row) => [text(row.opinion_id), readOpinion(row)]));
      return opinionIds.map((id) => found.get(id) ?? null);
    },

    async listOpinions(filter, page) {
      const limit = checkedLimit(page);
      const { conditions, values } = conditionsOf(filter);
      if (page.cursor !== undefined) {
        conditions.push("(evaluated_at, opinion_id) < (?, ?)");
        values.push(...decodeCursor(page.cursor, ["number", "string"]));
      }
      const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
      const sql = `SELECT ${OPINION_COLUMNS} FROM opinions ${where} ORDER BY evaluated_at DESC, opinion_id DESC LIMIT ?`;
      const rows = connection.read(() => connection.all(sql, ...values, limit + 1));
      return pageOf(rows, limit, readOpinion, (row) => [number(row.evaluated_at), text(row.opinion_id)]);
    },
  };
}

const HEADS = `SELECT opinion_id, plan_id, specialist, decision, confidence, json_extract(document, '$.opinion.risk_score') AS risk
  FROM opinions WHERE opinion_id IN (SELECT value FROM json_each(?))`;

const readHead = (row: Row): OpinionHead => ({
  opinion_id: text(row.opinion_id),
  plan_id: text(row.plan_id),
  specialist_type: text(row.specialist),
  recommendation: text(row.decision),
  confidence_score: numberOrNull(row.confidence),
  risk_score: numberOrNull(row.risk),
});

function conditionsOf(filter: OpinionFilter): { conditions: string[]; values: (string | number)[] } {
  const conditions: string[] = [];
  const values: (string | number)[] = [];
  const add = (condition: string, value: string | number | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  add("specialist = ?", filter.specialist);
  add("plan_id = ?", filter.planId);
  add("model_version = ?", filter.modelVersion);
  add("evaluated_at >= ?", filter.evaluatedFrom);
  add("evaluated_at < ?", filter.evaluatedBefore);
  if (filter.pending === true) conditions.push("state <> 'generated'", WITHOUT_HUMAN_LABEL);
  return { conditions, values };
}

const WITHOUT_HUMAN_LABEL = `NOT EXISTS (SELECT 1 FROM feedback WHERE feedback.opinion = opinions.opinion
  AND feedback.state = 'current' AND feedback.tier IN (${HUMAN_TIERS.map((tier) => `'${tier}'`).join(", ")}))`;

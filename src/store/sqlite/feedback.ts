import { RequeenError } from "../../core/errors.ts";
import { isHuman } from "../../core/evidence.ts";
import type { Feedback } from "../../core/feedback.ts";
import { type HeadJudgement, placeJudgement, sameFeedback, withTier } from "../judgements.ts";
import { checkedLimit, decodeCursor, pageOf } from "../page.ts";
import type { FeedbackFilter, FeedbackOutcome, Store, StoredFeedback } from "../store.ts";
import { number, text } from "./columns.ts";
import type { Row, SqliteConnection } from "./connection.ts";
import {
  FEEDBACK_COLUMNS,
  feedbackColumns,
  feedbackDocument,
  INSERT_FEEDBACK,
  readFeedback,
  readStored,
} from "./feedback-rows.ts";
import { removeWaiting, settleWaiting } from "./waiting.ts";

/** The newest judgement of one reviewer on one opinion: the current one, or a retracted one. */
const HEAD = `SELECT ${FEEDBACK_COLUMNS} FROM feedback
  WHERE opinion = ? AND reviewer = ? ORDER BY submitted_at DESC, sequence DESC LIMIT 1`;
const BY_ID = `SELECT ${FEEDBACK_COLUMNS} FROM feedback WHERE feedback_id = ?`;

type Methods = "addFeedback" | "getFeedback" | "listFeedback" | "retractFeedback" | "demoteFeedback";

/** @param now wall clock, ms: when a row was written. */
export function feedbackMethods(connection: SqliteConnection, now: () => number): Pick<Store, Methods> {
  const byId = (id: string): StoredFeedback | null => {
    const row = connection.get(BY_ID, id);
    return row === undefined ? null : readStored(row);
  };
  return {
    async addFeedback(feedback) {
      return connection.writeTogether(feedback.length, () => {
        const recordedAt = now();
        let sequence = lastSequence(connection);
        return feedback.map((item) => {
          const answer = addOne(connection, item, sequence + 1, recordedAt);
          if (answer.outcome === "added" || answer.outcome === "superseded") sequence += 1;
          return answer;
        });
      });
    },

    async getFeedback(feedbackId) {
      return connection.read(() => byId(feedbackId));
    },

    async listFeedback(filter, page) {
      const limit = checkedLimit(page);
      const { conditions, values } = conditionsOf(filter);
      if (page.cursor !== undefined) {
        conditions.push("sequence < ?");
        values.push(...decodeCursor(page.cursor, ["number"]));
      }
      const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
      const sql = `SELECT ${FEEDBACK_COLUMNS} FROM feedback ${where} ORDER BY sequence DESC LIMIT ?`;
      const rows = connection.read(() => connection.all(sql, ...values, limit + 1));
      return pageOf(rows, limit, readStored, (row) => [number(row.sequence)]);
    },

    async retractFeedback(feedbackId, at) {
      return connection.writeTogether(1, () => {
        const stored = byId(feedbackId);
        if (stored === null)
          throw new RequeenError("feedback_not_found", `no feedback has the id ${feedbackId}`, { feedback_id: feedbackId });
        if (stored.state !== "current")
          throw new RequeenError("conflict", `feedback ${feedbackId} must be current to be retracted; it is ${stored.state}`, {
            feedback_id: feedbackId,
            state: stored.state,
          });
        connection.run("UPDATE feedback SET state = 'retracted', retracted_at = ? WHERE feedback_id = ?", at, feedbackId);
        settleWaiting(connection, stored.opinion_id);
        return { ...stored, state: "retracted" };
      });
    },

    async demoteFeedback(feedbackIds, tier) {
      return connection.writeTogether(feedbackIds.length, () => {
        const update = connection.prepare("UPDATE feedback SET tier = ?, human = ?, document = ? WHERE feedback_id = ?");
        let changed = 0;
        for (const id of new Set(feedbackIds)) {
          const row = connection.get(BY_ID, id);
          if (row === undefined) continue;
          const feedback = readFeedback(row);
          if (feedback.evidence.tier === tier) continue;
          update.run(tier, isHuman(tier) ? 1 : 0, feedbackDocument(withTier(feedback, tier)), id);
          settleWaiting(connection, feedback.opinion_id);
          changed += 1;
        }
        return changed;
      });
    },
  };
}

/** What was moved here from the original system has negative numbers; ours begin at 1. */
export const lastSequence = (connection: SqliteConnection): number =>
  number(connection.get("SELECT max(coalesce(max(sequence), 0), 0) AS last FROM feedback")?.last);

/** Adds one judgement within the caller's transaction. */
export const addJudgement = (connection: SqliteConnection, feedback: Feedback, recordedAt: number): FeedbackOutcome =>
  addOne(connection, feedback, lastSequence(connection) + 1, recordedAt);

function addOne(connection: SqliteConnection, feedback: Feedback, sequence: number, recordedAt: number): FeedbackOutcome {
  const refused = (outcome: "opinion_not_found" | "conflict"): FeedbackOutcome => ({
    outcome,
    feedback_id: feedback.feedback_id,
    replaced: null,
  });
  const opinion = connection.get(
    "SELECT opinion, specialist, feature_schema FROM opinions WHERE opinion_id = ?",
    feedback.opinion_id,
  );
  if (opinion === undefined) return refused("opinion_not_found");
  if (text(opinion.specialist) !== feedback.specialist_type) return refused("conflict");
  const head = connection.get(HEAD, number(opinion.opinion), feedback.evidence.reviewer);
  const outcome = placeJudgement(head === undefined ? null : readHead(head), feedback);
  const replaced = outcome === "added" && head?.state === "current" ? text(head.feedback_id) : null;
  const stored = replaced === null ? feedback : { ...feedback, supersedes: replaced };
  const place = { sequence, state: outcome === "added" ? "current" : "superseded", recorded_at: recordedAt } as const;
  if (outcome === "same" || connection.prepare(INSERT_FEEDBACK).run(...feedbackColumns(stored, opinion, place)).changes === 0) {
    const present = connection.get(BY_ID, feedback.feedback_id);
    if (present !== undefined && !sameFeedback(readFeedback(present), feedback)) return refused("conflict");
    return { outcome: "same", feedback_id: text((present ?? head)?.feedback_id), replaced: null };
  }
  if (replaced !== null) connection.run("UPDATE feedback SET state = 'superseded' WHERE feedback_id = ?", replaced);
  if (outcome === "added" && isHuman(feedback.evidence.tier))
    removeWaiting(connection, feedback.specialist_type, feedback.opinion_id, number(opinion.opinion));
  else if (replaced !== null) settleWaiting(connection, feedback.opinion_id);
  return { outcome, feedback_id: feedback.feedback_id, replaced };
}

const readHead = (row: Row): HeadJudgement => ({ feedback: readFeedback(row), current: row.state === "current" });

function conditionsOf(filter: FeedbackFilter): { conditions: string[]; values: (string | number)[] } {
  const conditions: string[] = [];
  const values: (string | number)[] = [];
  const add = (condition: string, value: string | number | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  add("opinion = (SELECT opinion FROM opinions WHERE opinion_id = ?)", filter.opinionId);
  add("specialist = ?", filter.specialist);
  add("reviewer = ?", filter.reviewer);
  add("tier = ?", filter.tier);
  add("state = ?", filter.state);
  add("submitted_at >= ?", filter.submittedFrom);
  add("submitted_at < ?", filter.submittedBefore);
  return { conditions, values };
}

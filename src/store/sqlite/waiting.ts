import { ringKey } from "../ring-key.ts";
import { number, text } from "./columns.ts";
import type { SqliteConnection } from "./connection.ts";

/** Which opinions wait for a person: a small table beside them, so that a draw reads a few rows of an index and no opinion's row is rewritten. */

const ADD = "INSERT INTO review_waiting (specialist, key, opinion) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
const REMOVE = "DELETE FROM review_waiting WHERE specialist = ? AND key = ? AND opinion = ?";
const HUMAN_LABEL = "SELECT 1 FROM feedback WHERE opinion = ? AND state = 'current' AND human LIMIT 1";

export const addWaiting = (connection: SqliteConnection, specialist: string, opinionId: string, opinion: number): void =>
  void connection.run(ADD, specialist, ringKey(opinionId), opinion);

export const removeWaiting = (connection: SqliteConnection, specialist: string, opinionId: string, opinion: number): void =>
  void connection.run(REMOVE, specialist, ringKey(opinionId), opinion);

/** After a judgement of the opinion was taken back, replaced or demoted: it waits again, if no other person's is left. */
export function settleWaiting(connection: SqliteConnection, opinionId: string): void {
  const row = connection.get("SELECT opinion, specialist, state FROM opinions WHERE opinion_id = ?", opinionId);
  if (row === undefined || row.state === "generated") return;
  const [opinion, specialist] = [number(row.opinion), text(row.specialist)];
  if (connection.get(HUMAN_LABEL, opinion) === undefined) addWaiting(connection, specialist, opinionId, opinion);
  else removeWaiting(connection, specialist, opinionId, opinion);
}

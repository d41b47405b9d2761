import type { Store } from "../store.ts";
import { number, text } from "./columns.ts";
import type { SqliteConnection } from "./connection.ts";

export const summaryMethods = (connection: SqliteConnection): Pick<Store, "summarizeFeedback"> => ({
  async summarizeFeedback({ specialist, submittedFrom }) {
    const conditions = ["state = 'current'"];
    const values: (string | number)[] = [];
    if (specialist !== undefined) {
      conditions.push("specialist = ?");
      values.push(specialist);
    }
    if (submittedFrom !== undefined) {
      conditions.push("submitted_at >= ?");
      values.push(submittedFrom);
    }
    const sql = `SELECT specialist, recommendation, count(*) AS count, count(rating) AS rated, total(rating) AS sum,
      min(rating) AS low, max(rating) AS high FROM feedback WHERE ${conditions.join(" AND ")}
      GROUP BY specialist, recommendation ORDER BY specialist, recommendation`;
    return connection
      .read(() => connection.all(sql, ...values))
      .map((row) => ({
        specialist: text(row.specialist),
        recommendation: text(row.recommendation),
        count: number(row.count),
        rated: number(row.rated),
        rating_sum: number(row.sum),
        rating_min: row.low === null ? null : number(row.low),
        rating_max: row.high === null ? null : number(row.high),
      }));
  },
});

import type { Database } from "./database.ts";

/**
 * MLflow 3.17 moved a trace's name, session and tokens out of its tags and metadata into columns of their own. A file of ours has none of
 * these columns until that release upgrades it; then they are kept in step, so that both servers find a trace by its name.
 */
const known = new WeakMap<Database, boolean>();

export function hasNewerColumns(db: Database): boolean {
  let answer = known.get(db);
  if (answer === undefined) {
    answer = db.get("SELECT 1 AS found FROM pragma_table_info('trace_info') WHERE name = 'trace_name'") !== undefined;
    known.set(db, answer);
  }
  return answer;
}

export const NAME_TAG = "mlflow.traceName";
export const SESSION_METADATA = "mlflow.trace.session";
const TOKENS = [
  "input_tokens",
  "output_tokens",
  "total_tokens",
  "cache_read_input_tokens",
  "cache_creation_input_tokens",
] as const;

export interface NewerColumns {
  readonly trace_name: string | null;
  readonly session_id: string | null;
  /** JSON: counts of tokens by name. */
  readonly tokens: string | null;
}

/** SQL for the columns of `trace_info t`, NULL in a file that has none. */
export const newerColumns = (db: Database): string =>
  hasNewerColumns(db)
    ? `t.trace_name, t.session_id, CASE WHEN t.total_tokens IS NULL THEN NULL ELSE json_object(${TOKENS.map((name) => `'${name}', t.${name}`).join(", ")}) END AS tokens`
    : "NULL AS trace_name, NULL AS session_id, NULL AS tokens";

/** Sets the columns from the tags and metadata that this server writes. */
export function keepNewerColumns(db: Database, traceId: string): void {
  if (!hasNewerColumns(db)) return;
  db.run(
    `UPDATE trace_info SET
       trace_name = coalesce((SELECT value FROM trace_tags WHERE request_id = ?1 AND "key" = '${NAME_TAG}'), trace_name),
       session_id = coalesce((SELECT value FROM trace_request_metadata WHERE request_id = ?1 AND "key" = '${SESSION_METADATA}'), session_id),
       ${TOKENS.map((name) => `${name} = coalesce((SELECT value FROM trace_metrics WHERE request_id = ?1 AND "key" = '${name}'), ${name})`).join(", ")}
     WHERE request_id = ?1`,
    traceId,
  );
}

/** @returns how many traces lost their name. */
export const forgetName = (db: Database, traceId: string): number =>
  hasNewerColumns(db)
    ? db.run("UPDATE trace_info SET trace_name = NULL WHERE request_id = ? AND trace_name IS NOT NULL", traceId)
    : 0;

/** Counts without those that are not there, as MLflow writes them; undefined for none. */
export function tokenText(tokens: string | null): string | undefined {
  if (tokens === null) return undefined;
  const counts: Record<string, unknown> = JSON.parse(tokens);
  const present = Object.entries(counts).filter(([, count]) => count !== null);
  return `{${present.map(([name, count]) => `"${name}": ${String(count)}`).join(", ")}}`;
}

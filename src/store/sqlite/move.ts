import { FEEDBACK_STATES } from "../../core/feedback.ts";
import type { ExportPage, MovableStore, MovedRecords, RecordKind } from "../movable.ts";
import { OWN_SETTINGS } from "../movable.ts";
import { document, number, numberOrNull, text } from "./columns.ts";
import type { Row, SqliteConnection } from "./connection.ts";
import { FEEDBACK_COLUMNS, feedbackColumns, INSERT_FEEDBACK, readStored } from "./feedback-rows.ts";
import { INSERT_OPINION, OPINION_COLUMNS, opinionColumns, readOpinion } from "./opinion-rows.ts";
import { insertClaim } from "./review.ts";
import { settleWaiting } from "./waiting.ts";

/** How one kind is read and written. Pages follow `key`, which every row has and none changes. */
interface Mover<K extends RecordKind> {
  readonly table: string;
  readonly key: string;
  readonly columns: string;
  read(row: Row): MovedRecords[K];
  /** @returns whether the row was not there. */
  write(connection: SqliteConnection, record: MovedRecords[K]): boolean;
}

const written = (changes: number): boolean => changes === 1;

/** Tables that are id, columns to filter by, time and document. */
function recordMover<K extends "runs" | "datasets" | "verdicts" | "deployments" | "quarantine" | "tokens">(
  table: K,
  columnsOf: (record: MovedRecords[K]) => Readonly<Record<string, string | number | null>>,
): Mover<K> {
  return {
    table,
    key: "rowid",
    columns: "document",
    read: (row) => document<MovedRecords[K]>(row.document),
    write(connection, record) {
      const columns = columnsOf(record);
      const names = [...Object.keys(columns), "document"];
      const sql = `INSERT INTO ${table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")}) ON CONFLICT (id) DO NOTHING`;
      return written(connection.run(sql, ...Object.values(columns), JSON.stringify(record)));
    },
  };
}

const MOVERS: { readonly [K in RecordKind]: Mover<K> } = {
  opinions: {
    table: "opinions",
    key: "opinion",
    columns: OPINION_COLUMNS,
    read: readOpinion,
    write(connection, opinion) {
      if (!written(connection.run(INSERT_OPINION, ...opinionColumns(opinion)))) return false;
      settleWaiting(connection, opinion.opinion_id);
      return true;
    },
  },
  feedback: {
    table: "feedback",
    key: "sequence",
    columns: `${FEEDBACK_COLUMNS}, retracted_at`,
    read: (row) => ({ ...readStored(row), retracted_at: numberOrNull(row.retracted_at) }),
    write(connection, { state, sequence, recorded_at, retracted_at, ...feedback }) {
      const opinion = connection.get("SELECT opinion, feature_schema FROM opinions WHERE opinion_id = ?", feedback.opinion_id);
      // a judgement of an opinion that is not there was never in a store; the comparison at the end of a move reports it
      if (opinion === undefined || !FEEDBACK_STATES.includes(state)) return false;
      const columns = feedbackColumns(feedback, opinion, { sequence, state, recorded_at });
      if (connection.run(INSERT_FEEDBACK, ...columns) === 0) return false;
      if (retracted_at !== null)
        connection.run("UPDATE feedback SET retracted_at = ? WHERE sequence = ?", retracted_at, sequence);
      settleWaiting(connection, feedback.opinion_id);
      return true;
    },
  },
  runs: recordMover("runs", (run) => ({
    id: run.run_id,
    specialist: run.specialist,
    state: run.state,
    evidence_key: run.trigger.evidence_key,
    fence: run.fence,
    at: run.started_at,
  })),
  datasets: recordMover("datasets", ({ dataset_id, specialist, created_at }) => ({ id: dataset_id, specialist, at: created_at })),
  verdicts: recordMover("verdicts", ({ verdict_id, specialist, created_at }) => ({ id: verdict_id, specialist, at: created_at })),
  deployments: recordMover("deployments", ({ deployment_id, specialist, state, prepared_at }) => ({
    id: deployment_id,
    specialist,
    state,
    at: prepared_at,
  })),
  quarantine: recordMover("quarantine", ({ quarantine_id, kind, state, at }) => ({ id: quarantine_id, kind, state, at })),
  claims: {
    table: "review_queue",
    key: "rowid",
    columns: "document",
    read: (row) => document<MovedRecords["claims"]>(row.document),
    write(connection, claim) {
      const opinion = connection.get("SELECT opinion FROM opinions WHERE opinion_id = ?", claim.opinion_id);
      return opinion !== undefined && insertClaim(connection, claim, number(opinion.opinion));
    },
  },
  seen: {
    table: "review_seen",
    key: "seen",
    columns: "reviewer, opinion_id, seen_at",
    read: ({ reviewer, opinion_id, seen_at }) => ({
      reviewer: text(reviewer),
      opinion_id: text(opinion_id),
      seen_at: number(seen_at),
    }),
    write(connection, { reviewer, opinion_id, seen_at }) {
      const sql = "INSERT INTO review_seen (reviewer, opinion_id, seen_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
      return written(connection.run(sql, reviewer, opinion_id, seen_at));
    },
  },
  tokens: recordMover("tokens", ({ token_id, created_at }) => ({ id: token_id, at: created_at })),
  audit: {
    table: "audit_log",
    key: "sequence",
    columns: "document",
    read: (row) => document<MovedRecords["audit"]>(row.document),
    write(connection, entry) {
      const sql =
        "INSERT INTO audit_log (sequence, subject, hash, document) VALUES (?, ?, ?, ?) ON CONFLICT (sequence) DO NOTHING";
      return written(connection.run(sql, entry.sequence, entry.subject, entry.hash, JSON.stringify(entry)));
    },
  },
  settings: {
    table: "settings",
    key: "key",
    columns: "key, value",
    read: (row) => ({ key: text(row.key), value: document<unknown>(row.value) }),
    write(connection, { key, value }) {
      const sql = "INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING";
      return written(connection.run(sql, key, JSON.stringify(value)));
    },
  },
  leases: {
    table: "leases",
    key: "name",
    columns: "name, fence",
    read: (row) => ({ name: text(row.name), fence: number(row.fence) }),
    write(connection, { name, fence }) {
      const sql = "INSERT INTO leases (name, owner, fence, expires_at) VALUES (?, NULL, ?, 0) ON CONFLICT (name) DO NOTHING";
      return written(connection.run(sql, name, fence));
    },
  },
};

export function moveMethods(connection: SqliteConnection): Pick<MovableStore, "exportRecords" | "importRecords"> {
  return {
    async exportRecords<K extends RecordKind>(kind: K, cursor: string | null, limit: number): Promise<ExportPage<K>> {
      const { table, key, columns, read }: Mover<K> = MOVERS[kind];
      const after: unknown = cursor === null ? null : JSON.parse(cursor); // ours, from below
      const beyond = typeof after === "string" || typeof after === "number" ? `WHERE ${key} > ?` : "";
      const values = typeof after === "string" || typeof after === "number" ? [after, limit] : [limit];
      const sql = `SELECT ${key} AS place, ${columns} FROM ${table} ${beyond} ORDER BY ${key} LIMIT ?`;
      const rows = connection.read(() => connection.all(sql, ...values));
      const records = rows.map(read).filter((record) => !isOwnSetting(kind, record));
      return { records, cursor: rows.length < limit ? null : JSON.stringify(rows.at(-1)?.place) };
    },

    async importRecords<K extends RecordKind>(kind: K, records: readonly MovedRecords[K][]): Promise<number> {
      const { write }: Mover<K> = MOVERS[kind];
      return connection.write(() => records.filter((record) => write(connection, record)).length);
    },
  };
}

const isOwnSetting = (kind: RecordKind, record: unknown): boolean =>
  kind === "settings" && OWN_SETTINGS.test((record as MovedRecords["settings"]).key);

import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { RequeenError } from "../core/errors.ts";
import { EXTRA_INDEXES, MAIN_TABLES, SCHEMA_REVISION } from "./schema.ts";
import type { Upgrade } from "./upgrade-file.ts";

export type SqlValue = SQLInputValue;

/**
 * One connection to a registry file. Calls are synchronous: each statement is far shorter than a thread hop.
 * Several processes may hold the file open at once: WAL for readers, BEGIN IMMEDIATE and a busy timeout for writers.
 */
export interface Database {
  /** Rows as objects; the type argument must name the columns of the SELECT that stands beside it. */
  all<Row>(sql: string, ...values: readonly SqlValue[]): Row[];
  get<Row>(sql: string, ...values: readonly SqlValue[]): Row | undefined;
  /** @returns how many rows were changed. */
  run(sql: string, ...values: readonly SqlValue[]): number;
  /** Runs `work` in one transaction that takes the write lock first; nested calls join the outer one. A throw rolls everything back. */
  write<T>(work: () => T): T;
  /** As `write`, and on the disk itself when it returns: for what decides which model is in production. */
  writeDurably<T>(work: () => T): T;
  /** Runs `work` on one snapshot. */
  read<T>(work: () => T): T;
  close(): void;
}

const BUSY_TIMEOUT_MS = 20_000;
const JOURNAL_ATTEMPTS = 100;
const JOURNAL_PAUSE_MS = 20;
/** SQLite holds a statement's parameters to 32,766; lists are cut well below. */
const LIST_LIMIT = 5_000;

/**
 * Opens or creates the registry file.
 * @param now milliseconds since the epoch.
 * @param defaultArtifactLocation of the experiment 0, which MLflow's clients expect to exist.
 * @throws RequeenError store_corrupt for a file that is no MLflow database, store_read_only, store_unavailable, disk_full.
 */
export async function openDatabase(
  path: string,
  now: number,
  defaultArtifactLocation: string,
): Promise<{ db: Database; upgrade: Upgrade | undefined }> {
  const { DatabaseSync } = await import("node:sqlite");
  try {
    await mkdir(dirname(path), { recursive: true });
    // Every write looks for its parent row in its own transaction, so that the caller is told which one is missing; to have SQLite look
    // again for each of a batch's thousand rows costs an eighth of the batch.
    const connection = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: false });
    try {
      const upgrade = await prepareFile(connection, path, now, defaultArtifactLocation);
      return { db: wrap(connection, path), upgrade };
    } catch (error) {
      connection.close();
      throw error;
    }
  } catch (error) {
    throw storeError(error, path);
  }
}

async function prepareFile(
  connection: DatabaseSync,
  path: string,
  now: number,
  defaultArtifactLocation: string,
): Promise<Upgrade | undefined> {
  // Durability: kill -9 loses nothing; a power failure may lose the last writes but never a promotion, see `writeDurably`.
  // Metrics of many steps land all over their index, so each batch rewrites the same pages: a long write-ahead log (64 MiB) carries them
  // to the file once for many batches. With SQLite's 1,000 pages nearly every batch waited for the disk.
  connection.exec(
    `PRAGMA case_sensitive_like = ON; PRAGMA cache_size = -64000; PRAGMA temp_store = MEMORY; PRAGMA synchronous = NORMAL;
     PRAGMA wal_autocheckpoint = 16000; PRAGMA journal_size_limit = 67108864`,
  );
  await switchToWriteAheadLog(connection);
  let revision = readRevision(connection);
  if (revision === undefined) {
    await createTables(connection, path, now, defaultArtifactLocation);
    revision = readRevision(connection);
  }
  let upgrade: Upgrade | undefined;
  if (revision !== undefined && revision !== SCHEMA_REVISION) {
    const { isCurrent, upgradeOlderFile } = await import("./upgrade-file.ts");
    if (!isCurrent(connection)) upgrade = await upgradeOlderFile(connection, path, revision);
  }
  makeExtraIndexes(connection);
  return upgrade;
}

/** Makes what is missing of our indexes and removes those of earlier releases of ours. */
function makeExtraIndexes(connection: DatabaseSync): void {
  const wanted = new Set([...EXTRA_INDEXES.matchAll(/EXISTS (requeen_\w+)/g)].map(([, name]) => name));
  const found = connection
    .prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'requeen!_%' ESCAPE '!'")
    .all()
    .map((row) => String(row.name));
  const stale = found.filter((name) => !wanted.has(name));
  if (stale.length === 0 && found.length === wanted.size) return;
  connection.exec(
    `BEGIN IMMEDIATE; ${stale.map((name) => `DROP INDEX IF EXISTS "${name}";`).join(" ")} ${EXTRA_INDEXES} COMMIT;`,
  );
}

/** SQLite changes a file's journal only under a lock for which it does not wait, so this asks again for a while. */
async function switchToWriteAheadLog(connection: DatabaseSync): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      connection.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (attempt === JOURNAL_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, JOURNAL_PAUSE_MS));
    }
  }
}

/** @returns the alembic revision, or undefined for a file without MLflow's tables. */
export function readRevision(connection: DatabaseSync): string | undefined {
  const table = connection
    .prepare("SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'")
    .get();
  if (table === undefined) return undefined;
  const revision = connection.prepare("SELECT version_num FROM alembic_version").get()?.version_num;
  return typeof revision === "string" ? revision : undefined;
}

function isOtherDatabase(connection: DatabaseSync): boolean {
  return connection.prepare("SELECT 1 AS found FROM sqlite_master WHERE type = 'table' LIMIT 1").get() !== undefined;
}

async function createTables(connection: DatabaseSync, path: string, now: number, defaultArtifactLocation: string): Promise<void> {
  const { REST_OF_TABLES } = await import("./schema-rest.ts");
  connection.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have created them while this one waited for the lock.
    if (readRevision(connection) === undefined) {
      if (isOtherDatabase(connection)) {
        throw new RequeenError(
          "store_corrupt",
          `${path} holds tables, but not those of MLflow; give an empty folder or an MLflow file`,
        );
      }
      connection.exec(MAIN_TABLES + REST_OF_TABLES + EXTRA_INDEXES);
      connection.prepare("INSERT INTO alembic_version (version_num) VALUES (?)").run(SCHEMA_REVISION);
      connection
        .prepare(
          `INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time, workspace)
           VALUES (0, 'Default', ?, 'active', ?, ?, 'default')`,
        )
        .run(defaultArtifactLocation, now, now);
    }
    connection.exec("COMMIT");
  } catch (error) {
    connection.exec("ROLLBACK");
    throw error;
  }
}

function wrap(connection: DatabaseSync, path: string): Database {
  const statements = new Map<string, StatementSync>();
  let depth = 0;

  const prepare = (sql: string): StatementSync => {
    let statement = statements.get(sql);
    if (statement === undefined) {
      if (statements.size > 500) statements.clear();
      statement = connection.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
  const transact = <T>(begin: string, work: () => T): T => {
    if (depth > 0) return work();
    guarded(() => connection.exec(begin));
    depth += 1;
    try {
      const result = work();
      guarded(() => connection.exec("COMMIT"));
      return result;
    } catch (error) {
      if (connection.isTransaction) connection.exec("ROLLBACK");
      throw error;
    } finally {
      depth -= 1;
    }
  };
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw storeError(error, path);
    }
  };

  return {
    // The casts to Row are earned by the SELECT beside each call.
    all: <Row>(sql: string, ...values: readonly SqlValue[]) => guarded(() => prepare(sql).all(...values) as Row[]),
    get: <Row>(sql: string, ...values: readonly SqlValue[]) => guarded(() => prepare(sql).get(...values) as Row | undefined),
    run: (sql, ...values) => guarded(() => Number(prepare(sql).run(...values).changes)),
    write: (work) => transact("BEGIN IMMEDIATE", work),
    writeDurably: (work) => {
      if (depth > 0) return work();
      guarded(() => connection.exec("PRAGMA synchronous = FULL"));
      try {
        return transact("BEGIN IMMEDIATE", work);
      } finally {
        connection.exec("PRAGMA synchronous = NORMAL");
      }
    },
    read: (work) => transact("BEGIN", work),
    close: () => {
      statements.clear();
      if (connection.isOpen) connection.close();
    },
  };
}

/** Rows for a list of ids of any length: the query is run once for each part of the list. `sql` is given the placeholders. */
export function allIn<Row>(db: Database, ids: readonly SqlValue[], sql: (placeholders: string) => string): Row[] {
  if (ids.length <= LIST_LIMIT) return ids.length === 0 ? [] : db.all<Row>(sql(placeholders(ids.length)), ...ids);
  const rows: Row[] = [];
  for (let start = 0; start < ids.length; start += LIST_LIMIT) {
    const part = ids.slice(start, start + LIST_LIMIT);
    for (const row of db.all<Row>(sql(placeholders(part.length)), ...part)) rows.push(row);
  }
  return rows;
}

export const placeholders = (count: number): string => Array.from({ length: count }, () => "?").join(", ");

/** A 64-bit column as SQL that JavaScript reads exactly: text beyond 2^53. */
export const int64 = (column: string): string =>
  `CASE WHEN ${column} BETWEEN -9007199254740991 AND 9007199254740991 THEN ${column} ELSE CAST(${column} AS TEXT) END`;

declare global {
  interface JSON {
    /** ECMAScript "JSON.parse source text access"; Node has it, TypeScript's es2024 library does not name it yet. */
    rawJSON(text: string): object;
  }
}

/** What a column selected with `int64` holds. */
export type Int64Column = number | string | null;
/** The value for an answer: JSON's own digits where a number would lose some. */
export const jsonInt64 = (value: number | string): number | object => (typeof value === "string" ? JSON.rawJSON(value) : value);

/**
 * A double for an answer. A large whole one goes with its exponent: as bare digits a reader would take it for an integer, and JavaScript's
 * digits beyond 2^53 are not those of the number.
 */
export const jsonDouble = (value: number): number | object =>
  Math.abs(value) > Number.MAX_SAFE_INTEGER && Math.abs(value) < 1e21 ? JSON.rawJSON(value.toExponential()) : value;

/** SQLite's own failures by result code; anything else passes unchanged. */
export function storeError(error: unknown, path: string): unknown {
  const result =
    error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
  switch (result) {
    case 5: // SQLITE_BUSY
    case 6: // SQLITE_LOCKED
      return new RequeenError(
        "store_unavailable",
        `${path} is locked by another process for more than ${BUSY_TIMEOUT_MS} ms`,
        { path },
        { cause: error },
      );
    case 8: // SQLITE_READONLY
    case 14: // SQLITE_CANTOPEN
      return new RequeenError("store_read_only", `${path} cannot be opened for writing`, { path }, { cause: error });
    case 11: // SQLITE_CORRUPT
    case 26: // SQLITE_NOTADB
      return new RequeenError("store_corrupt", `${path} is damaged or no SQLite file`, { path }, { cause: error });
    case 13: // SQLITE_FULL
      return new RequeenError("disk_full", `${path} cannot grow`, { path }, { cause: error });
    default:
      return error;
  }
}

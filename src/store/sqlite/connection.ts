import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import { GroupCommit, type GroupLimits } from "./group-commit.ts";
import { translateSqliteError } from "./sqlite-errors.ts";

export type Row = Record<string, SQLOutputValue>;

/** Measured for POST /feedback: larger groups gain nothing, and the event loop would stand still for longer. */
const LIMITS: GroupLimits = { groupRows: 500, waitingRows: 20_000, busyTimeoutMs: 5_000 };

/** One connection to the file with its prepared statements. Errors of SQLite leave `read` and the writes as RequeenErrors. */
export class SqliteConnection {
  readonly database: DatabaseSync;
  readonly path: string;
  readonly #statements = new Map<string, StatementSync>();
  readonly #group: GroupCommit;
  readonly #limits: GroupLimits;

  constructor(database: DatabaseSync, path: string, limits: Partial<GroupLimits> = {}) {
    this.database = database;
    this.path = path;
    this.#limits = { ...LIMITS, ...limits };
    this.#group = new GroupCommit(this, this.#limits);
  }

  /** The prepared form of a statement; one per text and connection. */
  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.prepare(sql).run(...values).changes);
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.prepare(sql).get(...values);
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.prepare(sql).all(...values);
  }

  /** Runs reads. @throws RequeenError as translateSqliteError */
  read<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw translateSqliteError(error, this.path);
    }
  }

  /**
   * Runs `work` at once, in a transaction of its own that holds the write lock from its start: it is on disk whole when this returns, or
   * nothing of it is. The event loop stands still meanwhile, also while another process holds the lock.
   */
  write<T>(work: () => T): T {
    try {
      return this.#transaction(work);
    } catch (error) {
      throw translateSqliteError(error, this.path);
    }
  }

  /** As `write`, in a transaction that it shares with other calls of this turn of the event loop: for what many requests do at once; see GroupCommit. */
  writeTogether<T>(rows: number, work: () => T): Promise<T> {
    return this.#group.write(rows, work);
  }

  /**
   * As `write`, but on the disk only with the next durable write, which flushes all before it: for what means nothing without its process. The
   * death of the process loses nothing of it; a power cut, which ends every process of the file, may.
   */
  writeInOrder<T>(work: () => T): T {
    this.database.exec("PRAGMA synchronous = NORMAL");
    try {
      return this.write(work);
    } finally {
      if (this.database.isOpen) this.database.exec("PRAGMA synchronous = FULL");
    }
  }

  /** As `write`, but does not wait for another process's transaction. @throws what SQLite throws, as it is */
  transactionAtOnce<T>(work: () => T): T {
    this.prepare("PRAGMA busy_timeout = 0").get();
    try {
      return this.#transaction(work);
    } finally {
      if (this.database.isOpen) this.prepare(`PRAGMA busy_timeout = ${this.#limits.busyTimeoutMs}`).get();
    }
  }

  #transaction<T>(work: () => T): T {
    try {
      this.prepare("BEGIN IMMEDIATE").run();
      const result = work();
      this.prepare("COMMIT").run();
      return result;
    } catch (error) {
      if (this.database.isOpen && this.database.isTransaction) this.database.exec("ROLLBACK");
      throw error;
    }
  }

  /** Writes what waits, then closes. */
  close(): void {
    if (this.database.isOpen) this.#group.flush();
    this.#statements.clear();
    if (this.database.isOpen) this.database.close();
  }
}

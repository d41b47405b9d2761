import { RequeenError } from "../../core/errors.ts";
import type { SqliteConnection } from "./connection.ts";
import { isBusy, translateSqliteError } from "./sqlite-errors.ts";

export interface GroupLimits {
  /** Rows of one transaction, about: a call that begins below it is taken whole. The event loop stands still for that long. */
  readonly groupRows: number;
  /** Rows that may wait; beyond it a call is refused with `overloaded`, unless nothing waits at all. */
  readonly waitingRows: number;
  /** How long a group waits for another process's transaction, ms. */
  readonly busyTimeoutMs: number;
}

interface Call {
  readonly rows: number;
  readonly work: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** What became of one call in a transaction that is not yet committed. */
type Outcome = { readonly call: Call; readonly value: unknown } | { readonly call: Call; readonly error: unknown };

/** The error of one call that ended the transaction of all: a full disk, for example. */
class BrokenGroup extends Error {
  readonly call: Call;
  constructor(call: Call, cause: unknown) {
    super("a call ended the transaction of its group", { cause });
    this.call = call;
  }
}

const LONGEST_PAUSE_MS = 25;

/**
 * Group commit: calls of one turn of the event loop share a transaction, and so one wait for the disk. While that wait lasts, further
 * requests arrive; they are the next group. Each call stands in a savepoint of its own: one that fails is undone alone, and its
 * neighbours are stored. A promise resolves after the commit, never before.
 */
export class GroupCommit {
  readonly #connection: SqliteConnection;
  readonly #limits: GroupLimits;
  #waiting: Call[] = [];
  #waitingRows = 0;
  /** Set while a group is about to be written. */
  #scheduled: NodeJS.Immediate | NodeJS.Timeout | null = null;
  /** Since when another process's transaction is in the way, ms of `performance.now()`; null: it is not. */
  #busySince: number | null = null;
  #pauseMs = 1;

  constructor(connection: SqliteConnection, limits: GroupLimits) {
    this.#connection = connection;
    this.#limits = limits;
  }

  /**
   * Runs `work` in a transaction shared with other calls: on disk whole when the promise resolves, or nothing of it is. `work` may run
   * twice, when the group's transaction broke under another call.
   * @param rows about how many rows `work` writes.
   * @throws RequeenError overloaded; as translateSqliteError
   */
  write<T>(rows: number, work: () => T): Promise<T> {
    const { waitingRows } = this.#limits;
    if (this.#waiting.length > 0 && this.#waitingRows + rows > waitingRows)
      return Promise.reject(
        new RequeenError("overloaded", `${this.#waitingRows} rows wait to be written, and no more than ${waitingRows} may`, {
          waiting: this.#waitingRows,
          limit: waitingRows,
        }),
      );
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ rows, work, resolve, reject });
      this.#waitingRows += rows;
      this.#scheduled ??= setImmediate(() => this.#turn());
    });
  }

  /** Writes what waits, now; does not wait for another process. */
  flush(): void {
    while (this.#waiting.length > 0) this.#writeGroup(() => false);
  }

  #turn(): void {
    this.#scheduled = null;
    this.#writeGroup(() => this.#mayStillWait());
    if (this.#waiting.length > 0) this.#scheduled ??= setImmediate(() => this.#turn());
  }

  /** One transaction. @param mayWait whether the group may wait for another process's transaction; it is then tried again later. */
  #writeGroup(mayWait: () => boolean): void {
    const calls = this.#takeGroup();
    try {
      const outcomes = this.#connection.transactionAtOnce(() => calls.map((call) => this.#runOne(call)));
      this.#notBusy();
      for (const outcome of outcomes) {
        if ("error" in outcome) outcome.call.reject(translateSqliteError(outcome.error, this.#connection.path));
        else outcome.call.resolve(outcome.value as never); // the value of this call's own work
      }
    } catch (error) {
      if (error instanceof BrokenGroup) {
        error.call.reject(translateSqliteError(error.cause, this.#connection.path));
        this.#putBack(calls.filter((call) => call !== error.call));
      } else if (isBusy(error) && mayWait()) {
        this.#putBack(calls);
        this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
        this.#scheduled = setTimeout(() => this.#turn(), this.#pauseMs);
      } else {
        this.#notBusy();
        for (const { reject } of calls) reject(translateSqliteError(error, this.#connection.path));
      }
    }
  }

  #mayStillWait(): boolean {
    this.#busySince ??= performance.now();
    return performance.now() - this.#busySince < this.#limits.busyTimeoutMs;
  }

  #notBusy(): void {
    this.#busySince = null;
    this.#pauseMs = 1;
  }

  #takeGroup(): Call[] {
    let [count, rows] = [0, 0];
    for (; count < this.#waiting.length && (count === 0 || rows < this.#limits.groupRows); count += 1)
      rows += this.#waiting[count]?.rows ?? 0;
    this.#waitingRows -= rows;
    return this.#waiting.splice(0, count);
  }

  #putBack(calls: readonly Call[]): void {
    this.#waiting.unshift(...calls);
    for (const { rows } of calls) this.#waitingRows += rows;
  }

  /** @throws BrokenGroup */
  #runOne(call: Call): Outcome {
    const { database } = this.#connection;
    this.#connection.prepare("SAVEPOINT one_call").run();
    try {
      const value = call.work();
      this.#connection.prepare("RELEASE one_call").run();
      return { call, value };
    } catch (error) {
      if (!database.isTransaction) throw new BrokenGroup(call, error);
      database.exec("ROLLBACK TO one_call; RELEASE one_call");
      return { call, error };
    }
  }
}

import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync, DatabaseSyncOptions } from "node:sqlite";
import { RequeenError } from "../../core/errors.ts";
import type { MovableStore } from "../movable.ts";
import { auditMethods } from "./audit.ts";
import { openBulkWriter } from "./bulk-writer.ts";
import { SqliteConnection } from "./connection.ts";
import { feedbackMethods } from "./feedback.ts";
import { summaryMethods } from "./feedback-summary.ts";
import { labelMethods } from "./labels.ts";
import { migrate, SCHEMA_VERSION, schemaVersionOf } from "./migrations.ts";
import { moveMethods } from "./move.ts";
import { opinionMethods } from "./opinions.ts";
import { setPragmas, setWriterPragmas } from "./pragmas.ts";
import { recordMethods } from "./records.ts";
import { requestMethods } from "./requests.ts";
import { reviewMethods } from "./review.ts";
import { runMethods } from "./runs.ts";
import { translateSqliteError } from "./sqlite-errors.ts";
import { tokenMethods } from "./tokens.ts";

export interface SqliteOptions {
  /** Wall clock, ms. */
  readonly now: () => number;
  /** Opens an existing store for reading; every write is refused with store_read_only. */
  readonly readOnly?: boolean;
  /** How long a call waits for another process's transaction, ms. */
  readonly busyTimeoutMs?: number;
  /** How many rows may wait to be written; see GroupCommit. */
  readonly waitingRows?: number;
  /** The file does not grow beyond this; disk_full then, as with a full disk. */
  readonly maxSizeBytes?: number;
}

const READER_CACHE_KIB = 16 * 1024;

/**
 * Opens the store in one SQLite file (made, with its folder, when it is not there) and brings it to today's schema. ":memory:" is a store
 * that ends with the process. Several processes may have one file open.
 * @throws RequeenError store_corrupt, store_too_new, store_unavailable, store_read_only, disk_full; the file is then as it was.
 */
export async function openSqliteStore(path: string, options: SqliteOptions): Promise<MovableStore> {
  const sqlite = await import("node:sqlite"); // here and not above: Node 20 has none, and may still import this module
  const { now, readOnly = false, busyTimeoutMs = 5_000, maxSizeBytes, waitingRows = 20_000 } = options;
  const open = (settings: DatabaseSyncOptions): DatabaseSync =>
    new sqlite.DatabaseSync(path, { timeout: busyTimeoutMs, allowExtension: false, ...settings });
  const inMemory = path === ":memory:";

  let connection: SqliteConnection | null = null;
  try {
    if (!readOnly && !inMemory) mkdirSync(dirname(path), { recursive: true });
    if (readOnly && !inMemory && !existsSync(path))
      throw new RequeenError("store_unavailable", `there is no store at ${path}`, { path });
    connection = new SqliteConnection(open({ readOnly }), path, { busyTimeoutMs, waitingRows });
    prepareFile(connection, { readOnly, maxSizeBytes });
  } catch (error) {
    connection?.close();
    throw translateSqliteError(error, path);
  }

  const main = connection;
  const readers = new Set<SqliteConnection>();
  const openReader = (): { reader: SqliteConnection; release: () => void } => {
    if (inMemory) return { reader: main, release: () => undefined };
    const reader = main.read(() => new SqliteConnection(open({ readOnly: true }), path));
    readers.add(reader);
    reader.database.exec(`PRAGMA cache_size = -${READER_CACHE_KIB}`);
    const release = (): void => {
      readers.delete(reader);
      reader.close();
    };
    return { reader, release };
  };

  const [opinions, feedback] = [opinionMethods(main), feedbackMethods(main, now)];
  return {
    ...opinions,
    ...feedback,
    openBulkWriter() {
      if (inMemory || readOnly) return { ...opinions, ...feedback, [Symbol.asyncDispose]: async () => undefined };
      return openBulkWriter({ path, busyTimeoutMs, maxSizeBytes }, { ...opinions, ...feedback }, now);
    },
    ...labelMethods(main, openReader),
    ...runMethods(main),
    ...recordMethods(main),
    ...reviewMethods(main, now),
    ...moveMethods(main),
    ...auditMethods(main),
    ...tokenMethods(main),
    ...requestMethods(main),
    ...summaryMethods(main),
    async ping() {
      await main.writeTogether(1, () => main.run("DELETE FROM settings WHERE key = ''")); // no such row: takes the write path, changes nothing
    },
    async close() {
      for (const reader of readers) reader.close();
      readers.clear();
      main.read(() => main.close());
    },
  };
}

/** Looks before it writes: a file that is not ours, damaged or newer is refused before any pragma could change it. */
function prepareFile(
  connection: SqliteConnection,
  { readOnly, maxSizeBytes }: { readOnly: boolean; maxSizeBytes: number | undefined },
): void {
  const { database, path } = connection;
  const version = schemaVersionOf(connection);
  setPragmas(database);
  if (readOnly) {
    if (version === SCHEMA_VERSION) return;
    throw new RequeenError(
      "store_read_only",
      `the store ${path} has schema ${version} and must be brought to ${SCHEMA_VERSION} by a writer first`,
      {
        path,
        schema: version,
      },
    );
  }
  setWriterPragmas(database, maxSizeBytes);
  migrate(connection);
}

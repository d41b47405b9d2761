import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { RequeenError } from "../../core/errors.ts";
import { translateSqliteError } from "./sqlite-errors.ts";

const BUSY_TIMEOUT_MS = 30_000;

/**
 * Copies a SQLite file as it stands at one moment, in one read transaction: writers go on meanwhile. The copy has no log beside it and is on
 * disk when the promise resolves.
 * @throws RequeenError store_unavailable when there is no such file; store_corrupt; disk_full
 */
export async function snapshotSqlite(from: string, to: string): Promise<void> {
  const { DatabaseSync } = await import("node:sqlite");
  if (!existsSync(from)) throw new RequeenError("store_unavailable", `there is no file ${from} to copy`, { path: from });
  try {
    const database = new DatabaseSync(from, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
    try {
      database.prepare("VACUUM INTO ?").run(to);
    } finally {
      database.close();
    }
  } catch (error) {
    throw translateSqliteError(error, from);
  }
  await syncFile(to);
}

/** Folds the log of a closed file into it, so that one file is all there is of it. */
export async function settleSqlite(path: string): Promise<void> {
  const { DatabaseSync } = await import("node:sqlite");
  try {
    const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    try {
      database.exec("PRAGMA journal_mode = DELETE");
    } finally {
      database.close();
    }
  } catch (error) {
    throw translateSqliteError(error, path);
  }
  await syncFile(path);
}

/** What SQLite itself finds wrong with a file, one sentence each; nothing is written. */
export async function checkSqlite(path: string): Promise<string[]> {
  const { DatabaseSync } = await import("node:sqlite");
  try {
    const database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
    try {
      const rows = [
        ...database.prepare("PRAGMA integrity_check(20)").all(),
        ...database.prepare("PRAGMA foreign_key_check").all(),
      ];
      return rows
        .map((row) => String(Object.values(row).join(" ")))
        .filter((line) => line !== "ok")
        .map((line) => `${path}: ${line}`);
    } finally {
      database.close();
    }
  } catch (error) {
    const translated = translateSqliteError(error, path);
    if (translated instanceof RequeenError && translated.code === "store_corrupt") return [translated.message];
    throw translated;
  }
}

async function syncFile(path: string): Promise<void> {
  await using file = await open(path, "r+");
  await file.sync();
}

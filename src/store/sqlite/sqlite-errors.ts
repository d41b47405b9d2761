import { type ErrorCode, RequeenError } from "../../core/errors.ts";
import { translateFileError } from "../file-errors.ts";

/** Primary result codes of SQLite that a caller can act on. Source: https://www.sqlite.org/rescode.html */
const CODES: Readonly<Record<number, { code: ErrorCode; says: string }>> = {
  3: { code: "store_read_only", says: "may not be opened by this user" }, // PERM
  5: { code: "store_unavailable", says: "is locked by another process" }, // BUSY
  6: { code: "store_unavailable", says: "is locked by another connection" }, // LOCKED
  8: { code: "store_read_only", says: "cannot be written" }, // READONLY
  10: { code: "store_unavailable", says: "could not be read or written: input/output error" }, // IOERR
  11: { code: "store_corrupt", says: "is damaged" }, // CORRUPT
  13: { code: "disk_full", says: "cannot grow: the disk or the size limit is full" }, // FULL
  14: { code: "store_unavailable", says: "cannot be opened" }, // CANTOPEN
  26: { code: "store_corrupt", says: "is not a SQLite file" }, // NOTADB
};

/** An error of SQLite or of the file system as an error for callers; other errors (RequeenErrors, our bugs) come back as they are. */
export function translateSqliteError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof RequeenError || !("code" in error)) return error;
  if (error.code === "ERR_INVALID_STATE")
    return new RequeenError("store_unavailable", `the store ${path} is closed`, { path }, { cause: error });
  if (error.code !== "ERR_SQLITE_ERROR") return translateFileError(error, path);
  if (!("errcode" in error) || typeof error.errcode !== "number") return error;
  const known = CODES[error.errcode & 0xff];
  if (known === undefined) return error;
  const details = { path, sqlite: error.message, sqlite_code: error.errcode };
  return new RequeenError(known.code, `the store ${path} ${known.says} (SQLite: ${error.message})`, details, { cause: error });
}

/** Whether another process's transaction stood in the way. */
export const isBusy = (error: unknown): boolean =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number" && (error.errcode & 0xff) === 5;

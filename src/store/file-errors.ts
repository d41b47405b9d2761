import { type ErrorCode, RequeenError } from "../core/errors.ts";

const CODES: Readonly<Record<string, { code: ErrorCode; says: string }>> = {
  EACCES: { code: "store_read_only", says: "cannot be written by this user" },
  EPERM: { code: "store_read_only", says: "cannot be written by this user" },
  EROFS: { code: "store_read_only", says: "is on a file system that is mounted read-only" },
  ENOSPC: { code: "disk_full", says: "has no room left on its disk" },
  EDQUOT: { code: "disk_full", says: "has no room left in its quota" },
  EIO: { code: "store_unavailable", says: "could not be read or written: input/output error" },
  ENOTDIR: { code: "store_unavailable", says: "needs a folder where a file stands" },
};

/** An error of the file system as an error for callers; every other error comes back as it is. */
export function translateFileError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof RequeenError || !("code" in error) || typeof error.code !== "string")
    return error;
  const known = CODES[error.code];
  if (known === undefined) return error;
  return new RequeenError(known.code, `${path} ${known.says} (${error.code})`, { path, system: error.code }, { cause: error });
}

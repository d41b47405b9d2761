import { type ErrorCode, isRequeenError, RequeenError } from "../../core/errors.ts";
import type { Weight } from "./circuit-breaker.ts";

/** Server error codes that a caller can act on. Source: MongoDB server, base/error_codes.yml. */
const CODES: Readonly<Record<number, { code: ErrorCode; says: string }>> = {
  13: { code: "store_read_only", says: "does not allow this user to write or read here" }, // Unauthorized
  18: { code: "store_unavailable", says: "refused the user name or password" }, // AuthenticationFailed
  50: { code: "store_unavailable", says: "did not answer in time" }, // MaxTimeMSExpired
  64: { code: "store_unavailable", says: "could not make the write safe in time" }, // WriteConcernTimeout
  91: { code: "store_unavailable", says: "is shutting down" },
  189: { code: "store_unavailable", says: "changed its primary" },
  10107: { code: "store_unavailable", says: "has no primary" },
  11600: { code: "store_unavailable", says: "is shutting down" },
  11602: { code: "store_unavailable", says: "changed its primary" },
  13435: { code: "store_unavailable", says: "has no primary" },
  14031: { code: "disk_full", says: "has no room left on its disk" }, // OutOfDiskSpace
};

/** Names of the driver's errors that mean: the server is away, not that the call is wrong. Source: mongodb 7.9, lib/error.js, lib/cmap/errors.js. */
const AWAY = new Set([
  "MongoServerSelectionError",
  "MongoNetworkError",
  "MongoNetworkTimeoutError",
  "MongoNotConnectedError",
  "MongoTopologyClosedError",
  "MongoClientClosedError",
  "MongoServerClosedError",
  "MongoStalePrimaryError",
  "MongoPoolClosedError",
  "MongoPoolClearedError",
  "PoolClearedOnNetworkError", // its own name, without the prefix of the others
  "MongoWaitQueueTimeoutError",
  "MongoOperationTimeoutError",
  "MongoExpiredSessionError",
]);

/** An error of the driver as an error for callers; every other error comes back as it is. @param place hosts and database, no secrets. */
export function translateMongoError(error: unknown, place: string): unknown {
  if (!(error instanceof Error) || error instanceof RequeenError) return error;
  // an insertMany whose line broke: the driver wraps what happened
  if ("errorResponse" in error && error.errorResponse instanceof Error) {
    const inner = translateMongoError(error.errorResponse, place);
    return inner === error.errorResponse ? error : inner;
  }
  if (AWAY.has(error.name))
    return new RequeenError(
      "store_unavailable",
      `the MongoDB ${place} cannot be reached (${error.name})`,
      { place },
      { cause: error },
    );
  const known = "code" in error && typeof error.code === "number" ? CODES[error.code] : undefined;
  if (known === undefined) return error;
  return new RequeenError(known.code, `the MongoDB ${place} ${known.says}`, { place }, { cause: error });
}

/** Of the above, those that come only after a wait of seconds. */
const AFTER_A_WAIT = new Set(["MongoServerSelectionError", "MongoNetworkTimeoutError", "MongoOperationTimeoutError"]);
/** All connections of our pool are in use, or the client is closed: says nothing about the server. */
const OUR_OWN = new Set(["MongoWaitQueueTimeoutError", "MongoTopologyClosedError", "MongoClientClosedError"]);
const AUTHENTICATION_FAILED = 18;

/** What an error, as translateMongoError gives it, says about whether the server is there. */
export function weightOf(error: unknown): Weight {
  if (!isRequeenError(error, "store_unavailable")) return "answered";
  const { cause } = error;
  if (!(cause instanceof Error)) return "nothing"; // our own refusal
  if (OUR_OWN.has(cause.name)) return "nothing";
  if (AFTER_A_WAIT.has(cause.name)) return "waited";
  return "code" in cause && cause.code === AUTHENTICATION_FAILED ? "answered" : "moment";
}

/** The server's "another document has this key". */
const DUPLICATE_KEY = 11_000;

/**
 * Which documents of an insertMany were refused since another one has their key: indexes into its list.
 * Null when the error is another one, or not only that.
 */
export function duplicateIndexes(error: unknown): number[] | null {
  if (!(error instanceof Error) || !("writeErrors" in error)) return null;
  const failures = [error.writeErrors].flat() as { index: number; code: number }[]; // the driver's WriteError
  return failures.length > 0 && failures.every((failure) => failure.code === DUPLICATE_KEY)
    ? failures.map((failure) => failure.index)
    : null;
}

/** Whether the driver waited for a server that it can use, and saw none. */
export const foundNoServer = (error: unknown): boolean => error instanceof Error && error.name === "MongoServerSelectionError";

const WRITE_CONFLICT = 112;
/** A server older than the command; others of its kind say that they do not implement it. */
const UNKNOWN_COMMAND = new Set([59, 238]);

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);

/** Whether an insert within a transaction failed since another writer has, or is about to have, one of its keys. */
export const isTaken = (error: unknown): boolean => codeOf(error) === DUPLICATE_KEY || codeOf(error) === WRITE_CONFLICT;

export const isUnknownCommand = (error: unknown): boolean => UNKNOWN_COMMAND.has(Number(codeOf(error)));

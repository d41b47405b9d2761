import type { MongoConnection } from "./connection.ts";

/** What other programs change in place is told by nothing: counts are never older than this. */
const OLDEST_MS = 60_000;
const MOST_REMEMBERED = 200;

/**
 * Results that take every judgement of a specialist, remembered until one is added or marked, by whatever process: status, review summary and
 * events ask the same counts over and over. What the version costs: three documents by an index. Calls at the same time share one reading.
 * @param nowMs any clock that never goes back
 */
export function rememberUntilWritten(
  connection: MongoConnection,
  nowMs: () => number,
): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const known = new Map<string, { readonly version: string; readonly atMs: number; readonly result: Promise<unknown> }>();
  return async <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const version = await versionOf(connection);
    const found = known.get(key);
    // the key says what was asked, so the result is of its kind
    if (found !== undefined && found.version === version && nowMs() - found.atMs < OLDEST_MS) return found.result as Promise<T>;
    const result = work();
    known.delete(key);
    const [oldest] = known.keys();
    if (known.size >= MOST_REMEMBERED && oldest !== undefined) known.delete(oldest);
    const entry = { version, atMs: nowMs(), result };
    known.set(key, entry);
    result.catch(() => {
      if (known.get(key) === entry) known.delete(key);
    });
    return result;
  };
}

/** Our judgements are numbered in the order of commit; those of others have ids that grow; marks on either are counted. */
async function versionOf(connection: MongoConnection): Promise<string> {
  const newest = { sort: { _id: -1 }, limit: 1, projection: { _id: 1 } } as const;
  const [[ours], [theirs], marks] = await Promise.all([
    connection.find("feedback", { _id: { $gte: Number.MIN_SAFE_INTEGER } }, newest),
    connection.find("feedback", { _id: { $type: "objectId" } }, newest),
    connection.marks(),
  ]);
  return `${String(ours?._id)} ${String(theirs?._id)} ${marks}`;
}

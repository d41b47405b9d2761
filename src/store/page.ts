import { RequeenError } from "../core/errors.ts";
import type { Listed, Page } from "./store.ts";

export const MAX_PAGE = 10_000;

type KeyPart = string | number;

/** The place of an item in its list, as text that callers pass back unread: base64url of a JSON array. */
export const encodeCursor = (key: readonly KeyPart[]): string => Buffer.from(JSON.stringify(key)).toString("base64url");

/**
 * @param kinds types of the key's parts, in order.
 * @throws RequeenError bad_query when the text is not a cursor of this list.
 */
export function decodeCursor(cursor: string, kinds: readonly ("string" | "number")[]): KeyPart[] {
  const key = parsed(cursor);
  const fits = Array.isArray(key) && key.length === kinds.length && key.every((part, index) => typeof part === kinds[index]);
  if (!fits)
    throw new RequeenError("bad_query", `cursor must be the \`next\` of a page of the same list; got ${cursor.slice(0, 80)}`);
  return key;
}

function parsed(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    return null; // not JSON, so not one of ours: decodeCursor says so
  }
}

/** @throws RequeenError bad_parameter */
export function checkedLimit(page: Page): number {
  if (!Number.isInteger(page.limit) || page.limit < 1 || page.limit > MAX_PAGE)
    throw new RequeenError("bad_parameter", `limit of a page must be an integer in [1, ${MAX_PAGE}]; got ${page.limit}`);
  return page.limit;
}

/**
 * A page out of one row more than asked for: that row says that there is a next page.
 * @param rows at most limit + 1, in the list's order.
 */
export function pageOf<Row, T>(
  rows: readonly Row[],
  limit: number,
  read: (row: Row) => T,
  keyOf: (row: Row) => readonly KeyPart[],
): Listed<T> {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  return { items: kept.map(read), next: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null };
}

/** @throws RequeenError bad_parameter */
export function checkIdCount(opinionIds: readonly string[]): void {
  if (opinionIds.length > MAX_PAGE)
    throw new RequeenError("bad_parameter", `opinionIds must be at most ${MAX_PAGE}; got ${opinionIds.length}`);
}

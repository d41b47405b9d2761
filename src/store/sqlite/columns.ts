import type { SQLOutputValue } from "node:sqlite";
import { RequeenError } from "../../core/errors.ts";
import type { Opinion } from "../../core/opinion.ts";

/** Reading values of a row: each says what it wants, and a value of another kind means a damaged file. */

const damaged = (wanted: string, value: unknown): RequeenError =>
  new RequeenError("store_corrupt", `a stored value must be ${wanted}; got ${value === null ? "null" : typeof value}`);

export function text(value: SQLOutputValue | undefined): string {
  if (typeof value !== "string") throw damaged("text", value);
  return value;
}

export function number(value: SQLOutputValue | undefined): number {
  if (typeof value !== "number") throw damaged("a number", value);
  return value;
}

export function bytes(value: SQLOutputValue | undefined): Uint8Array {
  if (!(value instanceof Uint8Array)) throw damaged("bytes", value);
  return value;
}

export const textOrNull = (value: SQLOutputValue | undefined): string | null => (value === null ? null : text(value));
export const numberOrNull = (value: SQLOutputValue | undefined): number | null => (value === null ? null : number(value));
export const bytesOrNull = (value: SQLOutputValue | undefined): Uint8Array | null => (value === null ? null : bytes(value));

export const OPINION_STATES = ["judged", "no_champion", "external", "generated"] as const satisfies Opinion["state"][];

export function oneOf<T extends string>(allowed: readonly T[], value: SQLOutputValue | undefined): T {
  const found = allowed.find((name) => name === value);
  if (found === undefined) throw damaged(`one of ${allowed.join(", ")}`, value);
  return found;
}

/**
 * A stored JSON document. The type is trusted: the file's application id and schema version say that Requeen wrote it, and every document
 * was checked before it was written. Text that is not JSON means damage.
 */
export function document<T>(value: SQLOutputValue | undefined): T {
  try {
    return JSON.parse(text(value)) as T;
  } catch (cause) {
    throw new RequeenError("store_corrupt", "a stored document is not JSON", {}, { cause });
  }
}

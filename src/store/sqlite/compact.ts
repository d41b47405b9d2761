/**
 * Documents are stored without the members that have their usual empty value: half of an opinion is such members, and an import is as fast
 * as the bytes that it writes. `restore(compact(x)) = x`.
 */

type Usual = Readonly<Record<string, string | null | readonly never[] | Readonly<Record<string, never>>>>;

export function compact(document: Readonly<Record<string, unknown>>, usual: Usual): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const key in document) {
    const value = document[key];
    if (!isUsual(value, usual[key])) kept[key] = value;
  }
  return kept;
}

function isUsual(value: unknown, usual: Usual[string] | undefined): boolean {
  if (usual === undefined) return false;
  if (usual === null || typeof usual === "string") return value === usual;
  if (value === null || typeof value !== "object" || Array.isArray(value) !== Array.isArray(usual)) return false;
  for (const _ in value) return false;
  return true;
}

/** The members that `compact` left out; the containers are new ones, so that nobody changes another's. */
export function restore(stored: Record<string, unknown>, usual: Usual): Record<string, unknown> {
  for (const [key, value] of Object.entries(usual))
    if (!Object.hasOwn(stored, key))
      stored[key] = value === null || typeof value === "string" ? value : Array.isArray(value) ? [] : {};
  return stored;
}

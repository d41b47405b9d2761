/**
 * One text for one value: object keys sorted by UTF-16 code units, no spaces, numbers as ECMAScript prints them. Two equal values give the
 * same bytes, so a digest of the text names the value. Source: RFC 8785 (JSON Canonicalization Scheme).
 * A value that JSON cannot carry (NaN, Infinity, undefined in an array, a function, a bigint) is an error, never `null` by accident;
 * an object's undefined members are left out, as JSON.stringify does.
 * @throws TypeError naming the path of the value.
 */
export function canonicalJson(value: unknown, path = "$"): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`${path} must be a finite number; got ${value}`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((item, index) => canonicalJson(item, `${path}[${index}]`)).join(",")}]`;
  if (typeof value === "object" && isPlain(value)) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member, `${path}.${key}`)}`).join(",")}}`;
  }
  throw new TypeError(
    `${path} must be plain JSON data; got ${typeof value === "object" ? value.constructor.name : typeof value}`,
  );
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * How our documents stand in MongoDB: as the types of core/ say, with BSON dates where a name ends in `_at`, and with names that every
 * server takes. `fromBson(toBson(x)) = x` for all JSON data.
 */

/** MongoDB before 5.0 and its relatives refuse or misread these in a field's name. */
const UNSAFE = /[.$%\0]/;
const ESCAPES: Readonly<Record<string, string>> = { ".": "%2E", $: "%24", "%": "%25", "\0": "%00" };
/** The one name that an assignment would take for the object's prototype: readers of BSON lose it. */
const PROTOTYPE = "__proto__";
const ESCAPED_PROTOTYPE = "%5F_proto__";

function escapeName(name: string): string {
  if (name === PROTOTYPE) return ESCAPED_PROTOTYPE;
  return UNSAFE.test(name) ? name.replace(/[.$%\0]/g, (mark) => ESCAPES[mark] ?? mark) : name;
}

const unescapeName = (name: string): string =>
  name.includes("%")
    ? name.replace(/%(2E|24|25|00|5F)/g, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)))
    : name;

export function toBson(value: unknown, name = ""): unknown {
  if (typeof value === "number") return name.endsWith("_at") && isDate(value) ? new Date(value) : value;
  if (Array.isArray(value)) return value.map((item) => toBson(item));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([key, member]) => [escapeName(key), toBson(member, key)]));
}

/** `toBson` of an object. */
export function fieldsOf(record: object): Record<string, unknown> {
  return toBson(record) as Record<string, unknown>;
}

const isDate = (value: number): boolean => Number.isInteger(value) && Math.abs(value) <= 8.64e15 && !Object.is(value, -0);

export function fromBson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromBson);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return value.getTime();
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [unescapeName(key), fromBson(member)]));
}

/** A document that somebody else wrote, as JSON data: dates as ISO text, ids as hex, wide integers as numbers where they fit. */
export function toPlain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toPlain);
  if (typeof value === "bigint") return fittingNumber(String(value));
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if ("_bsontype" in value) return plainOfBsonType(value, String(value._bsontype));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toPlain(member)]));
}

function plainOfBsonType(value: object, type: string): unknown {
  if (type === "Long" || type === "Int32" || type === "Double" || type === "Decimal128") return fittingNumber(String(value));
  if (type === "Binary" && "toString" in value) return String(value);
  return String(value);
}

function fittingNumber(text: string): number | string {
  const number = Number(text);
  return Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number)) ? number : text;
}

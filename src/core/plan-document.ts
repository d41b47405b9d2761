/** The names that Avro's JSON form puts around the chosen branch of a union: `{"long": 5}` for 5. */
const AVRO_BRANCHES = new Set(["boolean", "int", "long", "float", "double", "bytes", "string", "map", "array"]);
/** MongoDB's extended JSON puts these around numbers. */
const MONGO_NUMBERS = new Set(["$numberInt", "$numberLong", "$numberDouble"]);

function onlyEntry(value: unknown): [string, unknown] | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const entries = Object.entries(value);
  return entries.length === 1 && entries[0] ? entries[0] : null;
}

/**
 * The value inside Avro's union form or MongoDB's number form; any other value as it is. A named branch (an enum, say
 * `{"org.example.ApprovalStatus": "PENDING"}`) is known by the dot in its name or its capital first letter. A map of one number, such as
 * `{"BUSINESS": 0.4}`, is a value, not a union.
 */
export function unwrapUnion(value: unknown): unknown {
  const entry = onlyEntry(value);
  if (!entry) return value;
  const [branch, inner] = entry;
  if (MONGO_NUMBERS.has(branch) && typeof inner === "string") return Number(inner);
  if (branch === "map" && typeof inner !== "object") return value;
  if (AVRO_BRANCHES.has(branch)) return inner;
  return typeof inner === "string" && /[.A-Z]/.test(branch) ? inner : value;
}

/** ISO 8601 in UTC from the forms in which the original writers stored a time: milliseconds, ISO with or without zone, `{"$date": ...}`. */
export function unwrapInstant(value: unknown): unknown {
  const entry = onlyEntry(value);
  const plain = unwrapUnion(entry?.[0] === "$date" ? entry[1] : value);
  if (typeof plain === "number" && Number.isFinite(plain) && Math.abs(plain) <= 8.64e15) return new Date(plain).toISOString();
  if (typeof plain !== "string") return plain;
  // Python's naive datetimes are UTC here, with up to six decimals and sometimes a space for the T.
  const text = /^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}/.test(plain) ? plain.replace(" ", "T") : plain;
  const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/.test(text) ? text : `${text}Z`;
  const ms = Date.parse(zoned);
  return Number.isNaN(ms) ? plain : new Date(ms).toISOString();
}

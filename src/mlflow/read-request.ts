import type { Field, Fields, Message } from "./message-fields.ts";
import { invalid, MlflowError } from "./protocol-error.ts";
import { pythonJson, pythonType } from "./python-text.ts";

const SEE_DOCS = "See the API docs for more information about request parameters.";

/** A value that does not fit its field. Parsing goes on to find out which error MLflow would name first. */
class Misfit {
  readonly path: string;
  readonly value: unknown;
  constructor(path: string, value: unknown) {
    this.path = path;
    this.value = value;
  }
}

/**
 * A message from a JSON object, as protobuf's JSON mapping reads it: snake_case or camelCase names, numbers as strings, enums by name or
 * number, "NaN" and "Infinity" for doubles, unknown fields ignored, null the same as absent.
 * When everything parses only required fields are checked, else the first misfit is named: MLflow's order.
 * @throws MlflowError INVALID_PARAMETER_VALUE
 */
export function readMessage<M extends Fields>(fields: M, json: Readonly<Record<string, unknown>>): Message<M> {
  const misfits: Misfit[] = [];
  const parsed = parseMessage(fields, json, misfits);
  for (const [name, field] of Object.entries(fields)) {
    const misfit = misfits.find((m) => m.path === name || m.path.startsWith(`${name}[`) || m.path.startsWith(`${name}.`));
    const raw = name === "run_id" ? (json.run_id ?? json.run_uuid) : json[name];
    if (field.required && (raw === undefined || raw === null || raw === "")) {
      // MLflow looks at the type of a required integer first, of anything else at its presence.
      if (raw === "" && (field.kind === "int64" || field.kind === "int32")) throw misfitError(name, raw);
      throw invalid(`Missing value for required parameter '${name}'. ${SEE_DOCS}`);
    }
    if (misfit !== undefined) {
      const empty = misfit.value === "" && /\]\.(key|value|timestamp)$/.test(misfit.path);
      throw empty ? missingAt(misfit.path) : misfitError(misfit.path, misfit.value);
    }
    const limit = field.atMost;
    const value = parsed[name];
    if (limit !== undefined && (typeof value === "number" || typeof value === "bigint") && value > limit)
      throw misfitError(name, raw);
  }
  if (fields.run_id !== undefined && parsed.run_id === undefined && typeof json.run_uuid === "string")
    parsed.run_id = json.run_uuid;
  // The cast is earned above: every field was parsed by its own description and required ones are there.
  return parsed as Message<M>;
}

export const misfitError = (path: string, value: unknown) =>
  invalid(
    `Invalid value ${pythonJson(value)} for parameter '${path}' supplied:  Hint: Value was of type '${pythonType(value)}'. ${SEE_DOCS}`,
  );

/** The same text as a field's missing value has at the top level, for a path inside a list. */
export const missingAt = (path: string) => invalid(`Missing value for required parameter '${path}'. ${SEE_DOCS}`);

interface NamedField {
  readonly name: string;
  readonly camelName: string;
  readonly field: Field;
}
const listings = new WeakMap<Fields, readonly NamedField[]>();

/** A message's fields with both their names, made once: a batch of metrics asks a thousand times. */
function listed(fields: Fields): readonly NamedField[] {
  const known = listings.get(fields);
  if (known !== undefined) return known;
  const made = Object.entries(fields).map(([name, field]) => ({
    name,
    camelName: name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    field,
  }));
  listings.set(fields, made);
  return made;
}

/** Paths are made for misfits alone: `within` puts them below the field or item where they were found. */
function within(misfits: Misfit[], from: number, prefix: string): void {
  for (let i = from; i < misfits.length; i += 1) {
    const { path, value } = misfits[i] as Misfit;
    misfits[i] = new Misfit(path === "" || path.startsWith("[") ? prefix + path : `${prefix}.${path}`, value);
  }
}

function parseMessage(fields: Fields, json: Readonly<Record<string, unknown>>, misfits: Misfit[]): Record<string, unknown> {
  const parsed: Record<string, unknown> = {};
  for (const { name, camelName, field } of listed(fields)) {
    const raw = json[name] ?? json[camelName];
    const before = misfits.length;
    if (field.many) {
      parsed[name] = parseList(field, raw, misfits);
    } else if (raw !== undefined && raw !== null) {
      parsed[name] = parseOne(field, raw, misfits);
    }
    if (misfits.length > before) within(misfits, before, name);
  }
  return parsed;
}

function parseList(field: Field, raw: unknown, misfits: Misfit[]): unknown[] {
  if (raw === undefined || raw === null) return [];
  if (!Array.isArray(raw)) {
    misfits.push(new Misfit("", raw));
    return [];
  }
  // A list of texts is named whole, as MLflow does; a list of messages by the item.
  const itemMisfits: Misfit[] = [];
  const items = raw.map((item, index) => {
    const before = itemMisfits.length;
    const value = parseOne(field, item, itemMisfits);
    if (itemMisfits.length > before) within(itemMisfits, before, `[${index}]`);
    return value;
  });
  if (itemMisfits.length > 0) misfits.push(...(field.kind === "message" ? itemMisfits : [new Misfit("", raw)]));
  return items;
}

function parseOne(field: Field, raw: unknown, misfits: Misfit[]): unknown {
  const value = field.kind === "message" ? readInner(field, raw, misfits) : parseScalar(field, raw);
  if (value === undefined) misfits.push(new Misfit("", raw));
  return value;
}

function readInner(field: Field, raw: unknown, misfits: Misfit[]): unknown {
  if (!isObject(raw) || field.fields === undefined) return undefined;
  return parseMessage(field.fields, raw, misfits);
}

function parseScalar(field: Field, raw: unknown): unknown {
  switch (field.kind) {
    case "string":
      return typeof raw === "string" ? raw : undefined;
    case "bool":
      return typeof raw === "boolean" ? raw : undefined;
    case "double":
      return parseDouble(raw);
    case "enum":
      return parseEnum(field, raw);
    case "map":
      return parseMap(raw);
    case "timestamp":
      return parseTimestamp(raw);
    case "duration":
      return parseDuration(raw);
    case "json":
      return raw;
    default:
      return parseInteger(raw, field.kind === "int32" ? 31n : 63n);
  }
}

function parseDouble(raw: unknown): number | undefined {
  if (typeof raw === "number") return raw;
  if (typeof raw === "bigint") return Number(raw);
  if (typeof raw !== "string") return undefined;
  if (raw === "NaN") return Number.NaN;
  if (raw === "Infinity") return Number.POSITIVE_INFINITY;
  if (raw === "-Infinity") return Number.NEGATIVE_INFINITY;
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(raw) ? Number(raw) : undefined;
}

function parseInteger(raw: unknown, bits: bigint): number | bigint | undefined {
  if (typeof raw === "number" && Number.isSafeInteger(raw) && (bits > 31n || raw === (raw | 0))) return raw + 0;
  let value: bigint;
  if (typeof raw === "bigint") value = raw;
  else if (typeof raw === "number" && Number.isInteger(raw)) value = BigInt(raw);
  else if (typeof raw === "string" && /^[+-]?\d+$/.test(raw)) value = BigInt(raw);
  else return undefined;
  if (value >= 1n << bits || value < -(1n << bits)) return undefined;
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

function parseEnum(field: Field, raw: unknown): string | undefined {
  const names = field.names ?? [];
  if (typeof raw === "string" && names.includes(raw)) return raw;
  const number = parseInteger(raw, 31n);
  return number === undefined ? undefined : names[Number(number) - (field.firstNumber ?? 0)];
}

function parseMap(raw: unknown): Record<string, string> | undefined {
  if (!isObject(raw)) return undefined;
  const entries = Object.entries(raw);
  // The cast is earned by the check beside it.
  return entries.every(([, value]) => typeof value === "string")
    ? (Object.fromEntries(entries) as Record<string, string>)
    : undefined;
}

function parseTimestamp(raw: unknown): number | undefined {
  if (typeof raw !== "string" || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(raw)) return undefined;
  const time = Date.parse(raw);
  return Number.isNaN(time) ? undefined : time;
}

function parseDuration(raw: unknown): number | undefined {
  const match = typeof raw === "string" ? /^(-?\d{1,12})(?:\.(\d{1,9}))?s$/.exec(raw) : null;
  if (match === null) return undefined;
  const fraction = Number((match[2] ?? "").padEnd(3, "0").slice(0, 3));
  const seconds = Number(match[1]);
  return seconds * 1000 + (match[1]?.startsWith("-") ? -fraction : fraction) + 0;
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The object that a GET's query stands for: repeated fields as lists, booleans from their words, the rest as text.
 * @throws MlflowError INVALID_PARAMETER_VALUE for a boolean that is neither word.
 */
export function queryObject(fields: Fields, query: ReadonlyArray<readonly [string, string]>): Record<string, unknown> {
  const json: Record<string, unknown> = {};
  for (const [name, value] of query) {
    const field = fields[name];
    if (field?.many) {
      const list = json[name];
      if (Array.isArray(list)) list.push(value);
      else json[name] = [value];
    } else if (json[name] === undefined) {
      json[name] = field?.kind === "bool" ? readBool(value) : value;
    }
  }
  return json;
}

function readBool(value: string): boolean {
  const word = value.toLowerCase();
  if (word !== "true" && word !== "false") throw invalid(`Invalid boolean value: ${value}, must be 'true' or 'false'.`);
  return word === "true";
}

/**
 * A request's JSON body. Old clients encode twice, so a string is decoded again; an unreadable or empty body counts as {}.
 * @throws MlflowError INVALID_PARAMETER_VALUE for the wrong content type on POST and PUT, BAD_REQUEST for JSON that is no object.
 */
export function readJsonBody(method: string, contentType: string | undefined, body: Uint8Array): Record<string, unknown> {
  if (method === "POST" || method === "PUT") checkContentType(contentType);
  let json = parseJson(new TextDecoder().decode(body));
  if (typeof json === "string") json = parseJson(json);
  if (json === undefined || json === null) return {};
  if (!isObject(json)) throw new MlflowError("BAD_REQUEST", "Bad Request. The request body must be a JSON object.");
  return json;
}

function checkContentType(contentType: string | undefined): void {
  if (contentType === undefined || contentType === "") throw invalid("Bad Request. Content-Type header is missing.");
  if (contentType.split(";")[0] !== "application/json")
    throw invalid("Bad Request. Content-Type must be one of ['application/json'].");
}

/**
 * JSON whose integers beyond 2^53 keep their digits, as bigints; the slower reader runs only where such a one may stand, not for the digits
 * of a fraction.
 * @throws SyntaxError
 */
export const parseExactJson = (source: string): unknown =>
  /(?<![\d.])\d{16}/.test(source) ? JSON.parse(source, keepBigIntegers) : JSON.parse(source);

function parseJson(source: string): unknown {
  if (source.trim() === "") return undefined;
  try {
    return parseExactJson(source);
  } catch {
    // MLflow reads a body that is no JSON as empty; required fields are then named as missing.
    return undefined;
  }
}

function keepBigIntegers(this: unknown, _key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

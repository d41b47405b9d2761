import { doubleOf, readFields, textOf, type WireField } from "./protobuf-reader.ts";
import { pythonDumpsPlain, pythonFloat } from "./python-text.ts";

/** A span as OpenTelemetry sends it. Values of attributes are JSON texts, as MLflow keeps them. */
export interface Span {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  /** Empty for a root. */
  readonly parentId: Uint8Array;
  readonly name: string;
  readonly startNano: bigint;
  readonly endNano: bigint;
  readonly status: "UNSET" | "OK" | "ERROR";
  readonly statusMessage: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly events: readonly SpanEvent[];
}

export interface SpanEvent {
  readonly name: string;
  readonly timeNano: bigint;
  /** JSON texts by name. */
  readonly attributes: Readonly<Record<string, string>>;
}

const STATUSES = ["UNSET", "OK", "ERROR"] as const;
/** Nested lists and maps of an attribute. */
const MAX_DEPTH = 32;

/**
 * The spans of an ExportTraceServiceRequest.
 * @throws RangeError for bytes that are none.
 */
export function readSpans(request: Uint8Array): Span[] {
  const spans: Span[] = [];
  for (const resource of fieldsOf(request, 1))
    for (const scope of fieldsOf(resource.bytes, 2))
      for (const span of fieldsOf(scope.bytes, 2)) spans.push(readSpan(span.bytes));
  return spans;
}

function* fieldsOf(message: Uint8Array, number: number): Generator<WireField> {
  for (const field of readFields(message)) if (field.number === number) yield field;
}

function readSpan(message: Uint8Array): Span {
  let traceId = new Uint8Array();
  let spanId = new Uint8Array();
  let parentId = new Uint8Array();
  let name = "";
  let startNano = 0n;
  let endNano = 0n;
  let status: Span["status"] = "UNSET";
  let statusMessage = "";
  const attributes = noAttributes();
  const events: SpanEvent[] = [];
  for (const { number, integer, bytes } of readFields(message)) {
    if (number === 1) traceId = new Uint8Array(bytes);
    else if (number === 2) spanId = new Uint8Array(bytes);
    else if (number === 4) parentId = new Uint8Array(bytes);
    else if (number === 5) name = textOf(bytes);
    else if (number === 7) startNano = integer;
    else if (number === 8) endNano = integer;
    else if (number === 9) readAttribute(bytes, attributes);
    else if (number === 11) events.push(readEvent(bytes));
    else if (number === 15) {
      for (const part of readFields(bytes)) {
        if (part.number === 2) statusMessage = textOf(part.bytes);
        else if (part.number === 3) status = STATUSES[Number(part.integer)] ?? "UNSET";
      }
    }
  }
  if (traceId.byteLength !== 16 || spanId.byteLength !== 8) throw new RangeError("a span without ids");
  return { traceId, spanId, parentId, name, startNano, endNano, status, statusMessage, attributes, events };
}

function readEvent(message: Uint8Array): SpanEvent {
  let name = "";
  let timeNano = 0n;
  const attributes = noAttributes();
  for (const { number, integer, bytes } of readFields(message)) {
    if (number === 1) timeNano = integer;
    else if (number === 2) name = textOf(bytes);
    else if (number === 3) readAttribute(bytes, attributes);
  }
  return { name, timeNano, attributes };
}

/** Without a prototype: a client may name an attribute "__proto__". */
const noAttributes = (): Record<string, string> => Object.create(null);

function readAttribute(message: Uint8Array, into: Record<string, string>): void {
  let key = "";
  let value = "null";
  for (const { number, bytes } of readFields(message)) {
    if (number === 1) key = textOf(bytes);
    else if (number === 2) value = attributeText(bytes);
  }
  into[key] = value;
}

/** MLflow's own exporter sends values as JSON already: a text that is a JSON object, list or text stays as it is. */
function attributeText(message: Uint8Array): string {
  for (const { number, bytes } of readFields(message)) {
    if (number !== 1) break;
    const text = textOf(bytes);
    return /^[{["]/.test(text) && isJson(text) ? text : pythonDumpsPlain(text);
  }
  return valueText(message, 0);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** An AnyValue as Python writes JSON. */
function valueText(message: Uint8Array, depth: number): string {
  if (depth > MAX_DEPTH) throw new RangeError(`an attribute nested deeper than ${MAX_DEPTH}`);
  let text = "null";
  for (const { number, integer, bytes } of readFields(message)) {
    if (number === 1) text = pythonDumpsPlain(textOf(bytes));
    else if (number === 2) text = integer === 0n ? "false" : "true";
    else if (number === 3) text = String(BigInt.asIntN(64, integer));
    else if (number === 4) text = doubleText(doubleOf(integer));
    else if (number === 5) text = `[${[...fieldsOf(bytes, 1)].map((item) => valueText(item.bytes, depth + 1)).join(", ")}]`;
    else if (number === 6) text = `{${[...fieldsOf(bytes, 1)].map((item) => pairText(item.bytes, depth + 1)).join(", ")}}`;
    else if (number === 7) text = pythonDumpsPlain(Buffer.from(bytes).toString("base64"));
  }
  return text;
}

/** JSON knows no NaN and no infinity: such a value is kept as its name. */
const doubleText = (value: number): string =>
  Number.isFinite(value) ? pythonFloat(value) : pythonDumpsPlain(pythonFloat(value));

function pairText(message: Uint8Array, depth: number): string {
  let key = "";
  let value = "null";
  for (const { number, bytes } of readFields(message)) {
    if (number === 1) key = textOf(bytes);
    else if (number === 2) value = valueText(bytes, depth);
  }
  return `${pythonDumpsPlain(key)}: ${value}`;
}

/** Writes protobuf's wire format, as far as OpenTelemetry's export requests need it. */

type Part = readonly number[];

const varint = (value: bigint): Part => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
};
const bytes = (field: number, content: Iterable<number>): Part => {
  const inner = [...content];
  return [...varint(BigInt(field * 8 + 2)), ...varint(BigInt(inner.length)), ...inner];
};
const text = (field: number, value: string): Part => bytes(field, Buffer.from(value));
const integer = (field: number, value: bigint): Part => [...varint(BigInt(field * 8)), ...varint(value)];
const fixed = (field: number, value: bigint): Part => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(value);
  return [...varint(BigInt(field * 8 + 1)), ...buffer];
};
const double = (field: number, value: number): Part => {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleLE(value);
  return [...varint(BigInt(field * 8 + 1)), ...buffer];
};

/** A text, a boolean, a whole number (bigint), a double (number), a list or a map. */
export type Value = string | boolean | bigint | number | readonly Value[] | { readonly [key: string]: Value };

// Array.isArray alone does not narrow a readonly list.
const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

const anyValue = (value: Value): Part => {
  if (typeof value === "string") return text(1, value);
  if (typeof value === "boolean") return integer(2, value ? 1n : 0n);
  if (typeof value === "bigint") return integer(3, value);
  if (typeof value === "number") return double(4, value);
  if (isList(value))
    return bytes(
      5,
      value.flatMap((item: Value) => bytes(1, anyValue(item))),
    );
  return bytes(
    6,
    Object.entries(value).flatMap(([key, inner]) => bytes(1, keyValue(key, inner))),
  );
};
const keyValue = (key: string, value: Value): Part => [...text(1, key), ...bytes(2, anyValue(value))];

export interface SpanToSend {
  /** 32 hexadecimal digits. */
  readonly trace: string;
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly parent?: string;
  readonly name?: string;
  readonly startNano?: bigint;
  readonly endNano?: bigint;
  /** 0 unset, 1 ok, 2 error. */
  readonly status?: number;
  readonly attributes?: Readonly<Record<string, Value>>;
  readonly event?: string;
}

/** An ExportTraceServiceRequest. */
export function exportRequest(...spans: readonly SpanToSend[]): Uint8Array {
  const parts = spans.flatMap((span) =>
    bytes(2, [
      ...bytes(1, Buffer.from(span.trace, "hex")),
      ...bytes(2, Buffer.from(span.id, "hex")),
      ...(span.parent === undefined ? [] : bytes(4, Buffer.from(span.parent, "hex"))),
      ...text(5, span.name ?? "span"),
      ...fixed(7, span.startNano ?? 1_735_689_600_000_000_000n),
      ...fixed(8, span.endNano ?? 1_735_689_601_500_000_000n),
      ...Object.entries(span.attributes ?? {}).flatMap(([key, value]) => bytes(9, keyValue(key, value))),
      ...(span.event === undefined ? [] : bytes(11, [...fixed(1, 1_735_689_600_000_000_007n), ...text(2, span.event)])),
      ...bytes(15, integer(3, BigInt(span.status ?? 1))),
    ]),
  );
  return Uint8Array.from(bytes(1, bytes(2, parts)));
}

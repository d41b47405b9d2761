import { refuse } from "./imported-trees.ts";

/** A field of a message: an integer of a varint, the bytes of a fixed number, or the bytes of what has a length. */
export type Field = { readonly field: number } & (
  | { readonly kind: "integer"; readonly value: number }
  | { readonly kind: "fixed32" | "fixed64" | "bytes"; readonly bytes: Uint8Array }
);

/**
 * The fields of a protocol buffers message, in their order. Source: protobuf.dev/programming-guides/encoding.
 * @throws bad_model for bytes that are no such message: a length beyond the end, a wire type that is not in use, field 0.
 */
export function* readMessage(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let low = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      low |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(BigInt.asIntN(64, low));
    }
    return refuse("the protocol buffers message ends inside a number");
  };
  const take = (length: number): Uint8Array => {
    if (length < 0 || at + length > bytes.length) refuse("a field of the protocol buffers message is longer than the message");
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = varint();
    const field = Math.floor(key / 8);
    if (field < 1) refuse("the protocol buffers message has a field without a number");
    const wire = key % 8;
    if (wire === 0) yield { field, kind: "integer", value: varint() };
    else if (wire === 1) yield { field, kind: "fixed64", bytes: take(8) };
    else if (wire === 2) yield { field, kind: "bytes", bytes: take(varint()) };
    else if (wire === 5) yield { field, kind: "fixed32", bytes: take(4) };
    else refuse(`the protocol buffers message has a field of wire type ${wire}`);
  }
}

/** A repeated integer: one field a number, or all in one. */
export function integersOf(field: Field): number[] {
  if (field.kind === "integer") return [field.value];
  if (field.kind !== "bytes") return refuse("a list of integers in the protocol buffers message has another type");
  // packed: the numbers alone, which is a message whose keys are left out
  const values: number[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of field.bytes) {
    value |= BigInt(byte & 127) << shift;
    shift += 7n;
    if (shift > 70n) refuse("a list of integers in the protocol buffers message holds a number of more than 64 bits");
    if (byte >= 128) continue;
    values.push(Number(BigInt.asIntN(64, value)));
    value = 0n;
    shift = 0n;
  }
  if (shift !== 0n) refuse("a list of integers in the protocol buffers message ends inside a number");
  return values;
}

/** A repeated float: one field a number, or all in one. */
export function floatsOf(field: Field): number[] {
  if (field.kind === "integer" || field.kind === "fixed64" || field.bytes.length % 4 !== 0)
    return refuse("a list of floats in the protocol buffers message has another type");
  const view = new DataView(field.bytes.buffer, field.bytes.byteOffset, field.bytes.length);
  return Array.from({ length: field.bytes.length / 4 }, (_, index) => view.getFloat32(index * 4, true));
}

/** A repeated double, as `floatsOf`. */
export function doublesOf(field: Field): number[] {
  if (field.kind === "integer" || field.kind === "fixed32" || field.bytes.length % 8 !== 0)
    return refuse("a list of doubles in the protocol buffers message has another type");
  const view = new DataView(field.bytes.buffer, field.bytes.byteOffset, field.bytes.length);
  return Array.from({ length: field.bytes.length / 8 }, (_, index) => view.getFloat64(index * 8, true));
}

export const textOf = (field: Field): string =>
  field.kind === "bytes"
    ? new TextDecoder().decode(field.bytes)
    : refuse("a text in the protocol buffers message has another type");

export const messageOf = (field: Field): Uint8Array =>
  field.kind === "bytes" ? field.bytes : refuse("a message in the protocol buffers message has another type");

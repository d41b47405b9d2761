import { RequeenError } from "../core/errors.ts";

/**
 * The bytes of a model file, little-endian:
 *   "RQMODEL1" | uint32 CRC-32 of all that follows | uint32 header length | header, UTF-8 JSON, padded with spaces to 8 | arrays, each padded to 8.
 * The header's `arrays` names each array with its element type and length; they stand in that order.
 */
const MAGIC = "RQMODEL1";
const PREFIX_BYTES = 16;

const TYPES = { float64: Float64Array, float32: Float32Array, int32: Int32Array, int16: Int16Array, uint8: Uint8Array } as const;
type TypeName = keyof typeof TYPES;
interface ArrayOfType {
  float64: Float64Array;
  float32: Float32Array;
  int32: Int32Array;
  int16: Int16Array;
  uint8: Uint8Array;
}
type ArrayOf<N extends TypeName> = ArrayOfType[N];
type AnyArray = ArrayOf<TypeName>;

/** Arrays by name, in the order of writing. */
export type NamedArrays = Record<string, AnyArray>;

/** Arrays of a read file: by name, with the element type and (where given) the length that the reader expects. */
export type ReadArrays = { readonly [N in TypeName]: (name: string, length?: number) => ArrayOf<N> };

function refuse(message: string): never {
  throw new RequeenError("bad_model", message);
}

const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** @param header JSON-safe; its keys keep their order, so the same header gives the same bytes. */
export function encodeBlob(header: object, arrays: NamedArrays): Uint8Array {
  const entries = Object.entries(arrays);
  const list = entries.map(([name, array]) => [name, typeNameOf(array), array.length]);
  const text = new TextEncoder().encode(JSON.stringify({ ...header, arrays: list }));
  const headerBytes = padded(text.length);
  const size = PREFIX_BYTES + headerBytes + entries.reduce((sum, [, array]) => sum + padded(array.byteLength), 0);
  const bytes = new Uint8Array(size);
  bytes.set(new TextEncoder().encode(MAGIC));
  bytes.fill(0x20, PREFIX_BYTES, PREFIX_BYTES + headerBytes);
  bytes.set(text, PREFIX_BYTES);
  let at = PREFIX_BYTES + headerBytes;
  for (const [, array] of entries) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += padded(array.byteLength);
  }
  const view = new DataView(bytes.buffer);
  view.setUint32(12, headerBytes, true);
  view.setUint32(8, crc32(bytes.subarray(12)), true);
  return bytes;
}

/** @throws bad_model when the bytes are not exactly such a file. */
export function decodeBlob(bytes: Uint8Array): { header: Record<string, unknown>; arrays: ReadArrays } {
  if (bytes.length < PREFIX_BYTES || new TextDecoder().decode(bytes.subarray(0, 8)) !== MAGIC)
    refuse(`the model file does not begin with ${MAGIC}`);
  // a copy, so that arrays lie aligned and later changes of `bytes` do not reach the model
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  if (view.getUint32(8, true) !== crc32(copy.subarray(12)))
    refuse("the model file is truncated or altered: its checksum differs");
  const headerBytes = view.getUint32(12, true);
  if (headerBytes % 8 !== 0 || PREFIX_BYTES + headerBytes > copy.length)
    refuse("the header of the model file is longer than the file");
  const header = parseHeader(copy.subarray(PREFIX_BYTES, PREFIX_BYTES + headerBytes));
  return { header, arrays: readerOf(findArrays(header.arrays, copy, PREFIX_BYTES + headerBytes)) };
}

function parseHeader(text: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch (cause) {
    throw new RequeenError("bad_model", "the header of the model file is not JSON", {}, { cause });
  }
  if (typeof header !== "object" || header === null || Array.isArray(header))
    return refuse("the header of the model file is not an object");
  return { ...header };
}

function findArrays(list: unknown, bytes: Uint8Array<ArrayBuffer>, start: number): Map<string, AnyArray> {
  if (!Array.isArray(list) || list.length > 64) return refuse("the header of the model file has no list of arrays");
  const found = new Map<string, AnyArray>();
  let at = start;
  for (const entry of list as unknown[]) {
    if (!Array.isArray(entry) || entry.length !== 3)
      return refuse("an entry of the model file's list of arrays is not [name, type, length]");
    const [name, type, length] = entry as unknown[];
    if (
      typeof name !== "string" ||
      typeof type !== "string" ||
      !isTypeName(type) ||
      typeof length !== "number" ||
      !Number.isInteger(length) ||
      length < 0
    ) {
      return refuse("an entry of the model file's list of arrays is not [name, type, length]");
    }
    const make = TYPES[type];
    if (at + length * make.BYTES_PER_ELEMENT > bytes.length)
      return refuse(`array ${name} of the model file is longer than the file`);
    if (found.has(name)) return refuse(`array ${name} of the model file occurs twice`);
    found.set(name, new make(bytes.buffer, at, length));
    at += padded(length * make.BYTES_PER_ELEMENT);
  }
  if (at !== bytes.length) refuse(`the model file has ${bytes.length - at} bytes more than its header names`);
  return found;
}

function readerOf(found: Map<string, AnyArray>): ReadArrays {
  const read =
    <N extends TypeName>(type: N) =>
    (name: string, length?: number): ArrayOf<N> => {
      const array = found.get(name);
      if (array === undefined || !(array instanceof TYPES[type]))
        return refuse(`the model file has no array ${name} of type ${type}`);
      if (length !== undefined && array.length !== length)
        refuse(`array ${name} of the model file must have ${length} numbers; got ${array.length}`);
      return array as ArrayOf<N>; // its constructor was checked above
    };
  return { float64: read("float64"), float32: read("float32"), int32: read("int32"), int16: read("int16"), uint8: read("uint8") };
}

const isTypeName = (name: string): name is TypeName => Object.hasOwn(TYPES, name);

function typeNameOf(array: AnyArray): TypeName {
  for (const name of Object.keys(TYPES)) if (isTypeName(name) && array instanceof TYPES[name]) return name;
  throw new Error(`a model array is of a type that the file form does not know: ${array.constructor.name}`);
}

/** Four tables of 256: the k-th says what a byte makes of the sum when k bytes follow it. */
const CRC_TABLE = new Uint32Array(4 * 256);
for (let index = 0; index < CRC_TABLE.length; index++) {
  let value = index < 256 ? index : CRC_TABLE[index - 256];
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  CRC_TABLE[index] = value;
}

/**
 * CRC-32 as in ISO 3309 (zip, PNG), four bytes a step: in a tenth of the time of one a step. Guards against accidents, not against an
 * attacker: the registry records SHA-256 for that. Source: Kounavis and Berry 2005, "slicing-by-4".
 */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  const whole = bytes.length - (bytes.length % 4);
  for (let at = 0; at < whole; at += 4) {
    crc ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    crc =
      CRC_TABLE[768 + (crc & 255)] ^
      CRC_TABLE[512 + ((crc >>> 8) & 255)] ^
      CRC_TABLE[256 + ((crc >>> 16) & 255)] ^
      CRC_TABLE[crc >>> 24];
  }
  for (let at = whole; at < bytes.length; at++) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ bytes[at]) & 255];
  return (crc ^ 0xffffffff) >>> 0;
}

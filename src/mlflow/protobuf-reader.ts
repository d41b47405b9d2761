/**
 * Reads protobuf's wire format: what OpenTelemetry exporters send. Only field numbers and wire types; what they mean is the caller's.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
export interface WireField {
  readonly number: number;
  /** Varints and fixed 64-bit numbers, unsigned; 0 for anything else. */
  readonly integer: bigint;
  /** Length-delimited contents; empty for anything else. Shares memory with the message. */
  readonly bytes: Uint8Array;
}

const EMPTY = new Uint8Array();
const MAX_VARINT_BYTES = 10;

/** Every field of a message, in order. @throws RangeError for bytes that are no message. */
export function* readFields(message: Uint8Array): Generator<WireField> {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let i = 0; i < MAX_VARINT_BYTES; i += 1) {
      const byte = view.getUint8(at);
      at += 1;
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return value;
    }
    throw new RangeError("a varint of more than ten bytes");
  };
  while (at < message.byteLength) {
    const tag = varint();
    const number = Number(tag >> 3n);
    if (number === 0) throw new RangeError("a field without a number");
    switch (Number(tag & 7n)) {
      case 0:
        yield { number, integer: varint(), bytes: EMPTY };
        break;
      case 1:
        yield { number, integer: view.getBigUint64(at, true), bytes: EMPTY };
        at += 8;
        break;
      case 2: {
        const length = Number(varint());
        if (length > message.byteLength - at) throw new RangeError("a field longer than its message");
        yield { number, integer: 0n, bytes: message.subarray(at, at + length) };
        at += length;
        break;
      }
      case 5:
        yield { number, integer: BigInt(view.getUint32(at, true)), bytes: EMPTY };
        at += 4;
        break;
      default:
        throw new RangeError(`a field of wire type ${tag & 7n}`);
    }
  }
}

const bits = new DataView(new ArrayBuffer(8));

/** The double whose bits a fixed 64-bit field holds. */
export function doubleOf(integer: bigint): number {
  bits.setBigUint64(0, integer);
  return bits.getFloat64(0);
}

const decoder = new TextDecoder();
export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes);

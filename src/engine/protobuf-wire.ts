/**
 * Writes the protocol buffers wire format, as much of it as ONNX needs. Source: protobuf.dev/programming-guides/encoding.
 * Fields are written in the order of the calls; the same calls give the same bytes.
 */
export class ProtobufWriter {
  private readonly parts: Uint8Array[] = [];
  private length = 0;

  /** An integer field (int32, int64, enum), 0 or greater, up to 2^53. */
  integer(field: number, value: number): this {
    return this.append(varint(field * 8)).append(varint(value));
  }

  /** A float field. */
  float(field: number, value: number): this {
    const bytes = new Uint8Array(5);
    bytes[0] = field * 8 + 5;
    new DataView(bytes.buffer).setFloat32(1, value, true);
    return this.append(bytes);
  }

  string(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  /** A repeated string field; each different text is encoded once. */
  strings(field: number, values: readonly string[]): this {
    const fields = new Map<string, Uint8Array>();
    const parts = values.map((value) => {
      const known = fields.get(value) ?? new ProtobufWriter().string(field, value).finish();
      fields.set(value, known);
      return known;
    });
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return this.append(bytes);
  }

  bytes(field: number, value: Uint8Array): this {
    return this.append(varint(field * 8 + 2))
      .append(varint(value.length))
      .append(value);
  }

  message(field: number, fill: (writer: ProtobufWriter) => void): this {
    const inner = new ProtobufWriter();
    fill(inner);
    return this.bytes(field, inner.finish());
  }

  /** A repeated integer field as ONNX declares it (not packed: proto2 readers take both, older ones only this). */
  integers(field: number, values: ArrayLike<number>): this {
    const bytes = new Uint8Array(values.length * 11);
    let at = 0;
    for (let i = 0; i < values.length; i++) at = putVarint(bytes, putVarint(bytes, at, field * 8), values[i]);
    return this.append(bytes.slice(0, at));
  }

  finish(): Uint8Array {
    const whole = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  private append(part: Uint8Array): this {
    this.parts.push(part);
    this.length += part.length;
    return this;
  }
}

function varint(value: number): Uint8Array {
  const bytes = new Uint8Array(10);
  return bytes.slice(0, putVarint(bytes, 0, value));
}

function putVarint(bytes: Uint8Array, start: number, value: number): number {
  let rest = value;
  let at = start;
  while (rest >= 128) {
    bytes[at++] = (rest % 128) + 128;
    rest = Math.floor(rest / 128);
  }
  bytes[at++] = rest;
  return at;
}

/**
 * Which outputs an ONNX file shows. `mlflow.onnx` answers a dictionary with one entry per output of the graph, so the file of a model
 * directory shows one: then the only entry is the matrix of probabilities, and a caller cannot pick the wrong one.
 */
import { RequeenError } from "../core/errors.ts";

/** Field numbers. Source: onnx.proto: ModelProto.graph, GraphProto.output, ValueInfoProto.name. */
const MODEL_GRAPH = 7;
const GRAPH_OUTPUT = 12;
const VALUE_NAME = 1;

/**
 * The same model with the named outputs alone, in the file's own order; its nodes and weights are not touched.
 * @throws RequeenError bad_model when the file is not ONNX or lacks an output.
 */
export function keepOnnxOutputs(onnx: Uint8Array, names: readonly string[]): Uint8Array {
  const kept = new Set<string>();
  const model = readFields(onnx).map((field) => {
    if (field.number !== MODEL_GRAPH || field.content === null) return field.whole;
    const graph = readFields(field.content).filter(({ number, content }) => {
      if (number !== GRAPH_OUTPUT || content === null) return true;
      const name = nameOf(content);
      if (!names.includes(name)) return false;
      kept.add(name);
      return true;
    });
    return lengthDelimited(MODEL_GRAPH, Buffer.concat(graph.map(({ whole }) => whole)));
  });
  for (const name of names) {
    if (!kept.has(name))
      throw new RequeenError("bad_model", `the ONNX file must have an output ${JSON.stringify(name)}; it has none`, { name });
  }
  return new Uint8Array(Buffer.concat(model));
}

interface Field {
  readonly number: number;
  /** Of a length-delimited field; null for numbers. */
  readonly content: Uint8Array | null;
  /** Key, length and content, as they stood. */
  readonly whole: Uint8Array;
}

/** One level of a protobuf message. */
function readFields(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const start = at;
    const [key, afterKey] = readVarint(bytes, at);
    const wireType = key & 7;
    let content: Uint8Array | null = null;
    if (wireType === 0) at = readVarint(bytes, afterKey)[1];
    else if (wireType === 1) at = afterKey + 8;
    else if (wireType === 5) at = afterKey + 4;
    else if (wireType === 2) {
      const [length, from] = readVarint(bytes, afterKey);
      at = from + length;
      content = bytes.subarray(from, at);
    } else throw notOnnx();
    if (at > bytes.length) throw notOnnx();
    fields.push({ number: key >>> 3, content, whole: bytes.subarray(start, at) });
  }
  return fields;
}

function readVarint(bytes: Uint8Array, at: number): [value: number, next: number] {
  let value = 0;
  for (let length = 0; length < 10; length++) {
    const byte = bytes[at + length];
    if (byte === undefined) throw notOnnx();
    value += (byte & 127) * 2 ** (7 * length);
    if (byte < 128) return [value, at + length + 1];
  }
  throw notOnnx();
}

function lengthDelimited(number: number, content: Uint8Array): Uint8Array {
  const head: number[] = [(number << 3) | 2];
  for (let length = content.length; ; length = Math.floor(length / 128)) {
    head.push(length < 128 ? length : (length % 128) | 128);
    if (length < 128) break;
  }
  return Buffer.concat([Uint8Array.from(head), content]);
}

function nameOf(valueInfo: Uint8Array): string {
  const name = readFields(valueInfo).find(({ number }) => number === VALUE_NAME)?.content;
  return new TextDecoder().decode(name ?? new Uint8Array());
}

const notOnnx = (): RequeenError =>
  new RequeenError("bad_model", "the ONNX file ends in the middle of a field or is not ONNX at all");

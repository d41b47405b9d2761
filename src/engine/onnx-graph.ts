import { ProtobufWriter } from "./protobuf-wire.ts";

/** Element types of ONNX tensors that are used here. Source: onnx.proto, TensorProto.DataType. */
export const ELEMENT = { float: 1, int64: 7, bool: 9, double: 11 } as const;
export type ElementType = keyof typeof ELEMENT;

/** Attribute kinds. Source: onnx.proto, AttributeProto.AttributeType. */
const ATTRIBUTE = { int: 2, string: 3, tensor: 4, ints: 7, strings: 8 } as const;

export interface Tensor {
  readonly type: "double" | "int64";
  readonly dims: readonly number[];
  readonly values: ArrayLike<number>;
}

export type Attribute =
  | { readonly int: number }
  | { readonly string: string }
  | { readonly tensor: Tensor }
  | { readonly ints: ArrayLike<number> }
  | { readonly strings: readonly string[] };

export interface Port {
  readonly name: string;
  readonly type: ElementType;
  /** A number, or the name of a size that is free. */
  readonly dims: readonly (number | string)[];
}

/** Collects the nodes of an ONNX graph; `node` names and returns each output, so that a graph reads as a calculation. */
export class OnnxGraph {
  private readonly nodes: ProtobufWriter[] = [];
  private readonly tensors: { name: string; tensor: Tensor }[] = [];

  /** Adds a node with one output and returns the output's name. @param output its name; absent = numbered. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute> = {},
    domain = "",
    output?: string,
  ): string {
    const name = output ?? `${operator}_${this.nodes.length}`;
    const writer = new ProtobufWriter();
    for (const input of inputs) writer.string(1, input);
    writer.string(2, name).string(3, name).string(4, operator);
    for (const [key, attribute] of Object.entries(attributes))
      writer.message(5, (inner) => writeAttribute(inner, key, attribute));
    if (domain !== "") writer.string(7, domain);
    this.nodes.push(writer);
    return name;
  }

  /** Adds a constant and returns its name. */
  constant(tensor: Tensor): string {
    const name = `constant_${this.tensors.length}`;
    this.tensors.push({ name, tensor });
    return name;
  }

  /** A constant of double numbers. @param dims absent = a scalar. */
  double(values: number | ArrayLike<number>, dims: readonly number[] = []): string {
    return this.constant({ type: "double", dims, values: typeof values === "number" ? [values] : values });
  }

  /** The finished model file. @param metadata is kept in the model's metadata_props. */
  finish(inputs: readonly Port[], outputs: readonly Port[], metadata: Readonly<Record<string, string>>): Uint8Array {
    const graph = new ProtobufWriter();
    for (const node of this.nodes) graph.bytes(1, node.finish());
    graph.string(2, "requeen");
    for (const { name, tensor } of this.tensors) graph.message(5, (inner) => writeTensor(inner, tensor, name));
    for (const port of inputs) graph.message(11, (inner) => writePort(inner, port));
    for (const port of outputs) graph.message(12, (inner) => writePort(inner, port));
    const model = new ProtobufWriter().integer(1, IR_VERSION).string(2, "requeen");
    model.bytes(7, graph.finish());
    for (const { domain, version } of OPSETS) model.message(8, (opset) => opset.string(1, domain).integer(2, version));
    for (const [key, value] of Object.entries(metadata)) model.message(14, (entry) => entry.string(1, key).string(2, value));
    return model.finish();
  }
}

/** Old enough for runtimes of 2022, new enough for double thresholds (ai.onnx.ml 3). */
const IR_VERSION = 8;
export const OPSETS = [
  { domain: "", version: 15 },
  { domain: "ai.onnx.ml", version: 3 },
] as const;

function writeAttribute(writer: ProtobufWriter, name: string, attribute: Attribute): void {
  writer.string(1, name);
  if ("int" in attribute) writer.integer(3, attribute.int).integer(20, ATTRIBUTE.int);
  else if ("string" in attribute) writer.string(4, attribute.string).integer(20, ATTRIBUTE.string);
  else if ("tensor" in attribute)
    writer.message(5, (inner) => writeTensor(inner, attribute.tensor, "")).integer(20, ATTRIBUTE.tensor);
  else if ("ints" in attribute) writer.integers(8, attribute.ints).integer(20, ATTRIBUTE.ints);
  else writer.strings(9, attribute.strings).integer(20, ATTRIBUTE.strings);
}

function writeTensor(writer: ProtobufWriter, tensor: Tensor, name: string): void {
  const { type, dims, values } = tensor;
  writer.integers(1, dims).integer(2, ELEMENT[type]);
  if (name !== "") writer.string(8, name);
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) {
    if (type === "double") view.setFloat64(i * 8, values[i], true);
    else view.setBigInt64(i * 8, BigInt(values[i]), true);
  }
  writer.bytes(9, bytes);
}

function writePort(writer: ProtobufWriter, { name, type, dims }: Port): void {
  writer.string(1, name).message(2, (typeProto) =>
    typeProto.message(1, (tensorType) =>
      tensorType.integer(1, ELEMENT[type]).message(2, (shape) => {
        for (const dim of dims)
          shape.message(1, (inner) => (typeof dim === "number" ? inner.integer(1, dim) : inner.string(2, dim)));
      }),
    ),
  );
}

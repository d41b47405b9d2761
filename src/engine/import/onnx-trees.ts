import {
  belowFloat32,
  checkCategories,
  type ForeignEnsemble,
  type ForeignNode,
  type ForeignTree,
  floorFloat32,
  refuse,
} from "./imported-trees.ts";
import { doublesOf, type Field, floatsOf, integersOf, messageOf, readMessage, textOf } from "./protobuf-reader.ts";

/** Attribute of a node by what it holds; numbers in `numbers`, texts in `texts`. */
interface Attribute {
  readonly numbers: readonly number[];
  readonly texts: readonly string[];
}
interface OnnxNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** What may stand around the trees without changing a probability; a product too whose factor is 1, which onnxmltools writes for ZipMap. */
const HARMLESS = ["Cast", "Identity", "ZipMap", "TreeEnsembleClassifier"];

/**
 * Reads an ONNX model of one TreeEnsembleClassifier (ai.onnx.ml 1 to 4), as skl2onnx and onnxmltools write it for random forests, extra
 * trees, gradient boosting, LightGBM (with categories: chains of BRANCH_EQ) and XGBoost. Source: onnx.proto; docs/Operators-ml.md of ONNX.
 * @throws bad_model for a graph that computes anything else, or a broken file.
 */
export function readOnnxTrees(bytes: Uint8Array): ForeignEnsemble {
  const { nodes, ones, producer } = readGraph(bytes);
  const other = nodes.find(
    ({ operator, inputs }) => !HARMLESS.includes(operator) && !(operator === "Mul" && inputs.some((name) => ones.includes(name))),
  );
  const [ensemble, second] = nodes.filter(({ operator }) => operator === "TreeEnsembleClassifier");
  if (producer === "requeen")
    refuse("this ONNX file was written by Requeen; import its requeen.json's model, which holds the calibrator too");
  if (ensemble === undefined || second !== undefined || other !== undefined)
    return refuse(
      `the ONNX graph must be one TreeEnsembleClassifier with nothing but ${HARMLESS.slice(0, 3).join(", ")} around it; it has ${[...new Set(nodes.map(({ operator }) => operator))].join(", ")}`,
    );
  const numbersOf = (name: string): readonly number[] => ensemble.attributes.get(name)?.numbers ?? [];
  const textsOf = (name: string): readonly string[] => ensemble.attributes.get(name)?.texts ?? [];
  const names = textsOf("classlabels_strings");
  const labels = numbersOf("classlabels_int64s");
  if (names.length === 0 && labels.some((label, index) => label !== index))
    refuse(`classlabels_int64s of the ONNX model must be 0, 1, ...; got ${labels.slice(0, 10).join(", ")}`);
  const classCount = names.length > 0 ? names.length : labels.length;
  const leaves = readLeaves(numbersOf);
  const trees = readTrees(numbersOf, textsOf("nodes_modes"), leaves);
  const featureCount = readFeatureCount(bytes, 1 + numbersOf("nodes_featureids").reduce((most, id) => Math.max(most, id), 0));
  const about = { writer: `ONNX (${producer || "unnamed"})`, featureCount, classCount, featureNames: null };
  const classNames = names.length > 0 ? names : null;
  const transform = textsOf("post_transform")[0] ?? "NONE";
  const base = numbersOf("base_values").length > 0 ? numbersOf("base_values") : numbersOf("base_values_as_tensor");
  const scored = new Set(numbersOf("class_ids"));
  const single = classCount === 2 && scored.size === 1;
  if (transform === "NONE" && base.length === 0)
    return { ...about, kind: "forest", classNames, baseline: null, trees: shares(trees, classCount, single) };
  if (transform === "LOGISTIC" && single) {
    const onlyClass = trees.map((tree) => onOutput(tree, ({ values }) => [...values.values()][0] ?? 0, 0));
    return { ...about, kind: "boosting", classNames, baseline: [base[base.length - 1] ?? 0], trees: onlyClass };
  }
  if (transform === "SOFTMAX" && classCount === 2) {
    const differences = trees.map((tree) => onOutput(tree, ({ values }) => (values.get(1) ?? 0) - (values.get(0) ?? 0), 0));
    return { ...about, kind: "boosting", classNames, baseline: [(base[1] ?? 0) - (base[0] ?? 0)], trees: differences };
  }
  if (transform === "SOFTMAX" && classCount > 2) {
    const baseline = Array.from({ length: classCount }, (_, k) => base[k] ?? 0);
    return { ...about, kind: "boosting", classNames, baseline, trees: trees.map(ofOneClass) };
  }
  return refuse(
    `trees with post_transform ${transform} for ${classCount} classes and ${base.length} base values cannot be imported`,
  );
}

/** @returns `ones`: names of the constants that are nothing but 1. */
function readGraph(bytes: Uint8Array): { nodes: OnnxNode[]; ones: string[]; producer: string } {
  let producer = "";
  const nodes: OnnxNode[] = [];
  const ones: string[] = [];
  for (const field of readMessage(bytes)) {
    if (field.field === 2) producer = textOf(field);
    if (field.field !== 7) continue;
    for (const part of readMessage(messageOf(field))) {
      if (part.field === 1) nodes.push(readNode(messageOf(part)));
      if (part.field === 5) {
        const { name, isNumbers, values } = readTensor(messageOf(part));
        if (isNumbers && values.length > 0 && values.every((value) => value === 1)) ones.push(name);
      }
    }
  }
  return { nodes, ones, producer };
}

function readNode(bytes: Uint8Array): OnnxNode {
  let operator = "";
  const inputs: string[] = [];
  const attributes = new Map<string, Attribute>();
  for (const field of readMessage(bytes)) {
    if (field.field === 1) inputs.push(textOf(field));
    if (field.field === 4) operator = textOf(field);
    if (field.field === 5) {
      const { name, ...attribute } = readAttribute(messageOf(field));
      attributes.set(name, attribute);
    }
  }
  return { operator, inputs, attributes };
}

function readAttribute(bytes: Uint8Array): Attribute & { readonly name: string } {
  let name = "";
  const numbers: number[] = [];
  const texts: string[] = [];
  for (const field of readMessage(bytes)) {
    if (field.field === 1) name = textOf(field);
    else if (field.field === 2 || field.field === 7) pushAll(numbers, floatsOf(field));
    else if (field.field === 3 || field.field === 8) pushAll(numbers, integersOf(field));
    else if (field.field === 4 || field.field === 9) texts.push(textOf(field));
    else if (field.field === 5) pushAll(numbers, numbersOfTensor(messageOf(field)));
  }
  return { name, numbers, texts };
}

function pushAll(into: number[], values: readonly number[]): void {
  for (const value of values) into.push(value);
}

/** The numbers of a tensor that must be one of floats or doubles. */
function numbersOfTensor(bytes: Uint8Array): readonly number[] {
  const { type, isNumbers, values } = readTensor(bytes);
  if (!isNumbers) refuse(`a tensor attribute of the ONNX trees must be float or double; got type ${type}`);
  return values;
}

/** @returns `values` of a float or double tensor; of another none. */
function readTensor(bytes: Uint8Array) {
  let type = 0;
  let name = "";
  let raw: Field | undefined;
  const values: number[] = [];
  for (const field of readMessage(bytes)) {
    if (field.field === 2 && field.kind === "integer") type = field.value;
    else if (field.field === 4) pushAll(values, floatsOf(field));
    else if (field.field === 8) name = textOf(field);
    else if (field.field === 10) pushAll(values, doublesOf(field));
    else if (field.field === 9) raw = field;
  }
  const isNumbers = type === 1 || type === 11;
  if (raw !== undefined && isNumbers) pushAll(values, type === 1 ? floatsOf(raw) : doublesOf(raw));
  return { type, name, isNumbers, values };
}

/** The second size of the graph's first input; where it is free, what the trees ask for. */
function readFeatureCount(bytes: Uint8Array, asked: number): number {
  const inside = (within: Uint8Array | undefined, wanted: number, index = 0): Uint8Array | undefined => {
    if (within === undefined) return undefined;
    const found = [...readMessage(within)].filter(({ field }) => field === wanted)[index];
    return found === undefined ? undefined : messageOf(found);
  };
  // ModelProto.graph, GraphProto.input, ValueInfoProto.type, TypeProto.tensor_type, .shape, second .dim
  const dimension = inside(inside(inside(inside(inside(inside(bytes, 7), 11), 2), 1), 2), 1, 1);
  if (dimension === undefined) return asked;
  for (const field of readMessage(dimension)) if (field.field === 1 && field.kind === "integer") return field.value;
  return asked;
}

/** What each leaf says, by class: keyed by tree and node. */
type Leaves = ReadonlyMap<string, ReadonlyMap<number, number>>;

function readLeaves(numbersOf: (name: string) => readonly number[]): Leaves {
  const [trees, nodes, classes] = [numbersOf("class_treeids"), numbersOf("class_nodeids"), numbersOf("class_ids")];
  const given = numbersOf("class_weights");
  const weights = given.length > 0 ? given : numbersOf("class_weights_as_tensor");
  if (nodes.length !== trees.length || classes.length !== trees.length || weights.length !== trees.length)
    refuse("class_treeids, class_nodeids, class_ids and class_weights of the ONNX model must have equal lengths");
  const leaves = new Map<string, Map<number, number>>();
  trees.forEach((tree, index) => {
    const key = `${tree}/${nodes[index]}`;
    const leaf = leaves.get(key) ?? new Map<number, number>();
    const label = classes[index] ?? 0;
    leaf.set(label, (leaf.get(label) ?? 0) + (weights[index] ?? Number.NaN));
    leaves.set(key, leaf);
  });
  return leaves;
}

type RawNode =
  | (ForeignNode & { readonly kind: "split" | "categories" })
  | { readonly kind: "leaf"; readonly values: ReadonlyMap<number, number>; readonly cover: null };

function readTrees(numbersOf: (name: string) => readonly number[], modes: readonly string[], leaves: Leaves): RawNode[][] {
  const [treeIds, nodeIds, features] = [numbersOf("nodes_treeids"), numbersOf("nodes_nodeids"), numbersOf("nodes_featureids")];
  const given = numbersOf("nodes_values");
  const limits = given.length > 0 ? given : numbersOf("nodes_values_as_tensor");
  const [whenTrue, whenFalse] = [numbersOf("nodes_truenodeids"), numbersOf("nodes_falsenodeids")];
  const tracks = numbersOf("nodes_missing_value_tracks_true");
  const lengths = [nodeIds, features, limits, whenTrue, whenFalse, modes].map(({ length }) => length);
  if (lengths.some((length) => length !== treeIds.length))
    refuse(`the nodes_ lists of the ONNX model must have equal lengths; got ${[treeIds.length, ...lengths].join(", ")}`);
  const places = new Map<string, number>();
  const members = new Map<number, number[]>();
  treeIds.forEach((tree, index) => {
    const own = members.get(tree) ?? [];
    places.set(`${tree}/${nodeIds[index]}`, own.length);
    own.push(index);
    members.set(tree, own);
  });
  const readOne = (tree: number, index: number): RawNode => {
    const mode = modes[index];
    if (mode === "LEAF") return { kind: "leaf", values: leaves.get(`${tree}/${nodeIds[index]}`) ?? new Map(), cover: null };
    const child = (id: number | undefined): number => places.get(`${tree}/${id}`) ?? -1;
    const limit = limits[index] ?? Number.NaN;
    const [whereTrue, whereFalse] = [child(whenTrue[index]), child(whenFalse[index])];
    if (mode === "BRANCH_EQ" || mode === "BRANCH_NEQ")
      return {
        kind: "categories",
        feature: features[index] ?? -1,
        categories: checkCategories([limit], "ONNX"),
        // a value that is missing differs from every number
        missingLeft: mode === "BRANCH_EQ" && tracks[index] === 1,
        left: mode === "BRANCH_EQ" ? whereTrue : whereFalse,
        right: mode === "BRANCH_EQ" ? whereFalse : whereTrue,
        cover: null,
      };
    if (mode !== "BRANCH_LEQ" && mode !== "BRANCH_LT" && mode !== "BRANCH_GT" && mode !== "BRANCH_GTE")
      return refuse(
        `a node of the ONNX trees has mode ${mode}; only BRANCH_LEQ, BRANCH_LT, BRANCH_GT, BRANCH_GTE, BRANCH_EQ, BRANCH_NEQ and LEAF can be imported`,
      );
    const upper = mode === "BRANCH_GT" || mode === "BRANCH_GTE";
    const missingTrue = tracks[index] === 1;
    return {
      kind: "split",
      feature: features[index] ?? -1,
      threshold: mode === "BRANCH_LEQ" || mode === "BRANCH_GT" ? floorFloat32(limit) : belowFloat32(limit),
      missingLeft: missingTrue !== upper,
      left: upper ? whereFalse : whereTrue,
      right: upper ? whereTrue : whereFalse,
      cover: null,
    };
  };
  return [...members].map(([tree, own]) => joinChains(own.map((index) => readOne(tree, index))));
}

/** Joins questions for one category each, whose answer is the same node, to one question: ONNX has no other way to ask for several. */
function joinChains(nodes: readonly RawNode[]): RawNode[] {
  const joined = [...nodes];
  const seen = new Set<number>();
  const open = [0];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    const node = nodes[index];
    if (node === undefined || node.kind === "leaf" || seen.has(index)) continue;
    seen.add(index);
    let [right, missingLeft] = [node.right, node.missingLeft];
    if (node.kind === "categories") {
      const categories = [...node.categories];
      for (let next = nodes[right]; next?.kind === "categories" && !seen.has(right); next = nodes[right]) {
        if (next.feature !== node.feature || next.left !== node.left) break;
        seen.add(right);
        pushAll(categories, next.categories);
        missingLeft ||= next.missingLeft;
        right = next.right;
      }
      joined[index] = { ...node, categories, missingLeft, right };
    }
    open.push(node.left, right);
  }
  return joined;
}

function onOutput(
  nodes: readonly RawNode[],
  say: (leaf: RawNode & { readonly kind: "leaf" }) => number,
  output: number,
): ForeignTree {
  return {
    nodes: nodes.map((node) => (node.kind === "leaf" ? { kind: "leaf", values: [say(node)], cover: null } : node)),
    output,
  };
}

/** A tree whose leaves all speak of one class. */
function ofOneClass(nodes: readonly RawNode[]): ForeignTree {
  const classes = new Set(nodes.flatMap((node) => (node.kind === "leaf" ? [...node.values.keys()] : [])));
  const [output = 0] = classes;
  if (classes.size > 1)
    refuse("a tree of the ONNX model adds to the scores of several classes; only one class a tree can be imported");
  return onOutput(nodes, ({ values }) => values.get(output) ?? 0, output);
}

/** Leaves of forests hold a class's share divided by the number of trees. */
function shares(trees: readonly RawNode[][], classCount: number, single: boolean): ForeignTree[] {
  return trees.map((nodes) => ({
    nodes: nodes.map((node): ForeignNode => {
      if (node.kind !== "leaf") return node;
      const only = ([...node.values.values()][0] ?? 0) * trees.length;
      const values = single
        ? [1 - only, only]
        : Array.from({ length: classCount }, (_, k) => (node.values.get(k) ?? 0) * trees.length);
      const sum = values.reduce((total, value) => total + value, 0);
      if (values.some((value) => value < -1e-5 || value > 1 + 1e-5) || Math.abs(sum - 1) > 1e-4)
        refuse("a leaf of the ONNX forest must hold shares of the classes that sum to 1 over the number of trees");
      return { kind: "leaf", values: values.map((value) => Math.min(1, Math.max(0, value / sum))), cover: null };
    }),
    output: 0,
  }));
}

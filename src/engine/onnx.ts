import { type Calibrator, PROBABILITY_FLOOR } from "./calibrate.ts";
import { categoriesOf } from "./category-sets.ts";
import type { FittedClassifier } from "./fit-classifier.ts";
import type { LinearModel, NetworkModel, TreeModel } from "./model.ts";
import { type Attribute, ELEMENT, OnnxGraph } from "./onnx-graph.ts";
import type { Scaler } from "./standardise.ts";

/**
 * The classifier with its calibrator as an ONNX model (opset 15, ai.onnx.ml 3).
 * Input `features` float32 [rows, features], NaN = missing; outputs `label` int64 [rows] (index of the class) and `probabilities`
 * float32 [rows, classes]. Inside all is double, so that the answers equal `predictProbabilities` up to the float32 of the output and
 * of the tree sums (below 1e-6). Names of classes and features and the schema stand in the model's metadata.
 */
export function encodeOnnx(fitted: FittedClassifier): Uint8Array {
  const { model, calibrator, classCount, featureCount } = fitted;
  const graph = new OnnxGraph();
  const features = graph.node("Cast", ["features"], { to: { int: ELEMENT.double } });
  const raw =
    model.kind === "trees"
      ? treeShares(graph, model, features)
      : model.kind === "linear"
        ? linearShares(graph, model, features)
        : networkShares(graph, model, features);
  const calibrated = calibrate(graph, calibrator, raw, classCount);
  graph.node("Cast", [calibrated], { to: { int: ELEMENT.float } }, "", "probabilities");
  graph.node("ArgMax", [calibrated], { axis: { int: 1 }, keepdims: { int: 0 } }, "", "label");
  return graph.finish(
    [{ name: "features", type: "float", dims: ["rows", featureCount] }],
    [
      { name: "label", type: "int64", dims: ["rows"] },
      { name: "probabilities", type: "float", dims: ["rows", classCount] },
    ],
    {
      classes: JSON.stringify(fitted.classes),
      feature_names: JSON.stringify(fitted.featureNames),
      feature_schema: fitted.featureSchema,
      model_type: model.modelType,
      calibrator: calibrator.kind,
    },
  );
}

/** Forest: mean of leaf shares. Boosting: scores to probabilities. Returns the name of double [rows, classes]. */
function treeShares(graph: OnnxGraph, model: TreeModel, features: string): string {
  const outputs = model.classCount === 2 ? 1 : model.classCount;
  const sums = graph.node("TreeEnsembleRegressor", [features], treeAttributes(model, outputs), "ai.onnx.ml");
  const wide = graph.node("Cast", [sums], { to: { int: ELEMENT.double } });
  if (model.baseline !== null)
    return scoreShares(graph, graph.node("Add", [wide, graph.double(model.baseline, [outputs])]), model.classCount);
  if (model.classCount === 2) return bothShares(graph, graph.node("Div", [wide, graph.double(model.trees.roots.length)]));
  return normalise(graph, wide);
}

/** Attributes of the nodes of all trees, one entry a node. */
interface TreeNodes {
  readonly trees: number[];
  readonly ids: number[];
  readonly features: number[];
  readonly modes: string[];
  readonly limits: number[];
  readonly trues: number[];
  readonly falses: number[];
  readonly missing: number[];
}

function treeAttributes(model: TreeModel, outputs: number): Record<string, Attribute> {
  const { feature, threshold, left, missingLeft, values, width, roots, categories } = model.trees;
  const nodeCount = feature.length;
  // of each node: 1 + the feature of the chain that ends in it, 0 = none
  const chainedTo = new Int16Array(nodeCount);
  const nodes: TreeNodes = { trees: [], ids: [], features: [], modes: [], limits: [], trues: [], falses: [], missing: [] };
  const targets = { trees: [] as number[], nodes: [] as number[], ids: [] as number[], weights: [] as number[] };
  for (let tree = 0; tree < roots.length; tree++) {
    const root = roots[tree];
    const end = tree + 1 < roots.length ? roots[tree + 1] : nodeCount;
    // nodes that a set needs beside its own are numbered behind the tree's
    let next = end - root;
    for (let node = root; node < end; node++) {
      const leaf = feature[node] < 0;
      const [yes, no] = leaf ? [0, 0] : [left[node] - root, left[node] + 1 - root];
      const set = categories === null ? -1 : categories.setOf[node];
      const add = (id: number, mode: string, limit: number, otherwise: number, holes: boolean): void => {
        nodes.trees.push(tree);
        nodes.ids.push(id);
        nodes.features.push(Math.max(0, feature[node]));
        nodes.modes.push(mode);
        nodes.limits.push(limit);
        nodes.trues.push(yes);
        nodes.falses.push(otherwise);
        nodes.missing.push(holes ? missingLeft[node] : 0);
      };
      if (categories === null || set < 0) add(node - root, leaf ? "LEAF" : "BRANCH_LEQ", threshold[node], no, true);
      else {
        // one equality a category, all with the same answer
        const members = categoriesOf(categories, set);
        let id = node - root;
        // onnxruntime takes two leaves whose first numbers are equal for one, and chains to them for one chain: a question that no number
        // answers keeps two chains of one feature apart (and stands alone for an empty set)
        if (members.length === 0 || chainedTo[node] === feature[node] + 1) {
          add(id, "BRANCH_LEQ", Number.NEGATIVE_INFINITY, members.length === 0 ? no : next, members.length === 0);
          if (members.length > 0) id = next++;
        }
        for (const [i, category] of members.entries()) {
          const last = i + 1 === members.length;
          add(id, "BRANCH_EQ", category, last ? no : next, true);
          if (!last) id = next++;
        }
        chainedTo[left[node] + 1] = feature[node] + 1;
      }
      if (!leaf) continue;
      for (let i = 0; i < width; i++) {
        targets.trees.push(tree);
        targets.nodes.push(node - root);
        targets.ids.push(width === 1 ? tree % outputs : i);
        targets.weights.push(values[left[node] * width + i]);
      }
    }
  }
  const doubles = (numbers: ArrayLike<number>): Attribute => ({
    tensor: { type: "double", dims: [numbers.length], values: numbers },
  });
  return {
    n_targets: { int: outputs },
    nodes_treeids: { ints: nodes.trees },
    nodes_nodeids: { ints: nodes.ids },
    nodes_featureids: { ints: nodes.features },
    nodes_modes: { strings: nodes.modes },
    nodes_values_as_tensor: doubles(nodes.limits),
    nodes_truenodeids: { ints: nodes.trues },
    nodes_falsenodeids: { ints: nodes.falses },
    nodes_missing_value_tracks_true: { ints: nodes.missing },
    target_treeids: { ints: targets.trees },
    target_nodeids: { ints: targets.nodes },
    target_ids: { ints: targets.ids },
    target_weights_as_tensor: doubles(targets.weights),
  };
}

/** (value - mean) / scale, or 0 and its indicator where missing. Returns the name of double [rows, inputs]. */
function scaledInputs(graph: OnnxGraph, { means, scales, indicatorOf }: Scaler, features: string): string {
  const missing = graph.node("IsNaN", [features]);
  const centred = graph.node("Sub", [features, graph.double(means, [means.length])]);
  const scaled = graph.node("Div", [centred, graph.double(scales, [scales.length])]);
  const present = graph.node("Where", [missing, graph.double(0), scaled]);
  const flagged = Array.from(indicatorOf.keys()).filter((column) => indicatorOf[column] >= 0);
  if (flagged.length === 0) return present;
  return graph.node("Concat", [present, indicators(graph, missing, flagged)], { axis: { int: 1 } });
}

function linearShares(graph: OnnxGraph, model: LinearModel, features: string): string {
  const { coefficients, classCount } = model;
  const outputs = classCount === 2 ? 1 : classCount;
  const width = coefficients.length / outputs;
  const matrix = new Float64Array((width - 1) * outputs);
  for (let k = 0; k < outputs; k++) {
    for (let j = 0; j < width - 1; j++) matrix[j * outputs + k] = coefficients[k * width + j];
  }
  const intercepts = Float64Array.from({ length: outputs }, (_, k) => coefficients[k * width + width - 1]);
  const product = graph.node("MatMul", [scaledInputs(graph, model, features), graph.double(matrix, [width - 1, outputs])]);
  return scoreShares(graph, graph.node("Add", [product, graph.double(intercepts, [outputs])]), classCount);
}

function networkShares(graph: OnnxGraph, model: NetworkModel, features: string): string {
  const { layerSizes, weights, classCount } = model;
  let values = scaledInputs(graph, model, features);
  let at = 0;
  for (let layer = 1; layer < layerSizes.length; layer++) {
    const [inputs, units] = [layerSizes[layer - 1], layerSizes[layer]];
    const matrix = graph.double(weights.subarray(at, at + inputs * units), [inputs, units]);
    const biases = graph.double(weights.subarray(at + inputs * units, at + (inputs + 1) * units), [units]);
    values = graph.node("Add", [graph.node("MatMul", [values, matrix]), biases]);
    if (layer + 1 < layerSizes.length) values = graph.node("Max", [values, graph.double(0)]);
    at += (inputs + 1) * units;
  }
  return scoreShares(graph, values, classCount);
}

function indicators(graph: OnnxGraph, missing: string, columns: readonly number[]): string {
  const flags = graph.node("Cast", [missing], { to: { int: ELEMENT.double } });
  const chosen = graph.constant({ type: "int64", dims: [columns.length], values: columns });
  return graph.node("Gather", [flags, chosen], { axis: { int: 1 } });
}

/** Probabilities of scores: logistic of one, softmax of several. */
function scoreShares(graph: OnnxGraph, scores: string, classCount: number): string {
  return classCount === 2
    ? bothShares(graph, graph.node("Sigmoid", [scores]))
    : graph.node("Softmax", [scores], { axis: { int: 1 } });
}

/** [1 - p, p] of double [rows, 1]. */
function bothShares(graph: OnnxGraph, positive: string): string {
  return graph.node("Concat", [graph.node("Sub", [graph.double(1), positive]), positive], { axis: { int: 1 } });
}

function normalise(graph: OnnxGraph, shares: string): string {
  const axes = graph.constant({ type: "int64", dims: [1], values: [1] });
  return graph.node("Div", [shares, graph.node("ReduceSum", [shares, axes], { keepdims: { int: 1 } })]);
}

function calibrate(graph: OnnxGraph, calibrator: Calibrator, shares: string, classCount: number): string {
  if (calibrator.kind === "none") return shares;
  if (calibrator.kind === "temperature" && classCount > 2) {
    const powers = graph.node("Mul", [graph.node("Log", [clip(graph, shares)]), graph.double(calibrator.inverse)]);
    return graph.node("Softmax", [powers], { axis: { int: 1 } });
  }
  if (calibrator.kind === "vector" || calibrator.kind === "dirichlet") {
    const logs = graph.node("Log", [clip(graph, shares)]);
    const moved =
      calibrator.kind === "vector"
        ? graph.node("Mul", [logs, graph.double(calibrator.slopes, [classCount])])
        : graph.node("MatMul", [logs, graph.double(transposed(calibrator.matrix, classCount), [classCount, classCount])]);
    const scores = graph.node("Add", [moved, graph.double(calibrator.offsets, [classCount])]);
    return graph.node("Softmax", [scores], { axis: { int: 1 } });
  }
  const second = { type: "int64", dims: [1], values: [1] } as const;
  const chosen = classCount === 2 ? graph.node("Gather", [shares, graph.constant(second)], { axis: { int: 1 } }) : shares;
  const calibrated = eachShare(graph, calibrator, chosen, classCount === 2 ? 1 : classCount);
  if (classCount === 2) return bothShares(graph, calibrated);
  return normalise(graph, graph.node("Max", [calibrated, graph.double(PROBABILITY_FLOOR)]));
}

const transposed = (matrix: Float64Array, size: number): Float64Array =>
  matrix.map((_, i) => matrix[(i % size) * size + Math.floor(i / size)]);

const clip = (graph: OnnxGraph, shares: string): string =>
  graph.node("Clip", [shares, graph.double(PROBABILITY_FLOOR), graph.double(1 - PROBABILITY_FLOOR)]);

type AgainstRest = Exclude<Calibrator, { kind: "none" | "vector" | "dirichlet" }>;

/** Each column calibrated by itself. @param shares name of double [rows, outputs]. */
function eachShare(graph: OnnxGraph, calibrator: AgainstRest, shares: string, outputs: number): string {
  const row = (values: ArrayLike<number>): string => graph.double(values, [outputs]);
  if (calibrator.kind === "isotonic") return lines(graph, calibrator, shares, outputs);
  const clipped = clip(graph, shares);
  const rest = graph.node("Sub", [graph.double(1), clipped]);
  if (calibrator.kind === "beta") {
    const first = graph.node("Mul", [graph.node("Log", [clipped]), row(calibrator.a)]);
    const other = graph.node("Mul", [graph.node("Log", [rest]), row(calibrator.b)]);
    return graph.node("Sigmoid", [graph.node("Add", [graph.node("Sub", [first, other]), row(calibrator.c)])]);
  }
  const odds = graph.node("Log", [graph.node("Div", [clipped, rest])]);
  const slopes = calibrator.kind === "platt" ? calibrator.slopes : [calibrator.inverse];
  const offsets = calibrator.kind === "platt" ? calibrator.offsets : [0];
  return graph.node("Sigmoid", [graph.node("Add", [graph.node("Mul", [odds, row(slopes)]), row(offsets)])]);
}

/** Lines between knots: the first y, plus each segment's share passed (0 to 1) times its rise. */
function lines(
  graph: OnnxGraph,
  { x, y, starts }: Extract<Calibrator, { kind: "isotonic" }>,
  shares: string,
  outputs: number,
): string {
  const columns: string[] = [];
  for (let k = 0; k < outputs; k++) {
    const [start, end] = [starts[k], starts[k + 1]];
    const chosen = graph.node("Gather", [shares, graph.constant({ type: "int64", dims: [1], values: [k] })], {
      axis: { int: 1 },
    });
    const segments = end - start - 1;
    if (segments === 0) {
      columns.push(graph.node("Add", [graph.node("Mul", [chosen, graph.double(0)]), graph.double(y[start])]));
      continue;
    }
    const lengths = Float64Array.from({ length: segments }, (_, i) => x[start + i + 1] - x[start + i]);
    const rises = Float64Array.from({ length: segments }, (_, i) => y[start + i + 1] - y[start + i]);
    const beyond = graph.node("Sub", [chosen, graph.double(x.slice(start, end - 1), [segments])]);
    const passed = graph.node("Clip", [
      graph.node("Div", [beyond, graph.double(lengths, [segments])]),
      graph.double(0),
      graph.double(1),
    ]);
    const risen = graph.node("MatMul", [passed, graph.double(rises, [segments, 1])]);
    columns.push(graph.node("Add", [risen, graph.double(y[start])]));
  }
  return columns.length === 1 ? columns[0] : graph.node("Concat", columns, { axis: { int: 1 } });
}

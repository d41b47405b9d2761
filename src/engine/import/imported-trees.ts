import { RequeenError } from "../../core/errors.ts";
import { columnAskedBothWays } from "../category-sets.ts";
import type { FittedClassifier, Naming } from "../fit-classifier.ts";
import type { TreeModel } from "../model.ts";
import { PARAMETERS } from "../parameter-tables.ts";
import { modelParameters, resolveParameters } from "../parameters.ts";
import { LIMITS } from "../training-data.ts";
import { TreeBuilder } from "../tree-ensemble.ts";

/** A node of a tree that another program trained: a question with two answers, or a leaf with what it says. */
export type ForeignNode =
  | {
      readonly kind: "split";
      readonly feature: number;
      /** A value up to and including this one goes left. float32-valued, see `floorFloat32` and `belowFloat32`. */
      readonly threshold: number;
      readonly missingLeft: boolean;
      /** Indices in the tree's nodes. */
      readonly left: number;
      readonly right: number;
      /** Training weight that reached the node; null = the file does not say. */
      readonly cover: number | null;
    }
  | {
      /** As a split, but the values of `categories` go left. */
      readonly kind: "categories";
      readonly feature: number;
      readonly categories: readonly number[];
      readonly missingLeft: boolean;
      readonly left: number;
      readonly right: number;
      readonly cover: number | null;
    }
  | { readonly kind: "leaf"; readonly values: readonly number[]; readonly cover: number | null };

/** The first node is the root. `output`: the score that the tree's leaves add to; 0 where a leaf speaks for all classes. */
export interface ForeignTree {
  readonly nodes: readonly ForeignNode[];
  readonly output: number;
}

export interface ForeignEnsemble {
  /** The program that wrote the file, with its version where the file says it: `LightGBM v4`. */
  readonly writer: string;
  readonly kind: "forest" | "boosting";
  readonly featureCount: number;
  readonly classCount: number;
  /** Scores before the first tree, one an output; null in forests. */
  readonly baseline: readonly number[] | null;
  readonly trees: readonly ForeignTree[];
  /** Names of the features in the order of their numbers; null when the file has none of its own. */
  readonly featureNames: readonly string[] | null;
  /** Names of the classes in the order of the outputs; null when it numbers them. */
  readonly classNames: readonly string[] | null;
}

const broken = (message: string): RequeenError => new RequeenError("bad_model", message);

export function refuse(message: string, details: Record<string, unknown> = {}): never {
  throw new RequeenError("bad_model", message, details);
}

/**
 * The ensemble as a classifier of ours, without calibrator. Features and classes are found by name where the file names them, so that
 * another order in the file is no error; a name that is missing is one.
 * Leaves are kept in float32: probabilities equal the writer's to about 1e-6.
 * @throws bad_model when the ensemble is no binary or multi-class tree model, or does not fit the naming.
 */
export function fromForeignTrees(ensemble: ForeignEnsemble, naming: Naming): FittedClassifier {
  const { writer, kind, trees, classCount, featureCount } = ensemble;
  const columnOf = positionsOf("feature", writer, ensemble.featureNames, featureCount, naming.featureNames);
  const classOf = positionsOf("class", writer, ensemble.classNames, classCount, naming.classes);
  if (featureCount > LIMITS.columns) refuse(`the model reads ${featureCount} features; at most ${LIMITS.columns} are possible`);
  if (trees.length === 0) refuse(`the file of ${writer} holds no tree`);
  const outputs = classCount === 2 ? 1 : classCount;
  // with two classes there is one score, of class 1: in the other order it is that of class 0
  const turned = classCount === 2 && classOf[0] === 1;
  const width = kind === "forest" ? outputs : 1;
  const builder = new TreeBuilder(width);
  const place = (values: readonly number[]): Float64Array => {
    const placed = new Float64Array(width);
    if (width === 1)
      placed[0] = kind === "forest" ? Number(values[turned ? 0 : 1]) : turned ? -Number(values[0]) : Number(values[0]);
    else for (let k = 0; k < width; k++) placed[classOf[k] ?? k] = Number(values[k]);
    return placed;
  };
  for (const tree of inRounds(ensemble, outputs, classOf)) addTree(builder, tree, columnOf, place, writer);
  const modelType = kind === "forest" ? "random_forest" : "gradient_boosting";
  const finished = builder.finish();
  const both = finished.categories === null ? -1 : columnAskedBothWays(finished.feature, finished.categories);
  if (both >= 0) refuse(`the file of ${writer} asks feature ${naming.featureNames[both]} for thresholds and for categories`);
  const model: TreeModel = {
    kind: "trees",
    modelType,
    featureCount,
    classCount,
    params: modelParameters(PARAMETERS[modelType], resolveParameters(PARAMETERS[modelType], {}, modelType)),
    trees: finished,
    baseline: ensemble.baseline === null ? null : baselineOf(ensemble.baseline, classOf, outputs, turned),
  };
  return {
    ...naming,
    model,
    calibrator: { kind: "none" },
    classCount,
    featureCount,
    trainingReport: {
      rowCount: 0,
      classRows: Array.from({ length: classCount }, () => 0),
      seed: 0,
      folds: 0,
      heldOut: "none",
      grouped: false,
      candidates: [],
      tuning: null,
      note: `imported from a file of ${writer}: what it was trained on, and with which parameters, is not known here`,
    },
  };
}

/** Where each of the file's names stands among ours. */
function positionsOf(
  what: "feature" | "class",
  writer: string,
  theirs: readonly string[] | null,
  count: number,
  ours: readonly string[],
): number[] {
  if (count !== ours.length)
    refuse(
      `the file of ${writer} has ${count} ${what === "class" ? "classes" : "features"}; ${ours.length} are wanted: ${list(ours)}`,
    );
  if (theirs === null) return Array.from({ length: count }, (_, index) => index);
  const missing = ours.filter((name) => !theirs.includes(name));
  if (missing.length > 0) refuse(`the file of ${writer} names no ${what} ${list(missing)}; it has ${list(theirs)}`, { missing });
  return theirs.map((name) => ours.indexOf(name));
}

const list = (names: readonly string[]): string =>
  names.length <= 10 ? names.join(", ") : `${names.slice(0, 10).join(", ")} and ${names.length - 10} more`;

function baselineOf(baseline: readonly number[], classOf: readonly number[], outputs: number, turned: boolean): Float64Array {
  const placed = new Float64Array(outputs);
  if (outputs === 1) placed[0] = turned ? -Number(baseline[0]) : Number(baseline[0]);
  else for (let k = 0; k < outputs; k++) placed[classOf[k] ?? k] = Number(baseline[k]);
  return placed;
}

const SILENT: ForeignTree = { nodes: [{ kind: "leaf", values: [0], cover: 0 }], output: 0 };

/** Boosted trees as ours stand: one of each output in turn; an output with fewer trees gets silent ones. */
function inRounds({ kind, trees }: ForeignEnsemble, outputs: number, classOf: readonly number[]): ForeignTree[] {
  if (kind === "forest" || outputs === 1) return [...trees];
  const byOutput = Array.from({ length: outputs }, (): ForeignTree[] => []);
  for (const tree of trees) byOutput[classOf[tree.output] ?? -1]?.push(tree);
  const rounds = Math.max(...byOutput.map((own) => own.length));
  return Array.from({ length: rounds }, (_, round) => byOutput.map((own) => own[round] ?? SILENT)).flat();
}

function addTree(
  builder: TreeBuilder,
  { nodes }: ForeignTree,
  columnOf: readonly number[],
  place: (values: readonly number[]) => Float64Array,
  writer: string,
): void {
  const reached = new Uint8Array(nodes.length);
  const open: { readonly index: number; readonly node: number }[] = [{ index: 0, node: builder.addTree() }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { index, node } = next;
    const source = nodes[index];
    if (source === undefined || reached[index] === 1)
      throw broken(
        `a tree in the file of ${writer} points to node ${index} of ${nodes.length}, which is not there or has two parents`,
      );
    reached[index] = 1;
    const cover = source.cover ?? leavesBelow(nodes, index);
    if (source.kind === "leaf") {
      const values = place(source.values);
      if (!values.every(Number.isFinite))
        refuse(`a leaf in the file of ${writer} must be finite; got ${source.values.join(", ")}`);
      builder.leaf(node, values, 0, cover);
      continue;
    }
    const column = columnOf[source.feature];
    if (column === undefined)
      throw broken(`a tree in the file of ${writer} asks feature ${source.feature} of ${columnOf.length}`);
    const left =
      source.kind === "split"
        ? builder.split(node, column, source.threshold, source.missingLeft, cover)
        : builder.splitCategories(node, column, source.categories, source.missingLeft, cover);
    open.push({ index: source.right, node: left + 1 }, { index: source.left, node: left });
  }
}

/** Stands for the cover where a file has none: every leaf counts as much. Cost: the nodes below. */
function leavesBelow(nodes: readonly ForeignNode[], root: number): number {
  let count = 0;
  const open = [root];
  for (let steps = 0; open.length > 0 && steps <= nodes.length; steps++) {
    const node = nodes[open.pop() ?? 0];
    if (node === undefined) continue;
    if (node.kind === "leaf") count++;
    else open.push(node.left, node.right);
  }
  return count;
}

/** Categories beyond are refused: sets are written out a bit a category. */
const LARGEST_CATEGORY = 65_535;

/** @throws bad_model for a category that is too large. */
export function checkCategories(categories: readonly number[], writer: string): readonly number[] {
  const wrong = categories.find((category) => !(Number.isInteger(category) && category >= 0 && category <= LARGEST_CATEGORY));
  if (wrong !== undefined)
    refuse(`categories in the file of ${writer} must be integers in [0, ${LARGEST_CATEGORY}]; got ${wrong}`);
  return categories;
}

const LARGEST_FLOAT32 = 3.4028234663852886e38;
const FLOAT = new Float32Array(1);
const BITS = new Int32Array(FLOAT.buffer);

/** The greatest float32 up to and including `value`: for float32 x, x <= value is x <= floorFloat32(value). */
export function floorFloat32(value: number): number {
  if (Number.isNaN(value)) return refuse("a threshold of the model file is not a number");
  if (value >= LARGEST_FLOAT32) return LARGEST_FLOAT32;
  if (value < -LARGEST_FLOAT32) return -LARGEST_FLOAT32;
  const nearest = Math.fround(value);
  return nearest <= value ? nearest : belowFloat32(nearest);
}

/** The greatest float32 below `value`: for float32 x, x < value is x <= belowFloat32(value). */
export function belowFloat32(value: number): number {
  const floor = floorFloat32(value);
  if (floor < value) return floor;
  if (floor === -LARGEST_FLOAT32) return floor;
  if (floor === 0) return -1.401298464324817e-45;
  FLOAT[0] = floor;
  BITS[0] = Number(BITS[0]) + (floor > 0 ? -1 : 1);
  return Number(FLOAT[0]);
}

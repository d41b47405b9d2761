import { DEEPEST, type ForestType, plantForest } from "./forest.ts";
import { widthOf } from "./forest-kernels.ts";
import type { ExtraTreesParams, ForestParams } from "./parameter-tables.ts";
import { type Column, type TrainingData, throwIfCancelled, type Watch } from "./training-data.ts";
import { type NodeNotes, noNotes, type TreeEnsemble } from "./tree-ensemble.ts";
import { openTreeRows, type TreeRows } from "./tree-rows.ts";

/** The parameters that one large forest can answer for all smaller values of. */
export interface NestedConfig {
  readonly nEstimators: number;
  readonly maxDepth: number | null;
  readonly minSamplesSplit: number;
}

/**
 * Probabilities that each configuration's forest would give, from one forest with the most trees, the greatest depth and the least
 * minSamplesSplit: since random choices hang on (seed, tree, path), a shallower tree is the top of the deeper one. The results equal
 * those of separate trainings bit for bit (a test compares them).
 * @param params shared by all configurations in everything else.
 * @returns for each configuration float64 [rows x classes].
 * Cost: one training, and one walk a tree and row for all configurations.
 */
export function predictNested(
  modelType: ForestType,
  data: TrainingData,
  params: ForestParams | ExtraTreesParams,
  configs: readonly NestedConfig[],
  columns: readonly Column[],
  watch?: Watch,
): Float64Array[] {
  const { classCount } = data;
  const width = widthOf(classCount);
  const rowCount = columns[0].length;
  const depthOf = (config: NestedConfig): number => config.maxDepth ?? DEEPEST;
  const most = Math.max(...configs.map((config) => config.nEstimators));
  const notes = noNotes();
  const grove = plantForest(
    modelType,
    data,
    {
      ...params,
      nEstimators: most,
      maxDepth: Math.max(...configs.map(depthOf)),
      minSamplesSplit: Math.min(...configs.map((config) => config.minSamplesSplit)),
    },
    notes,
    "wasm",
    watch,
  );
  // configurations that differ in the number of trees only share their sums
  const shapes = new Map<string, { depth: number; split: number; sums: Float64Array }>();
  const shapeOf = (config: NestedConfig): string => `${depthOf(config)} ${config.minSamplesSplit}`;
  for (const config of configs) {
    shapes.set(shapeOf(config), {
      depth: depthOf(config),
      split: config.minSamplesSplit,
      sums: new Float64Array(rowCount * width),
    });
  }
  // deeper and finer shapes stop later on every path
  const walked = [...shapes.values()];
  const answers: Float64Array[] = configs.map(() => new Float64Array(0));
  // a tree has a leaf for each row that it drew at most
  const rows = openTreeRows(columns, 2 * data.labels.length, params.categoricalFeatures.length > 0);
  for (let tree = 0; tree < most; tree++) {
    throwIfCancelled(watch, `tuning ${modelType}`);
    grove.growTree(tree);
    addTree(grove.builder.view(), tree, notes, rows, walked, width);
    configs.forEach((config, i) => {
      const shape = shapes.get(shapeOf(config));
      if (config.nEstimators === tree + 1 && shape !== undefined) answers[i] = toProbabilities(shape.sums, tree + 1, classCount);
    });
    watch?.onProgress?.((tree + 1) / most, "trees");
  }
  rows.release();
  grove.close();
  return answers;
}

interface Shape {
  readonly depth: number;
  readonly split: number;
  /** float64 [rows x width]. */
  readonly sums: Float64Array;
}

/** Adds to each shape's sums, for every row, the values of the node where that shape's tree would end. */
function addTree(
  trees: TreeEnsemble,
  tree: number,
  { values, rows: rowsOf }: NodeNotes,
  rows: TreeRows,
  shapes: readonly Shape[],
  width: number,
): void {
  const root = trees.roots[tree];
  const ended = rows.endsOf(trees, root, root + rowsOf.length);
  const count = rowsOf.length;
  const ends = shapeEnds(trees, root, rowsOf, shapes);
  for (const [s, { sums }] of shapes.entries()) {
    const endOf = ends.subarray(s * count, (s + 1) * count);
    for (let row = 0; row < ended.length; row++) {
      const from = endOf[ended[row]] * width;
      for (let i = 0; i < width; i++) sums[row * width + i] += values[from + i];
    }
  }
}

/**
 * For every shape and node of the last tree the node where that shape's tree ends on the way there, -1 = none; counted from
 * the root. rows: of each node.
 * @returns int32 [shapes x nodes of the tree].
 */
function shapeEnds({ feature, left }: TreeEnsemble, root: number, rows: Int32Array, shapes: readonly Shape[]): Int32Array {
  const count = rows.length;
  const ends = new Int32Array(count * shapes.length).fill(-1);
  const depths = new Uint16Array(count);
  for (const [s, { depth, split }] of shapes.entries()) {
    const endOf = ends.subarray(s * count, (s + 1) * count);
    // a child stands behind its parent
    for (let at = 0; at < count; at++) {
      const node = root + at;
      const leaf = feature[node] < 0;
      if (endOf[at] < 0 && (leaf || depths[at] >= depth || rows[at] < split)) endOf[at] = at;
      if (leaf) continue;
      const child = left[node] - root;
      depths[child] = depths[child + 1] = depths[at] + 1;
      endOf[child] = endOf[child + 1] = endOf[at];
    }
  }
  return ends;
}

function toProbabilities(sums: Float64Array, treeCount: number, classCount: number): Float64Array {
  const rowCount = classCount === 2 ? sums.length : sums.length / classCount;
  const probabilities = new Float64Array(rowCount * classCount);
  for (let row = 0; row < rowCount; row++) {
    if (classCount === 2) {
      probabilities[row * 2 + 1] = Math.fround(sums[row]) / treeCount;
      probabilities[row * 2] = 1 - probabilities[row * 2 + 1];
      continue;
    }
    let sum = 0;
    for (let k = 0; k < classCount; k++) sum += Math.fround(sums[row * classCount + k]);
    for (let k = 0; k < classCount; k++) probabilities[row * classCount + k] = Math.fround(sums[row * classCount + k]) / sum;
  }
  return probabilities;
}

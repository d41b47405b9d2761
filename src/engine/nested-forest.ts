import { DEEPEST, type ForestType, plantForest } from "./forest.ts";
import { widthOf } from "./forest-kernels.ts";
import type { ExtraTreesParams, ForestParams } from "./parameter-tables.ts";
import { type Column, type TrainingData, throwIfCancelled, toFloat32Rows, type Watch } from "./training-data.ts";
import { goesLeft, type NodeNotes, type TreeEnsemble } from "./tree-ensemble.ts";

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
  const notes: NodeNotes = { values: [], rows: [] };
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
  const features = toFloat32Rows(columns);
  for (let tree = 0; tree < most; tree++) {
    throwIfCancelled(watch, `tuning ${modelType}`);
    grove.growTree(tree);
    addTree(grove.builder.view(), tree, notes, features, columns.length, walked, width);
    configs.forEach((config, i) => {
      const shape = shapes.get(shapeOf(config));
      if (config.nEstimators === tree + 1 && shape !== undefined) answers[i] = toProbabilities(shape.sums, tree + 1, classCount);
    });
    watch?.onProgress?.((tree + 1) / most, "trees");
  }
  return answers;
}

interface Shape {
  readonly depth: number;
  readonly split: number;
  readonly sums: Float64Array;
}

/** Walks each row down one tree and adds, for each shape, the values of the node where that shape's tree would end. */
function addTree(
  trees: TreeEnsemble,
  tree: number,
  notes: NodeNotes,
  features: Float32Array,
  columnCount: number,
  shapes: readonly Shape[],
  width: number,
): void {
  const { feature, left, roots } = trees;
  const rowCount = features.length / columnCount;
  const ended = new Uint8Array(shapes.length);
  for (let row = 0; row < rowCount; row++) {
    ended.fill(0);
    let open = shapes.length;
    let node = roots[tree];
    for (let depth = 0; open > 0; depth++) {
      const column = feature[node];
      for (let s = 0; s < shapes.length; s++) {
        const { depth: deepest, split, sums } = shapes[s];
        if (ended[s] === 1 || !(column < 0 || depth >= deepest || notes.rows[node] < split)) continue;
        ended[s] = 1;
        open--;
        for (let i = 0; i < width; i++) sums[row * width + i] += notes.values[node * width + i];
      }
      if (column < 0) break;
      node = left[node] + (goesLeft(trees, node, features[row * columnCount + column]) ? 0 : 1);
    }
  }
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

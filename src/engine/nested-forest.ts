import { DEEPEST, type ForestType, plantForest } from "./forest.ts";
import { widthOf } from "./forest-kernels.ts";
import type { ExtraTreesParams, ForestParams } from "./parameter-tables.ts";
import { openShapeSums, type Shape } from "./shape-sums.ts";
import { type Column, type TrainingData, throwIfCancelled, type Watch } from "./training-data.ts";
import { noNotes } from "./tree-ensemble.ts";

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
  const shapes: Shape[] = [];
  const shapeOf = configs.map((config) => {
    const [depth, split] = [depthOf(config), config.minSamplesSplit];
    const known = shapes.findIndex((shape) => shape.depth === depth && shape.split === split);
    return known >= 0 ? known : shapes.push({ depth, split }) - 1;
  });
  const answers: Float64Array[] = configs.map(() => new Float64Array(0));
  // a tree has a leaf for each row that it drew at most
  const sums = openShapeSums(columns, shapes, widthOf(classCount), 2 * data.labels.length, params.categoricalFeatures.length > 0);
  for (let tree = 0; tree < most; tree++) {
    throwIfCancelled(watch, `tuning ${modelType}`);
    // the trees before it are added and not needed again
    grove.builder.clear();
    grove.growTree(tree);
    sums.add(grove.builder.view(), notes);
    configs.forEach((config, i) => {
      if (config.nEstimators === tree + 1) answers[i] = toProbabilities(sums.sumsOf(shapeOf[i]), tree + 1, classCount);
    });
    watch?.onProgress?.((tree + 1) / most, "trees");
  }
  sums.release();
  grove.close();
  return answers;
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

import { type BinnedColumns, binColumns, binsFor } from "./bin-columns.ts";
import { categoricalMarks, checkCategories } from "./categorical-columns.ts";
import type { FitHelpers } from "./fit-helpers.ts";
import { growTogether, keysOf, sharedForestBytes } from "./forest-crew.ts";
import { estimateForestBytes, type GrowsForest, openForestGrower, widthOf } from "./forest-kernels.ts";
import type { ForestTask } from "./forest-tree.ts";
import type { TreeModel } from "./model.ts";
import { EXTRA_TREES_PARAMETERS, type ExtraTreesParams, FOREST_PARAMETERS, type ForestParams } from "./parameter-tables.ts";
import { type Given, modelParameters, resolveParameters } from "./parameters.ts";
import {
  checkTrainingData,
  refuseAboveLimit,
  type Targets,
  type TrainingData,
  throwIfCancelled,
  type Watch,
  withClassWeight,
} from "./training-data.ts";
import { type NodeNotes, TreeBuilder } from "./tree-ensemble.ts";

/** What maxDepth = null means. */
export const DEEPEST = 64;

/**
 * Trains a random forest: each tree on rows drawn with replacement, each node on a few features drawn for it; the forest's
 * probabilities are the mean of its trees' leaf shares. Defaults and ranges: `FOREST_PARAMETERS`.
 * Cost: about nEstimators x depth x features tried x rows histogram updates (measured: 1,200 x 26, 100 trees of depth 10, some 50 ms).
 * @throws bad_parameter, bad_data before any work; cancelled.
 */
export function trainForest(data: TrainingData, params: Given<typeof FOREST_PARAMETERS> = {}, watch?: Watch): TreeModel {
  const resolved = resolveParameters(FOREST_PARAMETERS, params, "random_forest");
  checkTrainingData(data);
  return growForest(data, resolved, watch);
}

/**
 * Trains extremely randomised trees: as a forest, but at each node one threshold is drawn for each feature tried, and the best of
 * these splits is taken; by default every tree sees all rows. Source: Geurts, Ernst and Wehenkel 2006.
 * @throws bad_parameter, bad_data before any work; cancelled.
 */
export function trainExtraTrees(data: TrainingData, params: Given<typeof EXTRA_TREES_PARAMETERS> = {}, watch?: Watch): TreeModel {
  const resolved = resolveParameters(EXTRA_TREES_PARAMETERS, params, "extra_trees");
  checkTrainingData(data);
  return growExtraTrees(data, resolved, watch);
}

/** As `trainForest`, for arguments that were checked. */
export const growForest = (data: TrainingData, params: ForestParams, watch?: Watch): TreeModel =>
  growTrees("random_forest", data, params, watch);

/** As `trainExtraTrees`, for arguments that were checked. */
export const growExtraTrees = (data: TrainingData, params: ExtraTreesParams, watch?: Watch): TreeModel =>
  growTrees("extra_trees", data, params, watch);

function growTrees(
  modelType: ForestType,
  given: TrainingData,
  params: ForestParams | ExtraTreesParams,
  watch?: Watch,
): TreeModel {
  return finishForest(modelType, plantForest(modelType, given, params, undefined, "wasm", watch), params, watch);
}

/** Grows the trees of a planted forest, with the caller's helpers where rows are many. */
export function finishForest(
  modelType: ForestType,
  { builder, growTree, growInto, close, task, columnCount, classCount }: ReturnType<typeof plantBinned>,
  params: ForestParams | ExtraTreesParams,
  watch?: Watch,
): TreeModel {
  const treeCount = params.nEstimators;
  const helpers = helpersOf(task, params, watch);
  const poll = (): void => throwIfCancelled(watch, `training ${modelType}`);
  const onTree = (done: number): void => watch?.onProgress?.(done / treeCount, "trees");
  if (helpers === null) {
    for (let tree = 0; tree < treeCount; tree++) {
      poll();
      growTree(tree);
      onTree(tree + 1);
    }
  } else {
    const crew = { task, keys: params, treeCount, helpers, grow: growInto, onTree, poll };
    for (const tree of growTogether(crew)) builder.append(tree);
  }
  close();
  const trees = builder.finish();
  const kept = modelParameters(modelType === "extra_trees" ? EXTRA_TREES_PARAMETERS : FOREST_PARAMETERS, params);
  return { kind: "trees", modelType, featureCount: columnCount, classCount, params: kept, trees, baseline: null };
}

/** Trees are large parts: they are worth sharing from fewer rows than a pass over rows is. */
const HELPED_TREE_ROWS = 100_000;

const isSmall = (rowCount: number, treeCount: number, { leastRows }: FitHelpers): boolean =>
  leastRows === undefined ? rowCount * treeCount < HELPED_TREE_ROWS : rowCount < leastRows;

/** Who helps with this forest; null = nobody: it has few rows, or what threads would share is more than the caller's limit or than it brings. */
function helpersOf(task: ForestTask, params: ForestParams | ExtraTreesParams, watch: Watch | undefined): FitHelpers | null {
  const helpers = watch?.helpers;
  if (helpers === undefined || helpers.count === 0 || isSmall(task.labels.length, params.nEstimators, helpers)) return null;
  const shared = sharedForestBytes(task, params, params.nEstimators);
  if (shared === null) return null;
  const bytes = shared + (helpers.count + 1) * estimateForestBytes(task, false);
  return bytes > (watch?.memoryLimitBytes ?? Number.POSITIVE_INFINITY) ? null : helpers;
}

export type ForestType = "random_forest" | "extra_trees";

/** Everything that the trees of a forest share; each tree depends on its number alone, so they may be grown in any order. */
export function plantForest(
  modelType: ForestType,
  data: TrainingData,
  params: ForestParams | ExtraTreesParams,
  notes?: NodeNotes,
  form: "wasm" | "plain" = "wasm",
  watch?: Watch,
) {
  const categorical = categoricalMarks(params.categoricalFeatures, data.columns.length, modelType);
  checkCategories(data.columns, categorical);
  refuseForest(modelType, data, data.columns.length, params, notes !== undefined, watch);
  const poll = (): void => throwIfCancelled(watch, `training ${modelType}`);
  const binned = binColumns(data.columns, binsFor(params.maxBins, data.labels.length), "wasm", poll, categorical);
  return plantBinned(modelType, binned, data, params, notes, form, watch);
}

/** @throws out_of_memory when a forest of these rows would need more than the caller's limit. */
export function refuseForest(
  modelType: ForestType,
  { labels, classCount }: Targets,
  columnCount: number,
  params: ForestParams | ExtraTreesParams,
  noted: boolean,
  watch: Watch | undefined,
): void {
  const categorical = categoricalMarks(params.categoricalFeatures, columnCount, modelType);
  const shape = {
    binned: { rowCount: labels.length, columnCount },
    maxDepth: params.maxDepth ?? DEEPEST,
    classCount,
    categorical,
  };
  refuseAboveLimit(watch, estimateForestBytes(shape, noted), `${modelType} of ${labels.length} rows and ${columnCount} columns`);
}

/** As `plantForest`, for columns that were binned. */
export function plantBinned(
  modelType: ForestType,
  binned: BinnedColumns,
  given: Targets,
  params: ForestParams | ExtraTreesParams,
  notes?: NodeNotes,
  form: "wasm" | "plain" = "wasm",
  watch?: Watch,
) {
  const { labels, classCount, weights } = withClassWeight(given, params.classWeight);
  const { columnCount } = binned;
  const categorical = categoricalMarks(params.categoricalFeatures, columnCount, modelType);
  const task: ForestTask = {
    binned,
    labels,
    weights: fixedPointWeights(weights, labels.length),
    classCount,
    maxDepth: params.maxDepth ?? DEEPEST,
    minSamplesSplit: params.minSamplesSplit,
    minSamplesLeaf: params.minSamplesLeaf,
    categorical,
    randomThresholds: modelType === "extra_trees",
    featuresPerNode: countFeatures(params.maxFeatures, columnCount),
  };
  const poll = (): void => throwIfCancelled(watch, `training ${modelType}`);
  let grower: GrowsForest | undefined;
  // with the first tree, not before: helpers have their data by then
  const opened = (): GrowsForest => (grower ??= openForestGrower(task, notes !== undefined, form, poll, watch?.onNote));
  const builder = new TreeBuilder(widthOf(classCount));
  const growInto = (into: TreeBuilder, tree: number): void => opened().grow(into, ...keysOf(params, tree), notes);
  const growTree = (tree: number): void => growInto(builder, tree);
  return { builder, growTree, growInto, close: () => grower?.close(), task, columnCount, classCount };
}

/** How many features each node tries. */
export function countFeatures(maxFeatures: ForestParams["maxFeatures"], columnCount: number): number {
  if (maxFeatures === "all") return columnCount;
  if (maxFeatures === "sqrt") return Math.max(1, Math.floor(Math.sqrt(columnCount)));
  if (maxFeatures === "log2") return Math.max(1, Math.floor(Math.log2(columnCount)));
  if (maxFeatures < 1) return Math.max(1, Math.floor(maxFeatures * columnCount));
  return Math.min(columnCount, maxFeatures);
}

/**
 * Row weights as integers, so that sums are exact: the greatest weight becomes 2^20, or 1 where all are equal.
 * @returns float64 [n] of integers; a positive weight stays at least 1.
 */
export function fixedPointWeights(weights: Float64Array | undefined, rowCount: number): Float64Array {
  if (weights === undefined) return new Float64Array(rowCount).fill(1);
  let greatest = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const weight of weights) {
    greatest = Math.max(greatest, weight);
    if (weight > 0) least = Math.min(least, weight);
  }
  const one = least === greatest ? 1 : 1_048_576;
  return weights.map((weight) => (weight === 0 ? 0 : Math.max(1, Math.round((weight / greatest) * one))));
}

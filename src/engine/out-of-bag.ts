import { drawRows } from "./forest-tree.ts";
import type { TreeModel } from "./model.ts";
import { FOREST_PARAMETERS } from "./parameter-tables.ts";
import type { ParameterValue } from "./parameters.ts";
import { deriveSeed } from "./seeded-random.ts";
import type { TrainingData } from "./training-data.ts";
import { copyTrees } from "./tree-ensemble.ts";
import { openTreeRows } from "./tree-rows.ts";

type Params = Readonly<Record<string, ParameterValue>>;

const MOST_TREES = FOREST_PARAMETERS.nEstimators.max;
/** Below, votes calibrate worse than folds do, and folds are cheap. */
const LEAST_ROWS = 500;
/** A row's voters are a third of the trees: of a forest twice as large they are nearly as many as the model's trees, and spread as little. */
const TIMES = 2;
/** Fewer trees that did not draw a row say too little about it. */
const LEAST_VOTERS = 10;

/** Whether votes calibrate as well as five refits do: the table in docs/benchmarks.md shows both. */
export const isVotingGood = ({ labels, classCount }: TrainingData): boolean => classCount === 2 && labels.length >= LEAST_ROWS;

/** Parameters of the forest that votes; its first trees are the forest of `params`. Null: another learner, or every tree sees every row. */
export function electorateOf(params: Params): Params | null {
  const { bootstrap, nEstimators } = params;
  if (bootstrap !== true || typeof nEstimators !== "number") return null;
  return { ...params, nEstimators: Math.min(TIMES * nEstimators, MOST_TREES) };
}

/** The forest of `params` out of its electorate, byte for byte as if trained alone. */
export function firstTrees(grown: TreeModel, params: Params): TreeModel {
  const treeCount = Number(params.nEstimators);
  if (treeCount === grown.trees.roots.length) return grown;
  return { ...grown, params: { ...grown.params, nEstimators: treeCount }, trees: copyTrees(grown.trees, treeCount) };
}

/**
 * Probabilities of each training row by the trees of the forest that did not draw it: held out as by cross-validation, without another
 * training. Source: Breiman 1996, Out-of-bag estimation; Boström 2008, Calibrating random forests.
 * Rows of one group must not be given: a tree that drew one of them has seen the others' like.
 * @param model a forest as it was grown on `data`; which rows a tree drew follows from its seed.
 * @returns float64 [n x classes]; null where the trees did not leave every row out often enough, or drew no rows at all.
 * Cost: a walk down a third of the trees a row, about a tenth of the training.
 */
export function predictOutOfBag(model: TreeModel, data: TrainingData): Float64Array | null {
  const { params, trees } = model;
  if (params.bootstrap !== true || typeof params.seed !== "number") return null;
  const rowCount = data.labels.length;
  const { values, width, roots, left } = trees;
  const ends = [...roots.subarray(1), trees.feature.length];
  const mostNodes = ends.reduce((most, end, tree) => Math.max(most, end - roots[tree]), 0);
  const rows = openTreeRows(data.columns, mostNodes, trees.categories !== null);
  const counts = Float64Array.from(data.weights ?? new Float64Array(rowCount).fill(1), (weight) => (weight > 0 ? 1 : 0));
  const sums = new Float64Array(rowCount * width);
  const voters = new Uint32Array(rowCount);
  for (let tree = 0; tree < roots.length; tree++) {
    const drawn = drawRows(counts, deriveSeed(params.seed, tree));
    const ended = rows.endsOf(trees, roots[tree], ends[tree]);
    for (let row = 0; row < rowCount; row++) {
      if (drawn[row] > 0) continue;
      const from = left[roots[tree] + ended[row]] * width;
      for (let i = 0; i < width; i++) sums[row * width + i] += values[from + i];
      voters[row] += 1;
    }
  }
  rows.release();
  if (voters.some((count) => count < LEAST_VOTERS)) return null;
  if (width > 1) return sums.map((sum, at) => sum / voters[Math.floor(at / width)]);
  // of two classes a leaf says the share of class 1
  return Float64Array.from({ length: rowCount * 2 }, (_, at) => {
    const share = sums[at >> 1] / voters[at >> 1];
    return at % 2 === 1 ? share : 1 - share;
  });
}

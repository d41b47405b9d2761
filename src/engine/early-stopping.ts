import { rowLogLosses } from "./metrics.ts";
import { scoresToProbabilities } from "./model.ts";
import { deriveSeed } from "./seeded-random.ts";
import { rowsOfFold, splitFolds } from "./split-folds.ts";
import { type Column, type Targets, type TrainingData, takeRows, toFloat32Columns } from "./training-data.ts";
import { findLeaf, type TreeEnsemble } from "./tree-ensemble.ts";

/** Rows held back for early stopping: about `share` of each class, seeded; null when two classes could not be kept. */
export function holdBack(data: TrainingData, share: number, seed: number): { kept: TrainingData; held: TrainingData } | null {
  const rows = rowsHeldBack(data, share, seed);
  return rows === null ? null : { kept: takeRows(data, rows.kept), held: takeRows(data, rows.held) };
}

/** As `holdBack`, the numbers of the rows, ascending. */
export function rowsHeldBack(targets: Targets, share: number, seed: number): { kept: Uint32Array; held: Uint32Array } | null {
  const { labels, classCount, weights } = targets;
  const parts = Math.max(2, Math.min(255, Math.round(1 / share), labels.length));
  const foldOf = splitFolds(labels, classCount, parts, deriveSeed(seed, 0x68656c64));
  const { inside, outside } = rowsOfFold(foldOf, 0);
  const classes = new Set<number>();
  for (const row of outside) if (weights === undefined || weights[row] > 0) classes.add(labels[row]);
  return inside.length === 0 || classes.size < 2 ? null : { kept: outside, held: inside };
}

/** Follows the weighted log loss of growing boosted trees on rows that they are not grown on. */
export class EarlyStopping {
  /** Trees of the best round so far. */
  bestTreeCount = 0;
  private readonly columns: readonly Column[];
  private readonly held: TrainingData;
  private readonly outputs: number;
  /** float64 [n x outputs]. */
  private readonly scores: Float64Array;
  private readonly patience: number;
  private bestLoss = Number.POSITIVE_INFINITY;
  private roundsSinceBest = 0;

  constructor(held: TrainingData, baseline: Float64Array, patience: number) {
    this.held = held;
    this.columns = toFloat32Columns(held.columns);
    this.outputs = baseline.length;
    this.patience = patience;
    this.scores = Float64Array.from({ length: held.labels.length * baseline.length }, (_, i) => baseline[i % baseline.length]);
  }

  /** Adds the trees from `first` on, one an output, and says whether training should end. */
  addRound(trees: TreeEnsemble, first: number): boolean {
    const { columns, outputs, scores, held } = this;
    const { classCount, labels } = held;
    const features = new Float64Array(columns.length);
    const probabilities = new Float64Array(classCount * labels.length);
    const ofRow = new Float64Array(classCount);
    for (let row = 0; row < labels.length; row++) {
      for (let column = 0; column < columns.length; column++) features[column] = columns[column][row];
      for (let k = 0; k < outputs; k++) {
        scores[row * outputs + k] += trees.values[findLeaf(trees, trees.roots[first + k], features)];
        ofRow[k] = scores[row * outputs + k];
      }
      scoresToProbabilities(ofRow, classCount);
      probabilities.set(ofRow, row * classCount);
    }
    const losses = rowLogLosses(probabilities, labels, classCount);
    let sum = 0;
    for (let row = 0; row < losses.length; row++) sum += losses[row] * (held.weights?.[row] ?? 1);
    if (sum < this.bestLoss) {
      this.bestLoss = sum;
      this.bestTreeCount = trees.roots.length;
      this.roundsSinceBest = 0;
      return false;
    }
    return ++this.roundsSinceBest >= this.patience;
  }
}

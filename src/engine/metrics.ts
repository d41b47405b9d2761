import { RequeenError } from "../core/errors.ts";
import { log } from "./exact-math.ts";

/** Precision, recall and F1 of one class against the rest. null = not defined: nothing to divide by. */
export interface ClassScores {
  /** Share of the rows called this class that are; null when no row was called this class. */
  readonly precision: number | null;
  /** Share of the rows of this class that were called so; null when no row is of this class. */
  readonly recall: number | null;
  /** 2 tp / (2 tp + fp + fn); null when the class neither occurs nor is called. */
  readonly f1: number | null;
  /** Rows of this class. */
  readonly support: number;
}

export type AverageScores = Omit<ClassScores, "support">;

export interface DecisionScores {
  readonly accuracy: number;
  readonly perClass: readonly ClassScores[];
  /** Mean over the classes for which the score is defined (scikit-learn's zero_division = NaN); null when for none. */
  readonly macro: AverageScores;
  /** The same, weighted with the rows of each class. */
  readonly weighted: AverageScores;
}

/**
 * Rows of each true class (first index) by called class.
 * @returns float64 [classes x classes], row-major: counts, exact.
 */
export function confusionMatrix(labels: Uint8Array, called: Uint8Array, classCount: number): Float64Array {
  checkRows(called.length, labels.length, "called classes");
  const matrix = new Float64Array(classCount * classCount);
  for (let row = 0; row < labels.length; row++) matrix[labels[row] * classCount + called[row]] += 1;
  return matrix;
}

/** Accuracy, precision, recall and F1 of called classes. @throws bad_data without rows. */
export function scoreDecisions(labels: Uint8Array, called: Uint8Array, classCount: number): DecisionScores {
  const matrix = confusionMatrix(labels, called, classCount);
  const perClass: ClassScores[] = [];
  let right = 0;
  for (let k = 0; k < classCount; k++) {
    const hits = matrix[k * classCount + k];
    let support = 0;
    let calls = 0;
    for (let other = 0; other < classCount; other++) {
      support += matrix[k * classCount + other];
      calls += matrix[other * classCount + k];
    }
    right += hits;
    const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
    perClass.push({ precision: ratio(hits, calls), recall: ratio(hits, support), f1: ratio(2 * hits, calls + support), support });
  }
  return {
    accuracy: right / labels.length,
    perClass,
    macro: average(perClass, () => 1),
    weighted: average(perClass, (scores) => scores.support),
  };
}

function average(perClass: readonly ClassScores[], weightOf: (scores: ClassScores) => number): AverageScores {
  const mean = (name: "precision" | "recall" | "f1"): number | null => {
    let sum = 0;
    let weightSum = 0;
    for (const scores of perClass) {
      const value = scores[name];
      if (value === null) continue;
      sum += value * weightOf(scores);
      weightSum += weightOf(scores);
    }
    return weightSum === 0 ? null : sum / weightSum;
  };
  return { precision: mean("precision"), recall: mean("recall"), f1: mean("f1") };
}

/** As scikit-learn clips: probabilities nearer to 0 or 1 than this count as this. */
const LEAST_PROBABILITY = 2.220446049250313e-16;

/**
 * (Weighted) mean of -log p(true class), natural logarithm.
 * @param probabilities float64 [n x classes].
 */
export function logLoss(probabilities: Float64Array, labels: Uint8Array, classCount: number, weights?: Float64Array): number {
  const losses = rowLogLosses(probabilities, labels, classCount);
  if (weights === undefined) return mean(losses);
  let sum = 0;
  let weightSum = 0;
  for (let row = 0; row < losses.length; row++) {
    sum += weights[row] * losses[row];
    weightSum += weights[row];
  }
  return sum / weightSum;
}

/** -log p(true class) of each row. @returns float64 [n]; at most 36.05. */
export function rowLogLosses(probabilities: Float64Array, labels: Uint8Array, classCount: number): Float64Array {
  checkRows(probabilities.length / classCount, labels.length, "probabilities");
  const losses = new Float64Array(labels.length);
  for (let row = 0; row < losses.length; row++) {
    const p = probabilities[row * classCount + labels[row]];
    losses[row] = -log(Math.min(1 - LEAST_PROBABILITY, Math.max(LEAST_PROBABILITY, p)));
  }
  return losses;
}

/** Mean Brier score: (p1 - y)^2 for two classes (range 0 to 1), the sum over all classes for more (range 0 to 2). */
export function brierScore(probabilities: Float64Array, labels: Uint8Array, classCount: number): number {
  return mean(rowBrierScores(probabilities, labels, classCount));
}

/** Brier score of each row, in the form of `brierScore`. @returns float64 [n]. */
export function rowBrierScores(probabilities: Float64Array, labels: Uint8Array, classCount: number): Float64Array {
  checkRows(probabilities.length / classCount, labels.length, "probabilities");
  const scores = new Float64Array(labels.length);
  for (let row = 0; row < scores.length; row++) {
    const label = labels[row];
    let sum = 0;
    if (classCount === 2) sum = (probabilities[row * 2 + 1] - label) ** 2;
    else for (let k = 0; k < classCount; k++) sum += (probabilities[row * classCount + k] - (label === k ? 1 : 0)) ** 2;
    scores[row] = sum;
  }
  return scores;
}

/**
 * Area under the ROC curve: of class 1 for two classes, else the mean over classes of one against the rest; ties count half.
 * null when a class has no rows or all of them.
 */
export function rocAuc(probabilities: Float64Array, labels: Uint8Array, classCount: number): number | null {
  return overClasses(probabilities, labels, classCount, binaryAuc);
}

/**
 * Area under the precision-recall curve as average precision (sum of precision x step of recall, no interpolation): of class 1 for
 * two classes, else the mean over classes of one against the rest. null when a class has no rows.
 */
export function prAuc(probabilities: Float64Array, labels: Uint8Array, classCount: number): number | null {
  return overClasses(probabilities, labels, classCount, averagePrecision);
}

type RankScore = (order: Uint32Array, score: Float64Array, positive: Uint8Array) => number | null;

function overClasses(probabilities: Float64Array, labels: Uint8Array, classCount: number, scoreOf: RankScore): number | null {
  checkRows(probabilities.length / classCount, labels.length, "probabilities");
  let sum = 0;
  const first = classCount === 2 ? 1 : 0;
  for (let k = first; k < classCount; k++) {
    const score = Float64Array.from(labels, (_, row) => probabilities[row * classCount + k]);
    const positive = Uint8Array.from(labels, (label) => (label === k ? 1 : 0));
    const order = Uint32Array.from(labels, (_, row) => row).sort((a, b) => score[b] - score[a]);
    const value = scoreOf(order, score, positive);
    if (value === null) return null;
    sum += value;
  }
  return sum / (classCount - first);
}

/** @param order rows by descending score. */
function binaryAuc(order: Uint32Array, score: Float64Array, positive: Uint8Array): number | null {
  let area = 0;
  let above = 0;
  let positives = 0;
  for (let i = 0; i < order.length; ) {
    let tiedPositives = 0;
    let tied = 0;
    const value = score[order[i]];
    for (; i < order.length && score[order[i]] === value; i++) {
      tiedPositives += positive[order[i]];
      tied++;
    }
    area += (tied - tiedPositives) * (positives + tiedPositives / 2);
    positives += tiedPositives;
    above += tied - tiedPositives;
  }
  return positives === 0 || above === 0 ? null : area / (positives * above);
}

/** @param order rows by descending score. */
function averagePrecision(order: Uint32Array, score: Float64Array, positive: Uint8Array): number | null {
  let positives = 0;
  let sum = 0;
  for (let i = 0; i < order.length; ) {
    const value = score[order[i]];
    let tiedPositives = 0;
    for (; i < order.length && score[order[i]] === value; i++) tiedPositives += positive[order[i]];
    positives += tiedPositives;
    sum += tiedPositives * (positives / i);
  }
  return positives === 0 ? null : sum / positives;
}

function mean(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

function checkRows(got: number, expected: number, what: string): void {
  if (expected === 0) throw new RequeenError("bad_data", "metrics need at least one row; got 0");
  if (got !== expected) throw new RequeenError("bad_data", `${what} must have ${expected} rows; got ${got}`);
}

import type { Interval, ModelScores } from "../core/verdict.ts";
import { rowBrierScores, rowLogLosses } from "../engine/metrics.ts";
import { normalQuantile } from "./special-functions.ts";

const CALIBRATION_BINS = 15;

/** One model, row by row. All arrays have one entry a row and belong to the caller. */
export interface RowScores {
  /** Class with the largest probability; the first of equals. */
  readonly decided: Uint8Array;
  /** Probability of the decided class. */
  readonly confidence: Float64Array;
  /** -ln of the label's probability, nats. */
  readonly logLoss: Float64Array;
  /** Brier score as engine/metrics.ts has it: (p1 - y)^2 for two classes, the sum over all classes for more. */
  readonly brier: Float64Array;
}

/** @param probabilities float64 [n x classCount] row-major. Cost: three passes. */
export function scoreRows(labels: Uint8Array, probabilities: Float64Array, classCount: number): RowScores {
  const n = labels.length;
  const decided = new Uint8Array(n);
  const confidence = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let best = 0;
    let highest = -1;
    for (let k = 0; k < classCount; k++) {
      const p = probabilities[i * classCount + k] ?? 0;
      if (p > highest) {
        highest = p;
        best = k;
      }
    }
    decided[i] = best;
    confidence[i] = highest;
  }
  const logLoss = rowLogLosses(probabilities, labels, classCount);
  return { decided, confidence, logLoss, brier: rowBrierScores(probabilities, labels, classCount) };
}

/** How per-class figures become one: `positive` = the figure of one class, by its index. */
export type Average = { readonly kind: "weighted" | "macro" } | { readonly kind: "positive"; readonly classIndex: number };

/** An averaged figure and each row's influence on it: value + mean of influence over other rows is the figure on those, to first order. */
export interface Linearised {
  readonly value: number;
  readonly influence: Float64Array;
}

export interface ClassFigures {
  readonly precision: Linearised;
  readonly recall: Linearised;
  readonly f1: Linearised;
}

interface ClassSums {
  readonly total: number;
  readonly right: Float64Array;
  readonly predicted: Float64Array;
  readonly actual: Float64Array;
}

function classSums(labels: Uint8Array, decided: Uint8Array, classCount: number, weights: Float64Array | null): ClassSums {
  const right = new Float64Array(classCount);
  const predicted = new Float64Array(classCount);
  const actual = new Float64Array(classCount);
  let total = 0;
  for (let i = 0; i < labels.length; i++) {
    const weight = weights === null ? 1 : (weights[i] ?? 0);
    const label = labels[i] ?? 0;
    const decision = decided[i] ?? 0;
    total += weight;
    actual[label] = (actual[label] ?? 0) + weight;
    predicted[decision] = (predicted[decision] ?? 0) + weight;
    if (label === decision) right[label] = (right[label] ?? 0) + weight;
  }
  return { total, right, predicted, actual };
}

/**
 * Averaged precision, recall and F1 with their influence functions. In an average a class that is never predicted has precision 0, and a
 * class without rows counts in no average.
 */
export function classFigures(
  labels: Uint8Array,
  decided: Uint8Array,
  classCount: number,
  weights: Float64Array | null,
  average: Average,
): ClassFigures {
  const sums = classSums(labels, decided, classCount, weights);
  const present = [...sums.actual].filter((rows) => rows > 0).length;
  const shareOf = (k: number): number => {
    if (average.kind === "positive") return k === average.classIndex ? 1 : 0;
    const rows = sums.actual[k] ?? 0;
    return average.kind === "macro" ? (rows > 0 ? 1 / Math.max(present, 1) : 0) : rows / sums.total;
  };
  const figure = (
    denominator: (k: number) => number,
    part: (k: number, isLabel: boolean, isDecided: boolean) => number,
    numerator: number,
  ) => {
    const perClass = new Float64Array(classCount);
    let value = 0;
    for (let k = 0; k < classCount; k++) {
      const below = denominator(k);
      perClass[k] = below > 0 ? (numerator * (sums.right[k] ?? 0)) / below : 0;
      value += shareOf(k) * (perClass[k] ?? 0);
    }
    const influence = new Float64Array(labels.length);
    const effect = (k: number, isLabel: boolean, isDecided: boolean): number => {
      const below = denominator(k);
      if (below <= 0) return 0;
      const hit = isLabel && isDecided ? numerator : 0;
      return (shareOf(k) * sums.total * (hit - (perClass[k] ?? 0) * part(k, isLabel, isDecided))) / below;
    };
    const table = new Float64Array(classCount * classCount);
    for (let label = 0; label < classCount; label++) {
      const weightShift = average.kind === "weighted" ? (perClass[label] ?? 0) - value : 0;
      for (let decision = 0; decision < classCount; decision++) {
        const own = effect(label, true, label === decision);
        const other = label === decision ? 0 : effect(decision, false, true);
        table[label * classCount + decision] = weightShift + own + other;
      }
    }
    for (let i = 0; i < labels.length; i++) influence[i] = table[(labels[i] ?? 0) * classCount + (decided[i] ?? 0)] ?? 0;
    return { value, influence };
  };
  return {
    precision: figure(
      (k) => sums.predicted[k] ?? 0,
      (_, __, isDecided) => (isDecided ? 1 : 0),
      1,
    ),
    recall: figure(
      (k) => sums.actual[k] ?? 0,
      (_, isLabel) => (isLabel ? 1 : 0),
      1,
    ),
    f1: figure(
      (k) => (sums.predicted[k] ?? 0) + (sums.actual[k] ?? 0),
      (_, isLabel, isDecided) => (isLabel ? 1 : 0) + (isDecided ? 1 : 0),
      2,
    ),
  };
}

/**
 * Top-label expected calibration error over 15 equal-width bins of confidence, with its influence function (the sign of each bin's gap is
 * held fixed, so the interval is too narrow where gaps are near zero). Biased upwards on few rows, for both models alike.
 */
export function calibrationError(labels: Uint8Array, scores: RowScores, weights: Float64Array | null): Linearised {
  const n = labels.length;
  const gap = new Float64Array(CALIBRATION_BINS);
  const binOf = new Uint8Array(n);
  const influence = new Float64Array(n);
  let total = 0;
  for (let i = 0; i < n; i++) {
    const weight = weights === null ? 1 : (weights[i] ?? 0);
    const confidence = scores.confidence[i] ?? 0;
    const miss = confidence - (scores.decided[i] === labels[i] ? 1 : 0);
    const bin = Math.max(0, Math.ceil(confidence * CALIBRATION_BINS) - 1);
    binOf[i] = bin;
    influence[i] = miss;
    gap[bin] = (gap[bin] ?? 0) + weight * miss;
    total += weight;
  }
  let value = 0;
  for (const each of gap) value += Math.abs(each) / total;
  const signs = gap.map(Math.sign);
  for (let i = 0; i < n; i++) influence[i] = (signs[binOf[i] ?? 0] ?? 0) * (influence[i] ?? 0) - value;
  return { value, influence };
}

/** The record of one model on these rows. Undefined figures are null: precision of a class never predicted, recall of a class without rows. */
export function summarise(
  labels: Uint8Array,
  scores: RowScores,
  classes: readonly string[],
  weights: Float64Array | null,
  average: Average,
): ModelScores {
  const sums = classSums(labels, scores.decided, classes.length, weights);
  const figures = classFigures(labels, scores.decided, classes.length, weights, average);
  const mean = (of: Float64Array): number => weightedMean(of, weights);
  let right = 0;
  for (const each of sums.right) right += each;
  return {
    accuracy: right / sums.total,
    precision: figures.precision.value,
    recall: figures.recall.value,
    f1: figures.f1.value,
    log_loss: mean(scores.logLoss),
    brier: mean(scores.brier),
    ece: calibrationError(labels, scores, weights).value,
    mean_confidence: mean(scores.confidence),
    per_class: classes.map((name, k) => {
      const [hit, predicted, actual] = [sums.right[k] ?? 0, sums.predicted[k] ?? 0, sums.actual[k] ?? 0];
      return {
        class: name,
        rows: actual,
        predicted,
        precision: predicted > 0 ? hit / predicted : null,
        recall: actual > 0 ? hit / actual : null,
        f1: predicted + actual > 0 ? (2 * hit) / (predicted + actual) : null,
      };
    }),
  };
}

export function weightedMean(values: Float64Array, weights: Float64Array | null): number {
  let sum = 0;
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    const weight = weights === null ? 1 : (weights[i] ?? 0);
    sum += weight * (values[i] ?? 0);
    total += weight;
  }
  return sum / total;
}

/**
 * Standard error of a weighted mean of influences, rows of one group counted as one draw.
 * @param influence float64 [n], weighted mean about 0.
 */
export function standardError(
  influence: Float64Array,
  weights: Float64Array | null,
  groupOf: Uint32Array | null,
  groupCount: number,
): number {
  const units = groupOf === null ? influence.length : groupCount;
  const sums = new Float64Array(units);
  let total = 0;
  for (let i = 0; i < influence.length; i++) {
    const weight = weights === null ? 1 : (weights[i] ?? 0);
    const unit = groupOf === null ? i : (groupOf[i] ?? 0);
    sums[unit] = (sums[unit] ?? 0) + weight * (influence[i] ?? 0);
    total += weight;
  }
  let squares = 0;
  for (const sum of sums) squares += sum * sum;
  return units < 2 ? Number.NaN : (Math.sqrt(squares) / total) * Math.sqrt(units / (units - 1));
}

/** value +- z x error, within [least, most]. */
export function linearInterval(value: number, error: number, level: number, least: number, most: number): Interval {
  const half = normalQuantile((1 + level) / 2) * error;
  const known = Number.isFinite(half);
  return {
    value,
    low: known ? Math.max(least, value - half) : null,
    high: known ? Math.min(most, value + half) : null,
    level,
    method: "linearised",
  };
}

import { RequeenError } from "../core/errors.ts";
import { rowBrierScores, rowLogLosses } from "./metrics.ts";
import { mostLikely } from "./model.ts";

/** How a model does on one part of the rows. */
export interface SliceScores {
  readonly slice: number;
  readonly rows: number;
  readonly accuracy: number;
  readonly logLoss: number;
  readonly brierScore: number;
}

/**
 * Scores by slice, by rising slice number. Small slices vary by chance: judge by rows too.
 * @param sliceOf uint32 [n]: the slice of each row. @param probabilities float64 [n x classes].
 */
export function scoreSlices(
  probabilities: Float64Array,
  labels: Uint8Array,
  classCount: number,
  sliceOf: Uint32Array,
): SliceScores[] {
  if (sliceOf.length !== labels.length)
    throw new RequeenError("bad_data", `sliceOf must have ${labels.length} rows; got ${sliceOf.length}`);
  const losses = rowLogLosses(probabilities, labels, classCount);
  const briers = rowBrierScores(probabilities, labels, classCount);
  const called = mostLikely(probabilities, classCount);
  const sums = new Map<number, { rows: number; right: number; loss: number; brier: number }>();
  for (let row = 0; row < labels.length; row++) {
    const sum = sums.get(sliceOf[row]) ?? { rows: 0, right: 0, loss: 0, brier: 0 };
    sum.rows += 1;
    sum.right += called[row] === labels[row] ? 1 : 0;
    sum.loss += losses[row];
    sum.brier += briers[row];
    sums.set(sliceOf[row], sum);
  }
  return [...sums]
    .sort(([a], [b]) => a - b)
    .map(([slice, { rows, right, loss, brier }]) => ({
      slice,
      rows,
      accuracy: right / rows,
      logLoss: loss / rows,
      brierScore: brier / rows,
    }));
}

/** What is found by taking the rows of greatest score first. */
export interface LiftPoint {
  /** Share of all rows taken. */
  readonly share: number;
  /** Share of the positives among them, of all positives. */
  readonly found: number;
  /** found / share: how many times more than by chance. */
  readonly lift: number;
}

/**
 * The cumulative lift at each distinct score, the greatest first; rows of equal score are taken together.
 * @param score float64 [n], for example the probability of one class. @param positive uint8 [n]: 1 = that class. Empty without positives.
 */
export function liftCurve(score: Float64Array, positive: Uint8Array): LiftPoint[] {
  return thresholds(score, positive).flatMap(({ taken, hits, positives, rows }) =>
    positives === 0 || taken === 0
      ? []
      : [{ share: taken / rows, found: hits / positives, lift: hits / positives / (taken / rows) }],
  );
}

/** What calling "positive" from a threshold up costs on average. */
export interface CostPoint {
  /** Rows of this score or more are called positive; Infinity = none. */
  readonly threshold: number;
  /** Mean cost a row. */
  readonly cost: number;
}

/**
 * Mean cost of every threshold that makes a difference, from "call none" down; the least cost is the threshold to take, if the costs are right.
 * @param costs of one false alarm and of one miss, 0 or greater.
 */
export function costCurve(
  score: Float64Array,
  positive: Uint8Array,
  costs: { readonly falseAlarm: number; readonly miss: number },
): CostPoint[] {
  if (!(costs.falseAlarm >= 0 && costs.miss >= 0)) {
    throw new RequeenError("bad_parameter", `costs must be 0 or greater; got falseAlarm ${costs.falseAlarm}, miss ${costs.miss}`);
  }
  return thresholds(score, positive).map(({ threshold, taken, hits, positives, rows }) => ({
    threshold,
    cost: ((taken - hits) * costs.falseAlarm + (positives - hits) * costs.miss) / rows,
  }));
}

function thresholds(score: Float64Array, positive: Uint8Array) {
  const rows = score.length;
  if (rows === 0 || positive.length !== rows)
    throw new RequeenError("bad_data", `positive must have ${rows} rows, and at least one; got ${positive.length}`);
  const order = Uint32Array.from(score, (_, row) => row).sort((a, b) => score[b] - score[a] || a - b);
  const positives = positive.reduce((sum, is) => sum + (is === 1 ? 1 : 0), 0);
  const points = [{ threshold: Number.POSITIVE_INFINITY, taken: 0, hits: 0, positives, rows }];
  let hits = 0;
  for (let i = 0; i < rows; ) {
    const threshold = score[order[i]];
    for (; i < rows && score[order[i]] === threshold; i++) hits += positive[order[i]] === 1 ? 1 : 0;
    points.push({ threshold, taken: i, hits, positives, rows });
  }
  return points;
}

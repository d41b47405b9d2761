/** A rising step function as its blocks: scores from `low` to `high` share one `value`. */
export interface Blocks {
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly value: Float64Array;
}

/**
 * Weighted isotonic regression by pooling adjacent violators.
 * @param scores float64 [n], any order; rows of equal score are pooled first.
 * Cost: one sort, one pass. Source: Ayer et al. 1955; Zadrozny and Elkan 2002.
 */
export function fitIsotonic(scores: Float64Array, targets: Float64Array, weights: Float64Array): Blocks {
  const order = Uint32Array.from(scores, (_, row) => row).sort((a, b) => scores[a] - scores[b] || a - b);
  const low: number[] = [];
  const high: number[] = [];
  const sum: number[] = [];
  const weight: number[] = [];
  for (let i = 0; i < order.length; ) {
    const score = scores[order[i]];
    let pooledSum = 0;
    let pooledWeight = 0;
    for (; i < order.length && scores[order[i]] === score; i++) {
      pooledSum += weights[order[i]] * targets[order[i]];
      pooledWeight += weights[order[i]];
    }
    if (pooledWeight === 0) continue;
    low.push(score);
    high.push(score);
    sum.push(pooledSum);
    weight.push(pooledWeight);
    for (let last = sum.length - 1; last > 0 && sum[last - 1] * weight[last] >= sum[last] * weight[last - 1]; last--) {
      sum[last - 1] += sum.pop() ?? 0;
      weight[last - 1] += weight.pop() ?? 0;
      high[last - 1] = high.pop() ?? 0;
      low.pop();
    }
  }
  return {
    low: Float64Array.from(low),
    high: Float64Array.from(high),
    value: Float64Array.from(sum, (total, block) => total / weight[block]),
  };
}

/** Knots nearer than this are one: no line may be steeper than a millionth can tell. */
const LEAST_STEP = 1e-9;

/** The knots of the lines that join the blocks: both ends of each. */
export function knotsOf(blocks: Blocks): { x: number[]; y: number[] } {
  const x: number[] = [];
  const y: number[] = [];
  for (let block = 0; block < blocks.value.length; block++) {
    for (const at of [blocks.low[block], blocks.high[block]]) {
      if (x.length > 0 && at - x[x.length - 1] < LEAST_STEP) continue;
      x.push(at);
      y.push(blocks.value[block]);
    }
  }
  return { x, y };
}

/** Value at `at` of the straight lines between the knots [start, end) of x and y; level outside. */
export function interpolate(x: Float64Array, y: Float64Array, start: number, end: number, at: number): number {
  if (at <= x[start]) return y[start];
  if (at >= x[end - 1]) return y[end - 1];
  let low = start;
  let high = end - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle] <= at) low = middle;
    else high = middle;
  }
  return y[low] + ((at - x[low]) / (x[high] - x[low])) * (y[high] - y[low]);
}

/** Lower and upper probability of class 1: one of them is right on average, whatever the data (Vovk and Petej 2014). */
export interface ProbabilityInterval {
  readonly low: number;
  readonly high: number;
  /** high / (1 - low + high): the single value that loses least log loss against both. */
  readonly merged: number;
}

/**
 * Inductive Venn-Abers prediction: the interval of a score, from isotonic fits with the score added once as 0 and once as 1.
 * The width tells how much the calibration rows know about this score; it is wide with few rows.
 * @param scores float64 [n]. Probabilities of class 1 on rows that the model was not trained on.
 * Cost: two isotonic fits, O(n log n) a call.
 */
export function vennAbersInterval(scores: Float64Array, labels: Uint8Array, score: number): ProbabilityInterval {
  const at = (label: 0 | 1): number => {
    const extended = Float64Array.from({ length: scores.length + 1 }, (_, row) => (row < scores.length ? scores[row] : score));
    const targets = Float64Array.from(extended, (_, row) => (row < labels.length ? labels[row] : label));
    const { low, high, value } = fitIsotonic(extended, targets, new Float64Array(extended.length).fill(1));
    for (let block = 0; block < value.length; block++) if (low[block] <= score && score <= high[block]) return value[block];
    throw new Error("a score is in no block of its own isotonic fit");
  };
  const low = at(0);
  const high = at(1);
  return { low, high, merged: high / (1 - low + high) };
}

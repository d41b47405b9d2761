// The plain form of the kernels of perceptron.as and perceptron-parts.as: the truth that they must equal bit for bit. Matrices are float32,
// row-major, without the padding that the kernels read past; every number is rounded to float32 where it is computed.

import { exp, log1p } from "./exact-math.ts";

/**
 * out = out + sum over the y in list x of a[x][y] x b[y], nothing below `floor`; sums run over the list upwards.
 * @param lists [m]. @param a [m x k]. @param b [k x n]. @param out OUT [m x n].
 * Cost: n multiplications a member of a list.
 */
export function multiplyListed(
  lists: readonly (readonly number[])[],
  a: Float32Array,
  b: Float32Array,
  out: Float32Array,
  n: number,
  floor: number,
): void {
  const k = b.length / n;
  for (const [x, list] of lists.entries()) {
    for (let column = 0; column < n; column++) {
      let sum = out[x * n + column];
      for (const y of list) sum = Math.fround(sum + Math.fround(a[x * k + y] * b[y * n + column]));
      out[x * n + column] = sum < floor ? floor : sum;
    }
  }
}

/**
 * out = (out + sum over the y in list x of right[y] x b[y]) x left[x]. What belongs to four rows of b, 0 to 3, 4 to 7, ..., is added up
 * first, upwards, and then the fours.
 * @param lists [m], each rising. @param right [k]. @param b [k x n]. @param left [m]. @param out OUT [m x n].
 */
export function multiplyMarked(
  lists: readonly (readonly number[])[],
  right: Float32Array,
  b: Float32Array,
  left: Float32Array,
  out: Float32Array,
  n: number,
): void {
  for (const [x, list] of lists.entries()) {
    for (let column = 0; column < n; column++) {
      const fours = new Float32Array(Math.ceil(right.length / 4));
      for (const y of list) fours[y >> 2] += Math.fround(right[y] * b[y * n + column]);
      out[x * n + column] = fours.reduce((sum, four) => Math.fround(sum + four), out[x * n + column]) * left[x];
    }
  }
}

/** Of each row of a [rows x units] matrix the columns that are above 0. */
export function listActive(values: Float32Array, units: number): number[][] {
  return Array.from({ length: values.length / units }, (_, row) =>
    Array.from({ length: units }, (_, unit) => unit).filter((unit) => values[row * units + unit] > 0),
  );
}

/** Dot product of two rows, in four lanes: members 0, 4, 8, ... in the first. */
export function dot(a: Float32Array, b: Float32Array): number {
  return sumLanes(a.map((value, i) => value * b[i]));
}

/**
 * Log loss of scores of two classes, and its derivative by each score; losses are added up in two lanes, rows 0, 2, 4, ... in the first.
 * @param signed float64 [rows]. A row's weight, negative for class 0. @param deltas OUT [rows].
 */
export function logisticLoss(scores: Float32Array, signed: Float64Array, deltas: Float32Array): number {
  const lanes = [0, 0];
  for (let i = 0; i < scores.length; i++) {
    const isFirst = signed[i] > 0 || Object.is(signed[i], 0);
    const score = isFirst ? scores[i] : -scores[i];
    const small = exp(Math.max(-700, -Math.abs(score)));
    lanes[i % 2] += Math.abs(signed[i]) * (log1p(small) + Math.max(0, -score));
    deltas[i] = -(signed[i] * ((score >= 0 ? small : 1) / (1 + small)));
  }
  return lanes[0] + lanes[1];
}

/** What one step of Adam needs besides its arrays; `rate` is corrected for the number of steps, `share` is 1 / rows. */
export interface AdamStep {
  readonly share: number;
  readonly alpha: number;
  readonly rate: number;
  readonly decay1: number;
  readonly decay2: number;
  readonly epsilon: number;
}

/**
 * One step of Adam on the [units x width] weights of a layer: gradient = gradient x share + alpha x weight, then moments and weights. What
 * follows the `inputs` weights of a unit is its bias and has no alpha. Returns the sum of the squared weights as they were, biases left out:
 * float32 in four lanes a unit, over the units in float64. Source: Kingma and Ba 2015.
 */
export function moveWeights(
  weights: Float32Array,
  gradient: Float32Array,
  first: Float32Array,
  second: Float32Array,
  width: number,
  inputs: number,
  step: AdamStep,
): number {
  const [share, alpha, rate, decay1, decay2, epsilon] = Float32Array.of(
    ...[step.share, step.alpha, step.rate, step.decay1, step.decay2, step.epsilon],
  );
  const [rest1, rest2] = Float32Array.of(1 - decay1, 1 - decay2);
  const { fround, sqrt } = Math;
  let squares = 0;
  for (let unit = 0; unit < weights.length / width; unit++) {
    const own = weights.subarray(unit * width, (unit + 1) * width);
    squares += sumLanes(own.map((weight, i) => (i < inputs ? weight * weight : 0)));
    for (let i = 0; i < width; i++) {
      const at = unit * width + i;
      const g = fround(fround(gradient[at] * share) + (i < inputs ? fround(alpha * own[i]) : 0));
      first[at] = fround(decay1 * first[at]) + fround(rest1 * g);
      second[at] = fround(decay2 * second[at]) + fround(rest2 * fround(g * g));
      own[i] -= fround(fround(rate * first[at]) / fround(fround(sqrt(second[at])) + epsilon));
    }
  }
  return squares;
}

/** Sum of the numbers in four lanes, 0, 4, 8, ... in the first: (0 + 1) + (2 + 3). */
function sumLanes(values: Float32Array): number {
  const lanes = new Float32Array(4);
  for (let i = 0; i < values.length; i++) lanes[i & 3] += values[i];
  return Math.fround(Math.fround(lanes[0] + lanes[1]) + Math.fround(lanes[2] + lanes[3]));
}

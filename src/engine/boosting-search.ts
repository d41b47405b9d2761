import { MISSING_BIN } from "./bin-columns.ts";
import type { CategoryLimits } from "./boosting-categories.ts";

/** What a split search keeps to, in the units of the fixed-point derivatives. */
export interface SplitLimits {
  readonly minSamplesLeaf: number;
  readonly minHessian: number;
  readonly l1: number;
  readonly l2: number;
  readonly minSplitGain: number;
  /** int8 [d] of 1, 0, -1; null = no column is constrained. */
  readonly monotone: Int8Array | null;
  /** null = no column holds categories. */
  readonly categories: CategoryLimits | null;
}

/** The best split of a leaf: bins up to `lower` go left; `upper` is the next bin that the leaf's rows have, 255 = only missing ones. */
export interface FoundSplit {
  readonly column: number;
  readonly lower: number;
  readonly upper: number;
  readonly missingLeft: boolean;
  readonly leftGradient: number;
  readonly leftHessian: number;
  /** uint8 [256]. Of a categorical column, in place of `lower`: 1 = rows of this bin go left. null = it has a threshold. */
  readonly left: Uint8Array | null;
  /** Added to the L2 penalty of both sides. */
  readonly l2Added: number;
}

/** A range of rows with its sums. */
export interface RowRange {
  readonly start: number;
  readonly end: number;
  readonly gradient: number;
  readonly hessian: number;
  /** Bounds of what the range's leaves may say, as gradient over hessian, before the learning rate. */
  readonly least: number;
  readonly most: number;
  /** Added to the L2 penalty of what a leaf of this range says. */
  readonly l2Added: number;
}

/** Soft threshold: nearer to 0 by `by`, at most to 0. */
export const shrink = (value: number, by: number): number => value - Math.max(-by, Math.min(by, value));

/** What a leaf may say of `value`. */
export const bounded = (value: number, { least, most }: Pick<RowRange, "least" | "most">): number =>
  Math.max(least, Math.min(most, value));

/** What a leaf of these sums says, as gradient over hessian. */
export const leafValue = (range: Omit<RowRange, "start" | "end">, { l1, l2 }: SplitLimits): number =>
  range.hessian + l2 > 0 ? bounded(-shrink(range.gradient, l1) / (range.hessian + l2 + range.l2Added), range) : 0;

const scoreOf = (gradient: number, hessian: number, { l1, l2 }: Pick<SplitLimits, "l1" | "l2">, l2Added = 0): number => {
  const g = shrink(gradient, l1);
  return (g * g) / (hessian + l2 + l2Added);
};

/** Twice the loss that a split saves. Source: Chen and Guestrin 2016, equation 7. */
export const gainOf = (range: RowRange, { leftGradient, leftHessian, l2Added }: FoundSplit, limits: SplitLimits): number =>
  scoreOf(leftGradient, leftHessian, limits, l2Added) +
  scoreOf(range.gradient - leftGradient, range.hessian - leftHessian, limits, l2Added) -
  scoreOf(range.gradient, range.hessian, limits);

/** The numbers that both forms compare float32 scores and integer sums with. */
export function thresholdsOf(range: RowRange, limits: Omit<SplitLimits, "categories">, counted: boolean) {
  const rows = range.end - range.start;
  // half a row less: an estimate is rounded. Source: LightGBM, which takes rows in proportion to hessians
  const byRows = counted ? 1 : Math.ceil(((limits.minSamplesLeaf - 0.5) * range.hessian) / rows);
  return {
    leastHessian: Math.min(range.hessian, Math.max(1, byRows, Math.ceil(limits.minHessian))),
    minRows: counted ? limits.minSamplesLeaf : 0,
    // what rounding could feign is no gain
    floor: Math.fround(scoreOf(range.gradient, range.hessian, limits) * (1 + 1e-6) + 2 * limits.minSplitGain),
  };
}

/** Sums of one column's bins; bin 255 holds the missing values. */
export interface ColumnSums {
  readonly gradient: Int32Array;
  readonly hessian: Int32Array;
  readonly rows: Int32Array;
}

export interface Candidate extends FoundSplit {
  /** Float32. */
  readonly score: number;
}

/**
 * The best split of one column if it scores above `found`, else `found`: the truth that the kernels must equal. Missing values go right,
 * then left; the first of equal scores is kept.
 */
export function scanColumn(
  { gradient, hessian, rows }: ColumnSums,
  column: number,
  range: RowRange,
  limits: SplitLimits,
  counted: boolean,
  found: Candidate,
): Candidate {
  const { leastHessian, minRows } = thresholdsOf(range, limits, counted);
  const f = Math.fround;
  const [l1, l2, least, most] = [f(limits.l1), f(limits.l2), f(range.least), f(range.most)];
  const sign = limits.monotone?.[column] ?? 0;
  const total = range.end - range.start;
  let best = found;
  for (const missingLeft of [false, true]) {
    if (missingLeft && rows[MISSING_BIN] === 0) break;
    let [g, h, count] = missingLeft ? [gradient[MISSING_BIN], hessian[MISSING_BIN], rows[MISSING_BIN]] : [0, 0, 0];
    for (let bin = 0; bin < MISSING_BIN; bin++) {
      if (rows[bin] === 0) continue;
      g += gradient[bin];
      h += hessian[bin];
      count += rows[bin];
      if (h < leastHessian || range.hessian - h < leastHessian || count < minRows || total - count < minRows) continue;
      const l = shrink32(f(g), l1);
      const r = shrink32(f(range.gradient - g), l1);
      const a = f(f(h) + l2);
      const b = f(f(range.hessian - h) + l2);
      const score = f(f(f(l * l) / a) + f(f(r * r) / b));
      if (!(score > best.score)) continue;
      if (sign !== 0) {
        const left = Math.max(least, Math.min(most, f(-f(l / a))));
        const right = Math.max(least, Math.min(most, f(-f(r / b))));
        if (sign > 0 ? left > right : left < right) continue;
      }
      best = { ...NO_SPLIT, score, column, lower: bin, missingLeft, leftGradient: g, leftHessian: h };
    }
  }
  return best === found ? found : { ...best, upper: nextBin(rows, best.lower) };
}

export const shrink32 = (value: number, by: number): number => Math.fround(value - Math.max(-by, Math.min(by, value)));

function nextBin(rows: Int32Array, after: number): number {
  let bin = after + 1;
  while (bin < MISSING_BIN && rows[bin] === 0) bin++;
  return bin;
}

/** Below every candidate: what a search begins with. */
export const noCandidate = (range: RowRange, limits: SplitLimits): Candidate => ({
  ...NO_SPLIT,
  score: thresholdsOf(range, limits, false).floor,
});

const NO_SPLIT: FoundSplit = {
  column: -1,
  lower: -1,
  upper: MISSING_BIN,
  missingLeft: false,
  leftGradient: 0,
  leftHessian: 0,
  left: null,
  l2Added: 0,
};

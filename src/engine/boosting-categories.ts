import { MISSING_BIN } from "./bin-columns.ts";
import { type Candidate, type ColumnSums, type RowRange, type SplitLimits, shrink32, thresholdsOf } from "./boosting-search.ts";

/** How categories are split, in the units of the fixed-point derivatives. Names in `BOOSTING_PARAMETERS`. */
export interface CategoryLimits {
  /** uint8 [d]. 1 = the column holds categories. */
  readonly marks: Uint8Array;
  readonly maxCatToOnehot: number;
  /** Hessian added to a category's when categories are ordered. */
  readonly smoothing: number;
  /** Rows that a category needs to be moved from the others; the same number as `smoothing`, in rows. */
  readonly leastRows: number;
  /** Added to the L2 penalty of both sides. */
  readonly l2: number;
  readonly maxCatThreshold: number;
  readonly minDataPerGroup: number;
}

/**
 * The best split of a categorical column if it scores above `found` (or the same, of a later column), else `found`. Missing values are one
 * category more. Few categories: each against the rest. More: ordered by gradient / (hessian + smoothing), the first or the last of the
 * order go left, at most half of them: without smoothing and penalties the best of all subsets (Fisher 1958). What the left side does not
 * name goes right. Source: the limits are those of LightGBM (Ke et al. 2017; its FindBestThresholdCategorical).
 * @param counted whether `rows` are exact; otherwise they are taken in proportion to hessians.
 * Cost: bins x log(bins).
 */
export function scanCategories(
  { gradient, hessian, rows }: ColumnSums,
  column: number,
  range: RowRange,
  limits: SplitLimits,
  counted: boolean,
  found: Candidate,
): Candidate {
  const { categories } = limits;
  if (categories === null) throw new Error("a run without categories was asked to split some");
  const { leastHessian, minRows, floor } = thresholdsOf(range, limits, counted);
  const total = range.end - range.start;
  const perHessian = total / range.hessian;
  // every row has some hessian
  let count = 0;
  for (let bin = 0; bin <= MISSING_BIN; bin++) if (hessian[bin] > 0) order[count++] = bin;
  const single = count <= categories.maxCatToOnehot;
  if (!single) count = sortBins(count, gradient, hessian, counted ? rows : null, perHessian, categories);
  const l2Added = single ? 0 : categories.l2;
  const f = Math.fround;
  const [l1, l2] = [f(limits.l1), f(limits.l2 + l2Added)];
  const rightRows = single ? minRows : Math.max(minRows, categories.minDataPerGroup);
  const groupRows = single ? 0 : categories.minDataPerGroup;
  const most = single ? count : Math.min(categories.maxCatThreshold, Math.ceil(count / 2));
  let bestScore = floor;
  let [bestEnd, bestFromLast, bestGradient, bestHessian] = [0, false, 0, 0];
  for (let pass = 0; pass < (single ? 1 : 2); pass++) {
    let [g, h, taken, group] = [0, 0, 0, 0];
    for (let i = 0; i < most; i++) {
      const bin = order[pass === 0 ? i : count - 1 - i];
      const own = counted ? rows[bin] : Math.round(hessian[bin] * perHessian);
      if (single) g = h = taken = group = 0;
      g += gradient[bin];
      h += hessian[bin];
      taken += own;
      group += own;
      if (range.hessian - h < leastHessian || total - taken < rightRows) {
        if (single) continue;
        break;
      }
      if (h < leastHessian || taken < minRows || group < groupRows) continue;
      group = 0;
      const l = shrink32(f(g), l1);
      const r = shrink32(f(range.gradient - g), l1);
      const a = f(f(h) + l2);
      const b = f(f(range.hessian - h) + l2);
      const score = f(f(f(l * l) / a) + f(f(r * r) / b));
      if (!(score > bestScore)) continue;
      bestScore = score;
      [bestEnd, bestFromLast, bestGradient, bestHessian] = [i + 1, pass === 1, g, h];
    }
  }
  const better = bestScore > found.score || (bestScore === found.score && column < found.column);
  if (bestEnd === 0 || !better) return found;
  const left = new Uint8Array(MISSING_BIN + 1);
  for (let i = single ? bestEnd - 1 : 0; i < bestEnd; i++) left[order[bestFromLast ? count - 1 - i : i]] = 1;
  return {
    score: bestScore,
    column,
    lower: -1,
    upper: MISSING_BIN,
    missingLeft: left[MISSING_BIN] === 1,
    leftGradient: bestGradient,
    leftHessian: bestHessian,
    left,
    l2Added,
  };
}

/** Scratch of one search: bins in their order, the same while they are sorted, and by what. */
const order = new Uint8Array(MISSING_BIN + 1);
const merged = new Uint8Array(MISSING_BIN + 1);
const place = new Float64Array(MISSING_BIN + 1);

/**
 * Sorts the first `count` bins of `order` that have rows enough by gradient / (hessian + smoothing), equal ones as they stood.
 * A merge sort: calls of a comparing function were half of the search. @returns how many are left.
 */
function sortBins(
  count: number,
  gradient: Int32Array,
  hessian: Int32Array,
  rows: Int32Array | null,
  perHessian: number,
  { leastRows, smoothing }: CategoryLimits,
): number {
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const bin = order[i];
    if ((rows === null ? Math.round(hessian[bin] * perHessian) : rows[bin]) < leastRows) continue;
    place[bin] = gradient[bin] / (hessian[bin] + smoothing);
    order[kept++] = bin;
  }
  for (let width = 1; width < kept; width *= 2) {
    for (let start = 0; start < kept; start += 2 * width) {
      const middle = Math.min(start + width, kept);
      const end = Math.min(start + 2 * width, kept);
      let [a, b] = [start, middle];
      for (let to = start; to < end; to++)
        merged[to] = b === end || (a < middle && place[order[a]] <= place[order[b]]) ? order[a++] : order[b++];
    }
    order.set(merged.subarray(0, kept));
  }
  return kept;
}

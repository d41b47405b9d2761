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
  const rowsOf = (bin: number): number => (counted ? rows[bin] : Math.round((hessian[bin] * total) / range.hessian));
  const present: number[] = [];
  // every row has some hessian
  for (let bin = 0; bin <= MISSING_BIN; bin++) if (hessian[bin] > 0) present.push(bin);
  const single = present.length <= categories.maxCatToOnehot;
  const l2Added = single ? 0 : categories.l2;
  const f = Math.fround;
  const [l1, l2] = [f(limits.l1), f(limits.l2 + l2Added)];
  const best = { score: floor, bins: [] as readonly number[], gradient: 0, hessian: 0 };
  const consider = (g: number, h: number, bins: () => readonly number[]): void => {
    const l = shrink32(f(g), l1);
    const r = shrink32(f(range.gradient - g), l1);
    const a = f(f(h) + l2);
    const b = f(f(range.hessian - h) + l2);
    const score = f(f(f(f(l * l) * b) + f(f(r * r) * a)) / f(a * b));
    if (score > best.score) Object.assign(best, { score, bins: bins(), gradient: g, hessian: h });
  };
  if (single) {
    for (const bin of present) {
      const [h, count] = [hessian[bin], rowsOf(bin)];
      if (h < leastHessian || range.hessian - h < leastHessian || count < minRows || total - count < minRows) continue;
      consider(gradient[bin], h, () => [bin]);
    }
  } else {
    const place = new Float64Array(MISSING_BIN + 1);
    const order = present.filter((bin) => rowsOf(bin) >= categories.leastRows);
    for (const bin of order) place[bin] = gradient[bin] / (hessian[bin] + categories.smoothing);
    order.sort((a, b) => place[a] - place[b] || a - b);
    const most = Math.min(categories.maxCatThreshold, Math.ceil(order.length / 2));
    const rightRows = Math.max(minRows, categories.minDataPerGroup);
    for (const ordered of [order, order.toReversed()]) {
      let [g, h, count, group] = [0, 0, 0, 0];
      for (let i = 0; i < most; i++) {
        g += gradient[ordered[i]];
        h += hessian[ordered[i]];
        count += rowsOf(ordered[i]);
        group += rowsOf(ordered[i]);
        if (range.hessian - h < leastHessian || total - count < rightRows) break;
        if (h < leastHessian || count < minRows || group < categories.minDataPerGroup) continue;
        group = 0;
        consider(g, h, () => ordered.slice(0, i + 1));
      }
    }
  }
  const better = best.score > found.score || (best.score === found.score && column < found.column);
  if (best.bins.length === 0 || !better) return found;
  const left = new Uint8Array(MISSING_BIN + 1);
  for (const bin of best.bins) left[bin] = 1;
  return {
    score: best.score,
    column,
    lower: -1,
    upper: MISSING_BIN,
    missingLeft: left[MISSING_BIN] === 1,
    leftGradient: best.gradient,
    leftHessian: best.hessian,
    left,
    l2Added,
  };
}

import { holm } from "./slices.ts";
import { incompleteGammaTail, logGamma, normalCdf } from "./special-functions.ts";

/** When a feature counts as drifted: both must hold, since enough rows make any shift certain and few rows make any shift large. */
export interface DriftLimits {
  /** Population stability index on proportions; the original system's 0.2. */
  readonly psi: number;
  /** Chance of any false alarm in one check of one specialist, over all its features and its agreement (Holm). */
  readonly level: number;
  /** Rows that each side must have. */
  readonly minRows: number;
  /** Points by which agreement with people, or the accuracy that the model expects of itself, must fall, 0..1. */
  readonly agreementDrop: number;
}
export const DRIFT_LIMITS: DriftLimits = { psi: 0.2, level: 0.05, minRows: 100, agreementDrop: 0.05 };

export interface FeatureDrift {
  readonly feature: string;
  readonly psi: number;
  /** `ks` for many values, `chi2` for few. */
  readonly test: "ks" | "chi2";
  readonly p: number;
  readonly p_adjusted: number;
  readonly drifted: boolean;
  /** Share of missing values, before and now. */
  readonly missing: { readonly reference: number; readonly current: number };
  readonly mean: { readonly reference: number | null; readonly current: number | null };
}

export interface AgreementDrift {
  readonly reference: { readonly agreed: number; readonly labelled: number };
  readonly current: { readonly agreed: number; readonly labelled: number };
  readonly p: number;
  readonly p_adjusted: number;
  readonly dropped: boolean;
}

/** What the model expects of itself: a shift of the input that it does not notice changes no decision. */
export interface ScoreDrift {
  /** One-sided, that the mean fell: normal, with the variances and effective numbers of both sides. */
  readonly p: number;
  readonly p_adjusted: number;
  /**
   * Mean probability of the decided class: the accuracy to expect, if the probabilities still hold. Blind to labels that changed their
   * meaning; those show in the agreement.
   */
  readonly expected_accuracy: { readonly reference: number; readonly current: number };
  readonly drifted: boolean;
}

export interface DriftResult {
  readonly features: readonly FeatureDrift[];
  /** Null = too few probabilities on a side. */
  readonly score: ScoreDrift | null;
  readonly agreement: AgreementDrift | null;
  readonly drift: boolean;
  /** Share of features that drifted: what it is, and compared with nothing. */
  readonly share: number;
}

export interface DriftInput {
  readonly featureNames: readonly string[];
  /** One column a feature, float64 [rows], NaN = missing: what the champion learnt from. */
  readonly reference: readonly Float64Array[];
  /** The same of what is judged now. */
  readonly current: readonly Float64Array[];
  /**
   * Probability of the decided class, float64 [rows]: on rows that the model had not trained on, with the weights by which they stand for all,
   * and now. Null or absent = not known.
   */
  readonly score?: { readonly reference: Float64Array; readonly weights: Float64Array; readonly current: Float64Array } | null;
  /** How often people agreed with the champion, before and now; null = too little is known. */
  readonly agreement: Pick<AgreementDrift, "reference" | "current"> | null;
}

/** Features with at most this many values are compared value by value. */
const FEW_VALUES = 10;
const BINS = 10;
/** Expected rows below which a value is joined with others, as usual for the chi-square approximation. */
const LEAST_EXPECTED = 5;

/** Compares two samples: the model's output, each feature, and agreement. Pure; the order of rows means nothing. Cost: sorts each column. */
export function measureDrift(
  { featureNames, reference, current, agreement, score = null }: DriftInput,
  limits: DriftLimits = DRIFT_LIMITS,
): DriftResult {
  const measured = featureNames.map((feature, index) =>
    measureFeature(feature, reference[index] ?? new Float64Array(), current[index] ?? new Float64Array()),
  );
  const agreementP = agreement === null ? null : fisherLess(agreement.current, agreement.reference);
  const output = score === null ? null : measureScore(score);
  const family = [
    ...measured.map(({ p }) => p),
    ...(output === null ? [] : [output.p]),
    ...(agreementP === null ? [] : [agreementP]),
  ];
  const adjusted = holm(family);
  const features = measured.map((one, index) => {
    const p_adjusted = adjusted[index] ?? 1;
    return { ...one, p_adjusted, drifted: p_adjusted < limits.level && one.psi >= limits.psi };
  });
  const fallen =
    agreement === null || agreementP === null ? null : withVerdict(agreement, agreementP, adjusted.at(-1) ?? 1, limits);
  const scored = output === null ? null : withScoreVerdict(output, adjusted[measured.length] ?? 1, limits);
  const drifted = features.filter((one) => one.drifted).length;
  return {
    features,
    score: scored,
    agreement: fallen,
    drift: drifted > 0 || scored?.drifted === true || fallen?.dropped === true,
    share: features.length === 0 ? 0 : drifted / features.length,
  };
}

type MeasuredScore = Omit<ScoreDrift, "p_adjusted" | "drifted">;

/** Means and not whole distributions: the folds that gave the reference are other models, whose steps lie elsewhere. */
function measureScore({ reference, weights, current }: NonNullable<DriftInput["score"]>): MeasuredScore {
  const [before, now] = [momentsOf(reference, weights), momentsOf(current, null)];
  const error = Math.sqrt(before.variance / before.effective + now.variance / now.effective);
  const fall = before.mean - now.mean;
  return {
    p: error > 0 ? normalCdf(-fall / error) : fall > 0 ? 0 : 1,
    expected_accuracy: { reference: before.mean, current: now.mean },
  };
}

function momentsOf(values: Float64Array, weights: Float64Array | null): { mean: number; variance: number; effective: number } {
  const weightOf = (row: number): number => (weights === null ? 1 : (weights[row] ?? 0));
  let [total, squares, sum] = [0, 0, 0];
  values.forEach((value, row) => {
    const weight = weightOf(row);
    total += weight;
    squares += weight * weight;
    sum += weight * value;
  });
  const mean = sum / total;
  const effective = (total * total) / squares;
  const spread = values.reduce((all, value, row) => all + weightOf(row) * (value - mean) ** 2, 0) / total;
  return { mean, variance: (spread * effective) / Math.max(1, effective - 1), effective };
}

function withScoreVerdict(score: MeasuredScore, p_adjusted: number, { level, agreementDrop }: DriftLimits): ScoreDrift {
  const fall = score.expected_accuracy.reference - score.expected_accuracy.current;
  return { ...score, p_adjusted, drifted: p_adjusted < level && fall >= agreementDrop };
}

const shareOf = ({ agreed, labelled }: { agreed: number; labelled: number }): number => (labelled === 0 ? 0 : agreed / labelled);

function withVerdict(
  agreement: Pick<AgreementDrift, "reference" | "current">,
  p: number,
  p_adjusted: number,
  { level, agreementDrop }: DriftLimits,
): AgreementDrift {
  const drop = shareOf(agreement.reference) - shareOf(agreement.current);
  return { ...agreement, p, p_adjusted, dropped: p_adjusted < level && drop >= agreementDrop };
}

function measureFeature(
  feature: string,
  reference: Float64Array,
  current: Float64Array,
): Omit<FeatureDrift, "p_adjusted" | "drifted"> {
  const [before, now] = [presentSorted(reference), presentSorted(current)];
  const missing = { reference: missingShare(reference, before), current: missingShare(current, now) };
  const values = distinct(before);
  const isFew = values.length <= FEW_VALUES;
  const edges = isFew ? values : quantileEdges(before);
  const counts = isFew ? countValues : countBins;
  const [beforeCounts, nowCounts] = [
    [...counts(before, edges), reference.length - before.length],
    [...counts(now, edges), current.length - now.length],
  ];
  return {
    feature,
    psi: populationStability(beforeCounts, nowCounts),
    test: isFew ? "chi2" : "ks",
    p: isFew ? chiSquareHomogeneity(joinRare(beforeCounts, nowCounts)) : ksWithMissing(reference, current, before, now),
    missing,
    mean: { reference: mean(before), current: mean(now) },
  };
}

/** Kolmogorov-Smirnov on what is there, Fisher on what is missing; the smaller of both, doubled where both were asked. */
function ksWithMissing(reference: Float64Array, current: Float64Array, before: Float64Array, now: Float64Array): number {
  const [absentBefore, absentNow] = [reference.length - before.length, current.length - now.length];
  const p = ksPValue(before, now);
  if (absentBefore + absentNow === 0) return p;
  const counts = [
    [absentBefore, before.length],
    [absentNow, now.length],
  ] as const;
  return Math.min(1, 2 * Math.min(p, homogeneityOfTwo(counts)));
}

/** Pearson where every cell expects five rows or more, Fisher's exact test where it does not: one missing value must not be an alarm. */
function homogeneityOfTwo(table: readonly [readonly [number, number], readonly [number, number]]): number {
  const [[a, b], [c, d]] = table;
  const least = (Math.min(a + b, c + d) * Math.min(a + c, b + d)) / (a + b + c + d);
  if (least >= LEAST_EXPECTED) return chiSquareHomogeneity(table);
  const [first, second] = [
    { agreed: a, labelled: a + b },
    { agreed: c, labelled: c + d },
  ];
  return Math.min(1, 2 * Math.min(fisherLess(first, second), fisherLess(second, first)));
}

const presentSorted = (values: Float64Array): Float64Array => values.filter((value) => !Number.isNaN(value)).sort();
const missingShare = (values: Float64Array, present: Float64Array): number =>
  values.length === 0 ? 0 : 1 - present.length / values.length;
const mean = (values: Float64Array): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
const distinct = (sorted: Float64Array): number[] => Array.from(new Set(sorted));

/** Inner edges of bins that hold equal parts of the reference; the outer bins are open. */
function quantileEdges(sorted: Float64Array): number[] {
  const edges = Array.from({ length: BINS - 1 }, (_, index) => sorted[Math.floor(((index + 1) * sorted.length) / BINS)] ?? 0);
  return [...new Set(edges)];
}

/** Rows in (-inf, e0), [e0, e1), ... [e_last, inf). */
function countBins(sorted: Float64Array, edges: readonly number[]): number[] {
  const counts = new Array<number>(edges.length + 1).fill(0);
  let bin = 0;
  for (const value of sorted) {
    while (bin < edges.length && value >= (edges[bin] ?? 0)) bin += 1;
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}

/** Rows of each value, and last those of any other. */
function countValues(sorted: Float64Array, values: readonly number[]): number[] {
  const place = new Map(values.map((value, index) => [value, index]));
  const counts = new Array<number>(values.length + 1).fill(0);
  for (const value of sorted) {
    const index = place.get(value) ?? values.length;
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

/**
 * Population stability index of two tables of counts, on proportions: the sum of (q - p) ln(q / p). Half a row is added to each bin, so that an
 * empty one is no infinity.
 */
export function populationStability(reference: readonly number[], current: readonly number[]): number {
  const used = reference.map((count, bin) => count + (current[bin] ?? 0) > 0);
  const bins = used.filter(Boolean).length;
  const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0) + bins / 2;
  const [n, m] = [total(reference), total(current)];
  return reference.reduce((sum, count, bin) => {
    if (used[bin] !== true) return sum;
    const [p, q] = [(count + 0.5) / n, ((current[bin] ?? 0) + 0.5) / m];
    return sum + (q - p) * Math.log(q / p);
  }, 0);
}

/** Largest distance of two empirical distributions, of sorted samples. */
export function ksDistance(first: Float64Array, second: Float64Array): number {
  let [i, j, most] = [0, 0, 0];
  while (i < first.length && j < second.length) {
    const value = Math.min(first[i] ?? 0, second[j] ?? 0);
    while (i < first.length && (first[i] ?? 0) <= value) i += 1;
    while (j < second.length && (second[j] ?? 0) <= value) j += 1;
    most = Math.max(most, Math.abs(i / first.length - j / second.length));
  }
  return most;
}

/** Two-sample, two-sided, by the limiting distribution; with ties it is an upper bound. 1 where a sample is empty. */
function ksPValue(first: Float64Array, second: Float64Array): number {
  if (first.length === 0 || second.length === 0) return 1;
  const effective = (first.length * second.length) / (first.length + second.length);
  return kolmogorovTail(Math.sqrt(effective) * ksDistance(first, second));
}

/** P(K > x) of the Kolmogorov distribution. Source: Smirnov 1948; for small x the theta function's other form. */
export function kolmogorovTail(x: number): number {
  if (x <= 0) return 1;
  if (x < 1) {
    const y = Math.PI ** 2 / (8 * x * x);
    let sum = 0;
    for (let k = 1; k <= 9; k += 2) sum += Math.exp(-k * k * y);
    return Math.max(0, 1 - (Math.sqrt(2 * Math.PI) / x) * sum);
  }
  let sum = 0;
  for (let k = 1; k <= 10; k += 1) sum += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * k * k * x * x);
  return Math.min(1, Math.max(0, sum));
}

/** Pearson's test that rows of counts come from one distribution; columns without rows are left out. 1 where nothing differs by design. */
export function chiSquareHomogeneity(table: readonly (readonly number[])[]): number {
  const rowTotals = table.map((row) => row.reduce((sum, count) => sum + count, 0));
  const total = rowTotals.reduce((sum, count) => sum + count, 0);
  const columns = (table[0] ?? []).map((_, column) => table.reduce((sum, row) => sum + (row[column] ?? 0), 0));
  const used = columns.filter((count) => count > 0).length;
  const rows = rowTotals.filter((count) => count > 0).length;
  if (used < 2 || rows < 2) return 1;
  let statistic = 0;
  table.forEach((row, index) => {
    columns.forEach((count, column) => {
      const expected = ((rowTotals[index] ?? 0) * count) / total;
      if (expected > 0) statistic += ((row[column] ?? 0) - expected) ** 2 / expected;
    });
  });
  return incompleteGammaTail(((used - 1) * (rows - 1)) / 2, statistic / 2);
}

/** Joins the columns in which either side would expect fewer than five rows. */
function joinRare(reference: readonly number[], current: readonly number[]): number[][] {
  const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);
  const [n, m] = [sum(reference), sum(current)];
  const joined: [number[], number[]] = [[], []];
  const rare = [0, 0];
  reference.forEach((count, column) => {
    const other = current[column] ?? 0;
    if ((Math.min(n, m) * (count + other)) / (n + m) < LEAST_EXPECTED) {
      rare[0] = (rare[0] ?? 0) + count;
      rare[1] = (rare[1] ?? 0) + other;
    } else {
      joined[0].push(count);
      joined[1].push(other);
    }
  });
  return [
    [...joined[0], rare[0] ?? 0],
    [...joined[1], rare[1] ?? 0],
  ];
}

/** Fisher's exact test, one-sided: that the first share is smaller than the second. */
export function fisherLess(
  first: { readonly agreed: number; readonly labelled: number },
  second: { readonly agreed: number; readonly labelled: number },
): number {
  const total = first.labelled + second.labelled;
  const agreed = first.agreed + second.agreed;
  const logChoose = (n: number, k: number): number => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
  const logAll = logChoose(total, first.labelled);
  let p = 0;
  for (let k = Math.max(0, first.labelled - (total - agreed)); k <= first.agreed; k += 1)
    p += Math.exp(logChoose(agreed, k) + logChoose(total - agreed, first.labelled - k) - logAll);
  return Math.min(1, p);
}

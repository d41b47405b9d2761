import { mix32 } from "../engine/seeded-random.ts";
import { percent, plural, thousandths } from "./phrases.ts";
import { QUALITY_LIMITS, type QualityCheck, type QualityInput } from "./quality-report.ts";

/** Bins into which a column is cut to see whether it alone names the label. */
const LEAK_BINS = 10;
const NAMED = 5;

/** The checks that look at columns: missing values, constants, outliers, redundancy, contradictions and leaks. */
export function checkColumns(input: QualityInput): QualityCheck[] {
  const sorted = input.columns.map((column) => column.filter((value) => !Number.isNaN(value)).sort());
  return [
    ...missing(input),
    constants(input),
    outliers(input, sorted),
    redundancy(input),
    contradictions(input),
    leaks(input, sorted),
  ];
}

const listed = (names: readonly string[]): string =>
  `${names.slice(0, NAMED).join(", ")}${names.length > NAMED ? ` and ${names.length - NAMED} more` : ""}`;

function missing({ columns, featureNames, labels }: QualityInput): QualityCheck[] {
  const shares = columns.map(
    (column) => column.reduce((sum, value) => sum + (Number.isNaN(value) ? 1 : 0), 0) / Math.max(1, labels.length),
  );
  const worst = featureNames.filter((_, at) => (shares[at] ?? 0) > QUALITY_LIMITS.columnMissing);
  const most = Math.max(0, ...shares);
  const all = shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length);
  return [
    {
      code: "missing_values",
      effect: "block",
      passed: all <= QUALITY_LIMITS.allMissing,
      value: all,
      threshold: QUALITY_LIMITS.allMissing,
      subjects: [],
      sentence: `${percent(all)} of all values are missing${all <= QUALITY_LIMITS.allMissing ? "" : "; the opinions carry hardly any plan"}.`,
    },
    {
      code: "missing_column",
      effect: "warn",
      passed: worst.length === 0,
      value: most,
      threshold: QUALITY_LIMITS.columnMissing,
      subjects: worst,
      sentence:
        worst.length === 0
          ? `No column misses more than ${percent(QUALITY_LIMITS.columnMissing)} of its values.`
          : `More than ${percent(QUALITY_LIMITS.columnMissing)} missing in ${listed(worst)}.`,
    },
  ];
}

function constants({ columns, featureNames }: QualityInput): QualityCheck {
  const constant = featureNames.filter((_, at) => isConstant(columns[at] ?? new Float64Array(0)));
  const share = constant.length / Math.max(1, columns.length);
  const block = share > QUALITY_LIMITS.constantColumns;
  return {
    code: "constant_columns",
    effect: block ? "block" : "warn",
    passed: constant.length === 0,
    value: share,
    threshold: QUALITY_LIMITS.constantColumns,
    subjects: constant,
    sentence:
      constant.length === 0
        ? "No column is constant."
        : `${plural(constant.length, "column")} of ${columns.length} hold one value only: ${listed(constant)}${block ? ". The opinions tell nothing about what was judged" : ""}.`,
  };
}

function isConstant(column: Float64Array): boolean {
  let known: number | null = null;
  for (const value of column) {
    if (Number.isNaN(value)) continue;
    if (known === null) known = value;
    else if (value !== known) return false;
  }
  return true;
}

/** Rows beyond 1.5 interquartile ranges; columns with few distinct values (flags, counts) have no such range and are left out. */
function outliers({ featureNames }: QualityInput, known: readonly Float64Array[]): QualityCheck {
  const shares = known.map((sorted) => {
    const [low, high] = [quantile(sorted, 0.25), quantile(sorted, 0.75)];
    const reach = 1.5 * (high - low);
    if (sorted.length === 0 || reach === 0) return 0;
    return (countBelow(sorted, low - reach, false) + sorted.length - countBelow(sorted, high + reach, true)) / sorted.length;
  });
  const worst = featureNames.filter((_, at) => (shares[at] ?? 0) > QUALITY_LIMITS.outliers);
  return {
    code: "outliers",
    effect: "warn",
    passed: worst.length === 0,
    value: Math.max(0, ...shares),
    threshold: QUALITY_LIMITS.outliers,
    subjects: worst,
    sentence:
      worst.length === 0
        ? `No column has more than ${percent(QUALITY_LIMITS.outliers)} outliers.`
        : `More than ${percent(QUALITY_LIMITS.outliers)} outliers in ${listed(worst)}; trees do not mind, linear models may.`,
  };
}

/** Values below `limit`, or at it too, by bisection. */
function countBelow(sorted: Float64Array, limit: number, orAt: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const value = sorted[middle] ?? 0;
    if (value < limit || (orAt && value === limit)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function quantile(sorted: Float64Array, p: number): number {
  const at = (sorted.length - 1) * p;
  const left = Math.floor(at);
  const low = sorted[left] ?? 0;
  return low + (at - left) * ((sorted[Math.min(sorted.length - 1, left + 1)] ?? low) - low);
}

/** Pearson correlation over rows where both columns are known. Cost: d^2 n / 2; above 256 columns the first 256 are compared. */
function redundancy({ columns, featureNames }: QualityInput): QualityCheck {
  const pairs: string[] = [];
  let most = 0;
  const compared = columns.slice(0, 256).map(standardised);
  for (let a = 0; a < compared.length; a++) {
    for (let b = a + 1; b < compared.length; b++) {
      const [left, right] = [compared[a], compared[b]];
      if (left === null || left === undefined || right === null || right === undefined) continue;
      let product = 0;
      for (let i = 0; i < left.length; i++) product += (left[i] ?? 0) * (right[i] ?? 0);
      const r = Math.abs(product / left.length);
      most = Math.max(most, r);
      if (r > QUALITY_LIMITS.correlation) pairs.push(`${featureNames[a]} = ${featureNames[b]}`);
    }
  }
  return {
    code: "redundant_columns",
    effect: "warn",
    passed: pairs.length === 0,
    value: most,
    threshold: QUALITY_LIMITS.correlation,
    subjects: pairs,
    sentence:
      pairs.length === 0
        ? `No two columns correlate above ${thousandths(QUALITY_LIMITS.correlation)}.`
        : `${plural(pairs.length, "pair")} of columns say the same: ${listed(pairs)}.`,
  };
}

/** Missing values become the mean. @returns null for a constant column. */
function standardised(column: Float64Array): Float64Array | null {
  let count = 0;
  let sum = 0;
  for (const value of column) {
    if (Number.isNaN(value)) continue;
    count++;
    sum += value;
  }
  const mean = sum / Math.max(1, count);
  const centred = column.map((value) => (Number.isNaN(value) ? 0 : value - mean));
  let squares = 0;
  for (const value of centred) squares += value * value;
  if (squares <= 1e-18) return null;
  const spread = Math.sqrt(squares / column.length);
  return centred.map((value) => value / spread);
}

/** Rows whose features are those of another row with another label. */
function contradictions({ columns, labels }: QualityInput): QualityCheck {
  const keys = rowKeys(columns, labels.length);
  const seen = new Map<number, Map<number, number>>();
  for (let i = 0; i < labels.length; i++) {
    const key = keys[i] ?? 0;
    const counts = seen.get(key) ?? new Map<number, number>();
    counts.set(labels[i] ?? 0, (counts.get(labels[i] ?? 0) ?? 0) + 1);
    seen.set(key, counts);
  }
  let against = 0;
  for (const counts of seen.values()) {
    let total = 0;
    let most = 0;
    for (const count of counts.values()) {
      total += count;
      most = Math.max(most, count);
    }
    against += total - most;
  }
  const share = against / Math.max(1, labels.length);
  return {
    code: "contradictions",
    effect: "warn",
    passed: share <= QUALITY_LIMITS.contradictions,
    value: share,
    threshold: QUALITY_LIMITS.contradictions,
    subjects: [],
    sentence: `${percent(share)} of the rows have the features of others with another label${share <= QUALITY_LIMITS.contradictions ? "" : "; no model can get these right"}.`,
  };
}

/** float64 [n]: 53 hashed bits of each row's values; equal rows have equal keys, a million different rows collide in under one of 10,000 cases. */
function rowKeys(columns: readonly Float64Array[], n: number): Float64Array {
  const [left, right] = [new Uint32Array(n), new Uint32Array(n)];
  const one = new Float64Array(1);
  const bits = new Uint32Array(one.buffer);
  for (const column of columns) {
    for (let i = 0; i < n; i++) {
      one[0] = (column[i] ?? 0) + 0; // -0 and 0 are one value
      const [low, high] = [bits[0] ?? 0, bits[1] ?? 0];
      left[i] = mix32((left[i] ?? 0) + Math.imul(low, 0x9e3779b1) + high);
      right[i] = mix32(Math.imul((right[i] ?? 0) ^ high, 0x85ebca6b) + low + 0x27d4eb2f);
    }
  }
  return Float64Array.from(left, (low, i) => low + ((right[i] ?? 0) & 0x1fffff) * 4294967296);
}

/** Columns that name the label almost alone: such a column knows the answer, as consensus_agreement did in the original system. */
function leaks({ columns, featureNames, labels, classes }: QualityInput, known: readonly Float64Array[]): QualityCheck {
  const counts = new Float64Array(classes.length);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  const majority = Math.max(...counts) / Math.max(1, labels.length);
  const examined = labels.length >= QUALITY_LIMITS.leakLeastRows && majority <= QUALITY_LIMITS.leakMajority;
  const shares = columns.map((column, at) => (examined ? namedShare(column, known[at] ?? column, labels, classes.length) : 0));
  const leaking = featureNames.filter((_, at) => (shares[at] ?? 0) >= QUALITY_LIMITS.leak);
  return {
    code: "leak",
    effect: "block",
    passed: leaking.length === 0,
    value: examined ? Math.max(0, ...shares) : null,
    threshold: QUALITY_LIMITS.leak,
    subjects: leaking,
    sentence: !examined
      ? "Too few rows, or one class too large, to see a leak."
      : leaking.length === 0
        ? `No column names the label alone (the best one does in ${percent(Math.max(0, ...shares))} of the rows).`
        : `${listed(leaking)} name${leaking.length === 1 ? "s" : ""} the label almost alone: the answer stands among the inputs.`,
  };
}

/** Share of rows with the commonest label of their bin of the column: at most ten bins of equal counts, missing apart. */
function namedShare(column: Float64Array, sorted: Float64Array, labels: Uint8Array, classCount: number): number {
  const distinct = new Set<number>();
  for (let i = 0; i < sorted.length && distinct.size <= LEAK_BINS; i++) distinct.add(sorted[i] ?? 0);
  const edges =
    distinct.size <= LEAK_BINS
      ? [...distinct]
      : Array.from({ length: LEAK_BINS - 1 }, (_, k) => sorted[Math.floor(((k + 1) * sorted.length) / LEAK_BINS)] ?? 0);
  const counts = new Float64Array((edges.length + 2) * classCount);
  for (let i = 0; i < labels.length; i++) {
    const value = column[i] ?? Number.NaN;
    let bin = 0;
    if (Number.isNaN(value)) bin = edges.length + 1;
    else while (bin < edges.length && value >= (edges[bin] ?? 0)) bin++;
    const at = bin * classCount + (labels[i] ?? 0);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  let named = 0;
  for (let bin = 0; bin < edges.length + 2; bin++)
    named += Math.max(...counts.subarray(bin * classCount, (bin + 1) * classCount));
  return named / Math.max(1, labels.length);
}

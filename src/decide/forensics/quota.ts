import { SeededRandom } from "../../engine/seeded-random.ts";
import { relation, thousandths } from "../phrases.ts";
import { type Finding, FORENSIC_LIMITS, type LabelRow, type LabelSource } from "./finding.ts";

const PERMUTATIONS = 199;
/** Larger sources are shuffled on every k-th of their rows. */
const MOST_SHUFFLED = 2_000;

/**
 * Labels dealt out to reach a quota instead of decided: long blocks of one label in the order of submission (`blocks`), or round class counts
 * while the labels have nothing to do with what was judged (`quota`). Imports by a person (`bulk`) may be sorted and are not examined.
 */
export function findQuota(source: LabelSource): Finding[] {
  const indices = source.indices.filter((index) => source.rows[index]?.tier !== "bulk");
  if (indices.length < FORENSIC_LIMITS.quota.leastRows) return [];
  const blocks = findBlocks(source, indices);
  return blocks.length > 0 ? blocks : findRoundCounts(source, indices);
}

/**
 * Runs of one label too long for chance. The chance of a run is the product, over its rows, of the share that its label has among this
 * source's rows with the same opinion decision; times the number of places where it could begin. So a reviewer who works through the queue
 * sorted by the model's decision makes no finding.
 */
function findBlocks(source: LabelSource, indices: readonly number[]): Finding[] {
  const shareOf = conditionalShares(source.rows, indices);
  const rows: number[] = [];
  const lengths: string[] = [];
  let least = 1;
  let start = 0;
  while (start < indices.length) {
    const label = source.rows[indices[start] ?? 0]?.recommendation ?? "";
    let end = start;
    let logChance = Math.log(indices.length);
    while (end < indices.length) {
      const row = source.rows[indices[end] ?? 0];
      if (row === undefined || row.recommendation !== label) break;
      logChance += Math.log(shareOf(row));
      end++;
    }
    const chance = Math.exp(logChance);
    if (chance <= FORENSIC_LIMITS.blocks.p) {
      for (let k = start; k < end; k++) rows.push(indices[k] ?? 0);
      lengths.push(`${end - start} x ${label}`);
      least = Math.min(least, chance);
    }
    start = end;
  }
  if (rows.length === 0) return [];
  rows.sort((a, b) => a - b);
  const who = source.reviewer === null ? "" : ` by ${source.reviewer}`;
  return [
    {
      code: "blocks",
      effect: "quarantine",
      reviewer: source.reviewer,
      rows,
      statistic: lengths.length,
      threshold: 0,
      p_value: least,
      sentence: `The labels${who} were submitted in blocks, whatever was judged: ${lengths.join(", ")} in a row. The chance of the longest is ${thousandths(least)}; they look dealt out to reach a quota.`,
    },
  ];
}

/** Share of a row's label among rows with its opinion decision, one pseudo-row added to each side. */
function conditionalShares(rows: readonly LabelRow[], indices: readonly number[]): (row: LabelRow) => number {
  const totals = new Map<string, number>();
  const pairs = new Map<string, number>();
  const keyOf = (row: LabelRow): string => JSON.stringify([row.opinion_decision, row.recommendation]);
  for (const index of indices) {
    const row = rows[index];
    if (row === undefined) continue;
    const decision = row.opinion_decision ?? "";
    totals.set(decision, (totals.get(decision) ?? 0) + 1);
    pairs.set(keyOf(row), (pairs.get(keyOf(row)) ?? 0) + 1);
  }
  return (row) => ((pairs.get(keyOf(row)) ?? 0) + 1) / ((totals.get(row.opinion_decision ?? "") ?? 0) + 2);
}

/** Class counts that are all multiples of 10, with labels independent of opinion, rating and features. */
function findRoundCounts(source: LabelSource, indices: readonly number[]): Finding[] {
  const limits = FORENSIC_LIMITS.quota;
  const labels = indices.map((index) => source.rows[index]?.recommendation ?? "");
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  if (counts.size < 2 || [...counts.values()].some((count) => count % 10 !== 0)) return [];
  // Each count but the last is a multiple of 10 by chance in one of ten cases; the total is given, so the last one follows.
  const roundChance = 10 ** -(counts.size - 1);
  const dependence = dependsOnCase(source, indices, labels);
  if (dependence === null || dependence <= limits.independence) return [];
  const pValue = counts.size > 2 ? roundChance : roundChance * 0.5;
  if (counts.size > 2 && pValue > limits.p) return [];
  const dealt = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([label, count]) => `${count} ${label}`);
  return [
    {
      code: "quota",
      effect: counts.size > 2 ? "quarantine" : "warn",
      reviewer: source.reviewer,
      rows: indices.slice().sort((a, b) => a - b),
      statistic: dependence,
      threshold: limits.independence,
      p_value: pValue,
      sentence: `The class counts are round (${dealt.join(", ")}), and the labels have nothing to do with the opinions, ratings or features that they belong to (permutation p ${relation(dependence)}). They look dealt out to reach a quota.`,
    },
  ];
}

/**
 * Permutation p-value of "labels depend on the case": the sum of explained variance (eta squared) over agreement x rating, the opinion's
 * decision and confidence, and each feature. @returns null when there is nothing to depend on, so that nothing can be concluded.
 */
function dependsOnCase(source: LabelSource, all: readonly number[], allLabels: readonly string[]): number | null {
  const step = Math.ceil(all.length / MOST_SHUFFLED);
  const indices = all.filter((_, at) => at % step === 0);
  const labels = allLabels.filter((_, at) => at % step === 0);
  const rows = indices.flatMap((index) => source.rows[index] ?? []);
  const classes = [...new Set(labels)];
  const codes = Uint8Array.from(labels, (label) => classes.indexOf(label));
  const columns: Float64Array[] = [];
  const decisions = [...new Set(rows.map((row) => row.opinion_decision))];
  for (const decision of decisions) columns.push(Float64Array.from(rows, (row) => (row.opinion_decision === decision ? 1 : 0)));
  columns.push(Float64Array.from(rows, (row) => row.opinion_confidence ?? 0));
  const width = rows[0]?.features?.length ?? 0;
  for (let f = 0; f < width; f++) columns.push(Float64Array.from(rows, (row) => finiteOr(row.features?.[f], 0)));
  const varying = columns.map(standardised).filter((column) => column !== null);
  const ratings = Float64Array.from(rows, (row) => row.rating ?? 0.5);
  const agreeing = (at: number, code: number): boolean => rows[at]?.opinion_decision === classes[code];
  if (varying.length === 0 && standardised(ratings) === null) return null;
  const statistic = (of: Uint8Array): number => {
    let sum = 0;
    for (const column of varying) sum += explainedVariance(column, of, classes.length);
    return sum + 5 * agreementGap(ratings, of, agreeing);
  };
  const observed = statistic(codes);
  const random = new SeededRandom(source.seed + 1);
  const shuffled = codes.slice();
  let asMuch = 0;
  for (let round = 0; round < PERMUTATIONS; round++) if (statistic(random.shuffle(shuffled)) >= observed - 1e-12) asMuch++;
  return (1 + asMuch) / (PERMUTATIONS + 1);
}

const finiteOr = (value: number | undefined, otherwise: number): number =>
  value !== undefined && Number.isFinite(value) ? value : otherwise;

function standardised(column: Float64Array): Float64Array | null {
  let mean = 0;
  for (const value of column) mean += value / column.length;
  let variance = 0;
  for (const value of column) variance += (value - mean) ** 2 / column.length;
  if (variance < 1e-18) return null;
  const spread = Math.sqrt(variance);
  return column.map((value) => (value - mean) / spread);
}

/** Share of a standardised column's variance that lies between the classes. */
function explainedVariance(column: Float64Array, codes: Uint8Array, classCount: number): number {
  const sums = new Float64Array(classCount);
  const counts = new Float64Array(classCount);
  for (let i = 0; i < column.length; i++) {
    const code = codes[i] ?? 0;
    sums[code] = (sums[code] ?? 0) + (column[i] ?? 0);
    counts[code] = (counts[code] ?? 0) + 1;
  }
  let between = 0;
  for (let k = 0; k < classCount; k++) between += (sums[k] ?? 0) ** 2 / Math.max(1, counts[k] ?? 1);
  return between / column.length;
}

/** Squared correlation of rating and agreement: an honest rating is high where the label agrees with the opinion. */
function agreementGap(ratings: Float64Array, codes: Uint8Array, agreeing: (at: number, code: number) => boolean): number {
  const agreement = new Float64Array(ratings.length);
  for (let i = 0; i < ratings.length; i++) agreement[i] = agreeing(i, codes[i] ?? 0) ? 1 : 0;
  const a = standardised(agreement);
  const r = standardised(ratings);
  if (a === null || r === null) return 0;
  let product = 0;
  for (let i = 0; i < a.length; i++) product += (a[i] ?? 0) * (r[i] ?? 0);
  return (product / a.length) ** 2;
}

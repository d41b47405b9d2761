import { SeededRandom } from "../../engine/seeded-random.ts";
import { percent, plural } from "../phrases.ts";
import { type Finding, FORENSIC_LIMITS, type LabelSource } from "./finding.ts";

const PERMUTATIONS = 199;
const MOST_SHUFFLED = 2_000;

interface Explained {
  readonly rows: readonly number[];
  readonly offsets: readonly number[];
}

/**
 * Ratings that are a function of the model's confidence: rating = confidence + one of two constants, or one constant rating for a band of low
 * confidence. People's ratings are not; a program's are. The share of explained rows is compared with the same after shuffling the ratings.
 */
export function findRatingRule(source: LabelSource): Finding[] {
  const limits = FORENSIC_LIMITS.ratingRule;
  const usable = source.indices.filter((index) => {
    const row = source.rows[index];
    return row !== undefined && row.rating !== null && row.opinion_confidence !== null;
  });
  if (usable.length < limits.leastRows) return [];
  const rating = usable.map((index) => source.rows[index]?.rating ?? 0);
  const confidence = usable.map((index) => source.rows[index]?.opinion_confidence ?? 0);
  const digits = rating.reduce((most, value) => Math.max(most, decimals(value)), 0);
  const found = explain(rating, confidence, digits);
  const share = found.rows.length / usable.length;
  // A rule among people's own ratings is only visible where the confidence has enough digits that a match cannot be an accident.
  const exact = digits >= 3 && found.rows.length >= Math.max(limits.leastRows, usable.length * 0.1);
  if (share < limits.share && !exact) return [];
  const { pValue, chanceShare } = shuffledShare(rating, confidence, digits, source.seed);
  const clear = share >= limits.share ? share - chanceShare >= limits.gap : share >= 5 * chanceShare;
  if (pValue > limits.p || !clear) return [];
  const explained = share >= limits.share ? found.rows : withSandwiched(found.rows, rating);
  const rows = explained.map((at) => usable[at] ?? 0).sort((a, b) => a - b);
  const rules = found.offsets.map((offset) =>
    offset === 0 ? "the confidence itself" : `the confidence ${offset > 0 ? "plus" : "minus"} ${Math.abs(offset)}`,
  );
  return [
    {
      code: "rating_rule",
      effect: "demote",
      reviewer: source.reviewer,
      rows,
      statistic: share,
      threshold: limits.share,
      p_value: pValue,
      sentence: `${percent(share)} of ${plural(usable.length, "rating")}${of(source.reviewer)} follow from the model's confidence (${rules.join(", or ")}); shuffled ratings would fit in ${percent(chanceShare)}. A program wrote these labels.`,
    },
  ];
}

/**
 * How often shuffled ratings are explained as well as the real ones, and in what share of rows on average. Sources larger than 2,000 rows are
 * compared on every k-th of their rows.
 */
function shuffledShare(
  rating: readonly number[],
  confidence: readonly number[],
  digits: number,
  seed: number,
): { pValue: number; chanceShare: number } {
  const step = Math.ceil(rating.length / MOST_SHUFFLED);
  const sampled = (values: readonly number[]): number[] => values.filter((_, at) => at % step === 0);
  const ownConfidence = sampled(confidence);
  const shuffled = sampled(rating);
  const observed = explain(shuffled, ownConfidence, digits).rows.length;
  const random = new SeededRandom(seed);
  let asMany = 0;
  let total = 0;
  for (let round = 0; round < PERMUTATIONS; round++) {
    const chance = explain(random.shuffle(shuffled), ownConfidence, digits).rows.length;
    total += chance;
    if (chance >= observed) asMany++;
  }
  return { pValue: (1 + asMany) / (PERMUTATIONS + 1), chanceShare: total / PERMUTATIONS / shuffled.length };
}

const of = (reviewer: string | null): string => (reviewer === null ? "" : ` of ${reviewer}`);

/**
 * Where a program wrote between a person's rows, its constant ratings stand in time between its computed ones: gaps of up to 8 rows with the
 * commonest rating of all such gaps are counted to it.
 */
function withSandwiched(rows: readonly number[], rating: readonly number[]): number[] {
  const sorted = rows.slice().sort((a, b) => a - b);
  const between: number[] = [];
  for (let k = 1; k < sorted.length; k++) {
    const [left, right] = [sorted[k - 1] ?? 0, sorted[k] ?? 0];
    if (right - left - 1 <= 8) for (let at = left + 1; at < right; at++) between.push(at);
  }
  const counts = new Map<number, number>();
  for (const at of between) counts.set(rating[at] ?? 0, (counts.get(rating[at] ?? 0) ?? 0) + 1);
  const [constant] = [...counts].sort(([a, x], [b, y]) => y - x || a - b)[0] ?? [];
  return [...rows, ...between.filter((at) => rating[at] === constant)];
}

/** Rows whose rating is confidence + one of the two commonest offsets, and the low band that has one constant rating. */
function explain(rating: readonly number[], confidence: readonly number[], digits: number): Explained {
  const scale = 10 ** digits;
  const offsets = rating.map((value, at) => Math.round(value * scale) - Math.round((confidence[at] ?? 0) * scale));
  const counts = new Map<number, number>();
  for (const offset of offsets) counts.set(offset, (counts.get(offset) ?? 0) + 1);
  const common = [...counts].sort(([a, x], [b, y]) => y - x || a - b).slice(0, 2);
  const chosen = common.filter(([, count]) => count >= 3).map(([offset]) => offset);
  const rows: number[] = [];
  const rest: number[] = [];
  offsets.forEach((offset, at) => {
    const clipped = rating[at] === 1 && chosen.some((each) => each > 0 && (confidence[at] ?? 0) * scale + each >= scale - 0.5);
    if (chosen.includes(offset) || clipped) rows.push(at);
    else rest.push(at);
  });
  let lowest = Infinity;
  for (const at of rows) lowest = Math.min(lowest, confidence[at] ?? 0);
  const band = rest.filter((at) => (confidence[at] ?? 0) < lowest);
  const constant = band.length > 0 ? rating[band[0] ?? 0] : undefined;
  const whole = band.every((at) => rating[at] === constant) ? rows.concat(band) : rows;
  return { rows: whole, offsets: chosen.map((offset) => offset / scale) };
}

function decimals(value: number): number {
  const text = value.toFixed(6).replace(/0+$/, "");
  return text.length - text.indexOf(".") - 1;
}

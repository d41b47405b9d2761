import { confusionMatrix, fitConformal, predictionSets, reliabilityBins } from "../engine/index.ts";

/** What a page draws of one model on the gate's rows. All unweighted counts over rows; the verdict's figures weigh rows. */
export interface ModelCharts {
  /** One class against the rest, in class order. */
  readonly classes: readonly ClassCurves[];
  /** [true class][called class], rows. */
  readonly confusion: readonly (readonly number[])[];
  readonly reliability: readonly ReliabilityPoint[];
  readonly confidence: readonly ConfidenceBin[];
  readonly review: ReviewBand;
}

/**
 * What a person would still see if the model decided alone wherever its prediction set, fitted on these rows, holds one class. The promise is
 * for new rows that are drawn as these were.
 */
export interface ReviewBand {
  /** Share of new rows whose set holds the true class, at least. */
  readonly coverage: number;
  /** How sure it is that these rows are enough for that. */
  readonly sure: number;
  /** A class is in the set from this probability on; null = too few rows for the promise: every row is for review. */
  readonly least_probability: number | null;
  /** Rows whose set holds no class or several. */
  readonly review: number;
  /** The other rows, and how many of them are of another class. */
  readonly decided: number;
  readonly wrong: number;
}

export interface ClassCurves {
  readonly class: string;
  readonly rows: number;
  /** Areas; null where one side has no rows. */
  readonly roc_auc: number | null;
  readonly average_precision: number | null;
  /** From the strictest threshold to the loosest; (0, 0) first and (1, 1) last. Empty where one side has no rows. */
  readonly roc: readonly {
    readonly threshold: number | null;
    readonly false_positive_rate: number;
    readonly true_positive_rate: number;
  }[];
  readonly pr: readonly { readonly threshold: number; readonly recall: number; readonly precision: number }[];
}

/** A bin of the most likely class's confidence that has rows. */
export interface ReliabilityPoint {
  readonly low: number;
  readonly high: number;
  readonly rows: number;
  readonly mean_confidence: number;
  readonly accuracy: number;
}

export interface ConfidenceBin {
  readonly low: number;
  readonly high: number;
  readonly right: number;
  readonly wrong: number;
}

/** Points of a curve at most: more cannot be told apart on a screen. */
const MOST_POINTS = 200;
const RELIABILITY_BINS = 10;
const CONFIDENCE_BINS = 20;
/** decision-methods.md 2.4: 90 % of new rows, and 95 % sure of it. */
const REVIEW_BAND = { coverage: 0.9, confidence: 0.95 } as const;

/**
 * @param probabilities float64 [rows x classes], row-major. @param labels uint8 [rows]; at least one row.
 * Cost: one sort of the rows a class.
 */
export function chartModel(probabilities: Float64Array, labels: Uint8Array, classes: readonly string[]): ModelCharts {
  const count = classes.length;
  const called = Uint8Array.from(labels, (_, row) => mostLikely(probabilities, row, count));
  const matrix = confusionMatrix(labels, called, count);
  const confidence = Float64Array.from(called, (k, row) => probabilities[row * count + k] ?? Number.NaN);
  return {
    classes: classes.map((name, k) => curvesOf(name, probabilities, labels, k, count)),
    confusion: classes.map((_, actual) => Array.from(matrix.subarray(actual * count, (actual + 1) * count))),
    reliability: reliabilityBins(probabilities, labels, count, { bins: RELIABILITY_BINS, by: "width" }).map((bin) => ({
      low: bin.low,
      high: bin.high,
      rows: bin.count,
      mean_confidence: bin.meanConfidence,
      accuracy: bin.accuracy,
    })),
    confidence: histogram(confidence, (row) => called[row] === labels[row]),
    review: reviewBand(probabilities, labels, count),
  };
}

function reviewBand(probabilities: Float64Array, labels: Uint8Array, count: number): ReviewBand {
  const conformal = fitConformal(probabilities, labels, count, REVIEW_BAND);
  const sets = predictionSets(conformal, probabilities);
  let [decided, wrong] = [0, 0];
  labels.forEach((label, row) => {
    if (sets.subarray(row * count, (row + 1) * count).reduce((size, one) => size + one, 0) !== 1) return;
    decided += 1;
    wrong += sets[row * count + label] === 1 ? 0 : 1;
  });
  const limit = conformal.limits[0] ?? Number.POSITIVE_INFINITY;
  return {
    coverage: conformal.coverage,
    sure: conformal.confidence,
    least_probability: Number.isFinite(limit) ? 1 - limit : null,
    review: labels.length - decided,
    decided,
    wrong,
  };
}

function mostLikely(probabilities: Float64Array, row: number, count: number): number {
  let best = 0;
  for (let k = 1; k < count; k += 1)
    if ((probabilities[row * count + k] ?? 0) > (probabilities[row * count + best] ?? 0)) best = k;
  return best;
}

function curvesOf(name: string, probabilities: Float64Array, labels: Uint8Array, k: number, count: number): ClassCurves {
  const score = Float64Array.from(labels, (_, row) => probabilities[row * count + k] ?? Number.NaN);
  const order = Uint32Array.from(labels, (_, row) => row).sort((a, b) => (score[b] ?? 0) - (score[a] ?? 0));
  const positives = labels.reduce((sum, label) => sum + Number(label === k), 0);
  const negatives = labels.length - positives;
  const steps: { threshold: number; hits: number; alarms: number }[] = [];
  let [hits, alarms] = [0, 0];
  order.forEach((row, at) => {
    if (labels[row] === k) hits += 1;
    else alarms += 1;
    const next = order[at + 1];
    // rows of one score pass a threshold together
    if (next === undefined || score[next] !== score[row]) steps.push({ threshold: score[row] ?? 0, hits, alarms });
  });
  const both = positives > 0 && negatives > 0;
  const kept = thinned(steps);
  return {
    class: name,
    rows: positives,
    roc_auc: both ? areaUnder(steps, positives, negatives) : null,
    average_precision: positives > 0 ? averagePrecision(steps, positives) : null,
    roc: both
      ? [
          { threshold: null, false_positive_rate: 0, true_positive_rate: 0 },
          ...kept.map((step) => ({
            threshold: step.threshold,
            false_positive_rate: step.alarms / negatives,
            true_positive_rate: step.hits / positives,
          })),
        ]
      : [],
    pr:
      positives > 0
        ? kept.map((step) => ({
            threshold: step.threshold,
            recall: step.hits / positives,
            precision: step.hits / (step.hits + step.alarms),
          }))
        : [],
  };
}

type CurveStep = { readonly threshold: number; readonly hits: number; readonly alarms: number };

function areaUnder(steps: readonly CurveStep[], positives: number, negatives: number): number {
  let area = 0;
  let before = { hits: 0, alarms: 0 };
  for (const step of steps) {
    area += ((step.alarms - before.alarms) * (step.hits + before.hits)) / 2;
    before = step;
  }
  return area / (positives * negatives);
}

function averagePrecision(steps: readonly CurveStep[], positives: number): number {
  let sum = 0;
  let before = 0;
  for (const { hits, alarms } of steps) {
    sum += (hits - before) * (hits / (hits + alarms));
    before = hits;
  }
  return sum / positives;
}

/** Evenly spread over the steps, the first and the last among them. */
function thinned(steps: readonly CurveStep[]): CurveStep[] {
  if (steps.length <= MOST_POINTS) return [...steps];
  return Array.from({ length: MOST_POINTS }, (_, index) => {
    const at = Math.round((index * (steps.length - 1)) / (MOST_POINTS - 1));
    return steps[at] as CurveStep;
  });
}

function histogram(confidence: Float64Array, isRight: (row: number) => boolean): ConfidenceBin[] {
  const right = new Array<number>(CONFIDENCE_BINS).fill(0);
  const wrong = new Array<number>(CONFIDENCE_BINS).fill(0);
  confidence.forEach((value, row) => {
    const bin = Math.min(CONFIDENCE_BINS - 1, Math.floor(value * CONFIDENCE_BINS));
    const counts = isRight(row) ? right : wrong;
    counts[bin] = (counts[bin] ?? 0) + 1;
  });
  return right.map((count, bin) => ({
    low: bin / CONFIDENCE_BINS,
    high: (bin + 1) / CONFIDENCE_BINS,
    right: count,
    wrong: wrong[bin] ?? 0,
  }));
}

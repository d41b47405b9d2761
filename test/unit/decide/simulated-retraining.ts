import { gate, gateRows, type Policy, planEvidence, trainingRows, type Verdict } from "../../../src/decide/index.ts";
import { type FittedClassifier, fitClassifier, predictProbabilities } from "../../../src/engine/index.ts";
import type { SeededRandom } from "../../../src/engine/seeded-random.ts";

/** One retraining with learners that really learn: what the gate said, and what became of production. */
export interface Retraining {
  readonly verdict: Verdict;
  /** True gain of accuracy of the model that would be promoted, the one trained on all rows, over the champion. */
  readonly gain: number;
}

export interface RetrainingShape {
  /** Rows that the champion learnt from, and nobody else. */
  readonly championRows: number;
  /** Rows that only train the challenger. */
  readonly olderRows: number;
  /** New rows: each judges once, by cross-fitting, and trains the other folds and the final model. */
  readonly newRows: number;
  /** Columns that mean nothing, which only the challenger reads. */
  readonly noiseColumns: number;
}

const COLUMNS = 4;
const CLASSES = ["approve", "reject"];
/** Steepness of the truth: the best possible model is right in about 80 % of the rows. */
const STEEPNESS = 2.2;
const FRESH_ROWS = 2_000;
const DAY_MS = 86_400_000;

interface Sample {
  /** `COLUMNS` that mean something, then noise. */
  readonly columns: Float64Array[];
  readonly labels: Uint8Array;
  /** Chance of class 1. */
  readonly truth: Float64Array;
}

function draw(random: SeededRandom, rows: number, columnCount: number): Sample {
  const columns = Array.from({ length: columnCount }, () => Float64Array.from({ length: rows }, () => random.nextNormal()));
  const truth = Float64Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let k = 0; k < COLUMNS; k++) sum += (k % 2 === 0 ? 1 : -0.6) * (columns[k]?.[row] ?? 0);
    return 1 / (1 + Math.exp(-(STEEPNESS / 1.7) * sum));
  });
  return { columns, truth, labels: Uint8Array.from(truth, (p) => (random.next() < p ? 1 : 0)) };
}

const train = (sample: Sample, rows: ArrayLike<number>, columnCount: number, seed: number): FittedClassifier =>
  fitClassifier({
    modelType: "logistic_regression",
    data: {
      columns: sample.columns.slice(0, columnCount).map((column) => Float64Array.from(rows, (row) => column[row] ?? 0)),
      labels: Uint8Array.from(rows, (row) => sample.labels[row] ?? 0),
      classCount: 2,
    },
    calibration: "none",
    seed,
  });

const score = (model: FittedClassifier, sample: Sample, rows: ArrayLike<number>, columnCount: number): Float64Array =>
  predictProbabilities(
    model,
    sample.columns.slice(0, columnCount).map((column) => Float64Array.from(rows, (row) => column[row] ?? 0)),
  );

const allOf = (sample: Sample): number[] => Array.from(sample.labels, (_, row) => row);

/** Champion and challenger on samples of one truth; the challenger's gate rows come from the plan that the loop uses, cross-fitting included. */
export function simulateRetraining(random: SeededRandom, shape: RetrainingShape, policy: Policy): Retraining {
  const { championRows, olderRows, newRows, noiseColumns } = shape;
  const wide = COLUMNS + noiseColumns;
  const seed = random.nextInt(1_000_000);
  const past = draw(random, championRows, COLUMNS);
  const champion = train(past, allOf(past), COLUMNS, seed);
  const sample = draw(random, olderRows + newRows, wide);
  const nowMs = 100 * DAY_MS;
  const plan = planEvidence({
    rows: Array.from(sample.labels, (label, row) => ({
      timeMs: row < olderRows ? DAY_MS : 50 * DAY_MS,
      group: row,
      tier: "blind" as const,
      seenByChampion: row < olderRows,
      label,
    })),
    policy,
    nowMs,
    seed,
  });
  const judged = gateRows(plan, null);
  const place = new Map(Array.from(judged, (row, at) => [row, at]));
  const challenger = new Float64Array(judged.length * 2);
  for (const { fold } of plan.folds) {
    const held = gateRows(plan, fold);
    const answers = score(train(sample, trainingRows(plan, fold), wide, seed), sample, held, wide);
    held.forEach((row, at) => {
      challenger.set(answers.subarray(at * 2, at * 2 + 2), (place.get(row) ?? 0) * 2);
    });
  }
  const verdict = gate({
    labels: Uint8Array.from(judged, (row) => sample.labels[row] ?? 0),
    champion: score(champion, sample, judged, COLUMNS),
    challenger,
    classes: CLASSES,
    policy,
    seed,
  });
  const final = train(sample, trainingRows(plan, null), wide, seed);
  const fresh = draw(random, FRESH_ROWS, wide);
  const [ours, theirs] = [score(final, fresh, allOf(fresh), wide), score(champion, fresh, allOf(fresh), COLUMNS)];
  let gain = 0;
  fresh.truth.forEach((p, row) => {
    const right = (probabilities: Float64Array): number => ((probabilities[row * 2 + 1] ?? 0) > 0.5 ? p : 1 - p);
    gain += (right(ours) - right(theirs)) / FRESH_ROWS;
  });
  return { verdict, gain };
}

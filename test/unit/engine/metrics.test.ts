import { expect, test } from "vitest";
import {
  type AverageScores,
  brierScore,
  calibrationErrorInterval,
  classCalibrationErrorIntervals,
  classCalibrationErrors,
  confusionMatrix,
  costCurve,
  expectedCalibrationError,
  liftCurve,
  logLoss,
  mostLikely,
  prAuc,
  reliabilityBins,
  rocAuc,
  SeededRandom,
  scoreDecisions,
  scoreSlices,
} from "../../../src/engine/index.ts";
import { readFixture } from "./reference.ts";

interface Scores {
  precision: (number | null)[];
  recall: (number | null)[];
  f1: (number | null)[];
}
interface Case {
  classes: number;
  labels: number[];
  probabilities: number[];
  accuracy: number;
  confusion: number[];
  log_loss: number;
  brier: number;
  roc_auc: number;
  pr_auc: number;
  per_class: Scores;
  macro: Scores;
  weighted: Scores;
}

const same = (got: number | null, expected: number | null): void => {
  if (expected === null || got === null) expect(got).toBe(expected);
  else expect(Math.abs(got - expected)).toBeLessThan(1e-12);
};

for (const example of readFixture<{ metrics: Case[] }>("reference.json").metrics) {
  test(`all metrics equal scikit-learn's to 1e-12 with ${example.classes} classes`, () => {
    const { classes } = example;
    const labels = Uint8Array.from(example.labels);
    const probabilities = Float64Array.from(example.probabilities);
    const called = mostLikely(probabilities, classes);
    const decisions = scoreDecisions(labels, called, classes);
    same(decisions.accuracy, example.accuracy);
    expect([...confusionMatrix(labels, called, classes)]).toEqual(example.confusion);
    same(logLoss(probabilities, labels, classes), example.log_loss);
    same(brierScore(probabilities, labels, classes), example.brier);
    same(rocAuc(probabilities, labels, classes), example.roc_auc);
    same(prAuc(probabilities, labels, classes), example.pr_auc);
    for (const name of ["precision", "recall", "f1"] as const satisfies readonly (keyof AverageScores)[]) {
      decisions.perClass.forEach((scores, k) => {
        same(scores[name], example.per_class[name][k]);
      });
      same(decisions.macro[name], example.macro[name][0]);
      same(decisions.weighted[name], example.weighted[name][0]);
    }
  });
}

test("the fixture has a class that is never called, so the undefined precision is covered", () => {
  const cases = readFixture<{ metrics: Case[] }>("reference.json").metrics;
  expect(cases.some((example) => example.per_class.precision.includes(null))).toBe(true);
});

test("undefined areas are null: one class alone has no ROC", () => {
  const probabilities = Float64Array.of(0.5, 0.5, 0.2, 0.8);
  expect(rocAuc(probabilities, Uint8Array.of(1, 1), 2)).toBeNull();
  expect(prAuc(probabilities, Uint8Array.of(0, 0), 2)).toBeNull();
});

test("calibration error by hand: two bins, one right by 0.1, one wrong by 0.3", () => {
  const confidences = [0.6, 0.6, 0.6, 0.6, 0.6, 0.9, 0.9, 0.9, 0.9, 0.9];
  const rights = [1, 1, 1, 1, 0, 1, 1, 1, 0, 0]; // 0.8 of the first five, 0.6 of the others
  const probabilities = Float64Array.from(confidences.flatMap((p) => [1 - p, p]));
  const labels = Uint8Array.from(rights);
  for (const by of ["width", "mass"] as const) {
    expect(expectedCalibrationError(probabilities, labels, 2, { bins: 5, by })).toBeCloseTo(0.5 * 0.2 + 0.5 * 0.3, 12);
    expect(reliabilityBins(probabilities, labels, 2, { bins: 5, by }).map((bin) => bin.count)).toEqual([5, 5]);
  }
  const interval = calibrationErrorInterval(probabilities, labels, 2, 1);
  expect(interval.low).toBeLessThanOrEqual(interval.value);
  expect(interval.high).toBeGreaterThanOrEqual(interval.value);
  expect(calibrationErrorInterval(probabilities, labels, 2, 1)).toEqual(interval);
});

test("class-wise calibration error by hand", () => {
  const probabilities = Float64Array.of(0.2, 0.8, 0.2, 0.8, 0.7, 0.3, 0.7, 0.3);
  const errors = classCalibrationErrors(probabilities, Uint8Array.of(1, 0, 0, 0), 2, { bins: 2 });
  // class 1: bin of 0.8 has half, bin of 0.3 has none
  expect(errors[1]).toBeCloseTo(0.5 * 0.3 + 0.5 * 0.3, 12);
  expect(errors[0]).toBeCloseTo(errors[1], 12);
});

test("intervals of class-wise calibration errors hold their values, and are narrower with more rows", () => {
  const random = new SeededRandom(3);
  const draw = (rows: number) => {
    const labels = new Uint8Array(rows);
    const probabilities = new Float64Array(rows * 3);
    for (let row = 0; row < rows; row++) {
      // class 0 is said 0.2 more often than it comes
      labels[row] = random.next() < 0.3 ? 0 : 1 + random.nextInt(2);
      probabilities.set([0.5, 0.25, 0.25], row * 3);
    }
    return classCalibrationErrorIntervals(probabilities, labels, 3, 7, { resamples: 300 });
  };
  const [few, many] = [draw(100), draw(4000)];
  expect(many[0].value).toBeCloseTo(0.2, 1);
  expect(many[1].value).toBeCloseTo(0.1, 1);
  for (const [k, { low, high, value }] of many.entries()) {
    expect(value).toBeGreaterThanOrEqual(low);
    expect(value).toBeLessThanOrEqual(high);
    expect(high - low).toBeLessThan((few[k].high - few[k].low) / 3);
  }
});

test("slices, lift and costs by hand", () => {
  const probabilities = Float64Array.of(0.1, 0.9, 0.6, 0.4, 0.3, 0.7, 0.8, 0.2);
  const labels = Uint8Array.of(1, 1, 1, 0);
  const slices = scoreSlices(probabilities, labels, 2, Uint32Array.of(5, 5, 2, 2));
  expect(slices.map(({ slice, rows, accuracy }) => [slice, rows, accuracy])).toEqual([
    [2, 2, 1],
    [5, 2, 0.5],
  ]);
  expect(slices[1].brierScore).toBeCloseTo((0.01 + 0.36) / 2, 12);
  const score = Float64Array.of(0.9, 0.4, 0.7, 0.2);
  expect(liftCurve(score, labels)[0]).toEqual({ share: 0.25, found: 1 / 3, lift: 4 / 3 });
  expect(liftCurve(score, labels).at(-1)).toEqual({ share: 1, found: 1, lift: 1 });
  expect(liftCurve(score, new Uint8Array(4))).toEqual([]);
  expect(costCurve(score, labels, { falseAlarm: 1, miss: 4 }).map(({ cost }) => cost)).toEqual([3, 2, 1, 0, 0.25]);
});

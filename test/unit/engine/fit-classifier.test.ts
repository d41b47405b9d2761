import { expect, test } from "vitest";
import {
  applyCalibrator,
  encodeModel,
  fitCalibrator,
  fitClassifier,
  logLoss,
  predictProbabilities,
  SeededRandom,
  splitFolds,
} from "../../../src/engine/index.ts";
import { makeData } from "./seeded-data.ts";

const modelTypes = ["random_forest", "extra_trees", "gradient_boosting", "logistic_regression"] as const;

for (const modelType of modelTypes) {
  for (const classCount of [2, 3]) {
    test(`${modelType} with ${classCount} classes: same request, same bytes; rows sum to 1`, () => {
      const data = makeData(160, 5, classCount, 11, 0.05);
      const request = {
        data,
        modelType,
        calibration: "auto",
        seed: 4,
        params: modelType === "logistic_regression" ? {} : { nEstimators: 20 },
      } as const;
      const fitted = fitClassifier(request);
      expect(encodeModel(fitClassifier(request))).toEqual(encodeModel(fitted));
      const p = predictProbabilities(fitted, data.columns);
      for (let row = 0; row < 160; row++) {
        let sum = 0;
        for (let k = 0; k < classCount; k++) sum += p[row * classCount + k];
        expect(Math.abs(sum - 1)).toBeLessThan(1e-12);
      }
      expect(fitted.trainingReport.candidates.map((candidate) => candidate.kind)).toEqual(
        classCount === 2 ? ["none", "temperature", "platt"] : ["none", "temperature", "platt", "vector"],
      );
    });
  }
}

test("temperature undoes an overconfidence that is a power of the odds", () => {
  const random = new SeededRandom(2);
  const truth = Float64Array.from({ length: 4000 }, () => random.next());
  const labels = Uint8Array.from(truth, (p) => (random.next() < p ? 1 : 0));
  const sharpened = Float64Array.from(
    [...truth].flatMap((p) => [(1 - p) ** 3 / (p ** 3 + (1 - p) ** 3), p ** 3 / (p ** 3 + (1 - p) ** 3)]),
  );
  const calibrator = fitCalibrator("temperature", {
    probabilities: sharpened,
    labels,
    weights: new Float64Array(4000).fill(1),
    classCount: 2,
  });
  expect(calibrator.kind === "temperature" && calibrator.inverse).toBeCloseTo(1 / 3, 1);
});

test("Platt mends a shift that temperature cannot, and the choice by log loss finds it", () => {
  const random = new SeededRandom(3);
  const odds = Float64Array.from({ length: 3000 }, () => 2 * random.nextNormal());
  const labels = Uint8Array.from(odds, (score) => (random.next() < 1 / (1 + Math.exp(-score)) ? 1 : 0));
  const shifted = Float64Array.from(
    [...odds].flatMap((score) => [1 / (1 + Math.exp(score + 2)), 1 / (1 + Math.exp(-score - 2))]),
  );
  const data = { probabilities: shifted, labels, weights: new Float64Array(3000).fill(1), classCount: 2 };
  const losses = (["none", "temperature", "platt"] as const).map((kind) => {
    const p = shifted.slice();
    applyCalibrator(fitCalibrator(kind, data), p, 2);
    return logLoss(p, labels, 2);
  });
  expect(losses[2]).toBeLessThan(losses[1] - 0.02);
  expect(losses[1]).toBeLessThan(losses[0]);
});

test("below 50 rows Platt is not tried, and with too few rows of a class nothing is", () => {
  const few = fitClassifier({ data: makeData(40, 2, 2, 1), modelType: "logistic_regression", calibration: "auto", seed: 1 });
  expect(few.trainingReport.candidates.map((candidate) => candidate.kind)).toEqual(["none", "temperature"]);
  const lone = { columns: [Float64Array.of(1, 2, 3, 4, 5)], labels: Uint8Array.of(0, 0, 0, 0, 1), classCount: 2 };
  const fitted = fitClassifier({ data: lone, modelType: "logistic_regression", calibration: "auto", seed: 1 });
  expect(fitted.trainingReport.folds).toBe(0);
  expect(fitted.trainingReport.note).toMatch(/not calibrated/);
  expect(fitted.calibrator.kind).toBe("none");
});

test("rows of one group stay in one fold, and classes are spread evenly", () => {
  const labels = Uint8Array.from({ length: 200 }, (_, row) => (row % 5 === 0 ? 1 : 0));
  const groups = Uint32Array.from(labels, (_, row) => Math.floor(row / 4));
  const foldOf = splitFolds(labels, 2, 5, 7, groups);
  for (let row = 0; row < 200; row++) expect(foldOf[row]).toBe(foldOf[row - (row % 4)]);
  for (let fold = 0; fold < 5; fold++) {
    const positives = labels.reduce((sum, label, row) => sum + (foldOf[row] === fold ? label : 0), 0);
    expect(positives).toBeGreaterThanOrEqual(6);
    expect(positives).toBeLessThanOrEqual(10);
  }
});

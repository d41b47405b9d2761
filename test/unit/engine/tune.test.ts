import { expect, test } from "vitest";
import { fitCalibrator } from "../../../src/engine/fit-calibrator.ts";
import {
  deriveSeed,
  encodeModel,
  type FitRequest,
  fitClassifier,
  ORIGINAL_PRESETS,
  ORIGINAL_SEED,
  predictProbabilities,
  rowsOfFold,
  scoreTrials,
  separateTrials,
  splitFolds,
  splitTemporal,
  type Trial,
  trainExtraTrees,
  trainForest,
  tuneClassifier,
} from "../../../src/engine/index.ts";
import { LEARNERS } from "../../../src/engine/learners.ts";
import { predictNested } from "../../../src/engine/nested-forest.ts";
import { EXTRA_TREES_PARAMETERS, FOREST_PARAMETERS } from "../../../src/engine/parameter-tables.ts";
import { resolveParameters } from "../../../src/engine/parameters.ts";
import { takeColumnRows, takeRows } from "../../../src/engine/training-data.ts";
import { makeData } from "./seeded-data.ts";

const configs = [3, 7].flatMap((nEstimators) =>
  [2, 5, null].flatMap((maxDepth) => [2, 9].map((minSamplesSplit) => ({ nEstimators, maxDepth, minSamplesSplit }))),
);

for (const classCount of [2, 3]) {
  test(`every forest of a grid read out of one forest equals the one trained alone, bit for bit (${classCount} classes)`, () => {
    const data = makeData(200, 6, classCount, 51, 0.1);
    const held = makeData(80, 6, classCount, 52, 0.1).columns;
    const forest = predictNested("random_forest", data, resolveParameters(FOREST_PARAMETERS, { seed: 8 }, "x"), configs, held);
    const extra = predictNested("extra_trees", data, resolveParameters(EXTRA_TREES_PARAMETERS, { seed: 8 }, "x"), configs, held);
    configs.forEach((config, i) => {
      expect(forest[i]).toEqual(predictProbabilities(trainForest(data, { ...config, seed: 8 }), held));
      expect(extra[i]).toEqual(predictProbabilities(trainExtraTrees(data, { ...config, seed: 8 }), held));
    });
  });
}

test("the original grid has its 27 combinations, in order, and the best is the least log loss", () => {
  const data = makeData(240, 8, 2, 53);
  const { grid } = ORIGINAL_PRESETS.random_forest;
  const { trials, best } = tuneClassifier(data, "random_forest", { method: "grid", grid }, ORIGINAL_SEED);
  expect(trials.length).toBe(27);
  expect(trials[0].params).toEqual({ nEstimators: 50, maxDepth: 5, minSamplesSplit: 2 });
  expect(trials[26].params).toEqual({ nEstimators: 200, maxDepth: 20, minSamplesSplit: 10 });
  const least = Math.min(...trials.map((trial) => trial.score));
  expect(trials.find((trial) => trial.score === least)?.params).toEqual(best);
});

test("a trial does not depend on whether a parameter came from the grid or was fixed", () => {
  const data = makeData(150, 4, 2, 54);
  const inGrid = tuneClassifier(data, "gradient_boosting", { method: "grid", grid: { nEstimators: [5], maxDepth: [2] } }, 9);
  const fixed = tuneClassifier(
    data,
    "gradient_boosting",
    { method: "grid", grid: { maxDepth: [2] }, params: { nEstimators: 5 } },
    9,
  );
  expect(fixed.trials[0].turnScores).toEqual(inGrid.trials[0].turnScores);
  const [a, b, c] = inGrid.trials[0].turnScores;
  expect(inGrid.trials[0].score).toBeCloseTo((a + b + c) / 3, 12);
});

test("random search draws without repeats and is repeatable", () => {
  const data = makeData(120, 3, 2, 55);
  const options = { method: "random", grid: { C: [0.01, 0.1, 1, 10, 100] }, trials: 4 } as const;
  const first = tuneClassifier(data, "logistic_regression", options, 3);
  expect(new Set(first.trials.map((trial) => trial.params.C)).size).toBe(4);
  expect(tuneClassifier(data, "logistic_regression", options, 3)).toEqual(first);
});

test("halving gives all a third of the rows, and the better ones all rows", () => {
  const data = makeData(600, 3, 2, 56);
  const grid = { C: [1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 100] };
  const { trials, best } = tuneClassifier(data, "logistic_regression", { method: "halving", grid }, 3);
  expect(trials.map((trial) => trial.rowShare)).toEqual([...new Array(9).fill(1 / 9), ...new Array(3).fill(1 / 3), 1]);
  expect(best.C).toBeGreaterThanOrEqual(0.1);
});

test("an interrupted search goes on where it stood", () => {
  const data = makeData(120, 3, 2, 57);
  const grid = { C: [0.1, 1, 10] };
  const whole = tuneClassifier(data, "logistic_regression", { method: "grid", grid }, 3);
  const log: Trial[] = [];
  let clock = 0;
  const cut = tuneClassifier(
    data,
    "logistic_regression",
    { method: "grid", grid, budgetMs: 5, now: () => (clock += 4), onTrial: (trial) => log.push(trial) },
    3,
  );
  expect(cut.outOfTime).toBe(true);
  expect(log.length).toBeLessThan(3);
  const resumed = tuneClassifier(data, "logistic_regression", { method: "grid", grid, done: JSON.parse(JSON.stringify(log)) }, 3);
  expect(resumed).toEqual(whole);
});

test("temporal turns never train on what comes after the test", () => {
  const times = Float64Array.from({ length: 50 }, (_, row) => ((row * 37) % 50) >> 1);
  const turns = splitTemporal(times, 4);
  expect(turns.length).toBe(4);
  for (const { train, test: tested } of turns) {
    expect(Math.max(...[...train].map((row) => times[row]))).toBeLessThan(Math.min(...[...tested].map((row) => times[row])));
  }
});

test("a classifier can be tuned and calibrated in one call, and says what was tried", () => {
  const data = makeData(200, 4, 2, 58);
  const shares: number[] = [];
  const fitted = fitClassifier({
    data,
    modelType: "random_forest",
    params: { maxFeatures: 2 },
    tuning: { method: "grid", grid: { nEstimators: [5, 10], maxDepth: [2, 4] } },
    calibration: "auto",
    seed: 6,
    onProgress: (share) => shares.push(share),
  });
  expect(fitted.trainingReport.tuning?.trials.length).toBe(4);
  expect(fitted.model.params).toMatchObject({ maxFeatures: 2, ...fitted.trainingReport.tuning?.best });
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  expect(shares.at(-1)).toBe(1);
});

const smallGrid = { nEstimators: [20, 30], maxDepth: [2, 4] };

for (const modelType of ["random_forest", "extra_trees"] as const) {
  test(`after a search by folds, what its ${modelType} said of the rows held out calibrates the model: no refits`, () => {
    const data = makeData(180, 4, 3, 59, 0.1);
    const weights = Float64Array.from(data.labels, (_, row) => 1 + (row % 3));
    const request: FitRequest = {
      data: { ...data, weights },
      modelType,
      tuning: { method: "grid", grid: smallGrid },
      calibration: "vector",
      seed: 6,
    };
    const { trainingReport, calibrator } = fitClassifier(request);
    expect(trainingReport.heldOut).toBe("search");
    const { train } = LEARNERS[modelType].prepare({ ...trainingReport.tuning?.best, seed: 6 }, modelType);
    const foldOf = splitFolds(data.labels, 3, 3, deriveSeed(6, 0x666f));
    const probabilities = new Float64Array(data.labels.length * 3);
    for (let fold = 0; fold < 3; fold++) {
      const { inside, outside } = rowsOfFold(foldOf, fold);
      const model = train(takeRows({ ...data, weights }, outside));
      predictProbabilities(model, takeColumnRows(data.columns, inside)).forEach((p, at) => {
        probabilities[inside[Math.floor(at / 3)] * 3 + (at % 3)] = p;
      });
    }
    expect(calibrator).toEqual(fitCalibrator("vector", { probabilities, labels: data.labels, weights, classCount: 3 }));
  });
}

test("a search that was interrupted, or made elsewhere, ends in the same model file", () => {
  const data = makeData(180, 4, 3, 60);
  const tuning = { method: "grid", grid: smallGrid } as const;
  const request: FitRequest = { data, modelType: "random_forest", tuning, calibration: "auto", seed: 6 };
  const whole = fitClassifier(request);
  const trials = whole.trainingReport.tuning?.trials ?? [];
  expect(trials.length).toBe(4);
  for (const done of [trials, trials.slice(0, 1), trials.slice(1)]) {
    expect(encodeModel(fitClassifier({ ...request, tuning: { ...tuning, done } }))).toEqual(encodeModel(whole));
  }
});

test("other learners, a search by time or in two folds, and folds or votes that are asked for leave the calibrator to these", () => {
  const data = makeData(180, 4, 2, 61);
  const tuning = { method: "grid", grid: smallGrid } as const;
  const request: FitRequest = { data, modelType: "random_forest", tuning, calibration: "platt", seed: 6 };
  const heldOutOf = (changes: Partial<FitRequest>) => fitClassifier({ ...request, ...changes }).trainingReport.heldOut;
  expect(heldOutOf({})).toBe("search");
  expect(heldOutOf({ groups: Uint32Array.from(data.labels, (_, row) => row >> 1) })).toBe("search");
  expect(heldOutOf({ tuning: { ...tuning, method: "halving" } })).toBe("search");
  expect(heldOutOf({ tuning: { ...tuning, times: Float64Array.from(data.labels, (_, row) => row) } })).toBe("folds");
  expect(heldOutOf({ tuning: { ...tuning, folds: 2 } })).toBe("folds");
  expect(heldOutOf({ heldOut: "folds" })).toBe("folds");
  expect(heldOutOf({ modelType: "gradient_boosting" })).toBe("folds");
  expect(heldOutOf({ heldOut: "out_of_bag" })).toBe("out_of_bag");
  expect(heldOutOf({ calibration: "none" })).toBe("none");
});

test("a search that cannot be is refused before any work", () => {
  const data = makeData(30, 2, 2, 59);
  const tune =
    (grid: Record<string, number[]>, more: object = {}) =>
    () =>
      tuneClassifier(data, "random_forest", { method: "grid", grid, ...more }, 1);
  expect(tune({})).toThrow(/bad_parameter: grid of the tuning must have 1 to 100000 combinations; got 0/);
  expect(tune({ maxDepth: [0] })).toThrow(/bad_parameter: maxDepth of random_forest/);
  expect(tune({ depth: [3] })).toThrow(/random_forest has no parameter depth/);
  expect(tune({ maxDepth: [3] }, { folds: 40 })).toThrow(/bad_data: 40 folds need as many rows, groups or later times; got 30/);
  expect(tune({ maxDepth: [3] }, { budgetMs: 5 })).toThrow(/budgetMs of the tuning needs now/);
});

test("trials that were scored apart are those of the search, and leave it nothing to train", () => {
  const data = makeData(160, 4, 2, 61);
  const grid = { learningRate: [0.1, 0.3], nEstimators: [3, 6], maxDepth: [2] };
  const options = { method: "grid", grid, params: { minSamplesLeaf: 3 } } as const;
  const whole = tuneClassifier(data, "gradient_boosting", options, 12);
  const parts = separateTrials(options, "gradient_boosting", 12);
  expect(parts.map(({ length }) => length)).toEqual([1, 1, 1, 1]);
  // in another order, and through a file
  const apart = parts.toReversed().flatMap((part) => scoreTrials(data, "gradient_boosting", options, 12, part));
  const done: Trial[] = JSON.parse(JSON.stringify(apart));
  const told: Trial[] = [];
  const again = tuneClassifier(data, "gradient_boosting", { ...options, done, onTrial: (trial) => void told.push(trial) }, 12);
  expect(again).toEqual(whole);
  // the very objects that were given: none was made anew
  expect(told.every((trial) => done.includes(trial))).toBe(true);
});

test("forests that differ in what one forest shows are one group; halving is one group whatever it tries", () => {
  const { grid } = ORIGINAL_PRESETS.random_forest;
  expect(separateTrials({ method: "grid", grid }, "random_forest", 1).map(({ length }) => length)).toEqual([27]);
  const features = { ...grid, maxFeatures: ["sqrt", "log2"] };
  expect(separateTrials({ method: "grid", grid: features }, "random_forest", 1).map(({ length }) => length)).toEqual([27, 27]);
  const { grid: boosting } = ORIGINAL_PRESETS.gradient_boosting;
  expect(separateTrials({ method: "grid", grid: boosting }, "gradient_boosting", 1)).toHaveLength(27);
  expect(separateTrials({ method: "halving", grid: boosting }, "gradient_boosting", 1).map(({ length }) => length)).toEqual([27]);
});

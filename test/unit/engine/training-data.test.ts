import { expect, test } from "vitest";
import {
  fitClassifier,
  predictProbabilities,
  predictRow,
  trainBoosting,
  trainExtraTrees,
  trainForest,
  trainLogistic,
  trainNetwork,
  tuneClassifier,
} from "../../../src/engine/index.ts";
import { makeData } from "./seeded-data.ts";

const good = makeData(30, 3, 2, 1);
const refusals: [string, object, RegExp][] = [
  ["one class", { ...good, labels: new Uint8Array(30) }, /bad_data: labels .* at least two classes; all 30 rows are class 0/],
  [
    "a label beyond classCount",
    { ...good, labels: good.labels.map((label, row) => (row === 4 ? 7 : label)) },
    /bad_data: labels\[4\].* below classCount 2; got 7/,
  ],
  [
    "an infinite value",
    { ...good, columns: [good.columns[0], good.columns[1].map((v, row) => (row === 3 ? Infinity : v)), good.columns[2]] },
    /bad_data: column 1, row 3/,
  ],
  ["a short column", { ...good, columns: [good.columns[0].slice(1)] }, /bad_data: column 0 must have 30 rows; got 29/],
  ["no column", { ...good, columns: [] }, /bad_data: columns must be 1 to 4096 features; got 0/],
  ["65 classes", { ...good, classCount: 65 }, /bad_data: classCount .* \[2, 64\]; got 65/],
  ["weights of 0", { ...good, weights: new Float64Array(30) }, /bad_data: weights .* must not all be 0/],
  ["a negative weight", { ...good, weights: new Float64Array(30).fill(1).fill(-1, 2, 3) }, /bad_data: weights\[2\]/],
  ["a weight that is not a number", { ...good, weights: new Float64Array(30).fill(Number.NaN) }, /bad_data: weights\[0\]/],
  [
    "a constant column",
    { ...good, columns: [good.columns[0], new Float64Array(30).fill(7), good.columns[2]] },
    /bad_data: column 1 holds the one value 7: it teaches nothing/,
  ],
  [
    "a column that is missing throughout",
    { ...good, columns: [good.columns[0], good.columns[1], new Float32Array(30).fill(Number.NaN)] },
    /bad_data: column 2 misses every value/,
  ],
  [
    "a label that is no number",
    { ...good, labels: Array.from(good.labels).fill(Number.NaN, 3, 4) },
    /bad_data: labels\[3\].*got NaN/,
  ],
  ["a label of half a class", { ...good, labels: Array.from(good.labels).fill(0.5, 3, 4) }, /bad_data: labels\[3\].*got 0.5/],
  ["weights of another length", { ...good, weights: new Float64Array(29).fill(1) }, /bad_data: weights .* 30 rows; got 29/],
];

for (const [name, data, message] of refusals) {
  test(`every learner refuses ${name}`, () => {
    for (const train of [trainForest, trainExtraTrees, trainBoosting, trainLogistic, trainNetwork])
      expect(() => train(data as typeof good)).toThrow(message);
    const request = { modelType: "random_forest", calibration: "none", seed: 1 } as const;
    expect(() => fitClassifier({ ...request, data: data as typeof good })).toThrow(message);
    expect(() => tuneClassifier(data as typeof good, "random_forest", { method: "grid", grid: { maxDepth: [2] } }, 1)).toThrow(
      message,
    );
  });
}

test("a wrong parameter is named with its range and value", () => {
  expect(() => trainForest(good, { nEstimators: 0 })).toThrow(
    "bad_parameter: nEstimators of random_forest must be an integer in [1, 10000]; got 0",
  );
  expect(() => trainForest(good, { maxFeatures: 0 })).toThrow(
    /maxFeatures of random_forest must be one of sqrt, log2, all, a share in \(0, 1\) or an integer/,
  );
  expect(() => trainBoosting(good, { learningRate: Number.NaN })).toThrow(
    /learningRate of gradient_boosting must be a number in/,
  );
  const misspelt: object = { n_estimators: 5 };
  expect(() => trainForest(good, misspelt)).toThrow(/random_forest has no parameter n_estimators; it has nEstimators/);
});

test("prediction refuses other columns than the model's", () => {
  const model = trainLogistic(good);
  expect(() => predictProbabilities(model, good.columns.slice(1))).toThrow(
    "bad_data: columns must be the 3 features of the model; got 2",
  );
  expect(() => predictRow(model, Float64Array.of(1, 2))).toThrow("bad_data: values must be the 3 features of the model; got 2");
  expect(() => predictRow(model, Float64Array.of(1, 2, Infinity))).toThrow(/bad_data: value 2 must fit float32/);
});

test("constant columns are let through when asked, and are never asked by a model", () => {
  const constantColumns = "allow" as const;
  const columns = [good.columns[0], new Float64Array(30).fill(7), new Float32Array(30).fill(Number.NaN)];
  const data = { ...good, columns, constantColumns };
  expect([...new Set(trainForest(data).trees.feature)].sort()).toEqual([-1, 0]);
  expect([...new Set(trainBoosting(data, { minSamplesLeaf: 2 }).trees.feature)].sort()).toEqual([-1, 0]);
});

test("features in another order, of another name or number are refused by name at prediction", () => {
  const request = { data: good, modelType: "random_forest", calibration: "none", seed: 1 } as const;
  const fitted = fitClassifier({ ...request, featureNames: ["age", "size", "risk"] });
  const predict = (names: string[]) => () => predictProbabilities(fitted, good.columns, names);
  expect(predict(["age", "size", "risk"])()).toEqual(predictProbabilities(fitted, good.columns));
  expect(predict(["age", "risk", "size"])).toThrow(/bad_data: .* another order: column 1 must be size; got risk/);
  expect(predict(["age", "size", "cost"])).toThrow(/bad_data: .* missing: risk; unknown: cost/);
  expect(predict(["age", "size"])).toThrow(/bad_data: .* 2 columns where 3 are needed; missing: risk/);
});

test("classes and features of one name twice, too many names, and folds that cannot be are refused", () => {
  const request = { data: good, modelType: "random_forest", calibration: "auto", seed: 1 } as const;
  expect(() => fitClassifier({ ...request, classes: ["a", "a"] })).toThrow(/bad_parameter: classes must be 2 different names/);
  expect(() => fitClassifier({ ...request, classes: ["a", "b", "c"] })).toThrow(/bad_parameter: classes .* got 3/);
  expect(() => fitClassifier({ ...request, featureNames: ["a", "b", "a"] })).toThrow(/bad_parameter: featureNames must be 3/);
  const lone = { ...good, labels: good.labels.map((_, row) => (row === 0 ? 1 : 0)) };
  expect(() => fitClassifier({ ...request, data: lone, calibration: "platt" })).toThrow(
    /bad_data: calibration platt needs two folds .* got 30 rows/,
  );
  expect(() => fitClassifier({ ...request, calibration: "vector" })).toThrow(
    /bad_parameter: calibration vector needs three classes/,
  );
  const many = { ...good, columns: Array.from({ length: 4097 }, () => good.columns[0]) };
  expect(() => fitClassifier({ ...request, data: many })).toThrow(/bad_data: columns must be 1 to 4096 features; got 4097/);
});

test("a caller can stop a training", () => {
  let calls = 0;
  const signal = {
    get aborted() {
      return ++calls > 3;
    },
  };
  expect(() => fitClassifier({ data: good, modelType: "random_forest", calibration: "auto", seed: 1, signal })).toThrow(
    /^cancelled: /,
  );
});

test("progress rises to 1", () => {
  const shares: number[] = [];
  fitClassifier({
    data: good,
    modelType: "random_forest",
    params: { nEstimators: 3 },
    calibration: "auto",
    seed: 1,
    onProgress: (share) => shares.push(share),
  });
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  expect(shares.at(-1)).toBe(1);
});

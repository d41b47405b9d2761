import { expect, test } from "vitest";
import {
  decodeModel,
  encodeModel,
  fitClassifier,
  logLoss,
  type NetworkModel,
  predictProbabilities,
  type TrainingData,
  trainLogistic,
  trainNetwork,
} from "../../../src/engine/index.ts";
import { multiplyListed, multiplyMarked } from "../../../src/engine/perceptron-plain.ts";
import { makeData } from "./seeded-data.ts";

test("a network learns what no line can: the class of the sign of a product", () => {
  const noise = makeData(600, 2, 2, 71);
  const labels = noise.labels.map((_, row) => (noise.columns[0][row] * noise.columns[1][row] > 0 ? 1 : 0));
  const data = { columns: noise.columns, labels, classCount: 2 };
  const loss = (model: Parameters<typeof predictProbabilities>[0]) =>
    logLoss(predictProbabilities(model, data.columns), labels, 2);
  expect(loss(trainNetwork(data, { hiddenLayerSizes: [20, 10], learningRateInit: 0.01, seed: 1 }))).toBeLessThan(0.15);
  expect(loss(trainLogistic(data))).toBeGreaterThan(0.6);
});

test("on full batches with a small rate the loss falls with the passes", () => {
  const data = makeData(100, 3, 3, 72);
  const losses = [1, 5, 20, 80].map((maxIter) => {
    const model = trainNetwork(data, {
      hiddenLayerSizes: [8],
      maxIter,
      batchSize: 100,
      learningRateInit: 0.003,
      tol: 0,
      nIterNoChange: 1000,
      seed: 4,
    });
    return logLoss(predictProbabilities(model, data.columns), data.labels, 3);
  });
  expect(losses).toEqual([...losses].sort((a, b) => b - a));
  expect(losses[3]).toBeLessThan(losses[0] - 0.1);
});

test("same seed, same bytes; load(save(x)) = x; missing values are read", () => {
  const data = makeData(120, 4, 3, 73, 0.1);
  const request = {
    data,
    modelType: "neural_network",
    calibration: "platt",
    seed: 2,
    params: { hiddenLayerSizes: [12, 6], maxIter: 20 },
  } as const;
  const fitted = fitClassifier(request);
  const bytes = encodeModel(fitted);
  expect(encodeModel(fitClassifier(request))).toEqual(bytes);
  expect(decodeModel(bytes)).toEqual(fitted);
  expect(predictProbabilities(fitted, data.columns).every(Number.isFinite)).toBe(true);
});

test("sizes of layers are checked and named", () => {
  const data = makeData(30, 2, 2, 74);
  for (const hiddenLayerSizes of [[], [0], [5, 5, 5, 5], [2.5]]) {
    expect(() => trainNetwork(data, { hiddenLayerSizes })).toThrow(
      /hiddenLayerSizes of neural_network must be a list of 1 to 3 integers in \[1, 2048\]/,
    );
  }
});

test("products over active units alone, by hand", () => {
  const out = Float32Array.of(100, 100, 0, -9);
  // the second number of the second row of a is left out
  multiplyListed(
    [
      [0, 1, 2],
      [0, 2],
    ],
    Float32Array.of(1, 2, 3, 4, 5, 6),
    Float32Array.of(7, 8, 9, 10, 11, 12),
    out,
    2,
    100,
  );
  expect([...out]).toEqual([158, 164, 100, 100]);
  const marked = Float32Array.of(1, 2, 0, 0);
  multiplyMarked([[1], [0, 1]], Float32Array.of(2, 3), Float32Array.of(5, 6, 7, 8), Float32Array.of(1, 10), marked, 2);
  expect([...marked]).toEqual([22, 26, 310, 360]);
});

test("early stopping keeps the weights of the pass that was best on the rows given for it", () => {
  const data = makeData(150, 4, 2, 91);
  const validation = makeData(200, 4, 2, 92);
  const lossOf = (maxIter: number): number =>
    logLoss(
      predictProbabilities(trainNetwork(data, { maxIter, tol: 0, nIterNoChange: 10_000 }), validation.columns),
      validation.labels,
      2,
    );
  const params = { maxIter: 120, tol: 0, nIterNoChange: 5, earlyStopping: true, learningRateInit: 0.01 };
  const stopped = trainNetwork(data, params, undefined, validation);
  const loss = logLoss(predictProbabilities(stopped, validation.columns), validation.labels, 2);
  expect(stopped.converged).toBe(true);
  expect(stopped.iterations).toBeLessThan(120);
  // the training without stopping passes through the same weights: the best of its passes up to there is what is kept
  const all = Array.from({ length: stopped.iterations }, (_, i) =>
    logLoss(
      predictProbabilities(
        trainNetwork(data, { maxIter: i + 1, tol: 0, nIterNoChange: 10_000, learningRateInit: 0.01 }),
        validation.columns,
      ),
      validation.labels,
      2,
    ),
  );
  expect(loss).toBe(Math.min(...all));
  expect(loss).toBeLessThan(lossOf(1));
});

/** Mean log loss of a network whose weight `at` is moved by `by`. */
function lossWith(model: NetworkModel, data: TrainingData, at: number, by: number): number {
  const weights = Float32Array.from(model.weights);
  weights[at] += by;
  return logLoss(predictProbabilities({ ...model, weights }, data.columns), data.labels, data.classCount);
}

test("with an L1 penalty the loss pulls at each weight as much as the penalty, and at most so much at those that are 0", () => {
  const data = makeData(120, 3, 2, 94);
  const [rows, width, units] = [120, 3, 4];
  // with less, rows come to rest where a unit falls silent, and the loss has no slope there
  for (const l1Regularization of [2, 3]) {
    const model = trainNetwork(data, {
      hiddenLayerSizes: [units],
      alpha: 0,
      l1Regularization,
      batchSize: rows,
      learningRateInit: 0.002,
      maxIter: 10_000,
      tol: 0,
      nIterNoChange: 10_000,
      seed: 3,
    });
    // weights of both layers, without the biases behind each
    const penalised = [
      ...Array.from({ length: width * units }, (_, i) => i),
      ...Array.from({ length: units }, (_, i) => width * units + units + i),
    ];
    const pull = l1Regularization / rows;
    let zeros = 0;
    for (const at of penalised) {
      const step = 1 / 1024;
      const slope = (lossWith(model, data, at, step) - lossWith(model, data, at, -step)) / (2 * step);
      const weight = model.weights[at];
      if (weight === 0) {
        zeros++;
        expect(Math.abs(slope)).toBeLessThan(pull * 1.02);
      } else expect(Math.abs(slope + Math.sign(weight) * pull)).toBeLessThan(pull * 0.02);
    }
    // the third column says nothing of the class
    expect(zeros).toBeGreaterThanOrEqual(units);
  }
});

test("without an L1 penalty no weight is 0, and with a large one all are", () => {
  const data = makeData(120, 3, 3, 95);
  const zerosOf = (l1Regularization: number): number =>
    trainNetwork(data, { hiddenLayerSizes: [5], maxIter: 100, l1Regularization }).weights.filter((weight) => weight === 0).length;
  expect(zerosOf(0)).toBe(0);
  expect(zerosOf(1e4)).toBe(3 * 5 + 5 * 3);
});

test("without rows of its own early stopping holds a share back, and validation rows need it", () => {
  const data = makeData(200, 4, 3, 93);
  const model = trainNetwork(data, { earlyStopping: true, nIterNoChange: 3, tol: 0, learningRateInit: 0.02 });
  expect(model.iterations).toBeLessThan(200);
  expect(() => trainNetwork(data, {}, undefined, data)).toThrow(/bad_parameter: earlyStopping of neural_network must be true/);
  expect(() => trainNetwork(data, { earlyStopping: true }, undefined, makeData(20, 3, 3, 1))).toThrow(
    /bad_data: columns must be the 4 features of the model; got 3/,
  );
  expect(() => trainNetwork(data, { earlyStopping: true }, undefined, makeData(20, 4, 2, 1))).toThrow(
    /bad_data: classCount of the validation data must be that of the training data, 3; got 2/,
  );
});

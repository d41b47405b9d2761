import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import {
  type Column,
  encodeOnnx,
  type FittedClassifier,
  fitClassifier,
  mostLikely,
  predictProbabilities,
} from "../../../src/engine/index.ts";
import { makeCategorical, makeData } from "./seeded-data.ts";

/** Runs the ONNX form of a classifier on columns. */
async function runOnnx(
  fitted: FittedClassifier,
  columns: readonly Column[],
): Promise<{ probabilities: Float32Array; labels: number[] }> {
  const rowCount = columns[0].length;
  const session = await InferenceSession.create(encodeOnnx(fitted), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const flat = new Float32Array(rowCount * columns.length);
  for (let row = 0; row < rowCount; row++)
    for (let j = 0; j < columns.length; j++) flat[row * columns.length + j] = columns[j][row];
  const { probabilities, label } = await session.run({ features: new Tensor("float32", flat, [rowCount, columns.length]) });
  await session.release();
  if (!(probabilities.data instanceof Float32Array) || !(label.data instanceof BigInt64Array))
    throw new Error("outputs are of another type than promised");
  expect(probabilities.dims).toEqual([rowCount, fitted.classCount]);
  expect(label.dims).toEqual([rowCount]);
  return { probabilities: probabilities.data, labels: Array.from(label.data, Number) };
}

/** Ordinary rows, rows with many missing values, and rows of extreme values. */
function awkwardColumns(columnCount: number): Column[] {
  const ordinary = makeData(60, columnCount, 2, 77, 0.3).columns;
  const extremes = [0, -0, 1e-45, -1e-45, 3.4028234663852886e38, -3.4028234663852886e38, 1e-30, 123456.789, Number.NaN];
  return ordinary.map((column, j) =>
    Float64Array.from([...column, ...extremes.map((_, i) => extremes[(i + j) % extremes.length])]),
  );
}

for (const modelType of ["random_forest", "extra_trees", "gradient_boosting", "logistic_regression", "neural_network"] as const) {
  for (const classCount of [2, 4]) {
    for (const calibration of ["none", "temperature", "platt", "beta", "isotonic", "vector", "dirichlet"] as const) {
      if (classCount === 2 && (calibration === "vector" || calibration === "dirichlet")) continue; // forms of three classes or more
      test(`onnxruntime answers as the engine does, to 1e-6: ${modelType}, ${classCount} classes, calibration ${calibration}`, async () => {
        const data = makeData(200, 5, classCount, 40 + classCount, 0.1);
        const params =
          modelType === "logistic_regression"
            ? {}
            : modelType === "neural_network"
              ? { maxIter: 15, hiddenLayerSizes: [9, 5] }
              : { nEstimators: 50 };
        const fitted = fitClassifier({ data, modelType, calibration, seed: 3, params });
        const columns = awkwardColumns(5);
        const expected = predictProbabilities(fitted, columns);
        const { probabilities, labels } = await runOnnx(fitted, columns);
        expect(expected.reduce((most, value, i) => Math.max(most, Math.abs(value - probabilities[i])), 0)).toBeLessThan(1e-6);
        // where two classes are nearer than the float32 of the tree sums, either may be called
        const called = mostLikely(expected, classCount);
        labels.forEach((label, row) => {
          expect(expected[row * classCount + called[row]] - expected[row * classCount + label]).toBeLessThan(1e-6);
        });
      });
    }
  }
}

test("a tree that is one leaf, and a column that was always missing, export too", async () => {
  const labels = Uint8Array.from({ length: 40 }, (_, row) => (row < 10 ? 1 : 0));
  const columns = [new Float64Array(40).fill(3), new Float64Array(40).fill(Number.NaN)];
  for (const modelType of [
    "random_forest",
    "extra_trees",
    "gradient_boosting",
    "logistic_regression",
    "neural_network",
  ] as const) {
    const fitted = fitClassifier({
      data: { columns, labels, classCount: 2, constantColumns: "allow" },
      modelType,
      calibration: "auto",
      seed: 1,
    });
    const { probabilities } = await runOnnx(fitted, columns);
    const expected = predictProbabilities(fitted, columns);
    expect(Math.abs(expected[1] - probabilities[1])).toBeLessThan(1e-6);
  }
});

test("the same classifier gives the same ONNX bytes", () => {
  const fitted = fitClassifier({
    data: makeData(80, 3, 3, 5),
    modelType: "random_forest",
    calibration: "auto",
    seed: 3,
    params: { nEstimators: 5 },
  });
  expect(encodeOnnx(fitted)).toEqual(encodeOnnx(fitted));
});

for (const modelType of ["random_forest", "extra_trees", "gradient_boosting"] as const) {
  for (const classCount of [2, 4]) {
    test(`onnxruntime answers as the engine does, to 1e-6: ${modelType} with categories, ${classCount} classes`, async () => {
      const data = makeCategorical(600, [2, 30, 255], classCount, 50 + classCount, 0.1);
      const { categoricalFeatures } = data;
      const params = { nEstimators: 30, categoricalFeatures };
      const free = modelType === "gradient_boosting" ? { catSmooth: 0, minDataPerGroup: 2, maxCatThreshold: 256 } : {};
      const fitted = fitClassifier({ data, modelType, calibration: "temperature", seed: 3, params: { ...params, ...free } });
      const odd = [Number.NaN, 0, -0, -1, 2.5, 1e30, 255, 256, 1e-45, 31, 32, 33];
      const columns = data.columns.map((column, j) =>
        column.slice(0, 200).map((value, row) => (row % 3 === 0 ? odd[(row / 3 + j) % odd.length] : value)),
      );
      const expected = predictProbabilities(fitted, columns);
      const { probabilities } = await runOnnx(fitted, columns);
      expect(expected.reduce((most, value, i) => Math.max(most, Math.abs(value - probabilities[i])), 0)).toBeLessThan(1e-6);
    });
  }
}

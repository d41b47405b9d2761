import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { encodeModel, encodeOnnx, fitClassifier } from "../../../src/engine/index.ts";
import { makeCategorical, makeData } from "./seeded-data.ts";

/**
 * Beginning of the SHA-256 of whole model files, recorded on x64 Linux, Node 24. A difference on another machine is a broken promise (same data,
 * parameters and seed: same bytes everywhere); after an intended change of a learner, record the new one here and say so in CHANGELOG.
 */
const RECORDED = {
  random_forest: "29f9d02831c449ca b48faa9010eea36f",
  extra_trees: "9794b315414d46de dce305ddb09a06dd",
  gradient_boosting: "ca4b9fa343cb4083 10c49406a9c2db25",
  logistic_regression: "45c2eba81504b08b 3cad11afe44b3666",
  neural_network: "b2dff6ebd6cdc57c 32e9d1d074a146d3",
} as const;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

for (const modelType of Object.keys(RECORDED) as (keyof typeof RECORDED)[]) {
  test(`${modelType} has the recorded bytes, native and ONNX`, () => {
    const fitted = fitClassifier({ data: makeData(240, 6, 3, 81, 0.05), modelType, calibration: "auto", seed: 42 });
    expect(`${sha256(encodeModel(fitted))} ${sha256(encodeOnnx(fitted))}`).toBe(RECORDED[modelType]);
  });
}

const RECORDED_LAYERS = "f683edfe24c4f0b8 1a0a07807cfd2fd7";

test("a perceptron of two classes and several layers has the recorded bytes", () => {
  const params = { hiddenLayerSizes: [33, 50], maxIter: 20, batchSize: 300 };
  const fitted = fitClassifier({
    data: makeData(700, 6, 2, 81, 0.05),
    modelType: "neural_network",
    params,
    calibration: "none",
    seed: 42,
  });
  expect(`${sha256(encodeModel(fitted))} ${sha256(encodeOnnx(fitted))}`).toBe(RECORDED_LAYERS);
});

/** The same of models that split categories. */
const RECORDED_CATEGORIES = {
  random_forest: "ef94e0194ffe5177 9d79026129290ea7",
  extra_trees: "31e8f98a0622e270 fa543e9700959423",
  gradient_boosting: "b18b0a30ed572a43 2519eabb79df3dfd",
} as const;

for (const modelType of Object.keys(RECORDED_CATEGORIES) as (keyof typeof RECORDED_CATEGORIES)[]) {
  test(`${modelType} with categories has the recorded bytes, native and ONNX`, () => {
    const data = makeCategorical(400, [3, 40], 3, 82, 0.05);
    const params = { categoricalFeatures: data.categoricalFeatures };
    const fitted = fitClassifier({ data, modelType, params, calibration: "auto", seed: 42 });
    expect(`${sha256(encodeModel(fitted))} ${sha256(encodeOnnx(fitted))}`).toBe(RECORDED_CATEGORIES[modelType]);
  });
}

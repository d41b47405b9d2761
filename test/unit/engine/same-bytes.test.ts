import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { encodeModel, encodeOnnx, fitClassifier } from "../../../src/engine/index.ts";
import { makeCategorical, makeData } from "./seeded-data.ts";

/**
 * Beginning of the SHA-256 of whole model files, recorded on x64 Linux, Node 24. A difference on another machine is a broken promise (same data,
 * parameters and seed: same bytes everywhere); after an intended change of a learner, record the new one here and say so in CHANGELOG.
 */
const RECORDED = {
  random_forest: "b1e6117c1d66cfe3 38a0fb9b18630d92",
  extra_trees: "c0fde13389f93b70 dce305ddb09a06dd",
  gradient_boosting: "88de4499b6151f95 10c49406a9c2db25",
  logistic_regression: "825f0e6a4a887e2c 3cad11afe44b3666",
  neural_network: "aa97498ac16825cd 32e9d1d074a146d3",
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
  random_forest: "9f343b2b98335d29 ef6986ef7781ce82",
  extra_trees: "47b58a9f65d119f6 82a1a0dc28a70f9a",
  gradient_boosting: "fdf079a4bdcf3d88 d577224155799cfb",
} as const;

for (const modelType of Object.keys(RECORDED_CATEGORIES) as (keyof typeof RECORDED_CATEGORIES)[]) {
  test(`${modelType} with categories has the recorded bytes, native and ONNX`, () => {
    const data = makeCategorical(400, [3, 40], 3, 82, 0.05);
    const params = { categoricalFeatures: data.categoricalFeatures };
    const fitted = fitClassifier({ data, modelType, params, calibration: "auto", seed: 42 });
    expect(`${sha256(encodeModel(fitted))} ${sha256(encodeOnnx(fitted))}`).toBe(RECORDED_CATEGORIES[modelType]);
  });
}

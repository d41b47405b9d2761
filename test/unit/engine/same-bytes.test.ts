import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { encodeModel, encodeOnnx, fitClassifier } from "../../../src/engine/index.ts";
import { makeData } from "./seeded-data.ts";

/**
 * Beginning of the SHA-256 of whole model files, recorded on x64 Linux, Node 24. A difference on another machine is a broken promise (same data,
 * parameters and seed: same bytes everywhere); after an intended change of a learner, record the new one here and say so in CHANGELOG.
 */
const RECORDED = {
  random_forest: "66067343867c7048 38a0fb9b18630d92",
  extra_trees: "6d4b6081e98a5450 2c719b0b46290288",
  gradient_boosting: "359751d19800a9a4 c47e8719c66170ab",
  logistic_regression: "e2cdf8eadea45334 3cad11afe44b3666",
  neural_network: "a26ede81452d8d26 12c7e5888e9aaf9f",
} as const;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

for (const modelType of Object.keys(RECORDED) as (keyof typeof RECORDED)[]) {
  test(`${modelType} has the recorded bytes, native and ONNX`, () => {
    const fitted = fitClassifier({ data: makeData(240, 6, 3, 81, 0.05), modelType, calibration: "auto", seed: 42 });
    expect(`${sha256(encodeModel(fitted))} ${sha256(encodeOnnx(fitted))}`).toBe(RECORDED[modelType]);
  });
}

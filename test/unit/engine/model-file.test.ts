import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { isRequeenError } from "../../../src/core/errors.ts";
import { decodeModel, encodeModel, fitClassifier, predictProbabilities } from "../../../src/engine/index.ts";
import { encodeBlob } from "../../../src/engine/model-blob.ts";
import { makeData } from "./seeded-data.ts";

const data = makeData(120, 4, 3, 21, 0.1);
const naming = { classes: ["approve", "reject", "review"], featureNames: ["a", "b", "c", "d"], featureSchema: "test/1" };
const fitSmall = (
  modelType: "random_forest" | "extra_trees" | "gradient_boosting" | "logistic_regression",
  calibration: "auto" | "platt" | "temperature",
) =>
  fitClassifier({
    data,
    modelType,
    calibration,
    seed: 2,
    params: modelType === "logistic_regression" ? {} : { nEstimators: 8 },
    ...naming,
  });

for (const modelType of ["random_forest", "extra_trees", "gradient_boosting", "logistic_regression"] as const) {
  for (const calibration of ["platt", "temperature"] as const) {
    test(`load(save(x)) = x: ${modelType} with ${calibration}`, () => {
      const fitted = fitSmall(modelType, calibration);
      const bytes = encodeModel(fitted);
      const loaded = decodeModel(bytes);
      expect(loaded).toEqual(fitted);
      expect(encodeModel(loaded)).toEqual(bytes);
      expect(predictProbabilities(loaded, data.columns)).toEqual(predictProbabilities(fitted, data.columns));
    });
  }
}

const refused = (bytes: Uint8Array): boolean => {
  try {
    decodeModel(bytes);
    return false;
  } catch (error) {
    if (isRequeenError(error, "bad_model")) return true;
    throw error;
  }
};

test("every truncation and every flipped byte is refused", () => {
  const bytes = encodeModel(fitSmall("logistic_regression", "platt"));
  for (let length = 0; length < bytes.length; length += 7) expect(refused(bytes.subarray(0, length))).toBe(true);
  for (let at = 0; at < bytes.length; at += 3) {
    const altered = bytes.slice();
    altered[at] ^= 0x41;
    expect(refused(altered)).toBe(true);
  }
});

test("the checksum is the CRC-32 of zip and PNG over all that follows it", () => {
  for (const array of [[], [1], Array.from({ length: 501 }, (_, index) => index * Math.PI)]) {
    const bytes = encodeBlob({ form: 1 }, { values: Float64Array.from(array) });
    expect(new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true)).toBe(crc32(bytes.subarray(12)));
  }
});

test("hostile files with a right checksum are refused by name", () => {
  const fitted = fitSmall("random_forest", "temperature");
  if (fitted.model.kind !== "trees") throw new Error("a forest has trees");
  const { trees } = fitted.model;
  const change = <T extends { slice(): T; [index: number]: number }>(array: T, at: number, value: number): T => {
    const copy = array.slice();
    copy[at] = value;
    return copy;
  };
  const firstSplit = trees.feature.findIndex((feature) => feature >= 0);
  const hostile: [string, Partial<typeof trees>][] = [
    ["a child that points back", { left: change(trees.left, firstSplit, firstSplit) }],
    ["a child in another tree", { left: change(trees.left, firstSplit, trees.feature.length - 2) }],
    ["a feature that does not exist", { feature: change(trees.feature, firstSplit, 4) }],
    ["a threshold that is not a number", { threshold: change(trees.threshold, firstSplit, Number.NaN) }],
    ["a share above 1", { values: change(trees.values, 0, 2) }],
    ["roots that do not ascend", { roots: change(trees.roots, 1, 0) }],
  ];
  for (const [name, part] of hostile) {
    const bytes = encodeModel({ ...fitted, model: { ...fitted.model, trees: { ...trees, ...part } } });
    expect(refused(bytes), name).toBe(true);
  }
});

test("a header of another form, type or shape is refused", () => {
  const headers: object[] = [
    {},
    { form: 2 },
    { form: 1, classCount: 1e9, featureCount: 1 },
    { form: 1, classCount: 2, featureCount: 2, classes: ["a", "a"], featureNames: ["x", "y"], featureSchema: "" },
    {
      form: 1,
      classCount: 2,
      featureCount: 1,
      classes: ["a", "b"],
      featureNames: ["x"],
      featureSchema: "",
      modelType: "__proto__",
    },
  ];
  for (const header of headers) expect(refused(encodeBlob(header, {}))).toBe(true);
});

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isRequeenError } from "../../../src/core/errors.ts";
import { belowFloat32, floorFloat32 } from "../../../src/engine/import/imported-trees.ts";
import { importModel } from "../../../src/engine/import/index.ts";
import { decodeModel, encodeModel, encodeOnnx, predictRow } from "../../../src/engine/index.ts";

/** Models of other programs with their own answers: test/fixtures/engine/import/make_models.py, make_categorical.py and make_categorical_onnx.py. */
const folder = new URL("../../fixtures/engine/import/", import.meta.url);
const bytesOf = (file: string): Uint8Array => new Uint8Array(readFileSync(new URL(file, folder)));
interface Case {
  readonly name: string;
  readonly file: string;
  readonly classes: number;
  readonly rows: readonly (readonly (number | null)[])[];
  readonly probabilities: readonly (readonly number[])[];
}
const cases = ["cases.json", "categorical.json", "categorical-onnx.json"].flatMap(
  (file) => (JSON.parse(readFileSync(new URL(file, folder), "utf8")) as { cases: readonly Case[] }).cases,
);
const naming = (classes: number) => ({
  classes: ["a", "b", "c"].slice(0, classes),
  featureNames: ["v", "w", "x", "y", "z"],
  featureSchema: "five/1",
});
const valuesOf = (row: readonly (number | null)[]): Float64Array => Float64Array.from(row, (value) => value ?? Number.NaN);

function expectClose(ours: Float64Array, theirs: readonly number[]): void {
  expect(ours.length).toBe(theirs.length);
  for (const [label, share] of theirs.entries()) expect(Math.abs((ours[label] ?? Number.NaN) - share)).toBeLessThan(1e-6);
}

test.each(cases)("$name: its own probabilities to 1e-6, also from our file", ({ file, classes, rows, probabilities }) => {
  const imported = importModel(bytesOf(file), naming(classes));
  const stored = decodeModel(encodeModel(imported));
  rows.forEach((row, index) => {
    const ours = predictRow(imported, valuesOf(row));
    expect([...predictRow(stored, valuesOf(row))]).toEqual([...ours]);
    expectClose(ours, probabilities[index] ?? []);
  });
});

test("questions of ONNX for one category each, with one answer, become one for a set", () => {
  const { model } = importModel(bytesOf("onnx-categorical-3.onnx"), naming(2));
  if (model.kind !== "trees") expect.unreachable();
  expect(model.trees.feature.length).toBe(5);
  expect(model.trees.categories?.words).toEqual(Int32Array.of(0b100100, 0b1));
});

test("the file's class names find ours in another order; names that are missing are named", () => {
  const named = cases.find(({ name }) => name.endsWith("class names"));
  if (named === undefined) throw new Error("the case is missing");
  const turned = importModel(bytesOf(named.file), { ...naming(3), classes: ["c", "a", "b"] });
  named.rows.forEach((row, index) => {
    const [a = 0, b = 0, c = 0] = named.probabilities[index] ?? [];
    expectClose(predictRow(turned, valuesOf(row)), [c, a, b]);
  });
  expect(() => importModel(bytesOf(named.file), { ...naming(3), classes: ["a", "b", "d"] })).toThrow(
    /names no class d; it has a, b, c/,
  );
});

describe("what our trees cannot compute is refused by name", () => {
  const refused = (bytes: Uint8Array, classes = 2): string => {
    try {
      importModel(bytes, naming(classes));
    } catch (error) {
      if (isRequeenError(error, "bad_model")) return error.message;
      throw error;
    }
    return "nothing was refused";
  };
  const textOf = (file: string, change: (text: string) => string): Uint8Array =>
    new TextEncoder().encode(change(new TextDecoder().decode(bytesOf(file))));

  test.each([
    [
      "a regression",
      () => refused(bytesOf("refused-regression.txt")),
      /objective of the LightGBM model must be binary or multiclass; got "regression"/,
    ],
    ["three classes where two are wanted", () => refused(bytesOf("xgboost-5.json")), /has 3 classes; 2 are wanted: a, b/],
    [
      "a ranking",
      () => refused(textOf("xgboost-4.json", (text) => text.replaceAll("binary:logistic", "rank:pairwise"))),
      /objective of the XGBoost model must be .*; got "rank:pairwise"/,
    ],
    [
      "a tree without end",
      () => refused(textOf("xgboost-4.json", (text) => text.replace(/"left_children":\[1,/, '"left_children":[0,'))),
      /has two parents/,
    ],
    [
      "a child that is not there",
      () => refused(textOf("lightgbm-0.txt", (text) => text.replace(/right_child=\S+/, "right_child=77"))),
      /points to node 77/,
    ],
    [
      "a set of categories that is not there",
      () =>
        refused(
          textOf("lightgbm-categorical-0.txt", (text) =>
            text.replace(/num_cat=[1-9]\d*/, "num_cat=1").replace(/cat_boundaries=.*/, "cat_boundaries=0 1"),
          ),
        ),
      /cat_threshold of a LightGBM tree must be 1 numbers/,
    ],
    ["text", () => refused(new TextEncoder().encode("hello"), 2), /neither LightGBM's text form/],
    [
      "a number that is no category",
      () => {
        // the equality with 5 of the tree by hand, asked for 5.5
        const bytes = bytesOf("onnx-categorical-3.onnx");
        const float32 = (value: number): Buffer => Buffer.concat([Buffer.of(0x3d), Buffer.from(Float32Array.of(value).buffer)]);
        bytes.set(float32(5.5), Buffer.from(bytes).indexOf(float32(5)));
        return refused(bytes);
      },
      /categories in the file of ONNX must be integers in \[0, 65535\]; got 5.5/,
    ],
    [
      "a chain that a threshold interrupts",
      () => {
        const bytes = bytesOf("onnx-categorical-3.onnx");
        // as long: the second question of the chain becomes one for a threshold, and its answer is that of the first
        const at = Buffer.from(bytes).lastIndexOf("BRANCH_EQ");
        return refused(Buffer.concat([bytes.subarray(0, at), Buffer.from("BRANCH_LT"), bytes.subarray(at + 9)]));
      },
      /two parents/,
    ],
    ["our own ONNX", () => refused(encodeOnnx(importModel(bytesOf("lightgbm-0.txt"), naming(2)))), /written by Requeen/],
  ])("%s", (_, message, wanted) => expect(message()).toMatch(wanted));

  test("damaged files are refused or read, and never crash, hang or answer NaN", () => {
    const files = cases.map(({ file, classes }) => ({ bytes: bytesOf(file), classes }));
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        fc.nat(255),
        fc.boolean(),
        (file, place, byte, cut) => {
          const at = Math.floor(place * file.bytes.length);
          const damaged = cut ? file.bytes.slice(0, at) : file.bytes.slice();
          if (!cut) damaged[at] = byte;
          try {
            const shares = predictRow(importModel(damaged, naming(file.classes)), new Float64Array(5));
            expect(shares.every(Number.isFinite)).toBe(true);
          } catch (error) {
            if (!isRequeenError(error, "bad_model")) throw error;
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});

test("thresholds of float64 ask float32 values the same question", () => {
  const value = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.float({ noNaN: true, noDefaultInfinity: true }));
  fc.assert(
    fc.property(
      fc.float({ noNaN: true, noDefaultInfinity: true, max: Math.fround(1e38), min: Math.fround(-1e38) }),
      value,
      (x, limit) => {
        expect(x <= floorFloat32(limit)).toBe(x <= limit);
        expect(x <= belowFloat32(limit)).toBe(x < limit);
      },
    ),
    { numRuns: 2000 },
  );
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { isRequeenError } from "../../src/core/errors.ts";
import { decodeModel, encodeModel, fitClassifier, predictProbabilities } from "../../src/engine/index.ts";
import { decodeBlob, encodeBlob, type NamedArrays } from "../../src/engine/model-blob.ts";
import { makeCategorical, makeData } from "../unit/engine/seeded-data.ts";

const data = makeData(80, 3, 2, 31, 0.1);
const ofCategories = makeCategorical(80, [12], 2, 31, 0.1);
const withCategories = (["extra_trees", "gradient_boosting"] as const).map((modelType) =>
  encodeModel(
    fitClassifier({
      data: ofCategories,
      modelType,
      calibration: "auto",
      seed: 1,
      params: {
        ...{ nEstimators: 4, categoricalFeatures: [2], minSamplesLeaf: 2 },
        ...(modelType === "gradient_boosting" ? { catSmooth: 0, minDataPerGroup: 1 } : {}),
      },
    }),
  ),
);
const files = (["random_forest", "gradient_boosting", "logistic_regression"] as const).map((modelType) =>
  encodeModel(
    fitClassifier({
      data,
      modelType,
      calibration: "auto",
      seed: 1,
      params: modelType === "logistic_regression" ? {} : { nEstimators: 4 },
    }),
  ),
);
const ARRAYS = [
  ["feature", "int16"],
  ["threshold", "float32"],
  ["left", "int32"],
  ["missingLeft", "uint8"],
  ["cover", "float32"],
  ["values", "float32"],
  ["roots", "int32"],
  ["setOf", "int32"],
  ["setStarts", "int32"],
  ["setWords", "int32"],
  ["baseline", "float64"],
  ["means", "float64"],
  ["scales", "float64"],
  ["indicatorOf", "int32"],
  ["coefficients", "float64"],
  ["slopes", "float64"],
  ["offsets", "float64"],
] as const;

/** The file with its arrays as writable copies, to be changed and sealed again with a right checksum. */
function open(file: Uint8Array): { header: Record<string, unknown>; arrays: NamedArrays } {
  const { header, arrays: read } = decodeBlob(file);
  const arrays: NamedArrays = {};
  const listed = header.arrays as [string, string, number][];
  for (const [name, type] of ARRAYS) if (listed.some(([other]) => other === name)) arrays[name] = read[type](name);
  return { header, arrays };
}

test("a file whose numbers were changed is refused, or gives probabilities that are probabilities", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...files, ...withCategories),
      fc.array(fc.tuple(fc.nat(), fc.nat(), fc.oneof(fc.integer({ min: -3, max: 300 }), fc.double())), {
        minLength: 1,
        maxLength: 4,
      }),
      (file, changes) => {
        const { header, arrays } = open(file);
        const names = Object.keys(arrays);
        for (const [array, at, value] of changes) {
          const chosen = arrays[names[array % names.length]];
          if (chosen.length > 0) chosen[at % chosen.length] = value;
        }
        let loaded: ReturnType<typeof decodeModel>;
        try {
          loaded = decodeModel(encodeBlob(header, arrays));
        } catch (error) {
          expect(isRequeenError(error, "bad_model")).toBe(true);
          return;
        }
        const p = predictProbabilities(loaded, data.columns);
        for (let row = 0; row < 80; row++) expect(Math.abs(p[row * 2] + p[row * 2 + 1] - 1)).toBeLessThan(1e-9);
      },
    ),
    { numRuns: 300 },
  );
});

test("any bytes at all are refused as bad_model, never with another error", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (noise, withMagic) => {
      const bytes = withMagic ? Uint8Array.from([...new TextEncoder().encode("RQMODEL1"), ...noise]) : noise;
      try {
        decodeModel(bytes);
        expect.unreachable("noise was read as a model");
      } catch (error) {
        expect(isRequeenError(error, "bad_model")).toBe(true);
      }
    }),
  );
});

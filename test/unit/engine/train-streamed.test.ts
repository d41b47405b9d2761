import { describe, expect, test } from "vitest";
import {
  type Column,
  type ColumnSource,
  encodeModel,
  type FitRequest,
  fitClassifier,
  fitStreamed,
  PARAMETERS,
  type StreamedData,
  type StreamedLearner,
  type StreamedRequest,
  type TrainingData,
  type TreeModel,
  trainBoosting,
  trainExtraTrees,
  trainForest,
  trainStreamed,
} from "../../../src/engine/index.ts";
import { makeCategorical, makeData } from "./seeded-data.ts";

/** The columns in pieces of uneven length, each overwritten by the next one; every other column as float32. */
function inPieces({ columns, ...targets }: TrainingData, asked: number[] = []): StreamedData {
  const source: ColumnSource = {
    rowCount: columns[0].length,
    columnCount: columns.length,
    async *read(index) {
      asked.push(index);
      const column = index % 2 === 0 ? columns[index] : Float32Array.from(columns[index]);
      const piece: Column = index % 2 === 0 ? new Float64Array(997) : new Float32Array(997);
      for (let from = 0, length = 1; from < column.length; from += length, length = ((length * 7) % 990) + 1) {
        const end = Math.min(column.length, from + length);
        piece.set(column.subarray(from, end));
        yield piece.subarray(0, end - from);
      }
    },
  };
  return { ...targets, source };
}

const TRAIN = { gradient_boosting: trainBoosting, random_forest: trainForest, extra_trees: trainExtraTrees } as const;
const weighted = (data: TrainingData): TrainingData => ({
  ...data,
  weights: Float64Array.from(data.labels, (_, row) => (row % 5 === 0 ? 0 : 1 + (row % 3))),
});

describe("training from columns that are read one after the other gives the model of columns in memory", () => {
  const cases: Record<string, [keyof typeof TRAIN, TrainingData, Record<string, number | string | boolean | number[]>]> = {
    "boosting, more rows than cuts come from": ["gradient_boosting", makeData(40_000, 3, 2, 1, 0.1), { nEstimators: 3 }],
    "boosting, weights": ["gradient_boosting", weighted(makeData(900, 5, 2, 2, 0.1)), { nEstimators: 5, subsample: 0.7 }],
    "boosting, rows held back": [
      "gradient_boosting",
      weighted(makeData(900, 5, 3, 3, 0.1)),
      { nEstimators: 40, nIterNoChange: 3, seed: 4 },
    ],
    "boosting, balanced classes": ["gradient_boosting", makeData(800, 4, 2, 5), { nEstimators: 4, classWeight: "balanced" }],
    "boosting, monotone": ["gradient_boosting", makeData(800, 3, 2, 5), { nEstimators: 4, monotonicCst: [1, 0, -1] }],
    "boosting, categories": [
      "gradient_boosting",
      makeCategorical(900, [40, 5], 2, 6, 0.1),
      { nEstimators: 5, categoricalFeatures: [2, 3], nIterNoChange: 3 },
    ],
    "forest, categories": [
      "random_forest",
      makeCategorical(700, [40, 5], 3, 6, 0.1),
      { nEstimators: 5, categoricalFeatures: [2, 3] },
    ],
    forest: ["random_forest", makeData(1200, 6, 2, 6, 0.05), { nEstimators: 8 }],
    "forest, weights and classes": ["random_forest", weighted(makeData(700, 4, 4, 7)), { nEstimators: 6, maxDepth: 7 }],
    "extra trees, balanced": ["extra_trees", makeData(700, 4, 3, 8, 0.2), { nEstimators: 6, classWeight: "balanced" }],
  };
  for (const [name, [modelType, data, params]] of Object.entries(cases)) {
    test(name, async () => {
      const asked: number[] = [];
      const streamed = await trainStreamed(modelType, inPieces(data, asked), params);
      expect(streamed).toEqual(TRAIN[modelType](data, params as never));
      expect(asked).toEqual(data.columns.map((_, index) => index));
    });
  }

  test("boosting, validation data", async () => {
    const [data, validation] = [makeData(900, 5, 2, 9), makeData(300, 5, 2, 10)];
    const params = { nEstimators: 60, nIterNoChange: 3 };
    const streamed: TreeModel = await trainStreamed("gradient_boosting", inPieces(data), params, {}, validation);
    expect(streamed).toEqual(trainBoosting(data, params, {}, validation));
    expect(streamed.trees.roots.length).toBeLessThan(60);
  });
});

test("a classifier of streamed columns has the file of fitClassifier's without calibration, and refuses names that do not fit", async () => {
  const data = weighted(makeData(400, 4, 3, 12, 0.1));
  const names = { classes: ["a", "b", "c"], featureNames: ["w", "x", "y", "z"], featureSchema: "toy/1" };
  for (const modelType of Object.keys(TRAIN) as (keyof typeof TRAIN)[]) {
    const same = { modelType, params: { nEstimators: 3 }, seed: 9, ...names };
    const streamed = await fitStreamed({ ...same, data: inPieces(data) });
    expect(encodeModel(streamed)).toEqual(encodeModel(fitClassifier({ ...same, data, calibration: "none" })));
  }
  await expect(fitStreamed({ modelType: "random_forest", data: inPieces(data), seed: 1, classes: ["a", "b"] })).rejects.toThrow(
    /classes must be 3 different names; got 2/,
  );
  const coded = makeCategorical(300, [7], 2, 3);
  const named = {
    modelType: "extra_trees",
    params: { nEstimators: 3, categoricalFeatures: ["town"] },
    featureNames: ["a", "b", "town"],
  } as const;
  expect(encodeModel(await fitStreamed({ ...named, data: inPieces(coded), seed: 2 }))).toEqual(
    encodeModel(fitClassifier({ ...named, data: coded, calibration: "none", seed: 2 })),
  );
});

describe("a classifier of streamed columns has the file of fitClassifier's with calibration", () => {
  type Options = Partial<Omit<StreamedRequest, "data" | "modelType" | "seed">> & Pick<FitRequest, "calibration">;
  const { categoricalFeatures, ...ofCategories } = makeCategorical(700, [40, 5], 2, 16, 0.1);
  const pairs = Uint32Array.from({ length: 900 }, (_, row) => row >> 1);
  const cases: Record<string, [StreamedLearner, TrainingData, Options, passes: number]> = {
    "a forest's votes": ["random_forest", makeData(800, 5, 2, 13, 0.1), { calibration: "auto", params: { nEstimators: 30 } }, 2],
    // 120 columns of 3,000 rows are more than a pass of votes holds
    "a forest's votes in two passes": [
      "random_forest",
      weighted(makeData(3000, 120, 2, 14)),
      { calibration: "auto", params: { nEstimators: 30, maxDepth: 3 } },
      3,
    ],
    "votes of too few trees, so folds": [
      "random_forest",
      makeData(600, 4, 2, 15),
      { calibration: "auto", params: { nEstimators: 4 } },
      7,
    ],
    "a forest's folds, asked for": [
      "random_forest",
      makeData(600, 4, 2, 15),
      { calibration: "platt", heldOut: "folds", params: { nEstimators: 4 } },
      6,
    ],
    "a forest of categories": [
      "random_forest",
      ofCategories,
      { calibration: "auto", params: { nEstimators: 30, categoricalFeatures: [...categoricalFeatures] } },
      2,
    ],
    "boosting by groups": [
      "gradient_boosting",
      weighted(makeData(900, 5, 2, 17, 0.1)),
      { calibration: "auto", groups: pairs, params: { nEstimators: 5, subsample: 0.7 } },
      6,
    ],
    "boosting of categories, rows held back in each fold": [
      "gradient_boosting",
      ofCategories,
      { calibration: "auto", params: { nEstimators: 30, nIterNoChange: 3, categoricalFeatures: [...categoricalFeatures] } },
      6,
    ],
    "extra trees of four classes": [
      "extra_trees",
      makeData(500, 4, 4, 18, 0.2),
      { calibration: "auto", params: { nEstimators: 5 } },
      6,
    ],
    "too few rows": ["extra_trees", makeData(3, 2, 2, 19), { calibration: "auto", params: { nEstimators: 5 } }, 1],
  };
  for (const [name, [modelType, data, options, passes]] of Object.entries(cases)) {
    test(name, async () => {
      const asked: number[] = [];
      const shares: number[] = [];
      const request = { modelType, seed: 5, ...options };
      const streamed = await fitStreamed({ ...request, data: inPieces(data, asked), onProgress: (share) => shares.push(share) });
      expect(encodeModel(streamed)).toEqual(encodeModel(fitClassifier({ ...request, data })));
      expect(asked.length / data.columns.length).toBe(passes);
      expect(shares).toEqual(shares.toSorted((a, b) => a - b));
      // fewer rounds than asked end below 1
      expect(shares.at(-1)).toBeGreaterThan(0.9);
    });
  }

  test("boosting, validation data in every fold", async () => {
    const [data, validation] = [makeData(600, 4, 2, 20), makeData(200, 4, 2, 21)];
    const request = { modelType: "gradient_boosting", calibration: "temperature", seed: 2 } as const;
    const params = { nEstimators: 60, nIterNoChange: 2 };
    const { model, calibrator } = await fitStreamed({ ...request, params, data: inPieces(data), validation });
    expect(model).toEqual(trainBoosting(data, { ...params, seed: 2 }, {}, validation));
    expect(calibrator.kind).toBe("temperature");
  });

  test("what cannot be is refused before the source is read", async () => {
    const asked: number[] = [];
    const data = makeData(600, 4, 2, 15);
    const refused: [Options, StreamedLearner, RegExp][] = [
      [{ calibration: "vector" }, "random_forest", /needs three classes or more/],
      [{ calibration: "sigmoid" as "platt" }, "random_forest", /calibration must be auto or one of/],
      [{ calibration: "platt", groups: new Uint32Array(5) }, "random_forest", /groups must have 600 rows; got 5/],
      [{ calibration: "platt", groups: new Uint32Array(600) }, "random_forest", /calibration platt needs two folds/],
      [{ calibration: "auto", heldOut: "out_of_bag" }, "extra_trees", /heldOut out_of_bag needs a forest with bootstrap/],
      [
        { calibration: "none" },
        "logistic_regression" as "extra_trees",
        /modelType must be one of gradient_boosting, random_forest, extra_trees; got logistic_regression/,
      ],
    ];
    for (const [options, modelType, message] of refused)
      await expect(fitStreamed({ modelType, seed: 1, ...options, data: inPieces(data, asked) })).rejects.toThrow(message);
    expect(asked).toEqual([]);
  });
});

test("a streamed value that is no category is refused with its row", async () => {
  const { columns, ...rest } = makeCategorical(500, [9], 2, 6);
  const wrong = {
    ...rest,
    columns: columns.with(
      2,
      columns[2].map((value, row) => (row === 321 ? 255 : value)),
    ),
  };
  await expect(trainStreamed("extra_trees", inPieces(wrong), { categoricalFeatures: [2] })).rejects.toThrow(
    /column 2 is categorical: row 321 must be an integer in \[0, 254\]/,
  );
});

describe("bad input of a streamed training", () => {
  const data = makeData(500, 3, 2, 11);
  const changed = (change: Partial<ColumnSource>): StreamedData => {
    const streamed = inPieces(data);
    return { ...streamed, source: { ...streamed.source, ...change } };
  };
  const refusals: Record<string, [StreamedData, RegExp]> = {
    "a column that ends early": [changed({ read: () => [new Float64Array(499)] }), /column 0 must have 500 rows; got 499/],
    "a column that is too long": [
      changed({ read: () => [new Float64Array(300), new Float64Array(201)] }),
      /column 0 must have 500 rows; got more/,
    ],
    "a value that float32 does not hold": [
      changed({ read: () => [new Float64Array(499), Float64Array.of(1e39)] }),
      /column 0, row 499 must fit float32, or be NaN for missing; got 1e\+39/,
    ],
    "a constant column": [changed({ read: () => [new Float64Array(500).fill(7)] }), /column 0 holds the one value 7/],
    "a column of nothing": [changed({ read: () => [new Float64Array(500).fill(Number.NaN)] }), /column 0 misses every value/],
    "another number of rows": [changed({ rowCount: 499 }), /labels must be one a row of the columns, 499; got 500/],
    "no columns": [changed({ columnCount: 0 }), /columns must be 1 to 4096 features; got 0/],
    "one class": [{ ...inPieces(data), labels: new Uint8Array(500) }, /at least two classes/],
  };
  for (const [name, [streamed, message]] of Object.entries(refusals)) {
    test(`${name} is refused by name`, async () => {
      for (const modelType of Object.keys(TRAIN) as (keyof typeof TRAIN)[])
        await expect(trainStreamed(modelType, streamed)).rejects.toThrow(message);
    });
  }

  test("constant columns pass when they are allowed", async () => {
    const flat = {
      ...data,
      columns: [new Float64Array(500).fill(2), ...data.columns.slice(1)],
      constantColumns: "allow" as const,
    };
    expect(await trainStreamed("random_forest", inPieces(flat), { nEstimators: 2 })).toEqual(
      trainForest(flat, { nEstimators: 2 }),
    );
  });

  test("parameters and the memory limit are checked before a value is read", async () => {
    const asked: number[] = [];
    await expect(trainStreamed("random_forest", inPieces(data, asked), { trees: 5 })).rejects.toThrow(/bad_parameter/);
    for (const modelType of Object.keys(TRAIN) as (keyof typeof TRAIN)[]) {
      expect(Object.keys(PARAMETERS)).toContain(modelType);
      await expect(trainStreamed(modelType, inPieces(data, asked), {}, { memoryLimitBytes: 1000 })).rejects.toThrow(
        /out_of_memory/,
      );
    }
    await expect(trainStreamed("random_forest", inPieces(data, asked), {}, {}, data)).rejects.toThrow(
      /stops at no validation data/,
    );
    await expect(trainStreamed("gradient_boosting", inPieces(data, asked), {}, {}, data)).rejects.toThrow(/nIterNoChange/);
    expect(asked).toEqual([]);
  });

  test("reading is cancelled between two pieces", async () => {
    const abort = new AbortController();
    const endless = changed({
      rowCount: 500,
      async *read() {
        for (let piece = 0; piece < 500; piece++) {
          if (piece === 3) abort.abort();
          if (piece > 3) throw new Error("read on after it was cancelled");
          yield Float64Array.of(piece);
        }
      },
    });
    await expect(trainStreamed("extra_trees", endless, {}, { signal: abort.signal })).rejects.toThrow(/cancelled/);
  });
});

import { expect, test } from "vitest";
import {
  decodeModel,
  encodeModel,
  fitClassifier,
  logLoss,
  makeExplainer,
  predictProbabilities,
  predictRow,
  trainBoosting,
  trainExtraTrees,
  trainForest,
  tuneClassifier,
} from "../../../src/engine/index.ts";
import { makeCategorical } from "./seeded-data.ts";

const TRAINERS = { trainForest, trainExtraTrees, trainBoosting } as const;
/** Enough freedom for data of some hundred rows. */
const FREE = { catSmooth: 1, catL2: 1, minDataPerGroup: 5 } as const;

for (const [name, train] of Object.entries(TRAINERS)) {
  test(`${name} learns more from categories as such than from their numbers`, () => {
    const data = makeCategorical(3000, [40, 40], 2, 3);
    const held = makeCategorical(3000, [40, 40], 2, 3);
    const { categoricalFeatures } = data;
    const rows = { ...data, labels: data.labels };
    // the same seed gives the same effects: the second half of the rows is held back
    const half = (columns: readonly (Float64Array | Float32Array)[], from: number) =>
      columns.map((column) => column.slice(from, from + 1500));
    const training = { columns: half(rows.columns, 0), labels: rows.labels.slice(0, 1500), classCount: 2 };
    const lossOf = (features: readonly number[]): number => {
      const model = train(training, {
        categoricalFeatures: features,
        seed: 1,
        ...(train === trainBoosting ? {} : { minSamplesLeaf: 5 }),
      });
      return logLoss(predictProbabilities(model, half(held.columns, 1500)), held.labels.slice(1500), 2);
    };
    expect(lossOf(categoricalFeatures)).toBeLessThan(lossOf([]) * 0.97);
  });

  test(`${name} says the same when categories are numbered in another way`, () => {
    const data = makeCategorical(900, [6, 30], 2, 5, 0.05);
    const { categoricalFeatures, ...rows } = data;
    // weights without ties, so that no two categories are as good
    const weights = Float64Array.from(data.labels, (_, row) => 1 + ((row * 7919) % 1009) / 1009);
    const turned = data.columns.map((column, j) => (j < 2 ? column : column.map((value) => (value * 11 + 7) % 31)));
    const params = { nEstimators: 10, categoricalFeatures, maxFeatures: "all", bootstrap: false, ...FREE } as const;
    const { maxFeatures, bootstrap, catSmooth, catL2, minDataPerGroup, ...common } = params;
    const grow = (columns: readonly (Float64Array | Float32Array)[]) => {
      const given = { ...rows, weights, columns };
      if (train === trainBoosting) return trainBoosting(given, { ...common, catSmooth, catL2, minDataPerGroup });
      return train(given, { ...common, maxFeatures, bootstrap } as object);
    };
    const [a, b] = [predictProbabilities(grow(data.columns), data.columns), predictProbabilities(grow(turned), turned)];
    // extra trees draw their subsets by number
    if (train !== trainExtraTrees) expect(b).toEqual(a);
    else expect(Math.abs(logLoss(a, data.labels, 2) - logLoss(b, data.labels, 2))).toBeLessThan(0.1);
  });
}

test("what is no category that a split sends left goes right: unknown, negative and fractional values are read alike", () => {
  const { columns, labels, categoricalFeatures } = makeCategorical(800, [12], 2, 8);
  const model = trainBoosting({ columns, labels, classCount: 2 }, { nEstimators: 20, categoricalFeatures, ...FREE });
  const answer = (value: number): number => Number(predictRow(model, Float64Array.of(0.1, -0.2, value))[1]);
  expect(new Set([200, 1e9, -3, 2.5, -0.25].map(answer)).size).toBe(1);
  expect(answer(2.5)).not.toBe(answer(2));
});

test("where missing values go is learned as if they were one category more", () => {
  const { columns, labels, classCount } = makeCategorical(2000, [5], 2, 9);
  const coded = (columns[2] ?? new Float64Array()).map((value) => (value === 3 ? Number.NaN : value));
  for (const train of [trainBoosting, trainForest] as const) {
    const named = train(
      { columns: [...columns.slice(0, 2), columns[2] ?? coded], labels, classCount },
      { nEstimators: 1, categoricalFeatures: [2] },
    );
    const holes = train(
      { columns: [...columns.slice(0, 2), coded], labels, classCount },
      { nEstimators: 1, categoricalFeatures: [2] },
    );
    const row = (value: number) => Float64Array.of(0.3, 0.1, value);
    expect(predictRow(holes, row(Number.NaN))).toEqual(predictRow(named, row(3)));
  }
});

test("names of features are as good as their numbers, and stand as numbers in the model", () => {
  const data = makeCategorical(300, [8, 8], 2, 10);
  const fitWith = (categoricalFeatures: readonly (number | string)[]) =>
    fitClassifier({
      data,
      modelType: "random_forest",
      params: { nEstimators: 5, categoricalFeatures },
      featureNames: ["a", "b", "shop", "town"],
      calibration: "none",
      seed: 1,
    });
  expect(encodeModel(fitWith(["shop", "town"]))).toEqual(encodeModel(fitWith([2, 3])));
  expect(fitWith(["shop", 3]).model.params.categoricalFeatures).toEqual([2, 3]);
  expect(() => fitWith(["shop", "city"])).toThrow(/categoricalFeatures names "city", which is no feature/);
});

test("bad categories are refused by name, before any work", () => {
  const { columns, labels, classCount } = makeCategorical(300, [8], 2, 11);
  const change = (value: number) => ({
    columns: columns.with(2, (columns[2] ?? new Float64Array()).with(17, value)),
    labels,
    classCount,
  });
  for (const train of Object.values(TRAINERS)) {
    for (const value of [255, -1, 1.5])
      expect(() => train(change(value), { categoricalFeatures: [2] })).toThrow(
        `column 2 is categorical: row 17 must be an integer in [0, 254], or NaN for missing; got ${value}`,
      );
    expect(() => train(change(0), { categoricalFeatures: [3] })).toThrow(
      /categoricalFeatures of .* must be columns in \[0, 2\]; got 3/,
    );
    expect(() => train(change(0), { categoricalFeatures: ["town"] })).toThrow(/must be columns in \[0, 2\]; got "town"/);
    expect(() => train(change(0), { categoricalFeatures: [2, 2] })).toThrow(/must be a list of different integers/);
    expect(() => train(change(254), { categoricalFeatures: [2], nEstimators: 1 })).not.toThrow();
  }
  expect(() => trainBoosting(change(0), { categoricalFeatures: [2], monotonicCst: [0, 0, 1] })).toThrow(
    /monotonicCst of gradient_boosting must be 0 for categorical columns; got 1 for column 2/,
  );
  expect(() =>
    fitClassifier({
      data: change(300),
      modelType: "extra_trees",
      params: { categoricalFeatures: [2] },
      calibration: "auto",
      seed: 1,
    }),
  ).toThrow(/row 17 must be an integer in \[0, 254\]/);
});

test("a grid over a forest with categories is read out of one forest as if each were trained", () => {
  const data = makeCategorical(400, [5, 60], 3, 12, 0.05);
  const { categoricalFeatures } = data;
  for (const modelType of ["random_forest", "extra_trees"] as const) {
    const grid = { nEstimators: [5, 10], maxDepth: [2, 8] };
    const options = { method: "grid", grid, params: { categoricalFeatures }, folds: 3 } as const;
    const { trials } = tuneClassifier(data, modelType, options, 4);
    for (const trial of trials) {
      const alone = tuneClassifier(
        data,
        modelType,
        { ...options, grid: { nEstimators: [Number(trial.params.nEstimators)], maxDepth: [Number(trial.params.maxDepth)] } },
        4,
      );
      expect(alone.trials[0]?.turnScores).toEqual(trial.turnScores);
    }
  }
});

test("rows left out of a round, early stopping and classes of any number know categories too", () => {
  const { categoricalFeatures, ...data } = makeCategorical(1500, [30, 4], 3, 13, 0.05);
  const held = makeCategorical(500, [30, 4], 3, 13, 0.05);
  const model = trainBoosting(
    data,
    { categoricalFeatures, subsample: 0.5, nIterNoChange: 5, nEstimators: 60, ...FREE },
    undefined,
    held,
  );
  const numeric = trainBoosting(data, { subsample: 0.5, nIterNoChange: 5, nEstimators: 60 }, undefined, held);
  const lossOf = (chosen: typeof model): number => logLoss(predictProbabilities(chosen, held.columns), held.labels, 3);
  expect(lossOf(model)).toBeLessThan(lossOf(numeric));
});

for (const modelType of ["random_forest", "extra_trees", "gradient_boosting"] as const) {
  test(`load(save(x)) = x with categories: ${modelType}; a model without any keeps the first form`, () => {
    const data = makeCategorical(400, [20, 3], 3, 14, 0.1);
    const fitWith = (categoricalFeatures: readonly number[]) =>
      fitClassifier({ data, modelType, params: { nEstimators: 6, categoricalFeatures }, calibration: "auto", seed: 2 });
    const fitted = fitWith(data.categoricalFeatures);
    const bytes = encodeModel(fitted);
    const loaded = decodeModel(bytes);
    expect(loaded).toEqual(fitted);
    expect(encodeModel(loaded)).toEqual(bytes);
    expect(predictProbabilities(loaded, data.columns)).toEqual(predictProbabilities(fitted, data.columns));
    const headerOf = (file: Uint8Array): string => new TextDecoder().decode(file.subarray(16, 2000));
    expect(headerOf(bytes)).toMatch(/^\{"form":2,/);
    expect(headerOf(encodeModel(fitWith([])))).toMatch(/^\{"form":1,/);
    expect(headerOf(encodeModel(fitWith([])))).not.toMatch(/categoricalFeatures|catSmooth/);
  });
}

test("a model of categories explains itself: base and parts add up to its answer", () => {
  const data = makeCategorical(500, [25, 6], 2, 15, 0.1);
  const { categoricalFeatures } = data;
  const logit = (p: number): number => Math.log(p / (1 - p));
  for (const model of [
    trainForest(data, { nEstimators: 20, categoricalFeatures }),
    trainBoosting(data, { nEstimators: 20, categoricalFeatures, ...FREE }),
  ]) {
    const explainer = makeExplainer(model);
    let moved = 0;
    for (let row = 0; row < 30; row++) {
      const values = Float64Array.from(data.columns, (column) => Number(column[row]));
      const { base, parts, unit } = explainer.explain(values);
      const sum = parts.reduce((total, part) => total + part, Number(base[0]));
      const p = Number(predictRow(model, values)[1]);
      expect(Math.abs(sum - (unit === "probability" ? p : logit(p)))).toBeLessThan(1e-5);
      moved += Math.abs(Number(parts[2]));
    }
    expect(moved).toBeGreaterThan(0.1);
  }
});

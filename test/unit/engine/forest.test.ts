import { expect, test } from "vitest";
import {
  logLoss,
  mostLikely,
  predictProbabilities,
  predictRow,
  rocAuc,
  scoreDecisions,
  type TreeModel,
  trainBoosting,
  trainExtraTrees,
  trainForest,
} from "../../../src/engine/index.ts";
import { makeData } from "./seeded-data.ts";

const arraysOf = (model: TreeModel) => [
  model.trees.feature,
  model.trees.threshold,
  model.trees.left,
  model.trees.values,
  model.trees.missingLeft,
];

test("the same seed gives the same trees, another seed others", () => {
  const data = makeData(300, 6, 2, 1);
  const first = trainForest(data, { nEstimators: 10, seed: 5 });
  expect(arraysOf(trainForest(data, { nEstimators: 10, seed: 5 }))).toEqual(arraysOf(first));
  expect(arraysOf(trainForest(data, { nEstimators: 10, seed: 6 }))).not.toEqual(arraysOf(first));
});

test("a forest of more trees begins with the trees of the smaller one", () => {
  const data = makeData(200, 5, 3, 2);
  const small = trainForest(data, { nEstimators: 3, seed: 1 }).trees;
  const large = trainForest(data, { nEstimators: 6, seed: 1 }).trees;
  expect(large.feature.slice(0, small.feature.length)).toEqual(small.feature);
  expect(large.threshold.slice(0, small.threshold.length)).toEqual(small.threshold);
});

test("a deeper tree contains the shallower one of the same seed", () => {
  const data = makeData(400, 8, 2, 3);
  const shallow = trainForest(data, { nEstimators: 1, maxDepth: 3, seed: 9 }).trees;
  const deep = trainForest(data, { nEstimators: 1, maxDepth: 12, seed: 9 }).trees;
  const compare = (a: number, b: number): void => {
    if (shallow.feature[a] < 0) return;
    expect([deep.feature[b], deep.threshold[b]]).toEqual([shallow.feature[a], shallow.threshold[a]]);
    compare(shallow.left[a], deep.left[b]);
    compare(shallow.left[a] + 1, deep.left[b] + 1);
  };
  compare(0, 0);
  expect(deep.feature.length).toBeGreaterThan(shallow.feature.length);
});

test("weights count as repetitions: doubling all weights changes nothing", () => {
  const data = makeData(150, 4, 2, 4);
  const weighted = { ...data, weights: new Float64Array(150).fill(2) };
  expect(arraysOf(trainForest(weighted, { nEstimators: 5, seed: 1 }))).toEqual(
    arraysOf(trainForest(data, { nEstimators: 5, seed: 1 })),
  );
  expect(arraysOf(trainBoosting(weighted, { nEstimators: 5 }))).toEqual(arraysOf(trainBoosting(data, { nEstimators: 5 })));
});

test("rows of weight 0 are as good as absent, without bootstrap", () => {
  const data = makeData(120, 4, 2, 5);
  const kept = 80;
  const weights = Float64Array.from({ length: 120 }, (_, row) => (row < kept ? 1 : 0));
  const cut = { columns: data.columns.map((column) => column.slice(0, kept)), labels: data.labels.slice(0, kept), classCount: 2 };
  const cutModel = trainForest(cut, { nEstimators: 3, bootstrap: false, maxFeatures: "all", seed: 1 });
  const zeroed = trainForest({ ...data, weights }, { nEstimators: 3, bootstrap: false, maxFeatures: "all", seed: 1 });
  expect(predictProbabilities(zeroed, cut.columns)).toEqual(predictProbabilities(cutModel, cut.columns));
});

for (const [name, train] of [
  ["forest", trainForest],
  ["boosting", trainBoosting],
] as const) {
  test(`${name} learns to which side a missing value goes`, () => {
    const labels = Uint8Array.from({ length: 200 }, (_, row) => (row % 2 === 0 ? 1 : 0));
    // class 1: missing or large; class 0: small
    const column = Float64Array.from(labels, (label, row) => (label === 1 ? (row % 4 === 0 ? Number.NaN : 10 + row) : -row));
    const model = train({ columns: [column], labels, classCount: 2 }, { nEstimators: 30 });
    expect(predictRow(model, Float64Array.of(Number.NaN))[1]).toBeGreaterThan(0.9);
    expect(predictRow(model, Float64Array.of(50))[1]).toBeGreaterThan(0.9);
    expect(predictRow(model, Float64Array.of(-50))[1]).toBeLessThan(0.1);
  });

  test(`${name} can split present from missing alone`, () => {
    const labels = Uint8Array.from({ length: 100 }, (_, row) => (row % 2 === 0 ? 1 : 0));
    const column = Float64Array.from(labels, (label) => (label === 1 ? Number.NaN : 7));
    const model = train({ columns: [column], labels, classCount: 2 }, { nEstimators: 30 });
    expect(predictRow(model, Float64Array.of(Number.NaN))[1]).toBeGreaterThan(0.9);
    expect(predictRow(model, Float64Array.of(7))[1]).toBeLessThan(0.1);
  });

  test(`${name} keeps minSamplesLeaf and maxDepth`, () => {
    const { trees } = train(makeData(300, 5, 2, 6), {
      nEstimators: 4,
      minSamplesLeaf: 30,
      maxDepth: 3,
      ...(name === "forest" ? { bootstrap: false } : {}),
    });
    const depthOf = (node: number): number =>
      trees.feature[node] < 0 ? 0 : 1 + Math.max(depthOf(trees.left[node]), depthOf(trees.left[node] + 1));
    for (const root of trees.roots) expect(depthOf(root)).toBeLessThanOrEqual(3);
    trees.feature.forEach((feature, node) => {
      if (feature < 0) expect(trees.cover[node]).toBeGreaterThanOrEqual(30);
    });
  });

  test(`${name} separates four classes`, () => {
    const data = makeData(800, 4, 4, 7);
    const called = mostLikely(predictProbabilities(train(data, { nEstimators: 40 }), makeData(400, 4, 4, 8).columns), 4);
    expect(scoreDecisions(makeData(400, 4, 4, 8).labels, called, 4).accuracy).toBeGreaterThan(0.6);
  });
}

test("a constant column is never asked, and constant columns alone give the class shares", () => {
  const labels = Uint8Array.from({ length: 40 }, (_, row) => (row < 10 ? 1 : 0));
  const model = trainForest(
    {
      columns: [new Float64Array(40).fill(3), new Float64Array(40).fill(Number.NaN)],
      labels,
      classCount: 2,
      constantColumns: "allow",
    },
    { bootstrap: false },
  );
  expect(model.trees.feature.every((feature) => feature === -1)).toBe(true);
  expect(predictRow(model, Float64Array.of(1, 2))[1]).toBeCloseTo(0.25, 6);
});

test("extra trees are as good as a forest on new rows, and draw other thresholds for another seed", () => {
  const data = makeData(600, 6, 2, 12);
  const held = makeData(600, 6, 2, 13);
  const score = (model: TreeModel) => rocAuc(predictProbabilities(model, held.columns), held.labels, 2) ?? 0;
  const extra = trainExtraTrees(data, { nEstimators: 60, seed: 1 });
  expect(score(extra)).toBeGreaterThan(score(trainForest(data, { nEstimators: 60, seed: 1 })) - 0.02);
  expect(arraysOf(trainExtraTrees(data, { nEstimators: 60, seed: 1 }))).toEqual(arraysOf(extra));
  expect(arraysOf(trainExtraTrees(data, { nEstimators: 60, seed: 2 }))).not.toEqual(arraysOf(extra));
});

test("balanced class weights raise the recall of a rare class", () => {
  const data = makeData(900, 4, 2, 14);
  const rare = {
    ...data,
    labels: data.labels.map((_, row) => (row < 2 ? row : data.columns[0][row] + 0.8 * Math.sin(row * 7) > 1.6 ? 1 : 0)),
  };
  for (const train of [trainForest, trainBoosting]) {
    const recall = (classWeight: "none" | "balanced") => {
      const p = predictProbabilities(train(rare, { nEstimators: 30, maxDepth: 3, classWeight }), rare.columns);
      return scoreDecisions(rare.labels, mostLikely(p, 2), 2).perClass[1].recall ?? 0;
    };
    expect(recall("balanced")).toBeGreaterThan(recall("none"));
  }
});

test("early stopping ends at the best round of the validation rows", () => {
  const data = makeData(400, 5, 2, 15);
  const held = makeData(400, 5, 2, 16);
  const full = trainBoosting(data, { nEstimators: 150, learningRate: 0.3 });
  const stopped = trainBoosting(data, { nEstimators: 150, learningRate: 0.3, nIterNoChange: 5 }, undefined, held);
  const count = stopped.trees.roots.length;
  expect(count).toBeLessThan(100);
  expect(stopped.trees.feature).toEqual(full.trees.feature.slice(0, stopped.trees.feature.length));
  const loss = (model: TreeModel) => logLoss(predictProbabilities(model, held.columns), held.labels, 2);
  expect(loss(stopped)).toBeLessThan(loss(full));
  expect(loss(stopped)).toBeLessThan(loss(trainBoosting(data, { nEstimators: count + 3, learningRate: 0.3 })));
  expect(trainBoosting(data, { nEstimators: 150, learningRate: 0.3, nIterNoChange: 5, seed: 3 }).trees.roots.length).toBeLessThan(
    150,
  );
});

test("a monotone constraint holds for every row and every value, and an unconstrained model breaks it", () => {
  const data = makeData(500, 4, 2, 18);
  // noise that a free model follows down and up
  const labels = data.labels.map((label, row) => (Math.sin(5 * data.columns[0][row]) > 0.5 ? 1 - label : label));
  const noisy = { ...data, labels };
  const steps = Array.from({ length: 61 }, (_, i) => -3 + i / 10);
  const falls = (model: TreeModel, sign: number): number => {
    let worst = 0;
    for (let row = 0; row < 60; row++) {
      let before = sign > 0 ? 0 : 1;
      for (const value of steps) {
        const p = predictRow(model, Float64Array.of(value, data.columns[1][row], data.columns[2][row], data.columns[3][row]))[1];
        worst = Math.max(worst, sign * (before - p));
        before = p;
      }
    }
    return worst;
  };
  expect(falls(trainBoosting(noisy, { nEstimators: 40, minSamplesLeaf: 3, monotonicCst: [1, 0, 0, 0] }), 1)).toBeLessThan(1e-12);
  expect(falls(trainBoosting(noisy, { nEstimators: 40, minSamplesLeaf: 3, monotonicCst: [-1, 0, 0, 0] }), -1)).toBeLessThan(
    1e-12,
  );
  expect(falls(trainBoosting(noisy, { nEstimators: 40, minSamplesLeaf: 3 }), 1)).toBeGreaterThan(0.1);
  expect(() => trainBoosting(noisy, { monotonicCst: [1, 0] })).toThrow(
    /monotonicCst of gradient_boosting must be empty or 4 numbers/,
  );
});

test("penalties and samples do what they say", () => {
  const data = makeData(300, 6, 2, 17);
  const { trees: shrunk } = trainBoosting(data, { nEstimators: 1, l1Regularization: 1e6 });
  expect([...shrunk.values].every((value) => value === 0)).toBe(true);
  const { trees: strong } = trainBoosting(data, { nEstimators: 5, l2Regularization: 1e6 });
  expect(Math.max(...strong.values.map(Math.abs))).toBeLessThan(1e-3);
  const { trees: few } = trainBoosting(data, { nEstimators: 1, columnSample: 0.2, seed: 1 });
  expect(new Set(few.feature.filter((feature) => feature >= 0)).size).toBe(1);
  const { trees: sampled } = trainBoosting(data, { nEstimators: 1, subsample: 0.5, seed: 1 });
  expect(sampled.cover[0]).toBe(150);
});

test("a forest that would need more memory than the limit is refused with the estimate, before any work", () => {
  const data = makeData(5000, 10, 3, 9);
  let seen = 0;
  const watch = { memoryLimitBytes: 200_000, onProgress: () => seen++ };
  for (const train of [trainForest, trainExtraTrees])
    expect(() => train(data, { nEstimators: 2 }, watch)).toThrow(
      /out_of_memory: (random_forest|extra_trees) of 5000 rows and 10 columns would need about \d+ MiB beside its data; the limit is 1 MiB/,
    );
  expect(seen).toBe(0);
  expect(trainForest(data, { nEstimators: 2 }, { ...watch, memoryLimitBytes: 2 ** 26 }).trees.roots).toHaveLength(2);
});

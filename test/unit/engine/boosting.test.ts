import { expect, test } from "vitest";
import { isRequeenError } from "../../../src/core/errors.ts";
import { logLoss, predictProbabilities, type TreeModel, trainBoosting } from "../../../src/engine/index.ts";
import { makeData } from "./seeded-data.ts";

/** Depth of each leaf of a tree, by node number. */
function leafDepths({ trees }: TreeModel, tree: number): number[] {
  const depths: number[] = [];
  const walk = (node: number, depth: number): void => {
    if (trees.feature[node] < 0) depths.push(depth);
    else {
      walk(trees.left[node], depth + 1);
      walk(trees.left[node] + 1, depth + 1);
    }
  };
  walk(trees.roots[tree], 0);
  return depths;
}

test("growth by depth fills every depth before the next one", () => {
  const data = makeData(3000, 6, 2, 5);
  const limits = { nEstimators: 5, maxLeafNodes: 16, minSamplesLeaf: 1 };
  const byDepth = trainBoosting(data, { ...limits, growPolicy: "depthwise" });
  const byLoss = trainBoosting(data, { ...limits, growPolicy: "lossguide" });
  for (let tree = 0; tree < 5; tree++) expect(leafDepths(byDepth, tree)).toEqual(new Array(16).fill(4));
  expect(leafDepths(byLoss, 0)).toHaveLength(16);
  expect(Math.max(...leafDepths(byLoss, 0))).toBeGreaterThan(4);
});

test("with leaves enough for a whole depth both policies make the same splits", () => {
  const data = makeData(2000, 5, 2, 6, 0.1);
  const limits = { nEstimators: 8, maxLeafNodes: 16, maxDepth: 4, minSamplesLeaf: 1 };
  const byDepth = trainBoosting(data, { ...limits, growPolicy: "depthwise" });
  const byLoss = trainBoosting(data, { ...limits, growPolicy: "lossguide" });
  expect(predictProbabilities(byDepth, data.columns)).toEqual(predictProbabilities(byLoss, data.columns));
});

test("rows left out of a round's sample still get the round's leaf values", () => {
  const data = makeData(1500, 6, 3, 7, 0.05);
  const half = trainBoosting(data, { nEstimators: 40, subsample: 0.5, seed: 3 });
  const all = trainBoosting(data, { nEstimators: 40 });
  const fresh = makeData(4000, 6, 3, 77, 0.05);
  const loss = (model: TreeModel): number => logLoss(predictProbabilities(model, fresh.columns), fresh.labels, 3);
  // a sample that forgot the others' scores would fit the same residuals again and again
  expect(loss(half)).toBeLessThan(loss(all) * 1.05);
});

test("a row of weight 2 counts as two rows of weight 1 up to the rounding of derivatives", () => {
  const { columns, ...rest } = makeData(400, 4, 2, 8);
  // few values, so that the bins are the same
  const data = { ...rest, columns: columns.map((column) => column.map((value) => Math.round(value * 3))) };
  const twice = { ...data, weights: Float64Array.from(data.labels, (label) => (label === 1 ? 2 : 1)) };
  const rows = Array.from(data.labels.keys()).flatMap((row) => (data.labels[row] === 1 ? [row, row] : [row]));
  const doubled = {
    columns: data.columns.map((column) => Float64Array.from(rows, (row) => column[row])),
    labels: Uint8Array.from(rows, (row) => data.labels[row]),
    classCount: 2,
  };
  const params = { nEstimators: 10, minSamplesLeaf: 1, minChildWeight: 0 };
  const a = predictProbabilities(trainBoosting(twice, params), data.columns);
  const b = predictProbabilities(trainBoosting(doubled, params), data.columns);
  const difference = a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0) / a.length;
  expect(difference).toBeLessThan(0.002);
});

test("more memory than the limit is refused with the estimate, before any work", () => {
  const data = makeData(5000, 10, 2, 9);
  let seen = 0;
  const watch = { memoryLimitBytes: 200_000, onProgress: () => seen++ };
  const attempt = (): unknown => trainBoosting(data, { nEstimators: 3 }, watch);
  expect(attempt).toThrow(/would need about \d+ MiB beside its data; the limit is 1 MiB/);
  expect(seen).toBe(0);
  expect(trainBoosting(data, { nEstimators: 3 }, { ...watch, memoryLimitBytes: 2 ** 26 }).trees.roots).toHaveLength(3);
});

test("more than 2 GiB of kernel memory takes the plain form, of which the caller is told before the first tree", () => {
  // histograms of 4,096 columns of 255 bins, one for each of 255 possible leaves; no split is worth its gain
  const data = makeData(300, 4096, 2, 12, 0.02);
  const told: string[] = [];
  const params = { nEstimators: 1, maxLeafNodes: 255, minSamplesLeaf: 1, maxBins: 255, minSplitGain: 1e9 };
  trainBoosting(data, params, { onNote: (note) => told.push(note), onProgress: () => told.push("a tree") });
  expect(told).toEqual([
    expect.stringMatching(
      /^gradient boosting of 300 rows and 4096 columns needs 2\d\d\d MiB of kernel memory; above 2047 MiB it runs without WebAssembly/,
    ),
    "a tree",
  ]);
  // no tree has more leaves than rows / minSamplesLeaf: then the kernels are enough
  trainBoosting(data, { ...params, minSamplesLeaf: 20 }, { onNote: (note) => told.push(note) });
  expect(told).toHaveLength(2);
});

test("a fit asks whether it is cancelled before binning, before every column and every split", () => {
  const data = makeData(3000, 8, 2, 10);
  let asked = 0;
  const watch = (after: number) => ({
    signal: {
      get aborted(): boolean {
        return ++asked > after;
      },
    },
  });
  trainBoosting(data, { nEstimators: 2, maxLeafNodes: 31 }, watch(Number.POSITIVE_INFINITY));
  // 8 columns, then 2 trees of 30 splits
  expect(asked).toBeGreaterThanOrEqual(8 + 2 * 30);
  for (const after of [0, 5, 20, 50]) {
    asked = 0;
    try {
      trainBoosting(data, { nEstimators: 2 }, watch(after));
      expect.unreachable();
    } catch (error) {
      expect(isRequeenError(error) && error.code).toBe("cancelled");
    }
    expect(asked).toBe(after + 1);
  }
});

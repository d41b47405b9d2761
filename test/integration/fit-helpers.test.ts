import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { type TrainingData, trainBoosting } from "../../src/engine/index.ts";
import { createHelpers } from "../../src/workers/index.ts";
import { makeData } from "../unit/engine/seeded-data.ts";
import { hashOf } from "./support/hash-trees.ts";

/** Keeps the cores busy until disposed. */
function load(threads: number): AsyncDisposable {
  const busy = Array.from({ length: threads }, () => new Worker("for (;;) Math.random();", { eval: true }));
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(busy.map((thread) => thread.terminate()));
    },
  };
}

test("a thousand fits with helpers, while other threads take the cores, give the bytes of one thread", {
  timeout: 600_000,
}, async () => {
  const cases: { data: TrainingData; params: Parameters<typeof trainBoosting>[1] }[] = [
    { data: makeData(2000, 6, 2, 1), params: { nEstimators: 3, maxLeafNodes: 15 } },
    { data: makeData(1777, 9, 2, 2, 0.1), params: { nEstimators: 3, subsample: 0.7, growPolicy: "depthwise" } },
    { data: makeData(1501, 5, 4, 3), params: { nEstimators: 2, maxLeafNodes: 9, minSamplesLeaf: 3 } },
    { data: makeData(17_500, 4, 2, 4, 0.05), params: { nEstimators: 2, maxLeafNodes: 7 } },
  ];
  const alone = cases.map(({ data, params }) => hashOf(trainBoosting(data, params)));
  await using helpers = createHelpers(3, { leastRows: 300 });
  await using _busy = load(2);
  const different: string[] = [];
  for (let fit = 0; fit < 1000; fit++) {
    // the last case is the largest
    const chosen = fit % 20 === 19 ? 3 : fit % 3;
    const { data, params } = cases[chosen] ?? cases[0] ?? expect.unreachable();
    if (hashOf(trainBoosting(data, params, { helpers })) !== alone[chosen]) different.push(`fit ${fit}, case ${chosen}`);
  }
  expect(different).toEqual([]);
});

test("a cancelled fit lets its helpers go, and they help the next one", async () => {
  const data = makeData(4000, 6, 2, 5);
  await using helpers = createHelpers(2, { leastRows: 300 });
  let asked = 0;
  const signal = {
    get aborted(): boolean {
      return ++asked > 60;
    },
  };
  expect(() => trainBoosting(data, { nEstimators: 50 }, { helpers, signal })).toThrow(/cancelled/);
  expect(hashOf(trainBoosting(data, { nEstimators: 4 }, { helpers }))).toBe(hashOf(trainBoosting(data, { nEstimators: 4 })));
});

import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { GATE_ADDRESS } from "../../src/engine/fit-helpers.ts";
import { type FitHelpers, type FitTicket, helpFit, type TrainingData, trainBoosting } from "../../src/engine/index.ts";
import { createHelpers } from "../../src/workers/index.ts";
import { makeCategorical, makeData } from "../unit/engine/seeded-data.ts";
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
  const { categoricalFeatures, ...ofCategories } = makeCategorical(1600, [4, 90], 2, 4, 0.1);
  const cases: { data: TrainingData; params: Parameters<typeof trainBoosting>[1] }[] = [
    { data: makeData(2000, 6, 2, 1), params: { nEstimators: 3, maxLeafNodes: 15 } },
    { data: makeData(1777, 9, 2, 2, 0.1), params: { nEstimators: 3, subsample: 0.7, growPolicy: "depthwise" } },
    { data: makeData(1501, 5, 4, 3), params: { nEstimators: 2, maxLeafNodes: 9, minSamplesLeaf: 3 } },
    { data: ofCategories, params: { nEstimators: 2, maxLeafNodes: 15, minDataPerGroup: 10, categoricalFeatures } },
    { data: makeData(17_500, 4, 2, 4, 0.05), params: { nEstimators: 2, maxLeafNodes: 7 } },
  ];
  const alone = cases.map(({ data, params }) => hashOf(trainBoosting(data, params)));
  await using helpers = createHelpers(3, { leastRows: 300 });
  await using _busy = load(2);
  const different: string[] = [];
  for (let fit = 0; fit < 1000; fit++) {
    // the last case is the largest
    const chosen = fit % 20 === 19 ? 4 : fit % 4;
    const { data, params } = cases[chosen] ?? cases[0] ?? expect.unreachable();
    if (hashOf(trainBoosting(data, params, { helpers })) !== alone[chosen]) different.push(`fit ${fit}, case ${chosen}`);
  }
  expect(different).toEqual([]);
});

test("splits that helpers make ahead of their turn, also more than there are places for, give the bytes of one thread", {
  timeout: 120_000,
}, async () => {
  const cases: { data: TrainingData; params: Parameters<typeof trainBoosting>[1] }[] = [
    { data: makeData(6000, 7, 2, 8, 0.1), params: { nEstimators: 4, maxLeafNodes: 200, minSamplesLeaf: 5 } },
    { data: makeData(6000, 7, 2, 9), params: { nEstimators: 4, maxLeafNodes: 31, monotonicCst: [1, 0, -1, 0, 0, 0, 0] } },
    { data: makeData(5000, 5, 3, 10), params: { nEstimators: 3, maxLeafNodes: 40, maxDepth: 5, growPolicy: "depthwise" } },
    // more rows than a cell counts: splits that keep too few are searched anew
    { data: makeData(20_000, 6, 2, 11, 0.05), params: { nEstimators: 3, maxLeafNodes: 120, minSamplesLeaf: 90 } },
  ];
  const alone = cases.map(({ data, params }) => hashOf(trainBoosting(data, params)));
  await using one = createHelpers(1, { leastRows: 4000 });
  await using three = createHelpers(3, { leastRows: 4000 });
  for (let fit = 0; fit < 40; fit++)
    for (const helpers of [one, three])
      for (const [chosen, { data, params }] of cases.entries())
        expect(hashOf(trainBoosting(data, params, { helpers })), `fit ${fit}, case ${chosen}`).toBe(alone[chosen]);
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

test("fits with the same helpers use one memory in turn, and who comes late for one that has ended turns round at the gate", () => {
  const data = makeData(4000, 6, 2, 6);
  const given: FitTicket[] = [];
  const helpers: FitHelpers = { count: 1, leastRows: 300, start: (tickets) => void given.push(...tickets) };
  const alone = hashOf(trainBoosting(data, { nEstimators: 3 }));
  for (let fit = 0; fit < 3; fit++) expect(hashOf(trainBoosting(data, { nEstimators: 3 }, { helpers }))).toBe(alone);
  const [first, second, third] = given;
  if (first === undefined || second === undefined || third === undefined) throw new Error("three fits give three tickets");
  expect(second.memory).toBe(first.memory);
  expect(new Set(given.map(({ fit }) => fit)).size).toBe(3);
  // all three have ended: these calls would never return if they waited for work
  for (const ticket of given) helpFit(ticket);
  // a larger fit has a memory of its own, and so has one whose last helper was never seen to leave
  trainBoosting(makeData(9000, 6, 2, 7), { nEstimators: 1 }, { helpers });
  expect(given[3]?.memory).not.toBe(first.memory);
  Atomics.add(new Int32Array(given[3]?.memory.buffer ?? new ArrayBuffer(0), GATE_ADDRESS, 4), 1, 1);
  trainBoosting(makeData(9000, 6, 2, 7), { nEstimators: 1 }, { helpers });
  expect(given[4]?.memory).not.toBe(given[3]?.memory);
});

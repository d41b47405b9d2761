import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import {
  type FitHelpers,
  type FitTicket,
  type TreeModel,
  trainExtraTrees,
  trainForest,
  type Watch,
} from "../../src/engine/index.ts";
import { createHelpers } from "../../src/workers/index.ts";
import { makeCategorical, makeData } from "../unit/engine/seeded-data.ts";
import { hashOf } from "./support/hash-trees.ts";

const CASES: Readonly<Record<string, (watch?: Watch) => TreeModel>> = {
  "two classes": (watch) => trainForest(makeData(3000, 8, 2, 1, 0.1), { nEstimators: 25, seed: 4 }, watch),
  "two classes, no limit of depth": (watch) => trainForest(makeData(900, 6, 2, 2), { nEstimators: 20, maxDepth: null }, watch),
  "four classes": (watch) => trainForest(makeData(1500, 7, 4, 3, 0.05), { nEstimators: 20, maxDepth: 6 }, watch),
  "class weights": (watch) =>
    trainForest(makeData(1500, 5, 3, 5), { nEstimators: 15, classWeight: "balanced", minSamplesLeaf: 3 }, watch),
  "extra trees": (watch) => trainExtraTrees(makeData(2000, 6, 2, 6, 0.1), { nEstimators: 25 }, watch),
  "categories, two classes": (watch) => ofCategories(trainForest, 2, watch),
  "categories, three classes": (watch) => ofCategories(trainForest, 3, watch),
  "categories, extra trees": (watch) => ofCategories(trainExtraTrees, 2, watch),
  "fewer trees than threads": (watch) => trainForest(makeData(1000, 6, 2, 7), { nEstimators: 2 }, watch),
};

function ofCategories(train: typeof trainForest | typeof trainExtraTrees, classCount: number, watch?: Watch): TreeModel {
  const { categoricalFeatures, ...data } = makeCategorical(1800, [4, 90, 255], classCount, 11, 0.1);
  return train(data, { nEstimators: 20, categoricalFeatures }, watch);
}

test("forests grown with helpers, while other threads take the cores, are those of one thread", {
  timeout: 120_000,
}, async () => {
  await using helpers = createHelpers(3, { leastRows: 300 });
  const busy = [1, 2].map(() => new Worker("for (;;) Math.random();", { eval: true }));
  for (const [name, train] of Object.entries(CASES)) {
    const alone = hashOf(train());
    for (let fit = 0; fit < 15; fit++) expect(hashOf(train({ helpers })), `${name}, fit ${fit}`).toBe(alone);
  }
  await Promise.all(busy.map((thread) => thread.terminate()));
});

test("helpers grow a share of the trees, progress rises to 1, and small or limited forests are left to one thread", async () => {
  let started = 0;
  await using threads = createHelpers(1, { leastRows: 300 });
  const helpers: FitHelpers = {
    count: 1,
    leastRows: 300,
    start(tickets) {
      started += 1;
      threads.start(tickets);
    },
  };
  const train = (watch: Watch, rows = 20_000): TreeModel => trainForest(makeData(rows, 10, 2, 8), { nEstimators: 60 }, watch);
  // the first fit starts the thread
  train({ helpers });
  await once(threads.threads[0] ?? expect.unreachable(), "message");
  const shares: number[] = [];
  train({ helpers, onProgress: (share) => void shares.push(share) });
  expect(shares.length, "calls after own trees, and one at the end").toBeLessThan(60);
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  expect(shares.at(-1)).toBe(1);
  expect(started).toBe(2);
  train({ helpers }, 299);
  train({ helpers, memoryLimitBytes: 12 * 2 ** 20 });
  expect(started).toBe(2);
});

test("a helper that is lost with a tree in its hands costs that tree's time, nothing else", async () => {
  const train = (watch?: Watch): TreeModel => trainForest(makeData(20_000, 8, 2, 9), { nEstimators: 100 }, watch);
  const right = hashOf(train());
  // claims a tree of the fit and ends
  const claims = `require("node:worker_threads").parentPort.on("message", ({ memory, control }) => {
    Atomics.add(new Int32Array(memory.buffer, control), 64, 1);
    process.exit(3);
  })`;
  const thread = new Worker(claims, { eval: true });
  await once(thread, "online");
  const mute: FitHelpers = {
    count: 1,
    leastRows: 300,
    patienceMs: 200,
    start: (tickets) => tickets.forEach((ticket) => void thread.postMessage(ticket)),
  };
  expect(hashOf(train({ helpers: mute }))).toBe(right);
  expect(await once(thread, "exit")).toEqual([3]);

  await using helpers = createHelpers(2, { leastRows: 300 });
  for (let fit = 0; fit < 8; fit++) {
    const fitting = new Worker(new URL("./support/fitting-thread.ts", import.meta.url), {
      execArgv: ["--disable-warning=ExperimentalWarning"],
      workerData: { count: 2, leastRows: 300, patienceMs: 60_000, forest: true },
    });
    const hash = await new Promise<string | undefined>((resolve, reject) => {
      fitting.on("error", reject);
      fitting.on("message", (message: { tickets?: FitTicket[]; hash?: string; error?: string }) => {
        if (message.tickets === undefined) return resolve(message.hash ?? message.error);
        helpers.start(message.tickets);
        if (fit < 6) setTimeout(() => void helpers.threads[fit % 2]?.terminate(), 5 + fit * 10);
      });
    });
    expect(hash).toBe(right);
    await fitting.terminate();
  }
});

test("a cancelled forest lets its helpers go, and they help the next one", async () => {
  const data = makeData(20_000, 8, 2, 10);
  await using helpers = createHelpers(2, { leastRows: 300 });
  let asked = 0;
  const signal = {
    get aborted(): boolean {
      return ++asked > 5;
    },
  };
  expect(() => trainForest(data, { nEstimators: 200 }, { helpers, signal })).toThrow(/cancelled/);
  expect(hashOf(trainForest(data, { nEstimators: 8 }, { helpers }))).toBe(hashOf(trainForest(data, { nEstimators: 8 })));
});

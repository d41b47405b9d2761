import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FitHelpers, type FitTicket, trainBoosting } from "../../src/engine/index.ts";
import { createHelpers } from "../../src/workers/index.ts";
import { makeData } from "../unit/engine/seeded-data.ts";
import { hashOf } from "./support/hash-trees.ts";

const startThread = (file: string, workerData?: unknown): Worker =>
  new Worker(new URL(`./support/${file}`, import.meta.url), {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    workerData,
  });

const warnings: Error[] = [];
const keep = (warning: Error): void => void warnings.push(warning);
beforeAll(() => void process.on("warning", keep));
afterAll(() => void process.off("warning", keep));

test("a fit whose helper ends with a part in its hands ends with worker_lost instead of waiting for ever", async () => {
  const thread = startThread("dying-helper.ts");
  await once(thread, "message");
  const helpers: FitHelpers = {
    count: 1,
    leastRows: 300,
    patienceMs: 300,
    start: (tickets) => tickets.forEach((ticket) => void thread.postMessage(ticket)),
  };
  const data = makeData(20_000, 8, 2, 7);
  expect(() => trainBoosting(data, { nEstimators: 500 }, { helpers })).toThrow(
    /worker_lost.*helper 0 .* said nothing for 300 ms in the middle of its part/,
  );
});

test("while a fit waits for a helper it can be cancelled", async () => {
  const thread = startThread("dying-helper.ts");
  await once(thread, "message");
  const helpers: FitHelpers = {
    count: 1,
    leastRows: 300,
    start: (tickets) => tickets.forEach((ticket) => void thread.postMessage(ticket)),
  };
  const ended = new Promise<number>((resolve) => void thread.on("exit", resolve));
  const startedAt = performance.now();
  // the helper is gone long before; its patience would be half a minute
  const signal = {
    get aborted(): boolean {
      return performance.now() - startedAt > 3000;
    },
  };
  expect(() => trainBoosting(makeData(20_000, 8, 2, 7), { nEstimators: 10_000 }, { helpers, signal })).toThrow(/cancelled/);
  expect(await ended).toBe(3);
});

test("helpers that are terminated at any moment of a fit: the right trees or worker_lost, and the next fit has new helpers", async () => {
  const right = hashOf(trainBoosting(makeData(20_000, 8, 2, 7), { nEstimators: 60 }));
  await using helpers = createHelpers(2);
  const outcomes: string[] = [];
  for (let fit = 0; fit < 12; fit++) {
    const thread = startThread("fitting-thread.ts", { count: 2, patienceMs: 60_000 });
    const outcome = await new Promise<string>((resolve, reject) => {
      thread.on("error", reject);
      thread.on("message", (message: { tickets?: FitTicket[]; hash?: string; error?: string }) => {
        if (message.tickets === undefined) return resolve(message.hash ?? message.error ?? "");
        helpers.start(message.tickets);
        // the last two fits are left in peace
        if (fit < 10) setTimeout(() => void helpers.threads[fit % 2]?.terminate(), 10 + fit * 15);
      });
    });
    outcomes.push(outcome);
    await thread.terminate();
  }
  for (const outcome of outcomes.slice(0, 10)) expect(outcome === right || outcome.includes("worker_lost"), outcome).toBe(true);
  expect(outcomes.slice(10)).toEqual([right, right]);
  expect(
    warnings.some(({ name, message }) => name === "RequeenHelperLost" && message.includes("the next fit starts another")),
  ).toBe(true);
});

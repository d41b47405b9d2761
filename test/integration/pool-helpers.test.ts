import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPool, type DatasetReference, type FitAsk, type Pool } from "../../src/workers/index.ts";
import { makeData } from "../unit/engine/seeded-data.ts";
import { writeTable } from "./support/training-table.ts";

const ROWS = 12_000;
const folder = mkdtempSync(join(tmpdir(), "requeen-pool-"));
let dataset: DatasetReference;
const threads: Worker[] = [];
const keep = (thread: Worker): void => void threads.push(thread);

beforeAll(async () => {
  process.on("worker", keep);
  dataset = await writeTable(join(folder, "table.parquet"), makeData(ROWS, 6, 2, 11, 0.05));
});
afterAll(() => {
  process.off("worker", keep);
  rmSync(folder, { recursive: true });
});

const fitAsk = (params: FitAsk["params"], change: Partial<FitAsk> = {}): FitAsk => ({
  dataset,
  featureSchema: "",
  modelType: "gradient_boosting",
  params,
  search: null,
  trials: [],
  trainRows: Uint32Array.from({ length: ROWS }, (_, row) => row),
  predictRows: new Uint32Array(),
  calibrate: false,
  wantModel: true,
  seed: 5,
  ...change,
});
const SMALL = { nEstimators: 20, maxLeafNodes: 15 };
const LARGE = { nEstimators: 250 };
const modelOf = async (pool: Pool, ask: FitAsk): Promise<Buffer> => Buffer.from((await pool.ask("fit", ask)).model ?? []);

async function untilHelping(pool: Pool): Promise<void> {
  for (let tries = 0; pool.helping === 0; tries++) {
    if (tries === 3000) throw new Error("no thread of the pool came to help");
    await sleep(5);
  }
}

test("150 fits in a pool whose idle threads help, among jobs that call them away, give the bytes of one thread", {
  timeout: 600_000,
}, async () => {
  await using alone = createPool(1);
  const right = [await modelOf(alone, fitAsk(SMALL)), await modelOf(alone, fitAsk({ ...SMALL, subsample: 0.6 }))];
  const forest = fitAsk({ nEstimators: 2, maxDepth: 4 }, { modelType: "random_forest" });
  const rightForest = await modelOf(alone, forest);
  await using pool = createPool(3, { leastRows: 300 });
  let helped = 0;
  for (let round = 0; round < 75; round++) {
    const fits = [
      modelOf(pool, fitAsk(SMALL)),
      ...(round % 3 === 0 ? [] : [modelOf(pool, fitAsk({ ...SMALL, subsample: 0.6 }))]),
    ];
    await sleep(round % 5 === 0 ? 30 : 0);
    helped += pool.helping;
    const others = Array.from({ length: round % 4 }, () => modelOf(pool, forest));
    (await Promise.all(fits)).forEach((model, index) => {
      expect(model.equals(right[index] ?? model.subarray(1)), `round ${round}, fit ${index}`).toBe(true);
    });
    for (const model of await Promise.all(others)) expect(model.equals(rightForest)).toBe(true);
    expect(pool.started).toBeLessThanOrEqual(3);
  }
  expect(helped).toBeGreaterThan(0);
});

test("a job that comes while all other threads help is done before the fit has ended", async () => {
  await using pool = createPool(2, { leastRows: 300 });
  let fitted = false;
  const cancelled = new AbortController();
  const fit = pool
    .ask("fit", fitAsk({ nEstimators: 10_000 }), { signal: cancelled.signal })
    .then(() => (fitted = true))
    .catch((error: unknown) => String(error));
  await untilHelping(pool);
  await pool.ask("fit", fitAsk({ nEstimators: 2, maxDepth: 3 }, { modelType: "random_forest" }));
  expect(fitted).toBe(false);
  // the thread goes back to help, and is let go when the fit is cancelled
  await untilHelping(pool);
  cancelled.abort();
  expect(await fit).toMatch(/cancelled/);
  for (let tries = 0; pool.helping > 0 && tries < 1000; tries++) await sleep(5);
  expect(pool.helping).toBe(0);
  await pool.ask("fit", fitAsk({ nEstimators: 2, maxDepth: 3 }, { modelType: "random_forest" }));
});

test("fits below the least number of rows are made without help", async () => {
  await using pool = createPool(2);
  const fit = modelOf(pool, fitAsk(SMALL));
  let most = 0;
  for (let ended = false; !ended; ) {
    most = Math.max(most, pool.helping);
    ended = await Promise.race([fit.then(() => true), sleep(5).then(() => false)]);
  }
  expect(most).toBe(0);
});

test("a helping thread of the pool that is terminated costs no fit: same bytes, and another thread takes its place", {
  timeout: 300_000,
}, async () => {
  await using alone = createPool(1);
  const right = await modelOf(alone, fitAsk(LARGE));
  await using pool = createPool(2, { leastRows: 300, patienceMs: 60_000 });
  for (let round = 0; round < 6; round++) {
    const answer = pool.ask("fit", fitAsk(LARGE));
    await untilHelping(pool);
    await sleep(round * 7);
    // the thread that was started last helps: the other one fits, and has since the first round
    await threads.at(-1)?.terminate();
    const { model, report } = await answer;
    expect(Buffer.from(model ?? []).equals(right)).toBe(true);
    if (report.notes !== undefined) expect(String(report.notes)).toMatch(/trained again without helping threads: worker_lost/);
  }
});

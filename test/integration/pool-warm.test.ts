import { expect, test } from "vitest";
import { createPool } from "../../src/workers/pool.ts";

const noDataset = {
  dataset: { path: "/no/such/file.parquet", featureNames: ["x"], classes: ["a", "b"] },
  model: new Uint8Array(),
  rows: new Uint32Array(),
};

test("a warm pool starts no thread beyond its number, and its threads answer", async () => {
  await using pool = createPool(2);
  pool.warm();
  pool.warm();
  expect(pool.started).toBe(2);
  // the threads run: each job is refused by its handler, not by the pool
  for (const answer of await Promise.allSettled([pool.ask("score", noDataset), pool.ask("score", noDataset)])) {
    expect(answer.status).toBe("rejected");
    expect(String((answer as PromiseRejectedResult).reason)).toMatch(/no such file|ENOENT/);
  }
  expect(pool.started).toBe(2);
});

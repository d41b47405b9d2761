import { parentPort, workerData } from "node:worker_threads";
import { trainBoosting } from "../../../src/engine/index.ts";
import { makeData } from "../../unit/engine/seeded-data.ts";
import { hashOf } from "./hash-trees.ts";

/** One boosting fit whose helpers the parent starts: tells the hash of its trees, or the error. */
const { count, patienceMs } = workerData as { count: number; patienceMs: number };
try {
  const model = trainBoosting(
    makeData(20_000, 8, 2, 7),
    { nEstimators: 60 },
    { helpers: { count, patienceMs, leastRows: 300, start: (tickets) => parentPort?.postMessage({ tickets }) } },
  );
  parentPort?.postMessage({ hash: hashOf(model) });
} catch (error) {
  parentPort?.postMessage({ error: String(error) });
}

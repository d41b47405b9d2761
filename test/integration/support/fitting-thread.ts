import { parentPort, workerData } from "node:worker_threads";
import { trainBoosting, trainForest } from "../../../src/engine/index.ts";
import { makeData } from "../../unit/engine/seeded-data.ts";
import { hashOf } from "./hash-trees.ts";

/** One fit whose helpers the parent starts: tells the hash of its trees, or the error. */
const { count, patienceMs, forest } = workerData as { count: number; patienceMs: number; forest?: boolean };
const helpers = { count, patienceMs, leastRows: 300, start: (tickets: unknown) => parentPort?.postMessage({ tickets }) };
try {
  const model = forest
    ? trainForest(makeData(20_000, 8, 2, 9), { nEstimators: 100 }, { helpers })
    : trainBoosting(makeData(20_000, 8, 2, 7), { nEstimators: 60 }, { helpers });
  parentPort?.postMessage({ hash: hashOf(model) });
} catch (error) {
  parentPort?.postMessage({ error: String(error) });
}

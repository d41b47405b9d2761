import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { isRequeenError } from "../src/core/errors.ts";
import { type ModelType, PARAMETERS, type Params } from "../src/engine/index.ts";
import { createPool } from "../src/workers/index.ts";
import { writeTable } from "../test/integration/support/training-table.ts";
import { makeTask } from "./data.ts";
import { againstBudget, type BenchRow, printRows } from "./table.ts";

/**
 * `node bench/cancel.ts [--rows N] [--only WORDS] [--json]`: how long after the word "cancel" each learner has stopped, the longest of several moments of its fit:
 * through the pool until the caller has his answer and until the thread is gone, and by `signal` in a thread of one's own until the call throws.
 */
const { values: flags } = parseArgs({
  options: {
    rows: { type: "string", default: "200000" },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});
const rowCount = Number(flags.rows);
const folder = mkdtempSync(join(tmpdir(), "requeen-cancel-"));
/** More work than any moment of the cancellation, of which a fiftieth is told of soon. */
const LONG: Readonly<Partial<Record<ModelType, Params>>> = {
  random_forest: { nEstimators: 100 },
  extra_trees: { nEstimators: 100 },
  gradient_boosting: { nEstimators: 500 },
  logistic_regression: { tol: 1e-15, maxIter: 40 },
  neural_network: { maxIter: 50, nIterNoChange: 50 },
};
/** Milliseconds after the first step at which a fit is cancelled; logistic regression has found its minimum after a second. */
const momentsOf = (modelType: ModelType): readonly number[] =>
  modelType === "logistic_regression" ? [10, 25, 40, 60] : [400, 900, 1600, 2100];
const rows: BenchRow[] = [];

try {
  const data = makeTask(rowCount, 3);
  const dataset = await writeTable(join(folder, "table.parquet"), data);
  for (const modelType of Object.keys(PARAMETERS) as ModelType[]) {
    if (!modelType.includes(flags.only)) continue;
    const answered: number[] = [];
    const gone: number[] = [];
    for (const moment of momentsOf(modelType)) {
      const started: Worker[] = [];
      const keep = (thread: Worker): void => void started.push(thread);
      process.on("worker", keep);
      await using pool = createPool(1);
      const abort = new AbortController();
      let begun = false;
      const answer = pool
        .ask(
          "fit",
          {
            dataset,
            featureSchema: "",
            modelType,
            params: LONG[modelType] ?? {},
            search: null,
            trials: [],
            trainRows: Uint32Array.from({ length: rowCount }, (_, row) => row),
            predictRows: new Uint32Array(),
            calibrate: false,
            wantModel: false,
            seed: 1,
          },
          { signal: abort.signal, onProgress: () => (begun = true) },
        )
        .catch((error: unknown) => error);
      while (!begun) await sleep(5);
      await sleep(moment);
      process.off("worker", keep);
      const exits = Promise.all(started.map((thread) => new Promise((resolve) => thread.once("exit", resolve))));
      const asked = performance.now();
      abort.abort();
      const error = await answer;
      answered.push(performance.now() - asked);
      if (!isRequeenError(error) || error.code !== "cancelled") throw new Error(`${modelType} was not cancelled`);
      await exits;
      gone.push(performance.now() - asked);
    }
    rows.push(againstBudget(`${modelType}: the pool's answer`, "ms wall", Math.max(...answered), 100));
    rows.push(againstBudget(`${modelType}: the pool's thread is gone`, "ms wall", Math.max(...gone), 100));
    rows.push(againstBudget(`${modelType}: signal of the call`, "ms wall", Math.max(...(await bySignal(modelType))), 100));
  }
} finally {
  rmSync(folder, { recursive: true });
}
printRows(rows, flags.json);
if (rows.some(({ ratio, must }) => ratio !== null && must !== null && ratio < must)) process.exitCode = 1;

/** The flag is set by this thread, and looked at by the one that fits. */
async function bySignal(modelType: ModelType): Promise<number[]> {
  const times: number[] = [];
  for (const moment of momentsOf(modelType)) {
    const flag = new Int32Array(new SharedArrayBuffer(4));
    const thread = new Worker(new URL("./engine/cancel-child.ts", import.meta.url), {
      workerData: { modelType, params: LONG[modelType], rowCount, flag },
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
    const heard: ((message: string) => void)[] = [];
    thread.on("message", (message: string) => heard.shift()?.(message));
    const next = (): Promise<string> => new Promise((resolve) => void heard.push(resolve));
    await next();
    await sleep(moment);
    const asked = performance.now();
    const ended = next();
    Atomics.store(flag, 0, 1);
    const message = await ended;
    times.push(performance.now() - asked);
    if (message !== "cancelled") throw new Error(`${modelType} ended with ${message}`);
    await thread.terminate();
  }
  return times;
}

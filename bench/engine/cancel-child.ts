import { parentPort, workerData } from "node:worker_threads";
import { isRequeenError } from "../../src/core/errors.ts";
import { fitClassifier, type ModelType, type Params } from "../../src/engine/index.ts";
import { makeTask } from "../data.ts";

/** One fit that looks at a flag in shared memory; says when it begins to learn, and how it ended. */
const { modelType, params, rowCount, flag } = workerData as {
  modelType: ModelType;
  params: Params;
  rowCount: number;
  flag: Int32Array;
};
let begun = false;
const signal = {
  get aborted(): boolean {
    return Atomics.load(flag, 0) === 1;
  },
};
try {
  fitClassifier({
    data: makeTask(rowCount, 3),
    modelType,
    params,
    calibration: "none",
    seed: 1,
    signal,
    onProgress: () => {
      if (!begun) parentPort?.postMessage("begun");
      begun = true;
    },
  });
  parentPort?.postMessage("finished");
} catch (error) {
  parentPort?.postMessage(isRequeenError(error) ? error.code : String(error));
}

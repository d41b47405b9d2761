/** A real process that starts a tuned run of the toy specialist, or goes on with the one that there is, and kills itself (SIGKILL) when its trials were written to the store for the n-th time. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { openHouse } from "../../../src/cli/house.ts";
import { readConfig } from "../../../src/config/read-config.ts";
import { resumeRun, retrain } from "../../../src/loop/retrain.ts";
import type { Store } from "../../../src/store/store.ts";

/** Under the toy specialist's name. */
export const TUNING = `    training:
      params: { gradient_boosting: { nEstimators: 500 } }
      search: { method: grid, folds: 3, grid: { gradient_boosting: { learningRate: [0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.25, 0.3], maxLeafNodes: [4, 7, 15] } } }
`;

/** The house of a folder whose configuration has TUNING, on one thread. */
export async function openTunedHouse(dataDir: string) {
  const { config } = await readConfig({
    workingDirectory: dataDir,
    environment: { REQUEEN_DATA_DIR: dataDir, REQUEEN_TRAIN_THREADS: "1" },
  });
  return openHouse({ config, now: Date.now });
}

export const addTuning = (dataDir: string): void => appendFileSync(join(dataDir, "requeen.config.yaml"), TUNING);
export const REQUEST = {
  specialist: "toy",
  by: "test",
  reason: "person",
  modelType: "gradient_boosting",
  hyperparameterTuning: true,
} as const;

const [dataDir, writes] = process.argv.slice(2);
if (process.argv[1] === import.meta.filename && dataDir !== undefined) {
  const opened = await openTunedHouse(dataDir);
  let written = 0;
  const store = new Proxy(opened.house.store, {
    get(target, name: keyof Store) {
      const method = target[name];
      if (typeof method !== "function") return method;
      if (name !== "putSetting") return (method as (...words: unknown[]) => unknown).bind(target);
      return async (key: string, value: unknown) => {
        await target.putSetting(key, value);
        if (key.startsWith("run-trials/") && ++written === Number(writes)) process.kill(process.pid, "SIGKILL");
      };
    },
  });
  const house = { ...opened.house, store };
  const { items } = await house.store.listRuns({ specialist: "toy", state: "running" }, { limit: 1 });
  if (items[0] === undefined) await retrain(house, REQUEST);
  else await resumeRun(house, items[0].run_id);
  process.stdout.write(`survived ${written} writes\n`);
  await opened.close();
}

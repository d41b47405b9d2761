import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Run, stepResult } from "../../src/core/run.ts";
import type { Trial } from "../../src/engine/index.ts";
import type { House } from "../../src/loop/house.ts";
import { resumeRun, retrain } from "../../src/loop/retrain.ts";
import type { AskOptions, Pool } from "../../src/workers/index.ts";
import { addToyLabels, openToyHouse } from "./support/open-house.ts";
import { addTuning, openTunedHouse, REQUEST } from "./support/tune-and-die.ts";

const CHILD = new URL("./support/tune-and-die.ts", import.meta.url).pathname;
const folders: string[] = [];
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "requeen-tuning-kill-"));
  folders.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** The house with a list of the trials that its threads really make. */
function countingTrials(house: House): { house: House; made: Trial[] } {
  const made: Trial[] = [];
  const pool = (): Pool =>
    new Proxy(house.pool(), {
      get(target, name: keyof Pool) {
        if (name !== "ask") return Reflect.get(target, name, target);
        return (job: "fit", ask: never, options: AskOptions) =>
          target.ask(job, ask, {
            ...options,
            onTrial: (trial) => {
              made.push(trial);
              options.onTrial?.(trial);
            },
          });
      },
    });
  return { house: { ...house, pool }, made };
}

/** What training came to, without times of single opinions. */
function trainedOf(run: Run) {
  const { model_sha256, predictions_sha256, report } = stepResult(run, "train") ?? {};
  return { state: run.state, model_sha256, predictions_sha256, report };
}

test("a tuned run that is killed goes on behind the trials that were done, and comes to the same bytes", {
  timeout: 240_000,
}, async () => {
  const template = newFolder();
  const opened = await openToyHouse(template);
  await addToyLabels(opened.house, { from: 0, count: 240, noise: 0.1, startMs: Date.now() - 3 * 86_400_000 });
  await opened.close();
  addTuning(template);

  const calm = newFolder();
  cpSync(template, calm, { recursive: true });
  const first = await openTunedHouse(calm);
  const undisturbed = countingTrials(first.house);
  const calmRun = await retrain(undisturbed.house, REQUEST);
  expect(await first.house.store.getSetting(`run-trials/${calmRun.run_id}`)).toBeNull();
  await first.close();
  expect(calmRun.state).toBe("finished");

  const killed = newFolder();
  cpSync(template, killed, { recursive: true });
  for (const writes of [2, 2]) {
    await new Promise<void>((resolve, reject) => {
      execFile(process.execPath, ["--disable-warning=ExperimentalWarning", CHILD, killed, String(writes)], (error, out, err) => {
        if (error?.signal === "SIGKILL") resolve();
        else reject(new Error(`the child was not killed: ${out}${err}`));
      });
    });
    // the second round is killed while it goes on with the first one's run
  }
  const second = await openTunedHouse(killed);
  const { items } = await second.house.store.listRuns({ specialist: "toy", state: "running" }, { limit: 10 });
  const [run] = items;
  if (run === undefined) throw new Error("the killed run is not there");
  const kept = Object.values(
    (await second.house.store.getSetting(`run-trials/${run.run_id}`)) as Record<string, unknown[]>,
  ).flat();
  expect(kept.length).toBeGreaterThan(2);
  const resumed = countingTrials(second.house);
  const ended = await resumeRun(resumed.house, run.run_id);
  expect(resumed.made.length).toBe(undisturbed.made.length - kept.length);
  expect(trainedOf(ended)).toEqual(trainedOf(calmRun));
  expect(await second.house.store.getSetting(`run-trials/${run.run_id}`)).toBeNull();
  await second.close();
});

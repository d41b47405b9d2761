import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type OpenedHouse, openHouse } from "../../src/cli/house.ts";
import { readConfig } from "../../src/config/read-config.ts";
import { type Run, stepResult } from "../../src/core/run.ts";
import { retrain } from "../../src/loop/retrain.ts";
import { addToyLabels, openToyHouse } from "./support/open-house.ts";

let folder: string;
let opened: OpenedHouse;
const startMs = Date.UTC(2026, 0, 5);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "requeen-search-"));
  const first = await openToyHouse(folder, () => startMs + 40 * 86_400_000);
  await first.close();
});

afterEach(async () => {
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The toy specialist with these lines under its name. */
async function openWith(training: string): Promise<OpenedHouse["house"]> {
  appendFileSync(join(folder, "requeen.config.yaml"), training);
  const { config } = await readConfig({
    workingDirectory: folder,
    environment: { REQUEEN_DATA_DIR: folder, REQUEEN_TRAIN_THREADS: "2" },
  });
  opened = await openHouse({ config, now: () => startMs + 40 * 86_400_000 });
  await addToyLabels(opened.house, { from: 0, count: 240, noise: 0.1, startMs });
  return opened.house;
}

interface Report {
  readonly params: Readonly<Record<string, unknown>>;
  readonly tuning: null | {
    readonly metric: string;
    readonly best: unknown;
    readonly trials: { params: object; score: number; turnScores: number[] }[];
  };
}

function reportOf(run: Run): Report {
  const report = stepResult(run, "train")?.report;
  if (report === undefined) throw new Error(`the run is ${run.state} and has not trained: ${run.error?.message}`);
  return report as Report;
}

for (const by of ["class", "time"]) {
  test(`the search of the specialist's settings is made, by ${by}, and each trial is a step of a metric in the registry`, async () => {
    const house = await openWith(`    training:
      params: { logistic_regression: { classWeight: balanced } }
      search: { method: random, grid: { logistic_regression: { C: [0.01, 0.1, 1, 10], l1Ratio: [0, 0.5] } }, trials: 5, folds: 4, metric: brier, by: ${by} }
`);
    const run = await retrain(house, { specialist: "toy", by: "test", reason: "person", hyperparameterTuning: true });
    expect(run.state).toBe("finished");
    const { tuning, params } = reportOf(run);
    if (tuning === null) throw new Error("nothing was searched");
    expect(tuning.metric).toBe("brier");
    expect(tuning.trials).toHaveLength(5);
    for (const { params, turnScores } of tuning.trials) {
      expect(params).toMatchObject({ classWeight: "balanced" });
      expect(turnScores).toHaveLength(4);
    }
    expect(params).toMatchObject({ ...(tuning.best as object), classWeight: "balanced" });
    const history = await house.registry.getMetricHistory(run.mlflow?.run_id ?? "", "tuning_brier");
    expect(history.map(({ step, value }) => [step, value])).toEqual(tuning.trials.map(({ score }, step) => [step, score]));
  }, 180_000);
}

test("a model type without an original grid is searched over the specialist's", async () => {
  const house = await openWith(`    training:
      search: { method: halving, grid: { logistic_regression: { C: [0.1, 1, 10] } } }
`);
  const run = await retrain(house, { specialist: "toy", by: "test", reason: "person", hyperparameterTuning: true });
  expect(reportOf(run).tuning?.trials.length).toBeGreaterThanOrEqual(3);
}, 180_000);

test("without any grid nothing is searched", async () => {
  const house = await openWith("");
  const run = await retrain(house, { specialist: "toy", by: "test", reason: "person", hyperparameterTuning: true });
  expect(reportOf(run).tuning).toBeNull();
}, 180_000);

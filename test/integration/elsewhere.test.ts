import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DRIFT_LIMITS } from "../../src/decide/drift.ts";
import { recompute } from "../../src/loop/decide-step.ts";
import { checkDrift } from "../../src/loop/drift.ts";
import { retrain } from "../../src/loop/retrain.ts";
import { addToyLabels, openToyHouse } from "./support/open-house.ts";

const DAY_MS = 86_400_000;
const RUN = { specialist: "toy", by: "test", reason: "person" } as const;

test("a machine whose data folder has none of the files recomputes verdicts, looks for drift, and knows what the champion saw", async () => {
  const folder = mkdtempSync(join(tmpdir(), "requeen-elsewhere-"));
  const clock = { nowMs: Date.UTC(2026, 0, 5) };
  const forget = () => rmSync(join(folder, "blobs"), { recursive: true });
  const first = await openToyHouse(folder, () => clock.nowMs);
  await addToyLabels(first.house, { from: 0, count: 160, noise: 0.05, startMs: clock.nowMs });
  clock.nowMs += DAY_MS;
  const run = await retrain(first.house, RUN);
  await addToyLabels(first.house, { from: 500, count: 160, noise: 0.05, startMs: clock.nowMs });
  await first.close();
  clock.nowMs += DAY_MS;

  forget();
  const second = await openToyHouse(folder, () => clock.nowMs);
  expect((await recompute(second.house, run.run_id)).same).toBe(true);
  expect(await checkDrift(second.house, "toy", { windowHours: 48, limits: DRIFT_LIMITS })).toMatchObject({ state: "stable" });
  await second.close();

  forget();
  const third = await openToyHouse(folder, () => clock.nowMs);
  const next = await retrain(third.house, RUN);
  expect(next.state).toBe("finished");
  const dataset = await third.house.store.getDataset(next.dataset_id ?? "");
  // all rows are used: what the champion saw trains, what it did not see may judge
  expect(dataset?.rows).toBe(320);
  expect(dataset?.rows_by_role.gate).toBeGreaterThan(100);
  await third.close();
  rmSync(folder, { recursive: true });
});

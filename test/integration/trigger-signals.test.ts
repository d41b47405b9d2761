import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type DriftReport, readDrift, showDrift } from "../../src/loop/drift.ts";
import { type House, specialistOf } from "../../src/loop/house.ts";
import { viewPlan } from "../../src/loop/plan.ts";
import { retrain } from "../../src/loop/retrain.ts";
import { viewTrigger } from "../../src/loop/trigger.ts";
import { watchDrift, watchOnce } from "../../src/loop/watch.ts";
import { addToyLabels, openToyHouse } from "./support/open-house.ts";

const DAY_MS = 86_400_000;
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A house with a first champion of Monday, and 70 labels that came since: too few for the threshold of 100, enough to judge with. */
async function openWithChampion(policy: string): Promise<{ house: House; clock: { nowMs: number }; close: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "requeen-signals-"));
  folders.push(folder);
  const clock = { nowMs: Date.UTC(2026, 0, 5) };
  const { house, close } = await openToyHouse(folder, () => clock.nowMs, policy);
  await addToyLabels(house, { from: 0, count: 120, noise: 0.05, startMs: clock.nowMs });
  clock.nowMs += DAY_MS;
  await retrain(house, { specialist: "toy", by: "test", reason: "evidence" });
  await addToyLabels(house, { from: 1_000, count: 70, noise: 0.05, startMs: clock.nowMs });
  return { house, clock, close };
}

test("the policy's schedule starts a run below the threshold, once a time that it names, and the watching server does it by itself", async () => {
  const { house, clock, close } = await openWithChampion('{ name: weekly, trigger: { schedule: "0 3 * * sun" } }');
  const ask = async () => (await viewTrigger(house, specialistOf(house, "toy"))).decision;
  clock.nowMs = Date.UTC(2026, 0, 11, 2, 59);
  expect(await ask()).toMatchObject({ state: "WAIT", reasons: [{ code: "threshold" }] });
  clock.nowMs = Date.UTC(2026, 0, 11, 3);
  expect(await ask()).toMatchObject({ state: "READY", cause: "schedule" });
  expect((await watchOnce(house)).runs).toMatchObject([
    { specialist: "toy", state: "finished", trigger: { reason: "schedule" } },
  ]);
  await addToyLabels(house, { from: 2_000, count: 70, noise: 0.05, startMs: clock.nowMs });
  clock.nowMs = Date.UTC(2026, 0, 14);
  expect((await ask()).state).toBe("WAIT");
  clock.nowMs = Date.UTC(2026, 0, 20); // the server was away on Sunday: it is done later, not left out
  expect(await ask()).toMatchObject({ state: "READY", cause: "schedule" });
  await close();
});

test("with on_drift, drift that was found since the last run starts one; without it, or found before, it does not", async () => {
  const { house, clock, close } = await openWithChampion("{ name: drifting, trigger: { on_drift: true } }");
  const ask = async () => (await viewTrigger(house, specialistOf(house, "toy"))).decision;
  const found = (change: Partial<DriftReport>): Promise<unknown> =>
    house.store.putSetting(
      "drift:toy",
      showDrift({
        specialist: "toy",
        state: "drift",
        why: "1 of 3 features drifted.",
        checked_at: clock.nowMs,
        window_hours: 24,
        champion_version: "1",
        dataset_id: null,
        rows: { reference: 120, current: 150 },
        share: 1 / 3,
        features: [],
        agreement: null,
        ...change,
      }),
    );
  clock.nowMs += 2 * DAY_MS;
  expect((await ask()).state).toBe("WAIT");
  await found({ state: "stable" });
  expect((await ask()).state).toBe("WAIT");
  await found({ champion_version: "7" });
  expect((await ask()).state).toBe("WAIT");
  await found({});
  expect(await ask()).toMatchObject({ state: "READY", cause: "drift" });
  await watchOnce(house);
  await addToyLabels(house, { from: 2_000, count: 70, noise: 0.05, startMs: clock.nowMs });
  clock.nowMs += 2 * DAY_MS;
  expect((await ask()).state).toBe("WAIT");
  await close();
});

test("the plan counts what could judge now, also rows that an undecided verdict has seen", async () => {
  const { house, clock, close } = await openWithChampion("");
  clock.nowMs += 2 * DAY_MS;
  await retrain(house, { specialist: "toy", by: "ann", reason: "person" });
  const view = await viewTrigger(house, specialistOf(house, "toy"));
  const [plan] = (await viewPlan(house, "toy")).plans;
  expect(view.newLabels).toBe(0);
  expect(plan?.plan.gate_rows).toBe(view.gateRows);
  const promoted = (await house.store.listRuns({ specialist: "toy" }, { limit: 1 })).items[0]?.promoted;
  expect(view.gateRows).toBe(promoted === true ? 0 : 70);
  await close();
});

test("the watching server looks for drift when nobody has for the interval, and a failure of it holds up nothing", async () => {
  const { house, clock, close } = await openWithChampion("{ name: watched }");
  const question = { windowHours: 12, limits: { psi: 0.2, level: 0.05, minRows: 20, agreementDrop: 0.05 } };
  const looks = (everyMs: number) => watchDrift(house, everyMs, question);
  expect(await looks(6 * 3_600_000)).toEqual(["toy"]);
  const first = await readDrift(house, "toy");
  expect(first).toMatchObject({ checked_at: clock.nowMs, rows: { current: 70 } });
  clock.nowMs += 6 * 3_600_000 - 1;
  expect(await looks(6 * 3_600_000)).toEqual([]);
  clock.nowMs += 1;
  expect(await looks(6 * 3_600_000)).toEqual(["toy"]);
  expect((await readDrift(house, "toy"))?.checked_at).toBe(clock.nowMs);

  clock.nowMs += DAY_MS;
  const events: unknown[] = [];
  const registry = new Proxy(house.registry, {
    get: () => () => Promise.reject(new Error("the registry is away")),
  });
  const away: House = { ...house, registry, log: (event, details) => void events.push([event, details]) };
  expect(await watchDrift(away, 1, question)).toEqual([]);
  expect(events).toEqual([["watch.error", expect.objectContaining({ subject: "drift:toy" })]]);
  await close();
});

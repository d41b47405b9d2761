import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { execute } from "../../src/cli/execute.ts";
import { openHouse } from "../../src/cli/house.ts";
import { DRIFT_LIMITS } from "../../src/decide/drift.ts";
import { checkDrift, readDrift } from "../../src/loop/drift.ts";
import { judge } from "../../src/loop/judge.ts";
import { retrain } from "../../src/loop/retrain.ts";
import { addToyLabels, openToyHouse } from "./support/open-house.ts";

const DAY_MS = 86_400_000;
const folder = mkdtempSync(join(tmpdir(), "requeen-drift-"));
const clock = { nowMs: Date.UTC(2026, 0, 5) };

async function requeen(...line: string[]): Promise<{ code: number; stdout: string }> {
  const out: string[] = [];
  const code = await execute({
    line,
    commands: COMMANDS,
    version: "0.0.0",
    workingDirectory: folder,
    env: { REQUEEN_DATA_DIR: folder, REQUEEN_CONFIG: join(folder, "requeen.config.yaml") },
    stdout: { write: (text) => out.push(text) },
    stderr: { write: () => true },
    now: () => clock.nowMs,
    signal: new AbortController().signal,
    openHouse,
  });
  return { code, stdout: out.join("") };
}

beforeAll(async () => {
  const { house, close } = await openToyHouse(folder, () => clock.nowMs);
  await addToyLabels(house, { from: 0, count: 160, noise: 0.05, startMs: clock.nowMs });
  clock.nowMs += DAY_MS;
  await retrain(house, { specialist: "toy", by: "test", reason: "evidence" });
  // fewer new labels than the threshold of 100, enough to judge with; and opinions of another kind
  await addToyLabels(house, { from: 1_000, count: 60, noise: 0.05, startMs: clock.nowMs });
  clock.nowMs += 10 * DAY_MS;
  const rows = Array.from({ length: 150 }, (_, index) => ({
    columns: { a: Math.sin(index), b: Math.cos(3 * index), noise: 5 + (index % 17) / 17 },
    planId: `moved-${index}`,
    opinionId: `moved-${index}`,
    evaluatedAtMs: clock.nowMs - index * 60_000,
  }));
  await judge(house, "toy", rows);
  await close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the champion's sureness is compared with that on the rows that judged it: where it falls, the sentence says so", async () => {
  const own = mkdtempSync(join(tmpdir(), "requeen-drift-score-"));
  const time = { nowMs: Date.UTC(2026, 0, 5) };
  const { house, close } = await openToyHouse(own, () => time.nowMs);
  await addToyLabels(house, { from: 0, count: 160, noise: 0.05, startMs: time.nowMs });
  time.nowMs += DAY_MS;
  await retrain(house, { specialist: "toy", by: "test", reason: "evidence" });
  const judgeMany = (name: string, size: number) =>
    judge(
      house,
      "toy",
      Array.from({ length: 200 }, (_, index) => ({
        columns: { a: size * Math.sin(index), b: size * Math.cos(1.7 * index), noise: (index % 17) / 17 },
        planId: `${name}-${index}`,
        opinionId: `${name}-${index}`,
        evaluatedAtMs: time.nowMs - index * 60_000,
      })),
    );
  const look = async () => (await checkDrift(house, "toy", { windowHours: 24, limits: DRIFT_LIMITS })).score;
  time.nowMs += 5 * DAY_MS;
  await judgeMany("sure", 1);
  expect(await look()).toMatchObject({ drifted: false });
  time.nowMs += 5 * DAY_MS;
  await judgeMany("unsure", 0.1); // near the border between the classes
  const score = await look();
  expect(score?.drifted).toBe(true);
  expect(score?.expected_accuracy.current).toBeLessThan((score?.expected_accuracy.reference ?? 0) - 0.05);
  expect((await readDrift(house, "toy"))?.why).toContain("It is less sure of itself");
  await close();
  rmSync(own, { recursive: true });
});

test("drift is told with its feature and exit code 10; asked with --trigger, it starts a run below the threshold, and one only", async () => {
  const looked = await requeen("drift", "check", "toy");
  expect(looked.code).toBe(10);
  expect(looked.stdout).toMatch(/toy +drift +150 +1 of 3[\s\S]*noise +\d/);
  expect((await requeen("trigger", "check", "toy", "--dry-run")).stdout).toContain("toy: wait");

  const started = await requeen("drift", "check", "--all", "--trigger", "--json");
  const { runs, held_back } = JSON.parse(started.stdout);
  expect(runs).toMatchObject([{ specialist: "toy", state: "finished", trigger: { reason: "drift" } }]);
  expect([started.code, held_back]).toEqual([0, []]);

  const again = await requeen("drift", "check", "--all", "--trigger", "--json");
  expect(JSON.parse(again.stdout)).toMatchObject({ runs: [], held_back: ["toy"] });
  expect(again.code).toBe(0);
});

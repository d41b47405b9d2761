import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { recompute } from "../../src/loop/decide-step.ts";
import { prune } from "../../src/loop/prune.ts";
import { retrain } from "../../src/loop/retrain.ts";
import { addToyLabels, openToyHouse } from "./support/open-house.ts";

const DAY_MS = 86_400_000;
const RETENTION = { endedRunsDays: 30, unfinishedDays: 7 };

test("pruning removes what nothing refers to, once it is old; verdicts still recompute", async () => {
  const folder = mkdtempSync(join(tmpdir(), "requeen-prune-"));
  const clock = { nowMs: Date.now() - 100 * DAY_MS };
  const { house, close } = await openToyHouse(folder, () => clock.nowMs);
  await addToyLabels(house, { from: 0, count: 120, noise: 0.05, startMs: clock.nowMs });
  clock.nowMs += DAY_MS;
  const run = await retrain(house, { specialist: "toy", by: "test", reason: "evidence" });
  const blobs = join(folder, "blobs");
  const { sha256: orphan } = await house.blobs.put(Buffer.from("what a failed run left"));
  const { sha256: young } = await house.blobs.put(Buffer.from("what a run is just writing"));
  writeFileSync(join(blobs, "unfinished", "half"), "x");
  const age = (path: string, days: number): void => {
    const at = new Date(clock.nowMs - days * DAY_MS);
    utimesSync(path, at, at);
  };
  const files = () => readdirSync(blobs, { recursive: true, encoding: "utf8" }).filter((name) => name.length > 60).length;
  clock.nowMs = Date.now();
  for (const name of readdirSync(blobs, { recursive: true, encoding: "utf8" })) age(join(blobs, name), 90);
  age(join(blobs, young.slice(0, 2), young), 0.5);
  const before = files();
  expect(await prune(house, blobs, RETENTION, true)).toMatchObject({
    removed: { files: 1 },
    unfinished: { files: 1 },
    dry_run: true,
  });
  expect(files()).toBe(before);
  expect(await prune(house, blobs, { endedRunsDays: 0, unfinishedDays: 0 }, false)).toMatchObject({
    removed: { files: 1 },
    unfinished: { files: 1 },
  });
  expect(await house.blobs.has(orphan)).toBe(false);
  expect(await house.blobs.has(young)).toBe(true);
  expect(files()).toBe(before - 1);
  expect((await recompute(house, run.run_id)).same).toBe(true);

  const away = { ...house, registry: { ...house.registry, searchModelVersions: () => Promise.reject(new Error("away")) } };
  await house.blobs.put(Buffer.from("another"));
  await expect(prune(away, blobs, { endedRunsDays: 0, unfinishedDays: 0 }, false)).rejects.toThrow("away");
  expect(files()).toBe(before);
  await close();
  rmSync(folder, { recursive: true });
});

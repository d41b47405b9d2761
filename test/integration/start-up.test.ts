import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

/** What a start loads is what it takes: nearly half a millisecond a module. No test is timed, so modules are counted. */
const ROOT = join(import.meta.dirname, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "requeen-start-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Paths from the root of what `words` loads; Node's own modules are left out. */
function loadedBy(words: readonly string[]): string[] {
  const list = join(folder, "loaded");
  spawnSync(process.execPath, ["--import", join(import.meta.dirname, "support", "loaded-modules.mjs"), ...words], {
    env: { ...process.env, LOADED_MODULES: list, REQUEEN_DATA_DIR: join(folder, "data") },
  });
  const own = new URL(`file://${ROOT}/`).href;
  return readFileSync(list, "utf8")
    .split("\n")
    .filter((url) => url.startsWith("file:"))
    .map((url) => url.replace(own, ""));
}

test("status loads neither learners nor Parquet, forensics, server or cluster", () => {
  const loaded = loadedBy([join(ROOT, "src", "cli", "main.ts"), "status", "--json"]);
  expect(loaded).toContain("src/loop/status.ts");
  const needless = /^src\/(engine\/(index|forest|boosting)|decide\/(index|gate|forensics)|http|cluster)|hyparquet|fastify/;
  expect(loaded.filter((path) => needless.test(path))).toEqual([]);
  expect(loaded.length).toBeLessThan(320);
});

test("a training thread loads neither zod nor the gate", () => {
  // outside a thread it loads all the same, and then says that it belongs in one
  const loaded = loadedBy([join(ROOT, "src", "workers", "thread.ts")]);
  expect(loaded).toContain("src/engine/fit-classifier.ts");
  expect(loaded.filter((path) => /zod|^src\/(decide\/(index|gate)|loop|store\/sqlite)/.test(path))).toEqual([]);
});

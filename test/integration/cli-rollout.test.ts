import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { execute } from "../../src/cli/execute.ts";
import { openHouse } from "../../src/cli/house.ts";
import { promote } from "../../src/loop/promote.ts";
import { retrain } from "../../src/loop/retrain.ts";
import { addToyLabels, openToyHouse } from "./support/open-house.ts";

const START_MS = Date.parse("2026-03-01T00:00:00Z");
const DAY_MS = 86_400_000;
let folder = "";
let clockMs = START_MS + DAY_MS;
let pods: Server;
let verifyUrl = "";
/** The version that the pods report. */
let reported = "1";

/** Versions 1 and 2, of which 2 is in production, put there by hand. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "requeen-cli-rollout-"));
  const { house, close } = await openToyHouse(folder, () => clockMs);
  const put = async (): Promise<void> => {
    const run = await retrain(house, { specialist: "toy", by: "test", reason: "person", promoteIfBetter: false });
    const version = run.challenger_version ?? "";
    await promote(house, { specialist: "toy", version, by: "test", reason: "by hand", force: true });
    clockMs += 2 * DAY_MS;
  };
  await addToyLabels(house, { from: 0, count: 110, noise: 0.4, startMs: START_MS });
  await put();
  await addToyLabels(house, { from: 1_000, count: 120, noise: 0.02, startMs: clockMs - DAY_MS });
  await put();
  await close();
  pods = createServer((_request, response) => response.end(JSON.stringify({ model_loaded: true, model_version: reported })));
  await new Promise<void>((resolve) => pods.listen(0, "127.0.0.1", resolve));
  const address = pods.address();
  verifyUrl = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/{type}/status`;
});
afterAll(async () => {
  pods.closeAllConnections();
  await new Promise((resolve) => pods.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

async function requeen(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [out, notes]: [string[], string[]] = [[], []];
  const code = await execute({
    line: words,
    commands: COMMANDS,
    version: "0.0.0",
    workingDirectory: folder,
    env: {
      REQUEEN_DATA_DIR: folder,
      REQUEEN_ROLLOUT_VERIFY_URL: verifyUrl,
      REQUEEN_ROLLOUT_VERIFY_SECONDS: "0.2",
      REQUEEN_ROLLOUT_ROLLBACK: "false",
    },
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => notes.push(text) },
    now: () => clockMs,
    signal: new AbortController().signal,
    openHouse,
  });
  return { code, stdout: out.join(""), stderr: notes.join("") };
}
const json = async (...words: string[]) => JSON.parse((await requeen(...words, "--json")).stdout);

test("rollout status says pending, apply tries and tells what each pod said, and the exit code says that it failed", async () => {
  const pending = await requeen("rollout", "status");
  expect(pending.code).toBe(0);
  expect(pending.stdout).toMatch(/toy +v2 +pending/);
  expect(pending.stdout).toContain("`requeen rollout apply` carries out toy.");
  expect((await json("rollout", "apply", "--dry-run")).rollouts).toMatchObject([{ state: "pending" }]);

  const failed = await requeen("rollout", "apply", "toy");
  expect(failed.code).toBe(7);
  expect(failed.stdout).toContain("reports version 1, not 2");
  // nothing was asked to be taken back
  expect((await json("rollout", "status")).rollouts).toMatchObject([
    { champion: "2", state: "failed", pods: [{ version: "1" }] },
  ]);

  reported = "2";
  expect((await requeen("rollout", "apply")).stdout).toContain("failed");
  expect((await json("rollout", "apply", "--again")).rollouts).toMatchObject([{ champion: "2", state: "verified" }]);
});

test("a pause stands in status, refuses promotions by name, and is ended by resume", async () => {
  expect(await json("pause", "--reason", "incident 4711", "--dry-run")).toMatchObject({ dry_run: true });
  expect((await json("status")).paused).toBeNull();
  expect((await requeen("pause", "--reason", "incident 4711")).stdout).toMatch(/^Paused by \S+ since/);
  expect((await requeen("status")).stdout).toMatch(/^PAUSED by \S+ since 2026-03-0\d \d\d:\d\d: incident 4711/);
  const refused = await requeen("retrain", "toy");
  expect([refused.code, refused.stdout + refused.stderr]).toEqual([5, expect.stringContaining("paused")]);
  expect((await requeen("resume")).stdout).toContain("incident 4711");
  expect((await requeen("resume")).stdout).toContain("Nothing is paused.");
});

test("rollback --all takes every champion one step back and tells the pods; a second one says which cannot go further", async () => {
  expect((await requeen("rollback", "--reason", "x")).code).toBe(2);
  expect((await requeen("rollback", "toy", "--all", "--reason", "x")).code).toBe(2);
  expect(await json("rollback", "--all", "--reason", "x", "--dry-run")).toMatchObject({
    deployments: [{ version: "1" }],
    dry_run: true,
  });
  reported = "1";
  const back = await requeen("rollback", "--all", "--reason", "a wrong import");
  expect(back.code).toBe(0);
  expect(back.stdout).toContain("toy v1 is in production again");
  expect(back.stderr).toContain("rollout of v1 verified");
  expect((await json("rollout", "status")).rollouts).toMatchObject([{ champion: "1", state: "verified" }]);
  const end = await requeen("rollback", "--all", "--reason", "further");
  expect(end.code).toBe(9);
  expect(end.stdout).toContain("Stays: toy version 1 has no earlier production version");
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { killLoop, storedFeedback } from "../../bench/feedback-load.ts";
import { makeDataFolder } from "../../bench/serving.ts";

const KILLS = 20;
const folder = mkdtempSync(join(tmpdir(), "requeen-feedback-kill-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test(`what the server acknowledged over HTTP is stored exactly once after ${KILLS} kills under load`, {
  timeout: 300_000,
}, async () => {
  await makeDataFolder(folder, 60_000);
  // the moment is random on purpose: the law holds at every moment, and each kill adds to what is checked
  const { acknowledged } = await killLoop(folder, { kills: KILLS, connections: 16, longestMs: 150, random: Math.random });
  const storedOf = await storedFeedback(folder);
  expect(acknowledged.size).toBeGreaterThan(KILLS);
  const wrong = [...acknowledged].filter(([opinionId, id]) => storedOf.get(opinionId)?.join() !== id);
  expect(wrong).toEqual([]);
});

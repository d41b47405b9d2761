import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { openSqliteStore, type Store, verifyAuditChain } from "../../src/store/index.ts";

const KILLS = 12;
const WRITER = fileURLToPath(new URL("./store-kill-writer.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "requeen-kill-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Lets a writer run until it has acknowledged `after` ids, kills it, and gives all ids that it has acknowledged. */
async function killAfter(writer: ChildProcess, after: number, delayMs: number): Promise<string[]> {
  let output = "";
  let killing = false;
  writer.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    if (killing || output.split("\n").length <= after) return;
    killing = true;
    setTimeout(() => writer.kill("SIGKILL"), delayMs);
  });
  const [, signal] = await once(writer, "close");
  expect(signal).toBe("SIGKILL");
  return output.split("\n").slice(0, -1); // a line cut by the kill was not acknowledged
}

test(`what was acknowledged is there after ${KILLS} kills at random moments`, { timeout: 120_000 }, async () => {
  const path = join(folder, "requeen.db");
  const acknowledged: string[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    const writer = spawn(process.execPath, [WRITER, path, `w${kill}`], { stdio: ["pipe", "pipe", "inherit"] });
    // the moment is random on purpose: the law holds at every moment, and each kill adds to what is checked
    const ids = await killAfter(writer, 1 + Math.floor(Math.random() * 40), Math.random() * 15);
    expect(ids.length).toBeGreaterThan(0);
    acknowledged.push(...ids);

    const store = await openSqliteStore(path, { now: Date.now });
    expect(await missing(store, acknowledged)).toEqual([]);
    expect((await verifyAuditChain((await store.listAudit({}, { limit: 10_000 })).items)).intact).toBe(true);
    await store.close();
  }
  expect(new Set(acknowledged).size).toBe(acknowledged.length);
});

async function missing(store: Store, ids: readonly string[]): Promise<string[]> {
  const found = await Promise.all(ids.map(async (id) => ((await store.getFeedback(id))?.state === "current" ? null : id)));
  return found.filter((id) => id !== null);
}

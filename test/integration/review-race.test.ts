import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSqliteStore } from "../../src/store/index.ts";
import { anOpinion, T0 } from "../conformance/store-documents.ts";

const CLAIMER = new URL("./support/claim-all.ts", import.meta.url).pathname;
const OPINIONS = 60;

test("three processes that take the same opinions at once: each opinion is held by one of them", async () => {
  const folder = mkdtempSync(join(tmpdir(), "requeen-race-"));
  const file = join(folder, "requeen.db");
  const store = await openSqliteStore(file, { now: Date.now });
  const ids = Array.from({ length: OPINIONS }, (_, index) => `o-${index}`);
  await store.addOpinions(ids.map((id) => anOpinion(id)));
  const taken = await Promise.all(["ann", "bob", "eve"].map((reviewer) => claimAll(file, reviewer)));
  expect(taken.flat().toSorted()).toEqual(ids.toSorted());
  const { items } = await store.listClaims({ state: "open" }, { limit: 1_000 });
  expect(items).toHaveLength(OPINIONS);
  for (const [index, reviewer] of ["ann", "bob", "eve"].entries())
    expect(items.filter((claim) => claim.reviewer === reviewer)).toHaveLength(taken[index]?.length ?? -1);
  expect(await store.listWaiting(WAITING, 0, "up", 10)).toEqual([]);
  await store.close();
  rmSync(folder, { recursive: true });
});

const WAITING = { specialist: "business", now: T0, reviewer: "zoe", skippedSince: 0, unseen: false };

/** @returns the ids that the process took */
const claimAll = (file: string, reviewer: string): Promise<string[]> =>
  new Promise((resolve, reject) => {
    const child = fork(CLAIMER, [file, reviewer, String(OPINIONS)], { execArgv: ["--disable-warning=ExperimentalWarning"] });
    child.on("message", (taken: string[]) => resolve(taken));
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`the process of ${reviewer} ended with ${code}`)));
  });

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { openSqliteStore } from "../../src/store/index.ts";
import { ringKey } from "../../src/store/ring-key.ts";
import { APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION } from "../../src/store/sqlite/migrations.ts";
import { aFeedback, anOpinion, T0 } from "../conformance/store-documents.ts";

test("a store of before the review queue: what waits is found, generated opinions and judged ones are not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "requeen-old-"));
  const file = join(folder, "requeen.db");
  const now = { now: () => T0 };
  const store = await openSqliteStore(file, now);
  const generated = anOpinion("generated-1", {
    state: "no_champion",
    model: null,
    opinion: { ...anOpinion("x").opinion, metadata: { generated: true, set: "a" } },
  });
  await store.addOpinions([anOpinion("waits"), anOpinion("judged"), anOpinion("by-machine"), generated]);
  await store.addFeedback([aFeedback("f", "judged"), aFeedback("g", "by-machine", { tier: "rule" })]);
  await store.close();

  const queue = MIGRATIONS.findIndex((step) => step.includes("CREATE TABLE review_waiting"));
  const raw = new DatabaseSync(file);
  for (const table of ["review_waiting", "review_queue", "review_seen"]) raw.exec(`DROP TABLE ${table}`);
  // steps after the queue's are taken again too
  for (const step of MIGRATIONS.slice(queue + 1))
    for (const [, table] of step.matchAll(/CREATE TABLE (\w+)/g)) raw.exec(`DROP TABLE ${table}`);
  raw.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${queue}`);
  raw.close();

  const opened = await openSqliteStore(file, now);
  const filter = { specialist: "business", now: T0, reviewer: "ann", skippedSince: 0, unseen: false };
  const waiting = await opened.listWaiting(filter, 0, "up", 10);
  expect(new Map(waiting.map(({ opinion_id, key }) => [opinion_id, key]))).toEqual(
    new Map(["waits", "by-machine"].map((id) => [id, ringKey(id)])),
  );
  expect((await opened.getOpinion("generated-1"))?.state).toBe("generated");
  expect(SCHEMA_VERSION).toBe(MIGRATIONS.length);
  await opened.close();
  rmSync(folder, { recursive: true });
});

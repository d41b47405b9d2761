import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { afterAll, expect, test } from "vitest";
import {
  type MigrateReport,
  type MovableStore,
  migrateStore,
  openMongoStore,
  openSqliteStore,
  RECORD_KINDS,
} from "../../../src/store/index.ts";
import { fillStore } from "../../conformance/store-content.ts";
import { aFeedback } from "../../conformance/store-documents.ts";
import { feedback, opinions, triggers, unreadableFeedback } from "./original-documents.ts";
import { server } from "./server.ts";

const folder = mkdtempSync(join(tmpdir(), "requeen-migrate-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const sqlite = (): Promise<MovableStore> => openSqliteStore(join(folder, `${randomUUID()}.db`), { now: Date.now });
const mongo = (database = `move_${randomUUID().slice(0, 8)}`): Promise<MovableStore> =>
  openMongoStore(server.uri, { database, now: Date.now });
const counting = { afterSequence: 0, gateTiers: ["rule", "blind"] as const, featureSchema: "mail/1" };

test(`from SQLite to MongoDB (${server.name}) and back nothing is lost`, async () => {
  const stores = [await sqlite(), await mongo(), await mongo(), await sqlite()];
  await fillStore(stores[0], 300);
  const reports: MigrateReport[] = [];
  for (let step = 1; step < stores.length; step += 1) reports.push(await migrateStore(stores[step - 1], stores[step]));
  for (const kind of RECORD_KINDS)
    expect(reports.map((report) => report[kind].digest)).toEqual(reports.map(() => reports[0][kind].digest));
  const counts = await Promise.all(stores.map((store) => store.countLabels("business", counting)));
  expect(counts.slice(1)).toEqual([counts[0], counts[0], counts[0]]);
  for (const store of stores) {
    const added = await store.addFeedback([aFeedback("next", "o00001", { reviewer: "someone new" })]);
    expect(added[0].outcome).toBe("added");
    expect((await store.getFeedback("next"))?.sequence).toBe(300 + 75 + 75 + 1);
    await store.close();
  }
});

test(`what the original system left (${server.name}) moves to SQLite as ours, before all that came later`, async () => {
  const database = `move_${randomUUID().slice(0, 8)}`;
  const client = await new MongoClient(server.uri).connect();
  await client
    .db(database)
    .collection("specialist_opinions")
    .insertMany(opinions.map((document) => ({ ...document })));
  await client
    .db(database)
    .collection("specialist_feedback")
    .insertMany([...feedback, unreadableFeedback].map((document) => ({ ...document })));
  await client
    .db(database)
    .collection("retraining_triggers")
    .insertMany(triggers.map((document) => ({ ...document })));
  await client.close();
  const [from, to] = [await mongo(database), await sqlite()];
  await from.addFeedback([aFeedback("ours", "op-v1", { submitted_at: Date.UTC(2026, 5, 1) })]);
  await from.listFeedback({}, { limit: 10 }); // meets the unreadable one, which goes to the quarantine
  const report = await migrateStore(from, to);
  expect([report.opinions.records, report.feedback.records, report.runs.records, report.quarantine.records]).toEqual([
    3, 5, 2, 1,
  ]);
  const { items } = await to.listFeedback({}, { limit: 10 });
  expect(items.map((item) => [item.feedback_id, item.sequence])).toEqual([
    ["ours", 1],
    ["fb-bal-18", -2],
    ["fb-auto-17", -3],
    ["fb-1769000000", -4],
    ["feedback-0123456789ab", -5],
  ]);
  expect(await to.countLabels("business", counting)).toEqual(await from.countLabels("business", counting));
  expect(await to.addFeedback([aFeedback("next", "op-flat", { reviewer: "zoe" })])).toMatchObject([{ outcome: "added" }]);
  expect((await to.getFeedback("next"))?.sequence).toBe(2);
  await from.close();
  await to.close();
});

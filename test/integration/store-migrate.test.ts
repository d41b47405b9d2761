import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  type MovableStore,
  migrateStore,
  openSqliteStore,
  RECORD_KINDS,
  type RecordKind,
  verifyAuditChain,
} from "../../src/store/index.ts";
import { fillStore } from "../conformance/store-content.ts";
import { anOpinion } from "../conformance/store-documents.ts";

const folder = mkdtempSync(join(tmpdir(), "requeen-migrate-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const aStore = (): Promise<MovableStore> => openSqliteStore(join(folder, `${files++}.db`), { now: Date.now });
const failsWith = (code: string) => expect.objectContaining({ code });

async function everything(store: MovableStore): Promise<Record<string, unknown[]>> {
  const all: [string, unknown[]][] = [];
  for (const kind of RECORD_KINDS) all.push([kind, (await store.exportRecords(kind, null, 100_000)).records]);
  return Object.fromEntries(all);
}

test("everything arrives as it was, and the new store goes on where the old one stood", async () => {
  const [from, to] = [await aStore(), await aStore()];
  await fillStore(from, 2_100);
  const report = await migrateStore(from, to);
  expect(await everything(to)).toEqual(await everything(from));
  for (const kind of RECORD_KINDS.filter((name) => name !== "verdicts")) expect(report[kind].records).toBeGreaterThan(0);
  expect(report.feedback).toMatchObject({ records: 2_100 + 525 + 525, written: 2_100 + 525 + 525 });
  expect((await verifyAuditChain((await to.listAudit({}, { limit: 100 })).items)).intact).toBe(true);

  const counting = { afterSequence: 100, gateTiers: ["blind"] as const, featureSchema: "mail/1" };
  expect(await to.countLabels("business", counting)).toEqual(await from.countLabels("business", counting));
  const next = async (store: MovableStore) => {
    const [entry] = await store.appendAudit([{ at: 0, actor: "a", action: "x", subject: "s", details: {} }]);
    return { hash: entry.hash, fence: (await store.acquireLease("planner", "you", 1, 0))?.fence };
  };
  expect(await next(to)).toEqual(await next(from));
  await from.close();
  await to.close();
});

test("a move that is cut off anywhere goes on and ends with everything", async () => {
  const from = await aStore();
  await fillStore(from, 1_200);
  const pages = 20; // more than a whole move has
  for (let cut = 1; cut < pages; cut += 3) {
    const to = await aStore();
    let calls = 0;
    const breaking: MovableStore = {
      ...to,
      importRecords: (kind, records) => {
        calls += 1;
        return calls === cut ? Promise.reject(new Error("the power is gone")) : to.importRecords(kind, records);
      },
    };
    const first = await migrateStore(from, breaking).then(
      () => "whole",
      (error: Error) => error.message,
    );
    expect(["whole", "the power is gone"]).toContain(first);
    await migrateStore(from, to);
    expect(await everything(to)).toEqual(await everything(from));
    await to.close();
  }
  await from.close();
});

test("run again, it writes nothing but what has come since", async () => {
  const [from, to] = [await aStore(), await aStore()];
  await fillStore(from, 50);
  await migrateStore(from, to);
  await from.addOpinions([anOpinion("later")]);
  const report = await migrateStore(from, to);
  expect(RECORD_KINDS.map((kind) => report[kind].written)).toEqual([1, ...RECORD_KINDS.slice(1).map(() => 0)]);
  await from.close();
  await to.close();
});

test("a target that holds something else is refused and stays as it was; so does one that is only looked at", async () => {
  const [from, to] = [await aStore(), await aStore()];
  await fillStore(from, 20);
  const dry = await migrateStore(from, to, { dryRun: true });
  expect(dry.opinions).toMatchObject({ records: 20, written: 0 });
  expect((await everything(to)).opinions).toEqual([]);
  await to.addOpinions([anOpinion("mine")]);
  const before = await everything(to);
  await expect(migrateStore(from, to)).rejects.toEqual(failsWith("conflict"));
  expect(await everything(to)).toEqual(before);
  await from.close();
  await to.close();
});

test("a record that differs in the target is digest_mismatch", async () => {
  const [from, to] = [await aStore(), await aStore()];
  await fillStore(from, 20);
  const altered: MovableStore = {
    ...to,
    importRecords: (kind, records) => to.importRecords(kind, kind === "datasets" ? records.slice(1) : records),
  };
  const kinds: RecordKind[] = [];
  await expect(migrateStore(from, altered, { onProgress: (kind) => void kinds.push(kind) })).rejects.toMatchObject({
    code: "digest_mismatch",
    details: { kind: "datasets" },
  });
  expect(kinds).toEqual(RECORD_KINDS);
  await from.close();
  await to.close();
});

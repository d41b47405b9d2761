import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Feedback } from "../../src/core/feedback.ts";
import type { Opinion } from "../../src/core/opinion.ts";
import { type DocumentOutcome, importFeedback, importOpinions } from "../../src/loop/import-documents.ts";
import { openSqliteStore } from "../../src/store/index.ts";
import { aFeedback, anOpinion } from "../conformance/store-documents.ts";
import { openToyHouse } from "./support/open-house.ts";

const NOW = Date.parse("2026-04-01T12:00:00.000Z");
const folder = mkdtempSync(join(tmpdir(), "requeen-bulk-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const failsWith = (code: string) => expect.objectContaining({ code });

/** A batch and a part of one, with everything in them that is not plainly new. */
const COUNT = 2_600;
const BATCH_ROWS = 2_000;
const opinionAt = (index: number): Opinion =>
  anOpinion(`o-${index}`, {
    specialist_type: "toy",
    state: index % 50 === 0 ? "generated" : "external",
    features: index % 90 === 0 ? null : { schema: "mail/1", values: [index, null, -2.5] },
    opinion: { ...anOpinion("any").opinion, recommendation: "yes" },
  });

async function* opinions(): AsyncGenerator<unknown> {
  for (let index = 0; index < COUNT; index += 1) {
    const opinion = opinionAt(index % 1_300 === 1_299 ? index - 17 : index); // sent twice
    yield index % 1_300 === 7
      ? "no document"
      : JSON.parse(JSON.stringify({ ...opinion, evaluated_at: new Date(NOW).toISOString() }));
  }
}

async function* feedback(): AsyncGenerator<unknown> {
  for (let index = 0; index < COUNT; index += 1) {
    const place = index % 500 === 499 ? index - 250 : index; // the same person judges again
    yield {
      feedback_id: index % 800 === 799 ? `f-${index - 3}` : `f-${index}`, // an id that is another judgement's
      schema_version: "2.0.0",
      opinion_id: index % 700 === 5 ? `unknown-${index}` : `o-${place}`,
      specialist_type: "toy",
      human_recommendation: index % 2 === 0 ? "yes" : "no",
      human_rating: place === index ? 0.5 : 0.9,
      submitted_by: `person-${place % 7}`,
      submitted_at: new Date(NOW - COUNT * 1_000 + (index % 2_000 === 999 ? 0 : index * 1_000)).toISOString(),
    };
  }
}

async function imported(name: string, bulkRows?: number) {
  mkdirSync(join(folder, name));
  const { house, close } = await openToyHouse(join(folder, name), () => NOW);
  const told: DocumentOutcome[] = [];
  const bulk = bulkRows === undefined ? {} : { bulkRows };
  const options = {
    source: "a test",
    ...bulk,
    onOutcomes: (outcomes: readonly DocumentOutcome[]) => void told.push(...outcomes),
  };
  const reports = [
    await importOpinions(house, opinions(), options),
    await importFeedback(house, feedback(), { ...options, channel: "import", vouchedBy: null }),
  ];
  const again = [
    await importOpinions(house, opinions(), { source: "again", ...bulk }),
    await importFeedback(house, feedback(), { source: "again", ...bulk, channel: "import", vouchedBy: null }),
  ];
  const stored: unknown[] = [];
  for (let cursor: string | undefined; ; ) {
    const { items, next } = await house.store.listFeedback({}, { limit: 1_000, cursor });
    stored.push(...items);
    if (next === null) break;
    cursor = next;
  }
  const waiting = await house.store.countWaiting("toy");
  const some = await house.store.getOpinions(Array.from({ length: 200 }, (_, index) => `o-${index * 13}`));
  await close();
  return { reports, again, told, stored, waiting, some };
}

test("an import that a thread writes gives the same answers and the same store as one that writes between the reading", async () => {
  const [byThread, plain] = [await imported("by-thread", BATCH_ROWS), await imported("plain")];
  expect(byThread.reports).toEqual(plain.reports);
  expect(byThread.again).toEqual(plain.again);
  expect(byThread.told).toEqual(plain.told);
  expect(byThread.waiting).toBe(plain.waiting);
  expect(byThread.some).toEqual(plain.some);
  // the numbers of the few judgements that were not plainly new come after the others of their batch
  const withoutSequence = (stored: readonly unknown[]): unknown[] =>
    (stored as (Feedback & { sequence: number })[])
      .map(({ sequence: _, ...rest }) => rest)
      .sort((a, b) => (a.feedback_id < b.feedback_id ? -1 : 1));
  expect(withoutSequence(byThread.stored)).toEqual(withoutSequence(plain.stored));
  const [opinionReport, feedbackReport] = byThread.reports;
  expect(opinionReport).toMatchObject({ read: COUNT, same: 2, quarantined: 2 });
  expect(feedbackReport?.superseded).toBeGreaterThan(0);
  expect(feedbackReport?.quarantined).toBeGreaterThan(0);
});

const someOpinions = (batch: number, size: number): Opinion[] =>
  Array.from({ length: size }, (_, index) => anOpinion(`b${batch}-${index}`));

test("a disk that becomes full under the thread is disk_full; no batch is there in part", async () => {
  const store = await openSqliteStore(join(folder, "limited.db"), { now: Date.now, maxSizeBytes: 3_000_000 });
  await using writer = store.openBulkWriter();
  let batch = 0;
  const fill = async (): Promise<void> => {
    for (; batch < 100; batch += 1) await writer.addOpinions(someOpinions(batch, 2_000));
  };
  await expect(fill()).rejects.toEqual(failsWith("disk_full"));
  expect(batch).toBeGreaterThan(0);
  expect(await store.countOpinions({})).toBe(batch * 2_000);
  expect(await store.addFeedback([aFeedback("f", "nowhere")])).toMatchObject([{ outcome: "opinion_not_found" }]);
});

test("what others write meanwhile gets in, and is stored", async () => {
  const path = join(folder, "together.db");
  const [importing, serving] = [
    await openSqliteStore(path, { now: Date.now }),
    await openSqliteStore(path, { now: Date.now, busyTimeoutMs: 60_000 }),
  ];
  await serving.addOpinions([anOpinion("served")]);
  const writer = importing.openBulkWriter();
  const asked = Array.from({ length: 8 }, (_, batch) => writer.addOpinions(someOpinions(batch, 2_000)));
  let order = "";
  for (const writing of asked) void writing.then(() => (order += "i"));
  for (let index = 0; index < 5; index += 1) {
    expect(await serving.addFeedback([aFeedback(`f${index}`, "served", { reviewer: `r${index}` })])).toMatchObject([
      { outcome: "added" },
    ]);
    order += "s";
  }
  await Promise.all(asked);
  await writer[Symbol.asyncDispose]();
  expect(order.indexOf("s")).toBeLessThan(order.lastIndexOf("i"));
  expect(await serving.countOpinions({})).toBe(8 * 2_000 + 1);
  await Promise.all([importing.close(), serving.close()]);
});

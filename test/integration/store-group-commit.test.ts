import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { openSqliteStore, type Store } from "../../src/store/index.ts";
import { SqliteConnection } from "../../src/store/sqlite/connection.ts";
import { aFeedback, anOpinion } from "../conformance/store-documents.ts";

const folder = mkdtempSync(join(tmpdir(), "requeen-group-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const fileNamed = (name: string): string => join(folder, name);
const OPINIONS = 20;

async function aStore(
  name: string,
  options: { waitingRows?: number; maxSizeBytes?: number; busyTimeoutMs?: number } = {},
): Promise<Store> {
  const store = await openSqliteStore(fileNamed(name), { now: () => 1_000, ...options });
  await store.addOpinions(Array.from({ length: OPINIONS }, (_, index) => anOpinion(`o${index}`)));
  return store;
}

/** Posts one judgement of each opinion, all in one turn. @returns code of the error, or the outcome, of each */
async function postAll(store: Store, notesOf: (index: number) => string = () => ""): Promise<string[]> {
  const posts = Array.from({ length: OPINIONS }, (_, index) =>
    store.addFeedback([aFeedback(`f${index}`, `o${index}`, { feedback_notes: notesOf(index) })]),
  );
  return (await Promise.allSettled(posts)).map((post) =>
    post.status === "fulfilled" ? post.value[0].outcome : post.reason.code,
  );
}

test("calls of one turn share one transaction, those of the next turn have another", async () => {
  let transactions = 0;
  class Counted extends SqliteConnection {
    override transactionAtOnce<T>(work: () => T): T {
      transactions += 1;
      return super.transactionAtOnce(work);
    }
  }
  const connection = new Counted(new DatabaseSync(":memory:"), ":memory:");
  connection.database.exec("CREATE TABLE numbers (n INTEGER)");
  const insert = (n: number): Promise<number> =>
    connection.writeTogether(1, () => connection.run("INSERT INTO numbers VALUES (?)", n));
  await Promise.all([1, 2, 3].map(insert));
  expect(transactions).toBe(1);
  await insert(4);
  expect(transactions).toBe(2);
  connection.close();
});

test("a call that fails leaves its neighbours stored, and nothing of itself", async () => {
  const connection = new SqliteConnection(new DatabaseSync(":memory:"), ":memory:");
  connection.database.exec("CREATE TABLE numbers (n INTEGER UNIQUE)");
  const insert = (...numbers: number[]): Promise<void> =>
    connection.writeTogether(numbers.length, () => {
      for (const n of numbers) connection.run("INSERT INTO numbers VALUES (?)", n);
    });
  const answers = await Promise.allSettled([insert(1), insert(2, 3, 1), insert(4)]);
  expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(connection.all("SELECT n FROM numbers ORDER BY n").map(({ n }) => n)).toEqual([1, 4]);
  connection.close();
});

test("a call that the disk has no room for is disk_full, and the others of its turn are stored", async () => {
  const store = await aStore("full.db", { maxSizeBytes: 400_000 });
  const answers = await postAll(store, (index) => (index === 7 ? "x".repeat(1_000_000) : ""));
  expect(answers).toEqual(Array.from({ length: OPINIONS }, (_, index) => (index === 7 ? "disk_full" : "added")));
  const { items } = await store.listFeedback({}, { limit: 100 });
  expect(items.map(({ feedback_id }) => feedback_id).toSorted()).toEqual(
    Array.from({ length: OPINIONS }, (_, index) => `f${index}`)
      .filter((id) => id !== "f7")
      .toSorted(),
  );
  expect(items.map(({ sequence }) => sequence)).toEqual(items.map((_, index) => items.length - index));
  await store.close();
});

test("more than may wait is refused as overloaded, and what was accepted is stored", async () => {
  const store = await aStore("small.db", { waitingRows: 5 });
  const answers = await postAll(store);
  expect(answers).toEqual(Array.from({ length: OPINIONS }, (_, index) => (index < 5 ? "added" : "overloaded")));
  expect((await store.listFeedback({}, { limit: 100 })).items).toHaveLength(5);
  expect(await postAll(store)).toEqual([...Array(5).fill("same"), ...Array(OPINIONS - 5).fill("overloaded")]);
  // one call alone is taken however large it is
  const batch = Array.from({ length: OPINIONS }, (_, index) => aFeedback(`b${index}`, `o${index}`, { reviewer: "bob" }));
  expect(await store.addFeedback(batch)).toHaveLength(OPINIONS);
  await store.close();
});

test("while another process holds the lock the event loop turns, and the calls are stored when it is free", async () => {
  const store = await aStore("locked.db");
  const other = new DatabaseSync(fileNamed("locked.db"));
  other.exec("BEGIN IMMEDIATE");
  let stored = false;
  const posts = postAll(store).then((answers) => {
    stored = true;
    return answers;
  });
  await pause(60); // would not return before the lock's timeout of 5 s if the wait stood in the way of the event loop
  expect(stored).toBe(false);
  other.exec("COMMIT");
  other.close();
  expect(new Set(await posts)).toEqual(new Set(["added"]));
  await store.close();
});

test("a lock that stays is store_unavailable for all that wait, and the next call is stored when it is gone", async () => {
  const store = await aStore("stuck.db", { busyTimeoutMs: 30 });
  const other = new DatabaseSync(fileNamed("stuck.db"));
  other.exec("BEGIN IMMEDIATE");
  expect(new Set(await postAll(store))).toEqual(new Set(["store_unavailable"]));
  other.exec("COMMIT");
  other.close();
  expect(new Set(await postAll(store))).toEqual(new Set(["added"]));
  await store.close();
});

test("closing writes what was accepted before", async () => {
  const store = await aStore("closing.db");
  const posts = postAll(store);
  await store.close();
  expect(new Set(await posts)).toEqual(new Set(["added"]));
  const again = await openSqliteStore(fileNamed("closing.db"), { now: () => 2_000 });
  expect((await again.listFeedback({}, { limit: 100 })).items).toHaveLength(OPINIONS);
  await again.close();
});

test("a write in order is committed, and the connection waits for the disk again afterwards, also when the work throws", () => {
  const connection = new SqliteConnection(new DatabaseSync(":memory:"), ":memory:");
  connection.database.exec("PRAGMA synchronous = FULL; CREATE TABLE numbers (n INTEGER UNIQUE)");
  const synchronous = () => connection.get("PRAGMA synchronous")?.synchronous;
  const seen = connection.writeInOrder(() => {
    connection.run("INSERT INTO numbers VALUES (1)");
    return synchronous();
  });
  expect(seen).toBe(1);
  expect(synchronous()).toBe(2);
  expect(connection.database.isTransaction).toBe(false);
  expect(() => connection.writeInOrder(() => connection.run("INSERT INTO numbers VALUES (1)"))).toThrow();
  expect(synchronous()).toBe(2);
  expect(connection.all("SELECT n FROM numbers").length).toBe(1);
  connection.close();
});

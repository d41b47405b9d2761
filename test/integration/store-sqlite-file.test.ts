import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, test } from "vitest";
import { openSqliteStore } from "../../src/store/index.ts";
import { APPLICATION_ID, SCHEMA_VERSION } from "../../src/store/sqlite/migrations.ts";
import { aFeedback, anOpinion } from "../conformance/store-documents.ts";

const folder = mkdtempSync(join(tmpdir(), "requeen-file-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const now = Date.now;
const fileNamed = (name: string): string => join(folder, name);
const failsWith = (code: string) => expect.objectContaining({ code });

async function aStoreFile(name: string, opinions: number): Promise<string> {
  const path = fileNamed(name);
  const store = await openSqliteStore(path, { now });
  await store.addOpinions(Array.from({ length: opinions }, (_, index) => anOpinion(`o${index}`)));
  await store.close();
  return path;
}

test("counts are remembered only until something is written, by this process or another", async () => {
  const path = await aStoreFile("counted.db", 3);
  const [one, other] = [await openSqliteStore(path, { now }), await openSqliteStore(path, { now })];
  const { specialist_type, features } = anOpinion("o0");
  const options = { afterSequence: 0, gateTiers: ["blind", "informed"] as const, featureSchema: features?.schema ?? "" };
  const human = async () => (await one.countLabels(specialist_type, options)).human;
  expect([await human(), await human()]).toEqual([0, 0]);
  await one.addFeedback([aFeedback("f0", "o0")]);
  expect([await human(), await human()]).toEqual([1, 1]);
  await other.addFeedback([aFeedback("f1", "o1")]);
  expect([await human(), await human()]).toEqual([2, 2]);
  await other.retractFeedback("f0", now());
  expect(await human()).toBe(1);
  await Promise.all([one.close(), other.close()]);
});

describe("a file that is not today's store", () => {
  test("a file of another program is store_corrupt and stays as it was", async () => {
    const path = fileNamed("other.db");
    const other = new DatabaseSync(path);
    other.exec("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
    other.close();
    const before = readFileSync(path);
    await expect(openSqliteStore(path, { now })).rejects.toEqual(failsWith("store_corrupt"));
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("a text file is store_corrupt and stays as it was", async () => {
    const path = fileNamed("notes.txt");
    writeFileSync(path, "these are notes, not a database\n".repeat(100));
    const before = readFileSync(path);
    await expect(openSqliteStore(path, { now })).rejects.toEqual(failsWith("store_corrupt"));
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("a store of a newer Requeen is store_too_new and stays as it was", async () => {
    const path = await aStoreFile("newer.db", 1);
    const raw = new DatabaseSync(path);
    raw.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    raw.close();
    const before = readFileSync(path);
    await expect(openSqliteStore(path, { now })).rejects.toEqual(failsWith("store_too_new"));
    await expect(openSqliteStore(path, { now, readOnly: true })).rejects.toEqual(failsWith("store_too_new"));
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("a truncated store is store_corrupt", async () => {
    const path = await aStoreFile("short.db", 2_000);
    truncateSync(path, Math.floor(statSync(path).size / 2));
    await expect(openSqliteStore(path, { now })).rejects.toEqual(failsWith("store_corrupt"));
  });

  test("a damaged page is store_corrupt when it is read", async () => {
    const path = await aStoreFile("holes.db", 2_000);
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 60 * 4096); // the schema and the roots of the tables stay readable
    writeFileSync(path, bytes);
    const store = await openSqliteStore(path, { now });
    await expect(store.listOpinions({}, { limit: 1_000 })).rejects.toEqual(failsWith("store_corrupt"));
    await store.close();
  });

  test("an empty file becomes a store", async () => {
    const path = fileNamed("empty.db");
    writeFileSync(path, "");
    const store = await openSqliteStore(path, { now });
    await store.close();
    const raw = new DatabaseSync(path);
    expect(raw.prepare("PRAGMA application_id").get()).toEqual({ application_id: APPLICATION_ID });
    expect(raw.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    raw.close();
  });
});

describe("a file that cannot be written", () => {
  test("opened for reading: reads answer, writes are store_read_only", async () => {
    const path = await aStoreFile("reading.db", 3);
    const store = await openSqliteStore(path, { now, readOnly: true });
    expect((await store.listOpinions({}, { limit: 10 })).items).toHaveLength(3);
    await expect(store.addOpinions([anOpinion("new")])).rejects.toEqual(failsWith("store_read_only"));
    await expect(store.ping()).rejects.toEqual(failsWith("store_read_only"));
    await store.close();
    await expect(openSqliteStore(fileNamed("absent.db"), { now, readOnly: true })).rejects.toEqual(
      failsWith("store_unavailable"),
    );
  });

  // root may write everything, so a process of an ordinary user tries
  const isRoot = process.getuid?.() === 0;
  test.skipIf(process.platform === "win32")("a file and a folder that belong to others are store_read_only", async () => {
    const path = await aStoreFile("theirs.db", 1);
    chmodSync(path, 0o444);
    chmodSync(folder, 0o555);
    try {
      expect(openedByOrdinaryUser(path, isRoot)).toBe("store_read_only");
      expect(openedByOrdinaryUser(join(folder, "below", "new.db"), isRoot)).toBe("store_read_only");
    } finally {
      chmodSync(folder, 0o755);
    }
  });

  test("a locked file is store_unavailable, and answers again when the lock is gone", async () => {
    const path = await aStoreFile("locked.db", 1);
    const store = await openSqliteStore(path, { now, busyTimeoutMs: 20 });
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    await expect(store.addOpinions([anOpinion("waits")])).rejects.toEqual(failsWith("store_unavailable"));
    expect(await store.getOpinion("o0")).not.toBeNull();
    other.exec("COMMIT");
    other.close();
    expect(await store.addOpinions([anOpinion("waits")])).toEqual(["added"]);
    await store.close();
    await expect(store.getOpinion("o0")).rejects.toEqual(failsWith("store_unavailable"));
  });
});

describe("a full disk", () => {
  test("disk_full at the size limit: the batch is not stored in part, and the rest stays readable", async () => {
    const path = fileNamed("limited.db");
    const store = await openSqliteStore(path, { now, maxSizeBytes: 400_000 });
    const stored = await fillUntilFull(store, 40);
    expect(stored).toBeGreaterThan(0);
    await store.close();
    const wider = await openSqliteStore(path, { now });
    expect(await wider.addOpinions([anOpinion("after")])).toEqual(["added"]);
    await wider.close();
  });

  const mounted = mountSmallDisk(fileNamed("disk"));
  afterAll(() => {
    if (mounted) execFileSync("umount", [fileNamed("disk")]);
  });
  test.skipIf(!mounted)("disk_full on a real file system of 1 MiB (needs the right to mount one)", async () => {
    const path = join(fileNamed("disk"), "requeen.db");
    const store = await openSqliteStore(path, { now });
    const stored = await fillUntilFull(store, 40);
    expect(stored).toBeGreaterThan(0);
    await store.close();
  });
});

/** Adds batches until the store refuses one, and checks that exactly the acknowledged ones are there. Gives their number of opinions. */
async function fillUntilFull(store: Awaited<ReturnType<typeof openSqliteStore>>, batchSize: number): Promise<number> {
  for (let batch = 0; batch < 10_000; batch += 1) {
    const ids = Array.from({ length: batchSize }, (_, index) => `b${batch}-${index}`);
    try {
      await store.addOpinions(ids.map((id) => anOpinion(id)));
      await store.addFeedback([aFeedback(`f${batch}`, `b${batch}-0`)]);
    } catch (error) {
      expect(error).toEqual(failsWith("disk_full"));
      const present = (await store.getOpinions(ids)).filter((opinion) => opinion !== null).length;
      expect([0, batchSize]).toContain(present);
      expect(await store.getOpinion(`b${batch - 1}-0`)).not.toBeNull();
      return batch * batchSize;
    }
  }
  throw new Error("the disk never became full");
}

function mountSmallDisk(path: string): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  execFileSync("mkdir", ["-p", path]);
  return spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", path]).status === 0;
}

/** The code of the error with which an ordinary user fails to open a store, or "opened". */
function openedByOrdinaryUser(path: string, isRoot: boolean): string {
  const source = fileNamed("../requeen-try-open.mjs");
  const copied = join(tmpdir(), `requeen-node-${process.pid}`);
  const store = new URL("../../src/store/sqlite/open.ts", import.meta.url).href;
  writeFileSync(
    source,
    `const { openSqliteStore } = await import(${JSON.stringify(store)});
     try { await (await openSqliteStore(process.argv[2], { now: Date.now })).addOpinions([]); console.log("opened"); }
     catch (error) { console.log(error.code ?? String(error)); }`,
  );
  copyFileSync(process.execPath, copied); // the binary of this process may lie where others may not look
  chmodSync(copied, 0o755);
  chownSync(source, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
  const user = isRoot ? { uid: 65_534, gid: 65_534 } : {};
  const result = spawnSync(copied, [source, path], { encoding: "utf8", ...user });
  rmSync(copied, { force: true });
  rmSync(source, { force: true });
  return result.stdout.trim() || result.stderr;
}

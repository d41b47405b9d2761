import { spawn } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BackupOptions, createBackup } from "../../src/loop/backup/create-backup.ts";
import { listBackups, pruneBackups } from "../../src/loop/backup/list-backups.ts";
import { restoreBackup } from "../../src/loop/backup/restore-backup.ts";
import { verifyBackup } from "../../src/loop/backup/verify-backup.ts";
import { recompute } from "../../src/loop/decide-step.ts";
import { retrain } from "../../src/loop/retrain.ts";
import { migrateStore, openSqliteStore, RECORD_KINDS } from "../../src/store/index.ts";
import { addToyLabels, openToyHouse } from "./support/open-house.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 5);
const root = mkdtempSync(join(tmpdir(), "requeen-backup-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const now = (): number => START_MS + 30 * DAY_MS;
let made = 0;
const nextId = (): string => {
  made += 1;
  return String(made);
};
const folderOf = (name: string): string => join(root, `${name}-${nextId()}`);

const optionsOf = (dataDir: string, into: string): BackupOptions => ({
  source: { dataDir, mongo: null, hasEmbeddedRegistry: true },
  into,
  version: "0.1.0",
  now,
  newId: nextId,
});

const lived = join(root, "lived-in");
/** A data folder with a run behind it: champion, dataset, verdict, model files. */
beforeAll(async () => {
  mkdirSync(lived);
  const clock = { nowMs: START_MS };
  const opened = await openToyHouse(lived, () => clock.nowMs);
  await addToyLabels(opened.house, { from: 0, count: 120, noise: 0.05, startMs: clock.nowMs });
  clock.nowMs += DAY_MS;
  const run = await retrain(opened.house, { specialist: "toy", by: "test", reason: "evidence" });
  expect(run.state).toBe("finished");
  await opened.close();
});

function livedInFolder(): string {
  const dataDir = folderOf("data");
  cpSync(lived, dataDir, { recursive: true });
  return dataDir;
}

/** Every record of a store by kind: what two equal stores have in common. */
async function digestsOf(path: string): Promise<unknown> {
  const [store, same] = [await openSqliteStore(path, { now, readOnly: true }), await openSqliteStore(":memory:", { now })];
  const report = await migrateStore(store, same, { dryRun: true });
  await Promise.all([store.close(), same.close()]);
  return report;
}

test("a backup made while another process writes holds all that was acknowledged before it, and verifies", async () => {
  const dataDir = livedInFolder();
  const writer = spawn(process.execPath, [join(import.meta.dirname, "store-kill-writer.ts"), join(dataDir, "requeen.db"), "w"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const acknowledged: string[] = [];
  const lines = createInterface({ input: writer.stdout });
  lines.on("line", (id) => acknowledged.push(id));
  while (acknowledged.length < 50) await new Promise((resolve) => lines.once("line", resolve));
  const before = [...acknowledged];
  const { folder, manifest } = await createBackup(optionsOf(dataDir, folderOf("backups")));
  const during = acknowledged.length;
  await new Promise((resolve) => lines.once("line", resolve)); // it still writes
  writer.kill("SIGKILL");
  await new Promise((resolve) => writer.once("close", resolve));

  expect((await verifyBackup(folder, now)).problems).toEqual([]);
  const target = folderOf("restored");
  await restoreBackup(folder, { dataDir: target, mongo: null }, now);
  const restored = await openSqliteStore(join(target, "requeen.db"), { now });
  for (const id of before) expect(await restored.getFeedback(id)).not.toBeNull();
  await restored.close();
  expect(manifest.records.feedback).toBeGreaterThanOrEqual(120 + before.length);
  expect(manifest.records.feedback).toBeLessThanOrEqual(120 + during + 7);
});

test("what is restored is what was saved: records, registry and files; a verdict of it recomputes byte for byte", async () => {
  const dataDir = livedInFolder();
  const { folder } = await createBackup(optionsOf(dataDir, folderOf("backups")));
  const target = folderOf("restored");
  await restoreBackup(folder, { dataDir: target, mongo: null }, now);
  expect(await digestsOf(join(target, "requeen.db"))).toEqual(await digestsOf(join(dataDir, "requeen.db")));
  const files = (from: string) =>
    ["blobs", "artifacts"].flatMap((name) =>
      readdirSync(join(from, name), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => [
          join(entry.parentPath, entry.name).slice(from.length),
          readFileSync(join(entry.parentPath, entry.name), "base64"),
        ]),
    );
  expect(files(target)).toEqual(files(dataDir));
  const opened = await openToyHouse(target, now);
  const { items } = await opened.house.store.listVerdicts({}, { limit: 5 });
  expect(items.length).toBeGreaterThan(0);
  for (const record of items) expect((await recompute(opened.house, record.verdict_id)).same).toBe(true);
  const champion = await opened.house.registry.getModelVersionByAlias("toy-evaluator", "champion");
  expect(champion?.version).toBe("1");
  await opened.close();
});

test("one flipped byte, a missing file and a file too many are found, in every part of a backup", async () => {
  const dataDir = livedInFolder();
  const { folder, manifest } = await createBackup(optionsOf(dataDir, folderOf("backups")));
  const parts = new Set(manifest.files.map(({ path }) => path.split("/", 1)[0]));
  expect(parts).toEqual(new Set(["requeen.db", "registry.db", "blobs", "artifacts"]));
  for (const { path } of manifest.files) {
    const place = join(folder, path);
    const bytes = readFileSync(place);
    const flipped = Buffer.from(bytes);
    const at = Math.floor(bytes.length / 2);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    writeFileSync(place, flipped);
    expect((await verifyBackup(folder, now)).problems).toEqual([expect.stringContaining(`${path} has the SHA-256`)]);
    writeFileSync(place, bytes);
  }
  const [first] = manifest.files;
  if (first === undefined) throw new Error("an empty backup");
  rmSync(join(folder, first.path));
  writeFileSync(join(folder, "extra"), "");
  expect((await verifyBackup(folder, now)).problems.join("\n")).toMatch(/extra is not in the manifest[\s\S]* is missing/);
  await expect(restoreBackup(folder, { dataDir: folderOf("restored"), mongo: null }, now)).rejects.toThrow(/digest_mismatch/);
});

test("a restore that was cut off goes on; a folder that is in use, or half restored from another backup, is refused", async () => {
  const dataDir = livedInFolder();
  const into = folderOf("backups");
  const { folder, manifest } = await createBackup(optionsOf(dataDir, into));
  const other = await createBackup(optionsOf(dataDir, into));
  await expect(restoreBackup(folder, { dataDir, mongo: null }, now)).rejects.toThrow(/must be an empty data folder/);

  const target = folderOf("restored");
  const last = manifest.files.at(-1)?.path ?? "";
  const hidden = join(root, "hidden");
  copyFileSync(join(folder, last), hidden);
  rmSync(join(folder, last));
  await expect(restoreBackup(folder, { dataDir: target, mongo: null }, now)).rejects.toThrow(/is missing/);
  expect(existsSync(join(target, manifest.files[0]?.path ?? ""))).toBe(true);
  await expect(restoreBackup(other.folder, { dataDir: target, mongo: null }, now)).rejects.toThrow(/unfinished restore/);
  // what a crash left of a file is not taken for the file
  appendFileSync(join(target, manifest.files[0]?.path ?? ""), "x");
  copyFileSync(hidden, join(folder, last));
  await restoreBackup(folder, { dataDir: target, mongo: null }, now);
  expect(await digestsOf(join(target, "requeen.db"))).toEqual(await digestsOf(join(dataDir, "requeen.db")));
});

test("a backup that is stopped in the middle leaves nothing", async () => {
  const into = folderOf("backups");
  const stop = (what: string): void => {
    if (what.startsWith("artifacts")) throw new Error("stopped");
  };
  await expect(createBackup({ ...optionsOf(livedInFolder(), into), onProgress: stop })).rejects.toThrow("stopped");
  expect(readdirSync(into)).toEqual([]);
});

test("only whole backups are listed, and pruning keeps the newest", async () => {
  const dataDir = livedInFolder();
  const into = folderOf("backups");
  const names: string[] = [];
  for (let day = 0; day < 3; day += 1) {
    const { manifest } = await createBackup({ ...optionsOf(dataDir, into), now: () => now() + day * DAY_MS });
    names.unshift(manifest.backup_id);
  }
  mkdirSync(join(into, "requeen-cut-off"));
  for (const [name, hours] of [
    ["old", 25],
    ["new", 1],
  ] as const) {
    mkdirSync(join(into, `.unfinished-${name}`));
    const at = new Date(now() - hours * 3_600_000);
    utimesSync(join(into, `.unfinished-${name}`), at, at);
  }
  expect((await listBackups(into)).map(({ manifest }) => manifest.backup_id)).toEqual(names);
  expect((await pruneBackups(into, 2, { now: now(), dryRun: true })).map(({ manifest }) => manifest.backup_id)).toEqual(
    names.slice(2),
  );
  await pruneBackups(into, 2, { now: now(), dryRun: false });
  expect(readdirSync(into).filter((name) => name.startsWith("."))).toEqual([".unfinished-new"]);
  expect((await listBackups(into)).map(({ manifest }) => manifest.backup_id)).toEqual(names.slice(0, 2));
  expect(RECORD_KINDS.length).toBeGreaterThan(9);
});

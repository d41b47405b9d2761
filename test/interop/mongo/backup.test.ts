import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createBackup } from "../../../src/loop/backup/create-backup.ts";
import { restoreBackup } from "../../../src/loop/backup/restore-backup.ts";
import { verifyBackup } from "../../../src/loop/backup/verify-backup.ts";
import { type MovableStore, migrateStore, openMongoStore, openSqliteStore, RECORD_KINDS } from "../../../src/store/index.ts";
import { fillStore } from "../../conformance/store-content.ts";
import { aFeedback, anOpinion } from "../../conformance/store-documents.ts";
import { server } from "./server.ts";

const root = mkdtempSync(join(tmpdir(), "requeen-mongo-backup-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const mongo = (database = `backup_${randomUUID().slice(0, 8)}`): Promise<MovableStore> =>
  openMongoStore(server.uri, { database, now: Date.now });

const backupOf = (store: MovableStore) => {
  const dataDir = join(root, randomUUID());
  mkdirSync(dataDir);
  const source = { dataDir, mongo: store, hasEmbeddedRegistry: false };
  return createBackup({
    source,
    into: join(root, "backups"),
    version: "0.1.0",
    now: Date.now,
    newId: () => randomUUID().slice(0, 8),
  });
};
const digests = async (from: MovableStore, to: MovableStore) => {
  const report = await migrateStore(from, to, { dryRun: true });
  return RECORD_KINDS.map((kind) => [kind, report[kind].records, report[kind].digest]);
};

test(`a backup of a MongoDB (${server.name}) comes back into an empty MongoDB, and into a data folder, record for record`, async () => {
  const [store, other] = [await mongo(), await mongo()];
  await fillStore(store, 200);
  const { folder, manifest } = await backupOf(store);
  expect(manifest.store).toBe("mongodb");
  // fillStore makes records that name files which no blob store has: those are all that is wrong
  const { problems } = await verifyBackup(folder, Date.now);
  expect(problems.filter((problem) => !/of the verdict .* is missing$/.test(problem))).toEqual([]);
  await restoreBackup(folder, { dataDir: join(root, "empty-1"), mongo: other }, Date.now);
  await restoreBackup(folder, { dataDir: join(root, "empty-2"), mongo: null }, Date.now);
  const alone = await openSqliteStore(join(root, "empty-2", "requeen.db"), { now: Date.now });
  const wanted = await digests(store, other);
  expect(await digests(other, store)).toEqual(wanted);
  expect(await digests(alone, store)).toEqual(wanted);
  await expect(restoreBackup(folder, { dataDir: join(root, "empty-3"), mongo: store }, Date.now)).rejects.toThrow(
    /must be an empty store/,
  );
  for (const each of [store, other, alone]) await each.close();
});

test(`what was acknowledged before a backup began is in it, while others write (${server.name})`, async () => {
  const [store, writer] = [await mongo("backup_busy"), await mongo("backup_busy")];
  const write = async (id: string): Promise<void> => {
    await writer.addOpinions([anOpinion(`o-${id}`)]);
    await writer.addFeedback([aFeedback(`f-${id}`, `o-${id}`)]);
  };
  for (let index = 0; index < 30; index += 1) await write(`before-${index}`);
  let stop = false;
  const writing = (async () => {
    for (let index = 0; !stop; index += 1) await write(`during-${index}`);
  })();
  const { folder, manifest } = await backupOf(store);
  stop = true;
  await writing;
  expect((await verifyBackup(folder, Date.now)).problems).toEqual([]);
  const copy = await openSqliteStore(join(folder, "requeen.db"), { now: Date.now, readOnly: true });
  for (let index = 0; index < 30; index += 1) expect(await copy.getFeedback(`f-before-${index}`)).not.toBeNull();
  expect(manifest.records.feedback).toBeLessThanOrEqual(manifest.records.opinions);
  for (const each of [copy, store, writer]) await each.close();
});

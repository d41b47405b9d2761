import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "../../src/store/index.ts";
import { openBulkWriter } from "../../src/store/sqlite/bulk-writer.ts";
import { storeSuite } from "./store-suite.ts";

const folder = mkdtempSync(join(tmpdir(), "requeen-store-"));

storeSuite("sqlite file", () => openSqliteStore(join(folder, "deep", "requeen.db"), { now: Date.now }));
storeSuite("sqlite file, written by the thread of an import", async () => {
  const path = join(folder, "bulk", "requeen.db");
  const store = await openSqliteStore(path, { now: Date.now });
  const writer = openBulkWriter({ path, busyTimeoutMs: 5_000, maxSizeBytes: undefined }, store, Date.now, 1);
  return {
    ...store,
    addOpinions: writer.addOpinions,
    addFeedback: writer.addFeedback,
    async close() {
      await writer[Symbol.asyncDispose]();
      await store.close();
    },
  };
});
storeSuite("sqlite in memory", () => openSqliteStore(":memory:", { now: Date.now }));

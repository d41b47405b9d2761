import type { DatabaseSync } from "node:sqlite";

const PAGE_BYTES = 4096;
const CACHE_KIB = 64 * 1024;

/** How every connection of ours reads. */
export const setPragmas = (database: DatabaseSync): void =>
  database.exec(
    `PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON; PRAGMA cache_size = -${CACHE_KIB}; PRAGMA temp_store = MEMORY`,
  );

/**
 * How a connection that writes keeps its promises: what is committed is on the disk.
 * @param maxSizeBytes the file does not grow beyond it: disk_full then.
 */
export function setWriterPragmas(database: DatabaseSync, maxSizeBytes: number | undefined): void {
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 16000");
  if (maxSizeBytes !== undefined) database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxSizeBytes / PAGE_BYTES))}`);
}

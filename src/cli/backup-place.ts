import { readFileSync } from "node:fs";
import type { Config } from "../config/read-config.ts";
import type { BackupSource } from "../loop/backup/create-backup.ts";
import type { MovableStore } from "../store/movable.ts";

/** Runs `work` with what the configuration names: the data folder, and the team's MongoDB where there is one. */
export async function withBackupSource<T>(
  { dataDir, mongodbUri, mongodbDatabase, mlflowTrackingUri }: Config,
  now: () => number,
  work: (source: BackupSource) => Promise<T>,
): Promise<T> {
  let mongo: MovableStore | null = null;
  if (mongodbUri !== undefined) {
    const { openMongoStore } = await import("../store/mongo/open.ts");
    mongo = await openMongoStore(mongodbUri, { now, ...(mongodbDatabase === undefined ? {} : { database: mongodbDatabase }) });
  }
  try {
    return await work({ dataDir, mongo, hasEmbeddedRegistry: mlflowTrackingUri === undefined });
  } finally {
    await mongo?.close();
  }
}

/** The version of this program, as package.json says. */
export function packageVersion(): string {
  const file: { version: string } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return file.version;
}

import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { RequeenError } from "../core/errors.ts";
import type { BlobStore } from "./blobs.ts";
import { translateFileError } from "./file-errors.ts";

const SHA256 = /^[0-9a-f]{64}$/;

/**
 * Blobs as files `folder/ab/abcdef...`, read-only once there. Content and the folder entry are synced before a promise resolves.
 * Unfinished files stand in `folder/unfinished` and are never taken for blobs.
 * @throws RequeenError store_read_only, disk_full, store_unavailable
 */
export async function openFileBlobs(folder: string): Promise<BlobStore> {
  const unfinished = join(folder, "unfinished");
  const checked = new Set<string>();
  await guarded(folder, () => mkdir(unfinished, { recursive: true }));

  const pathOf = (sha256: string): string => {
    if (!SHA256.test(sha256))
      throw new RequeenError("bad_parameter", `sha256 of a blob must be 64 lower-case hex digits; got ${sha256.slice(0, 80)}`);
    return join(folder, sha256.slice(0, 2), sha256);
  };

  /** Moves a synced file to its place; one that is there already is left alone. */
  const place = async (source: string, sha256: string): Promise<void> => {
    const target = pathOf(sha256);
    if (await exists(target)) return rm(source, { force: true });
    if ((await mkdir(dirname(target), { recursive: true })) !== undefined) await syncFolder(folder);
    await rename(source, target);
    await syncFolder(dirname(target));
  };

  const missing = (sha256: string): RequeenError =>
    new RequeenError("not_found", `no blob has the SHA-256 ${sha256}`, { sha256 });
  const mismatch = (sha256: string, got: string): RequeenError =>
    new RequeenError("digest_mismatch", `the blob ${sha256} now has the SHA-256 ${got}`, { sha256, got, path: pathOf(sha256) });

  return {
    async put(bytes) {
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      return guarded(folder, async () => {
        if (!(await exists(pathOf(sha256)))) {
          const source = join(unfinished, randomUUID());
          try {
            await writeSynced(source, bytes);
            await place(source, sha256);
          } catch (error) {
            await rm(source, { force: true });
            throw error;
          }
        }
        return { sha256, sizeBytes: bytes.byteLength };
      });
    },

    async adopt(path) {
      return guarded(folder, async () => {
        await syncFile(path);
        const sha256 = await hashFile(path);
        const { size } = await stat(path);
        await place(path, sha256);
        return { sha256, sizeBytes: size };
      });
    },

    async get(sha256) {
      const path = pathOf(sha256);
      return guarded(folder, async () => {
        if (!(await exists(path))) throw missing(sha256);
        const bytes = await readFile(path);
        const got = createHash("sha256").update(bytes).digest("hex");
        if (got !== sha256) throw mismatch(sha256, got);
        return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      });
    },

    async has(sha256) {
      return exists(pathOf(sha256));
    },

    async path(sha256) {
      const path = pathOf(sha256);
      return guarded(folder, async () => {
        if (!(await exists(path))) throw missing(sha256);
        if (checked.has(sha256)) return path;
        const got = await hashFile(path);
        if (got !== sha256) throw mismatch(sha256, got);
        checked.add(sha256);
        return path;
      });
    },

    async temporaryPath() {
      return join(unfinished, randomUUID());
    },
  };
}

async function guarded<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translateFileError(error, folder);
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, "wx", 0o644);
  await file.writeFile(bytes);
  await file.sync();
}

async function syncFile(path: string): Promise<void> {
  await using file = await open(path, "r+");
  await file.sync();
}

/** Makes a new or renamed entry of the folder survive a power cut. Windows has no such call and needs none. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  await using folder = await open(path, "r");
  await folder.sync();
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

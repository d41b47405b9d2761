import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { translateFileError } from "./file-errors.ts";

export interface BlobFile {
  /** Its name; null: a half-written file, which is none yet. */
  readonly sha256: string | null;
  readonly path: string;
  readonly sizeBytes: number;
  readonly changedAtMs: number;
}

const BLOB = /^[0-9a-f]{64}$/;

/** Every file of a folder of blobs (see openFileBlobs), the half-written ones too. */
export async function* listBlobFiles(folder: string): AsyncGenerator<BlobFile> {
  for (const part of await names(folder)) {
    for (const name of await names(join(folder, part))) {
      const path = join(folder, part, name);
      const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return null; // became a blob, or went, meanwhile
        throw error;
      });
      if (found === null || !found.isFile()) continue;
      const sha256 = part === "unfinished" ? null : BLOB.test(name) ? name : undefined;
      if (sha256 !== undefined) yield { sha256, path, sizeBytes: found.size, changedAtMs: found.mtimeMs };
    }
  }
}

/** @throws RequeenError store_read_only */
export async function removeFile(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw translateFileError(error, path);
  }
}

const names = (folder: string): Promise<string[]> =>
  readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
    throw error;
  });

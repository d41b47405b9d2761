import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { invalid, MlflowError } from "./protocol-error.ts";
import { isInside, realPath } from "./real-path.ts";

/** One entry of a folder. */
export interface ArtifactEntry {
  readonly name: string;
  readonly isFolder: boolean;
  /** Absent for folders. */
  readonly sizeBytes: number | undefined;
}

/** Bytes of a file, read when iterated; a reader that wants the file itself finds its path and range. */
export class FileBody implements AsyncIterable<Uint8Array> {
  readonly path: string;
  readonly start: number;
  /** Inclusive; start - 1 for nothing. */
  readonly end: number;

  constructor(path: string, start: number, end: number) {
    this.path = path;
    this.start = start;
    this.end = end;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    if (this.end < this.start) return;
    yield* createReadStream(this.path, { start: this.start, end: this.end, highWaterMark: 1024 * 1024 });
  }
}

const WRITE_BYTES = 1024 * 1024;

/** Unfinished uploads lie beside their target under a name that no listing shows. */
const DRAFT = ".requeen-upload-";

/** Files below one folder. Every path is relative with "/", checked by `checkArtifactPath`; links that lead out of the folder are refused. */
export interface ArtifactStore {
  /** @returns entries by name; nothing for a file, an empty folder or a missing path. */
  list(path: string): Promise<ArtifactEntry[]>;
  /** @throws MlflowError RESOURCE_DOES_NOT_EXIST for a missing path or a folder. */
  open(path: string): Promise<{ path: string; sizeBytes: number }>;
  /** Writes a file whole or not at all; an older one of that name is replaced. Memory does not depend on its size. */
  write(path: string, body: Uint8Array | AsyncIterable<Uint8Array> | undefined): Promise<void>;
  /** Removes a file or a tree; a missing path is no error. */
  remove(path: string): Promise<void>;
}

/** @param newId names unfinished uploads. */
export function openArtifactStore(root: string, newId: () => string): ArtifactStore {
  const place = (path: string): string => {
    const real = realPath(join(root, path));
    if (!isInside(realPath(root), real)) throw invalid("Invalid path: resolved path is outside the artifact directory");
    return real;
  };
  return {
    list: async (path) => listFolder(place(path), root),
    open: async (path) => {
      const real = place(path);
      const found = await statOrNothing(real);
      if (found?.isFile()) return { path: real, sizeBytes: found.size };
      const what = found?.isDirectory()
        ? "is a directory, not a file"
        : `\n##### File ${path} #####\nNo such artifact: '${path}'`;
      throw new MlflowError(
        "RESOURCE_DOES_NOT_EXIST",
        found?.isDirectory()
          ? `Artifact '${path}' ${what}`
          : `The following failures occurred while downloading one or more artifacts from mlflow-artifacts:/:${what}`,
      );
    },
    write: async (path, body) => {
      if (path === "" || path.includes("\\") || posix.basename(path).startsWith(DRAFT)) throw invalid("Invalid path");
      const target = place(path);
      const draft = join(dirname(target), DRAFT + newId());
      try {
        await mkdir(dirname(target), { recursive: true });
        await writeFile(draft, body);
        // A link that appeared meanwhile would lead elsewhere.
        await rename(draft, place(path));
      } catch (error) {
        // What went wrong with the upload is what the client is told, not that its draft was never there.
        await rm(draft, { force: true }).catch(() => undefined);
        throw uploadError(error, path);
      }
    },
    remove: async (path) => {
      if (path === "") throw invalid("Invalid path");
      await rm(place(path), { recursive: true, force: true }).catch((error: NodeJS.ErrnoException) => {
        // A name that no file system holds is a missing path, as below a file.
        if (error.code !== "ENAMETOOLONG" && error.code !== "ENOTDIR") throw error;
      });
    },
  };
}

/** @param folder a real path below `root`. */
async function listFolder(folder: string, root: string): Promise<ArtifactEntry[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (["ENOENT", "ENOTDIR", "ENAMETOOLONG"].includes(error.code ?? "")) return [];
    throw error;
  });
  const entries: ArtifactEntry[] = [];
  for (const entry of found.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const { name } = entry;
    if (name.startsWith(DRAFT)) continue;
    const path = join(folder, name);
    const about = await statOrNothing(path);
    // only a link leads elsewhere: the folder itself is a real path inside
    if (about === undefined || (entry.isSymbolicLink() && !isInside(realPath(root), await realpath(path)))) continue;
    entries.push({ name, isFolder: about.isDirectory(), sizeBytes: about.isDirectory() ? undefined : about.size });
  }
  return entries;
}

async function statOrNothing(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && ["ENOENT", "ENOTDIR", "ENAMETOOLONG"].includes(String(error.code)))
      return undefined;
    throw error;
  }
}

async function writeFile(path: string, body: Uint8Array | AsyncIterable<Uint8Array> | undefined): Promise<void> {
  const file = await open(path, "wx");
  try {
    if (body instanceof Uint8Array) await file.writeFile(body);
    else if (body !== undefined) await writeChunks(file, body);
  } finally {
    await file.close();
  }
}

/** Chunks of a socket are small (64 KiB): sixteen go to the disk at once, which takes a third of the processor time. */
async function writeChunks(file: FileHandle, body: AsyncIterable<Uint8Array>): Promise<void> {
  let waiting: Uint8Array[] = [];
  let sizeBytes = 0;
  const flush = async (): Promise<void> => {
    const chunks = waiting;
    const expected = sizeBytes;
    waiting = [];
    sizeBytes = 0;
    const { bytesWritten } = await file.writev(chunks);
    // A short write is rare (a full disk, a signal); the rest goes alone.
    if (bytesWritten < expected) await file.appendFile(Buffer.concat(chunks).subarray(bytesWritten));
  };
  for await (const chunk of body) {
    waiting.push(chunk);
    sizeBytes += chunk.byteLength;
    if (sizeBytes >= WRITE_BYTES) await flush();
  }
  if (sizeBytes > 0) await flush();
}

function uploadError(error: unknown, path: string): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOSPC" || code === "EDQUOT")
    return new MlflowError("TEMPORARILY_UNAVAILABLE", `The disk is full; '${path}' was not stored.`, 507);
  if (["EISDIR", "ENOTDIR", "EEXIST", "ENOTEMPTY"].includes(code))
    return invalid(`Invalid path: '${path}' is a directory or lies below a file`);
  if (code === "ENAMETOOLONG") return invalid(`Invalid path: a name in '${path}' is too long`);
  return error;
}

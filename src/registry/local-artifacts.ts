/** Artifacts in a folder of this machine, for servers whose artifact root is a path that both sides see (`file:` or a plain path). */
import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { RequeenError } from "../core/errors.ts";
import { joinArtifactPath } from "./artifact-path.ts";
import type { ArtifactStore } from "./artifact-store.ts";

/** @param root absolute path; made when the first artifact is put. */
export function createLocalArtifacts(root: string): ArtifactStore {
  return {
    async put(path, upload) {
      const target = join(root, ...path.split("/"));
      const folder = dirname(target);
      // a reader never meets half a file: written beside, synced, then renamed
      const beside = join(folder, `.${randomUUID()}.part`);
      try {
        await mkdir(folder, { recursive: true });
        await requireInside(root, folder, path);
        const content = upload.open();
        const source = content instanceof Uint8Array ? Readable.from([content], { objectMode: true }) : Readable.from(content);
        await pipeline(source, createWriteStream(beside, { flags: "wx" }));
        const file = await open(beside, "r+");
        await file.sync().finally(() => file.close());
        await rename(beside, target);
      } catch (error) {
        await rm(beside, { force: true });
        throw told(error, "written", target);
      }
    },

    async get(path) {
      const target = join(root, ...path.split("/"));
      try {
        await requireInside(root, target, path);
        if (!(await stat(target)).isFile())
          throw new RequeenError("not_found", `no artifact ${path} lies at ${root}: it is a folder`, { path });
        const file = createReadStream(target);
        // an error of opening is told here, not in the middle of the caller's loop
        await new Promise<void>((resolve, reject) => file.once("open", () => resolve()).once("error", reject));
        return file;
      } catch (error) {
        throw told(error, "read", target);
      }
    },

    async list(folder) {
      const target = folder === "" ? root : join(root, ...folder.split("/"));
      try {
        await requireInside(root, target, folder);
        const entries = await readdir(target, { withFileTypes: true });
        const kept = entries.filter((entry) => (entry.isFile() || entry.isDirectory()) && !/^\..*\.part$/.test(entry.name));
        return await Promise.all(
          kept.map(async (entry) => ({
            path: joinArtifactPath(folder, entry.name),
            isDirectory: entry.isDirectory(),
            sizeBytes: entry.isDirectory() ? null : (await stat(join(target, entry.name))).size,
          })),
        );
      } catch (error) {
        if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) return [];
        throw told(error, "listed", target);
      }
    },
  };
}

/** A link inside the folder must not lead out of it. */
async function requireInside(root: string, target: string, path: string): Promise<void> {
  const way = relative(await realpath(root), await realpath(target));
  if (way !== ".." && !way.startsWith(`..${sep}`)) return;
  throw new RequeenError("bad_parameter", `artifact ${JSON.stringify(path)} must lie inside ${root}; a link leads out of it`, {
    path,
  });
}

const isCode = (error: unknown, code: string): boolean => error instanceof Error && "code" in error && error.code === code;

function told(error: unknown, verb: string, target: string): unknown {
  if (error instanceof RequeenError || !(error instanceof Error) || !("code" in error)) return error;
  const details = { path: target, reason: String(error.code) };
  if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR"))
    return new RequeenError("not_found", `no artifact lies at ${target}`, details, { cause: error });
  if (isCode(error, "ENOSPC") || isCode(error, "EDQUOT"))
    return new RequeenError("disk_full", `${target} cannot be ${verb}: no space`, details, { cause: error });
  const remedy = "the registry's artifact root is a folder that this machine must be able to reach";
  return new RequeenError(
    "registry_unavailable",
    `${target} cannot be ${verb} (${String(error.code)}); ${remedy}`,
    { ...details, permanent: true },
    { cause: error },
  );
}

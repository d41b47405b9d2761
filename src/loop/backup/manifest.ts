import { createHash } from "node:crypto";
import { createReadStream, type Dirent } from "node:fs";
import { open, readdir, readFile, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { timestamp } from "../../core/time.ts";

export const MANIFEST_FILE = "manifest.json";
/** How the folder of a backup begins that is not whole yet, or never became it. */
export const UNFINISHED = ".unfinished-";
export const STORE_FILE = "requeen.db";
export const REGISTRY_FILE = "registry.db";
/** Folders of files that are never changed once there: datasets, models, predictions; artifacts of the embedded registry. */
export const FILE_FOLDERS = ["blobs", "artifacts"] as const;

/** What a backup holds: written last, so a folder with a manifest is whole. */
export const backupManifestSchema = z.strictObject({
  format: z.literal("requeen-backup/1"),
  backup_id: z.string().regex(/^[\w-]+$/),
  created_at: timestamp,
  /** The Requeen that wrote it. */
  version: z.string(),
  /** Where the records came from; either way they stand in requeen.db. */
  store: z.enum(["sqlite", "mongodb"]),
  /** `external`: the registry is a server of the team's, which has a backup of its own. */
  registry: z.enum(["embedded", "external"]),
  /** Records of the store by kind. */
  records: z.record(z.string(), z.int().nonnegative()),
  files: z.array(
    z.strictObject({
      /** With "/", below the backup's folder. */
      path: z.string().refine((path) => !path.split("/").includes("..") && !path.startsWith("/"), "a path inside the backup"),
      size_bytes: z.int().nonnegative(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
});
export type BackupManifest = z.output<typeof backupManifestSchema>;
export type BackupFile = BackupManifest["files"][number];

/**
 * The manifest of a backup's folder.
 * @throws RequeenError not_found when there is none; digest_mismatch when it cannot be read as one
 */
export async function readManifest(folder: string): Promise<BackupManifest> {
  const path = join(folder, MANIFEST_FILE);
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new RequeenError("not_found", `${folder} is no whole backup: ${cause.message}`, { folder }, { cause });
  });
  try {
    return backupManifestSchema.parse(JSON.parse(text));
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new RequeenError("digest_mismatch", `${path} is no manifest of a backup: ${reason}`, { path }, { cause });
  }
}

/** Size and SHA-256 of a file of a backup. */
export async function describeFile(folder: string, path: string): Promise<BackupFile> {
  const place = join(folder, path);
  const hash = createHash("sha256");
  await pipeline(createReadStream(place, { highWaterMark: 1 << 20 }), hash);
  return { path, size_bytes: (await stat(place)).size, sha256: hash.digest("hex") };
}

/** Every file below a folder, with "/" and relative to `root`; none when the folder is not there. */
export async function filesBelow(root: string, folder: string): Promise<string[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(join(root, folder), { withFileTypes: true, recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

/** Makes a file, or the entries of a folder, survive a power cut. */
export async function sync(path: string): Promise<void> {
  await using handle = await open(path, "r");
  await handle.sync();
}

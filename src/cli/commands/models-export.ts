import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { plural } from "../../decide/phrases.ts";
import { findVersion } from "../../loop/find-version.ts";
import { registryNames, specialistOf } from "../../loop/house.ts";
import { readModelDirectory } from "../../registry/model-files.ts";
import { VERSION_TAGS } from "../../registry/names.ts";
import { defineCommand } from "../command.ts";
import { versionOf } from "../render/figures.ts";
import { renderTable } from "../render/table.ts";
import { bytes } from "../render/values.ts";
import { VERSION_ARGUMENT } from "./models-show.ts";

interface Exported {
  readonly specialist: string;
  readonly version: string;
  readonly folder: string;
  /** Of digests.json, which names the digest of every other file. */
  readonly sha256: string;
  readonly files: readonly { readonly path: string; readonly size_bytes: number }[];
  readonly dry_run: boolean;
}

export const modelsExport = defineCommand({
  name: "models export",
  summary: "Write a version's model directory to a folder, every file checked against its digest.",
  details: [
    "The folder opens in Python with mlflow.pyfunc.load_model and mlflow.onnx.load_model. It is written beside its place and renamed when",
    "it is whole; a folder that is there and not empty is left alone without --force.",
  ].join("\n"),
  arguments: {
    specialist: { summary: "whose model", type: z.string() },
    version: { ...VERSION_ARGUMENT, type: z.string() },
    folder: { summary: "where to", type: z.string() },
  },
  options: { force: { summary: "replace a folder that is there", type: z.boolean().default(false) } },
  examples: [
    { line: "requeen models export technical champion ./technical-model", does: "what is in production now" },
    { line: "requeen models export technical 3 /tmp/v3 --force", does: "an earlier version, in place of what is there" },
  ],
  changes: true,
  run: async ({ specialist: name, version: typed, folder: given, force }, { openHouse, dryRun }): Promise<Exported> => {
    const house = await openHouse();
    const specialist = specialistOf(house, name);
    const version = await findVersion(house, specialist, typed);
    const folder = resolve(given);
    const present = await entriesOf(folder);
    if (present > 0 && !force)
      throw new RequeenError(
        "already_exists",
        `folder ${folder} must be empty or not there, or --force be given; it has ${plural(present, "entry", "entries")}`,
        { folder },
      );
    const directory = await readModelDirectory(house.registry, {
      uri: `models:/${registryNames(specialist).model}/${version.version}`,
    });
    checkNative(directory.native, version.tags[VERSION_TAGS.digest], `${name} ${versionOf(version.version)}`);
    if (!dryRun) await writeFolder(folder, directory.files);
    const files = [...directory.files].map(([path, content]) => ({ path, size_bytes: content.byteLength }));
    return { specialist: name, version: version.version, folder, sha256: directory.sha256, files, dry_run: dryRun };
  },
  render: ({ specialist, version, folder, files, sha256, dry_run }, terminal) =>
    [
      `${specialist} ${versionOf(version)} ${dry_run ? "would be written" : "written"} to ${folder}, every digest checked (digests.json: ${sha256}).`,
      "",
      renderTable(
        files,
        [
          { title: "FILE", text: ({ path }) => path },
          { title: "SIZE", align: "right", text: ({ size_bytes }) => bytes(size_bytes) },
        ],
        terminal,
      ),
    ].join("\n"),
});

/** The digest that the version was registered with stands apart from the directory: both must say the same. */
function checkNative(native: Uint8Array, registered: string | undefined, name: string): void {
  const found = createHash("sha256").update(native).digest("hex");
  if (registered === undefined || registered === found) return;
  throw new RequeenError(
    "digest_mismatch",
    `the model file of ${name} must have the SHA-256 ${registered}, as registered; it has ${found}`,
    { registered, found },
  );
}

/** How many entries a folder has; 0 when it is not there. @throws RequeenError already_exists when a file stands there */
async function entriesOf(folder: string): Promise<number> {
  try {
    return (await readdir(folder)).length;
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : "";
    if (code === "ENOENT") return 0;
    if (code === "ENOTDIR")
      throw new RequeenError("already_exists", `${folder} must be a folder; a file stands there`, { folder }, { cause });
    throw cause;
  }
}

async function writeFolder(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const mark = randomBytes(4).toString("hex");
  const unfinished = `${folder}.unfinished-${mark}`;
  const replaced = `${folder}.replaced-${mark}`;
  try {
    for (const [path, content] of files) {
      const file = join(unfinished, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    if ((await entriesOf(folder)) > 0) await rename(folder, replaced);
    await rename(unfinished, folder);
    await rm(replaced, { recursive: true, force: true });
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
}

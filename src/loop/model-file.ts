import { createHash } from "node:crypto";
import { RequeenError } from "../core/errors.ts";
import { requireArtifactPath } from "../registry/artifact-path.ts";
import { MODEL_FILES } from "../registry/names.ts";
import { findVersion } from "./find-version.ts";
import { type House, registryNames, specialistOf } from "./house.ts";

export interface ModelFile {
  readonly bytes: Uint8Array;
  /** Hex; equal to the one recorded at registration, where the version's digests name the file. */
  readonly sha256: string;
}

/**
 * One file of a version's model directory, checked against the digest that was recorded for it.
 * @throws RequeenError specialist_not_found, no_champion, model_not_found, bad_parameter (a path that leaves the directory), not_found (the
 * version has no such file), digest_mismatch, registry_unavailable
 */
export async function readModelFile(house: House, name: string, typed: string, wanted: string): Promise<ModelFile> {
  const path = requireArtifactPath(wanted);
  const specialist = specialistOf(house, name);
  const { version } = await findVersion(house, specialist, typed);
  const place = { uri: `models:/${registryNames(specialist).model}/${version}` };
  const files = (await house.registry.listArtifactTree(place)).map((entry) => entry.path);
  if (!files.includes(path))
    throw new RequeenError("not_found", `version ${version} of ${name} has no file ${JSON.stringify(path.slice(0, 200))}`, {
      files,
    });
  const recorded =
    files.includes(MODEL_FILES.digests) && path !== MODEL_FILES.digests ? await digestOf(house, place, path) : null;
  const bytes = await house.registry.downloadArtifact(place, path, recorded === null ? undefined : { sha256: recorded });
  return { bytes, sha256: recorded ?? createHash("sha256").update(bytes).digest("hex") };
}

async function digestOf(house: House, place: { uri: string }, path: string): Promise<string | null> {
  const bytes = await house.registry.downloadArtifact(place, MODEL_FILES.digests);
  const { files } = JSON.parse(new TextDecoder().decode(bytes)) as {
    files?: Record<string, { sha256?: unknown } | undefined>;
  };
  const digest = files?.[path]?.sha256;
  return typeof digest === "string" ? digest : null;
}

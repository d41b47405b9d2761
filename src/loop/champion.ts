import { RequeenError } from "../core/errors.ts";
import type { Specialist } from "../core/specialist.ts";
import type { FittedClassifier } from "../engine/index.ts";
import { CHAMPION_ALIAS, MODEL_FILES, VERSION_TAGS } from "../registry/names.ts";
import type { ModelVersion } from "../registry/registry.ts";
import { featureNamesOf } from "./feature-names.ts";
import { type House, registryNames } from "./house.ts";

/** The production model of a specialist, ready to judge. */
export interface Champion {
  readonly name: string;
  readonly version: string;
  readonly runId: string;
  readonly sha256: string;
  readonly model: FittedClassifier;
  readonly bytes: Uint8Array;
  /** The dataset it was trained on, if it is known. */
  readonly datasetId: string | null;
  readonly registeredAtMs: number;
}

/** Which version is in production, without loading it; null before the first. */
export const championVersion = (house: Pick<House, "registry">, specialist: Specialist): Promise<ModelVersion | null> =>
  house.registry.getModelVersionByAlias(registryNames(specialist).model, CHAMPION_ALIAS);

/** The champion, loaded and checked against its digest; null before the first. @throws as loadVersion */
export async function loadChampion(house: House, specialist: Specialist): Promise<Champion | null> {
  const version = await championVersion(house, specialist);
  return version === null ? null : loadVersion(house, specialist, version);
}

/**
 * Loads a registered version. Read once per process; the file comes from the blobs if they have it, else from the registry.
 * @throws RequeenError bad_model when it was not made by Requeen or judges other classes or features; digest_mismatch; registry_unavailable.
 */
export async function loadVersion(house: House, specialist: Specialist, version: ModelVersion): Promise<Champion> {
  const key = `${version.name}/${version.version}`;
  const cached = house.championCache.get(key) as Champion | undefined;
  if (cached !== undefined) return cached;
  const sha256 = version.tags[VERSION_TAGS.digest];
  if (sha256 === undefined)
    throw new RequeenError(
      "bad_model",
      `${key} has no tag ${VERSION_TAGS.digest}: it was not registered by Requeen, so its file cannot be checked`,
    );
  const bytes = await readModelBytes(house, version, sha256);
  // loaded only when a model is: `requeen status` asks for the version alone
  const { decodeModel } = await import("../engine/index.ts");
  const model = decodeModel(bytes);
  checkFits(specialist, key, model);
  const champion: Champion = {
    name: version.name,
    version: version.version,
    runId: version.runId,
    sha256,
    model,
    bytes,
    datasetId: version.tags[VERSION_TAGS.dataset] ?? null,
    registeredAtMs: version.createdAtMs,
  };
  house.championCache.set(key, champion);
  return champion;
}

async function readModelBytes(house: House, version: ModelVersion, sha256: string): Promise<Uint8Array> {
  if (await house.blobs.has(sha256)) return house.blobs.get(sha256);
  const place = { uri: `models:/${version.name}/${version.version}` };
  const bytes = await house.registry.downloadArtifact(place, MODEL_FILES.native, { sha256 });
  await house.blobs.put(bytes);
  return bytes;
}

function checkFits(specialist: Specialist, key: string, { classes, featureNames }: FittedClassifier): void {
  const wanted = featureNamesOf(specialist);
  if (classes.join("\n") !== specialist.classes.join("\n"))
    throw new RequeenError(
      "bad_model",
      `${key} decides ${classes.join(", ")}; specialist ${specialist.name} has ${specialist.classes.join(", ")}`,
    );
  if (featureNames.join("\n") !== wanted.join("\n"))
    throw new RequeenError(
      "bad_model",
      `${key} reads ${featureNames.length} features of another schema than ${specialist.name}'s ${wanted.length}`,
    );
}

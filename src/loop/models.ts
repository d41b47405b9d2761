import { findVersion } from "./find-version.ts";
import type { House } from "./house.ts";
import { registryNames, specialistOf } from "./house.ts";
import { type ShownList, type ShownModel, showList, showModel } from "./present.ts";

/** Every registered version of one specialist, or of all, newest first. @throws RequeenError specialist_not_found */
export async function listModels(house: House, specialist: string | undefined): Promise<ShownList<"models", ShownModel>> {
  const wanted = specialist === undefined ? house.specialists : [specialistOf(house, specialist)];
  const lists = await Promise.all(
    wanted.map(async (one) =>
      (await house.registry.listModelVersions(registryNames(one).model)).map((version) => showModel(one.name, version)),
    ),
  );
  return showList("models", lists.flat(), null);
}

export interface ModelDetails extends ShownModel {
  /** The files of the model directory. */
  readonly files: readonly { readonly path: string; readonly size_bytes: number | null }[];
}

/**
 * One version with its files. @param typed a number, or an alias: champion, challenger.
 * @throws RequeenError specialist_not_found, no_champion, model_not_found
 */
export async function showVersion(house: House, name: string, typed: string): Promise<ModelDetails> {
  const specialist = specialistOf(house, name);
  const version = await findVersion(house, specialist, typed);
  const files = await house.registry.listArtifactTree({ uri: `models:/${registryNames(specialist).model}/${version.version}` });
  return { ...showModel(name, version), files: files.map(({ path, sizeBytes }) => ({ path, size_bytes: sizeBytes })) };
}

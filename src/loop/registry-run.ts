import type { Specialist } from "../core/specialist.ts";
import { VERSION_TAGS } from "../registry/names.ts";
import type { Run as RegistryRun, Tags } from "../registry/registry.ts";
import { type House, registryNames } from "./house.ts";

export interface WantedRun {
  /** Its name, and the tag by which it is found again. */
  readonly id: string;
  readonly startedAtMs: number;
  readonly userId: string;
  /** Beside the one with the id. */
  readonly tags: Tags;
  /** Of the experiment, if it is made here. */
  readonly experimentTags?: Tags;
}

/** The run of this id in the specialist's experiment; made at the first call, so that a second time changes nothing. */
export async function findOrCreateRegistryRun(
  house: Pick<House, "registry">,
  specialist: Specialist,
  { id, startedAtMs, userId, tags, experimentTags }: WantedRun,
): Promise<RegistryRun> {
  const { experimentId } = await house.registry.getOrCreateExperiment(registryNames(specialist).experiment, experimentTags);
  const { items } = await house.registry.searchRuns({
    experimentIds: [experimentId],
    filter: `tags.\`${VERSION_TAGS.run}\` = '${id}'`,
    maxResults: 1,
  });
  return (
    items[0] ??
    house.registry.createRun({ experimentId, runName: id, startedAtMs, userId, tags: { [VERSION_TAGS.run]: id, ...tags } })
  );
}

import { RequeenError } from "../core/errors.ts";
import type { Specialist } from "../core/specialist.ts";
import { CHAMPION_ALIAS } from "../registry/names.ts";
import type { ModelVersion } from "../registry/registry.ts";
import { type House, registryNames } from "./house.ts";

/**
 * A version of a specialist's model by its number (`4`, `v4`) or an alias.
 * @throws RequeenError no_champion, model_not_found
 */
export async function findVersion(house: House, specialist: Specialist, typed: string): Promise<ModelVersion> {
  const { model } = registryNames(specialist);
  const number = /^v?(\d+)$/.exec(typed)?.[1];
  if (number !== undefined) return house.registry.getModelVersion(model, number);
  const found = await house.registry.getModelVersionByAlias(model, typed);
  if (found !== null) return found;
  if (typed === CHAMPION_ALIAS)
    throw new RequeenError("no_champion", `${specialist.name} has no version in production`, { specialist: specialist.name });
  throw new RequeenError(
    "model_not_found",
    `the version of ${model} must be a number or an alias that is set; got ${JSON.stringify(typed)}`,
    { model, alias: typed },
  );
}

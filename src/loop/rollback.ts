import type { Deployment } from "../core/deployment.ts";
import { RequeenError } from "../core/errors.ts";
import type { Specialist } from "../core/specialist.ts";
import { CHAMPION_ALIAS, VERSION_TAGS } from "../registry/names.ts";
import { championVersion } from "./champion.ts";
import { type House, registryNames, specialistOf } from "./house.ts";
import { underLease } from "./lease.ts";
import { PREDECESSOR_TAG, settleDeployments } from "./promote.ts";

export interface RollbackRequest {
  readonly specialist: string;
  readonly by: string;
  readonly reason: string;
  /** The version to go back to; default: what was in production before, passing over versions that were themselves rolled back. */
  readonly toVersion?: string | undefined;
  readonly dryRun?: boolean;
}

/**
 * Takes the champion back: its predecessor is in production again, and the version that failed carries a tombstone, so that no run promotes
 * it again by itself. One atomic change (the alias), recorded before and after.
 * @throws RequeenError no_champion, no_predecessor, model_not_found, registry_unavailable
 */
export async function rollback(house: House, request: RollbackRequest): Promise<Deployment> {
  const specialist = specialistOf(house, request.specialist);
  const { model } = registryNames(specialist);
  const deployment = await underLease(house, `champion:${specialist.name}`, undefined, async (): Promise<Deployment> => {
    const current = await championVersion(house, specialist);
    if (current === null) throw new RequeenError("no_champion", `${specialist.name} has no version in production`);
    const target = request.toVersion ?? (await predecessorOf(house, specialist, current.version));
    if (target === current.version)
      throw new RequeenError("conflict", `${specialist.name} version ${target} is in production already`);
    const restored = await house.registry.getModelVersion(model, target);
    const prepared: Deployment = {
      deployment_id: house.newId("deployment-"),
      specialist: specialist.name,
      action: "rollback",
      version: target,
      predecessor: current.version,
      // the lineage of what is in production from now on
      run_id: restored.tags[VERSION_TAGS.run] ?? null,
      verdict_id: restored.tags[VERSION_TAGS.verdict] ?? null,
      dataset_id: restored.tags[VERSION_TAGS.dataset] ?? null,
      by: request.by,
      reason: request.reason,
      tombstone: current.version,
      state: "prepared",
      prepared_at: house.now(),
      done_at: null,
    };
    if (request.dryRun) return prepared;
    await house.store.addDeployment(prepared);
    await house.registry.setModelVersionTag(
      model,
      current.version,
      VERSION_TAGS.tombstone,
      `${new Date(house.now()).toISOString()} ${request.by}: ${request.reason}`,
    );
    await house.registry.setAlias(model, CHAMPION_ALIAS, target);
    return prepared;
  });
  if (request.dryRun) return deployment;
  const settled = await settleDeployments(house);
  return settled.find(({ deployment_id }) => deployment_id === deployment.deployment_id) ?? deployment;
}

/** What was in production before `version`, skipping tombstoned versions. @throws RequeenError no_predecessor */
async function predecessorOf(house: House, specialist: Specialist, version: string): Promise<string> {
  const { model } = registryNames(specialist);
  const visited = new Set<string>();
  for (let at = version; !visited.has(at); ) {
    visited.add(at);
    const before: string | undefined = (await house.registry.getModelVersion(model, at)).tags[PREDECESSOR_TAG];
    if (before === undefined) break;
    const candidate = await house.registry.getModelVersion(model, before);
    if (candidate.tags[VERSION_TAGS.tombstone] === undefined) return before;
    at = before;
  }
  throw new RequeenError(
    "no_predecessor",
    `${specialist.name} version ${version} has no earlier production version that was not rolled back itself`,
  );
}

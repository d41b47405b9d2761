import type { Deployment } from "../core/deployment.ts";
import { RequeenError } from "../core/errors.ts";
import type { Specialist } from "../core/specialist.ts";
import { CHALLENGER_ALIAS, CHAMPION_ALIAS, RETIRED_STAGE, STAGE_OF_ALIAS, VERSION_TAGS } from "../registry/names.ts";
import { championVersion } from "./champion.ts";
import { type House, registryNames, specialistOf } from "./house.ts";
import { underLease } from "./lease.ts";
import { refuseWhilePaused } from "./pause.ts";

export interface PromoteRequest {
  readonly specialist: string;
  readonly version: string;
  readonly by: string;
  readonly reason: string;
  /** Promotes a tombstoned version, or one whose verdict is not `promote`. Recorded. */
  readonly force: boolean;
  /** The verdict need not be `promote`, provided that nothing is in production: a first champion made of generated rows. */
  readonly asFirst?: boolean;
  readonly runId?: string | null;
  readonly verdictId?: string | null;
  readonly datasetId?: string | null;
  /** The champion that the verdict compared with; another one in its place means that the verdict no longer holds. Undefined: not checked. */
  readonly expectedChampion?: string | null;
}

/**
 * Puts a registered version into production. The one atomic change is the registry's `champion` alias; the deployment record is written
 * before and completed after, so that a crash at any point leaves one champion and a record that `settleDeployments` can finish.
 * Promoting what is in production already changes nothing. `force` promotes also while everything is paused.
 * @throws RequeenError paused, model_not_found, tombstoned, not_promotable, conflict (another champion than the verdict knew), registry_unavailable
 */
export async function promote(house: House, request: PromoteRequest): Promise<Deployment> {
  const specialist = specialistOf(house, request.specialist);
  if (!request.force) await refuseWhilePaused(house, `the promotion of ${specialist.name} version ${request.version}`);
  return underLease(house, `champion:${specialist.name}`, undefined, async () => {
    const { model } = registryNames(specialist);
    const target = await house.registry.getModelVersion(model, request.version);
    const current = await championVersion(house, specialist);
    const open = await openDeployment(house, specialist, request.version);
    if (current?.version === request.version)
      return open === null ? inProduction(house, specialist, request.version) : complete(house, specialist, open);
    if (!request.force) await refuseUnlessAllowed(house, request, target.tags, current?.version ?? null);
    const deployment: Deployment = open ?? {
      deployment_id: house.newId("deployment-"),
      specialist: specialist.name,
      action: "promote",
      version: request.version,
      predecessor: current?.version ?? null,
      run_id: request.runId ?? target.tags[VERSION_TAGS.run] ?? null,
      verdict_id: request.verdictId ?? target.tags[VERSION_TAGS.verdict] ?? null,
      dataset_id: request.datasetId ?? target.tags[VERSION_TAGS.dataset] ?? null,
      by: request.by,
      reason: request.reason,
      tombstone: null,
      state: "prepared",
      prepared_at: house.now(),
      done_at: null,
    };
    if (open === null) await house.store.addDeployment(deployment);
    if (current !== null) await house.registry.setModelVersionTag(model, request.version, PREDECESSOR_TAG, current.version);
    await house.registry.setAlias(model, CHAMPION_ALIAS, request.version);
    return complete(house, specialist, deployment);
  });
}

/** On a version: what was in production before it. */
export const PREDECESSOR_TAG = "requeen.predecessor";

async function refuseUnlessAllowed(
  house: House,
  request: PromoteRequest,
  tags: Readonly<Record<string, string>>,
  current: string | null,
): Promise<void> {
  const name = `${request.specialist} version ${request.version}`;
  if (tags[VERSION_TAGS.tombstone] !== undefined)
    throw new RequeenError("tombstoned", `${name} was rolled back: ${tags[VERSION_TAGS.tombstone]}`, {
      specialist: request.specialist,
      version: request.version,
    });
  if (request.expectedChampion !== undefined && request.expectedChampion !== current)
    throw new RequeenError(
      "conflict",
      `the verdict on ${name} compared it with version ${request.expectedChampion ?? "none"}; in production is ${current ?? "none"}`,
    );
  if (request.asFirst === true && current === null) return;
  const verdictId = request.verdictId ?? tags[VERSION_TAGS.verdict];
  const verdict = verdictId === undefined ? null : await house.store.getVerdict(verdictId);
  if (verdict === null)
    throw new RequeenError("not_promotable", `${name} has no verdict`, {
      specialist: request.specialist,
      version: request.version,
    });
  if (verdict.decision !== "promote")
    throw new RequeenError("not_promotable", `the verdict on ${name} is ${verdict.decision}: ${verdict.verdict.headline}`, {
      verdict_id: verdict.verdict_id,
    });
}

/** After the alias has moved: stages in step, record done, audit. May be done again. */
async function complete(house: House, specialist: Specialist, deployment: Deployment): Promise<Deployment> {
  await settleStages(house, specialist);
  const done: Deployment = { ...deployment, state: "done", done_at: house.now() };
  await house.store.putDeployment(done);
  await house.store.appendAudit([
    {
      at: house.now(),
      actor: deployment.by,
      action: `model.${deployment.action}`,
      subject: specialist.name,
      details: {
        version: deployment.version,
        predecessor: deployment.predecessor,
        reason: deployment.reason,
        run_id: deployment.run_id,
        verdict_id: deployment.verdict_id,
      },
    },
  ]);
  house.log(`model.${deployment.action}`, {
    specialist: specialist.name,
    version: deployment.version,
    predecessor: deployment.predecessor,
  });
  return done;
}

/** Stages follow the aliases: the champion is Production and nothing else is; its challenger alias is taken away. */
export async function settleStages(house: House, specialist: Specialist): Promise<void> {
  const { model } = registryNames(specialist);
  const champion = await championVersion(house, specialist);
  const versions = await house.registry.listModelVersions(model);
  // the champion first: its transition archives the one before it
  for (const version of versions.toSorted(
    (a, b) => Number(b.version === champion?.version) - Number(a.version === champion?.version),
  )) {
    const isChampion = version.version === champion?.version;
    if (isChampion && version.aliases.includes(CHALLENGER_ALIAS)) await house.registry.deleteAlias(model, CHALLENGER_ALIAS);
    // one call, so that a pod that asks for the stage never sees two
    if (isChampion && version.stage !== STAGE_OF_ALIAS.champion)
      await house.registry.transitionStage(model, version.version, STAGE_OF_ALIAS.champion, { archiveExisting: true });
    if (!isChampion && champion === null && version.stage === STAGE_OF_ALIAS.champion)
      await house.registry.transitionStage(model, version.version, RETIRED_STAGE);
  }
}

/** A prepared, never completed change to this version: what a crash left. */
async function openDeployment(house: House, specialist: Specialist, version: string): Promise<Deployment | null> {
  const { items } = await house.store.listDeployments({ specialist: specialist.name, state: "prepared" }, { limit: 100 });
  return items.find((deployment) => deployment.version === version) ?? null;
}

async function inProduction(house: House, specialist: Specialist, version: string): Promise<Deployment> {
  await settleStages(house, specialist);
  const { items } = await house.store.listDeployments({ specialist: specialist.name, state: "done" }, { limit: 100 });
  const last = items.find((deployment) => deployment.version === version);
  if (last !== undefined) return last;
  throw new RequeenError(
    "conflict",
    `${specialist.name} version ${version} is in production already, put there by something else than Requeen`,
  );
}

/**
 * Finishes what a crash left between the record and the alias, for every specialist: the alias is the truth. A change whose alias moved is
 * completed; a rollback whose alias has not moved yet is carried out, since somebody wanted the model gone; a promotion whose alias never
 * moved is abandoned. Changes that a living process is making are left alone.
 */
export async function settleDeployments(house: House): Promise<Deployment[]> {
  const settled: Deployment[] = [];
  const { items } = await house.store.listDeployments({ state: "prepared" }, { limit: 1000 });
  for (const deployment of items) {
    const specialist = house.specialists.find(({ name }) => name === deployment.specialist);
    // a run that is still to be resumed makes its own promotion again
    const run = deployment.run_id === null ? null : await house.store.getRun(deployment.run_id);
    if (specialist === undefined || (deployment.action === "promote" && run?.state === "running")) continue;
    settled.push(
      await underLease(house, `champion:${specialist.name}`, undefined, async () => {
        const current = await championVersion(house, specialist);
        if ((current?.version ?? null) === deployment.version) return complete(house, specialist, deployment);
        if (deployment.action === "rollback" && deployment.version !== null && current?.version === deployment.predecessor) {
          await house.registry.setAlias(registryNames(specialist).model, CHAMPION_ALIAS, deployment.version);
          return complete(house, specialist, deployment);
        }
        const abandoned: Deployment = { ...deployment, state: "abandoned", done_at: house.now() };
        await house.store.putDeployment(abandoned);
        return abandoned;
      }),
    );
  }
  return settled;
}

import type { Deployment } from "../core/deployment.ts";
import type { Run } from "../core/run.ts";
import type { House } from "./house.ts";
import { type PromoteRequest, promote, settleDeployments } from "./promote.ts";
import { type RetrainRequest, startRun } from "./retrain.ts";
import { type RollbackRequest, rollback } from "./rollback.ts";

/**
 * Changes that may be asked for twice with the same ids, as a request is that was repeated after a crash: what the first try did is found and
 * finished, never done again. `house.newId` must give the ids of the first try.
 */

/** @throws as startRun */
export async function startRunOnce(house: House, request: RetrainRequest): Promise<Run> {
  const planned = firstIds(house);
  const present = await house.store.getRun(planned.peek("run-"));
  return present ?? startRun(planned.house, request);
}

/** @throws as promote */
export async function promoteOnce(house: House, request: PromoteRequest): Promise<Deployment> {
  const planned = firstIds(house);
  return (await settled(house, request.specialist, planned.peek("deployment-"))) ?? promote(planned.house, request);
}

/** @throws as rollback */
export async function rollbackOnce(house: House, request: RollbackRequest): Promise<Deployment> {
  const planned = firstIds(house);
  return (await settled(house, request.specialist, planned.peek("deployment-"))) ?? rollback(planned.house, request);
}

/** A deployment that an earlier try prepared, finished if a crash left it; null when there was none. */
async function settled(house: House, specialist: string, deploymentId: string): Promise<Deployment | null> {
  const find = async (): Promise<Deployment | null> => {
    const { items } = await house.store.listDeployments({ specialist }, { limit: 100 });
    return items.find(({ deployment_id }) => deployment_id === deploymentId) ?? null;
  };
  const present = await find();
  if (present === null || present.state === "done") return present;
  await settleDeployments(house);
  const after = await find();
  // abandoned: its alias never moved, so it is to be done
  return after?.state === "done" ? after : null;
}

/** The house whose first id of a prefix is the one that was looked for. */
function firstIds(house: House): { peek(prefix: string): string; house: House } {
  const peeked = new Map<string, string>();
  return {
    peek(prefix) {
      const id = house.newId(prefix);
      peeked.set(prefix, id);
      return id;
    },
    house: {
      ...house,
      newId: (prefix) => {
        const id = peeked.get(prefix);
        peeked.delete(prefix);
        return id ?? house.newId(prefix);
      },
    },
  };
}

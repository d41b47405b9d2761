import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { isRequeenError, RequeenError } from "../core/errors.ts";
import { timestamp } from "../core/time.ts";
import { championVersion } from "./champion.ts";
import { type House, registryNames, specialistOf } from "./house.ts";
import { underLease } from "./lease.ts";
import { readPause, refuseWhilePaused } from "./pause.ts";
import { rollback } from "./rollback.ts";
import { FOLLOWING, type PodReport, podReportSchema, type RolloutChange } from "./rollout-strategy.ts";

/**
 * `rolling`: begun, and not ended by a process that lives or died; `done`: carried out, nobody verifies; `verified`: every pod reports the
 * version; `failed`: it did not reach the pods; `rolled_back`: failed, and its version was taken back.
 */
export const rolloutRecordSchema = z.strictObject({
  specialist: z.string(),
  deployment_id: z.string(),
  version: z.string(),
  strategy: z.enum(["pull", "notify", "restart"]),
  state: z.enum(["rolling", "done", "verified", "failed", "rolled_back"]),
  started_at: timestamp,
  ended_at: timestamp.nullable(),
  pods: z.array(podReportSchema),
  error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
});
/** The last rollout of a specialist. */
export type RolloutRecord = z.output<typeof rolloutRecordSchema>;

const recordKey = (specialist: string): string => `rollout/${specialist}`;

export async function readRollout({ store }: Pick<House, "store">, specialist: string): Promise<RolloutRecord | null> {
  const stored = await store.getSetting(recordKey(specialist));
  return stored === null || stored === undefined
    ? null
    : rolloutRecordSchema.decode(stored as z.input<typeof rolloutRecordSchema>);
}

const writeRollout = (house: House, record: RolloutRecord): Promise<void> =>
  house.store.putSetting(recordKey(record.specialist), rolloutRecordSchema.encode(record));

/** The last completed change of what is in production, if it is what is in production now; null: nothing that a rollout could carry. */
export async function currentChange(house: House, name: string): Promise<RolloutChange | null> {
  const specialist = specialistOf(house, name);
  const champion = await championVersion(house, specialist);
  if (champion === null) return null;
  const { items } = await house.store.listDeployments({ specialist: name, state: "done" }, { limit: 100 });
  // not simply the newest: two changes may be of one millisecond, and an alias that somebody else moved has no record of ours
  const known = items.find(({ version }) => version === champion.version) ?? null;
  return {
    specialist: name,
    model: registryNames(specialist).model,
    version: champion.version,
    predecessor: known?.predecessor ?? null,
    action: known?.action ?? "promote",
    deploymentId: known?.deployment_id ?? `${name}@${champion.version}`,
  };
}

/** How long one waits for another's rollout to end, between two looks, milliseconds. */
const TURN_EVERY_MS = 1_000;
const LEASE = "rollout";

/**
 * Carries what is in production to the pods that judge, verifies it, and takes a promotion back that does not get there: registry first,
 * then the pods. One specialist at a time in the whole installation. A change that was carried out before is not carried out again unless
 * `again`. What fails is recorded and audited, and thrown only for reasons that a later try mends by itself.
 * @returns null when there is nothing in production.
 * @throws RequeenError paused, cluster_unavailable, store_unavailable, registry_unavailable, cancelled, lease_lost
 */
export async function rollOut(
  house: House,
  specialist: string,
  { signal, by, again = false }: { signal: AbortSignal; by: string; again?: boolean },
): Promise<RolloutRecord | null> {
  return inTurn(house, signal, async (turn) => {
    const change = await currentChange(house, specialist);
    if (change === null) return null;
    const before = await readRollout(house, specialist);
    if (!again && before?.deployment_id === change.deploymentId && isSettled(before)) return before;
    // a rollback is the way out of trouble: a pause does not hold it up
    if (change.action === "promote") await refuseWhilePaused(house, `the rollout of ${specialist} version ${change.version}`);
    // told under another id, so that neither a webhook's receiver nor a deployment takes it for done
    const record = await carryOut(house, change, turn, again ? `+${house.newId("").slice(0, 8)}` : "");
    const { takesBack } = house.rollout ?? FOLLOWING;
    // a deployment that is not there says nothing against the version: nobody judges by it
    const isAgainst = record.state === "failed" && record.error?.code === "rollout_failed";
    if (!isAgainst || !takesBack || change.action !== "promote" || change.predecessor === null) return record;
    return takeBack(house, change, record, by, turn);
  });
}

const isSettled = ({ state }: RolloutRecord): boolean =>
  state === "done" || state === "verified" || state === "failed" || state === "rolled_back";

/** Rollouts of this process wait for each other here; a lease does not hold between two holders of one process. */
const queues = new WeakMap<object, Promise<unknown>>();

async function inTurn<T>(house: House, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const before = queues.get(house.store) ?? Promise.resolve();
  const mine = before.then(() => underRolloutLease(house, signal, work));
  queues.set(
    house.store,
    mine.catch(() => undefined),
  );
  return mine;
}

async function underRolloutLease<T>(house: House, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await underLease(house, LEASE, signal, ({ signal: held }) => work(held));
    } catch (error) {
      if (!isRequeenError(error, "conflict") || error.details.lease !== LEASE) throw error;
      await wait(TURN_EVERY_MS, undefined, { signal });
    }
  }
}

/** Failures of ours or of what we need, not of the change: the record stays `rolling`, and a later try goes on. */
const PASSING = new Set([
  "cluster_unavailable",
  "store_unavailable",
  "registry_unavailable",
  "cancelled",
  "lease_lost",
  "unauthenticated",
  "forbidden",
  "bad_config",
]);

async function carryOut(house: House, change: RolloutChange, signal: AbortSignal, idSuffix = ""): Promise<RolloutRecord> {
  const rollout = house.rollout ?? FOLLOWING;
  const { specialist, version, deploymentId } = change;
  const begun: RolloutRecord = {
    specialist,
    deployment_id: deploymentId,
    version,
    strategy: rollout.strategy,
    state: "rolling",
    started_at: house.now(),
    ended_at: null,
    pods: [],
    error: null,
  };
  await writeRollout(house, begun);
  house.log("rollout.started", { specialist, version, strategy: rollout.strategy });
  try {
    await rollout.deploy({ ...change, deploymentId: deploymentId + idSuffix }, signal);
    const pods = rollout.verifies ? await rollout.verify(change, signal) : [];
    return await endRollout(house, { ...begun, state: rollout.verifies ? "verified" : "done", pods: [...pods] });
  } catch (thrown) {
    signal.throwIfAborted();
    if (!isRequeenError(thrown) || PASSING.has(thrown.code)) throw thrown;
    const pods = podReportSchema.array().safeParse(thrown.details.pods).data ?? [];
    const error = { code: thrown.code, message: thrown.message };
    return endRollout(house, { ...begun, state: "failed", pods, error });
  }
}

async function endRollout(house: House, record: RolloutRecord): Promise<RolloutRecord> {
  const ended = { ...record, ended_at: house.now() };
  await writeRollout(house, ended);
  const { specialist, version, strategy, state, error } = ended;
  const details = { version, strategy, deployment_id: ended.deployment_id, error: error?.message ?? null };
  house.log(`rollout.${state}`, { specialist, ...details });
  // pods that follow by themselves, unasked: nothing was done that somebody could answer for
  if (strategy === "pull" && state === "done") return ended;
  const entry = { at: house.now(), actor: house.actor, action: `rollout.${state}`, subject: specialist, details };
  await house.store.appendAudit([entry]);
  return ended;
}

/** Registry first, so that pods which start from now on load the predecessor; then the pods that run. */
async function takeBack(
  house: House,
  change: RolloutChange,
  failed: RolloutRecord,
  by: string,
  signal: AbortSignal,
): Promise<RolloutRecord> {
  const { specialist, version } = change;
  const reason = `its rollout failed: ${failed.error?.message ?? ""}`.slice(0, 1_500);
  const back = await rollback(house, { specialist, by, reason }).catch((error: unknown) => {
    // every version before was taken back itself: the newest stays, and the record says that it failed
    if (isRequeenError(error, "no_predecessor")) return null;
    throw error;
  });
  if (back === null) return failed;
  const restored = await currentChange(house, specialist);
  if (restored === null || restored.version !== back.version)
    throw new RequeenError(
      "conflict",
      `${specialist}: the rollback to version ${back.version} did not hold; another change came between`,
    );
  const second = await carryOut(house, restored, signal);
  const state = second.state === "failed" ? "failed" : "rolled_back";
  const record: RolloutRecord = { ...second, state, error: failed.error };
  await endRollout(house, record);
  house.log("rollout.taken_back", { specialist, version, restored: restored.version, restored_rollout: second.state });
  return record;
}

/**
 * Carries out what somebody changed without a run, or what a crash left: for every specialist whose production version has no settled
 * rollout. Does nothing while paused, but for rollbacks.
 */
export async function settleRollouts(house: House, signal: AbortSignal, by: string): Promise<RolloutRecord[]> {
  const paused = (await readPause(house)) !== null;
  const settled: RolloutRecord[] = [];
  for (const { name } of house.specialists) {
    const [change, record] = [await currentChange(house, name), await readRollout(house, name)];
    if (change === null || (paused && change.action === "promote")) continue;
    if (record?.deployment_id === change.deploymentId && isSettled(record)) continue;
    const done = await rollOut(house, name, { signal, by });
    if (done !== null) settled.push(done);
  }
  return settled;
}

/** One line of `requeen rollout status`; also the shape of `--json`. */
export interface ShownRollout {
  readonly specialist: string;
  /** In production by the registry; null = none. */
  readonly champion: string | null;
  /** `none`: nothing in production; `pending`: what is in production has not been carried out yet; else the state of the last rollout. */
  readonly state: "none" | "pending" | RolloutRecord["state"];
  readonly strategy: RolloutRecord["strategy"];
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly pods: readonly PodReport[];
  readonly error: RolloutRecord["error"];
}

export async function showRollout(house: House, name: string): Promise<ShownRollout> {
  const [change, record] = [await currentChange(house, name), await readRollout(house, name)];
  const strategy = (house.rollout ?? FOLLOWING).strategy;
  if (change === null)
    return { specialist: name, champion: null, state: "none", strategy, started_at: null, ended_at: null, pods: [], error: null };
  if (record === null || record.deployment_id !== change.deploymentId)
    return {
      specialist: name,
      champion: change.version,
      state: "pending",
      strategy,
      started_at: null,
      ended_at: null,
      pods: [],
      error: null,
    };
  const { state, started_at, ended_at, pods, error } = rolloutRecordSchema.encode(record);
  return { specialist: name, champion: change.version, state, strategy: record.strategy, started_at, ended_at, pods, error };
}

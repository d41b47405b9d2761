import { setTimeout as pause } from "node:timers/promises";
import { isRequeenError } from "../core/errors.ts";
import type { ClusterApi } from "./api.ts";
import type { Lease } from "./kinds.ts";

export interface LeaderOptions {
  readonly api: ClusterApi;
  readonly namespace: string;
  readonly name: string;
  /** Names this replica: pod name and something that no other process of it has. */
  readonly identity: string;
  /** Wall clock, for the times that people read in the Lease. */
  readonly now: () => number;
  /** A clock that only goes forward, milliseconds: how long others have been silent is measured by it, and never by their clocks. */
  readonly clock: () => number;
  readonly signal: AbortSignal;
  readonly log: (event: string, details: Readonly<Record<string, unknown>>) => void;
  /** A leader that has not renewed for this long leads no more, and another takes over. Default 15 s, as Kubernetes' own. */
  readonly durationMs?: number;
  /** Default a third of it. */
  readonly renewEveryMs?: number;
}

/**
 * Takes part in an election by a Lease of coordination.k8s.io until the signal aborts; while elected, runs `lead` with a signal that aborts
 * when the leadership is lost or can no longer be proved. A replica stops before another may start: it counts from before its last renewal
 * was sent. At the end the Lease is given back, so that the next one need not wait.
 * @throws what `lead` throws; forbidden, unauthenticated, bad_request of the API server
 */
export async function leadUntilStopped(options: LeaderOptions, lead: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const { signal, log, durationMs = 15_000, renewEveryMs = durationMs / 3 } = options;
  const seen: Seen = { version: null, atMs: 0 };
  while (!signal.aborted) {
    const beganMs = options.clock();
    const lease = await attempt(options, () => acquire(options, seen, durationMs));
    if (lease === null) {
      await pause(renewEveryMs, undefined, { signal }).catch(() => undefined);
      continue;
    }
    log("leader.elected", { lease: options.name, identity: options.identity });
    await reign(options, { lease, beganMs }, durationMs, renewEveryMs, lead);
    if (!signal.aborted) log("leader.lost", { lease: options.name, identity: options.identity });
  }
}

/** The last change of the Lease that we saw, and when, by our own clock. */
interface Seen {
  version: string | null;
  atMs: number;
}

/** Null also when the API server is away: nobody is elected by silence. */
async function attempt<T>({ log }: LeaderOptions, work: () => Promise<T | null>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    // conflict: another was faster
    if (!isRequeenError(error) || !["conflict", "already_exists", "cluster_unavailable", "not_found"].includes(error.code))
      throw error;
    if (error.code === "cluster_unavailable") log("leader.unknown", { message: error.message });
    return null;
  }
}

const MICROSECONDS = "000Z";
const micro = (ms: number): string => new Date(ms).toISOString().replace("Z", MICROSECONDS);

function specOf({ identity, now }: LeaderOptions, durationMs: number, before: Lease["spec"]): NonNullable<Lease["spec"]> {
  const same = before?.holderIdentity === identity;
  return {
    holderIdentity: identity,
    leaseDurationSeconds: Math.max(1, Math.round(durationMs / 1_000)),
    acquireTime: same && before?.acquireTime !== undefined ? before.acquireTime : micro(now()),
    renewTime: micro(now()),
    leaseTransitions: (before?.leaseTransitions ?? 0) + (same || before === undefined ? 0 : 1),
  };
}

/** Takes the Lease if it is free, ours, or unchanged for its whole duration under our eyes; null when another holds it. */
async function acquire(options: LeaderOptions, seen: Seen, durationMs: number): Promise<Lease | null> {
  const { api, namespace, name, identity, clock } = options;
  const found = await api.get("leases", namespace, name);
  if (found === null) {
    const metadata = { name, namespace, labels: { "app.kubernetes.io/name": "requeen" } };
    return api.create("leases", namespace, {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata,
      spec: specOf(options, durationMs, undefined),
    });
  }
  const version = found.metadata.resourceVersion ?? "";
  if (seen.version !== version) {
    seen.version = version;
    seen.atMs = clock();
  }
  const holder = found.spec?.holderIdentity ?? "";
  const patienceMs = (found.spec?.leaseDurationSeconds ?? durationMs / 1_000) * 1_000;
  if (holder !== "" && holder !== identity && clock() - seen.atMs < patienceMs) return null;
  return api.replace("leases", namespace, { ...found, spec: specOf(options, durationMs, found.spec) });
}

interface Elected {
  readonly lease: Lease;
  /** When the taking of the Lease was begun: others count from later. */
  readonly beganMs: number;
}

async function reign(
  options: LeaderOptions,
  elected: Elected,
  durationMs: number,
  renewEveryMs: number,
  lead: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { signal, clock } = options;
  const lost = new AbortController();
  const ended = new AbortController();
  const renewing = renew(options, elected, durationMs, renewEveryMs, lost, AbortSignal.any([signal, ended.signal]));
  // whatever a renewal waits for, the end of our time is kept
  const guard = setInterval(() => {
    if (clock() - renewing.lastMs() > durationMs - renewEveryMs / 2) lost.abort(new Error("the lease was not renewed in time"));
  }, renewEveryMs / 4);
  try {
    await lead(AbortSignal.any([signal, lost.signal]));
  } catch (error) {
    // work that stops because we no longer lead is no failure
    if (!lost.signal.aborted) throw error;
  } finally {
    clearInterval(guard);
    ended.abort();
    const lease = await renewing.done;
    if (!lost.signal.aborted && lease !== null) await release(options, lease);
  }
}

/** Renews until told to end; aborts `lost` when another holds the Lease. `done` gives the Lease as last written, null when it is not ours. */
function renew(
  options: LeaderOptions,
  elected: Elected,
  durationMs: number,
  renewEveryMs: number,
  lost: AbortController,
  stop: AbortSignal,
): { lastMs: () => number; done: Promise<Lease | null> } {
  const { api, namespace, name, identity, clock } = options;
  let lastMs = elected.beganMs;
  const work = async (): Promise<Lease | null> => {
    let lease = elected.lease;
    while (!stop.aborted && !lost.signal.aborted) {
      await pause(renewEveryMs, undefined, { signal: stop }).catch(() => undefined);
      if (stop.aborted) return lease;
      const beganMs = clock();
      const renewed = await attempt(options, () =>
        api.replace("leases", namespace, { ...lease, spec: specOf(options, durationMs, lease.spec) }),
      );
      if (renewed !== null) {
        lease = renewed;
        lastMs = beganMs;
        continue;
      }
      const found = await attempt(options, () => api.get("leases", namespace, name));
      // a renewal whose answer was lost is ours all the same
      if (found !== null && found.spec?.holderIdentity === identity) lease = found;
      else if (found !== null) lost.abort(new Error(`${found.spec?.holderIdentity ?? "nobody"} holds the lease`));
    }
    return lost.signal.aborted ? null : lease;
  };
  const done = work().catch((error: unknown) => {
    lost.abort(error);
    return null;
  });
  return { lastMs: () => lastMs, done };
}

/** Nobody waits for a lease that was given back. A server that is away keeps it until it expires. */
async function release(options: LeaderOptions, lease: Lease): Promise<void> {
  const spec = { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1 };
  await attempt(options, () => options.api.replace("leases", options.namespace, { ...lease, spec }));
}

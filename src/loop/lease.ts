import { hostname } from "node:os";
import { RequeenError } from "../core/errors.ts";
import type { House } from "./house.ts";

const TTL_MS = 60_000;
const RENEW_EVERY_MS = 15_000;
const RENEWALS_MISSED = 3;

/** Names a process so that others can tell whether it still lives: host, process id, and a random part against reuse of the id. */
export const leaseOwner = (random: string): string => `${hostname()}:${process.pid}:${random}`;

/**
 * Runs `work` under the lease `name`. The lease is renewed while the work goes on; when it is lost, `signal` aborts. A lease whose process
 * is dead on this machine is taken over at once; one of another machine when it expires.
 * @throws RequeenError conflict when a living process holds it; lease_lost when it was lost in the middle.
 */
export async function underLease<T>(
  house: Pick<House, "store" | "owner" | "leaseNow">,
  name: string,
  signal: AbortSignal | undefined,
  work: (lease: { fence: number; signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  await dropDead(house, name);
  const taken = await house.store.acquireLease(name, house.owner, TTL_MS, house.leaseNow());
  if (taken === null) {
    const holder = (await house.store.getLease(name))?.owner ?? "another process";
    throw new RequeenError("conflict", `${name} is being worked on by ${holder}`, { lease: name, holder });
  }
  const lost = new AbortController();
  let failures = 0;
  const renew = async (): Promise<void> => {
    try {
      const kept = await house.store.renewLease(name, house.owner, taken.fence, TTL_MS, house.leaseNow());
      failures = 0;
      if (!kept) lost.abort(new RequeenError("lease_lost", `another process took over ${name}`, { lease: name }));
    } catch (error) {
      // the store is away: tried again, until the lease may have expired; the next write would be refused by the fence all the same
      failures += 1;
      if (failures >= RENEWALS_MISSED) lost.abort(error);
    }
  };
  const timer = setInterval(() => void renew(), RENEW_EVERY_MS);
  timer.unref();
  try {
    return await work({
      fence: taken.fence,
      signal: signal === undefined ? lost.signal : AbortSignal.any([signal, lost.signal]),
    });
  } finally {
    clearInterval(timer);
    await house.store.releaseLease(name, house.owner, taken.fence);
  }
}

/** Whether a living process holds the lease. */
export async function isHeld(house: Pick<House, "store" | "leaseNow">, name: string): Promise<boolean> {
  const lease = await house.store.getLease(name);
  return lease !== null && lease.expires_at > house.leaseNow() && !isDeadHere(lease.owner);
}

async function dropDead(house: Pick<House, "store">, name: string): Promise<void> {
  const lease = await house.store.getLease(name);
  if (lease !== null && isDeadHere(lease.owner)) await house.store.releaseLease(name, lease.owner, lease.fence);
}

/** True only if the owner ran on this machine and its process is gone. */
export function isDeadHere(owner: string): boolean {
  const [host, pid] = owner.split(":");
  if (host !== hostname() || Number(pid) === process.pid) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    // EPERM: it lives, and belongs to someone else
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

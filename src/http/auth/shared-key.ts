import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { RequeenError } from "../../core/errors.ts";
import type { Store } from "../../store/store.ts";

/** Belongs to this store and is not moved to another. */
const KEY = "requeen:session-key";
const LEASE_MS = 5_000;
const ATTEMPTS = 40;
const BETWEEN_MS = 50;

/**
 * The key of the sessions of all servers that share a store, made by the first of them.
 * @param owner names this process in leases.
 * @param leaseNow the machine's clock, by which leases are compared.
 * @throws RequeenError store_unavailable
 */
export async function readSharedKey(
  store: Pick<Store, "getSetting" | "putSetting" | "acquireLease" | "releaseLease">,
  owner: string,
  leaseNow: () => number,
): Promise<string> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const found = await store.getSetting(KEY);
    if (typeof found === "string") return found;
    const lease = await store.acquireLease(KEY, owner, LEASE_MS, leaseNow());
    if (lease !== null) {
      try {
        const made = await store.getSetting(KEY);
        if (typeof made === "string") return made;
        const key = randomBytes(32).toString("base64url");
        await store.putSetting(KEY, key);
        return key;
      } finally {
        await store.releaseLease(KEY, owner, lease.fence);
      }
    }
    await pause(BETWEEN_MS);
  }
  throw new RequeenError("store_unavailable", "another server has been making the key of the sessions for too long; start again");
}

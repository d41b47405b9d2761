import { changedKeys, type Fingerprint, fingerprintOf } from "../config/fingerprint.ts";
import type { Config } from "../config/read-config.ts";
import type { Sealer } from "../http/auth/sealer.ts";
import type { House } from "../loop/house.ts";

/** Belongs to this store and is not moved to another. */
const SETTING = "requeen:configuration";

/**
 * Notes in the audit log which keys of the configuration differ from those that the last server of this store ran with. Values are never
 * written, only keyed digests of them.
 */
export async function recordConfigChange(house: House, config: Config, sealer: Sealer): Promise<void> {
  const after = fingerprintOf(config, (text) => sealer.sign("configuration", text));
  const before = (await house.store.getSetting(SETTING)) as Fingerprint | null; // written below
  const keys = before === null ? [] : changedKeys(before, after);
  if (keys === null || keys.length > 0) {
    // with another session key the digests say nothing about each other
    const details = keys === null ? { keys: null, session_key: "changed" } : { keys };
    await house.store.appendAudit([
      { at: house.now(), actor: house.actor, action: "config.change", subject: "configuration", details },
    ]);
  }
  if (before === null || keys === null || keys.length > 0) await house.store.putSetting(SETTING, after);
}

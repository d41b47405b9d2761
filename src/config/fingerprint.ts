import { leavesOf } from "./describe-type.ts";
import type { Config } from "./read-config.ts";
import { configSchema } from "./schema.ts";
import { Secret } from "./secret.ts";

/** A digest of each value of a configuration, by key: enough to see what changed, nothing to learn a value from. */
export interface Fingerprint {
  /** Names the key of the digests: those of another key cannot be compared. */
  readonly by: string;
  readonly digests: Readonly<Record<string, string>>;
}

/** @param sign a keyed digest: a short password must not be found by trying. */
export function fingerprintOf(config: Config, sign: (text: string) => string): Fingerprint {
  const entries = leavesOf(configSchema).map(({ key }) => {
    const value = at(config, key);
    const text = value instanceof Secret ? value.reveal() : JSON.stringify(value ?? null);
    return [key, sign(`${key}=${text}`).slice(0, 22)] as const;
  });
  return { by: sign("by").slice(0, 22), digests: Object.fromEntries(entries) };
}

/** Keys whose values differ, sorted; null when the two cannot be compared. */
export function changedKeys(before: Fingerprint, after: Fingerprint): string[] | null {
  if (before.by !== after.by) return null;
  const keys = new Set([...Object.keys(before.digests), ...Object.keys(after.digests)]);
  return [...keys].filter((key) => before.digests[key] !== after.digests[key]).sort();
}

const at = (value: unknown, key: string): unknown =>
  key
    .split(".")
    .reduce<unknown>(
      (inside, name) => (typeof inside === "object" && inside !== null ? Reflect.get(inside, name) : undefined),
      value,
    );

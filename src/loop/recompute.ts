import type { Policy } from "../core/policy.ts";
import { findVerdict, type Recomputed, recompute } from "./decide-step.ts";
import type { House } from "./house.ts";
import { verdictKey } from "./verdicts.ts";

export interface RecomputedVerdict extends Recomputed {
  /** Another policy was asked: `same` then compares with what the policy in force said. */
  readonly policy_changed: boolean;
  /** Where stored and computed verdict differ, as paths like `test.mid_p`: at most 20. */
  readonly differs_at: readonly string[];
  /** Version of the gate that computed the stored verdict, and of this program's; where they differ, so may the bytes. */
  readonly gate_versions: { readonly stored: number; readonly computed: number };
}

/** @param policy another policy, for "what if". @throws RequeenError verdict_not_found, run_not_found, digest_mismatch, not_found */
export async function recomputeVerdict(house: House, id: string, policy: Policy | undefined): Promise<RecomputedVerdict> {
  const stored = await findVerdict(house, await verdictKey(house, id));
  const recomputed = await recompute(house, stored.verdict_id, policy);
  const differs_at = recomputed.same ? [] : differences(stored.verdict, recomputed.verdict).slice(0, MOST_DIFFERENCES);
  const gate_versions = { stored: stored.verdict.gate_version ?? 1, computed: recomputed.verdict.gate_version ?? 1 };
  return { ...recomputed, policy_changed: policy !== undefined, differs_at, gate_versions };
}

const MOST_DIFFERENCES = 20;

/** Paths of the values in which two JSON values differ, in order. */
function differences(stored: unknown, computed: unknown, path = ""): string[] {
  if (Object.is(stored, computed)) return [];
  if (typeof stored !== "object" || typeof computed !== "object" || stored === null || computed === null) return [path];
  const names = new Set([...Object.keys(stored), ...Object.keys(computed)]);
  return [...names].flatMap((name) => {
    const inside = Array.isArray(stored) ? `${path}[${name}]` : path === "" ? name : `${path}.${name}`;
    return differences(Reflect.get(stored, name), Reflect.get(computed, name), inside);
  });
}

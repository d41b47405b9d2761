import { RequeenError } from "../core/errors.ts";
import { POLICY_PRESETS, type Policy, policyProblems, readPolicy } from "../core/policy.ts";
import type { Specialist } from "../core/specialist.ts";
import type { Problem } from "./explain-issue.ts";
import { didYouMean } from "./nearest.ts";
import type { CheckedConfig } from "./schema.ts";

type PolicySource = Pick<CheckedConfig, "policies" | "overrides">;

/**
 * The policy of a specialist: a preset, one of the configuration's `policies`, or one written out in place; the overrides laid over it.
 * @throws bad_config when there is no policy of this name, it cannot be read, or it contradicts itself.
 */
export function policyOf(config: PolicySource, specialist: Pick<Specialist, "name" | "policy">): Policy {
  const known = resolvedIn(config);
  const key = typeof specialist.policy === "string" ? specialist.policy : JSON.stringify([specialist.name, specialist.policy]);
  const policy = known.get(key) ?? withOverrides(config, readNamed(config, specialist.policy, specialist.name));
  known.set(key, policy);
  return policy;
}

/** Policies by what names them: a configuration does not change, and reading one policy costs milliseconds of every start. */
const RESOLVED = new WeakMap<PolicySource, Map<string, Policy>>();

function resolvedIn(config: PolicySource): Map<string, Policy> {
  const known = RESOLVED.get(config) ?? new Map<string, Policy>();
  RESOLVED.set(config, known);
  return known;
}

function readNamed({ policies }: PolicySource, policy: Specialist["policy"], specialist: string): Policy {
  if (typeof policy !== "string") return readPolicy({ name: specialist, ...policy });
  const own = policies[policy];
  if (own !== undefined) return readPolicy({ name: policy, ...own });
  const presets = Object.keys(POLICY_PRESETS);
  if (presets.includes(policy)) return readPolicy({ preset: policy });
  const known = [...presets, ...Object.keys(policies)];
  const hint = didYouMean(policy, known);
  throw new RequeenError("bad_config", `there is no policy "${policy}".${hint} Known: ${known.join(", ")}`, { policy, known });
}

function withOverrides({ overrides }: PolicySource, policy: Policy): Policy {
  const changed: Policy = {
    ...policy,
    trigger: {
      ...policy.trigger,
      enabled: overrides.triggerEnabled ?? policy.trigger.enabled,
      threshold: overrides.triggerThreshold ?? policy.trigger.threshold,
    },
    floors: {
      ...policy.floors,
      precision: overrides.floorPrecision ?? policy.floors.precision,
      recall: overrides.floorRecall ?? policy.floors.recall,
      f1: overrides.floorF1 ?? policy.floors.f1,
    },
    improvement: { ...policy.improvement, min_f1_gain: overrides.minF1Gain ?? policy.improvement.min_f1_gain },
  };
  const problems = policyProblems(changed);
  if (problems.length === 0) return changed;
  const message = `policy ${policy.name} with these overrides contradicts itself: ${problems.join("; ")}`;
  throw new RequeenError("bad_config", message, { problems });
}

/** What is wrong with the policies of a configuration: those written out, and those that specialists name. */
export function checkPolicies(config: CheckedConfig): Problem[] {
  const written = Object.entries(config.policies).flatMap(([name, data]) =>
    problemOf(["policies", name], `policies.${name}`, () => readPolicy({ name, ...data })),
  );
  if (written.length > 0) return written;
  const seen = new Set<unknown>();
  for (const [index, specialist] of config.specialists.entries()) {
    if (seen.has(specialist.policy)) continue;
    seen.add(specialist.policy);
    const named = problemOf(["specialists", index, "policy"], `specialists[${index}].policy`, () =>
      readNamed(config, specialist.policy, specialist.name),
    );
    if (named.length > 0) return named;
    const overridden = problemOf(["overrides"], "overrides", () => policyOf(config, specialist));
    if (overridden.length > 0) return overridden;
  }
  return [];
}

function problemOf(path: readonly PropertyKey[], key: string, read: () => Policy): Problem[] {
  try {
    read();
    return [];
  } catch (error) {
    if (!(error instanceof RequeenError)) throw error;
    return [{ key, rule: `is refused: ${error.message.replace(/^bad_config: /, "")}`, got: null, path }];
  }
}

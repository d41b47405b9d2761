import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { Config } from "../config/read-config.ts";
import { RequeenError } from "../core/errors.ts";
import { POLICY_PRESETS, type Policy, type PolicyPreset, readPolicy } from "../core/policy.ts";
import type { OptionSpecs } from "./command.ts";

export const POLICY_OPTION = {
  policy: {
    summary: "a preset, a policy of the configuration, or a YAML or JSON file",
    value: "<name|file>",
    type: z.string().optional(),
  },
} as const satisfies OptionSpecs;

/**
 * The policy that a person names on the command line.
 * @throws RequeenError bad_parameter when nothing has this name, bad_config when it cannot be read or contradicts itself.
 */
export async function choosePolicy(config: Pick<Config, "policies">, choice: string): Promise<Policy> {
  const own = config.policies[choice];
  if (own !== undefined) return readPolicy({ name: choice, ...own });
  if (isPreset(choice)) return readPolicy({ preset: choice });
  const { parse } = await import("yaml");
  try {
    return readPolicy(parse(await readFile(choice, "utf8")));
  } catch (cause) {
    if (cause instanceof RequeenError) throw cause;
    const known = [...Object.keys(POLICY_PRESETS), ...Object.keys(config.policies)];
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RequeenError(
      "bad_parameter",
      `--policy must be one of ${known.join(", ")}, or a file that can be read; got ${choice} (${reason})`,
      { policy: choice },
      { cause },
    );
  }
}

const isPreset = (name: string): name is PolicyPreset => Object.hasOwn(POLICY_PRESETS, name);

import { z } from "zod";
import { roleSchema } from "../../core/identity.ts";
import { PROGRAM_ROLES, TOKEN_TIERS, type TokenTier } from "../../core/token.ts";
import { createToken, type MadeToken } from "../../loop/tokens.ts";
import { defineCommand } from "../command.ts";

type Created = MadeToken & { readonly dry_run: boolean };

export const tokenCreate = defineCommand({
  name: "token create",
  summary: "Make an API key for a program; the key is shown once.",
  details:
    "A program's labels are of tier rule, or of tier bulk when a named person answers for them; they never count as those of a person who " +
    "looked. Only a digest of the key is stored: who loses it revokes it and makes another one.",
  arguments: {},
  options: {
    name: {
      summary: "names the program: its labels are those of the reviewer program:<name>",
      value: "<name>",
      type: z.string(),
    },
    role: {
      summary: `what it may do; several times for several: ${PROGRAM_ROLES.join(", ")}`,
      value: "<role>",
      many: true,
      type: z.array(roleSchema).min(1).default(["program"]),
    },
    specialist: {
      summary: "only this specialist; several times for several; without it, all",
      value: "<name>",
      many: true,
      type: z.array(z.string()).min(1).optional(),
    },
    tier: {
      summary: "tier of its labels",
      value: "<tier>",
      type: z.enum(Object.keys(TOKEN_TIERS) as TokenTier[]).default("rule"),
    },
    vouchedBy: { summary: "who answers for labels of tier bulk; by default you", value: "<person>", type: z.string().optional() },
    expiresIn: { summary: "90d, 12h, 15m or never", value: "<time>", type: z.string().default("90d") },
  },
  examples: [
    { line: "requeen token create --name ci-judge", does: "a key that sends opinions and rule labels for 90 days" },
    {
      line: "requeen token create --name tickets-2025 --tier bulk --vouched-by anna --specialist technical --expires-in 12h",
      does: "a key for an import that a person answers for",
    },
    { line: "requeen token create --name trainer --role registry_writer --expires-in never", does: "a key for MLflow clients" },
  ],
  changes: true,
  run: async ({ name, role, specialist, tier, vouchedBy, expiresIn }, { openHouse, dryRun }): Promise<Created> => {
    const wanted = { name, roles: role, specialists: specialist ?? null, tier, vouchedBy: vouchedBy ?? null, expiresIn };
    return { ...(await createToken(await openHouse(), wanted, dryRun)), dry_run: dryRun };
  },
  render: ({ token, token_id, name, roles, expires_at, dry_run }) =>
    dry_run
      ? `Would be made: ${name} (${roles.join(", ")}), ends ${expires_at ?? "never"}.`
      : `${token}\n\nThe key of ${name} (${roles.join(", ")}); it ends ${expires_at ?? "never"}. It is shown this once: keep it where secrets are kept.\n` +
        `Send it as \`Authorization: Bearer <key>\`. To end it: requeen token revoke ${token_id}`,
});

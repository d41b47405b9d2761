import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { revokeToken, type ShownToken, showToken } from "../../loop/tokens.ts";
import { defineCommand } from "../command.ts";

type Revoked = ShownToken & { readonly dry_run: boolean };

export const tokenRevoke = defineCommand({
  name: "token revoke",
  summary: "End an API key for good.",
  details: "Servers that run learn of it within two seconds. What the key sent before stays.",
  arguments: { token: { summary: "id of the key, as `requeen token list` shows it", type: z.string() } },
  options: {},
  examples: [{ line: "requeen token revoke 3f9a1c07b2d4e6f8", does: "end a key that was lost" }],
  changes: true,
  run: async ({ token: id }, { openHouse, dryRun }): Promise<Revoked> => {
    const house = await openHouse();
    if (!dryRun) return { ...(await revokeToken(house, id)), dry_run: false };
    const token = await house.store.getToken(id);
    if (token === null) throw new RequeenError("not_found", `no API key has the id ${id}`, { token_id: id });
    return { ...showToken(token, house.now()), dry_run: true };
  },
  render: ({ token_id, name, revoked_at, dry_run }) =>
    dry_run ? `Would be revoked: ${token_id} (${name}).` : `Revoked: ${token_id} (${name}), at ${revoked_at}.`,
});

import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { type ShownDeployment, showDeployment } from "../../loop/present.ts";
import { promote as promoteVersion } from "../../loop/promote.ts";
import { carryOutNow } from "../carry-out.ts";
import { defineCommand } from "../command.ts";
import { rehearse } from "../rehearse.ts";
import { versionOf } from "../render/figures.ts";

type Changed = ShownDeployment & { readonly dry_run: boolean };

export const promote = defineCommand({
  name: "promote",
  summary: "Put a registered version into production.",
  details: [
    "Refused (exit 9) when the version's verdict is not `promote`, and (exit 5) when it was rolled back before. --force overrides both;",
    "who did it and why is recorded. This is also how a verdict that waits for approval is approved.",
  ].join("\n"),
  arguments: {
    specialist: { summary: "whose model", type: z.string() },
    version: { summary: "which version, as `requeen models list` shows it", type: z.string() },
  },
  options: {
    reason: { summary: "why; needed with --force", value: "<text>", type: z.string().min(1).max(2000).optional() },
    force: { summary: "whatever its verdict or an earlier rollback says", type: z.boolean().default(false) },
  },
  examples: [
    { line: "requeen promote technical 4 --reason 'approved by the review board'", does: "what its verdict allows" },
    { line: "requeen promote technical 4 --dry-run", does: "whether it would be allowed" },
    { line: "requeen promote technical 3 --force --reason 'champion answers nothing'", does: "against the verdict, on record" },
  ],
  changes: true,
  run: async ({ specialist, version: typed, reason, force }, context): Promise<Changed> => {
    if (force && reason === undefined)
      throw new RequeenError("bad_parameter", "--force needs --reason, since it goes against the evidence; got none");
    const { dryRun } = context;
    const house = await context.openHouse();
    const request = {
      specialist,
      version: typed.replace(/^v(?=\d)/, ""),
      by: house.actor,
      reason: reason ?? `asked for by ${house.actor}`,
      force,
    };
    const deployment = await promoteVersion(dryRun ? rehearse(house) : house, request);
    if (!dryRun) await carryOutNow(house, specialist, context);
    return { ...showDeployment(deployment), dry_run: dryRun };
  },
  render: ({ specialist, version, predecessor, dry_run, reason }) => {
    const before = predecessor === null ? "the first" : `instead of ${versionOf(predecessor)}`;
    return dry_run
      ? `Would be allowed: ${specialist} ${versionOf(version)} goes into production, ${before}.`
      : `${specialist} ${versionOf(version)} is in production, ${before} (${reason}).\n\`requeen rollback ${specialist} --reason ...\` takes it back.`;
  },
});

import { z } from "zod";
import { ERRORS, isRequeenError, RequeenError } from "../../core/errors.ts";
import type { House } from "../../loop/house.ts";
import { type ShownDeployment, showDeployment } from "../../loop/present.ts";
import { rollback as rollbackChampion } from "../../loop/rollback.ts";
import { carryOutNow } from "../carry-out.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { versionOf } from "../render/figures.ts";

type Changed = ShownDeployment & { readonly dry_run: boolean };
/** Of --all: one entry a specialist with a champion. */
interface AllChanged {
  readonly deployments: readonly ShownDeployment[];
  /** Specialists whose champion stays, and why. */
  readonly refused: readonly { readonly specialist: string; readonly code: string; readonly message: string }[];
  readonly next: null;
  readonly dry_run: boolean;
}

export const rollback = defineCommand({
  name: "rollback",
  summary: "Take the champion back: its predecessor is in production again.",
  details: [
    "The version that failed carries a tombstone with your reason: no run promotes it again by itself. Versions that were rolled back",
    "before are passed over. One atomic change of the `champion` alias; pods that follow it need nothing else.",
  ].join("\n"),
  arguments: { specialist: { summary: "whose champion; or --all", type: z.string().optional() } },
  options: {
    reason: { summary: "why, for the tombstone and the audit log", value: "<text>", type: z.string().min(1).max(2000) },
    all: { summary: "the champions of all specialists, each one step back", type: z.boolean().default(false) },
    to: { summary: "go back to this version instead of the one before", value: "<version>", type: z.string().optional() },
  },
  examples: [
    { line: "requeen rollback technical --reason 'rejects every database plan since noon'", does: "one step back" },
    { line: "requeen rollback technical --to 2 --reason 'versions 3 and 4 leak memory'", does: "to a version of your choice" },
    { line: "requeen rollback --all --reason 'the import of Monday was wrong'", does: "every specialist one step back" },
    { line: "requeen rollback technical --reason test --dry-run", does: "where it would go" },
  ],
  changes: true,
  run: async ({ specialist, reason, all, to }, context): Promise<Changed | AllChanged> => {
    const { dryRun } = context;
    if ((specialist === undefined) !== all)
      throw new RequeenError("bad_parameter", `either a specialist or --all must be given; got ${all ? "both" : "neither"}`);
    if (all && to !== undefined)
      throw new RequeenError("bad_parameter", "--to names a version of one specialist; got it with --all");
    const house = await context.openHouse();
    if (specialist === undefined) return rollbackAll(house, reason, context);
    const toVersion = to?.replace(/^v(?=\d)/, "");
    const deployment = await rollbackChampion(house, { specialist, by: house.actor, reason, toVersion, dryRun });
    if (!dryRun) await carryOutNow(house, specialist, context);
    return { ...showDeployment(deployment), dry_run: dryRun };
  },
  render: (result) =>
    "deployments" in result
      ? [
          ...result.deployments.map((deployment) => renderOne({ ...deployment, dry_run: result.dry_run })),
          ...result.refused.map(({ message }) => `Stays: ${message}`),
        ].join("\n")
      : renderOne(result),
  exitCode: (result) => ("refused" in result && result.deployments.length === 0 ? ERRORS.no_predecessor.exit : 0),
});

/** One after the other: registry first for all, since that is what new pods load; then the pods. */
async function rollbackAll(house: House, reason: string, context: CommandContext): Promise<AllChanged> {
  const { dryRun } = context;
  const deployments: ShownDeployment[] = [];
  const refused: AllChanged["refused"][number][] = [];
  for (const { name } of house.specialists) {
    try {
      deployments.push(showDeployment(await rollbackChampion(house, { specialist: name, by: house.actor, reason, dryRun })));
    } catch (error) {
      if (!isRequeenError(error) || !["no_champion", "no_predecessor"].includes(error.code)) throw error;
      refused.push({ specialist: name, code: error.code, message: error.message.replace(`${error.code}: `, "") });
    }
  }
  if (!dryRun) for (const { specialist } of deployments) await carryOutNow(house, specialist, context);
  return { deployments, refused, next: null, dry_run: dryRun };
}

function renderOne({ specialist, version, tombstone, state, dry_run }: Changed): string {
  const target = version === null ? "nothing" : `${specialist} ${versionOf(version)}`;
  if (dry_run) return `Would go back: ${target} instead of ${versionOf(tombstone)}, which gets a tombstone.`;
  if (state !== "done")
    return `The rollback to ${target} is ${state}; \`requeen history ${specialist}\` shows what is in production.`;
  return `${target} is in production again. ${versionOf(tombstone)} has a tombstone and is not promoted by itself any more.`;
}

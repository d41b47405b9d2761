import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import type { Run } from "../../core/run.ts";
import { isEnded } from "../../core/run.ts";
import { everyItem, findRun } from "../../loop/find-record.ts";
import type { House } from "../../loop/house.ts";
import { isHeld } from "../../loop/lease.ts";
import { type ShownList, type ShownRun, showList, showRuns } from "../../loop/present.ts";
import { resumeRun } from "../../loop/retrain.ts";
import { leaseOfRun } from "../../loop/run-steps.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { renderOutcomes, renderRunTable } from "../render/runs.ts";
import { exitCodeOf, watchRuns } from "../watch-runs.ts";

type Resumed = ShownList<"runs", ShownRun> & { readonly dry_run: boolean };

export const runsResume = defineCommand({
  name: "runs resume",
  summary: "Go on with a run that a crash, Ctrl-C or an absent server left.",
  details:
    "Steps that had ended are not done again. A run that another living process drives is left to it. Exit codes as of `requeen retrain`.",
  arguments: { run: { summary: "id, or its first digits; none with --all", type: z.string().optional() } },
  options: { all: { summary: "every run that is not ended", type: z.boolean().default(false) } },
  examples: [
    { line: "requeen runs resume run-3f9a1c07b2", does: "one run" },
    { line: "requeen runs resume --all", does: "everything that was left" },
  ],
  changes: true,
  run: async ({ run: id, all }, context): Promise<Resumed> => {
    if ((id === undefined) !== all)
      throw new RequeenError("bad_parameter", `either a run or --all must be given; got ${all ? "both" : "neither"}`);
    const house = await context.openHouse();
    const runs = id === undefined ? await abandonedRuns(house, context) : [await findRun(house, id)];
    const ended = runs.find(isEnded);
    if (ended !== undefined)
      throw new RequeenError("conflict", `run ${ended.run_id} must not have ended; it is ${ended.state}`, {
        run_id: ended.run_id,
        state: ended.state,
      });
    if (context.dryRun) return { ...showList("runs", await showRuns(house, runs), null), dry_run: true };
    const turns = runs.map((run) => ({
      specialist: run.specialist,
      runId: run.run_id,
      drive: (options: Parameters<typeof resumeRun>[2]) => resumeRun(house, run.run_id, options),
    }));
    return { ...showList("runs", await watchRuns(house, context, turns), null), dry_run: false };
  },
  render: ({ runs, dry_run }, terminal) => {
    if (runs.length === 0) return "No run was left: all have ended, or a process drives them.";
    return dry_run ? `Would be resumed:\n${renderRunTable(runs, terminal)}` : renderOutcomes(runs, terminal);
  },
  exitCode: ({ runs, dry_run }) => (dry_run ? 0 : exitCodeOf(runs)),
});

/** Runs that are not ended and that no living process drives. */
async function abandonedRuns(house: House, { terminal }: Pick<CommandContext, "terminal">): Promise<Run[]> {
  const runs: Run[] = [];
  for await (const run of everyItem((page) => house.store.listRuns({ state: "running" }, page))) {
    if (await isHeld(house, leaseOfRun(run)))
      terminal.note(`${run.run_id} of ${run.specialist} is driven by another process: left to it`);
    else runs.push(run);
  }
  return runs;
}

import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { isEnded } from "../../core/run.ts";
import { findRun } from "../../loop/find-record.ts";
import { type ShownRun, showRuns } from "../../loop/present.ts";
import { cancelRun } from "../../loop/retrain.ts";
import { defineCommand } from "../command.ts";

type Cancelled = ShownRun & { readonly dry_run: boolean };

export const runsCancel = defineCommand({
  name: "runs cancel",
  summary: "End a run for good; what it registered stays, nothing is promoted.",
  details: "A run that another process drives is ended there, within seconds; its Job in a cluster is deleted.",
  arguments: { run: { summary: "id, or its first digits", type: z.string() } },
  options: {},
  examples: [{ line: "requeen runs cancel run-3f9a1c07b2", does: "give up a run that a crash left" }],
  changes: true,
  run: async ({ run: id }, { openHouse, dryRun }): Promise<Cancelled> => {
    const house = await openHouse();
    const found = await findRun(house, id);
    if (isEnded(found))
      throw new RequeenError("conflict", `run ${found.run_id} must not have ended; it is ${found.state}`, {
        run_id: found.run_id,
        state: found.state,
      });
    const run = dryRun ? found : await cancelRun(house, found.run_id, house.actor);
    const [shown] = await showRuns(house, [run]);
    if (shown === undefined) throw new Error("one run went in and none came back");
    return { ...shown, dry_run: dryRun };
  },
  render: ({ run_id, specialist, dry_run }) =>
    dry_run ? `Would be cancelled: ${run_id} of ${specialist}.` : `Cancelled: ${run_id} of ${specialist}. Nothing was promoted.`,
});

import { z } from "zod";
import { runStateSchema } from "../../core/run.ts";
import { specialistOf } from "../../loop/house.ts";
import { type ShownList, type ShownRun, showList, showRuns } from "../../loop/present.ts";
import { defineCommand } from "../command.ts";
import { moreLine, PAGE_OPTIONS, SPECIALIST_OPTION } from "../page-options.ts";
import { renderRunTable } from "../render/runs.ts";

export const runsList = defineCommand({
  name: "runs list",
  summary: "List retraining runs, newest first.",
  details: "CHAMPION shows the version in production by the run: `v3 -> v4` where it promoted, one version where it did not.",
  arguments: {},
  options: {
    ...SPECIALIST_OPTION,
    state: { summary: "only in this state", value: "<state>", type: z.enum(runStateSchema.options).optional() },
    ...PAGE_OPTIONS,
  },
  examples: [
    { line: "requeen runs list --specialist technical", does: "one specialist's runs" },
    { line: "requeen runs list --state running", does: "what is under way, or was left by a crash" },
  ],
  changes: false,
  run: async ({ specialist, state, limit, cursor }, { openHouse }): Promise<ShownList<"runs", ShownRun>> => {
    const house = await openHouse();
    if (specialist !== undefined) specialistOf(house, specialist);
    const { items, next } = await house.store.listRuns({ specialist, state }, { limit, cursor });
    return showList("runs", await showRuns(house, items), next);
  },
  render: ({ runs, next }, terminal) =>
    runs.length === 0
      ? "No such runs. `requeen retrain --all` starts the first."
      : renderRunTable(runs, terminal) + moreLine(next),
});

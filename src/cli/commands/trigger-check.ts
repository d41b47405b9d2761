import { z } from "zod";
import { specialistOf } from "../../loop/house.ts";
import { type ShownRun, type ShownTrigger, showTrigger } from "../../loop/present.ts";
import { retrain as retrainOne } from "../../loop/retrain.ts";
import { viewTrigger } from "../../loop/trigger.ts";
import { defineCommand } from "../command.ts";
import { renderOutcomes } from "../render/runs.ts";
import { renderTriggers } from "../render/triggers.ts";
import { exitCodeOf, watchRuns } from "../watch-runs.ts";
import { namesOf, trainingOf } from "./retrain.ts";

interface TriggerCheck {
  readonly triggers: readonly ShownTrigger[];
  /** Runs that were started, ended. */
  readonly runs: readonly ShownRun[];
  readonly dry_run: boolean;
}

export const triggerCheck = defineCommand({
  name: "trigger check",
  summary: "Ask the trigger rule, and run every specialist that is READY.",
  details: [
    "For cron: `0 * * * * requeen trigger check --all`. The rule counts new, distinct labels of people since the last verdict; one set",
    "of labels never triggers twice. Exit code 0 when nothing was to run or every run ended with a verdict; else as of `requeen retrain`.",
  ].join("\n"),
  arguments: { specialist: { summary: "which specialist; none with --all", type: z.string().optional() } },
  options: {
    all: { summary: "every specialist", type: z.boolean().default(false) },
    because: {
      summary: "a drift detector or a schedule asks: skips the threshold, not the checks on labels and their number",
      value: "<drift|schedule>",
      type: z.enum(["drift", "schedule"]).optional(),
    },
  },
  examples: [
    { line: "requeen trigger check --all", does: "what a CronJob runs" },
    { line: "requeen trigger check behavior --because drift", does: "what a drift alarm calls" },
    { line: "requeen trigger check --all --dry-run", does: "who is ready, and why the others wait" },
  ],
  changes: true,
  run: async (values, context): Promise<TriggerCheck> => {
    const house = await context.openHouse();
    const names = namesOf(house, values);
    const triggers = await Promise.all(
      names.map(async (name) =>
        showTrigger(name, await viewTrigger(house, specialistOf(house, name), null, values.because ?? null)),
      ),
    );
    const ready = triggers.flatMap(({ specialist, state, cause }) =>
      state === "READY" && cause !== null ? [{ specialist, reason: cause }] : [],
    );
    if (context.dryRun) return { triggers, runs: [], dry_run: true };
    const training = trainingOf(context.config, {});
    const turns = ready.map(({ specialist, reason }) => ({
      specialist,
      drive: (options: Parameters<typeof retrainOne>[2]) =>
        retrainOne(house, { specialist, reason, by: house.actor, ...training }, options),
    }));
    return { triggers, runs: await watchRuns(house, context, turns), dry_run: false };
  },
  render: ({ triggers, runs, dry_run }, terminal) => {
    const rule = renderTriggers(triggers, dry_run ? "would run" : "ready", terminal);
    return runs.length === 0 ? rule : `${rule}\n\n${renderOutcomes(runs, terminal)}`;
  },
  exitCode: ({ runs }) => exitCodeOf(runs),
});

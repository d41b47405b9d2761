import { z } from "zod";
import { checkDrift, type ShownDrift, showDrift } from "../../loop/drift.ts";
import { specialistOf } from "../../loop/house.ts";
import type { ShownRun } from "../../loop/present.ts";
import { retrain as retrainOne } from "../../loop/retrain.ts";
import { viewTrigger } from "../../loop/trigger.ts";
import { defineCommand } from "../command.ts";
import { renderDrift } from "../render/drift.ts";
import { renderOutcomes } from "../render/runs.ts";
import { exitCodeOf, watchRuns } from "../watch-runs.ts";
import { namesOf, trainingOf } from "./retrain.ts";

/** The exit code of drift that nothing was done about. */
const DRIFT_FOUND = 10;

interface DriftChecked {
  readonly checks: readonly ShownDrift[];
  /** Runs that drift started, ended. */
  readonly runs: readonly ShownRun[];
  /** Specialists with drift for which the trigger rule allowed no run: they wait for labels, or a run has seen them. */
  readonly held_back: readonly string[];
  readonly triggered: boolean;
}

export const driftCheck = defineCommand({
  name: "drift check",
  summary: "Compare what is judged now with what the champions learnt from, feature by feature.",
  details: [
    "A feature drifted when its distribution is certainly another one (Kolmogorov-Smirnov or chi-square, all features of a specialist under",
    "one level by Holm) and far enough away (population stability index on proportions). How sure the champion is of its decisions is",
    "compared with how sure it was of the rows that judged it, and how often people agree with it. `unknown` says why nothing can be said; it is never taken for no drift. The setting `drift` has the limits.",
    "With --trigger, drift asks for a run: the threshold is skipped, the checks on labels and their number are not. Exit code 10: drift, and",
    "--trigger was not given; with it as of `requeen trigger check`.",
  ].join("\n"),
  arguments: { specialist: { summary: "which specialist; none with --all", type: z.string().optional() } },
  options: {
    all: { summary: "every specialist", type: z.boolean().default(false) },
    trigger: {
      summary: "start a run for each that drifted, as `requeen trigger check --because drift`",
      type: z.boolean().default(false),
    },
    windowHours: {
      summary: "opinions of the last hours",
      value: "<hours>",
      type: z.number().optional(),
      config: "drift.windowHours",
    },
  },
  examples: [
    { line: "requeen drift check --all --trigger", does: "what the CronJob runs every six hours" },
    { line: "requeen drift check technical --window-hours 168 --json", does: "the last week, every feature with its figures" },
  ],
  changes: true,
  run: async (values, context): Promise<DriftChecked> => {
    const house = await context.openHouse();
    const { windowHours, everyHours: _, ...limits } = context.config.drift;
    const names = namesOf(house, values);
    const checks: ShownDrift[] = [];
    for (const name of names) checks.push(showDrift(await checkDrift(house, name, { windowHours, limits }, !context.dryRun)));
    const drifted = checks.filter(({ state }) => state === "drift").map(({ specialist }) => specialist);
    if (!values.trigger || context.dryRun) return { checks, runs: [], held_back: [], triggered: false };
    const asked = await Promise.all(
      drifted.map(async (name) => ({ name, view: await viewTrigger(house, specialistOf(house, name), null, "drift") })),
    );
    const training = trainingOf(context.config, {});
    const turns = asked.flatMap(({ name: specialist, view: { decision } }) => {
      const reason = decision.cause;
      if (decision.state !== "READY" || reason === null) return [];
      const drive = (options: Parameters<typeof retrainOne>[2]) =>
        retrainOne(house, { specialist, reason, by: house.actor, ...training }, options);
      return [{ specialist, drive }];
    });
    const started = new Set(turns.map(({ specialist }) => specialist));
    return {
      checks,
      runs: await watchRuns(house, context, turns),
      held_back: drifted.filter((name) => !started.has(name)),
      triggered: true,
    };
  },
  render: ({ checks, runs, held_back }, terminal) =>
    [
      renderDrift(checks, terminal),
      ...(held_back.length === 0
        ? []
        : ["", `No run for ${held_back.join(", ")}: \`requeen trigger check --because drift --dry-run --all\` says why.`]),
      ...(runs.length === 0 ? [] : ["", renderOutcomes(runs, terminal)]),
    ].join("\n"),
  exitCode: ({ checks, runs, triggered }) => {
    if (triggered) return exitCodeOf(runs);
    return checks.some(({ state }) => state === "drift") ? DRIFT_FOUND : 0;
  },
});

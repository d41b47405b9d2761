import { z } from "zod";
import type { Config } from "../../config/read-config.ts";
import { RequeenError } from "../../core/errors.ts";
import { MODEL_TYPES } from "../../core/specialist.ts";
import type { House } from "../../loop/house.ts";
import { specialistOf } from "../../loop/house.ts";
import { viewPlan } from "../../loop/plan.ts";
import { type ShownList, type ShownRun, type ShownTrigger, showList, showTrigger } from "../../loop/present.ts";
import { type RetrainRequest, retrain as retrainOne } from "../../loop/retrain.ts";
import { viewTrigger } from "../../loop/trigger.ts";
import { defineCommand } from "../command.ts";
import { renderOutcomes } from "../render/runs.ts";
import { renderTriggers } from "../render/triggers.ts";
import type { Terminal } from "../terminal.ts";
import { exitCodeOf, watchRuns } from "../watch-runs.ts";

/** What a run would do, for `--dry-run`. */
export interface Rehearsal {
  readonly dry_run: true;
  readonly runs: readonly [];
  readonly specialists: readonly ShownTrigger[];
}
export type RunsResult = (ShownList<"runs", ShownRun> & { readonly dry_run?: undefined }) | Rehearsal;

export const retrain = defineCommand({
  name: "retrain",
  summary: "Retrain one specialist or all: train a challenger, judge it, and promote it if the verdict allows.",
  details: [
    "Asked for by a person, so threshold and cool-down do not hold; the checks on labels and on their number always do.",
    "Specialists run side by side; one that is refused or fails does not stop the others. Ctrl-C leaves runs that",
    "`requeen runs resume --all` continues. Exit code: 0 when every run ended with a verdict, 9 when any was refused for its",
    "evidence, else the code of the first error.",
  ].join("\n"),
  arguments: {
    specialist: { summary: "which specialist; none with --all", type: z.string().optional() },
  },
  options: {
    all: { summary: "every specialist", type: z.boolean().default(false) },
    modelType: {
      summary: "learner instead of the specialist's first",
      value: "<type>",
      type: z.enum(MODEL_TYPES).optional(),
    },
    tune: { summary: "search the grid of the model type", type: z.boolean().optional() },
    noPromote: { summary: "stop before the promotion, whatever the verdict", type: z.boolean().default(false) },
    windowDays: { summary: "only labels of the last days", value: "<days>", type: z.number().positive().optional() },
    seed: { summary: "seed of every random choice", value: "<number>", type: z.int().min(0).optional() },
  },
  examples: [
    { line: "requeen retrain technical", does: "one specialist" },
    { line: "requeen retrain --all", does: "all of them, side by side" },
    {
      line: "requeen retrain business --model-type gradient_boosting --no-promote",
      does: "look at another learner, change nothing in production",
    },
    { line: "requeen retrain --all --dry-run", does: "which would run, and why the others would not" },
  ],
  changes: true,
  run: async (values, context): Promise<RunsResult> => {
    const house = await context.openHouse();
    const names = namesOf(house, values);
    if (context.dryRun) return rehearseRuns(house, names);
    await notePlans(house, names, context.terminal);
    const request = (specialist: string): RetrainRequest => ({
      specialist,
      by: house.actor,
      reason: "person",
      modelType: values.modelType,
      promoteIfBetter: !values.noPromote,
      ...trainingOf(context.config, values),
    });
    const turns = names.map((specialist) => ({
      specialist,
      drive: (options: Parameters<typeof retrainOne>[2]) => retrainOne(house, request(specialist), options),
    }));
    return showList("runs", await watchRuns(house, context, turns), null);
  },
  render: (result, terminal) =>
    result.dry_run === true ? renderTriggers(result.specialists, "would run", terminal) : renderOutcomes(result.runs, terminal),
  exitCode: ({ runs }) => exitCodeOf(runs),
});

/** What the configuration says of training, and what the command line says instead. */
export function trainingOf(
  { training, environment }: Config,
  given: {
    readonly tune?: boolean | undefined;
    readonly windowDays?: number | undefined;
    readonly seed?: number | undefined;
    readonly allowSyntheticFallback?: Config["training"]["allowSyntheticFallback"] | undefined;
  },
): Pick<RetrainRequest, "hyperparameterTuning" | "windowDays" | "seed" | "minFeedbackQuality" | "allowSynthetic"> {
  const fallback = given.allowSyntheticFallback ?? training.allowSyntheticFallback;
  return {
    hyperparameterTuning: given.tune ?? training.hyperparameterTuning,
    windowDays: given.windowDays ?? training.windowDays,
    seed: given.seed ?? training.seed,
    minFeedbackQuality: training.minFeedbackQuality,
    // auto: synthetic rows may train where nothing is decided for real
    allowSynthetic: fallback === "auto" ? environment !== "production" : fallback === "true",
  };
}

/** One specialist by name or all. @throws RequeenError bad_parameter when both or neither were given, specialist_not_found */
export function namesOf(
  house: House,
  { specialist, all }: { readonly specialist?: string | undefined; readonly all: boolean },
): string[] {
  if (specialist !== undefined && all)
    throw new RequeenError("bad_parameter", `either a specialist or --all must be given; got ${specialist} and --all`);
  if (all) return house.specialists.map(({ name }) => name);
  const known = house.specialists.map(({ name }) => name).join(", ");
  if (specialist === undefined)
    throw new RequeenError("bad_parameter", `a specialist (${known}) or --all must be given; got neither`);
  return [specialistOf(house, specialist).name];
}

/** Before anything is trained: what the labels at hand could prove. */
export async function notePlans(house: House, names: readonly string[], terminal: Terminal): Promise<void> {
  for (const name of names) {
    const { plans } = await viewPlan(house, name);
    for (const { plan } of plans) terminal.note(`${name}: ${plan.sentence}`);
  }
}

/** What the trigger rule says to a person who asks now. */
export async function rehearseRuns(house: House, names: readonly string[]): Promise<Rehearsal> {
  const views = names.map(async (name) => showTrigger(name, await viewTrigger(house, specialistOf(house, name), house.actor)));
  return { dry_run: true, runs: [], specialists: await Promise.all(views) };
}

import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { MODEL_TYPES } from "../../core/specialist.ts";
import { specialistOf } from "../../loop/house.ts";
import { showList } from "../../loop/present.ts";
import { retrain as retrainOne } from "../../loop/retrain.ts";
import { defineCommand } from "../command.ts";
import { renderOutcomes } from "../render/runs.ts";
import { renderTriggers } from "../render/triggers.ts";
import { exitCodeOf, watchRuns } from "../watch-runs.ts";
import { notePlans, type RunsResult, rehearseRuns, trainingOf } from "./retrain.ts";

const switchType = z.boolean().optional();

export const train = defineCommand({
  name: "train",
  summary: "Retrain with the flags of the original training script, as MLproject and CronJobs call it.",
  details: [
    "Switches are given bare or with true or false behind them, as `mlflow run` writes them. What has no effect here is said on the",
    "way and never refused: pairs that `mlflow run` adds from other entry points, --real-data-days and --min-real-samples.",
    "--min-feedback-quality is recorded and filters nothing: a low rating is a negative, not noise. Synthetic rows never judge a model.",
    "Exit codes as of `requeen retrain`.",
  ].join("\n"),
  arguments: {
    extra: {
      summary: "pairs that this command does not know: ignored, and named",
      variadic: true,
      type: z.array(z.string()).default([]),
    },
  },
  options: {
    specialistType: { summary: "which specialist", value: "<name>", type: z.string() },
    feedbackCount: {
      summary: "how many feedbacks the caller counted; a difference is a warning",
      value: "<count>",
      type: z.int().min(0).optional(),
    },
    windowDays: { summary: "only labels of the last days", value: "<days>", type: z.number().positive().optional() },
    minFeedbackQuality: { summary: "recorded; filters nothing", value: "<rating>", type: z.number().min(0).max(1).optional() },
    modelType: {
      summary: "learner",
      value: "<type>",
      type: z.enum(MODEL_TYPES).optional(),
    },
    hyperparameterTuning: { summary: "search the grid of the model type", value: "[yes]", type: switchType },
    promoteIfBetter: { summary: "promote what the verdict promotes", value: "[yes]", type: z.boolean().default(true) },
    allowSyntheticFallback: {
      summary: "let synthetic rows train when labels are few: true, false or auto (not in production)",
      value: "[yes]",
      type: z.preprocess((given) => (given === true ? "true" : given), z.enum(["auto", "true", "false"]).optional()),
    },
    realDataDays: {
      summary: "without effect: all stored labels count, --window-days narrows them",
      value: "<days>",
      type: z.number().optional(),
    },
    minRealSamples: {
      summary: "without effect: the policy says how many rows are needed",
      value: "<count>",
      type: z.number().optional(),
    },
  },
  examples: [
    { line: "requeen train --specialist-type technical --promote-if-better true", does: "what the original CronJob ran" },
    {
      line: "requeen train --specialist-type business --feedback-count 120 --window-days 30 --model-type gradient_boosting",
      does: "what the original trigger passed on",
    },
  ],
  changes: true,
  allowsUnknownOptions: true,
  run: async (values, context): Promise<RunsResult> => {
    const house = await context.openHouse();
    const { name } = specialistOf(house, values.specialistType);
    const pairs = pairsOf(values.extra);
    const idle = Object.entries({ "--real-data-days": values.realDataDays, "--min-real-samples": values.minRealSamples });
    const ignored = [...idle.flatMap(([flag, value]) => (value === undefined ? [] : [flag])), ...pairs];
    if (ignored.length > 0)
      context.terminal.note(`${context.terminal.style.yellow("note:")} without effect here: ${ignored.join(", ")}`);
    if (context.dryRun) return rehearseRuns(house, [name]);
    await notePlans(house, [name], context.terminal);
    const request = {
      specialist: name,
      by: house.actor,
      reason: "person" as const,
      modelType: values.modelType,
      promoteIfBetter: values.promoteIfBetter,
      feedbackCount: values.feedbackCount,
      ...trainingOf(context.config, {
        tune: values.hyperparameterTuning,
        windowDays: values.windowDays,
        allowSyntheticFallback: values.allowSyntheticFallback,
      }),
      ...(values.minFeedbackQuality === undefined ? {} : { minFeedbackQuality: values.minFeedbackQuality }),
    };
    const turn = { specialist: name, drive: (options: Parameters<typeof retrainOne>[2]) => retrainOne(house, request, options) };
    return showList("runs", await watchRuns(house, context, [turn]), null);
  },
  render: (result, terminal) =>
    result.dry_run === true ? renderTriggers(result.specialists, "would run", terminal) : renderOutcomes(result.runs, terminal),
  exitCode: ({ runs }) => exitCodeOf(runs),
});

/** The names of `--key value` and `--key=value` pairs. @throws RequeenError bad_parameter for a word that belongs to no option. */
export function pairsOf(words: readonly string[]): string[] {
  const names: string[] = [];
  let takesValue = false;
  for (const word of words) {
    if (word.startsWith("-") && Number.isNaN(Number(word))) {
      names.push(word.split("=", 1)[0] ?? word);
      takesValue = !word.includes("=");
    } else if (takesValue) takesValue = false;
    else
      throw new RequeenError("bad_parameter", `\`requeen train\` takes options only; got the word ${JSON.stringify(word)}`, {
        word,
      });
  }
  return names;
}

import { z } from "zod";

/** What a learner's parameter may be; which parameters there are and their ranges is the engine's to say (docs/guide/engine.md). */
const value = z.union([z.number(), z.string(), z.boolean(), z.null(), z.array(z.union([z.number(), z.string()]))]);

/** How a specialist's models are trained and how parameters are searched. The original hyperparameters and grids stand behind it. */
export const trainingSettingsSchema = z.strictObject({
  params: z
    .record(z.string(), z.record(z.string(), value))
    .default({})
    .describe("parameters of a model type over the original ones, as in `gradient_boosting: {nEstimators: 200}`"),
  search: z
    .strictObject({
      method: z
        .enum(["grid", "random", "halving"])
        .default("grid")
        .describe("all combinations; some of them drawn; or all on few rows and the better ones on more"),
      grid: z
        .record(z.string(), z.record(z.string(), z.array(value).min(1)))
        .default({})
        .describe("values to try of a model type, in place of the original grid, as in `random_forest: {maxDepth: [5, 10]}`"),
      trials: z.int().min(1).max(100_000).default(20).describe("combinations that `random` draws"),
      folds: z.int().min(2).max(50).default(3).describe("folds of the cross-validation; rows of one group stay together"),
      by: z
        .enum(["class", "time"])
        .default("class")
        .describe("folds with the same share of each class; or train on earlier labels and test on later ones"),
      metric: z
        .enum(["log_loss", "brier", "accuracy", "macro_f1", "roc_auc"])
        .default("log_loss")
        .describe("what the best trial is best in"),
      budget_seconds: z
        .number()
        .positive()
        .optional()
        .describe("no trial of a fit begins later than this; what is tried then depends on the machine"),
    })
    .prefault({})
    .describe("the search of a run that asks for it (--hyperparameter-tuning)"),
});
export type TrainingSettings = z.output<typeof trainingSettingsSchema>;

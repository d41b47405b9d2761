import { z } from "zod";
import { policySchema } from "./policy.ts";

const figure = z.number().nullable();

/** A number with its uncertainty. `low` and `high` bound the two-sided interval of `level`; null = not defined on these rows. */
export const intervalSchema = z.strictObject({
  value: figure,
  low: figure,
  high: figure,
  level: z.number(),
  method: z.enum(["bca", "linearised"]),
});
export type Interval = z.infer<typeof intervalSchema>;

/** One model on the gate rows. Null = undefined there (precision of a class never predicted, AUC of one class). */
export const modelScoresSchema = z.strictObject({
  accuracy: figure,
  precision: figure,
  recall: figure,
  f1: figure,
  log_loss: figure,
  brier: figure,
  ece: figure,
  mean_confidence: figure,
  per_class: z.array(
    z.strictObject({ class: z.string(), rows: z.number(), predicted: z.number(), precision: figure, recall: figure, f1: figure }),
  ),
});
export type ModelScores = z.infer<typeof modelScoresSchema>;

/** One check of the verdict, in words for a sceptical manager. `effect` is what a failure brings about; `info` never decides. */
export const reasonSchema = z.strictObject({
  code: z.string(),
  sentence: z.string(),
  value: figure,
  threshold: figure,
  passed: z.boolean(),
  effect: z.enum(["reject", "inconclusive", "info"]),
});
export type Reason = z.infer<typeof reasonSchema>;

export const sliceResultSchema = z.strictObject({
  column: z.string(),
  value: z.string(),
  rows: z.number(),
  wins: z.number(),
  losses: z.number(),
  difference: figure,
  p_harm: figure,
  p_harm_adjusted: figure,
  tested: z.boolean(),
  passed: z.boolean(),
  labels_needed: z.number(),
});
export type SliceResult = z.infer<typeof sliceResultSchema>;

export const DECISIONS = ["promote", "reject", "inconclusive"] as const;
export type Decision = (typeof DECISIONS)[number];

/** The answer of the gate: all that decided, so that anyone can recompute it. Numbers are JSON-safe and rounded to 12 significant digits. */
export const verdictSchema = z.strictObject({
  schema: z.literal("verdict/1"),
  gate_version: z
    .int()
    .optional()
    .describe("raised when the same rows can get another verdict; absent = 1. Two programs of one version agree byte for byte"),
  decision: z.enum(DECISIONS),
  candidate: z.boolean().describe("inconclusive, but good enough for the shadow stage"),
  requires_approval: z.boolean().describe("`promote` waits for an admin"),
  headline: z.string(),
  reasons: z.array(reasonSchema).describe("in order of weight: what decided stands first"),
  compared_with: z.enum(["champion", "prevalence"]),
  classes: z.array(z.string()),
  rows: z.strictObject({
    count: z.number(),
    effective: z.number(),
    groups: z.number(),
    per_class: z.array(z.strictObject({ class: z.string(), rows: z.number() })),
  }),
  pairs: z.strictObject({
    both_right: z.number(),
    challenger_only: z.number().describe("wins: challenger right, champion wrong"),
    champion_only: z.number().describe("losses"),
    both_wrong: z.number(),
    effective_wins: z.number().describe("after weights and groups"),
    effective_losses: z.number(),
  }),
  test: z.strictObject({
    mid_p: z.number().describe("one-sided mid-p McNemar: chance of so many wins if both were equally good"),
    mid_p_worse: z.number(),
    p_better: z.number().describe("posterior P(challenger better), Jeffreys prior"),
    promote_at: z.number().describe("the level asked after the error budget"),
  }),
  differences: z
    .strictObject({
      accuracy: intervalSchema,
      precision: intervalSchema,
      recall: intervalSchema,
      f1: intervalSchema,
      log_loss: intervalSchema,
      brier: intervalSchema,
      ece: intervalSchema,
    })
    .nullable()
    .describe("challenger minus champion on the same rows"),
  harm: z
    .strictObject({ log_loss: figure, brier: figure, ece: figure })
    .describe("probability that the challenger is worse than the tolerated margin"),
  models: z.strictObject({
    champion: modelScoresSchema.nullable(),
    challenger: modelScoresSchema.nullable(),
    prevalence: modelScoresSchema.nullable(),
  }),
  floors: z.array(
    z.strictObject({
      metric: z.string(),
      class: z.string().nullable(),
      floor: z.number(),
      value: figure,
      low: figure,
      high: figure,
      champion: figure,
      passed: z.boolean(),
    }),
  ),
  slices: z.array(sliceResultSchema),
  cost: z
    .strictObject({
      latency_ms: z.strictObject({ champion: figure, challenger: figure }),
      size_bytes: z.strictObject({ champion: figure, challenger: figure }),
    })
    .nullable(),
  labels_needed: z.strictObject({
    total: z.number().nullable().describe("further gate labels for a decision; 0 = decided; null = more labels would not help"),
    assumed_gain: figure,
    power: z.number(),
    sentence: z.string(),
  }),
  power: z.strictObject({
    smallest_visible_gain: figure.describe("the gain of accuracy that this gate would have promoted with the stated chance"),
    power: z.number(),
    discordance: figure.describe("share of rows where exactly one model is right"),
    sentence: z.string(),
  }),
  other_presets: z.array(z.strictObject({ preset: z.string(), decision: z.enum(DECISIONS), because: z.string() })),
  budget: z
    .strictObject({ method: z.string(), level: z.number(), gate_uses: z.number(), sentence: z.string() })
    .nullable()
    .describe("what the error budget allowed this verdict"),
  policy: policySchema,
  seed: z.number(),
});
export type Verdict = z.infer<typeof verdictSchema>;

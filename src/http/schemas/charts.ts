import { z } from "zod";
import { FINDING_CODES, FINDING_EFFECTS } from "../../core/finding-codes.ts";
import { sliceResultSchema, verdictSchema } from "../../core/verdict.ts";
import type { ShownFindings } from "../../loop/findings.ts";
import type { RunCharts } from "../../loop/run-charts.ts";
import type { RunLog } from "../../loop/run-log.ts";
import { datasetAnswer } from "./records.ts";
import { shape, time } from "./shared.ts";

const rate = z.number().min(0).max(1);
const rows = z.int().min(0);

const modelCharts = z
  .strictObject({
    classes: z
      .array(
        z.strictObject({
          class: z.string(),
          rows,
          roc_auc: z.number().nullable(),
          average_precision: z.number().nullable(),
          roc: z
            .array(z.strictObject({ threshold: z.number().nullable(), false_positive_rate: rate, true_positive_rate: rate }))
            .describe("at most 201 points, from the strictest threshold to the loosest"),
          pr: z.array(z.strictObject({ threshold: z.number(), recall: rate, precision: rate })),
        }),
      )
      .describe("one class against the rest"),
    confusion: z.array(z.array(rows)).describe("[true class][called class], in the order of `classes`"),
    reliability: z
      .array(z.strictObject({ low: rate, high: rate, rows, mean_confidence: rate, accuracy: rate }))
      .describe("bins of the most likely class's confidence that have rows"),
    confidence: z.array(z.strictObject({ low: rate, high: rate, right: rows, wrong: rows })),
    review: z
      .strictObject({
        coverage: rate.describe("share of new rows whose set of classes holds the true one, at least"),
        sure: rate.describe("how sure it is that these rows are enough for that"),
        least_probability: z
          .number()
          .nullable()
          .describe("a class is in the set from this probability on; null: too few rows, everything is for review"),
        review: rows.describe("rows whose set holds no class or several"),
        decided: rows,
        wrong: rows.describe("of the decided ones"),
      })
      .describe("what a person would still see if the model decided alone wherever its set holds one class"),
  })
  .meta({ id: "ModelCharts" });

export const chartsAnswer = shape<RunCharts>(
  "RunCharts",
  z.strictObject({
    run_id: z.string(),
    specialist: z.string(),
    classes: z.array(z.string()),
    rows: rows.describe("of the gate"),
    challenger: modelCharts,
    champion: modelCharts.nullable(),
    importance: z.array(z.strictObject({ feature: z.string(), share: rate })).describe("of the challenger, by falling share"),
    importance_method: z.enum(["splits", "shap"]),
    slices: z.array(sliceResultSchema),
    models: verdictSchema.shape.models.nullable(),
    dataset: datasetAnswer.nullable(),
    rows_by_time: z
      .array(z.strictObject({ from: z.string(), to: z.string(), rows }))
      .describe("rows of the dataset that train or judge by the time of their label, spans of equal length, oldest first"),
    training: z.unknown().describe("what the training wrote down: calibrators tried, parameters searched"),
  }),
);

export const runLogAnswer = shape<RunLog>(
  "RunLog",
  z.strictObject({
    run_id: z.string(),
    specialist: z.string(),
    state: z.enum(["running", "finished", "refused", "failed", "cancelled"]),
    lines: z
      .array(z.strictObject({ at: time, event: z.string(), step: z.string().nullable(), text: z.string(), details: z.unknown() }))
      .describe("oldest first"),
  }),
);

const findingSummary = z.strictObject({
  code: z.enum(FINDING_CODES),
  effect: z.enum(FINDING_EFFECTS),
  reviewer: z.string().nullable(),
  rows: rows.describe("how many judgements it names"),
  statistic: z.number(),
  threshold: z.number(),
  p_value: z.number().nullable(),
  sentence: z.string(),
});

export const findingsAnswer = shape<ShownFindings>(
  "Findings",
  z.strictObject({
    specialist: z.string(),
    dataset_id: z.string().nullable().describe("the snapshot that was examined; null: none was taken yet"),
    examined_at: time.nullable(),
    findings: z
      .array(z.record(z.string(), z.unknown()))
      .describe("code, effect, reviewer, rows, statistic, threshold, p_value, sentence"),
    intake: z
      .strictObject({
        last_sequence: z.int(),
        examined_at: time,
        suspected: z.array(findingSummary).describe("seen at the last look, and only shown"),
        acted: z.array(z.strictObject({ ...findingSummary.shape, at: time })).describe("took labels down, newest first"),
      })
      .nullable()
      .describe("what was found as labels came in; null: nothing was looked at yet"),
    rows_left_out: z.record(z.string(), rows),
    quality: z.record(z.string(), z.unknown()).nullable(),
    reviewer_agreement: z
      .strictObject({ opinions: rows, alpha: z.number().nullable(), method: z.string().nullable() })
      .nullable(),
    judgements_by_tier: z.record(z.string(), rows),
  }),
);

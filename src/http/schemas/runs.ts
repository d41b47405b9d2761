import { z } from "zod";
import { runSchema } from "../../core/run.ts";
import { DECISIONS } from "../../core/verdict.ts";
import type { ShownRun } from "../../loop/present.ts";
import { documentSchema } from "./document-schema.ts";
import { listOf, shape } from "./shared.ts";

export const verdictSummary = z
  .strictObject({
    decision: z.enum(DECISIONS),
    verdict_id: z.string(),
    headline: z.string(),
    candidate: z.boolean(),
    requires_approval: z.boolean(),
    p_better: z.number().describe("posterior P(challenger better), 0..1"),
    rows: z.number().describe("gate rows that it was decided on"),
    labels_needed: z.number().nullable().describe("further labels until a decision; 0 = decided; null = more would not help"),
  })
  .meta({ id: "VerdictSummary" });

const { policy: _policy, verdict_id: _verdict, fence: _fence, updated_at: _updated, ...recorded } = runSchema.shape;

export const runAnswer = shape<ShownRun>(
  "Run",
  documentSchema(
    z.strictObject({
      ...recorded,
      run_id: recorded.run_id.nullable().describe("null: refused before it began, so there is no record"),
      trigger: recorded.trigger.nullable(),
      options: recorded.options.nullable(),
      policy: z.string().nullable().describe("name and version, as evidence/1"),
      verdict: verdictSummary.nullable(),
      champion_version: z
        .string()
        .nullable()
        .describe("in production by this run: the version that it promoted, else the one that it found"),
      compared_with_version: z.string().nullable().describe("in production when it began"),
      started_at: recorded.started_at.nullable(),
    }),
  ),
);
export const runsAnswer = listOf<{ readonly runs: readonly ShownRun[]; readonly next: string | null }>(
  "RunList",
  "runs",
  runAnswer,
);

import { z } from "zod";
import { timestamp } from "./time.ts";
import { DECISIONS, verdictSchema } from "./verdict.ts";

/**
 * A verdict with all that it was computed from; collection `verdicts`. The gate is a pure function of the predictions file and `verdict.policy`
 * and `verdict.seed`, so anyone who has the files can compute it again.
 */
export const verdictRecordSchema = z.strictObject({
  /** SHA-256 of the canonical JSON of `verdict` and `inputs`, hex. */
  verdict_id: z.string().regex(/^[0-9a-f]{64}$/),
  specialist: z.string(),
  run_id: z.string(),
  decision: z.enum(DECISIONS),
  inputs: z.strictObject({
    dataset_id: z.string(),
    /** Parquet: row, opinion_id, group, label, weight, then the probabilities of both models for each gate row. */
    predictions_sha256: z.string(),
    champion: z.strictObject({ version: z.string(), sha256: z.string() }).nullable(),
    challenger_sha256: z.string(),
    /** Verdicts that these gate rows served before this one. */
    gate_uses: z.int().nonnegative(),
    /** Measured at training; null = not measured. */
    cost: z.strictObject({
      latency_ms: z.strictObject({ champion: z.number().nullable(), challenger: z.number().nullable() }),
      size_bytes: z.strictObject({ champion: z.number().nullable(), challenger: z.number().nullable() }),
    }),
    /** What the error budget granted this verdict; null = the policy has no budget. */
    budget: z.strictObject({ method: z.string(), level: z.number().min(0).max(1) }).nullable(),
  }),
  verdict: verdictSchema,
  created_at: timestamp,
});
export type VerdictRecord = z.output<typeof verdictRecordSchema>;

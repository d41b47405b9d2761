import { z } from "zod";
import { timestamp } from "./time.ts";

/** The steps of a run, in order. Each is recorded before and after, and may be done again after a crash without a second effect. */
export const RUN_STEPS = ["collect", "check", "train", "decide", "register", "promote", "rollout"] as const;
export type RunStep = (typeof RUN_STEPS)[number];

/**
 * `running`: some process holds or held its lease; `finished`: ended with a verdict; `refused`: the evidence did not allow it;
 * `failed`: ended by an error that a retry would repeat; `cancelled`: by a person.
 */
export const runStateSchema = z.enum(["running", "finished", "refused", "failed", "cancelled"]);
export type RunState = z.output<typeof runStateSchema>;

export const triggerSchema = z.strictObject({
  reason: z.enum(["evidence", "drift", "schedule", "person"]),
  by: z.string(),
  /** Identifies the evidence: one set never triggers twice. */
  evidence_key: z.string().nullable(),
});
export type Trigger = z.output<typeof triggerSchema>;

export const stepRecordSchema = z.strictObject({
  step: z.enum(RUN_STEPS),
  started_at: timestamp,
  ended_at: timestamp.nullable(),
  /** How often it was begun; more than 1 after a crash. */
  attempts: z.int().positive(),
  /** What the next steps need: digests and ids, never bulk. */
  result: z.record(z.string(), z.unknown()).nullable(),
});
export type StepRecord = z.output<typeof stepRecordSchema>;

/** What a run was asked to do; fixed at its start. */
export const runOptionsSchema = z.strictObject({
  model_type: z.string(),
  hyperparameter_tuning: z.boolean(),
  promote_if_better: z.boolean(),
  seed: z.int().nonnegative(),
  /** Only labels given within this many days before the start; null = all. */
  window_days: z.number().positive().nullable(),
  /** How many human labels the caller believed to be there; recorded, a difference is a warning. */
  feedback_count: z.int().nonnegative().nullable(),
  /** The original quality filter on ratings. Recorded; never filters, since a low rating is a negative and not noise. */
  min_feedback_quality: z.number().min(0).max(1).nullable(),
  allow_synthetic: z.boolean(),
  /** A person insists on a run that the trigger rule would not start. Never skips the checks on labels. */
  force: z.boolean(),
});
export type RunOptions = z.output<typeof runOptionsSchema>;

/** One retraining attempt; collection `retraining_triggers`. */
export const runSchema = z.strictObject({
  run_id: z.string(),
  specialist: z.string(),
  trigger: triggerSchema,
  options: runOptionsSchema,
  policy: z.record(z.string(), z.unknown()),
  state: runStateSchema,
  steps: z.array(stepRecordSchema),
  dataset_id: z.string().nullable(),
  verdict_id: z.string().nullable(),
  /** The version that this run registered. */
  challenger_version: z.string().nullable(),
  /** The version that was in production when the run began; null = none. */
  champion_version: z.string().nullable(),
  promoted: z.boolean(),
  mlflow: z.strictObject({ experiment_id: z.string(), run_id: z.string() }).nullable(),
  error: z.strictObject({ code: z.string(), message: z.string(), details: z.record(z.string(), z.unknown()) }).nullable(),
  /** The fencing token of the lease under which the record was last written; an older one is refused. */
  fence: z.int().nonnegative(),
  started_at: timestamp,
  updated_at: timestamp,
  ended_at: timestamp.nullable(),
});
export type Run = z.output<typeof runSchema>;

export const isEnded = (run: Run): boolean => run.state !== "running";
export const stepResult = (run: Run, step: RunStep): Record<string, unknown> | null =>
  run.steps.find((record) => record.step === step && record.ended_at !== null)?.result ?? null;

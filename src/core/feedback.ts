import { z } from "zod";
import { evidenceSchema } from "./evidence.ts";
import { timestamp } from "./time.ts";

/** One reviewer's decision on one opinion; collection `specialist_feedback`, schema version 3.0.0. */
export const feedbackSchema = z.strictObject({
  schema_version: z.literal("3.0.0"),
  feedback_id: z.string().min(1).max(256),
  opinion_id: z.string().min(1).max(256),
  plan_id: z.string().min(1).max(256),
  specialist_type: z.string().min(1),
  /** The decision class: the label. */
  human_recommendation: z.string().min(1),
  /** Agreement with the opinion, 0..1; null where the source gave none. Never an input, never a filter. */
  human_rating: z.number().min(0).max(1).nullable(),
  feedback_notes: z.string().max(20_000),
  submitted_by: z.string().min(1).max(256),
  submitted_at: timestamp,
  feedback_source: z.string(),
  evidence: evidenceSchema,
  /** The feedback of the same reviewer on the same opinion that this one replaces. */
  supersedes: z.string().nullable(),
  opinion_recommendation: z.string().nullable(),
  opinion_confidence: z.number().min(0).max(1).nullable(),
  opinion_risk: z.number().min(0).max(1).nullable(),
  metadata: z.record(z.string(), z.unknown()).default({}),
  /** What the source document held beyond this schema: kept, never read. */
  extra: z.record(z.string(), z.unknown()).default({}),
});

export type Feedback = z.output<typeof feedbackSchema>;
export type FeedbackDocument = z.input<typeof feedbackSchema>;

/** `current` counts; `superseded` was replaced by its reviewer; `retracted` was taken back. History stays. */
export const FEEDBACK_STATES = ["current", "superseded", "retracted"] as const;
export type FeedbackState = (typeof FEEDBACK_STATES)[number];

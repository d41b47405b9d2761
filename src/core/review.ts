import { z } from "zod";
import { timestamp } from "./time.ts";

/** How a reviewer meets an opinion: `blind` decides on the plan alone, `informed` sees what the model said. */
export const REVIEW_MODES = ["blind", "informed"] as const;
export const reviewModeSchema = z.enum(REVIEW_MODES);
export type ReviewMode = z.output<typeof reviewModeSchema>;

/**
 * `open`: the reviewer holds the opinion until `expires_at`; `submitted`: he decided; `undone`: he took that back at once; `released`: he gave
 * it back; `skipped`: he cannot say; `expired`: his time ran out and somebody else took it.
 */
export const CLAIM_STATES = ["open", "submitted", "undone", "released", "skipped", "expired"] as const;
export const claimStateSchema = z.enum(CLAIM_STATES);
export type ClaimState = z.output<typeof claimStateSchema>;

/** One reviewer's hold on one opinion; collection `review_queue`. An opinion has at most one open claim. */
export const claimSchema = z.strictObject({
  claim_id: z.string().min(1).max(256),
  opinion_id: z.string().min(1).max(256),
  plan_id: z.string().min(1).max(256),
  specialist: z.string().min(1),
  reviewer: z.string().min(1).max(256),
  mode: reviewModeSchema,
  state: claimStateSchema,
  claimed_at: timestamp,
  expires_at: timestamp,
  /** When it was submitted, released or skipped; null while it is open. */
  closed_at: timestamp.nullable(),
  skip_reason: z.string().max(1_000).nullable(),
  /** Chance with which this draw gave just this opinion, (0, 1]; null: the reviewer chose it himself. */
  propensity: z.number().gt(0).max(1).nullable(),
  /** The same chance had all been left to plain chance; what a label counts follows from both. */
  base_propensity: z.number().gt(0).max(1).nullable(),
  /** Whether the reviewer has seen what the model said: from the start (`informed`), or by looking it up meanwhile. */
  shown_opinion: z.boolean(),
  /** The judgement that came of it. */
  feedback_id: z.string().nullable(),
});
export type ReviewClaim = z.output<typeof claimSchema>;
export type ReviewClaimDocument = z.input<typeof claimSchema>;

/** Held by its reviewer at this moment. */
export const isHeld = (claim: ReviewClaim, nowMs: number): boolean => claim.state === "open" && claim.expires_at > nowMs;

/** What the queue knows of an opinion that waits for a person, without reading it. */
export interface WaitingOpinion {
  readonly opinion_id: string;
  readonly plan_id: string;
  readonly specialist: string;
  /** Where it stands on the ring of the queue, an integer in [0, RING). */
  readonly key: number;
  readonly recommendation: string;
  readonly confidence_score: number | null;
}

/** Size of the ring on which waiting opinions stand. */
export const RING = 2 ** 48;

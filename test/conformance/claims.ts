import type { ReviewClaim } from "../../src/core/review.ts";
import { T0 } from "./store-documents.ts";

const MINUTE = 60_000;

/** A claim for store tests: open, blind, fifteen minutes from T0. */
export const aClaim = (claimId: string, opinionId: string, change: Partial<ReviewClaim> = {}): ReviewClaim => ({
  claim_id: claimId,
  opinion_id: opinionId,
  plan_id: `plan-of-${opinionId}`,
  specialist: "business",
  reviewer: "ann",
  mode: "blind",
  state: "open",
  claimed_at: T0,
  expires_at: T0 + 15 * MINUTE,
  closed_at: null,
  skip_reason: null,
  propensity: 0.25,
  base_propensity: 0.5,
  shown_opinion: false,
  feedback_id: null,
  ...change,
});

import type { ReviewSummary, ShownClaim, ShownReview, SubmittedReview, UndoneReview } from "../../../src/loop/review.ts";
import { ask, newKey } from "./http.ts";
import type { Waiting } from "./outbox.ts";
import type { ReviewMode } from "./review-modes.ts";

/** One thing to judge. */
export type ReviewItem = ShownReview;

/** Null: nothing waits that this reviewer may judge. */
export async function nextItem(specialist: string | null, mode: ReviewMode): Promise<ReviewItem | null> {
  const body = { mode, ...(specialist === null ? {} : { specialist }) };
  const { review } = await ask<{ review: ReviewItem | null }>("/review/next", { method: "POST", body, idempotencyKey: newKey() });
  return review;
}

const path = (claimId: string, verb: string): string => `/review/claims/${encodeURIComponent(claimId)}/${verb}`;

/** The answer holds what the model had said. */
export const submitItem = ({ claimId, body, key }: Waiting): Promise<SubmittedReview> =>
  ask(path(claimId, "submit"), { method: "POST", body, idempotencyKey: key });

export const skipItem = (claimId: string, reason: string): Promise<ShownClaim> =>
  ask(path(claimId, "skip"), { method: "POST", body: { reason } });

export const undoItem = (claimId: string): Promise<UndoneReview> => ask(path(claimId, "undo"), { method: "POST" });
export const renewItem = (claimId: string): Promise<ShownClaim> => ask(path(claimId, "renew"), { method: "POST" });
export const releaseItem = (claimId: string): Promise<ShownClaim> =>
  ask(path(claimId, "release"), { method: "POST", keepalive: true });

/** `done` counts from the reader's own midnight. */
export const readSummary = (): Promise<ReviewSummary> =>
  ask<ReviewSummary>("/review/summary", { query: { since: new Date(new Date().setHours(0, 0, 0, 0)).toISOString() } });

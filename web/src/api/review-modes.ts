import type { ReviewMode as Mode } from "../../../src/core/review.ts";

export type ReviewMode = Mode;
/** Blind first: it is what a reviewer gets who chooses nothing. */
export const REVIEW_MODES = ["blind", "informed"] as const satisfies readonly Mode[];

/** The review queue: a person gets an opinion that waits, judges it, and the label's evidence says how that came about. */
export {
  type ReviewAnswer,
  releaseClaim,
  renewClaim,
  type SubmittedReview,
  skipClaim,
  submitReview,
  type UndoneReview,
  undoReview,
} from "./review/claims.ts";
export { type NextRequest, nextForReview } from "./review/next.ts";
export { type ShownClaim, type ShownReview, showClaim, stateAt } from "./review/show.ts";
export { type ReviewSummary, reviewSummary, type SpecialistSummary } from "./review/summary.ts";

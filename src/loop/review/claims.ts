import { isRequeenError, RequeenError } from "../../core/errors.ts";
import type { Tier } from "../../core/evidence.ts";
import type { Feedback } from "../../core/feedback.ts";
import type { OpinionDocument } from "../../core/opinion.ts";
import { headOf } from "../../core/opinion.ts";
import type { ReviewClaim } from "../../core/review.ts";
import { toIso } from "../../core/time.ts";
import type { House } from "../house.ts";
import { acceptedOf, feedbackOf } from "../intake.ts";
import { noteWrite } from "../note-write.ts";
import { showOpinion } from "../present.ts";
import { areNotesWithheld, cleanNote, WITHHELD } from "../redact.ts";
import { opinionOf, type ShownClaim, type ShownReview, showClaim, showReview, stateAt } from "./show.ts";

/** Longest reason, as the claim's schema says: a longer stand-in may have come into it. */
const MOST_REASON = 1_000;

/** What a reviewer answers. */
export interface ReviewAnswer {
  readonly decision: string;
  readonly rating: number | null;
  readonly notes: string;
}

/** What became of an answer; now the reviewer may see what the model said. */
export interface SubmittedReview {
  readonly claim: ShownClaim;
  readonly feedback_id: string;
  /** `recorded`, or `duplicate` when just this was submitted before. */
  readonly status: "recorded" | "duplicate";
  /** `blind`, or `informed` when the opinion was shown or looked up before the answer. */
  readonly tier: Tier;
  readonly shown_opinion: boolean;
  readonly decision: string;
  /** The notes could not be looked through for personal data, and were kept out. */
  readonly notes_withheld: boolean;
  readonly opinion: OpinionDocument;
  /** Whether the model had decided the same; null where no model judged. */
  readonly agrees: boolean | null;
  /** Until then it can be taken back through the claim. */
  readonly undo_until: string;
}

/**
 * Stores the judgement that the claim was made for. The evidence is what the claim says: reviewer, mode, chance of the draw. Late, after the
 * claim's time: accepted unless somebody else took the opinion. The same again: the same answer.
 * @throws RequeenError not_found, forbidden (another's claim), conflict (ended, or submitted with another answer), bad_request (a class that
 * the specialist has not)
 */
export async function submitReview(
  house: House,
  reviewer: string,
  claimId: string,
  answer: ReviewAnswer,
): Promise<SubmittedReview> {
  const claim = await ownClaim(house, reviewer, claimId);
  if (claim.state === "submitted") return submittedBefore(house, claim, answer);
  if (claim.state !== "open") throw ended(claim, house.now());
  const opinion = await opinionOf(house, claim.opinion_id);
  const shown = claim.mode === "informed" || (await house.store.hasSeen(reviewer, claim.opinion_id));
  const feedback = feedbackOf(
    house,
    shown ? "review_informed" : "review_blind",
    {
      opinionId: claim.opinion_id,
      feedbackId: `feedback-${claim.claim_id}`,
      recommendation: answer.decision,
      rating: answer.rating,
      notes: answer.notes,
      reviewer,
      ...(claim.propensity === null ? {} : { propensity: claim.propensity }),
      ...(claim.base_propensity === null ? {} : { basePropensity: claim.base_propensity }),
      claimed: { claim_id: claim.claim_id, mode: claim.mode },
    },
    headOf(opinion),
  );
  const closed: ReviewClaim = {
    ...claim,
    state: "submitted",
    closed_at: feedback.submitted_at,
    shown_opinion: shown,
    feedback_id: feedback.feedback_id,
  };
  const [outcome] = await Promise.all([
    house.store.submitClaim(closed, "open", feedback),
    noteWrite({ ...house, actor: reviewer }, "feedback.add", claim.specialist, [feedback.feedback_id], {
      channel: feedback.evidence.channel,
      claim_id: claimId,
    }),
  ]);
  if (outcome === null) {
    const now = await ownClaim(house, reviewer, claimId);
    if (now.state === "submitted") return submittedBefore(house, now, answer);
    throw now.state === "open" ? takenByAnother(claim) : ended(now, house.now());
  }
  const accepted = acceptedOf(feedback, outcome);
  await house.store.markSeen(reviewer, [claim.opinion_id], house.now());
  return showSubmitted(house, { ...closed, feedback_id: accepted.feedback.feedback_id }, opinion, "recorded", accepted.feedback);
}

async function submittedBefore(house: House, claim: ReviewClaim, answer: ReviewAnswer): Promise<SubmittedReview> {
  const stored = claim.feedback_id === null ? null : await house.store.getFeedback(claim.feedback_id);
  if (stored?.human_recommendation !== answer.decision || stored.human_rating !== answer.rating)
    throw new RequeenError(
      "conflict",
      `claim ${claim.claim_id} was submitted with ${stored?.human_recommendation ?? "another decision"} already; take it back with undo, or send another judgement of the opinion`,
      { claim_id: claim.claim_id, state: "submitted", decision: stored?.human_recommendation ?? null },
    );
  return showSubmitted(house, claim, await opinionOf(house, claim.opinion_id), "duplicate", stored);
}

const showSubmitted = (
  house: House,
  claim: ReviewClaim,
  opinion: Awaited<ReturnType<typeof opinionOf>>,
  status: SubmittedReview["status"],
  feedback: Feedback,
): SubmittedReview => ({
  claim: showClaim(claim, house.now()),
  feedback_id: claim.feedback_id ?? "",
  status,
  tier: claim.shown_opinion ? "informed" : "blind",
  shown_opinion: claim.shown_opinion,
  decision: feedback.human_recommendation,
  notes_withheld: areNotesWithheld(feedback),
  opinion: showOpinion(opinion),
  agrees: opinion.state === "no_champion" ? null : opinion.opinion.recommendation === feedback.human_recommendation,
  undo_until: toIso((claim.closed_at ?? 0) + house.review.undoMs),
});

/** Lengthens a hold by the full lease from now. @throws RequeenError not_found, forbidden, conflict */
export async function renewClaim(house: House, reviewer: string, claimId: string): Promise<ShownClaim> {
  const claim = await ownClaim(house, reviewer, claimId);
  if (claim.state !== "open") throw ended(claim, house.now());
  const renewed = { ...claim, expires_at: house.now() + house.review.leaseMs };
  if (!(await house.store.putClaim(renewed, "open"))) throw takenByAnother(claim);
  return showClaim(renewed, house.now());
}

/** Gives the opinion back to the queue; again: nothing changes. @throws RequeenError not_found, forbidden, conflict */
export const releaseClaim = (house: House, reviewer: string, claimId: string): Promise<ShownClaim> =>
  close(house, reviewer, claimId, "released", null);

/** Gives the opinion to others: this reviewer does not get it again for a while. @throws RequeenError not_found, forbidden, conflict */
export const skipClaim = (house: House, reviewer: string, claimId: string, reason: string | null): Promise<ShownClaim> =>
  close(house, reviewer, claimId, "skipped", reason);

async function close(
  house: House,
  reviewer: string,
  claimId: string,
  state: "released" | "skipped",
  reason: string | null,
): Promise<ShownClaim> {
  const claim = await ownClaim(house, reviewer, claimId);
  if (claim.state === state) return showClaim(claim, house.now());
  if (claim.state !== "open") throw ended(claim, house.now());
  const skip_reason = reason === null ? null : (cleanNote(house, reason) ?? WITHHELD).slice(0, MOST_REASON);
  const closed: ReviewClaim = { ...claim, state, closed_at: house.now(), skip_reason };
  if (!(await house.store.putClaim(closed, "open"))) throw takenByAnother(claim);
  return showClaim(closed, house.now());
}

export interface UndoneReview {
  readonly claim: ShownClaim;
  /** The judgement that was taken back. */
  readonly feedback_id: string;
  /** The same opinion to judge again, now `informed`, since the first answer showed it; null when somebody else took it in between. */
  readonly review: ShownReview | null;
}

/**
 * Takes a judgement back soon after it was submitted. The history keeps it.
 * @throws RequeenError not_found, forbidden, conflict (not submitted, or too late)
 */
export async function undoReview(house: House, reviewer: string, claimId: string): Promise<UndoneReview> {
  const claim = await ownClaim(house, reviewer, claimId);
  const now = house.now();
  if (claim.state !== "submitted" || claim.feedback_id === null)
    throw new RequeenError("conflict", `claim ${claimId} must be submitted to be undone; it is ${stateAt(claim, now)}`, {
      claim_id: claimId,
      state: stateAt(claim, now),
    });
  const until = (claim.closed_at ?? 0) + house.review.undoMs;
  if (now > until)
    throw new RequeenError(
      "conflict",
      `claim ${claimId} could be undone until ${toIso(until)}; retract feedback ${claim.feedback_id} instead`,
      { claim_id: claimId, until: toIso(until), feedback_id: claim.feedback_id },
    );
  await retract(house, claim.feedback_id, now);
  const undone: ReviewClaim = { ...claim, state: "undone" };
  await house.store.putClaim(undone, "submitted");
  await house.store.appendAudit([
    {
      at: now,
      actor: reviewer,
      action: "feedback.retract",
      subject: claim.feedback_id,
      details: { claim_id: claimId, by: "undo" },
    },
  ]);
  const again: ReviewClaim = {
    ...claim,
    claim_id: house.newId("claim-"),
    mode: "informed",
    state: "open",
    claimed_at: now,
    expires_at: now + house.review.leaseMs,
    closed_at: null,
    shown_opinion: true,
    feedback_id: null,
  };
  const taken = await house.store.addClaim(again, now);
  return { claim: showClaim(undone, now), feedback_id: claim.feedback_id, review: taken ? await showReview(house, again) : null };
}

/** An undo that was cut off after this step goes on. */
async function retract(house: House, feedbackId: string, now: number): Promise<void> {
  try {
    await house.store.retractFeedback(feedbackId, now);
  } catch (error) {
    if (!isRequeenError(error, "conflict") || error.details.state !== "retracted") throw error;
  }
}

/** @throws RequeenError not_found, forbidden */
export async function ownClaim(house: House, reviewer: string, claimId: string): Promise<ReviewClaim> {
  const claim = await house.store.getClaim(claimId);
  if (claim === null) throw new RequeenError("not_found", `there is no claim ${JSON.stringify(claimId)}`, { claim_id: claimId });
  if (claim.reviewer !== reviewer)
    throw new RequeenError("forbidden", `claim ${claimId} is another reviewer's`, { claim_id: claimId });
  return claim;
}

const ended = (claim: ReviewClaim, nowMs: number): RequeenError =>
  claim.state === "expired"
    ? takenByAnother(claim)
    : new RequeenError("conflict", `claim ${claim.claim_id} must be open; it is ${stateAt(claim, nowMs)}`, {
        claim_id: claim.claim_id,
        state: stateAt(claim, nowMs),
      });

const takenByAnother = (claim: ReviewClaim): RequeenError =>
  new RequeenError(
    "conflict",
    `claim ${claim.claim_id} ended at ${toIso(claim.expires_at)} and its opinion was given to another reviewer; ask for the next one`,
    { claim_id: claim.claim_id, state: "expired", expired_at: toIso(claim.expires_at) },
  );

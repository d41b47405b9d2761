import { RequeenError } from "../../core/errors.ts";
import type { Opinion, OpinionDocument } from "../../core/opinion.ts";
import { type ClaimState, claimSchema, isHeld, type ReviewClaim, type ReviewClaimDocument } from "../../core/review.ts";
import { type House, specialistOf } from "../house.ts";
import { answersOf } from "../intake.ts";
import { showOpinion } from "../present.ts";

/**
 * A claim as its reviewer sees it. Without the chance of its draw, which would tell how sure the model was; it goes into the label's evidence.
 * `expired` as soon as its time is over.
 */
export type ShownClaim = Omit<ReviewClaimDocument, "propensity" | "base_propensity">;

export function showClaim(claim: ReviewClaim, nowMs: number): ShownClaim {
  const { propensity: _chance, base_propensity: _base, ...shown } = claimSchema.encode(claim);
  return { ...shown, state: stateAt(claim, nowMs) };
}

export const stateAt = (claim: ReviewClaim, nowMs: number): ClaimState =>
  claim.state === "open" && !isHeld(claim, nowMs) ? "expired" : claim.state;

/** What a reviewer needs to judge: the plan or row, and what he may answer. The model's word only in the mode `informed`. */
export interface ShownReview {
  readonly claim: ShownClaim;
  readonly specialist: string;
  /** What he may answer: the specialist's classes, and other words for them. */
  readonly decisions: readonly string[];
  readonly plan: OpinionDocument["cognitive_plan"];
  readonly columns: OpinionDocument["columns"];
  readonly plan_id: string;
  readonly intent_id: string | null;
  /** When the plan was judged. */
  readonly evaluated_at: string;
  /** Null in the mode `blind`, until the judgement is submitted. */
  readonly opinion: OpinionDocument | null;
}

/** @throws RequeenError opinion_not_found */
export async function showReview(house: House, claim: ReviewClaim): Promise<ShownReview> {
  const opinion = await opinionOf(house, claim.opinion_id);
  const document = showOpinion(opinion);
  const isShown = claim.mode === "informed";
  if (isShown) await house.store.markSeen(claim.reviewer, [claim.opinion_id], house.now());
  return {
    claim: showClaim(claim, house.now()),
    specialist: claim.specialist,
    decisions: answersOf(specialistOf(house, claim.specialist)),
    plan: document.cognitive_plan,
    columns: document.columns,
    plan_id: document.plan_id,
    intent_id: document.intent_id,
    evaluated_at: document.evaluated_at,
    opinion: isShown ? document : null,
  };
}

export async function opinionOf(house: House, opinionId: string): Promise<Opinion> {
  const opinion = await house.store.getOpinion(opinionId);
  if (opinion === null)
    throw new RequeenError("opinion_not_found", `there is no opinion ${JSON.stringify(opinionId)}`, { opinion_id: opinionId });
  return opinion;
}

import { isDeepStrictEqual } from "node:util";
import type { Tier } from "../core/evidence.ts";
import type { Feedback } from "../core/feedback.ts";
import type { Opinion } from "../core/opinion.ts";

/** The rules that both backends apply when a document arrives: what is the same, what replaces what. Pure. */

/** What of the reviewer's newest judgement of the opinion decides over a later arrival. */
export interface HeadJudgement {
  readonly feedback: Feedback;
  readonly current: boolean;
}

/** The tier that the channel gave, before forensics changed it: sending a demoted judgement again does not restore it. */
export const arrivalTier = (feedback: Feedback): Tier => feedback.evidence.demoted_from ?? feedback.evidence.tier;

const sameJudgement = (a: Feedback, b: Feedback): boolean =>
  a.human_recommendation === b.human_recommendation &&
  a.human_rating === b.human_rating &&
  a.feedback_notes === b.feedback_notes &&
  arrivalTier(a) === arrivalTier(b);

/**
 * Where an arriving judgement goes, given the newest one (by `submitted_at`, then arrival) of this reviewer on this opinion.
 * A judgement older than the head is history, also when the head was retracted: taking back does not revive what it had replaced.
 */
export function placeJudgement(head: HeadJudgement | null, next: Feedback): "added" | "same" | "superseded" {
  if (head === null) return "added";
  if (head.current && sameJudgement(head.feedback, next)) return "same";
  return next.submitted_at >= head.feedback.submitted_at ? "added" : "superseded";
}

/** Equal as sent: what the store itself writes (`supersedes`, a demotion) is left out of the comparison. */
export const sameFeedback = (a: Feedback, b: Feedback): boolean => isDeepStrictEqual(asSent(a), asSent(b));

const asSent = (feedback: Feedback): unknown =>
  plain({ ...feedback, supersedes: null, evidence: { ...feedback.evidence, tier: arrivalTier(feedback), demoted_from: null } });

export const sameOpinion = (a: Opinion, b: Opinion): boolean => isDeepStrictEqual(plain(a), plain(b));

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** The feedback with another tier. The tier of arrival stays in `demoted_from`, however often the tier changes. */
export function withTier(feedback: Feedback, tier: Tier): Feedback {
  const arrival = arrivalTier(feedback);
  return { ...feedback, evidence: { ...feedback.evidence, tier, demoted_from: arrival === tier ? null : arrival } };
}

import { RequeenError } from "../core/errors.ts";
import { CHANNELS, type Channel } from "../core/evidence.ts";
import type { Feedback } from "../core/feedback.ts";
import type { OpinionHead } from "../core/opinion.ts";
import type { FeedbackOutcome, Store } from "../store/store.ts";
import { type House, specialistOf } from "./house.ts";
import { noteWrite } from "./note-write.ts";
import { areNotesWithheld, cleanFeedback } from "./redact.ts";

/** One judgement as it comes from a channel where a person or program is known. */
export interface NewJudgement {
  readonly opinionId: string;
  readonly recommendation: string;
  readonly rating: number | null;
  readonly notes?: string;
  readonly reviewer: string;
  readonly submittedAtMs?: number;
  readonly feedbackId?: string;
  /** Chance with which the opinion was picked for this review, (0, 1]; absent: it was not picked by chance. */
  readonly propensity?: number;
  readonly basePropensity?: number;
  /** What the body said of itself: kept, never believed. */
  readonly claimed?: Readonly<Record<string, unknown>>;
}

export interface Accepted {
  readonly feedback: Feedback;
  readonly outcome: "added" | "same" | "superseded";
  readonly replaced: string | null;
  /** The notes could not be looked through for personal data, and were kept out. */
  readonly notesWithheld: boolean;
}

/** For a caller that has just stored the opinions itself. */
export interface FeedbackWriting {
  /** Of the judged opinions, in order; absent: they are asked of the store. */
  readonly heads?: readonly OpinionHead[];
  readonly writer?: Pick<Store, "addFeedback">;
}

/**
 * Stores judgements of people or programs on stored opinions, all or none.
 * @throws RequeenError opinion_not_found, bad_request (a class that the specialist has not), conflict
 */
export async function addFeedback(
  house: House,
  channel: Channel,
  judgements: readonly NewJudgement[],
  { heads, writer = house.store }: FeedbackWriting = {},
): Promise<Accepted[]> {
  const opinions = heads ?? (await house.store.getOpinionHeads(judgements.map((judgement) => judgement.opinionId)));
  const feedback = judgements.map((judgement, index) => feedbackOf(house, channel, judgement, opinions[index] ?? null));
  const [subject = "", ...others] = new Set(feedback.map(({ specialist_type }) => specialist_type));
  const ids = feedback.map(({ feedback_id }) => feedback_id);
  const [outcomes] = await Promise.all([
    writer.addFeedback(feedback),
    ids.length === 0 ? null : noteWrite(house, "feedback.add", others.length === 0 ? subject : "several", ids, { channel }),
  ]);
  return outcomes.map((answer, index) => acceptedOf(feedback[index] as Feedback, answer));
}

/**
 * A judgement as the document that is stored.
 * @throws RequeenError opinion_not_found, bad_request (a class that the specialist has not, a rating out of range)
 */
export function feedbackOf(house: House, channel: Channel, judgement: NewJudgement, opinion: OpinionHead | null): Feedback {
  if (opinion === null) throw noOpinion(judgement.opinionId);
  const specialist = specialistOf(house, opinion.specialist_type);
  const allowed = answersOf(specialist);
  if (!allowed.includes(judgement.recommendation))
    throw new RequeenError(
      "bad_request",
      `human_recommendation must be one of ${allowed.join(", ")}; got ${JSON.stringify(judgement.recommendation)}`,
      {
        field: "human_recommendation",
        allowed,
      },
    );
  if (judgement.rating !== null && !(judgement.rating >= 0 && judgement.rating <= 1))
    throw new RequeenError("bad_request", `human_rating must be a number in [0, 1]; got ${judgement.rating}`, {
      field: "human_rating",
    });
  return cleanFeedback(house, {
    schema_version: "3.0.0",
    feedback_id: judgement.feedbackId ?? house.newId("feedback-"),
    opinion_id: opinion.opinion_id,
    plan_id: opinion.plan_id,
    specialist_type: opinion.specialist_type,
    human_recommendation: judgement.recommendation,
    human_rating: judgement.rating,
    feedback_notes: judgement.notes ?? "",
    submitted_by: judgement.reviewer,
    submitted_at: judgement.submittedAtMs ?? house.now(),
    feedback_source: channel,
    evidence: {
      tier: CHANNELS[channel],
      channel,
      reviewer: judgement.reviewer,
      shown_opinion: channel === "review_blind" ? false : channel === "review_informed" || channel === "person" ? true : null,
      claimed: { ...judgement.claimed },
      ...(judgement.propensity === undefined ? {} : { propensity: judgement.propensity }),
      ...(judgement.basePropensity === undefined ? {} : { base_propensity: judgement.basePropensity }),
      demoted_from: null,
    },
    supersedes: null,
    opinion_recommendation: opinion.recommendation,
    opinion_confidence: opinion.confidence_score,
    opinion_risk: opinion.risk_score,
    metadata: {},
    extra: {},
  });
}

/** @throws RequeenError opinion_not_found, conflict */
export function acceptedOf(feedback: Feedback, answer: FeedbackOutcome): Accepted {
  if (answer.outcome === "conflict")
    throw new RequeenError("conflict", `feedback ${answer.feedback_id} is stored with another content`, {
      feedback_id: answer.feedback_id,
    });
  if (answer.outcome === "opinion_not_found") throw noOpinion(feedback.opinion_id);
  return {
    feedback: { ...feedback, feedback_id: answer.feedback_id },
    outcome: answer.outcome,
    replaced: answer.replaced,
    notesWithheld: areNotesWithheld(feedback),
  };
}

const noOpinion = (opinionId: string): RequeenError =>
  new RequeenError("opinion_not_found", `there is no opinion ${JSON.stringify(opinionId)}`, { opinion_id: opinionId });

/** What people may answer about a specialist's opinions: its classes, and the decisions that its label rule maps to them. */
export const answersOf = (specialist: { classes: readonly string[]; label: { map: Record<string, string> } }): string[] => [
  ...new Set([...specialist.classes, ...Object.keys(specialist.label.map)]),
];

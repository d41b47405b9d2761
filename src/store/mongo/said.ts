import type { FeedbackState } from "../../core/feedback.ts";
import { withTier } from "../judgements.ts";
import type { StoredFeedback } from "../store.ts";
import type { MongoConnection, Stored } from "./connection.ts";
import type { DocumentReader, Said } from "./originals.ts";

/**
 * A judgement's state is not stored but follows from what its reviewer said of the same opinion: adding one is one insert, and no crash can
 * leave an opinion with two current judgements of a reviewer, or with none.
 */

/** Parts of foreign documents that nobody reads and that may be large. */
export const WITHOUT_BULK = { cognitive_plan_snapshot: 0, reasoning_factors: 0, nlp_features: 0 } as const;

/** Everything that was said of these opinions. */
export async function saidOf(connection: MongoConnection, reader: DocumentReader, opinionIds: Iterable<string>): Promise<Said[]> {
  return reader.feedback(await connection.findByIds("feedback", "opinion_id", opinionIds, { projection: WITHOUT_BULK }));
}

export const reviewerKey = ({ feedback }: Said): string => JSON.stringify([feedback.opinion_id, feedback.evidence.reviewer]);

/** Whether `a` stands before `b`: the later `submitted_at`, then the later arrival. */
export function isNewer(a: Said, b: Said): boolean {
  if (a.feedback.submitted_at !== b.feedback.submitted_at) return a.feedback.submitted_at > b.feedback.submitted_at;
  if (a.sequence !== b.sequence) return a.sequence > b.sequence;
  return a.feedback.feedback_id > b.feedback.feedback_id;
}

/** The newest judgement of each reviewer and opinion, taken back or not. */
export function headsOf(said: Iterable<Said>): Map<string, Said> {
  const heads = new Map<string, Said>();
  for (const item of said) {
    const key = reviewerKey(item);
    const head = heads.get(key);
    if (head === undefined || isNewer(item, head)) heads.set(key, item);
  }
  return heads;
}

/** @param said everything that was said of each opinion in it. */
export function withStates(said: readonly Said[]): StoredFeedback[] {
  const heads = headsOf(said);
  return said.map((item) => {
    const state: FeedbackState = item.retracted ? "retracted" : heads.get(reviewerKey(item)) === item ? "current" : "superseded";
    const feedback = item.tier === null ? item.feedback : withTier(item.feedback, item.tier);
    return { ...feedback, state, sequence: item.sequence, recorded_at: item.recorded_at };
  });
}

/** The current ones, with the tier that they have now. @param said everything that was said of each opinion in it. */
export function currentOf(said: readonly Said[]): { feedback: StoredFeedback; document: Stored }[] {
  return withStates(said).flatMap((feedback, index) => {
    const document = said[index]?.document;
    return feedback.state === "current" && document !== undefined ? [{ feedback, document }] : [];
  });
}

import { RequeenError } from "../core/errors.ts";
import { type Identity, mayDo } from "../core/identity.ts";
import type { StoredFeedback } from "../store/store.ts";
import type { House } from "./house.ts";
import { type Accepted, addFeedback } from "./intake.ts";

/** What of a judgement is changed; what is absent stays. */
export interface FeedbackChange {
  readonly human_recommendation?: string | undefined;
  readonly human_rating?: number | null | undefined;
  readonly feedback_notes?: string | undefined;
}

/**
 * A judgement in place of an earlier one of the same reviewer, which stays as history. Its tier is that of the one who changes it: a person
 * has seen the opinion by now (`informed`); an admin who mends another's judgement vouches for it (`bulk`).
 * @throws RequeenError feedback_not_found, forbidden, conflict (it is not the current one), bad_request
 */
export async function editFeedback(house: House, identity: Identity, id: string, change: FeedbackChange): Promise<Accepted> {
  const stored = await ownFeedback(house, identity, id);
  const feedbackId = house.newId("feedback-");
  // a repeat after a crash finds its own judgement in the place of the one that it changed
  const isDone = stored.state === "superseded" && (await house.store.getFeedback(feedbackId)) !== null;
  if (stored.state !== "current" && !isDone)
    throw new RequeenError("conflict", `feedback ${id} must be current to be edited; it is ${stored.state}`, {
      feedback_id: id,
      state: stored.state,
    });
  const { reviewer } = stored.evidence;
  const isOwn = identity.subject === reviewer;
  const [accepted] = await addFeedback(house, isOwn ? identity.channel : "import_vouched", [
    {
      opinionId: stored.opinion_id,
      recommendation: change.human_recommendation ?? stored.human_recommendation,
      rating: change.human_rating === undefined ? stored.human_rating : change.human_rating,
      notes: change.feedback_notes ?? stored.feedback_notes,
      reviewer,
      feedbackId,
      submittedAtMs: Math.max(house.now(), stored.submitted_at),
      claimed: isOwn ? {} : { edited_by: identity.subject },
    },
  ]);
  if (accepted === undefined) throw new Error("one judgement was given, none came back");
  await house.store.appendAudit([
    {
      at: house.now(),
      actor: identity.subject,
      action: "feedback.edit",
      subject: stored.specialist_type,
      details: { feedback_id: id, by_feedback_id: accepted.feedback.feedback_id, opinion_id: stored.opinion_id, reviewer },
    },
  ]);
  return accepted;
}

/**
 * Takes a judgement back; taking it back again changes nothing.
 * @throws RequeenError feedback_not_found, forbidden, conflict (a later judgement stands in its place)
 */
export async function retractFeedback(
  house: House,
  identity: Identity,
  id: string,
  reason: string | null,
): Promise<StoredFeedback> {
  const stored = await ownFeedback(house, identity, id);
  if (stored.state === "retracted") return stored;
  const retracted = await house.store.retractFeedback(id, house.now());
  await house.store.appendAudit([
    {
      at: house.now(),
      actor: identity.subject,
      action: "feedback.retract",
      subject: stored.specialist_type,
      details: { feedback_id: id, opinion_id: stored.opinion_id, reviewer: stored.evidence.reviewer, reason },
    },
  ]);
  return retracted;
}

/** The judgement, if it is the identity's own or the identity may administer. @throws RequeenError feedback_not_found, forbidden */
async function ownFeedback(house: Pick<House, "store">, identity: Identity, id: string): Promise<StoredFeedback> {
  const stored = await house.store.getFeedback(id);
  if (stored === null)
    throw new RequeenError("feedback_not_found", `there is no feedback ${JSON.stringify(id)}`, { feedback_id: id });
  if (stored.evidence.reviewer === identity.subject || mayDo(identity, "administer")) return stored;
  throw new RequeenError("forbidden", `feedback ${id} is another reviewer's; only who gave it, or an admin, may change it`, {
    feedback_id: id,
  });
}

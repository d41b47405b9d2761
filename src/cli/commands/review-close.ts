import { z } from "zod";
import { releaseClaim, type ShownClaim, skipClaim, type UndoneReview, undoReview } from "../../loop/review.ts";
import { defineCommand } from "../command.ts";
import { rehearse } from "../rehearse.ts";
import { REVIEWER_OPTION, renderReview } from "./review-next.ts";

const CLAIM = { claim: { summary: "id of the claim", type: z.string() } } as const;

export const reviewSkip = defineCommand({
  name: "review skip",
  summary: "Leave an opinion to others: it does not come to you again for a while.",
  arguments: CLAIM,
  options: {
    reason: { summary: "why you cannot say", value: "<text>", type: z.string().max(1_000).optional() },
    ...REVIEWER_OPTION,
  },
  examples: [{ line: "requeen review skip claim-17 --reason 'not my field'", does: "the next reviewer gets it" }],
  changes: true,
  run: async ({ claim, reason, reviewer }, { openHouse, dryRun }): Promise<ShownClaim> => {
    const house = await openHouse();
    return skipClaim(dryRun ? rehearse(house) : house, reviewer ?? house.actor, claim, reason ?? null);
  },
  render: ({ opinion_id }) => `Skipped: ${opinion_id} goes to others.`,
});

export const reviewRelease = defineCommand({
  name: "review release",
  summary: "Give a claimed opinion back to the queue.",
  arguments: CLAIM,
  options: REVIEWER_OPTION,
  examples: [{ line: "requeen review release claim-17", does: "somebody else, or you, may get it again" }],
  changes: true,
  run: async ({ claim, reviewer }, { openHouse, dryRun }): Promise<ShownClaim> => {
    const house = await openHouse();
    return releaseClaim(dryRun ? rehearse(house) : house, reviewer ?? house.actor, claim);
  },
  render: ({ opinion_id }) => `Released: ${opinion_id} waits again.`,
});

export const reviewUndo = defineCommand({
  name: "review undo",
  summary: "Take a judgement back soon after it was submitted.",
  details:
    "The opinion is claimed again, in the mode informed: the first answer has shown what the model said. The history keeps both.",
  arguments: CLAIM,
  options: REVIEWER_OPTION,
  examples: [{ line: "requeen review undo claim-17", does: "within a minute of submitting it" }],
  changes: true,
  run: async ({ claim, reviewer }, { openHouse, dryRun }): Promise<UndoneReview> => {
    const house = await openHouse();
    return undoReview(dryRun ? rehearse(house) : house, reviewer ?? house.actor, claim);
  },
  render: ({ feedback_id, review }, terminal) => {
    const taken = `Taken back: ${feedback_id}.`;
    return review === null
      ? `${taken} Somebody else has the opinion now.`
      : `${taken} Here it is again:\n\n${renderReview(review, terminal)}`;
  },
});

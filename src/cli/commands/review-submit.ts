import { z } from "zod";
import { type SubmittedReview, submitReview } from "../../loop/review.ts";
import { defineCommand } from "../command.ts";
import { rehearse } from "../rehearse.ts";
import { minuteOf } from "../render/figures.ts";
import { decimal } from "../render/values.ts";
import { REVIEWER_OPTION } from "./review-next.ts";

export const reviewSubmit = defineCommand({
  name: "review submit",
  summary: "Judge the opinion of a claim; then see what the model said.",
  arguments: {
    claim: { summary: "id of the claim", type: z.string() },
    decision: { summary: "what should be decided: a class of the specialist", type: z.string() },
  },
  options: {
    rating: {
      summary: "agreement with the opinion; recorded, never a label",
      value: "<share>",
      type: z.number().min(0).max(1).optional(),
    },
    notes: { summary: "why", value: "<text>", type: z.string().max(20_000).optional() },
    ...REVIEWER_OPTION,
  },
  examples: [
    { line: "requeen review submit claim-17 reject --notes 'deletes the backups first'", does: "a judgement with its reason" },
    { line: "requeen review submit claim-17 approve --reviewer ana", does: "typed in for a colleague who claimed it" },
  ],
  changes: true,
  run: async ({ claim, decision, rating, notes, reviewer }, { openHouse, dryRun }): Promise<SubmittedReview> => {
    const house = await openHouse();
    const answer = { decision, rating: rating ?? null, notes: notes ?? "" };
    return submitReview(dryRun ? rehearse(house) : house, reviewer ?? house.actor, claim, answer);
  },
  render: ({ status, tier, decision, opinion, agrees, feedback_id, undo_until, claim, notes_withheld }) => {
    const said =
      agrees === null
        ? "No model had judged it."
        : `The model said ${opinion.opinion.recommendation} (confidence ${decimal(opinion.opinion.confidence_score)}): ${agrees ? "the same" : "otherwise"}.`;
    const what = status === "duplicate" ? "Was submitted before" : `Submitted, tier ${tier}`;
    const withheld = notes_withheld ? " The notes could not be looked through for personal data, and were kept out." : "";
    return `${what}: ${decision}, as ${feedback_id}. ${said}${withheld} \`requeen review undo ${claim.claim_id}\` takes it back until ${minuteOf(undo_until)}.`;
  },
});

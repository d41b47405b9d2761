import { z } from "zod";
import { type FeedbackDocument, feedbackSchema } from "../../core/feedback.ts";
import { addFeedback } from "../../loop/intake.ts";
import { defineCommand } from "../command.ts";
import { rehearse } from "../rehearse.ts";
import { decimal } from "../render/values.ts";

interface AddedFeedback {
  readonly feedback: FeedbackDocument;
  readonly outcome: "added" | "same" | "superseded";
  /** The reviewer's earlier judgement that this one replaces. */
  readonly replaced: string | null;
  readonly dry_run: boolean;
}

export const feedbackAdd = defineCommand({
  name: "feedback add",
  summary: "Add one person's judgement of one opinion.",
  details: [
    "The evidence tier is informed: whoever types the id of an opinion may have seen it. Blind judgements come from the review queue only.",
    "A reviewer has one judgement of an opinion; a later one replaces it, the earlier one stays as history.",
  ].join("\n"),
  arguments: {
    opinion: { summary: "id of the opinion", type: z.string() },
    decision: { summary: "what should have been decided: a class of the specialist", type: z.string() },
  },
  options: {
    rating: {
      summary: "agreement with the opinion; recorded, never used as a label or a filter",
      value: "<share>",
      type: z.number().min(0).max(1).optional(),
    },
    notes: { summary: "why", value: "<text>", type: z.string().max(20_000).optional() },
    reviewer: {
      summary: "who decided; by default the user of this system",
      value: "<name>",
      type: z.string().min(1).max(256).optional(),
    },
  },
  examples: [
    {
      line: "requeen feedback add opinion-17 reject --rating 0.1 --notes 'deletes the backups first'",
      does: "your judgement of one opinion",
    },
    { line: "requeen feedback add opinion-17 approve --reviewer ana", does: "typed in for a colleague" },
  ],
  changes: true,
  run: async ({ opinion: opinionId, decision, rating, notes, reviewer }, { openHouse, dryRun }): Promise<AddedFeedback> => {
    const house = await openHouse();
    const judgement = { opinionId, recommendation: decision, rating: rating ?? null, notes, reviewer: reviewer ?? house.actor };
    const [accepted] = await addFeedback(dryRun ? rehearse(house) : house, "person", [judgement]);
    if (accepted === undefined) throw new Error("one judgement went in and none came back");
    return {
      feedback: feedbackSchema.encode(accepted.feedback),
      outcome: accepted.outcome,
      replaced: accepted.replaced,
      dry_run: dryRun,
    };
  },
  render: ({ feedback, outcome, replaced, dry_run }) => {
    const { feedback_id, opinion_id, submitted_by, human_recommendation, opinion_recommendation, opinion_confidence } = feedback;
    const said = `${submitted_by} decided ${human_recommendation} on ${opinion_id}; the opinion was ${opinion_recommendation ?? "none"} (confidence ${decimal(opinion_confidence)}).`;
    if (dry_run) return `Would be added: ${said}`;
    if (outcome === "same") return `Known already as ${feedback_id}: ${said}`;
    if (outcome === "superseded")
      return `Kept as history (${feedback_id}), since a newer judgement of ${submitted_by} is there: ${said}`;
    return `Added as ${feedback_id}: ${said}${replaced === null ? "" : ` It replaces ${replaced}.`}`;
  },
});

import { z } from "zod";
import { tierSchema } from "../../core/evidence.ts";
import { planSchema } from "../../core/plan.ts";
import { claimSchema } from "../../core/review.ts";
import type { ShownList } from "../../loop/present.ts";
import type { ReviewSummary, ShownClaim, ShownReview, SubmittedReview, UndoneReview } from "../../loop/review.ts";
import { documentSchema } from "./document-schema.ts";
import { opinionAnswer } from "./records.ts";
import { listOf, shape, time } from "./shared.ts";

const { propensity: _chance, base_propensity: _base, ...claimFields } = claimSchema.shape;
export const claimAnswer = shape<ShownClaim>("ReviewClaim", documentSchema(z.strictObject(claimFields)));
export const claimsAnswer = listOf<ShownList<"claims", ShownClaim>>("ReviewClaimList", "claims", claimAnswer);

const reviewAnswer = shape<ShownReview>(
  "Review",
  z.strictObject({
    claim: claimAnswer,
    specialist: z.string(),
    decisions: z.array(z.string()).describe("what may be answered"),
    plan: documentSchema(planSchema).nullable(),
    columns: z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()])).nullable(),
    plan_id: z.string(),
    intent_id: z.string().nullable(),
    evaluated_at: time.describe("when the plan was judged"),
    opinion: opinionAnswer.nullable().describe("what the model said; null in the mode `blind`"),
  }),
);

export const nextAnswer = shape<{ review: ShownReview | null }>(
  "NextReview",
  z.strictObject({ review: reviewAnswer.nullable().describe("null: nothing waits that this reviewer may judge in this mode") }),
);

export const submittedAnswer = shape<SubmittedReview>(
  "SubmittedReview",
  z.strictObject({
    claim: claimAnswer,
    feedback_id: z.string(),
    status: z.enum(["recorded", "duplicate"]).describe("duplicate: just this was submitted before"),
    tier: tierSchema,
    shown_opinion: z.boolean().describe("whether the reviewer had seen what the model said"),
    decision: z.string(),
    notes_withheld: z.boolean().describe("the notes could not be looked through for personal data, and were kept out"),
    opinion: opinionAnswer,
    agrees: z.boolean().nullable().describe("whether the model had decided the same; null where no model judged"),
    undo_until: time,
  }),
);

export const undoneAnswer = shape<UndoneReview>(
  "UndoneReview",
  z.strictObject({
    claim: claimAnswer,
    feedback_id: z.string().describe("the judgement that was taken back"),
    review: reviewAnswer.nullable().describe("the same opinion again, now `informed`; null: somebody else took it"),
  }),
);

const count = z.int().min(0);
export const summaryAnswer = shape<ReviewSummary>(
  "ReviewSummary",
  z.strictObject({
    reviewer: z.string(),
    done: count.describe("submitted by this reviewer since `since`"),
    since: time,
    held: count.describe("opinions that this reviewer holds now"),
    seconds_per_review: z.number().nullable(),
    waiting: count,
    specialists: z.array(
      z.strictObject({
        specialist: z.string(),
        waiting: count,
        new_labels: count,
        threshold: count,
        labels_to_next_run: count,
        labels_to_decide: count.nullable().describe("until the last verdict, if it was inconclusive, should decide"),
        minutes: z.number().nullable(),
        sentence: z.string(),
      }),
    ),
  }),
);

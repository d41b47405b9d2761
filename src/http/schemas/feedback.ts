import { z } from "zod";
import { TIER_NAMES } from "../../core/evidence.ts";
import { FEEDBACK_STATES } from "../../core/feedback.ts";
import type { FeedbackStatistics, FleetStatistics, SpecialistStatistics } from "../../loop/feedback-stats.ts";
import type { ShownFeedback } from "../../loop/present.ts";
import { feedbackAnswer } from "./records.ts";
import { id, shape, specialistName, time } from "./shared.ts";

/** What the original endpoint took; fields that a body says of itself are kept as claims and change nothing. */
export const newFeedback = z
  .looseObject({
    opinion_id: id,
    human_recommendation: z
      .string()
      .min(1)
      .max(64)
      .describe("the decision: a class of the specialist, or one that its label rule maps"),
    human_rating: z
      .number()
      .min(0)
      .max(1)
      .nullable()
      .default(null)
      .describe("agreement with the opinion; recorded, never a label"),
    feedback_notes: z.string().max(20_000).default(""),
  })
  .describe(
    "Who judges is the token's subject; how it counts is the token's channel. Other fields are kept as claims and change nothing.",
  );

export const feedbackChange = z
  .strictObject({
    human_recommendation: z.string().min(1).max(64).optional(),
    human_rating: z.number().min(0).max(1).nullable().optional(),
    feedback_notes: z.string().max(20_000).optional(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), "at least one field must be there")
  .describe("What is absent stays as it is.");

export interface AcceptedAnswer {
  readonly feedback_id: string;
  readonly opinion_id: string;
  readonly submitted_at: string;
  readonly status: "recorded" | "duplicate";
  readonly superseded: string | null;
  readonly notes_withheld: boolean;
}
export const acceptedAnswer = shape<AcceptedAnswer>(
  "AcceptedFeedback",
  z.strictObject({
    feedback_id: z.string(),
    opinion_id: z.string(),
    submitted_at: time,
    status: z.enum(["recorded", "duplicate"]).describe("duplicate: the reviewer had said just this before; nothing was written"),
    superseded: z.string().nullable().describe("the reviewer's earlier judgement that this one replaced"),
    notes_withheld: z.boolean().describe("the notes could not be looked through for personal data, and were kept out"),
  }),
);

const share = z.number().min(0).max(1);
const statistics = {
  count: z.int().min(0),
  avg_rating: share.nullable().describe("to 3 decimals; 0 without judgements, null where none has a rating"),
  min_rating: share.nullable(),
  max_rating: share.nullable(),
  distribution: z.record(z.string(), z.int().min(0)).describe("judgements by decision"),
};
const windowDays = z.number().nullable().describe("null: all there is");

export const feedbackOfOpinion = shape<{
  readonly feedbacks: readonly ShownFeedback[];
  readonly count: number;
  readonly statistics: FeedbackStatistics;
}>(
  "FeedbackOfOpinion",
  z.strictObject({
    feedbacks: z.array(feedbackAnswer).describe("newest first, history included"),
    count: z.int().min(0),
    statistics: z.strictObject(statistics).describe("over the current judgements"),
  }),
);

const specialistStatistics = z
  .strictObject({ ...statistics, specialist_type: z.string(), window_days: windowDays })
  .meta({ id: "SpecialistStatistics" });
export const statsAnswer = shape<SpecialistStatistics | FleetStatistics>(
  "FeedbackStatistics",
  z.union([
    specialistStatistics,
    z
      .strictObject({
        total_opinions: z.int().min(0),
        with_feedback: z.int().min(0).describe("opinions with a current judgement of a person"),
        pending_feedback: z.int().min(0),
        distribution: statistics.distribution,
        window_days: windowDays,
        specialists: z.array(specialistStatistics),
      })
      .meta({ id: "FleetStatistics" }),
  ]),
);

export const feedbackHealth = z
  .strictObject({
    status: z.enum(["healthy", "degraded", "unhealthy"]),
    reason: z.string().nullable().describe("a code of docs/errors.md; null when healthy"),
  })
  .meta({ id: "FeedbackHealth" });

/** Query fields that pick feedback, for list and export. */
export const feedbackFilters = {
  specialist: specialistName.optional(),
  opinion: id.optional().describe("only on this opinion"),
  reviewer: id.optional().describe("only of this reviewer"),
  tier: z.enum(TIER_NAMES).optional().describe("only of this evidence tier"),
  state: z.enum(FEEDBACK_STATES).optional().describe("current counts; superseded and retracted are history"),
  from: z.iso.datetime({ offset: true }).optional().describe("only submitted at or after this time"),
  before: z.iso.datetime({ offset: true }).optional().describe("only submitted before this time"),
};

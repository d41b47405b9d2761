import { z } from "zod";
import { TIER_NAMES } from "../../core/evidence.ts";
import { FEEDBACK_STATES } from "../../core/feedback.ts";
import { specialistOf } from "../../loop/house.ts";
import { type ShownFeedback, type ShownList, showFeedback, showList } from "../../loop/present.ts";
import type { FeedbackFilter } from "../../store/store.ts";
import { defineCommand } from "../command.ts";
import { moreLine, PAGE_OPTIONS, SPECIALIST_OPTION } from "../page-options.ts";
import { minuteOf } from "../render/figures.ts";
import { renderTable } from "../render/table.ts";

/** Options that pick feedback, for list and export. */
export const FEEDBACK_FILTERS = {
  ...SPECIALIST_OPTION,
  opinion: { summary: "only on this opinion", value: "<opinion-id>", type: z.string().optional() },
  reviewer: { summary: "only of this reviewer", value: "<name>", type: z.string().optional() },
  tier: { summary: "only of this evidence tier", value: "<tier>", type: z.enum(TIER_NAMES).optional() },
  state: {
    summary: "current counts; superseded and retracted are history",
    value: "<state>",
    type: z.enum(FEEDBACK_STATES).optional(),
  },
} as const;

export const filterOf = (values: {
  readonly specialist?: string | undefined;
  readonly opinion?: string | undefined;
  readonly reviewer?: string | undefined;
  readonly tier?: FeedbackFilter["tier"] | undefined;
  readonly state?: FeedbackFilter["state"] | undefined;
}): FeedbackFilter => ({
  specialist: values.specialist,
  opinionId: values.opinion,
  reviewer: values.reviewer,
  tier: values.tier,
  state: values.state,
});

export const feedbackList = defineCommand({
  name: "feedback list",
  summary: "List feedback, newest first.",
  arguments: {},
  options: { ...FEEDBACK_FILTERS, ...PAGE_OPTIONS },
  examples: [
    { line: "requeen feedback list --specialist business", does: "the newest judgements of one specialist's opinions" },
    { line: "requeen feedback list --tier echo --limit 100", does: "what was found to be the model's own output" },
  ],
  changes: false,
  run: async ({ limit, cursor, ...filters }, { openHouse }): Promise<ShownList<"feedback", ShownFeedback>> => {
    const house = await openHouse();
    if (filters.specialist !== undefined) specialistOf(house, filters.specialist);
    const { items, next } = await house.store.listFeedback(filterOf(filters), { limit, cursor });
    return showList("feedback", items.map(showFeedback), next);
  },
  render: ({ feedback, next }, terminal) =>
    feedback.length === 0
      ? "No such feedback. `requeen feedback add` or `requeen feedback import` brings some; so does the review page of `requeen serve`."
      : renderTable(
          feedback,
          [
            { title: "OPINION", text: ({ opinion_id }) => opinion_id },
            { title: "DECIDED", text: ({ human_recommendation }) => human_recommendation },
            { title: "MODEL SAID", text: ({ opinion_recommendation }) => opinion_recommendation ?? "-" },
            {
              title: "TIER",
              text: ({ evidence, state }) => (state === "current" ? evidence.tier : `${evidence.tier}, ${state}`),
            },
            { title: "REVIEWER", text: ({ submitted_by }) => submitted_by },
            { title: "AT", text: ({ submitted_at }) => minuteOf(submitted_at) },
          ],
          terminal,
        ) + moreLine(next),
});

import { claimStateSchema } from "../../core/review.ts";
import { type ShownList, showList } from "../../loop/present.ts";
import { type ReviewSummary, reviewSummary, type ShownClaim, showClaim } from "../../loop/review.ts";
import { defineCommand } from "../command.ts";
import { moreLine, PAGE_OPTIONS, SPECIALIST_OPTION } from "../page-options.ts";
import { minuteOf, wrap } from "../render/figures.ts";
import { renderTable } from "../render/table.ts";
import { REVIEWER_OPTION } from "./review-next.ts";

export const reviewList = defineCommand({
  name: "review list",
  summary: "List a reviewer's claims, newest first.",
  arguments: {},
  options: {
    ...SPECIALIST_OPTION,
    state: { summary: "only those stored in this state", value: "<state>", type: claimStateSchema.optional() },
    ...REVIEWER_OPTION,
    ...PAGE_OPTIONS,
  },
  examples: [{ line: "requeen review list --state open", does: "what you hold" }],
  changes: false,
  run: async ({ specialist, state, reviewer, limit, cursor }, { openHouse }): Promise<ShownList<"claims", ShownClaim>> => {
    const house = await openHouse();
    const filter = {
      reviewer: reviewer ?? house.actor,
      ...(specialist === undefined ? {} : { specialist }),
      ...(state === undefined ? {} : { state }),
    };
    const { items, next } = await house.store.listClaims(filter, { limit, cursor });
    return showList(
      "claims",
      items.map((claim) => showClaim(claim, house.now())),
      next,
    );
  },
  render: ({ claims, next }, terminal) =>
    claims.length === 0
      ? "No such claims. `requeen review next` makes one."
      : renderTable(
          claims,
          [
            { title: "CLAIM", text: ({ claim_id }) => claim_id },
            { title: "SPECIALIST", text: ({ specialist }) => specialist },
            { title: "PLAN", shrinks: true, text: ({ plan_id }) => plan_id },
            { title: "MODE", text: ({ mode }) => mode },
            { title: "STATE", text: ({ state }) => state },
            { title: "CLAIMED", text: ({ claimed_at }) => minuteOf(claimed_at) },
          ],
          terminal,
        ) + moreLine(next),
});

export const reviewSummaryCommand = defineCommand({
  name: "review summary",
  summary: "Show what waits for people, and how many labels each specialist still needs.",
  arguments: {},
  options: REVIEWER_OPTION,
  examples: [{ line: "requeen review summary", does: "where the next hour of review does most" }],
  changes: false,
  run: async ({ reviewer }, { openHouse }): Promise<ReviewSummary> => {
    const house = await openHouse();
    return reviewSummary(house, reviewer ?? house.actor, null);
  },
  render: ({ reviewer, done, held, seconds_per_review, specialists }, terminal) =>
    [
      renderTable(
        specialists,
        [
          { title: "SPECIALIST", shrinks: true, text: ({ specialist }) => specialist },
          { title: "WAITING", align: "right", text: ({ waiting }) => String(waiting) },
          { title: "NEW", align: "right", text: ({ new_labels, threshold }) => `${new_labels}/${threshold}` },
        ],
        terminal,
      ),
      "",
      ...specialists.map(({ sentence }) => wrap(sentence, Math.min(terminal.width, 100), "  ")),
      "",
      `${reviewer}: ${done} done today, ${held} held${seconds_per_review === null ? "" : `, ${seconds_per_review} s each`}.`,
    ].join("\n"),
});

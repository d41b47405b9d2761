import { z } from "zod";
import { REVIEW_MODES } from "../../core/review.ts";
import { nextForReview, type ShownReview } from "../../loop/review.ts";
import { defineCommand } from "../command.ts";
import { SPECIALIST_OPTION } from "../page-options.ts";
import { rehearse } from "../rehearse.ts";
import { minuteOf } from "../render/figures.ts";
import { renderFacts } from "../render/table.ts";
import { decimal } from "../render/values.ts";
import type { Terminal } from "../terminal.ts";

/** Who reviews, where the command line cannot know it from a token. */
export const REVIEWER_OPTION = {
  reviewer: {
    summary: "who reviews; by default the user of this system",
    value: "<name>",
    type: z.string().min(1).max(256).optional(),
  },
} as const;

export const reviewNext = defineCommand({
  name: "review next",
  summary: "Claim an opinion that waits for a person, and show its plan.",
  details: [
    "The opinion is picked by chance, half evenly and half by what its label would teach; how likely it was is kept with the label, so that",
    "the gate can weigh it. Mode blind hides what the model said until the judgement is submitted; its label has the tier blind. An opinion",
    "that the reviewer has seen in a list is not offered blind. The claim holds for 15 minutes (`review.leaseMinutes`).",
  ].join("\n"),
  arguments: {},
  options: {
    ...SPECIALIST_OPTION,
    mode: {
      summary: "blind: decide on the plan alone; informed: see the opinion",
      value: "<mode>",
      type: z.enum(REVIEW_MODES).default("blind"),
    },
    ...REVIEWER_OPTION,
  },
  examples: [
    { line: "requeen review next", does: "any specialist's next opinion" },
    { line: "requeen review next --specialist technical --json", does: "for a program that asks people" },
  ],
  changes: true,
  run: async ({ specialist, mode, reviewer }, { openHouse, dryRun }): Promise<{ review: ShownReview | null }> => {
    const house = await openHouse();
    return { review: await nextForReview(dryRun ? rehearse(house) : house, reviewer ?? house.actor, { specialist, mode }) };
  },
  render: ({ review }, terminal) => (review === null ? NOTHING : renderReview(review, terminal)),
});

const NOTHING =
  "Nothing waits that you may judge in this mode. `requeen review list` shows what you hold; --mode informed also offers what you have seen.";

export function renderReview(
  { claim, specialist, decisions, plan, columns, plan_id, opinion }: ShownReview,
  terminal: Terminal,
): string {
  const rows: [string, string][] = [
    ["claim", `${claim.claim_id}, yours until ${minuteOf(claim.expires_at)}`],
    ["specialist", specialist],
    ["plan", plan_id],
  ];
  for (const [name, value] of Object.entries(columns ?? {})) rows.push([`  ${name}`, value === null ? "-" : String(value)]);
  if (plan?.original_domain) rows.push(["  domain", plan.original_domain]);
  if (plan?.original_priority) rows.push(["  priority", plan.original_priority]);
  for (const task of plan?.tasks ?? []) {
    const after =
      task.dependencies === undefined || task.dependencies.length === 0 ? "" : ` (after ${task.dependencies.join(", ")})`;
    rows.push([`  ${task.task_id}`, `${task.task_type}: ${task.description ?? ""}${after}`]);
  }
  if (opinion !== null)
    rows.push(["opinion", `${opinion.opinion.recommendation}, confidence ${decimal(opinion.opinion.confidence_score)}`]);
  return [
    renderFacts(rows, terminal),
    "",
    `Answer with \`requeen review submit ${claim.claim_id} DECISION\`: ${decisions.join(", ")}.`,
  ].join("\n");
}

import { z } from "zod";
import { type AutoFeedback, judgeByRule } from "../../loop/auto-feedback.ts";
import { defineCommand } from "../command.ts";
import { rehearse } from "../rehearse.ts";
import { renderTable } from "../render/table.ts";
import { namesOf } from "./retrain.ts";

export const feedbackAuto = defineCommand({
  name: "feedback auto",
  summary: "Let written rules judge the plans that no person has judged: tier rule, which decides nothing.",
  details: [
    "The rules are those of examples/hive/README.md; they look at the plan, never at the model's word. Their labels are kept apart from",
    "people's: they start no run and judge no model. The original system's automatic feedback, the model's own answer sent back as a",
    "label, is refused by the examination of labels. Doing it again adds nothing.",
  ].join("\n"),
  arguments: { specialist: { summary: "which specialist; none with --all", type: z.string().optional() } },
  options: {
    all: { summary: "every specialist", type: z.boolean().default(false) },
    limit: { summary: "opinions of one specialist, the newest", value: "<n>", type: z.int().min(1).default(10_000) },
  },
  examples: [{ line: "requeen feedback auto --all", does: "what the Job `auto-feedback` runs" }],
  changes: true,
  async run(values, context): Promise<{ results: AutoFeedback[]; dry_run: boolean }> {
    const opened = await context.openHouse();
    const house = context.dryRun ? rehearse(opened) : opened;
    const results: AutoFeedback[] = [];
    for (const name of namesOf(house, values)) results.push(await judgeByRule(house, name, values.limit));
    return { results, dry_run: context.dryRun };
  },
  render: ({ results, dry_run }, terminal) => {
    const table = renderTable(
      results,
      [
        { title: "SPECIALIST", text: ({ specialist }) => specialist },
        { title: "LOOKED AT", align: "right", text: ({ looked_at }) => String(looked_at) },
        { title: dry_run ? "WOULD ADD" : "ADDED", align: "right", text: ({ added }) => String(added) },
        { title: "SAME", align: "right", text: ({ same }) => String(same) },
        { title: "PASSED OVER", align: "right", text: ({ passed_over }) => String(passed_over) },
      ],
      terminal,
    );
    const reasons = results.flatMap(({ no_rule }) => (no_rule === null ? [] : [no_rule]));
    return [table, ...(reasons.length === 0 ? [] : ["", ...reasons])].join("\n");
  },
});

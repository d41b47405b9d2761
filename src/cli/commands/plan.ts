import { z } from "zod";
import { type FleetPlan, type PlanView, viewPlan } from "../../loop/plan.ts";
import { defineCommand } from "../command.ts";
import { renderTable, type TableColumn } from "../render/table.ts";

export const plan = defineCommand({
  name: "plan",
  summary: "Show what the labels at hand could prove, and what more labels would buy, before anything is trained.",
  details:
    "For gains of 2, 5 and 10 points of accuracy: the chance that a gate on the present labels shows them, and how many more labels and minutes " +
    "of review it takes to show them with the policy's chance (80 % by default). Without a specialist: all, and whose next 50 labels buy most.",
  arguments: { specialist: { summary: "one specialist; without it, all", type: z.string().optional() } },
  options: {},
  examples: [
    { line: "requeen plan business", does: "what business could prove now" },
    { line: "requeen plan", does: "all specialists, and where the next review hour is best spent" },
  ],
  changes: false,
  run: async ({ specialist }, { openHouse }): Promise<FleetPlan> => viewPlan(await openHouse(), specialist ?? null),
  render: ({ plans, next_labels }, terminal) =>
    [
      renderTable(plans, COLUMNS, terminal),
      "",
      ...plans.map((row) => `${row.specialist}: ${row.plan.sentence}`),
      ...(next_labels.length < 2 ? [] : ["", "The next 50 labels are expected to buy most at:", ...next_labels.map(rankLine)]),
    ].join("\n"),
});

const COLUMNS: readonly TableColumn<PlanView>[] = [
  { title: "SPECIALIST", shrinks: true, text: (row) => row.specialist },
  { title: "LABELS", align: "right", text: (row) => String(row.plan.gate_rows) },
  ...[0, 1, 2].map(
    (index): TableColumn<PlanView> => ({
      title: ["+2 POINTS", "+5 POINTS", "+10 POINTS"][index] ?? "",
      align: "right",
      text: (row) => gainText(row, index),
    }),
  ),
];

function gainText({ plan: labels }: PlanView, index: number): string {
  const gain = labels.gains[index];
  if (gain === undefined) return "";
  const more = gain.more_labels === null ? "never" : gain.more_labels === 0 ? "enough" : `${gain.more_labels} more`;
  return `${Math.round(100 * gain.chance)} %, ${more}`;
}

const rankLine = (
  { specialist, right_opinions_per_week, gain_now, gain_then }: FleetPlan["next_labels"][number],
  index: number,
): string =>
  `  ${index + 1}. ${specialist}: ${(100 * (gain_then - gain_now)).toFixed(2)} points of accuracy, ${right_opinions_per_week.toFixed(2)} more right opinions a week`;

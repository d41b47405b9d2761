import { type BudgetView, viewBudgets } from "../../loop/budget.ts";
import { defineCommand } from "../command.ts";
import { renderTable } from "../render/table.ts";

const chance = (value: number | null): string => (value === null ? "-" : `${(100 * value).toPrecision(3)} %`);

export const budget = defineCommand({
  name: "budget",
  summary: "Show the error budget: how much chance of a false promotion is spent, left, and when it renews.",
  details:
    "A policy may limit the chance of false promotions over many verdicts (error_budget): alpha spending per specialist and period, or LORD or " +
    "SAFFRON over the whole fleet. Each verdict then uses the level that the budget grants it, if that is stricter than the policy's own.",
  arguments: {},
  options: {},
  examples: [{ line: "requeen budget", does: "one line a specialist" }],
  changes: false,
  run: async (_values, { openHouse }): Promise<{ budgets: BudgetView[] }> => ({ budgets: await viewBudgets(await openHouse()) }),
  render: ({ budgets }, terminal) =>
    [
      renderTable(
        budgets,
        [
          { title: "SPECIALIST", shrinks: true, text: (row) => row.specialist },
          { title: "POLICY", text: (row) => row.policy },
          { title: "METHOD", text: (row) => row.method },
          { title: "NEXT LEVEL", align: "right", text: (row) => chance(row.next_level) },
          { title: "SPENT", align: "right", text: (row) => chance(row.spent) },
          { title: "LEFT", align: "right", text: (row) => chance(row.left) },
          { title: "RENEWS", text: (row) => row.renews_at?.slice(0, 16).replace("T", " ") ?? "-" },
        ],
        terminal,
      ),
      "",
      ...new Set(budgets.map((row) => (row.next_level === null ? row.sentence : `${row.specialist}: ${row.sentence}`))),
    ].join("\n"),
});

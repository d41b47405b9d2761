import { z } from "zod";
import type { Decision, Verdict } from "../../core/verdict.ts";
import { gate as decideGate } from "../../decide/index.ts";
import { defineCommand } from "../command.ts";
import { readGateFiles } from "../input/gate-files.ts";
import { choosePolicy, POLICY_OPTION } from "../policy-choice.ts";
import { renderVerdict } from "../render/verdict.ts";

/** Documented in the help; pipelines branch on them. */
const EXIT_CODES: Readonly<Record<Decision, number>> = { promote: 0, reject: 10, inconclusive: 11 };

export const gate = defineCommand({
  name: "gate",
  summary: "Judge a challenger that was trained elsewhere, from files; the exit code is the decision.",
  details: [
    "Exit code: 0 promote, 10 reject, 11 inconclusive; 2 and 3 for a call or data that cannot be used.",
    "Files are CSV with a first line of names, one line a row, all in the same order:",
    "  labels      a column `label`: what a person decided, as a class name",
    "  models      one column a class, its name as the title: the model's probability of it; each line sums to 1",
    "  groups      a column `group`: rows of one group (a plan, a customer) count together",
    "  slices      one column a property: no value of it may pay for the gain of the others",
    "  weights     a column `weight`: inverse of the chance with which the row was picked for labelling, for rows that were not picked evenly",
    "A column `id` may stand in every file; then it must be the same, line by line, in all of them. The challenger must not have",
    "trained on these rows. Nothing is stored, and no data folder is needed.",
  ].join("\n"),
  arguments: {},
  options: {
    labels: { summary: "people's decisions", value: "<file.csv>", type: z.string() },
    champion: {
      summary: "what the champion said; without it the shares of the classes stand in",
      value: "<file.csv>",
      type: z.string().optional(),
    },
    challenger: { summary: "what the challenger said", value: "<file.csv>", type: z.string() },
    groups: { summary: "what keeps rows together", value: "<file.csv>", type: z.string().optional() },
    slices: { summary: "properties of the rows", value: "<file.csv>", type: z.string().optional() },
    weights: { summary: "inverse chances of pick", value: "<file.csv>", type: z.string().optional() },
    ...POLICY_OPTION,
    seed: { summary: "seed of the resampling", value: "<number>", type: z.int().min(0).default(42) },
  },
  examples: [
    {
      line: "requeen gate --labels y.csv --champion old.csv --challenger new.csv",
      does: "in a pipeline: goes on only if the new model is proven better",
    },
    {
      line: "requeen gate --labels y.csv --champion old.csv --challenger new.csv --policy strict --groups customer.csv --json",
      does: "one-sided 5 % error, rows of a customer counted together",
    },
  ],
  changes: false,
  run: async ({ policy, seed, ...files }, { config }): Promise<Verdict> =>
    decideGate({ ...(await readGateFiles(files)), policy: await choosePolicy(config, policy ?? "evidence"), seed }),
  render: renderVerdict,
  exitCode: ({ decision }) => EXIT_CODES[decision],
});

import { z } from "zod";
import { runHiveExample } from "../../loop/example/hive.ts";
import { type ExampleRun, REAL_DATA_EXAMPLES, runRealDataExample } from "../../loop/example/real-data.ts";
import { type ShownRun, showRuns } from "../../loop/present.ts";
import type { RunEvent } from "../../loop/run-steps.ts";
import { defineCommand } from "../command.ts";
import type { Progress, ProgressLine } from "../progress.ts";
import { renderTable, type TableColumn } from "../render/table.ts";
import type { Terminal } from "../terminal.ts";
import { showStep } from "../watch-runs.ts";

interface RealDataAnswer {
  readonly example: keyof typeof REAL_DATA_EXAMPLES;
  readonly specialist: string;
  readonly runs: readonly ExampleRun[];
}
interface HiveAnswer {
  readonly example: "hive";
  readonly feedback: "simulated" | "original";
  readonly feedback_total: number;
  readonly runs: readonly ShownRun[];
}
type Answer = RealDataAnswer | HiveAnswer;

export const example = defineCommand({
  name: "example",
  summary: "Run the whole loop on example data: hive, spambase or german-credit.",
  details:
    "hive: the five specialists on simulated plans and simulated reviewers, 1,002 feedbacks; spambase and german-credit: real data with people's " +
    "labels, arriving in batches of 100. Everything is kept in the data folder; a second call goes on and doubles nothing.",
  arguments: { name: { summary: "hive, spambase or german-credit", type: z.enum(["hive", "spambase", "german-credit"]) } },
  options: {
    seed: { summary: "seed of order, plans and reviewers", value: "<n>", type: z.coerce.number().int().min(0).default(7) },
    batches: {
      summary: "spambase, german-credit: stop after this many batches of 100",
      value: "<n>",
      type: z.coerce.number().int().min(0).optional(),
    },
    feedback: {
      summary: "hive: simulated reviewers, or the labels as the original system fabricated them",
      value: "<kind>",
      type: z.enum(["simulated", "original"]).default("simulated"),
    },
    tune: { summary: "hive: search the original system's grid of 27 forests inside every fit", type: z.boolean().default(false) },
  },
  examples: [
    { line: "requeen example hive", does: "retrains the five specialists and shows their verdicts" },
    {
      line: "requeen example hive --feedback original --data-dir /tmp/original",
      does: "shows how fabricated labels are refused",
    },
    { line: "requeen example spambase --batches 10", does: "plays the first 1,300 mails" },
  ],
  changes: false,
  async run(values, context): Promise<Answer> {
    const house = await context.openHouse();
    const lines = stepLines(context.progress);
    const { seed, feedback, tune, batches = null } = values;
    if (values.name === "hive") {
      const result = await runHiveExample(house, {
        seed,
        feedback,
        tune,
        signal: context.signal,
        onEvent: lines.event,
        onStage: lines.stage,
      });
      const runs = await showRuns(house, result.runs);
      for (const run of runs) lines.end(run.specialist, endOf(run));
      return { example: "hive", feedback: result.feedback, feedback_total: result.feedback_total, runs };
    }
    const data = REAL_DATA_EXAMPLES[values.name];
    return {
      ...(await runRealDataExample(house, data, {
        seed,
        batches,
        signal: context.signal,
        onEvent: lines.event,
        onStage: (text) => lines.stage(data.specialist, text),
      })),
      example: values.name,
    };
  },
  render: (answer, terminal) =>
    answer.example === "hive" ? renderHive(answer, terminal.width) : renderRealData(answer, terminal),
});

/** One progress line a specialist, fed by the events of its runs. */
export function stepLines(progress: Progress) {
  const lines = new Map<string, ProgressLine>();
  const lineOf = (specialist: string): ProgressLine => {
    const line = lines.get(specialist) ?? progress.begin(specialist);
    lines.set(specialist, line);
    return line;
  };
  return {
    event: (event: RunEvent) => showStep(lineOf(event.run.specialist), event),
    stage: (specialist: string, text: string) => lineOf(specialist).step(text),
    end: (specialist: string, text: string) => lineOf(specialist).end(text),
  };
}

const endOf = (run: ShownRun): string =>
  run.verdict !== null
    ? `${run.verdict.decision}${run.promoted ? `: version ${run.challenger_version} is in production` : ""}`
    : `${run.state}: ${run.error?.message ?? ""}`;

export function renderHive({ runs, feedback, feedback_total }: HiveAnswer, width: number): string {
  const intro =
    feedback === "simulated"
      ? `${feedback_total} feedbacks of simulated reviewers (rules, noise and disagreement: examples/hive/README.md).`
      : `${feedback_total} feedbacks, written the way the original system's auto and balanced jobs wrote them.`;
  const verdicts = runs.map((run) => {
    const what =
      run.verdict === null
        ? `${run.state.toUpperCase()}\n  ${run.error?.message ?? ""}`
        : `${run.verdict.decision.toUpperCase()}\n  ${run.verdict.headline}`;
    return wrap(`${run.specialist}: ${what}`, width);
  });
  return [intro, "", ...verdicts].join("\n");
}

/** Breaks lines at spaces; continued lines are indented by two. */
function wrap(text: string, width: number): string {
  return text
    .split("\n")
    .map((line) => {
      const indent = line.startsWith("  ") ? "  " : "";
      let length = 0;
      return line
        .trim()
        .split(" ")
        .map((word, index) => {
          const breaks = index > 0 && length + 1 + word.length > width - indent.length;
          length = breaks ? word.length : length + word.length + (index > 0 ? 1 : 0);
          return index === 0 ? indent + word : breaks ? `\n  ${word}` : ` ${word}`;
        })
        .join("");
    })
    .join("\n");
}

const share = (value: number | null): string => (value === null ? "" : `${(100 * value).toFixed(1)} %`);
const figure = (value: number | null): string => (value === null ? "" : value.toFixed(3));

const COLUMNS: readonly TableColumn<ExampleRun>[] = [
  { title: "labels", align: "right", text: (run) => String(run.labels) },
  { title: "verdict", text: (run) => run.verdict?.decision ?? run.state },
  { title: "P(better)", align: "right", text: (run) => figure(run.verdict?.p_better ?? null) },
  { title: "gate rows", align: "right", text: (run) => String(run.verdict?.gate_rows ?? "") },
  {
    title: "champion",
    text: (run) => (run.champion_version === null ? "none" : `v${run.champion_version}${run.promoted ? " new" : ""}`),
  },
  { title: "next batch", align: "right", text: (run) => share(run.champion_next_batch_accuracy) },
  { title: "log loss", align: "right", text: (run) => figure(run.champion_next_batch_log_loss) },
  { title: "confidence", align: "right", text: (run) => share(run.champion_next_batch_mean_confidence) },
  { title: "cal. error", align: "right", text: (run) => figure(run.champion_next_batch_calibration_error) },
];

function renderRealData({ example: name, specialist, runs }: RealDataAnswer, terminal: Terminal): string {
  const count = (decision: string) => runs.filter((run) => run.verdict?.decision === decision).length;
  return [
    `${REAL_DATA_EXAMPLES[name].about}; specialist ${specialist}.`,
    "next batch: accuracy of the champion on the 100 rows after the run, before anyone had labelled them.",
    "",
    renderTable(runs, COLUMNS, terminal),
    "",
    `${runs.length} runs: ${count("promote")} promote, ${count("inconclusive")} inconclusive, ${count("reject")} reject. \`requeen verdict show ${runs.at(-1)?.run_id ?? "RUN"}\` explains the last.`,
  ].join("\n");
}

import { z } from "zod";
import { findRun } from "../../loop/find-record.ts";
import { type ShownRun, showRuns } from "../../loop/present.ts";
import { defineCommand } from "../command.ts";
import { bareMessage, minuteOf, shortId, versionOf, wrap } from "../render/figures.ts";
import { championText } from "../render/runs.ts";
import { renderFacts, renderTable } from "../render/table.ts";
import { DASH, duration } from "../render/values.ts";
import type { Terminal } from "../terminal.ts";

export const runsShow = defineCommand({
  name: "runs show",
  summary: "Show one run: why it began, each step with its time, verdict, versions and error.",
  arguments: { run: { summary: "id, or its first digits", type: z.string() } },
  options: {},
  examples: [{ line: "requeen runs show run-3f9a1c07b2", does: "how far it came and what it found" }],
  changes: false,
  run: async ({ run: id }, { openHouse }): Promise<ShownRun> => {
    const house = await openHouse();
    const [shown] = await showRuns(house, [await findRun(house, id)]);
    if (shown === undefined) throw new Error("one run went in and none came back");
    return shown;
  },
  render: (run, terminal) =>
    [
      renderFacts(
        [
          ["run", run.run_id ?? DASH],
          ["specialist", run.specialist],
          ["state", run.state],
          ["began", `${minuteOf(run.started_at)}, for ${run.trigger?.reason ?? DASH}, by ${run.trigger?.by ?? DASH}`],
          ["ended", minuteOf(run.ended_at)],
          ["asked for", optionsText(run)],
          ["policy", run.policy ?? DASH],
          ["dataset", shortId(run.dataset_id)],
          ["verdict", run.verdict === null ? DASH : `${run.verdict.decision} (${shortId(run.verdict.verdict_id)})`],
          ["challenger", versionOf(run.challenger_version)],
          ["champion", championText(run)],
          ["MLflow run", run.mlflow?.run_id ?? DASH],
        ],
        terminal,
      ),
      "",
      stepTable(run, terminal),
      ...closing(run, terminal),
    ].join("\n"),
});

function optionsText({ options }: ShownRun): string {
  if (options === null) return DASH;
  const parts = [options.model_type, `seed ${options.seed}`];
  if (options.hyperparameter_tuning) parts.push("tuned");
  if (options.window_days !== null) parts.push(`labels of ${options.window_days} days`);
  if (!options.promote_if_better) parts.push("no promotion");
  return parts.join(", ");
}

function stepTable({ steps, state }: ShownRun, terminal: Terminal): string {
  const unended = state === "running" ? "not ended" : state;
  return renderTable(
    steps,
    [
      { title: "STEP", text: ({ step }) => step },
      { title: "BEGAN", text: ({ started_at }) => started_at.slice(11, 23) },
      {
        title: "TOOK",
        align: "right",
        text: ({ started_at, ended_at }) =>
          ended_at === null ? unended : duration(Date.parse(ended_at) - Date.parse(started_at)),
      },
      { title: "TRIES", align: "right", text: ({ attempts }) => String(attempts) },
    ],
    terminal,
  );
}

function closing({ error, verdict, state, run_id, specialist }: ShownRun, { width, style }: Terminal): string[] {
  const lines: string[] = [];
  const cells = Math.min(width, 100);
  if (verdict !== null) lines.push("", wrap(verdict.headline, cells));
  if (error !== null)
    lines.push("", wrap(`${style.red(error.code)}: ${bareMessage(error.message, specialist, error.code)}`, cells));
  if (state === "running")
    lines.push(
      "",
      `\`requeen runs resume ${shortId(run_id)}\` goes on with it if no process does; \`requeen runs cancel\` ends it.`,
    );
  if (verdict !== null) lines.push("", `\`requeen verdict show ${shortId(verdict.verdict_id)}\` explains the verdict.`);
  return lines;
}

import type { ShownRun } from "../../loop/present.ts";
import type { Terminal } from "../terminal.ts";
import { outcomeLine } from "../watch-runs.ts";
import { bareMessage, minuteOf, shortId, versionOf, wrap } from "./figures.ts";
import { renderTable } from "./table.ts";
import { tintOf } from "./verdict.ts";

const MOST_CELLS = 100;

/** What came of runs that were just driven: a line each, then why, then what to do. */
export function renderOutcomes(runs: readonly ShownRun[], terminal: Terminal): string {
  if (runs.length === 0) return "Nothing was to run.";
  const width = Math.min(terminal.width, MOST_CELLS);
  const why = runs.map((run) => wrap(`${terminal.style.bold(run.specialist)}: ${reasonOf(run)}`, width, "  "));
  const stopped = runs.some(({ state }) => state === "running");
  const shown = runs.some(({ verdict }) => verdict !== null);
  return [
    renderRunTable(runs, terminal),
    "",
    ...why,
    ...(stopped ? ["", "`requeen runs resume --all` goes on with what was stopped."] : []),
    ...(shown ? ["", "`requeen verdict show RUN` explains a verdict."] : []),
  ].join("\n");
}

function reasonOf(run: ShownRun): string {
  const { state, run_id, error, verdict, specialist, steps } = run;
  const bare = error === null ? "" : bareMessage(error.message, specialist, error.code);
  if (state === "running" && run_id !== null) {
    const why = error === null || error.code === "cancelled" ? "" : ` (${error.code}: ${bare})`;
    return `stopped at ${stepNow(steps)}${why}.`;
  }
  if (error !== null) return bare;
  if (verdict === null) return outcomeLine(run);
  // a first champion of generated rows: it is in production without a verdict that says so
  const promotion = steps.find(({ step }) => step === "promote")?.result?.reason;
  return run.promoted && verdict.decision !== "promote" && typeof promotion === "string"
    ? `${promotion}. ${verdict.headline}`
    : verdict.headline;
}

/** Runs as a table; ids are short, and every command takes them so. */
export const renderRunTable = (runs: readonly ShownRun[], terminal: Terminal): string =>
  renderTable(
    runs,
    [
      { title: "RUN", text: (run) => shortId(run.run_id) },
      { title: "SPECIALIST", shrinks: true, text: (run) => run.specialist },
      { title: "STATE", text: (run) => run.state },
      { title: "VERDICT", text: (run) => verdictText(run, terminal) },
      { title: "CHAMPION", text: championText },
      { title: "STARTED", text: (run) => minuteOf(run.started_at) },
    ],
    terminal,
  );

function verdictText({ verdict, error, state, steps }: ShownRun, { style }: Terminal): string {
  if (verdict !== null) return tintOf(style, verdict.decision)(verdict.decision);
  if (state === "running") return `at ${stepNow(steps)}`;
  return error === null ? "-" : error.code;
}

const stepNow = (steps: ShownRun["steps"]): string => steps.find((record) => record.ended_at === null)?.step ?? "start";

/** `v3 -> v4` where the run promoted, else the version that stays. */
export function championText({ promoted, champion_version, compared_with_version }: ShownRun): string {
  if (!promoted) return versionOf(champion_version);
  return compared_with_version === null
    ? `${versionOf(champion_version)}, first`
    : `${versionOf(compared_with_version)} -> ${versionOf(champion_version)}`;
}

import { percent } from "../../decide/phrases.ts";
import { readStatus, type SpecialistStatus, type Status } from "../../loop/status.ts";
import { defineCommand } from "../command.ts";
import { bareMessage, firstSentences, minuteOf, shortId, versionOf, wrap } from "../render/figures.ts";
import { renderTable } from "../render/table.ts";
import { DASH, decimal } from "../render/values.ts";
import type { Styles, Terminal } from "../terminal.ts";

export const status = defineCommand({
  name: "status",
  summary: "Show what stands where: labels, readiness, champion, accuracy and last verdict of each specialist.",
  details: [
    "HUMAN counts opinions with a label of a person, MACHINE those with labels of programs only; machine labels never judge a model.",
    "NEW counts the human labels that may judge and that no verdict has seen yet, against the number that starts a run.",
    "READY: the next `requeen trigger check` starts a run. WAIT ends by itself. BLOCKED needs somebody. RUNNING has a run that is not ended.",
    "CHAMPION says `synthetic` where it was trained on generated rows alone; the next version that a verdict on people's labels promotes is not.",
    "CONF is the champion's mean confidence; ACCURACY its agreement with people's labels, with the 95 % interval. Before its first labelled",
    "opinions both are those of its gate.",
  ].join("\n"),
  arguments: {},
  options: {},
  examples: [
    { line: "requeen status", does: "one line a specialist, and why each waits" },
    { line: "requeen status --json", does: "the same for a program" },
  ],
  changes: false,
  run: async (_values, { openHouse }): Promise<Status> => readStatus(await openHouse()),
  render: ({ paused, specialists, totals }, terminal) =>
    [
      ...(paused === null ? [] : [pauseLine(paused, terminal), ""]),
      renderTable(
        [...specialists, null],
        [
          { title: "SPECIALIST", shrinks: true, text: (row) => row?.specialist ?? "total" },
          { title: "HUMAN", align: "right", text: (row) => String((row ?? totals).human_labels) },
          { title: "MACHINE", align: "right", text: (row) => String((row ?? totals).machine_labels) },
          {
            title: "NEW",
            align: "right",
            text: (row) => (row === null ? String(totals.new_labels) : `${row.new_labels}/${row.threshold}`),
          },
          { title: "STATE", text: (row) => (row === null ? `${totals.ready} ready` : stateText(row, terminal.style)) },
          {
            title: "CHAMPION",
            text: (row) => (row === null ? `${totals.champions} of ${specialists.length}` : championText(row)),
          },
          { title: "CONF", align: "right", text: (row) => (row === null ? "" : decimal(row.confidence)) },
          { title: "ACCURACY", text: (row) => (row === null ? "" : accuracyText(row)) },
        ],
        terminal,
      ),
      "",
      ...reasonLines(specialists, terminal),
      ...(totals.human_labels + totals.machine_labels === 0 ? ["", wrap(EMPTY, Math.min(terminal.width, MOST_CELLS))] : []),
    ].join("\n"),
});

const pauseLine = ({ by, since, reason }: NonNullable<Status["paused"]>, terminal: Terminal): string =>
  wrap(
    `${terminal.style.red("PAUSED")} by ${by} since ${minuteOf(since)}: ${reason}. Nothing starts, promotes or rolls out until \`requeen resume\`.`,
    Math.min(terminal.width, MOST_CELLS),
  );

const EMPTY =
  "No feedback yet. `requeen example hive` shows the loop on simulated plans; `requeen opinions import` and `requeen feedback import` bring your own.";

function stateText({ state }: SpecialistStatus, style: Styles): string {
  if (state === "READY") return style.green(state);
  if (state === "BLOCKED") return style.red(state);
  return state === "RUNNING" ? style.cyan(state) : state;
}

const accuracyText = ({ accuracy }: SpecialistStatus): string =>
  accuracy === null ? DASH : `${accuracy.value.toFixed(3)} (${accuracy.low.toFixed(2)}-${accuracy.high.toFixed(2)})`;

const championText = ({ champion }: SpecialistStatus): string =>
  `${versionOf(champion?.version)}${champion?.data_source === "synthetic" ? " synthetic" : ""}`;

const MOST_CELLS = 100;
/** Of the reasons; what a blocked run saw may take a page. */
const MOST_CHARACTERS = 240;

/** Why each stands where it stands; those that nobody has begun with share a line. */
function reasonLines(specialists: readonly SpecialistStatus[], terminal: Terminal): string[] {
  const width = Math.min(terminal.width, MOST_CELLS);
  const isUntouched = ({ state, human_labels, machine_labels, last_verdict }: SpecialistStatus): boolean =>
    state === "WAIT" && human_labels + machine_labels === 0 && last_verdict === null;
  const untouched = specialists.filter(isUntouched).map(({ specialist }) => terminal.style.bold(specialist));
  const lines = specialists.filter((row) => !isUntouched(row)).map((row) => wrap(reasonOf(row, terminal), width, "  "));
  return untouched.length === 0 ? lines : [...lines, wrap(`${untouched.join(", ")}: no labels yet.`, width, "  ")];
}

function reasonOf(
  { specialist, why, findings, champion, last_verdict, accuracy, state }: SpecialistStatus,
  terminal: Terminal,
): string {
  const { text, whole } = firstSentences(bareMessage(why, specialist), MOST_CHARACTERS);
  const parts = [text];
  if (!whole) parts.push(`(More: \`requeen trigger check ${specialist} --dry-run\`.)`);
  const taken = findings.filter(({ effect }) => effect !== "warn");
  if (taken.length > 0) parts.push(`Labels were taken out: ${taken.map(({ sentence }) => sentence).join(" ")}`);
  if (champion?.data_source === "synthetic")
    parts.push("Its champion was trained on synthetic rows alone; a verdict on people's labels that promotes another ends that.");
  if (last_verdict !== null)
    parts.push(`Last verdict: ${last_verdict.decision} (${shortId(last_verdict.verdict_id)}, ${minuteOf(last_verdict.at)}).`);
  if (accuracy?.source === "opinions")
    parts.push(`Agrees with people on ${percent(accuracy.value)} of ${accuracy.labels} labelled opinions.`);
  if (accuracy?.source === "gate")
    parts.push(`Was right on ${percent(accuracy.value)} of the ${accuracy.labels} rows of its gate.`);
  if (state === "READY") parts.push(`\`requeen trigger check ${specialist}\` starts it.`);
  return `${terminal.style.bold(specialist)}: ${parts.join(" ")}`;
}

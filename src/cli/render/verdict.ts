import type { Decision, ModelScores, Reason, Verdict } from "../../core/verdict.ts";
import { bytes, grouped, magnitude, percent, plural, points } from "../../decide/phrases.ts";
import type { Styles, Terminal, Tint } from "../terminal.ts";
import { chance, signed, wrap } from "./figures.ts";
import { renderFacts, renderTable } from "./table.ts";
import { DASH, decimal } from "./values.ts";

type View = Pick<Terminal, "width" | "style">;

/** Readable lines, however wide the screen. */
const MOST_CELLS = 100;

export const tintOf = (style: Styles, decision: Decision): Tint =>
  decision === "promote" ? style.green : decision === "reject" ? style.red : style.yellow;

/**
 * The verdict as an explanation for somebody who doubts it: what was decided, why in order of weight, both models side by side on the same
 * rows, what must not fall, what is missing, what this gate could have seen at all, and what other rules would have said.
 */
export function renderVerdict(verdict: Verdict, view: View): string {
  const width = Math.min(view.width, MOST_CELLS);
  const sections = [
    tintOf(view.style, verdict.decision)(wrap(verdict.headline, width)),
    section(view, "Why, what decided first", reasonLines(verdict, view.style, width)),
    section(view, "Measured on the same rows", [scoreTable(verdict, view), "", ...evidenceLines(verdict, width)]),
    section(view, "Floors", floorLines(verdict, view)),
    section(view, "Slices: no group of rows may pay for the others", sliceLines(verdict, view)),
    section(view, "What more labels would bring", [
      wrap(verdict.labels_needed.sentence, width),
      wrap(verdict.power.sentence, width),
    ]),
    section(view, "What other rules would have said", presetLines(verdict, view.style, width)),
    section(view, "How it was decided", [ruleFacts(verdict, view)]),
  ];
  return sections.filter((text) => text !== "").join("\n\n");
}

const section = ({ style }: View, title: string, lines: readonly string[]): string =>
  lines.length === 0 ? "" : [style.bold(title), ...lines].join("\n");

function reasonLines({ reasons }: Verdict, style: Styles, width: number): string[] {
  return reasons.map((reason) => wrap(`  ${markOf(reason, style)} ${reason.sentence}`, width, " ".repeat(9)));
}

function markOf({ passed, effect }: Reason, style: Styles): string {
  if (effect === "info") return style.dim("note  ");
  if (passed) return style.green("ok    ");
  return effect === "reject" ? style.red("FAILS ") : style.yellow("OPEN  ");
}

/** Name, what it means, the figure of a model. */
const SCORES: readonly (readonly [name: string, key: keyof Omit<ModelScores, "per_class">, better: "higher" | "lower" | ""])[] = [
  ["accuracy", "accuracy", "higher"],
  ["precision", "precision", "higher"],
  ["recall", "recall", "higher"],
  ["F1", "f1", "higher"],
  ["log loss", "log_loss", "lower"],
  ["Brier score", "brier", "lower"],
  ["calibration error", "ece", "lower"],
  ["mean confidence", "mean_confidence", ""],
];

function scoreTable({ models, compared_with, differences }: Verdict, view: View): string {
  const rival = compared_with === "champion" ? models.champion : models.prevalence;
  return renderTable(
    SCORES,
    [
      { title: "", text: ([name]) => `  ${name}` },
      {
        title: compared_with === "champion" ? "CHAMPION" : "BASELINE",
        align: "right",
        text: ([, key]) => decimal(rival?.[key] ?? null),
      },
      { title: "CHALLENGER", align: "right", text: ([, key]) => decimal(models.challenger?.[key] ?? null) },
      {
        title: "DIFFERENCE",
        align: "right",
        text: ([, key]) => (key === "mean_confidence" ? "" : signed(differences?.[key].value ?? null)),
      },
      { title: "INTERVAL", text: ([, key]) => (key === "mean_confidence" ? "" : rangeOf(differences?.[key])) },
      { title: "BETTER IS", text: ([, , better]) => better },
    ],
    view,
  );
}

function rangeOf(interval: NonNullable<Verdict["differences"]>["accuracy"] | undefined): string {
  if (interval === undefined || interval.low === null || interval.high === null) return DASH;
  return `${signed(interval.low)} to ${signed(interval.high)}`;
}

function evidenceLines({ rows, pairs, compared_with, test, differences }: Verdict, width: number): string[] {
  const rival = compared_with === "champion" ? "the champion" : "the baseline";
  const independent = Math.round(rows.effective) === rows.count ? "" : `, worth ${grouped(rows.effective)} independent ones`;
  const level = differences === null ? "" : ` Intervals are those of ${percent(differences.accuracy.level)}.`;
  return [
    wrap(
      `${plural(rows.count, "row")} with a person's label${independent}, in ${plural(rows.groups, "group")}. Only the challenger was right on ${grouped(pairs.challenger_only)}, only ${rival} on ${grouped(pairs.champion_only)}; both on ${grouped(pairs.both_right)}, neither on ${grouped(pairs.both_wrong)}.`,
      width,
    ),
    wrap(
      `The chance that the challenger is better is ${chance(test.p_better)}; asked was ${percent(test.promote_at)}. If both were equally good, so many wins would come by luck in ${chance(test.mid_p)} of cases.${level}`,
      width,
    ),
  ];
}

function floorLines({ floors }: Verdict, view: View): string[] {
  if (floors.length === 0) return [];
  const table = renderTable(
    floors,
    [
      { title: "", text: (floor) => `  ${floor.metric}${floor.class === null ? "" : ` of ${floor.class}`}` },
      { title: "FLOOR", align: "right", text: ({ floor }) => decimal(floor) },
      { title: "CHALLENGER", align: "right", text: ({ value }) => decimal(value) },
      { title: "CHAMPION", align: "right", text: ({ champion }) => decimal(champion) },
      { title: "", text: (floor) => floorText(floor, view.style) },
    ],
    view,
  );
  return [table];
}

/** A floor inside the interval is neither held nor broken yet. */
function floorText({ passed, high, floor }: Verdict["floors"][number], style: Styles): string {
  if (passed) return style.green("holds");
  return high !== null && high >= floor ? style.yellow("OPEN") : style.red("BROKEN");
}

function sliceLines({ slices, policy }: Verdict, view: View): string[] {
  if (slices.length === 0) return [];
  const table = renderTable(
    slices,
    [
      { title: "", shrinks: true, text: ({ column, value }) => `  ${column} = ${value}` },
      { title: "ROWS", align: "right", text: ({ rows }) => grouped(rows) },
      { title: "WON", align: "right", text: ({ wins }) => grouped(wins) },
      { title: "LOST", align: "right", text: ({ losses }) => grouped(losses) },
      { title: "ACCURACY", align: "right", text: ({ difference }) => (difference === null ? DASH : points(difference)) },
      {
        title: "",
        text: ({ tested, passed }) => (!tested ? "too few to test" : passed ? "no harm seen" : view.style.red("HARM")),
      },
      { title: "TO BE SURE", align: "right", text: ({ labels_needed: more }) => (more > 0 ? `${grouped(more)} more` : "enough") },
    ],
    view,
  );
  const { min_rows, relevant_loss } = policy.slices;
  const note = `A slice is tested from ${plural(min_rows, "row")} on. TO BE SURE: labels until a loss of ${magnitude(relevant_loss)} there would be seen with ${percent(policy.power.power)} chance.`;
  return [table, wrap(note, Math.min(view.width, MOST_CELLS))];
}

function presetLines({ other_presets, decision: own, reasons }: Verdict, style: Styles, width: number): string[] {
  const first = reasons[0]?.sentence ?? "";
  return other_presets.map(({ preset, decision, because }) => {
    // what stands at the top already is not said three times more
    const why = decision === own && first !== "" ? because.replace(first, "For the same reason.") : because;
    return wrap(`  ${preset.padEnd(10)}  ${tintOf(style, decision)(decision)}. ${why}`, width, " ".repeat(14));
  });
}

function ruleFacts({ policy, seed, budget, requires_approval, candidate, cost }: Verdict, view: View): string {
  const facts: [string, string][] = [
    ["  policy", `${policy.name}, version ${policy.version}, rule ${policy.improvement.rule}`],
    ["  labels that judge", policy.gate_tiers.join(", ")],
    ["  approval", requires_approval ? "needed from an admin" : "not needed"],
    ["  candidate", candidate ? "yes: inconclusive, and good enough to be watched" : "no"],
  ];
  if (budget !== null) facts.push(["  error budget", budget.sentence]);
  if (cost !== null)
    facts.push(["  model size", `${sizeOf(cost.size_bytes.challenger)}, champion ${sizeOf(cost.size_bytes.champion)}`]);
  facts.push(["  seed", String(seed)]);
  return renderFacts(facts, view);
}

/** In the same units as the reasons, which speak of it too. */
const sizeOf = (value: number | null): string => (value === null ? DASH : bytes(value));

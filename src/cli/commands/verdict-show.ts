import { z } from "zod";
import { grouped, percent, plural } from "../../decide/phrases.ts";
import { readVerdict, type VerdictDetails } from "../../loop/verdicts.ts";
import { defineCommand } from "../command.ts";
import { minuteOf, shortId, versionOf, wrap } from "../render/figures.ts";
import { renderFacts } from "../render/table.ts";
import { renderVerdict } from "../render/verdict.ts";
import type { Terminal } from "../terminal.ts";

export const verdictShow = defineCommand({
  name: "verdict show",
  summary: "Explain a verdict: what was decided, why, on which rows, and what is missing.",
  arguments: { verdict: { summary: "id of a verdict or of its run, or the first digits", type: z.string() } },
  options: {},
  examples: [
    { line: "requeen verdict show run-3f9a1c07b2", does: "why that run's challenger was promoted or not" },
    { line: "requeen verdict show 8c01f2ab9d --json", does: "all figures, inputs and the policy" },
  ],
  changes: false,
  run: async ({ verdict: id }, { openHouse }): Promise<VerdictDetails> => readVerdict(await openHouse(), id),
  render: (record, terminal) =>
    [
      terminal.style.bold(titleOf(record)),
      renderVerdict(record.verdict, terminal),
      "",
      terminal.style.bold("What it was computed from"),
      renderFacts(
        [
          ["  verdict", record.verdict_id],
          ["  specialist", `${record.specialist}, ${minuteOf(record.created_at)}`],
          ["  run", record.run_id],
          ["  dataset", record.inputs.dataset_id],
          ["  predictions", record.inputs.predictions_sha256],
          [
            "  champion",
            record.inputs.champion === null
              ? "none"
              : `${versionOf(record.inputs.champion.version)} (${shortId(record.inputs.champion.sha256)})${record.champion_data_source === "synthetic" ? ", trained on synthetic rows alone" : ""}`,
          ],
          [
            "  challenger",
            `${shortId(record.inputs.challenger_sha256)}${record.challenger_data_source === "synthetic" ? ", trained on synthetic rows alone" : ""}`,
          ],
          ["  gate rows used before", String(record.inputs.gate_uses)],
        ],
        terminal,
      ),
      ...evidenceLines(record, terminal),
      ...findingLines(record, terminal),
      "",
      `\`requeen verdict recompute ${shortId(record.verdict_id)}\` computes it again from these files.`,
    ].join("\n"),
});

const MOST_CELLS = 100;

/** Whose labels judged, how the rows were kept from the model that they judge, and what the machine labels were worth. */
function evidenceLines({ evidence }: VerdictDetails, terminal: Terminal): string[] {
  if (evidence === null) return [];
  const { split, folds, gate_rows_by_tier, reviewer_agreement: agreement, machine_errors, machine_weights } = evidence;
  const counted = (tiers: Readonly<Record<string, number>>): string =>
    Object.entries(tiers)
      .filter(([, count]) => count > 0)
      .map(([tier, count]) => `${grouped(count)} ${tier}`)
      .join(", ");
  const facts: [string, string][] = [];
  const judges = counted(gate_rows_by_tier);
  if (judges !== "") facts.push(["  labels that judged", judges]);
  if (split === "cross_fit")
    facts.push(["  kept apart by", `${folds} folds: each row was scored by a challenger that had trained on other groups only`]);
  if (split === "holdout")
    facts.push(["  kept apart by", "time: the newest rows judged a challenger that had trained on older ones"]);
  if (agreement !== null && agreement.opinions > 0)
    facts.push([
      "  reviewers",
      `${agreement.alpha === null ? "agreement unknown" : `Krippendorff's alpha ${agreement.alpha.toFixed(2)}`} on ${plural(agreement.opinions, "opinion")} that several judged (1 = agree, 0 = as by chance)`,
    ]);
  for (const { source, overlap, error } of machine_errors)
    facts.push([
      `  tier ${source}`,
      `${error === null ? "never held to a person's label" : `wrong in ${percent(error.value)} (${percent(error.low)} to ${percent(error.high)}) of ${plural(overlap, "opinion")} that a person judged too`}; trained with weight ${(machine_weights[source] ?? 0).toFixed(2)}, judged nothing`,
    ]);
  return facts.length === 0 ? [] : ["", terminal.style.bold("Where the labels come from"), renderFacts(facts, terminal)];
}

const findingLines = ({ findings }: VerdictDetails, terminal: Terminal): string[] =>
  findings.length === 0
    ? []
    : [
        "",
        terminal.style.bold("What was found in its labels"),
        ...findings.map(({ effect, sentence }) =>
          wrap(
            `${effect === "warn" ? "shown only" : "left out"}: ${String(sentence)}`,
            Math.min(terminal.width, MOST_CELLS),
            "  ",
          ),
        ),
      ];

const titleOf = ({ specialist, run_id, inputs: { champion } }: VerdictDetails): string =>
  `${specialist}: the challenger of ${shortId(run_id)} against ${champion === null ? "no champion" : `champion ${versionOf(champion.version)}`}`;

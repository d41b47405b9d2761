import { z } from "zod";
import { grouped } from "../../decide/phrases.ts";
import { findDataset } from "../../loop/find-record.ts";
import { type ShownDataset, showDataset } from "../../loop/present.ts";
import { defineCommand } from "../command.ts";
import { minuteOf, wrap } from "../render/figures.ts";
import { renderFacts } from "../render/table.ts";
import { bytes } from "../render/values.ts";

interface DatasetDetails extends ShownDataset {
  /** The Parquet file in this data folder, checked against its digest; it opens in DuckDB or pandas. */
  readonly file: string;
}

export const datasetsShow = defineCommand({
  name: "datasets show",
  summary: "Show one snapshot: its rows by role, tier and class, what is out and why, and where the file lies.",
  arguments: { dataset: { summary: "id, or its first digits", type: z.string() } },
  options: {},
  examples: [
    { line: "requeen datasets show 3f9a1c07b2", does: "what was trained on and what judged" },
    { line: "requeen datasets show 3f9a1c07b2 --json", does: "the same with feature names and findings" },
  ],
  changes: false,
  run: async ({ dataset: id }, { openHouse }): Promise<DatasetDetails> => {
    const house = await openHouse();
    const dataset = await findDataset(house, id);
    return { ...showDataset(dataset), file: await house.blobs.path(dataset.dataset_id) };
  },
  render: (dataset, terminal) => {
    const counts = (record: Readonly<Record<string, number | undefined>>): string =>
      Object.entries(record)
        .filter(([, rows]) => rows !== undefined && rows > 0)
        .map(([name, rows]) => `${name} ${grouped(rows ?? 0)}`)
        .join(", ") || "none";
    const width = Math.min(terminal.width, 100);
    const findings = (dataset.findings ?? []).map((finding) => wrap(`  ${sentenceOf(finding)}`, width, "    "));
    return [
      renderFacts(
        [
          ["dataset", dataset.dataset_id],
          ["specialist", dataset.specialist],
          ["made", minuteOf(dataset.created_at)],
          ["rows", `${grouped(dataset.rows)}: ${counts(dataset.rows_by_role)}`],
          ["tiers", counts(dataset.rows_by_tier)],
          ["classes", counts(dataset.rows_by_class)],
          ["left out", counts(dataset.rows_left_out)],
          ["new human labels", grouped(dataset.new_human_labels)],
          ["features", `${dataset.feature_names.length} of schema ${dataset.feature_schema}`],
          ["cut-off", `sequence ${grouped(dataset.cutoff_sequence)}`],
          ["file", `${dataset.file} (${bytes(dataset.size_bytes)}, Parquet)`],
        ],
        terminal,
      ),
      ...(findings.length === 0 ? [] : ["", terminal.style.bold("What was seen in the labels"), ...findings]),
    ].join("\n");
  },
});

const sentenceOf = (finding: Readonly<Record<string, unknown>>): string =>
  typeof finding.sentence === "string"
    ? finding.sentence
    : typeof finding.message === "string"
      ? finding.message
      : JSON.stringify(finding);

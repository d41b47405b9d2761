import { z } from "zod";
import { CHANNELS, type Channel } from "../../core/evidence.ts";
import { openDocuments } from "../../loop/documents/read-file.ts";
import { importFeedback } from "../../loop/import-documents.ts";
import type { ShownImport } from "../../loop/shown-import.ts";
import { withVouchedIds } from "../../loop/vouched-ids.ts";
import { defineCommand } from "../command.ts";
import { importDocuments } from "../import-documents.ts";
import { FORMAT_OPTION } from "../input/input-format.ts";
import { exitCodeOfImport, renderImport, STRICT_OPTION_SUMMARY } from "../render/import-report.ts";

export const VOUCHED_BY_OPTION = {
  vouchedBy: {
    summary: "who answers for it that people made these judgements: tier bulk instead of rule",
    value: "<name>",
    type: z.string().min(1).max(256).optional(),
  },
} as const;

export const feedbackImport = defineCommand({
  name: "feedback import",
  summary: "Import feedback documents of any version from a file or standard input.",
  details: [
    "Reads NDJSON, a JSON array, CSV or Parquet, streamed. What cannot be read, or judges an unknown opinion, goes to the quarantine",
    "whole; importing the same file again adds nothing. Import opinions before the feedback on them.",
    "Without --vouched-by nobody answers for the labels: they get tier rule, which neither starts a run nor judges a model.",
    "Table columns carry the fields' names: opinion_id, human_recommendation, human_rating, submitted_by, submitted_at, feedback_notes.",
  ].join("\n"),
  arguments: { file: { summary: "the file; - is standard input", type: z.string() } },
  options: {
    ...FORMAT_OPTION,
    ...VOUCHED_BY_OPTION,
    strict: { summary: STRICT_OPTION_SUMMARY, type: z.boolean().default(false) },
  },
  examples: [
    { line: 'requeen feedback import reviews.csv --vouched-by "Ana Lima"', does: "labels that a named person answers for" },
    {
      line: "mongoexport --collection specialist_feedback | requeen feedback import -",
      does: "what the original system stored, as machine-made until vouched for",
    },
    { line: "requeen feedback import reviews.parquet --dry-run", does: "what would be read and what refused" },
  ],
  changes: true,
  run: async (values, context): Promise<ShownImport> => {
    const house = await context.openHouse();
    const channel: Channel = values.vouchedBy === undefined ? "import" : "import_vouched";
    const input = openDocuments({ file: values.file, format: values.format, specialists: house.specialists });
    const { vouchedBy = null } = values;
    return importDocuments(house, input, context, {
      tier: CHANNELS[channel],
      strict: values.strict,
      importAll: (into, documents, source) =>
        importFeedback(into, vouchedBy === null ? documents : withVouchedIds(documents), { ...source, channel, vouchedBy }),
    });
  },
  render: (report, terminal) => `${renderImport(report, "feedback", terminal)}${noteOf(report)}`,
  exitCode: exitCodeOfImport,
});

const noteOf = ({ tier, added, superseded }: ShownImport): string =>
  tier === "rule" && added + superseded > 0
    ? "\n\nNobody vouches for these labels, so they start no run and judge no model. If people made them, import the file again with\n--vouched-by NAME; documents that carry a feedback_id need another one then."
    : "";

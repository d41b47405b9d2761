import { z } from "zod";
import { openDocuments } from "../../loop/documents/read-file.ts";
import { importOpinions } from "../../loop/import-documents.ts";
import type { ShownImport } from "../../loop/shown-import.ts";
import { defineCommand } from "../command.ts";
import { importDocuments } from "../import-documents.ts";
import { FORMAT_OPTION } from "../input/input-format.ts";
import { exitCodeOfImport, renderImport, STRICT_OPTION_SUMMARY } from "../render/import-report.ts";

export const opinionsImport = defineCommand({
  name: "opinions import",
  summary: "Import opinion documents of any version from a file or standard input.",
  details: [
    "Reads NDJSON, a JSON array, CSV or Parquet, streamed. The feature vector is computed from the plan or the columns in the document;",
    "an opinion without them is kept and listed, and nothing can be learnt from it. What cannot be read goes to the quarantine whole.",
    "Table columns carry the fields' names, `opinion.recommendation` for a field inside `opinion`, `columns.age` for a column.",
  ].join("\n"),
  arguments: { file: { summary: "the file; - is standard input", type: z.string() } },
  options: { ...FORMAT_OPTION, strict: { summary: STRICT_OPTION_SUMMARY, type: z.boolean().default(false) } },
  examples: [
    { line: "requeen opinions import opinions.ndjson", does: "one document a line" },
    { line: "mongoexport --collection specialist_opinions | requeen opinions import -", does: "what the original system stored" },
    { line: "requeen opinions import mails.parquet --dry-run", does: "what would be read and what refused" },
  ],
  changes: true,
  run: async (values, context): Promise<ShownImport> => {
    const house = await context.openHouse();
    const input = openDocuments({ file: values.file, format: values.format, specialists: house.specialists });
    return importDocuments(house, input, context, { tier: null, strict: values.strict, importAll: importOpinions });
  },
  render: (report, terminal) => renderImport(report, "opinion", terminal),
  exitCode: exitCodeOfImport,
});

import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import { plural } from "../../decide/phrases.ts";
import { type Format, formatOf, STANDARD_STREAM } from "../../loop/documents/format.ts";
import { exportedText, writeExportedParquet } from "../../loop/export-feedback.ts";
import { everyItem } from "../../loop/find-record.ts";
import { specialistOf } from "../../loop/house.ts";
import { type ShownFeedback, showFeedback } from "../../loop/present.ts";
import { defineCommand } from "../command.ts";
import { FORMAT_OPTION } from "../input/input-format.ts";
import { FEEDBACK_FILTERS, filterOf } from "./feedback-list.ts";

interface ExportResult {
  readonly file: string;
  readonly format: Format;
  readonly written: number;
}

export const feedbackExport = defineCommand({
  name: "feedback export",
  summary: "Write feedback to a file or standard output, newest first.",
  details:
    "NDJSON and JSON carry whole documents, CSV and Parquet one row a judgement with the fields that people compare.\nThe file is written beside its place and renamed when it is whole; one that is there is replaced.",
  arguments: { file: { summary: "the file; - is standard output", type: z.string() } },
  options: { ...FORMAT_OPTION, ...FEEDBACK_FILTERS },
  examples: [
    { line: "requeen feedback export feedback.ndjson", does: "everything, whole" },
    {
      line: "requeen feedback export labels.parquet --specialist technical --state current",
      does: "one specialist's current labels as a table",
    },
    { line: "requeen feedback export - --format csv | head", does: "a look at the first ones" },
  ],
  changes: false,
  run: async ({ file, format: given, ...filters }, { openHouse, terminal }): Promise<ExportResult | undefined> => {
    const format = formatOf(file, given);
    const house = await openHouse();
    if (filters.specialist !== undefined) specialistOf(house, filters.specialist);
    let written = 0;
    const items = async function* (): AsyncGenerator<ShownFeedback> {
      for await (const stored of everyItem((page) => house.store.listFeedback(filterOf(filters), page))) {
        written += 1;
        yield showFeedback(stored);
      }
    };
    if (file === STANDARD_STREAM) {
      if (format === "parquet") throw new RequeenError("bad_parameter", "Parquet must be written to a file; got standard output");
      for await (const text of exportedText(format, items())) terminal.write(text.replace(/\n$/, ""));
      return undefined;
    }
    const unfinished = `${file}.unfinished`;
    try {
      if (format === "parquet") await writeExportedParquet(unfinished, items());
      else await pipeline(Readable.from(exportedText(format, items())), createWriteStream(unfinished));
      await rename(unfinished, file);
    } catch (cause) {
      await rm(unfinished, { force: true });
      if (cause instanceof RequeenError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new RequeenError("bad_parameter", `file ${file} must be one that can be written; ${reason}`, { file }, { cause });
    }
    return { file, format, written };
  },
  render: (result) =>
    result === undefined ? "" : `${plural(result.written, "judgement")} written to ${result.file} as ${result.format}.`,
});

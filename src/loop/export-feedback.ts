import { writeParquet } from "../store/parquet.ts";
import { csvLine } from "./documents/csv.ts";
import type { Format } from "./documents/format.ts";
import type { ShownFeedback } from "./present.ts";

/** The text of an export, piece by piece: whole documents in NDJSON and JSON, the fields that people compare in CSV. */
export const exportedText = (format: Exclude<Format, "parquet">, items: AsyncIterable<ShownFeedback>): AsyncGenerator<string> =>
  TEXTS[format](items);

/** The same as a table, with the columns of the CSV. @throws as writeParquet */
export const writeExportedParquet = (path: string, items: AsyncIterable<ShownFeedback>): Promise<unknown> =>
  writeParquet(path, PARQUET_FIELDS, parquetBatches(items));

/** Fields of a table, in order. */
const FIELDS: Readonly<Record<string, (feedback: ShownFeedback) => string | number | null>> = {
  feedback_id: ({ feedback_id }) => feedback_id,
  opinion_id: ({ opinion_id }) => opinion_id,
  plan_id: ({ plan_id }) => plan_id,
  specialist_type: ({ specialist_type }) => specialist_type,
  human_recommendation: ({ human_recommendation }) => human_recommendation,
  human_rating: ({ human_rating }) => human_rating,
  opinion_recommendation: ({ opinion_recommendation }) => opinion_recommendation,
  opinion_confidence: ({ opinion_confidence }) => opinion_confidence,
  submitted_by: ({ submitted_by }) => submitted_by,
  submitted_at: ({ submitted_at }) => submitted_at,
  feedback_notes: ({ feedback_notes }) => feedback_notes,
  tier: ({ evidence }) => evidence.tier,
  feedback_source: ({ feedback_source }) => feedback_source,
  state: ({ state }) => state,
};
const NUMBERS = new Set(["human_rating", "opinion_confidence"]);

const TEXTS: Readonly<Record<Exclude<Format, "parquet">, (items: AsyncIterable<ShownFeedback>) => AsyncGenerator<string>>> = {
  async *ndjson(items) {
    for await (const item of items) yield `${JSON.stringify(item)}\n`;
  },
  async *json(items) {
    let before = "[\n";
    for await (const item of items) {
      yield `${before}${JSON.stringify(item)}`;
      before = ",\n";
    }
    yield before === "[\n" ? "[]\n" : "\n]\n";
  },
  async *csv(items) {
    yield csvLine(Object.keys(FIELDS));
    for await (const item of items) yield csvLine(Object.values(FIELDS).map((read) => String(read(item) ?? "")));
  },
};

const PARQUET_FIELDS = Object.keys(FIELDS).map((name) => ({
  name,
  kind: NUMBERS.has(name) ? ("double" as const) : ("text" as const),
}));
const BATCH = 1000;

async function* parquetBatches(
  items: AsyncIterable<ShownFeedback>,
): AsyncGenerator<{ rows: number; columns: Record<string, number[] | (string | null)[]> }> {
  let batch: ShownFeedback[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < BATCH) continue;
    yield asColumns(batch);
    batch = [];
  }
  if (batch.length > 0) yield asColumns(batch);
}

const asColumns = (batch: readonly ShownFeedback[]): { rows: number; columns: Record<string, number[] | (string | null)[]> } => ({
  rows: batch.length,
  columns: Object.fromEntries(
    Object.entries(FIELDS).map(([name, read]) => {
      const values = batch.map(read);
      return [
        name,
        NUMBERS.has(name)
          ? values.map((value) => (value === null ? Number.NaN : Number(value)))
          : values.map((value) => (value === null ? null : String(value))),
      ];
    }),
  ),
});

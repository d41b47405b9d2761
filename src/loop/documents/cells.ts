import type { Column } from "../../core/specialist.ts";

/** A cell of a table: text of CSV, text or number of Parquet, null where nothing stands. */
export type Cell = string | number | null;

/** Fields of opinions and feedback that are numbers; a CSV cell of any other field stays text, so that an id `007` keeps its zeros. */
const NUMBER_FIELDS = new Set([
  "human_rating",
  "rating",
  "opinion_confidence",
  "opinion_risk",
  "confidence_score",
  "risk_score",
  "processing_time_ms",
]);
/** Fields whose cell holds JSON. */
const JSON_FIELDS = new Set(["cognitive_plan", "metadata", "features", "probabilities", "extra", "reasoning_factors", "columns"]);
const COLUMNS = "columns.";
const NUMBER_TEXT = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * A document out of one row: `opinion.recommendation` stands inside `opinion`, `columns.age` inside `columns`. An empty cell is a field that
 * is not there; an empty cell of `columns.` is a missing value.
 */
export function documentOf(names: readonly string[], cells: readonly Cell[]): Record<string, unknown> {
  const document: Record<string, unknown> = {};
  for (const [index, name] of names.entries()) {
    const cell = cells[index] ?? null;
    const value = cell === "" ? null : cell;
    if (value === null && !name.startsWith(COLUMNS)) continue;
    const at = name.indexOf(".");
    if (at < 0) document[name] = readCell(name, value);
    else insideOf(document, name.slice(0, at))[name.slice(at + 1)] = readCell(name.slice(at + 1), value);
  }
  return document;
}

function insideOf(document: Record<string, unknown>, name: string): Record<string, unknown> {
  const present = document[name];
  if (isRecord(present)) return present;
  const made: Record<string, unknown> = {};
  document[name] = made;
  return made;
}

function readCell(field: string, value: Cell): unknown {
  if (typeof value !== "string") return value;
  if (NUMBER_FIELDS.has(field)) return numberOrText(value);
  if (!JSON_FIELDS.has(field) || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value; // the reader of the document refuses it by its field and value
  }
}

/** The number that a text plainly is; else the text, which the check of the field then names. */
export const numberOrText = (text: string): number | string => (NUMBER_TEXT.test(text.trim()) ? Number(text) : text);

/**
 * Values of a specialist's columns out of a table's cells: numbers where the column is numeric; empty and, in numeric columns, `NaN` are
 * missing. What does not fit stays as it came, for the check that names it.
 */
export function columnValues(columns: readonly Column[], cells: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kinds = new Map(columns.map((column) => [column.name, column]));
  return Object.fromEntries(
    Object.entries(cells).map(([name, cell]) => {
      const column = kinds.get(name);
      if (typeof cell !== "string" || column === undefined) return [name, cell];
      if (column.kind === "categorical") return [name, cell === "" && !column.values.includes("") ? null : cell];
      return [name, cell === "" || /^nan$/i.test(cell) ? null : numberOrText(cell)];
    }),
  );
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

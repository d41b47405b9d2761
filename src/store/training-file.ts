import { open } from "node:fs/promises";
import { RequeenError } from "../core/errors.ts";
import { type ColumnSource, LIMITS, type StreamedData } from "../engine/index.ts";
import { openArrow } from "./arrow-file.ts";
import { translateFileError } from "./file-errors.ts";
import { openParquet } from "./parquet.ts";

export interface TrainingFileOptions {
  /** Column of the class: texts, or whole numbers from 0 up. */
  readonly label: string;
  /** Columns of the features, in their order; default: all of numbers but label and weight. */
  readonly features?: readonly string[];
  /** Names of the classes in their order. Default: the texts of the label column, sorted; of numbers "0", "1", ... */
  readonly classes?: readonly string[];
  /** Column of the row weights; default: every row counts 1. */
  readonly weight?: string;
}

/** What `trainStreamed` takes, and the names behind its numbers. */
export interface TrainingFile extends StreamedData, AsyncDisposable {
  readonly featureNames: readonly string[];
  readonly classes: readonly string[];
}

interface Table extends Partial<AsyncDisposable> {
  readonly rows: number;
  readonly fields: readonly { readonly name: string; readonly kind: string }[];
  numbers(name: string): AsyncGenerator<Float64Array | Float32Array>;
  texts(name: string): AsyncGenerator<(string | null)[]>;
}

/**
 * Opens a Parquet file, an Arrow IPC file (Feather 2) or an Arrow IPC stream for `trainStreamed`. Labels and weights are read at once; features are
 * read column by column when the training asks for them, one row group or record batch of one column at a time.
 * @throws RequeenError bad_data naming the column: absent, of another kind, a label that is missing or no class.
 */
export async function openTrainingFile(path: string, options: TrainingFileOptions): Promise<TrainingFile> {
  const table: Table = (await beginsWith(path, "PAR1")) ? await openParquet(path) : await openArrow(path);
  const close = async (): Promise<void> => void (await table[Symbol.asyncDispose]?.());
  try {
    const isNumbers = (kind: string): boolean => kind !== "text" && kind !== "texts" && kind !== "dictionary" && kind !== "other";
    const featureNames =
      options.features ??
      table.fields.flatMap(({ name, kind }) =>
        isNumbers(kind) && name !== options.label && name !== options.weight ? [name] : [],
      );
    for (const name of featureNames) {
      const field = table.fields.find((each) => each.name === name);
      if (field === undefined || !isNumbers(field.kind))
        throw new RequeenError("bad_data", `${path} has no column ${name} of numbers`, { column: name });
    }
    if (table.rows > LIMITS.rows)
      throw new RequeenError("bad_data", `${path} must hold at most ${LIMITS.rows} rows; got ${table.rows}`);
    const { labels, classes } = await readLabels(table, path, options);
    const weights = options.weight === undefined ? undefined : await readAll(table, options.weight);
    const source: ColumnSource = {
      rowCount: table.rows,
      columnCount: featureNames.length,
      read: (column) => table.numbers(featureNames[column] ?? ""),
    };
    return {
      source,
      labels,
      classCount: classes.length,
      ...(weights === undefined ? {} : { weights }),
      featureNames,
      classes,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function beginsWith(path: string, magic: string): Promise<boolean> {
  try {
    await using handle = await open(path);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(magic.length), 0, magic.length, 0);
    return bytesRead === magic.length && buffer.toString("latin1") === magic;
  } catch (error) {
    throw translateFileError(error, path);
  }
}

async function readAll(table: Table, name: string): Promise<Float64Array> {
  const all = new Float64Array(table.rows);
  let at = 0;
  for await (const piece of table.numbers(name)) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

async function readLabels(
  table: Table,
  path: string,
  { label, classes }: TrainingFileOptions,
): Promise<{ labels: Uint8Array; classes: readonly string[] }> {
  const field = table.fields.find(({ name }) => name === label);
  if (field === undefined) throw new RequeenError("bad_data", `${path} has no column ${label}`, { column: label });
  const refuse = (row: number, got: string, allowed: string): never => {
    throw new RequeenError("bad_data", `label of row ${row} in ${path} must be ${allowed}; got ${got}`, { row });
  };
  if (field.kind === "text" || field.kind === "texts" || field.kind === "dictionary") {
    const codeOf = new Map((classes ?? []).map((name, code) => [name, code]));
    // numbers in the order in which classes are met; those that were not named are sorted behind
    const met: string[] = [];
    const codes = new Uint8Array(table.rows);
    let row = 0;
    for await (const piece of table.texts(label)) {
      for (const text of piece) {
        if (text === null) return refuse(row, "nothing", "a text");
        let code = codeOf.get(text);
        if (code === undefined) {
          if (classes !== undefined) return refuse(row, text, `one of ${classes.join(", ")}`);
          if (met.length === LIMITS.classes)
            return refuse(row, `${text}, another one`, `one of the ${LIMITS.classes} different texts before it`);
          code = met.length;
          codeOf.set(text, code);
          met.push(text);
        }
        codes[row] = code;
        row += 1;
      }
    }
    if (classes !== undefined) return { labels: codes, classes };
    const sorted = [...met].sort((a, b) => (a < b ? -1 : 1));
    const sortedCode = met.map((name) => sorted.indexOf(name));
    return { labels: codes.map((code) => sortedCode[code] ?? 0), classes: sorted };
  }
  const numbers = await readAll(table, label);
  const most = classes === undefined ? LIMITS.classes - 1 : classes.length - 1;
  let greatest = 1;
  for (const [row, value] of numbers.entries()) {
    if (!Number.isInteger(value) || value < 0 || value > most)
      return refuse(row, String(value), `a whole number from 0 to ${most}`);
    greatest = Math.max(greatest, value);
  }
  return {
    labels: Uint8Array.from(numbers),
    classes: classes ?? Array.from({ length: greatest + 1 }, (_, k) => String(k)),
  };
}

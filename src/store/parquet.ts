import { readFile, rm, stat } from "node:fs/promises";
import { setImmediate as turn } from "node:timers/promises";
import zlib from "node:zlib"; // whole: Node 20 may import this module, but has no zstd in it
import type { AsyncBuffer, Compressors, DecodedArray, FileMetaData, SchemaElement } from "hyparquet";
import type { ColumnSource } from "hyparquet-writer";
import { RequeenError } from "../core/errors.ts";
import { translateFileError } from "./file-errors.ts";

/**
 * Tables as Parquet files. In memory a column is a Float64Array (kinds `double` and `integer`, NaN = null) or a list of texts; in the file
 * a missing value is a null, so that DuckDB, pandas and Arrow see it as one. The same rows give the same bytes, however they were batched.
 */
export type ColumnKind = "double" | "integer" | "text";

export interface ParquetField {
  readonly name: string;
  /** `double`: float64. `integer`: int64 in the file, |value| <= 2^53 - 1. `text`: UTF-8. */
  readonly kind: ColumnKind;
}

type NumberColumn = Float64Array | readonly number[];
type TextColumn = readonly (string | null)[];

export interface ParquetBatch {
  readonly rows: number;
  /** One column a field, each `rows` long. */
  readonly columns: Readonly<Record<string, NumberColumn | TextColumn>>;
}

/** Columns that were read. @throws RequeenError bad_data when there is no such column, or it is of the other kind. */
export interface ParquetColumns {
  readonly rows: number;
  readonly fields: readonly ParquetField[];
  /** Owned by the caller; NaN = null. */
  numbers(name: string): Float64Array;
  texts(name: string): (string | null)[];
}

/** What a row group holds in memory while it is written, about; also the reader's unit. */
const GROUP_BYTES = 8 * 1024 * 1024;
const MIN_GROUP_ROWS = 256;
const MAX_GROUP_ROWS = 65_536;
const CREATED_BY = "requeen";

const groupRowsOf = (columns: number): number =>
  Math.min(MAX_GROUP_ROWS, Math.max(MIN_GROUP_ROWS, Math.floor(GROUP_BYTES / (8 * Math.max(1, columns)))));

/** Loaded when a table is read or written: most commands do neither. */
const readerPackage = () => import("hyparquet");
const writerPackage = () => import("hyparquet-writer");

/**
 * Writes one file, row group after row group: memory holds one group. On an error nothing is left at `path`.
 * @throws RequeenError bad_data, disk_full, store_read_only
 */
export async function writeParquet(
  path: string,
  fields: readonly ParquetField[],
  batches: AsyncIterable<ParquetBatch> | Iterable<ParquetBatch>,
): Promise<{ rows: number; sizeBytes: number }> {
  checkFields(fields);
  const groupRows = groupRowsOf(fields.length);
  const { fileWriter, ParquetWriter } = await writerPackage();
  try {
    const writer = fileWriter(path);
    const parquet = new ParquetWriter({ writer, schema: schemaOf(fields), createdBy: CREATED_BY });
    let group = fields.map(({ kind }): GroupColumn => (kind === "text" ? [] : new Float64Array()));
    let room = 0;
    let filled = 0;
    let rows = 0;
    const flush = async (): Promise<void> => {
      await parquet.write({
        columnData: fields.map((field, index) => columnSource(field, group[index] ?? [], filled)),
        rowGroupSize: filled,
      });
      filled = 0;
      await turn();
    };
    for await (const batch of batches) {
      checkBatch(batch, fields);
      for (let from = 0; from < batch.rows; ) {
        const to = Math.min(batch.rows, from + groupRows - filled);
        if (filled + to - from > room) {
          // a small table comes in one batch, and gets no more room than it needs
          room = room === 0 ? Math.min(groupRows, batch.rows) : groupRows;
          group = group.map((column) => withRoom(column, room));
        }
        fields.forEach((field, index) => void put(group[index] ?? [], filled, batch.columns[field.name] ?? [], from, to));
        filled += to - from;
        rows += to - from;
        from = to;
        if (filled === groupRows) await flush();
      }
    }
    if (filled > 0) await flush();
    await parquet.finish();
    return { rows, sizeBytes: writer.offset };
  } catch (error) {
    await rm(path, { force: true });
    throw translateFileError(error, path);
  }
}

/** A column of the row group that is being filled; its room is used again for the next. NaN = null. */
type GroupColumn = Float64Array | (string | null)[];

function withRoom(column: GroupColumn, rows: number): GroupColumn {
  if (!(column instanceof Float64Array)) return column;
  const larger = new Float64Array(rows);
  larger.set(column);
  return larger;
}

function put(group: GroupColumn, at: number, values: NumberColumn | TextColumn, from: number, to: number): void {
  if (group instanceof Float64Array)
    for (let row = from; row < to; row += 1) group[at + row - from] = Number(values[row] ?? Number.NaN);
  else for (let row = from; row < to; row += 1) group[at + row - from] = values[row] as string | null; // checkBatch
}

function columnSource({ name, kind }: ParquetField, group: GroupColumn, rows: number): ColumnSource {
  if (!(group instanceof Float64Array)) return { name, data: group.slice(0, rows) };
  const values = group.subarray(0, rows);
  // PLAIN keeps -0 apart from 0, which a dictionary would not
  if (kind === "double")
    return { name, data: values.some(Number.isNaN) ? Array.from(values, nullForNaN) : values, encoding: "PLAIN" };
  return { name, data: Array.from(values, (value) => integer(value, name)) };
}

const nullForNaN = (value: number): number | null => (Number.isNaN(value) ? null : value);

function integer(value: number, name: string): bigint | null {
  if (Number.isNaN(value)) return null;
  if (Number.isSafeInteger(value)) return BigInt(value);
  throw new RequeenError("bad_data", `column ${name} must hold integers up to 2^53 - 1; got ${value}`, { column: name });
}

const schemaOf = (fields: readonly ParquetField[]): SchemaElement[] => [
  { name: "root", num_children: fields.length },
  ...fields.map(({ name, kind }): SchemaElement => {
    if (kind === "text") return { name, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" };
    return { name, type: kind === "double" ? "DOUBLE" : "INT64", repetition_type: "OPTIONAL" };
  }),
];

function checkFields(fields: readonly ParquetField[]): void {
  if (fields.length === 0) throw new RequeenError("bad_data", "a table must have at least one column; got none");
  if (new Set(fields.map(({ name }) => name)).size !== fields.length)
    throw new RequeenError("bad_data", "column names of a table must differ from each other");
}

function checkBatch(batch: ParquetBatch, fields: readonly ParquetField[]): void {
  for (const { name, kind } of fields) {
    const column = batch.columns[name];
    if (column?.length !== batch.rows)
      throw new RequeenError("bad_data", `column ${name} must have ${batch.rows} rows; got ${column?.length ?? "no column"}`, {
        column: name,
      });
    const sample = column[0];
    if (sample !== undefined && sample !== null && (typeof sample === "string") !== (kind === "text"))
      throw new RequeenError("bad_data", `column ${name} must be of kind ${kind}; got a ${typeof sample}`, { column: name });
  }
}

type Source = string | Uint8Array;
interface ReadOptions {
  /** Names, in the order wanted; all when absent. */
  readonly columns?: readonly string[];
}

/** Reads a whole table into memory: 8 bytes a number. @throws RequeenError bad_data when it is not Parquet or has no such column. */
export async function readParquet(source: Source, options: ReadOptions = {}): Promise<ParquetColumns> {
  const table = await openTable(source, options);
  const { fields, rows } = table;
  const columns = new Map<string, Float64Array | (string | null)[]>();
  for (const { name, kind } of fields) columns.set(name, kind === "text" ? [] : new Float64Array(rows));
  let at = 0;
  for await (const part of scanTable(source, table)) {
    for (const [name, column] of columns) {
      if (column instanceof Float64Array) column.set(part.numbers(name), at);
      else for (const value of part.texts(name)) column.push(value);
    }
    at += part.rows;
  }
  return tableOf(rows, fields, columns);
}

/** Reads a table row group after row group: memory holds one. @throws as readParquet */
export async function* scanParquet(source: Source, options: ReadOptions = {}): AsyncGenerator<ParquetColumns> {
  yield* scanTable(source, await openTable(source, options));
}

async function* scanTable(source: Source, { file, metadata, fields }: OpenTable): AsyncGenerator<ParquetColumns> {
  const { parquetScan } = await readerPackage();
  const wanted = fields.map(({ name }) => name);
  const scan = await readable(source, () => parquetScan({ file, metadata, columns: wanted, compressors: COMPRESSORS }));
  for (const range of scan.ranges) {
    const columns = new Map<string, Float64Array | (string | null)[]>();
    for (const { name, kind } of fields) {
      const data = await readable(source, () => scan.readColumn({ column: name, ...range }));
      columns.set(name, kind === "text" ? Array.from(data, textOrNull) : numbersOf(data));
    }
    yield tableOf(range.rowEnd - range.rowStart, fields, columns);
  }
}

/** A Parquet file that is read column by column: memory holds one row group of one column. */
export interface ParquetTable {
  readonly rows: number;
  readonly fields: readonly ParquetField[];
  /** A column of numbers, a piece a row group; NaN = null. @throws RequeenError bad_data */
  numbers(name: string): AsyncGenerator<Float64Array | Float32Array>;
  /** A column of texts, a piece a row group. @throws RequeenError bad_data */
  texts(name: string): AsyncGenerator<(string | null)[]>;
}

/** @throws as readParquet; columns that are neither numbers nor text are not among the fields. */
export async function openParquet(source: Source): Promise<ParquetTable> {
  const { file, metadata } = await openTable(source, { columns: [] });
  const fields = fieldsOf(metadata).flatMap(({ name, kind }) => (kind === null ? [] : [{ name, kind }]));
  async function* pieces(name: string, wanted: "numbers" | "texts"): AsyncGenerator<DecodedArray> {
    const field = fields.find((each) => each.name === name);
    if (field === undefined || (field.kind === "text") !== (wanted === "texts"))
      throw new RequeenError(
        "bad_data",
        `${field === undefined ? `the table has no column ${name} of numbers or text` : `column ${name} does not hold ${wanted}`}; ` +
          `it has ${fields.map((each) => `${each.name} (${each.kind})`).join(", ")}`,
        { column: name },
      );
    const { parquetScan } = await readerPackage();
    const scan = await readable(source, () => parquetScan({ file, metadata, columns: [name], compressors: COMPRESSORS }));
    for (const range of scan.ranges) yield await readable(source, () => scan.readColumn({ column: name, ...range }));
  }
  return {
    rows: Number(metadata.num_rows),
    fields,
    async *numbers(name) {
      for await (const data of pieces(name, "numbers")) yield data instanceof Float32Array ? data : numbersOf(data);
    },
    async *texts(name) {
      for await (const data of pieces(name, "texts")) yield Array.from(data, textOrNull);
    },
  };
}

/** Names and kinds of a file's columns. @throws as readParquet */
export const parquetFields = async (source: Source): Promise<readonly ParquetField[]> => (await openTable(source, {})).fields;

/** SNAPPY is built into hyparquet; files of other programs may be packed otherwise. */
const COMPRESSORS: Compressors = {
  GZIP: (input) => zlib.gunzipSync(input),
  BROTLI: (input) => zlib.brotliDecompressSync(input),
  ZSTD: (input) => zlib.zstdDecompressSync(input),
};

interface OpenTable {
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly fields: readonly ParquetField[];
  readonly rows: number;
}

async function openTable(source: Source, { columns }: ReadOptions): Promise<OpenTable> {
  const { parquetMetadataAsync } = await readerPackage();
  const file = await readable(source, () => bufferOf(source));
  const metadata = await readable(source, () => parquetMetadataAsync(file));
  const all = fieldsOf(metadata);
  const kinds = new Map(all.map(({ name, kind }) => [name, kind]));
  const fields = (columns ?? all.map(({ name }) => name)).map((name): ParquetField => {
    const kind = kinds.get(name);
    if (kind === undefined)
      throw new RequeenError("bad_data", `the table has no column ${name}; it has ${[...kinds.keys()].join(", ")}`, {
        column: name,
      });
    if (kind === null)
      throw new RequeenError("bad_data", `column ${name} of the table is neither numbers nor text`, { column: name });
    return { name, kind };
  });
  return { file, metadata, fields, rows: Number(metadata.num_rows) };
}

const fieldsOf = ({ schema }: FileMetaData): { name: string; kind: ColumnKind | null }[] =>
  schema.slice(1).map((element) => ({ name: element.name, kind: kindOf(element) }));

/** A file is read whole up to here. The package's own reader opens a larger one anew for each column of each row group. */
const WHOLE_BYTES = GROUP_BYTES;

const bufferOf = async (source: Source): Promise<AsyncBuffer> => {
  if (typeof source === "string") {
    const { size } = await stat(source);
    return size > WHOLE_BYTES ? (await readerPackage()).asyncBufferFromFile(source) : bufferOf(await readFile(source));
  }
  const bytes = new Uint8Array(source); // a copy: the reader wants an ArrayBuffer that begins with the file
  return { byteLength: bytes.byteLength, slice: (start, end) => bytes.buffer.slice(start, end) };
};

function kindOf({ type, converted_type, logical_type, num_children }: SchemaElement): ColumnKind | null {
  if (num_children !== undefined && num_children > 0) return null;
  if (type === "BYTE_ARRAY") return converted_type === "UTF8" || logical_type?.type === "STRING" ? "text" : null;
  if (type === "DOUBLE" || type === "FLOAT") return "double";
  return type === "INT32" || type === "INT64" || type === "BOOLEAN" ? "integer" : null;
}

function numbersOf(data: DecodedArray): Float64Array {
  if (data instanceof Float64Array) return data;
  const numbers = new Float64Array(data.length);
  for (let row = 0; row < data.length; row += 1) {
    const value: unknown = data[row];
    // bigint for int64, Date for a timestamp, boolean for a flag
    numbers[row] = value === null || value === undefined ? Number.NaN : Number(value);
  }
  return numbers;
}

const textOrNull = (value: unknown): string | null => (typeof value === "string" ? value : null);

function tableOf(
  rows: number,
  fields: readonly ParquetField[],
  columns: ReadonlyMap<string, Float64Array | (string | null)[]>,
): ParquetColumns {
  const wrong = (name: string, wanted: string): RequeenError =>
    new RequeenError(
      "bad_data",
      `column ${name} must be read as ${wanted}; the table has ${fields.map((field) => `${field.name} (${field.kind})`).join(", ")}`,
    );
  return {
    rows,
    fields,
    numbers(name) {
      const column = columns.get(name);
      if (column instanceof Float64Array) return column;
      throw wrong(name, "a number column");
    },
    texts(name) {
      const column = columns.get(name);
      if (Array.isArray(column)) return column;
      throw wrong(name, "a text column");
    },
  };
}

/** What fails in reading is the file: truncated, altered or not Parquet. */
async function readable<T>(source: Source, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const name = typeof source === "string" ? source : `a table of ${source.byteLength} bytes`;
    const translated = translateFileError(cause, name);
    if (translated !== cause) throw translated;
    throw new RequeenError(
      "bad_data",
      `${name} cannot be read as Parquet: ${cause instanceof Error ? cause.message : String(cause)}`,
      {},
      { cause },
    );
  }
}

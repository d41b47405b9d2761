import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { RequeenError } from "../../core/errors.ts";
import type { Specialist } from "../../core/specialist.ts";
import { scanParquet } from "../../store/parquet.ts";
import { type Cell, columnValues, documentOf, isRecord } from "./cells.ts";
import { checkHeader, readCsvRecords } from "./csv.ts";
import { type Format, formatOf, STANDARD_STREAM } from "./format.ts";
import { readJsonArray } from "./json-array.ts";
import { type OnUnreadable, readJsonLines } from "./json-lines.ts";

const CHUNK_BYTES = 1024 * 1024;
const SHOWN_LINES = 10;

/** Documents of a file or of standard input, streamed: memory does not grow with the file. */
export interface DocumentInput {
  /** For messages and the audit log. */
  readonly name: string;
  readonly format: Format;
  readonly documents: AsyncIterable<unknown>;
  /** Places that were no document at all; filled while `documents` is read. They are given as text all the same. */
  readonly unreadable: { count: number; readonly first: string[] };
  /** How much of the file was read, 0..1; null for standard input and Parquet. */
  share(): number | null;
}

export interface DocumentRequest {
  /** `-` = standard input. */
  readonly file: string;
  readonly format: Format | undefined;
  /** Whose columns say how the cells of a table are read. */
  readonly specialists: readonly Specialist[];
}

/** @throws RequeenError bad_parameter; while reading, bad_parameter when the file cannot be read, bad_data, payload_too_large */
export function openDocuments({ file, format: given, specialists }: DocumentRequest): DocumentInput {
  const format = formatOf(file, given);
  const name = file === STANDARD_STREAM ? "standard input" : file;
  if (format === "parquet" && file === STANDARD_STREAM)
    throw new RequeenError(
      "bad_parameter",
      "Parquet must be read from a file, since its index stands at the end; got standard input",
    );
  const unreadable = { count: 0, first: [] as string[] };
  const onUnreadable: OnUnreadable = (place, reason) => {
    unreadable.count += 1;
    if (unreadable.first.length < SHOWN_LINES) unreadable.first.push(`${PLACES[format]} ${place} ${reason}`);
  };
  let readBytes = 0;
  let sizeBytes: number | null = null;
  const share = (): number | null => (sizeBytes === null || sizeBytes === 0 ? null : Math.min(1, readBytes / sizeBytes));
  return { name, format, unreadable, share, documents: read() };

  async function* counted(): AsyncGenerator<Uint8Array> {
    const found =
      file === STANDARD_STREAM ? null : await stat(file).catch((cause: unknown) => Promise.reject(unreadableFile(file, cause)));
    sizeBytes = found?.isFile() === true ? found.size : null;
    for await (const chunk of bytesOf(file)) {
      readBytes += chunk.byteLength;
      yield chunk;
    }
  }

  async function* read(): AsyncGenerator<unknown> {
    if (format === "parquet") yield* readParquetFile(file, specialists);
    else yield* readChunks(format, counted(), { name, specialists, onUnreadable });
  }
}

export interface ChunkSource {
  /** For messages. */
  readonly name: string;
  readonly specialists: readonly Specialist[];
  readonly onUnreadable: OnUnreadable;
}

/** Documents out of bytes as they come, from a file or a request. @throws RequeenError bad_data, payload_too_large while reading */
export async function* readChunks(
  format: Exclude<Format, "parquet">,
  chunks: AsyncIterable<Uint8Array>,
  { name, specialists, onUnreadable }: ChunkSource,
): AsyncGenerator<unknown> {
  if (format === "ndjson") yield* readJsonLines(chunks, onUnreadable);
  else if (format === "json") yield* readJsonArray(chunks, name, onUnreadable);
  else for await (const row of csvRows(chunks, name, onUnreadable)) yield isRecord(row) ? withColumns(row, specialists) : row;
}

/** Documents of a Parquet file, whose index stands at its end. @throws RequeenError bad_data while reading */
export async function* readParquetFile(file: string, specialists: readonly Specialist[]): AsyncGenerator<unknown> {
  for await (const row of parquetRows(file)) yield isRecord(row) ? withColumns(row, specialists) : row;
}

const PLACES: Readonly<Record<Format, string>> = { ndjson: "line", json: "element", csv: "record", parquet: "row" };

/** The bytes of a file or of standard input. @throws RequeenError bad_parameter when the file cannot be read. */
export async function* bytesOf(file: string): AsyncGenerator<Uint8Array> {
  // standard input is the one thing of the process that a command reads by itself
  const stream: AsyncIterable<Uint8Array> =
    file === STANDARD_STREAM ? process.stdin : createReadStream(file, { highWaterMark: CHUNK_BYTES });
  try {
    yield* stream;
  } catch (cause) {
    throw unreadableFile(file, cause);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is none",
  EISDIR: "it is a folder",
  EACCES: "it may not be read",
  EPERM: "it may not be read",
};

function unreadableFile(file: string, cause: unknown): unknown {
  const reason = cause instanceof Error && "code" in cause ? REASONS[String(cause.code)] : undefined;
  return reason === undefined
    ? cause
    : new RequeenError("bad_parameter", `file ${file} must be a file that can be read; ${reason}`, { file }, { cause });
}

async function* csvRows(chunks: AsyncIterable<Uint8Array>, name: string, onUnreadable: OnUnreadable): AsyncGenerator<unknown> {
  let header: string[] | null = null;
  let place = 0;
  for await (const cells of readCsvRecords(chunks, name)) {
    place += 1;
    if (header === null) header = checkHeader(cells, name);
    else if (cells.length === header.length) yield documentOf(header, cells);
    else {
      onUnreadable(place, `has ${cells.length} cells, the first line ${header.length}`);
      yield cells;
    }
  }
  if (header === null) checkHeader(undefined, name);
}

async function* parquetRows(file: string): AsyncGenerator<unknown> {
  for await (const part of scanParquet(file)) {
    const names = part.fields.map((field) => field.name);
    const columns = part.fields.map(({ name, kind }): readonly Cell[] | Float64Array =>
      kind === "text" ? part.texts(name) : part.numbers(name),
    );
    for (let row = 0; row < part.rows; row += 1)
      yield documentOf(
        names,
        columns.map((column) => nullForNaN(column[row] ?? null)),
      );
  }
}

const nullForNaN = (cell: Cell): Cell => (Number.isNaN(cell) ? null : cell);

function withColumns(document: Record<string, unknown>, specialists: readonly Specialist[]): Record<string, unknown> {
  const { columns, specialist_type } = document;
  const specialist = specialists.find(({ name }) => name === specialist_type);
  if (!isRecord(columns) || specialist === undefined || !("columns" in specialist.features)) return document;
  return { ...document, columns: columnValues(specialist.features.columns, columns) };
}

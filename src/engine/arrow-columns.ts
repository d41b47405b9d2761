import { RequeenError } from "../core/errors.ts";
import type { ColumnSource } from "./train-streamed.ts";
import type { Column } from "./training-data.ts";

/** One piece of an Arrow column, as `Data` of the npm package apache-arrow (7 and later) has it. */
export interface ArrowData {
  readonly length: number;
  /** Rows before the piece in the bitmap, and in the values of flags. */
  readonly offset: number;
  readonly nullCount: number;
  readonly values: ArrayLike<number> | ArrayLike<bigint>;
  /** One bit a row, the least first; 0 = null. Absent or empty: no nulls. */
  readonly nullBitmap?: Uint8Array | null | undefined;
  readonly type: { readonly typeId: number };
}

/** What is asked of a table: `Table` of apache-arrow has it, and anything of the same shape will do. */
export interface ArrowTable {
  readonly numRows: number;
  readonly schema: { readonly fields: readonly { readonly name: string }[] };
  getChild(name: string): { readonly data: readonly ArrowData[] } | null;
}

/** Arrow's numbers of the types whose values are numbers in an array: integers, floats, and flags as bits. */
const INTEGER = 2;
const FLOAT = 3;
const FLAG = 6;
/** Rows that are turned at a time where the values cannot be taken as they stand. */
const PIECE_ROWS = 65_536;

/**
 * Columns of an Arrow table in memory for `trainStreamed`, without a copy of them as floats: float columns without nulls are read where they stand,
 * others in pieces of 65,536 rows. Null = missing.
 * @param names of the columns, in the order of the features; default: all.
 * @throws bad_data when there is no such column, or it holds no numbers.
 */
export function arrowColumns(table: ArrowTable, names?: readonly string[]): ColumnSource {
  const has = table.schema.fields.map(({ name }) => name);
  const columns = (names ?? has).map((name) => {
    const data = table.getChild(name)?.data;
    if (data === undefined)
      throw new RequeenError("bad_data", `the table has no column ${name}; it has ${has.join(", ")}`, { column: name });
    for (const piece of data) checkNumbers(piece, name);
    return data;
  });
  return {
    rowCount: table.numRows,
    columnCount: columns.length,
    *read(column) {
      for (const data of columns[column]) yield* piecesOf(data);
    },
  };
}

/** @throws bad_data */
function checkNumbers({ type: { typeId }, values }: ArrowData, name: string): void {
  // the package numbers each width of a type apart too: below zero, or from 2 to 12 with dates and texts between; the arrays tell
  const isArray = ArrayBuffer.isView(values) && !(values instanceof DataView);
  const isFloat16 = values instanceof Uint16Array && (typeId === FLOAT || typeId === -10);
  const isNumbers = typeId === INTEGER || typeId === FLOAT || typeId === FLAG || (typeId <= -2 && typeId >= -12);
  if (isArray && isNumbers && !isFloat16) return;
  throw new RequeenError("bad_data", `column ${name} of the table holds no integers, floats of 32 or 64 bits, or flags`, {
    column: name,
  });
}

function* piecesOf(data: ArrowData): Generator<Column> {
  const { values, length, offset, nullCount, nullBitmap } = data;
  const bitmap = nullCount !== 0 && nullBitmap != null && nullBitmap.length > 0 ? nullBitmap : null;
  if (bitmap === null && (values instanceof Float64Array || values instanceof Float32Array)) {
    yield values.length === length ? values : values.subarray(0, length);
    return;
  }
  const piece = new Float64Array(Math.min(length, PIECE_ROWS));
  const isFlag = data.type.typeId === FLAG;
  for (let from = 0; from < length; from += PIECE_ROWS) {
    const count = Math.min(PIECE_ROWS, length - from);
    for (let i = 0; i < count; i++) {
      const row = from + i;
      if (bitmap !== null && !bitAt(bitmap, offset + row)) piece[i] = Number.NaN;
      else if (isFlag) piece[i] = bitAt(values as ArrayLike<number>, offset + row) ? 1 : 0;
      else piece[i] = Number(values[row]);
    }
    yield count === piece.length ? piece : piece.subarray(0, count);
  }
}

const bitAt = (bytes: ArrayLike<number>, bit: number): boolean => ((bytes[bit >> 3] >> (bit & 7)) & 1) === 1;

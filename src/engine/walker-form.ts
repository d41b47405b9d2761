import type { Column } from "./training-data.ts";

/** An ensemble prepared for prediction; every form gives the numbers of `addRowValues`. One row at a time: it owns the memory. */
export interface TreeWalker {
  /** float32 [columns]. The row, written by the caller before `walk`. */
  readonly row: Float32Array;
  /** Writes the sums over all trees of the row's leaves. @param out OUT float64 [outputs]. @param missing whether the row holds a NaN. */
  walk(out: Float64Array, outputs: number, missing: boolean): void;
  /**
   * As `walk` for the rows [start, start + count) of columns; several at once where the form can.
   * @param count at most BLOCK_ROWS. @param out OUT float64 [count x outputs].
   */
  walkRows(columns: readonly Column[], start: number, count: number, out: Float64Array, outputs: number): void;
}

/** Rows that `walkRows` takes at a time: so few that they stay in the first cache beside a tree. */
export const BLOCK_ROWS = 64;

/** A walker that knows one row at a time only. */
export function oneByOne(row: Float32Array, walk: TreeWalker["walk"]): TreeWalker {
  const sums = new Float64Array(64);
  return {
    row,
    walk,
    walkRows(columns, start, count, out, outputs) {
      for (let i = 0; i < count; i++) {
        let missing = false;
        for (let j = 0; j < row.length; j++) {
          row[j] = columns[j][start + i];
          if (Number.isNaN(row[j])) missing = true;
        }
        walk(sums, outputs, missing);
        for (let k = 0; k < outputs; k++) out[i * outputs + k] = sums[k];
      }
    },
  };
}

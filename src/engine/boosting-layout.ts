import { type BinnedColumns, MISSING_BIN } from "./bin-columns.ts";
import { derivativeForm, type FixedPoint } from "./boosting-derivatives.ts";
import type { HistogramLayout } from "./kernels/emit-histogram.ts";

/** Columns that stand side by side in a histogram, so that one SIMD search serves all of them. */
export const LANES = 4;
const BIN_BYTES = LANES * 8;

/** Four columns of a histogram; with missing values in one of them, bin 0 of all is for those. */
export interface Block {
  /** Columns, -1 = none. */
  readonly columns: readonly number[];
  readonly bins: number;
  readonly hasMissing: boolean;
  readonly offset: number;
}

/** Where records hold codes and derivatives, and histograms their cells. */
export interface BoostingLayout extends HistogramLayout {
  readonly blocks: readonly Block[];
  /** Column whose code is byte i of a record. */
  readonly order: readonly number[];
  /** For each column, 1 where its codes stand one higher in a record, since bin 0 is for missing values. */
  readonly shiftOf: Uint8Array;
  readonly histogramBytes: number;
}

/** Columns with about as many bins share a block: none scans many empty ones. Histograms are then as small as the bins allow. */
export function layoutOf({ columnCount, binCounts, hasMissing }: BinnedColumns, point: FixedPoint): BoostingLayout {
  const order = Array.from({ length: columnCount }, (_, column) => column);
  order.sort((a, b) => binCounts[b] - binCounts[a] || a - b);
  const blocks: Block[] = [];
  const cells: number[] = [];
  const shiftOf = new Uint8Array(columnCount);
  let offset = 0;
  for (let from = 0; from < columnCount; from += LANES) {
    const own = order.slice(from, from + LANES);
    const missing = own.some((column) => hasMissing[column] === 1);
    const bins = Math.max(1, ...own.map((column) => binCounts[column] + (missing ? 1 : 0)));
    const columns = Array.from({ length: LANES }, (_, lane) => own[lane] ?? -1);
    blocks.push({ columns, bins, hasMissing: missing, offset });
    for (const [lane, column] of own.entries()) {
      cells.push(offset + lane * 8);
      shiftOf[column] = missing ? 1 : 0;
    }
    offset += bins * BIN_BYTES;
  }
  const narrow = derivativeForm(point) === "narrow";
  const stride = Math.ceil((columnCount + (narrow ? 4 : 8)) / 16) * 16;
  const payloadAt = stride - (narrow ? 4 : 8);
  return { blocks, order, shiftOf, cells, histogramBytes: offset, stride, payloadAt, narrow, counted: point.counted };
}

/** The code that a block's bin has in `BinnedColumns`; -1 = the search found no further bin: only missing values are left. */
export const codeOfBin = (bin: number, shift: number): number => (bin < 0 ? MISSING_BIN : bin - shift);

import { codeOfBin } from "./boosting-layout.ts";
import { type Candidate, type RowRange, type SplitLimits, thresholdsOf } from "./boosting-search.ts";
import type { HistogramKernels, HistogramLayout } from "./kernels/emit-histogram.ts";
import type { KernelExports } from "./kernels/kernels.ts";

/** Rows whose derivatives are made and added in one go: they stay in the cache between the two. */
export const BLOCK_ROWS = 1024;
/** Records that are read where they lie; more are gathered first, since each is a cache miss. */
const NEAR_BYTES = 1 << 20;
/** Bytes of a histogram that are moved in the time that adding a row saves, where it is added to the thread's own one. */
const BYTES_A_ROW = 64;
/** So many rows at most are taken out of a histogram one by one. */
export const FEW_ROWS = 4096;

/** Where a run's arrays stand, in bytes of its memory. */
export interface PartAddresses {
  /** The thread's own histogram, where it adds rows; all 0 before and after each pass. */
  readonly own: number;
  readonly buffer: number;
  readonly leafValues: number;
  readonly labels: number;
  readonly leafOf: number;
  readonly weights: number;
  readonly scores: number;
  readonly shares: number;
  readonly rows: number;
  readonly moved: number;
  readonly codes: number;
  readonly records: number;
}

/** How the best split of a histogram is searched. */
export interface PartSearch {
  readonly limits: Omit<SplitLimits, "categories">;
  readonly counted: boolean;
  /** Addresses: see setSearch in kernels/boosting.as. */
  readonly table: number;
  readonly asked: number;
  readonly monotone: number;
  readonly blocks: number;
  readonly histogramBytes: number;
  /** As in BoostingLayout. */
  readonly shiftOf: Uint8Array;
  /** Column whose code is byte i of a record. */
  readonly order: readonly number[];
  /** For each column, byte offset of its first cell. */
  readonly cellOf: Uint32Array;
}

/** What a thread must know to do a part of a run's work; can be sent to another thread. */
export interface PartTask {
  readonly at: PartAddresses;
  readonly layout: HistogramLayout;
  readonly rowCount: number;
  readonly outputs: number;
  readonly weighted: boolean;
  readonly gradientScale: number;
  readonly hessianScale: number;
  /** 0, 1, 2: how records hold derivatives; see fillDerivatives in kernels/boosting.as. */
  readonly form: number;
  readonly search: PartSearch;
}

/** Rows up to a multiple of four, as the SIMD passes read them. */
export const padded = (rowCount: number): number => Math.ceil(rowCount / 4) * 4;

/** The passes over rows of one thread; every thread of a run has its own, on the same memory. */
export class PartWorker {
  readonly task: PartTask;
  readonly kernels: KernelExports;
  private readonly adding: HistogramKernels;
  private readonly near: boolean;
  private readonly ints: Int32Array;
  private readonly floats: Float32Array;

  constructor(task: PartTask, memory: ArrayBufferLike, kernels: KernelExports, adding: HistogramKernels) {
    this.task = task;
    this.kernels = kernels;
    this.adding = adding;
    this.ints = new Int32Array(memory);
    this.floats = new Float32Array(memory);
    const { limits, counted, table, blocks, asked, monotone } = task.search;
    kernels.setSearch(counted ? 1 : 0, table, blocks, asked, limits.monotone === null ? 0 : monotone, limits.l1, limits.l2);
    this.near = task.rowCount * task.layout.stride <= NEAR_BYTES;
  }

  /** Copies the codes of the rows [from, to) into their records. */
  record(from: number, to: number): void {
    const { at, layout, rowCount, search } = this.task;
    for (let block = from; block < to; block += BLOCK_ROWS) {
      const end = Math.min(to, block + BLOCK_ROWS);
      for (const [place, column] of search.order.entries()) {
        const codes = at.codes + column * rowCount;
        this.kernels.recordColumn(codes, block, end, search.shiftOf[column], at.records + place, layout.stride);
      }
    }
  }

  /**
   * Derivatives of the rows [from, to) in an output; `from` is a multiple of four.
   * @param pending with one output: the last tree's leaf values are not in the scores yet.
   * @param adds whether the rows are added to the thread's own histogram.
   */
  fill(from: number, to: number, output: number, pending: boolean, adds: boolean): void {
    const { kernels, task, adding } = this;
    const { at, layout, outputs } = task;
    for (let block = from; block < to; block += BLOCK_ROWS) {
      const end = Math.min(to, block + BLOCK_ROWS);
      let shares = at.shares + output * padded(task.rowCount) * 4;
      if (outputs === 1) {
        // one block of shares, as if it began with row 0
        shares = at.shares - block * 4;
        if (pending) kernels.addLeaves(block, padded(end), at.scores, at.leafOf, at.leafValues);
        kernels.logisticShares(block, padded(end), at.scores, shares);
      }
      kernels.fillDerivatives(
        block,
        padded(end),
        shares,
        at.labels,
        outputs === 1 ? 1 : output,
        task.weighted ? at.weights : 0,
        task.gradientScale,
        task.hessianScale,
        at.records + layout.payloadAt,
        layout.stride,
        task.form,
      );
      if (adds) adding.addSequence(at.records + block * layout.stride, at.records + end * layout.stride);
    }
  }

  /** Adds rows[start..end) to the thread's own histogram. */
  add(start: number, end: number): void {
    const { at } = this.task;
    const [from, to] = [at.rows + start * 4, at.rows + end * 4];
    if (this.near) this.adding.addRows(from, to, at.records);
    else this.adding.addGathered(from, to, at.records, at.buffer);
  }

  /**
   * Makes a parent's histogram the larger child's.
   * @param start, end the smaller child's rows.
   * @param smaller a free histogram, for the smaller child's.
   * @param wanted whether that is wanted; what is left in `smaller` is of no use otherwise.
   */
  divide(start: number, end: number, parent: number, smaller: number, wanted: boolean): void {
    const { kernels, task } = this;
    const { histogramBytes } = task.search;
    // without a histogram of their own, few rows are taken from the parent one by one
    if (!wanted && end - start <= FEW_ROWS) {
      this.adding.takeRows(task.at.rows + start * 4, task.at.rows + end * 4, task.at.records, parent);
      return;
    }
    if (this.near && (end - start) * BYTES_A_ROW < histogramBytes) {
      kernels.clear(smaller, histogramBytes);
      this.adding.addRowsTo(task.at.rows + start * 4, task.at.rows + end * 4, task.at.records, smaller);
    } else {
      this.add(start, end);
      kernels.moveCells(task.at.own, smaller, histogramBytes);
    }
    kernels.subtract(parent, smaller, histogramBytes);
  }

  /** The best threshold split of a histogram, written at `out`: see findSplit in kernels/boosting.as. */
  search(histogram: number, range: RowRange, out: number): void {
    const { limits, counted, blocks } = this.task.search;
    const { leastHessian, minRows, floor } = thresholdsOf(range, limits, counted);
    const rows = range.end - range.start;
    const { gradient, hessian, least, most } = range;
    this.kernels.findSplit(histogram, 0, blocks, gradient, hessian, rows, leastHessian, minRows, floor, least, most, out);
  }

  /** What `search` wrote at `out`. */
  readFound(out: number): Candidate | null {
    const { ints, task } = this;
    const at = out / 4;
    const column = ints[at];
    if (column < 0) return null;
    const shift = task.search.shiftOf[column];
    return {
      column,
      lower: codeOfBin(ints[at + 1], shift),
      upper: codeOfBin(ints[at + 2], shift),
      missingLeft: ints[at + 3] === 1,
      leftGradient: ints[at + 4],
      leftHessian: ints[at + 5],
      left: null,
      l2Added: 0,
      score: this.floats[at + 6],
    };
  }
}

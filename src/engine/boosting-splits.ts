import type { PartWorker } from "./boosting-parts.ts";
import type { FoundSplit, RowRange } from "./boosting-search.ts";

/** What a child will be, before its rows are known. */
export type ChildSums = Omit<RowRange, "start" | "end">;

/** A split that any thread can make: the leaf's rows are moved, and its children searched. */
export interface SplitOrder {
  readonly range: RowRange;
  /** Has a threshold, not categories. */
  readonly best: FoundSplit;
  readonly left: ChildSums;
  readonly right: ChildSums;
  /** Address of the leaf's histogram, which becomes the larger child's. */
  readonly histogram: number;
  /** Address of a free one, for the smaller child's; what stands in it does not matter. */
  readonly smaller: number;
  /** Whether the children may be split in their turn. */
  readonly wanted: boolean;
}

/** What became of an order. */
export interface SplitOutcome {
  readonly middle: number;
  /** A side kept too few rows: nothing else was done. */
  readonly tooFew: boolean;
  readonly sawMissing: boolean;
  /** Whether the smaller child has a histogram, and whether the larger one has the leaf's. */
  readonly smallerKept: boolean;
  readonly largerKept: boolean;
  /** Best splits of the children whose histograms were kept. */
  readonly left: FoundSplit | null;
  readonly right: FoundSplit | null;
}

// an order in shared memory: i32 words, but for the bounds, which are f64
const START = 0;
const END = 1;
const COLUMN = 2;
const LOWER = 3;
const MISSING_LEFT = 4;
const HISTOGRAM = 5;
const SMALLER = 6;
const WANTED = 7;
/** Gradient and hessian of the left child, then of the right one. */
const SUMS = 8;
/** Least and most of the left child, then of the right one. */
const BOUNDS = 12;
const MIDDLE = 20;
const STATE = 21;
/** What findSplit of kernels/boosting.as writes, of the left child and of the right one. */
const FOUND = 22;
const FOUND_WORDS = 8;
export const ORDER_BYTES = 160;

const TOO_FEW = 1;
const SAW_MISSING = 2;
const SMALLER_KEPT = 4;
const LARGER_KEPT = 8;

/** Writes, makes and reads orders that stand in a run's memory, with one thread's kernels. */
export class SplitMaker {
  private readonly worker: PartWorker;
  private readonly ints: Int32Array;
  private readonly doubles: Float64Array;

  constructor(worker: PartWorker, memory: ArrayBufferLike) {
    this.worker = worker;
    this.ints = new Int32Array(memory);
    this.doubles = new Float64Array(memory, 0, Math.floor(memory.byteLength / 8));
  }

  /** @param at where the order stands, a multiple of eight. */
  write(at: number, { range, best, left, right, histogram, smaller, wanted }: SplitOrder): void {
    const { ints, doubles } = this;
    const word = at / 4;
    ints[word + START] = range.start;
    ints[word + END] = range.end;
    ints[word + COLUMN] = best.column;
    ints[word + LOWER] = best.lower;
    ints[word + MISSING_LEFT] = best.missingLeft ? 1 : 0;
    ints[word + HISTOGRAM] = histogram;
    ints[word + SMALLER] = smaller;
    ints[word + WANTED] = wanted ? 1 : 0;
    for (let side = 0; side < 2; side++) {
      const child = side === 0 ? left : right;
      ints[word + SUMS + side * 2] = child.gradient;
      ints[word + SUMS + side * 2 + 1] = child.hessian;
      doubles[(word + BOUNDS) / 2 + side * 2] = child.least;
      doubles[(word + BOUNDS) / 2 + side * 2 + 1] = child.most;
    }
  }

  make(at: number): void {
    const { ints, worker } = this;
    const { kernels, task } = worker;
    const word = at / 4;
    const [start, end, column] = [ints[word + START], ints[word + END], ints[word + COLUMN]];
    const histogram = ints[word + HISTOGRAM];
    const { minSamplesLeaf } = task.search.limits;
    const codes = task.at.codes + column * task.rowCount;
    // ranges do not meet, nor do their places in `moved`
    const moved = task.at.moved + start * 4;
    const middle = kernels.partitionRows(codes, task.at.rows, start, end, ints[word + LOWER], ints[word + MISSING_LEFT], moved);
    ints[word + MIDDLE] = middle;
    const few = Math.min(middle - start, end - middle);
    if (few < minSamplesLeaf) {
      ints[word + STATE] = TOO_FEW;
      return;
    }
    let state = this.sawMissing(histogram, column) ? SAW_MISSING : 0;
    if (ints[word + WANTED] === 1 && end - start - few >= 2 * minSamplesLeaf) {
      state |= LARGER_KEPT;
      const leftSmaller = middle - start === few;
      const [from, to] = leftSmaller ? [start, middle] : [middle, end];
      if (few >= 2 * minSamplesLeaf) state |= SMALLER_KEPT;
      worker.divide(from, to, histogram, ints[word + SMALLER], (state & SMALLER_KEPT) !== 0);
      if ((state & SMALLER_KEPT) !== 0) this.search(at, leftSmaller ? 0 : 1, ints[word + SMALLER]);
      this.search(at, leftSmaller ? 1 : 0, histogram);
    }
    ints[word + STATE] = state;
  }

  read(at: number): SplitOutcome {
    const { ints } = this;
    const word = at / 4;
    const state = ints[word + STATE];
    const middle = ints[word + MIDDLE];
    const [smallerKept, largerKept] = [(state & SMALLER_KEPT) !== 0, (state & LARGER_KEPT) !== 0];
    const leftSmaller = middle - ints[word + START] <= ints[word + END] - middle;
    const found = (side: number): FoundSplit | null =>
      ((side === 0) === leftSmaller ? smallerKept : largerKept)
        ? this.worker.readFound(at + (FOUND + side * FOUND_WORDS) * 4)
        : null;
    return {
      middle,
      tooFew: (state & TOO_FEW) !== 0,
      sawMissing: (state & SAW_MISSING) !== 0,
      smallerKept,
      largerKept,
      left: found(0),
      right: found(1),
    };
  }

  /** Whether a missing value of the column is among a histogram's rows. */
  sawMissing(histogram: number, column: number): boolean {
    const { shiftOf, cellOf } = this.worker.task.search;
    if (shiftOf[column] === 0) return false;
    const cell = (histogram + cellOf[column]) / 4;
    return this.ints[cell] !== 0 || this.ints[cell + 1] !== 0;
  }

  private search(at: number, side: number, histogram: number): void {
    const { ints, doubles, worker } = this;
    const word = at / 4;
    const middle = ints[word + MIDDLE];
    const range: RowRange = {
      start: side === 0 ? ints[word + START] : middle,
      end: side === 0 ? middle : ints[word + END],
      gradient: ints[word + SUMS + side * 2],
      hessian: ints[word + SUMS + side * 2 + 1],
      least: doubles[(word + BOUNDS) / 2 + side * 2],
      most: doubles[(word + BOUNDS) / 2 + side * 2 + 1],
      l2Added: 0,
    };
    worker.search(histogram, range, at + (FOUND + side * FOUND_WORDS) * 4);
  }
}

import { type BinnedColumns, MISSING_BIN } from "./bin-columns.ts";
import { scanCategories } from "./boosting-categories.ts";
import { derivativesOf, exp32, type FixedPoint, logistic32 } from "./boosting-derivatives.ts";
import type { BoostingForm } from "./boosting-form.ts";
import { type ColumnSums, type FoundSplit, noCandidate, type RowRange, type SplitLimits, scanColumn } from "./boosting-search.ts";
import { partitionByTable } from "./categorical-columns.ts";

/** What both forms are opened with. */
export interface BoostingRun {
  readonly binned: BinnedColumns;
  readonly labels: Uint8Array;
  /** float32 [n]; null = all 1. */
  readonly weights: Float32Array | null;
  /** float32 [outputs]. Scores before the first tree. */
  readonly baseline: Float32Array;
  readonly point: FixedPoint;
  readonly limits: SplitLimits;
  readonly maxLeafNodes: number;
  /** Called at least every few milliseconds of work; may throw, and the run is then given up. */
  readonly poll: () => void;
}

const BINS = MISSING_BIN + 1;

/** The truth that the kernels must equal. */
export class PlainBoosting implements BoostingForm {
  readonly ahead = null;
  readonly codes: Uint8Array;
  readonly rows: Uint32Array;
  readonly leafOf: Uint8Array;
  private readonly run: BoostingRun;
  private readonly moved: Uint32Array;
  /** float32 [outputs x n]. */
  private readonly scores: Float32Array;
  private readonly shares: Float32Array;
  private readonly gradients: Int32Array;
  private readonly hessians: Int32Array;
  private readonly slots: ColumnSums[][] = [];
  private readonly free: number[] = [];
  private asked: Uint8Array;
  private taken = 0;

  constructor(run: BoostingRun) {
    const { rowCount, columnCount, codes } = run.binned;
    const outputs = run.baseline.length;
    this.run = run;
    this.codes = codes;
    this.rows = new Uint32Array(rowCount);
    this.moved = new Uint32Array(rowCount);
    this.leafOf = new Uint8Array(rowCount);
    this.scores = Float32Array.from({ length: rowCount * outputs }, (_, i) => run.baseline[Math.floor(i / rowCount)]);
    this.shares = new Float32Array(rowCount * outputs);
    this.gradients = new Int32Array(rowCount);
    this.hessians = new Int32Array(rowCount);
    this.asked = new Uint8Array(columnCount).fill(1);
  }

  setAsked(asked: Uint8Array): void {
    this.asked = asked;
  }

  startRound(): void {
    const { scores, shares, run } = this;
    const { rowCount } = run.binned;
    const outputs = run.baseline.length;
    if (outputs === 1) {
      for (let row = 0; row < rowCount; row++) shares[row] = logistic32(scores[row]);
      return;
    }
    for (let row = 0; row < rowCount; row++) {
      let greatest = scores[row];
      for (let k = 1; k < outputs; k++) greatest = Math.max(greatest, scores[k * rowCount + row]);
      let sum = 0;
      for (let k = 0; k < outputs; k++) {
        const at = k * rowCount + row;
        shares[at] = exp32(Math.fround(scores[at] - greatest));
        sum = Math.fround(sum + shares[at]);
      }
      for (let k = 0; k < outputs; k++) shares[k * rowCount + row] /= sum;
    }
  }

  startTree(output: number, taking: Uint32Array | null): { gradient: number; hessian: number } {
    const { labels, weights, point, baseline, binned } = this.run;
    const positive = baseline.length === 1 ? 1 : output;
    const count = taking?.length ?? binned.rowCount;
    let gradient = 0;
    let hessian = 0;
    for (let i = 0; i < count; i++) {
      const row = taking === null ? i : taking[i];
      const target = labels[row] === positive ? 1 : 0;
      const [g, h] = derivativesOf(this.shares[output * binned.rowCount + row], target, weights?.[row] ?? 1, point);
      this.rows[i] = row;
      this.gradients[row] = g;
      this.hessians[row] = h;
      gradient += g;
      hessian += h;
    }
    this.taken = count;
    return { gradient, hessian };
  }

  buildRoot(): number {
    return this.build(0, this.taken);
  }

  buildChildren(parent: number, small: RowRange, wanted: boolean): number {
    const slot = this.build(small.start, small.end);
    for (const [column, { gradient, hessian, rows }] of this.slots[parent].entries()) {
      const part = this.slots[slot][column];
      for (let bin = 0; bin < BINS; bin++) {
        gradient[bin] -= part.gradient[bin];
        hessian[bin] -= part.hessian[bin];
        rows[bin] -= part.rows[bin];
      }
    }
    if (wanted) return slot;
    this.release(slot);
    return -1;
  }

  findSplit(slot: number, range: RowRange): FoundSplit | null {
    return this.search(this.slots[slot], range, this.run.point.counted);
  }

  findCounted(range: RowRange): FoundSplit | null {
    const slot = this.build(range.start, range.end);
    const found = this.search(this.slots[slot], range, true);
    this.release(slot);
    return found;
  }

  sawMissing(slot: number, column: number): boolean {
    return this.slots[slot][column].rows[MISSING_BIN] > 0;
  }

  partition({ start, end }: RowRange, { column, lower, missingLeft, left: table }: FoundSplit): number {
    const { rows, moved, codes } = this;
    const { rowCount } = this.run.binned;
    if (table !== null) {
      const ofColumn = codes.subarray(column * rowCount, (column + 1) * rowCount);
      return partitionByTable(ofColumn, rows, moved, start, end, table);
    }
    let left = start;
    let right = 0;
    for (let i = start; i < end; i++) {
      const code = codes[column * rowCount + rows[i]];
      if (code <= lower || (code === MISSING_BIN && missingLeft)) rows[left++] = rows[i];
      else moved[right++] = rows[i];
    }
    for (let i = 0; i < right; i++) rows[left + i] = moved[i];
    return left;
  }

  markLeaf({ start, end }: RowRange, leaf: number): void {
    for (let i = start; i < end; i++) this.leafOf[this.rows[i]] = leaf;
  }

  endTree(output: number, values: Float32Array): void {
    const { rowCount } = this.run.binned;
    for (let row = 0; row < rowCount; row++) this.scores[output * rowCount + row] += values[this.leafOf[row]];
  }

  release(slot: number): void {
    this.free.push(slot);
  }

  close(): void {
    this.slots.length = 0;
  }

  private build(start: number, end: number): number {
    const { rows, codes, gradients, hessians } = this;
    const { columnCount, rowCount } = this.run.binned;
    const slot = this.free.pop() ?? this.slots.push(Array.from({ length: columnCount }, emptySums)) - 1;
    for (const [column, sums] of this.slots[slot].entries()) {
      sums.gradient.fill(0);
      sums.hessian.fill(0);
      sums.rows.fill(0);
      for (let i = start; i < end; i++) {
        const bin = codes[column * rowCount + rows[i]];
        sums.gradient[bin] += gradients[rows[i]];
        sums.hessian[bin] += hessians[rows[i]];
        sums.rows[bin] += 1;
      }
    }
    return slot;
  }

  private search(sums: readonly ColumnSums[], range: RowRange, counted: boolean): FoundSplit | null {
    const { limits } = this.run;
    let best = noCandidate(range, limits);
    for (const [column, ofColumn] of sums.entries()) {
      if (this.asked[column] === 0) continue;
      const scan = limits.categories?.marks[column] === 1 ? scanCategories : scanColumn;
      best = scan(ofColumn, column, range, limits, counted, best);
    }
    return best.column < 0 ? null : best;
  }
}

const emptySums = (): ColumnSums => ({
  gradient: new Int32Array(BINS),
  hessian: new Int32Array(BINS),
  rows: new Int32Array(BINS),
});

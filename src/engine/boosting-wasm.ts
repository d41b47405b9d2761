import { MISSING_BIN } from "./bin-columns.ts";
import { aheadSlots, CrewAhead } from "./boosting-ahead.ts";
import { scanCategories } from "./boosting-categories.ts";
import { CONTROL_BYTES, FitCrew } from "./boosting-crew.ts";
import { derivativeForm } from "./boosting-derivatives.ts";
import type { BoostingForm } from "./boosting-form.ts";
import { type BoostingLayout, codeOfBin, LANES, layoutOf } from "./boosting-layout.ts";
import { BLOCK_ROWS, type PartTask, PartWorker, padded } from "./boosting-parts.ts";
import type { BoostingRun } from "./boosting-plain.ts";
import { type Candidate, type ColumnSums, type FoundSplit, noCandidate, type RowRange, scanColumn } from "./boosting-search.ts";
import { partitionByTable } from "./categorical-columns.ts";
import { deserted, type FitHelpers, MOST_HELPERS, openGate } from "./fit-helpers.ts";
import { GATHERED_RECORDS } from "./kernels/emit-histogram.ts";
import { openHistogramKernels, openKernels } from "./kernels/kernels.ts";

const FORMS = { counted: 0, narrow: 1, wide: 2 } as const;
/** Some ten milliseconds of work. */
const POLL_ROWS = BLOCK_ROWS * 256;

/** Bytes that a run takes beside its data, at most: before binning, every column may fill all its bins. */
export function estimateBytes(
  rowCount: number,
  columnCount: number,
  outputs: number,
  weighted: boolean,
  maxLeafNodes: number,
): number {
  const stride = Math.ceil((columnCount + 8) / 16) * 16;
  const aRow = stride + columnCount * 2 + 8 + 2 + outputs * 4 + (outputs > 1 ? outputs * 4 : 0) + (weighted ? 8 : 0);
  const histogram = Math.ceil(columnCount / LANES) * LANES * 256 * 8;
  return rowCount * (aRow + 5) + (maxLeafNodes + 3) * histogram + 2 ** 20;
}

export function boostingSizes(run: BoostingRun, layout: BoostingLayout, helpers = 0) {
  const { rowCount, columnCount } = run.binned;
  const rows = padded(rowCount);
  const outputs = run.baseline.length;
  return {
    // first, so that code that was written for their addresses serves any number of rows
    own: layout.histogramBytes,
    parts: layout.histogramBytes * helpers,
    found: 64,
    table: layout.blocks.length * 32,
    asked: layout.blocks.length * 16,
    monotone: layout.blocks.length * 16,
    control: CONTROL_BYTES,
    // one for each thread
    buffer: GATHERED_RECORDS * layout.stride * (helpers + 1),
    leafValues: 1024,
    slots: (run.maxLeafNodes + 2 + aheadSlots(helpers)) * layout.histogramBytes,
    labels: rows,
    leafOf: rows,
    weights: run.weights === null ? 0 : rows * 4,
    scores: rows * outputs * 4,
    shares: (outputs === 1 ? BLOCK_ROWS * (helpers + 1) : rows * outputs) * 4,
    rows: rowCount * 4,
    moved: rowCount * 4 * (helpers > 0 ? 2 : 1),
    codes: rowCount * columnCount,
    records: rows * layout.stride,
  };
}

/** The same in WebAssembly. */
export class WasmBoosting implements BoostingForm {
  readonly codes: Uint8Array;
  readonly rows: Uint32Array;
  readonly leafOf: Uint8Array;
  readonly ahead: CrewAhead | null;
  private readonly run: BoostingRun;
  private readonly layout: BoostingLayout;
  private readonly opened: ReturnType<typeof openKernels<keyof ReturnType<typeof boostingSizes>>>;
  private readonly parts: PartWorker;
  private readonly crew: FitCrew | null;
  private readonly ints: Int32Array;
  private readonly leafValues: Float32Array;
  /** For each column, its place in the order of a record's codes. */
  private readonly placeOf: Uint16Array;
  private readonly outputs: number;
  private readonly free: number[] = [];
  private readonly moved: Uint32Array;
  private readonly sums: ColumnSums = {
    gradient: new Int32Array(MISSING_BIN + 1),
    hessian: new Int32Array(MISSING_BIN + 1),
    rows: new Int32Array(MISSING_BIN + 1),
  };
  private asked: Uint8Array;
  /** Outputs whose leaf values are not in the scores yet. */
  private readonly pending: (Float32Array | null)[];
  private taken = 0;
  /** Whether `rows` is still 0, 1, 2, ... without having been written. */
  private identity = false;
  private rootSlot = -1;

  /** @param helpers threads that take part in passes over many rows; the result is the same. */
  constructor(run: BoostingRun, helpers: FitHelpers | null = null) {
    const { rowCount, columnCount, codes } = run.binned;
    this.run = run;
    this.layout = layoutOf(run.binned, run.point);
    const { layout } = this;
    const helping = Math.min(helpers?.count ?? 0, MOST_HELPERS);
    const again = helpers === null ? undefined : deserted(helpers);
    this.opened = openKernels(boostingSizes(run, layout, helping), helping > 0, again);
    const { memory, at, kernels, instance } = this.opened;
    this.outputs = run.baseline.length;
    this.codes = new Uint8Array(memory, at.codes, rowCount * columnCount);
    this.codes.set(codes);
    this.rows = new Uint32Array(memory, at.rows, rowCount);
    this.moved = new Uint32Array(memory, at.moved, rowCount);
    this.leafOf = new Uint8Array(memory, at.leafOf, rowCount);
    this.ints = new Int32Array(memory);
    this.leafValues = new Float32Array(memory, at.leafValues, 256);
    this.placeOf = new Uint16Array(columnCount);
    this.asked = new Uint8Array(columnCount).fill(1);
    this.pending = new Array<null>(this.outputs).fill(null);
    for (const [place, column] of layout.order.entries()) this.placeOf[column] = place;
    new Uint8Array(memory, at.labels, rowCount).set(run.labels);
    if (run.weights !== null) new Float32Array(memory, at.weights, rowCount).set(run.weights);
    const scores = new Float32Array(memory, at.scores, padded(rowCount) * this.outputs);
    for (let k = 0; k < this.outputs; k++) scores.fill(run.baseline[k], k * padded(rowCount), (k + 1) * padded(rowCount));
    for (let slot = run.maxLeafNodes + 1 + aheadSlots(helping); slot >= 0; slot--) this.free.push(slot);
    this.writeTable();
    this.setAsked(this.asked);
    const { point } = run;
    const { categories, ...limits } = run.limits;
    const task: PartTask = {
      at,
      layout: {
        stride: layout.stride,
        payloadAt: layout.payloadAt,
        narrow: layout.narrow,
        counted: layout.counted,
        cells: layout.cells,
      },
      rowCount,
      outputs: this.outputs,
      weighted: run.weights !== null,
      gradientScale: point.gradientScale,
      hessianScale: point.hessianScale,
      form: FORMS[derivativeForm(point)],
      search: {
        limits,
        counted: point.counted,
        table: at.table,
        asked: at.asked,
        monotone: at.monotone,
        blocks: layout.blocks.length,
        histogramBytes: layout.histogramBytes,
        shiftOf: layout.shiftOf,
        order: layout.order,
        cellOf: Uint32Array.from(this.placeOf, (place) => layout.cells[place]),
      },
    };
    this.parts = new PartWorker(task, memory, kernels, openHistogramKernels(layout, at.own, instance));
    this.crew = helpers === null ? null : new FitCrew(instance.memory, at.control, helpers, this.parts, run.poll);
    const slots = {
      take: () => this.popSlot(),
      release: (slot: number) => this.release(slot),
      countFree: () => this.free.length,
      addressOf: (slot: number) => this.slotAt(slot),
    };
    this.ahead = this.crew === null || categories !== null ? null : new CrewAhead(this.crew, slots);
    if (helpers !== null) {
      const fit = openGate(helpers, instance.memory);
      helpers.start(
        Array.from({ length: helping }, (_, helper) => ({
          memory: instance.memory,
          fit,
          task: {
            ...task,
            at: {
              ...at,
              own: at.parts + helper * layout.histogramBytes,
              buffer: at.buffer + (helper + 1) * GATHERED_RECORDS * layout.stride,
              shares: at.shares + (this.outputs === 1 ? (helper + 1) * BLOCK_ROWS * 4 : 0),
            },
          },
          control: at.control,
          helper,
        })),
      );
    }
    try {
      this.writeRecords();
    } catch (error) {
      // the helpers wait for a fit that its caller never gets
      this.close();
      throw error;
    }
  }

  private writeRecords(): void {
    const { run, crew, parts } = this;
    const { rowCount } = run.binned;
    for (let from = 0; from < rowCount; from += POLL_ROWS) {
      run.poll();
      const to = Math.min(rowCount, from + POLL_ROWS);
      if (crew === null) parts.record(from, to);
      else crew.run("record", from, to, []);
    }
  }

  setAsked(asked: Uint8Array): void {
    this.asked = asked;
    const marks = this.run.limits.categories?.marks;
    const masks = new Int32Array(this.opened.memory, this.opened.at.asked, this.layout.blocks.length * LANES);
    for (const [block, { columns }] of this.layout.blocks.entries())
      for (const [lane, column] of columns.entries())
        masks[block * LANES + lane] = column >= 0 && asked[column] === 1 && marks?.[column] !== 1 ? -1 : 0;
  }

  startRound(): void {
    if (this.outputs === 1) return;
    const { kernels, at } = this.opened;
    const rows = padded(this.run.binned.rowCount);
    kernels.softmaxShares(0, rows, this.outputs, rows, at.scores, at.shares);
  }

  startTree(output: number, taking: Uint32Array | null): { gradient: number; hessian: number } {
    const { run, parts, crew } = this;
    const { rowCount } = run.binned;
    this.identity = taking === null;
    this.taken = taking?.length ?? rowCount;
    if (taking !== null) this.rows.set(taking);
    this.rootSlot = this.popSlot();
    const histogram = this.slotAt(this.rootSlot);
    const pending = this.outputs === 1 ? this.pending[0] : null;
    if (pending !== null) this.leafValues.set(pending);
    if (crew !== null && rowCount >= crew.leastRows) {
      const args = [output, pending === null ? 0 : 1, taking === null ? 1 : 0];
      this.mergeParts(crew.run("fill", 0, rowCount, args));
    } else {
      for (let from = 0; from < rowCount; from += POLL_ROWS) {
        run.poll();
        parts.fill(from, Math.min(rowCount, from + POLL_ROWS), output, pending !== null, taking === null);
      }
    }
    if (taking !== null) this.addRows(0, this.taken);
    this.opened.kernels.moveCells(this.opened.at.own, histogram, this.layout.histogramBytes);
    if (this.outputs === 1) this.pending[0] = null;
    return this.sumFirstColumn(histogram);
  }

  buildRoot(): number {
    const slot = this.rootSlot;
    this.rootSlot = -1;
    return slot;
  }

  buildChildren(parent: number, small: RowRange, wanted: boolean): number {
    const { crew, parts, layout } = this;
    const slot = this.popSlot();
    if (crew === null || small.end - small.start < crew.leastRows) {
      this.writeRows();
      parts.divide(small.start, small.end, this.slotAt(parent), this.slotAt(slot), wanted);
    } else {
      this.addRows(small.start, small.end);
      this.opened.kernels.moveCells(this.opened.at.own, this.slotAt(slot), layout.histogramBytes);
      this.opened.kernels.subtract(this.slotAt(parent), this.slotAt(slot), layout.histogramBytes);
    }
    if (wanted) return slot;
    this.release(slot);
    return -1;
  }

  findSplit(slot: number, range: RowRange): FoundSplit | null {
    const { limits, point } = this.run;
    const threshold = this.findThreshold(slot, range);
    if (limits.categories === null) return threshold;
    let best = threshold ?? noCandidate(range, limits);
    for (const [column, mark] of limits.categories.marks.entries()) {
      if (mark === 0 || this.asked[column] === 0) continue;
      best = scanCategories(this.readSums(slot, column), column, range, limits, point.counted, best);
    }
    return best.column < 0 ? null : best;
  }

  /** One column of a histogram as the plain form has it; valid until the next one. Rows are there only where cells count them. */
  private readSums(slot: number, column: number): ColumnSums {
    const { sums, ints, layout } = this;
    const { counted } = this.run.point;
    const shift = layout.shiftOf[column];
    const cells = (this.slotAt(slot) + layout.cells[this.placeOf[column]]) / 4;
    for (const array of [sums.gradient, sums.hessian, sums.rows]) array.fill(0);
    for (let bin = this.run.binned.binCounts[column] + shift - 1; bin >= 0; bin--) {
      const at = cells + bin * LANES * 2;
      const [low, high] = [ints[at], ints[at + 1]];
      const code = codeOfBin(shift === 1 && bin === 0 ? -1 : bin, shift);
      sums.gradient[code] = counted ? high >> 8 : high;
      sums.hessian[code] = counted ? ((high & 0xff) << 16) | (low >>> 16) : low;
      sums.rows[code] = counted ? low & 0xffff : 0;
    }
    return sums;
  }

  private findThreshold(slot: number, range: RowRange): Candidate | null {
    const { found } = this.opened.at;
    this.parts.search(this.slotAt(slot), range, found);
    return this.parts.readFound(found);
  }

  sawMissing(slot: number, column: number): boolean {
    if (this.layout.shiftOf[column] === 0) return false;
    const at = (this.slotAt(slot) + this.layout.cells[this.placeOf[column]]) / 4;
    return this.ints[at] !== 0 || this.ints[at + 1] !== 0;
  }

  partition({ start, end }: RowRange, { column, lower, missingLeft, left: table }: FoundSplit): number {
    const { kernels, at } = this.opened;
    if (table !== null) {
      this.writeRows();
      const { rowCount } = this.run.binned;
      const ofColumn = this.codes.subarray(column * rowCount, (column + 1) * rowCount);
      return partitionByTable(ofColumn, this.rows, this.moved, start, end, table);
    }
    const codes = at.codes + column * this.run.binned.rowCount;
    const { identity, crew } = this;
    if (crew !== null && end - start >= crew.leastRows) {
      this.identity = false;
      return crew.partition(start, end, column, lower, missingLeft, identity);
    }
    const split = identity ? kernels.partitionAll : kernels.partitionRows;
    this.identity = false;
    return split(codes, at.rows, start, end, lower, missingLeft ? 1 : 0, at.moved);
  }

  findCounted(range: RowRange): FoundSplit | null {
    this.writeRows();
    const { rowCount, columnCount } = this.run.binned;
    const { limits, point } = this.run;
    const read = new DataView(this.opened.memory, this.opened.at.records);
    const count = range.end - range.start;
    const gradients = new Int32Array(count);
    const hessians = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      const at = this.rows[range.start + i] * this.layout.stride + this.layout.payloadAt;
      // counted cells are never estimated; here they are 16 and 16 bits, or 32 and 32
      if (point.counted) throw new Error("a search that counts rows was to be counted again");
      gradients[i] = this.layout.narrow ? read.getInt16(at, true) : read.getInt32(at + 4, true);
      hessians[i] = this.layout.narrow ? read.getUint16(at + 2, true) : read.getInt32(at, true);
    }
    const { sums } = this;
    let best = noCandidate(range, limits);
    for (let column = 0; column < columnCount; column++) {
      if (this.asked[column] === 0) continue;
      for (const array of [sums.gradient, sums.hessian, sums.rows]) array.fill(0);
      for (let i = 0; i < count; i++) {
        const bin = this.codes[column * rowCount + this.rows[range.start + i]];
        sums.gradient[bin] += gradients[i];
        sums.hessian[bin] += hessians[i];
        sums.rows[bin] += 1;
      }
      const scan = limits.categories?.marks[column] === 1 ? scanCategories : scanColumn;
      best = scan(sums, column, range, limits, true, best);
    }
    return best.column < 0 ? null : best;
  }

  markLeaf({ start, end }: RowRange, leaf: number): void {
    const { kernels, at } = this.opened;
    if (this.identity) this.leafOf.fill(leaf);
    else kernels.markLeaf(at.rows, start, end, leaf, at.leafOf);
  }

  endTree(output: number, values: Float32Array): void {
    if (this.rootSlot >= 0) this.release(this.rootSlot);
    this.rootSlot = -1;
    // leafOf is the next tree's from here on; with one output the next tree reads it before it writes
    this.pending[output] = values;
    if (this.outputs === 1) return;
    const { kernels, at } = this.opened;
    const rows = padded(this.run.binned.rowCount);
    this.leafValues.set(values);
    kernels.addLeaves(0, rows, at.scores + output * rows * 4, at.leafOf, at.leafValues);
    this.pending[output] = null;
  }

  release(slot: number): void {
    this.free.push(slot);
  }

  close(): void {
    this.crew?.end();
    this.opened.release();
  }

  private popSlot(): number {
    const slot = this.free.pop();
    if (slot === undefined) throw new Error("a tree held more histograms than it has leaves");
    return slot;
  }

  /** Adds rows to this thread's own histogram. */
  private addRows(start: number, end: number): void {
    const { crew } = this;
    this.writeRows();
    if (crew === null || end - start < crew.leastRows) this.parts.add(start, end);
    else this.mergeParts(crew.run("add", start, end, []));
  }

  /** Adds what helpers have summed. */
  private mergeParts(helpers: readonly number[]): void {
    const { kernels, at } = this.opened;
    const { histogramBytes } = this.layout;
    for (const helper of helpers) kernels.merge(at.own, at.parts + helper * histogramBytes, histogramBytes);
  }

  private writeRows(): void {
    if (!this.identity) return;
    this.identity = false;
    for (let row = 0; row < this.rows.length; row++) this.rows[row] = row;
  }

  private sumFirstColumn(histogram: number): { gradient: number; hessian: number } {
    const { counted } = this.run.point;
    const [block] = this.layout.blocks;
    let gradient = 0;
    let hessian = 0;
    for (let bin = 0; bin < block.bins; bin++) {
      const at = (histogram + bin * LANES * 8) / 4;
      const [low, high] = [this.ints[at], this.ints[at + 1]];
      gradient += counted ? high >> 8 : high;
      hessian += counted ? ((high & 0xff) << 16) | (low >>> 16) : low;
    }
    return { gradient, hessian };
  }

  private slotAt(slot: number): number {
    return this.opened.at.slots + slot * this.layout.histogramBytes;
  }

  private writeTable(): void {
    const { memory, at } = this.opened;
    const { monotone } = this.run.limits;
    const table = new Int32Array(memory, at.table, this.layout.blocks.length * 8);
    const signs = new Int32Array(memory, at.monotone, this.layout.blocks.length * LANES);
    for (const [i, { offset, bins, hasMissing, columns }] of this.layout.blocks.entries()) {
      table.set([offset, bins, hasMissing ? 1 : 0, 0, ...columns], i * 8);
      if (monotone !== null)
        signs.set(
          columns.map((column) => (column < 0 ? 0 : monotone[column])),
          i * LANES,
        );
    }
  }
}

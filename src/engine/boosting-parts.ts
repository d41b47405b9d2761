import type { HistogramKernels, HistogramLayout } from "./kernels/emit-histogram.ts";
import type { KernelExports } from "./kernels/kernels.ts";

/** Rows whose derivatives are made and added in one go: they stay in the cache between the two. */
export const BLOCK_ROWS = 1024;
/** Records that are read where they lie; more are gathered first, since each is a cache miss. */
const NEAR_BYTES = 1 << 20;

/** Where a run's arrays stand, in bytes of its memory. */
export interface PartAddresses {
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
}

/** Rows up to a multiple of four, as the SIMD passes read them. */
export const padded = (rowCount: number): number => Math.ceil(rowCount / 4) * 4;

/** The passes over rows of one thread; every thread of a run has its own, on the same memory. */
export class PartWorker {
  readonly task: PartTask;
  readonly kernels: KernelExports;
  private readonly adding: HistogramKernels;
  private readonly near: boolean;

  constructor(task: PartTask, kernels: KernelExports, adding: HistogramKernels) {
    this.task = task;
    this.kernels = kernels;
    this.adding = adding;
    this.near = task.rowCount * task.layout.stride <= NEAR_BYTES;
  }

  /**
   * Derivatives of the rows [from, to) in an output; `from` is a multiple of four.
   * @param pending with one output: the last tree's leaf values are not in the scores yet.
   * @param histogram the rows are added to it; 0 = they are not.
   */
  fill(from: number, to: number, output: number, pending: boolean, histogram: number): void {
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
      if (histogram !== 0) adding.addSequence(at.records + block * layout.stride, at.records + end * layout.stride, histogram);
    }
  }

  /** Adds rows[start..end) to a histogram. */
  add(start: number, end: number, histogram: number): void {
    const { at } = this.task;
    const [from, to] = [at.rows + start * 4, at.rows + end * 4];
    if (this.near) this.adding.addRows(from, to, at.records, histogram);
    else this.adding.addGathered(from, to, at.records, histogram, at.buffer);
  }

  /** Takes rows[start..end), few of them, out of a histogram. */
  take(start: number, end: number, histogram: number): void {
    const { at } = this.task;
    this.adding.takeRows(at.rows + start * 4, at.rows + end * 4, at.records, histogram);
  }
}

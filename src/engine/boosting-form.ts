import type { FoundSplit, RowRange } from "./boosting-search.ts";
import type { ChildSums, SplitOutcome } from "./boosting-splits.ts";

/** Splits that threads make side by side, each on a leaf of its own; the tree is the same, since what is not needed is not used. */
export interface SplitsAhead {
  /** Whether a leaf is split so; those of more rows are split by all threads together. */
  takes(range: RowRange): boolean;
  /** Histograms that are free. */
  countFree(): number;
  /** Whether a thread may be waiting for a split to make. */
  wantsMore(): boolean;
  /** Offers a leaf's split to the other threads. @param wanted whether the children may be split in their turn. */
  offer(slot: number, range: RowRange, best: FoundSplit, left: ChildSums, right: ChildSums, wanted: boolean): SplitTicket;
  /** As `offer`, made at once by the calling thread. */
  make(slot: number, range: RowRange, best: FoundSplit, left: ChildSums, right: ChildSums, wanted: boolean): SplitTicket;
  /** The calling thread makes an offered split that nobody has begun. @returns whether there was one. */
  work(): boolean;
  /** @returns whether it is made. */
  isMade(ticket: SplitTicket): boolean;
  /** Waits until the split is made. */
  wait(ticket: SplitTicket): void;
  /** Ends what is being made, and takes back what is not begun: such tickets stay without an outcome. */
  settle(): void;
  /** The smaller child's slot goes back, if it has one. */
  drop(ticket: SplitTicket): void;
}

/** A split that is on offer or made. */
export interface SplitTicket {
  readonly part: number;
  /** Slot that the smaller child's histogram gets. */
  readonly smaller: number;
  outcome: SplitOutcome | null;
}

/**
 * Rows, scores and histograms of one boosting run, in the plain form or in WebAssembly's memory; both give the same numbers. A tree is:
 * startTree, then buildRoot, findSplit, partition and buildChildren for each split, markLeaf for each leaf, endTree.
 */
export interface BoostingForm {
  /** uint8 [d x n], as in BinnedColumns. */
  readonly codes: Uint8Array;
  /** uint32 [n]. Rows of the tree being grown, moved by `partition`. */
  readonly rows: Uint32Array;
  /** uint8 [n]. Leaf of each row in the tree being grown; the caller writes those of rows that take no part. */
  readonly leafOf: Uint8Array;
  /** uint8 [d]. 1 = the tree may ask this column. */
  setAsked(asked: Uint8Array): void;
  /** Probabilities of all outputs from the scores; all trees of a round answer the same. */
  startRound(): void;
  /** Derivatives of the rows in one output. @param taking rows that take part, ascending; null = all. @returns sums over these rows. */
  startTree(output: number, taking: Uint32Array | null): { gradient: number; hessian: number };
  /** A histogram of the tree's rows. @returns its slot. */
  buildRoot(): number;
  /**
   * Turns the parent's histogram into the larger child's.
   * @param wanted whether the smaller child's is wanted too.
   * @returns the smaller child's slot, -1 = not wanted.
   */
  buildChildren(parent: number, small: RowRange, wanted: boolean): number;
  findSplit(slot: number, range: RowRange): FoundSplit | null;
  /** Whether a missing value of the column is among the slot's rows. */
  sawMissing(slot: number, column: number): boolean;
  /** Rows that go left first, each side in its old order. @returns where the right side begins. */
  partition(range: RowRange, split: FoundSplit): number;
  /** The best split with rows counted one by one, for ranges where an estimate misled. */
  findCounted(range: RowRange): FoundSplit | null;
  markLeaf(range: RowRange, leaf: number): void;
  /** Adds the leaves' values to the scores of an output. */
  endTree(output: number, values: Float32Array): void;
  release(slot: number): void;
  /** null = splits are made one after the other. */
  readonly ahead: SplitsAhead | null;
  /** Ends the run; nothing of the form is used after it. */
  close(): void;
}

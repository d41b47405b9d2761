import { setsOf, WIDE_WORDS } from "./category-sets.ts";
import { ForestGrower, type ForestTask } from "./forest-tree.ts";
import { MOST_KERNEL_BYTES, openKernels, plainFormNote, sumBytes } from "./kernels/kernels.ts";
import type { NodeNotes, TreeBuilder } from "./tree-ensemble.ts";

/** Grows the trees of one forest; see ForestGrower, whose trees every form gives bit for bit. */
export interface GrowsForest {
  /** Adds the tree of `treeKey` to `builder`; its rows are drawn with `drawKey` and replacement, or all taken where that is null. */
  grow(builder: TreeBuilder, drawKey: number | null, treeKey: number, notes?: NodeNotes): void;
  /** After the last tree: its memory serves another training. A new one takes 0.4 ms, and the old ones as much again to collect. */
  close(): void;
}

/**
 * The quickest form that memory allows.
 * @param noted whether `grow` is given notes. @param form "plain" for comparison.
 * @param poll called every few milliseconds of growing; may throw, and the grower is then given up. @param onNote told when no kernels can be taken.
 */
export function openForestGrower(
  task: ForestTask,
  noted: boolean,
  form: "wasm" | "plain",
  poll: () => void,
  onNote?: (note: string) => void,
): GrowsForest {
  if (form === "plain") return new ForestGrower(task, poll);
  if (isUnits(task) && sumBytes(unitSizes(task)) <= MOST_KERNEL_BYTES) return openUnits(task, poll);
  if (isPacked(task)) return openPacked(task, noted, poll);
  const needed = sumBytes(weightedSizes(task, noted));
  if (needed <= MOST_KERNEL_BYTES) return openWeighted(task, noted, poll);
  onNote?.(plainFormNote(`a forest of ${task.binned.rowCount} rows and ${task.binned.columnCount} columns`, needed));
  return new ForestGrower(task, poll);
}

/** Bytes that growing takes beside the data and the trees, at most. */
export function estimateForestBytes(shape: ForestShape, noted: boolean): number {
  const { rowCount, columnCount } = shape.binned;
  return Math.max(sumBytes(unitSizes(shape)), sumBytes(weightedSizes(shape, noted))) + rowCount * (columnCount + 9);
}

/** What the sizes of a forest's arrays hang on. */
interface ForestShape extends Pick<ForestTask, "classCount" | "maxDepth" | "categorical"> {
  readonly binned: Pick<ForestTask["binned"], "rowCount" | "columnCount">;
}

/** Wider records cost more to move than reading their codes where they stand. */
const WIDEST_RECORD = 128;
const recordBytes = (columnCount: number): number => Math.ceil((columnCount + 4) / 16) * 16;

function isUnits({ binned, classCount, minSamplesLeaf, weights }: ForestTask): boolean {
  if (classCount !== 2 || minSamplesLeaf > 1 || recordBytes(binned.columnCount) > WIDEST_RECORD) return false;
  return weights.every((weight) => weight === 0 || weight === 1);
}

/** Drawn as often as there are rows, all weights of a tree together stay below this: see forest-packed.as. */
const MOST_PACKED_ROWS = 2 ** 15 - 1;

function isPacked({ binned, classCount, minSamplesLeaf, weights, categorical, randomThresholds }: ForestTask): boolean {
  if (classCount < 3 || classCount > 4 || minSamplesLeaf > 1 || categorical !== null || randomThresholds) return false;
  return binned.rowCount <= MOST_PACKED_ROWS && weights.every((weight) => weight === 0 || weight === 1);
}

/** The most leaves that a tree can have. */
export const mostLeaves = (rowCount: number, maxDepth: number): number =>
  maxDepth < 31 ? Math.min(rowCount, 2 ** maxDepth) : rowCount;

const sharedSizes = ({ binned: { rowCount, columnCount }, maxDepth, classCount, categorical }: ForestShape) => {
  const leaves = mostLeaves(rowCount, maxDepth);
  const nodes = 2 * leaves;
  return {
    order: columnCount * 4,
    swapped: columnCount * 4,
    kinds: columnCount,
    binTotals: columnCount * 2,
    // a node and its sibling wait on each level
    stack: (maxDepth + 2) * 64,
    low: columnCount * 1020,
    high: columnCount * 1020,
    draws: rowCount * 2,
    feature: nodes * 2,
    threshold: nodes * 4,
    left: nodes * 4,
    missingLeft: nodes,
    cover: nodes * 4,
    nodeRows: nodes * 4,
    leafValues: leaves * widthOf(classCount) * 4,
    ...categorySizes(categorical === null ? 0 : leaves),
  };
};

/** @param leaves 0 where no column holds categories. */
const categorySizes = (leaves: number) => ({
  leftTable: leaves === 0 ? 0 : 256,
  listed: leaves === 0 ? 0 : 256,
  merged: leaves === 0 ? 0 : 256,
  binShares: leaves === 0 ? 0 : 2048,
  // a split less than leaves
  setNodes: leaves * 4,
  setWords: leaves * WIDE_WORDS * 4,
});

/** Numbers that a leaf holds: the share of class 1, or of each class. */
export const widthOf = (classCount: number): number => (classCount === 2 ? 1 : classCount);

const unitSizes = (task: ForestShape) => {
  const shared = sharedSizes(task);
  const records = task.binned.rowCount * recordBytes(task.binned.columnCount);
  return { ...shared, shares: shared.cover, bins: 4 * 2048, masters: records, placeA: records, placeB: records };
};

const weightedSizes = (task: ForestShape, noted: boolean) => {
  const shared = sharedSizes(task);
  const { rowCount, columnCount } = task.binned;
  const bin = Math.ceil(task.classCount / 2) * 16;
  return {
    ...shared,
    shares: noted ? shared.cover * widthOf(task.classCount) : 0,
    bins: 256 * bin,
    counts: 1024,
    totals: bin,
    leftSide: bin,
    labels: rowCount,
    weights: rowCount * 8,
    codes: rowCount * columnCount,
    placeA: rowCount * 16,
    placeB: rowCount * 16,
  };
};

/** Some 32 KiB more than `weightedSizes` at most. */
const packedSizes = (task: ForestShape, noted: boolean) => {
  const shared = sharedSizes(task);
  const { rowCount, columnCount } = task.binned;
  return {
    ...shared,
    shares: noted ? shared.cover * widthOf(task.classCount) : 0,
    bins: 4 * 2048,
    cuts: 16 * 2048,
    masters: rowCount * 8,
    codes: rowCount * columnCount,
    placeA: rowCount * 16,
    placeB: rowCount * 16,
  };
};

type Opened = ReturnType<typeof openKernels<keyof ReturnType<typeof sharedSizes> | "shares" | "placeA" | "placeB">>;

function setShared(task: ForestTask, { kernels, memory, at }: Opened): void {
  const { binned, maxDepth, minSamplesSplit, minSamplesLeaf, featuresPerNode, randomThresholds, classCount, categorical } = task;
  const { rowCount, columnCount } = binned;
  new Float32Array(memory, at.low, binned.low.length).set(binned.low);
  new Float32Array(memory, at.high, binned.high.length).set(binned.high);
  const kinds = new Uint8Array(memory, at.kinds, columnCount);
  for (let column = 0; column < columnCount; column++)
    kinds[column] = binned.hasMissing[column] + (categorical?.[column] === 1 ? 2 : 0);
  new Uint16Array(memory, at.binTotals, columnCount).set(binned.binCounts);
  kernels.setForest(
    rowCount,
    columnCount,
    classCount,
    at.low,
    at.high,
    at.kinds,
    at.binTotals,
    maxDepth,
    minSamplesSplit,
    minSamplesLeaf,
    featuresPerNode,
    randomThresholds ? 1 : 0,
  );
  kernels.setCategories(at.leftTable, at.listed, at.merged, at.binShares, at.setNodes, at.setWords);
  kernels.setScratch(at.order, at.swapped, at.stack, at.draws, at.placeA, at.placeB);
  kernels.setOutput(at.feature, at.threshold, at.left, at.missingLeft, at.cover, at.leafValues, at.shares, at.nodeRows);
}

/** Copies a tree of `nodes` nodes out of the kernels' memory. */
function takeTree(builder: TreeBuilder, { kernels, memory, at }: Opened, nodes: number, width: number, notes?: NodeNotes): void {
  const leaves = (nodes + 1) / 2;
  const sets = kernels.countSets();
  builder.append({
    feature: new Int16Array(memory, at.feature, nodes),
    threshold: new Float32Array(memory, at.threshold, nodes),
    left: new Int32Array(memory, at.left, nodes),
    missingLeft: new Uint8Array(memory, at.missingLeft, nodes),
    cover: new Float32Array(memory, at.cover, nodes),
    values: new Float32Array(memory, at.leafValues, leaves * width),
    categories: setsOf(new Int32Array(memory, at.setNodes, sets), new Int32Array(memory, at.setWords, sets * WIDE_WORDS), nodes),
  });
  if (notes === undefined) return;
  notes.values = new Float32Array(memory, at.shares, nodes * width);
  notes.rows = new Int32Array(memory, at.nodeRows, nodes);
}

/** How one of the *.as forms grows a tree: both answer its nodes, or less than 0 while it is unfinished. */
interface TreeKernels {
  start(everyRow: number, treeKey: number, noted: number): number;
  goOn(noted: number): number;
}

/** Any of the forms, in memory that holds its data. */
class KernelGrower implements GrowsForest {
  private readonly opened: Opened;
  private readonly tree: TreeKernels;
  private readonly width: number;
  private readonly poll: () => void;

  constructor(opened: Opened, tree: TreeKernels, width: number, poll: () => void) {
    this.opened = opened;
    this.tree = tree;
    this.width = width;
    this.poll = poll;
  }

  grow(builder: TreeBuilder, drawKey: number | null, treeKey: number, notes?: NodeNotes): void {
    const { opened, tree } = this;
    if (drawKey !== null) opened.kernels.drawRows(drawKey);
    const noted = notes === undefined ? 0 : 1;
    let nodes = tree.start(drawKey === null ? 1 : 0, treeKey, noted);
    while (nodes < 0) {
      this.poll();
      nodes = tree.goOn(noted);
    }
    takeTree(builder, opened, nodes, this.width, notes);
  }

  close(): void {
    this.opened.release();
  }
}

/** Two classes, rows that count once or not at all: see forest-units.as. Measured: three fifths of the general form's time at 1,200 rows, less than half of its predecessor's at 100,000. */
function openUnits(task: ForestTask, poll: () => void): GrowsForest {
  const opened = openKernels(unitSizes(task));
  setShared(task, opened);
  const { kernels, memory, at } = opened;
  const { codes, rowCount, columnCount } = task.binned;
  const bytes = recordBytes(columnCount);
  const records = new Uint8Array(memory, at.masters, rowCount * bytes);
  // some hundred rows at a time: their records stay in the first cache while all columns pass
  for (let from = 0; from < rowCount; from += 256) {
    const end = Math.min(rowCount, from + 256);
    for (let column = 0; column < columnCount; column++) {
      const base = column * rowCount;
      for (let row = from; row < end; row++) records[row * bytes + column] = codes[base + row];
    }
  }
  // u16 weight of class 1, u16 weight
  const tails = new Uint32Array(memory, at.masters, (rowCount * bytes) / 4);
  for (let row = 0; row < rowCount; row++) {
    const weight = task.weights[row];
    tails[((row + 1) * bytes) / 4 - 1] = (weight << 16) | (task.labels[row] === 1 ? weight : 0);
  }
  kernels.setUnits(at.masters, bytes, at.bins);
  return new KernelGrower(opened, { start: kernels.growUnits, goOn: kernels.goOnUnits }, 1, poll);
}

/** Three or four classes, up to 32,767 rows that count once or not at all: see forest-packed.as. Measured at 160 x 88, four classes: less than half of the general form's time. */
function openPacked(task: ForestTask, noted: boolean, poll: () => void): GrowsForest {
  const opened = openKernels(packedSizes(task, noted));
  setShared(task, opened);
  const { kernels, memory, at } = opened;
  const { codes, rowCount } = task.binned;
  new Uint8Array(memory, at.codes, codes.length).set(codes);
  // u16 a class, from the lowest
  const masters = new Uint16Array(memory, at.masters, rowCount * 4);
  for (let row = 0; row < rowCount; row++) masters[row * 4 + task.labels[row]] = task.weights[row];
  kernels.setPacked(at.codes, at.masters, at.bins, at.cuts);
  return new KernelGrower(opened, { start: kernels.growPacked, goOn: kernels.goOnPacked }, widthOf(task.classCount), poll);
}

/** Any classes and weights: see forest-weighted.as. Measured with four classes of 200 rows: three eighths of the plain form's time. */
function openWeighted(task: ForestTask, noted: boolean, poll: () => void): GrowsForest {
  const opened = openKernels(weightedSizes(task, noted));
  setShared(task, opened);
  const { kernels, memory, at } = opened;
  const { codes, rowCount } = task.binned;
  new Uint8Array(memory, at.codes, codes.length).set(codes);
  new Uint8Array(memory, at.labels, rowCount).set(task.labels);
  new Float64Array(memory, at.weights, rowCount).set(task.weights);
  kernels.setWeighted(at.codes, at.labels, at.weights, at.bins, at.counts, at.totals, at.leftSide);
  return new KernelGrower(opened, { start: kernels.growWeighted, goOn: kernels.goOnWeighted }, widthOf(task.classCount), poll);
}

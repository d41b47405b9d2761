import { ALL_PRESENT, type BinnedColumns, MISSING_BIN, splitThreshold } from "./bin-columns.ts";
import { codesOf, partitionByTable } from "./categorical-columns.ts";
import { drawRows } from "./draw-rows.ts";
import { mix32 } from "./seeded-random.ts";
import type { NodeNotes, TreeBuilder } from "./tree-ensemble.ts";

/** What every tree of a forest is grown with. */
export interface ForestTask {
  readonly binned: BinnedColumns;
  /** uint8 [n]. */
  readonly labels: Uint8Array;
  /** float64 [n]. Integers: how much each row counts; 0 = not at all. */
  readonly weights: Float64Array;
  readonly classCount: number;
  readonly maxDepth: number;
  readonly minSamplesSplit: number;
  readonly minSamplesLeaf: number;
  /** uint8 [d], 1 = the column holds categories; null = none does. */
  readonly categorical: Uint8Array | null;
  /** Extra trees: one threshold a feature and node, drawn between the node's least and greatest value; of categories a part drawn. */
  readonly randomThresholds: boolean;
  /** Features tried at each node, at least 1. */
  readonly featuresPerNode: number;
}

/** Best split found so far in a node; `column` is -1 while there is none. */
interface Split {
  column: number;
  lower: number;
  upper: number;
  missingLeft: boolean;
  /** Where between the bins the threshold lies; NaN = in their middle. */
  drawn: number;
  /** uint8 [256]. Of a categorical column, in place of `lower`: 1 = rows of this bin go left. */
  left: Uint8Array | null;
  score: number;
}

/**
 * Grows the trees of one forest. All sums are sums of integers held in float64 (exact below 2^53), so that neither row order nor
 * threads change a tree; random choices hang on (seed, tree, path from the root), so that a deeper tree contains the shallower one.
 * Split score of two classes: (class 1's weight on the left x all - its weight x the left's)^2 / (left x right), exact up to the division;
 * of more: sum over children of (sum of squared class weights / weight). Both order splits as the Gini criterion does.
 * Categories are ordered by the share of a class, in turn of each class where there are more than two, missing being one of them; the first
 * of the order part from the others: of two classes the best of all subsets (Breiman et al. 1984, section 4.2; Fisher 1958). Extra trees
 * draw a subset (Geurts, Ernst and Wehenkel 2006). The side of fewer categories is the left one; a category that the node did not see goes
 * right.
 * Source: Breiman 2001; missing values in a bin of their own, sent to the better side (as in Chen and Guestrin 2016, section 3.4).
 */
export class ForestGrower {
  private readonly task: ForestTask;
  private readonly poll: () => void;
  /** float64 [256 x classes], zero between uses: class weight per bin. */
  private readonly histogram: Float64Array;
  /** int32 [256], zero between uses: rows per bin; kept only when minSamplesLeaf needs it. */
  private readonly binRows = new Int32Array(256);
  /** int32 [8], zero between uses: bit b set = bin b has a row. */
  private readonly present = new Int32Array(8);
  private readonly nodeTotals: Float64Array;
  private readonly leftTotals: Float64Array;
  private readonly order: Int32Array;
  private readonly rows: Uint32Array;
  private readonly moved: Uint32Array;
  /** The node's rows, copied close together: label and integer weight. */
  private readonly nodeLabels: Uint8Array;
  private readonly nodeWeights: Float64Array;
  private readonly leafValues: Float64Array;
  private readonly best: Split = {
    column: -1,
    lower: 0,
    upper: 0,
    missingLeft: false,
    drawn: Number.NaN,
    left: null,
    score: 0,
  };

  /** @param poll called before each node; may throw. */
  constructor(task: ForestTask, poll: () => void) {
    this.poll = poll;
    const { rowCount, columnCount } = task.binned;
    this.task = task;
    this.histogram = new Float64Array(256 * task.classCount);
    this.nodeTotals = new Float64Array(task.classCount);
    this.leftTotals = new Float64Array(task.classCount);
    this.order = new Int32Array(columnCount);
    this.rows = new Uint32Array(rowCount);
    this.moved = new Uint32Array(rowCount);
    this.nodeLabels = new Uint8Array(rowCount);
    this.nodeWeights = new Float64Array(rowCount);
    this.leafValues = new Float64Array(task.classCount);
  }

  /**
   * Adds one tree to `builder`.
   * @param drawKey uint32. The tree's rows are drawn with it, with replacement; null = every row that has weight.
   * @param treeKey uint32. Key of (seed, tree).
   * @param notes OUT, absent = not wanted: what each node would say as a leaf.
   */
  grow(builder: TreeBuilder, drawKey: number | null, treeKey: number, notes?: NodeNotes): void {
    const { task, rows } = this;
    const rowWeights = drawKey === null ? task.weights : drawRows(task.weights, drawKey);
    let inBag = 0;
    for (let row = 0; row < rowWeights.length; row++) if (rowWeights[row] > 0) rows[inBag++] = row;
    // a stack of nodes to do: node, first row, end row, depth, key
    const root = builder.addTree();
    const stack: number[] = [root, 0, inBag, 0, treeKey];
    const values: number[] = [];
    const rowsOf: number[] = [];
    while (stack.length > 0) {
      this.poll();
      const key = stack.pop() as number;
      const depth = stack.pop() as number;
      const end = stack.pop() as number;
      const start = stack.pop() as number;
      const node = stack.pop() as number;
      const weight = this.readNode(start, end, rowWeights);
      if (notes !== undefined) {
        rowsOf[node - root] = end - start;
        this.noteValues(values, node - root, weight);
      }
      const enough = end - start >= task.minSamplesSplit && end - start >= 2 * task.minSamplesLeaf;
      if (depth < task.maxDepth && enough && !this.isPure(weight) && this.findSplit(start, end, weight, key)) {
        const { column, lower, upper, missingLeft, left } = this.best;
        const middle = this.partition(start, end, column, lower, missingLeft);
        const missing = this.missingSide(column, start, middle, end);
        const child =
          left === null
            ? builder.split(node, column, this.thresholdOf(this.best, upper), missing, weight)
            : builder.splitCategories(node, column, codesOf(left), missing, weight);
        stack.push(child + 1, middle, end, depth + 1, mix32(key + 0x9e3779b9));
        stack.push(child, start, middle, depth + 1, mix32(key ^ 0x5bd1e995));
      } else {
        this.fillLeaf(weight);
        builder.leaf(node, this.leafValues, task.classCount === 2 ? 1 : 0, weight);
      }
    }
    if (notes === undefined) return;
    notes.values = Float32Array.from(values);
    notes.rows = Int32Array.from(rowsOf);
  }

  close(): void {
    // its memory is the collector's
  }

  private fillLeaf(weight: number): void {
    for (let k = 0; k < this.task.classCount; k++) this.leafValues[k] = this.nodeTotals[k] / weight;
  }

  /** What a node would say as a leaf. */
  private noteValues(values: number[], node: number, weight: number): void {
    const { classCount } = this.task;
    this.fillLeaf(weight);
    if (classCount === 2) values[node] = this.leafValues[1];
    else for (let k = 0; k < classCount; k++) values[node * classCount + k] = this.leafValues[k];
  }

  private thresholdOf({ column, lower, drawn }: Split, upper: number): number {
    if (upper === MISSING_BIN) return ALL_PRESENT;
    if (Number.isNaN(drawn)) return splitThreshold(this.task.binned, column, lower, upper);
    // a draw inside the lower bin's own values is moved to their end, so that training and prediction part alike
    return Math.max(drawn, this.task.binned.high[column * 255 + lower]);
  }

  /** Copies the node's labels and weights close together, sums them by class and returns the node's weight. */
  private readNode(start: number, end: number, rowWeights: Float64Array): number {
    const { nodeTotals, nodeLabels, nodeWeights, rows } = this;
    const { labels, classCount } = this.task;
    nodeTotals.fill(0);
    for (let i = start; i < end; i++) {
      const row = rows[i];
      const label = labels[row];
      const weight = rowWeights[row];
      nodeLabels[i] = label;
      nodeWeights[i] = weight;
      nodeTotals[label] += weight;
    }
    let sum = 0;
    for (let k = 0; k < classCount; k++) sum += nodeTotals[k];
    return sum;
  }

  private isPure(weight: number): boolean {
    for (const classWeight of this.nodeTotals) if (classWeight === weight) return true;
    return false;
  }

  /** Tries `featuresPerNode` features in the node's own random order, then further ones while no split was found. */
  private findSplit(start: number, end: number, weight: number, key: number): boolean {
    const { order, best, task } = this;
    const { columnCount } = task.binned;
    for (let i = 0; i < columnCount; i++) order[i] = i;
    best.column = -1;
    // a split must be better than none; the small factor keeps a rounding error from counting as one
    best.score = task.classCount === 2 ? 0 : (sumOfSquares(this.nodeTotals) / weight) * (1 + 1e-12);
    let tried = 0;
    for (let i = 0; i < columnCount && (tried < task.featuresPerNode || best.column < 0); i++) {
      const other = i + Math.floor((mix32(key + Math.imul(i + 1, 0x9e3779b1)) / 4294967296) * (columnCount - i));
      const column = order[other];
      order[other] = order[i];
      order[i] = column;
      if (this.tryColumn(column, start, end, weight, mix32(key + Math.imul(column + 1, 0x85ebca77)))) tried++;
    }
    return best.column >= 0;
  }

  /** Scores all splits of one column; false when the column is constant in this node. */
  private tryColumn(column: number, start: number, end: number, weight: number, drawKey: number): boolean {
    const { histogram, present, rows, nodeLabels, nodeWeights, binRows, task } = this;
    const { codes, rowCount } = task.binned;
    const { classCount } = task;
    const base = column * rowCount;
    const counted = task.minSamplesLeaf > 1;
    for (let i = start; i < end; i++) {
      const code = codes[base + rows[i]];
      histogram[code * classCount + nodeLabels[i]] += nodeWeights[i];
      present[code >> 5] |= 1 << (code & 31);
      if (counted) binRows[code] += 1;
    }
    const hasMissing = present[7] < 0; // bin 255 is the sign bit of the last word
    present[7] &= 0x7fffffff;
    let bins = hasMissing ? 1 : 0;
    for (let word = 0; word < 8; word++) bins += present[word] === 0 ? 0 : (present[word] & (present[word] - 1)) === 0 ? 1 : 2;
    if (bins >= 2) {
      const rowsInNode = counted ? end - start : 0;
      if (task.categorical?.[column] === 1) {
        this.splitCategories(column, weight, hasMissing, rowsInNode, drawKey);
        this.clearBins(hasMissing);
        return true;
      }
      const drawn = this.task.randomThresholds ? this.drawThreshold(column, drawKey) : Number.NaN;
      if (hasMissing) {
        this.scan(column, weight, false, true, rowsInNode, drawn);
        this.scan(column, weight, true, true, rowsInNode, drawn);
      } else this.scan(column, weight, false, false, rowsInNode, drawn);
    }
    this.clearBins(hasMissing);
    return bins >= 2;
  }

  /** A float32 between the least and the greatest value that the node's bins can hold. */
  private drawThreshold(column: number, drawKey: number): number {
    const { low, high } = this.task.binned;
    let lowest = -1;
    let highest = -1;
    for (let word = 0; word < 8; word++) {
      const bits = this.present[word];
      if (bits === 0) continue;
      if (lowest < 0) lowest = (word << 5) + 31 - Math.clz32(bits & -bits);
      highest = (word << 5) + 31 - Math.clz32(bits);
    }
    const from = low[column * 255 + lowest];
    return Math.fround(from + (high[column * 255 + highest] - from) * (drawKey / 4294967296));
  }

  /**
   * Walks the bins that have rows from the lowest, keeping the left side's class weights, and keeps the best split.
   * @param missingLeft whether the missing bin counts to the left side.
   * @param rowsInNode rows of the node, or 0 when no minimum a leaf is asked.
   * @param drawn the only threshold to score, or NaN for all.
   */
  private scan(
    column: number,
    weight: number,
    missingLeft: boolean,
    hasMissing: boolean,
    rowsInNode: number,
    drawn: number,
  ): void {
    const { histogram, present, binRows, nodeTotals: total, leftTotals: left, best, task } = this;
    const { classCount, minSamplesLeaf } = task;
    const { low } = task.binned;
    const all = Number.isNaN(drawn);
    let leftWeight = 0;
    let leftRows = 0;
    let lower = -1;
    left.fill(0);
    if (missingLeft) {
      for (let k = 0; k < classCount; k++) {
        left[k] = histogram[MISSING_BIN * classCount + k];
        leftWeight += left[k];
      }
      leftRows = binRows[MISSING_BIN];
    }
    for (let word = 0; word < 8; word++) {
      let bits = present[word];
      while (bits !== 0) {
        const bin = (word << 5) + 31 - Math.clz32(bits & -bits);
        bits &= bits - 1;
        // a drawn threshold belongs before the first bin that begins above it
        const wanted = all || (drawn >= low[column * 255 + lower] && drawn < low[column * 255 + bin]);
        if (lower >= 0 && wanted) {
          const score = splitScore(left, total, leftWeight, weight, classCount);
          if (
            score > best.score &&
            (rowsInNode === 0 || (leftRows >= minSamplesLeaf && rowsInNode - leftRows >= minSamplesLeaf))
          ) {
            best.column = column;
            best.lower = lower;
            best.upper = bin;
            best.missingLeft = missingLeft;
            best.drawn = drawn;
            best.left = null;
            best.score = score;
          }
        }
        const from = bin * classCount;
        for (let k = 0; k < classCount; k++) {
          left[k] += histogram[from + k];
          leftWeight += histogram[from + k];
        }
        leftRows += binRows[bin];
        lower = bin;
      }
    }
    if (!hasMissing || missingLeft || lower < 0) return;
    // all present values left, the missing ones right
    const score = splitScore(left, total, leftWeight, weight, classCount);
    if (score > best.score && (rowsInNode === 0 || (leftRows >= minSamplesLeaf && rowsInNode - leftRows >= minSamplesLeaf))) {
      best.column = column;
      best.lower = lower;
      best.upper = MISSING_BIN;
      best.missingLeft = false;
      best.drawn = Number.NaN;
      best.left = null;
      best.score = score;
    }
  }

  /** Keeps the best split of a categorical column if it is better. @param rowsInNode as in `scan`. @param drawKey of the column in this node. */
  private splitCategories(column: number, weight: number, hasMissing: boolean, rowsInNode: number, drawKey: number): void {
    const { histogram, nodeTotals, task } = this;
    const { classCount } = task;
    const bins = this.presentBins(hasMissing);
    if (task.randomThresholds) {
      const drawn = bins.filter((bin) => (mix32(drawKey + Math.imul(bin + 1, 0x9e3779b1)) & 1) === 1);
      const one = bins[drawKey % bins.length];
      // all on one side: one of them goes to the other
      const first = drawn.length > 0 && drawn.length < bins.length ? drawn : [one];
      this.scoreOrder(column, [...first, ...bins.filter((bin) => !first.includes(bin))], weight, rowsInNode, first.length);
      return;
    }
    const share = new Float64Array(MISSING_BIN + 1);
    for (let k = classCount === 2 ? 1 : 0; k < classCount; k++) {
      if (nodeTotals[k] === 0) continue;
      for (const bin of bins) {
        let all = 0;
        for (let other = 0; other < classCount; other++) all += histogram[bin * classCount + other];
        share[bin] = histogram[bin * classCount + k] / all;
      }
      this.scoreOrder(
        column,
        bins.toSorted((a, b) => share[a] - share[b] || a - b),
        weight,
        rowsInNode,
        0,
      );
    }
  }

  /** Scores "the first of the order part from the others". @param only how many are the first; 0 = any number. */
  private scoreOrder(column: number, order: readonly number[], weight: number, rowsInNode: number, only: number): void {
    const { histogram, binRows, nodeTotals: total, leftTotals: left, best, task } = this;
    const { classCount, minSamplesLeaf } = task;
    let [leftWeight, leftRows, taken] = [0, 0, 0];
    left.fill(0);
    for (let i = 0; i + 1 < order.length; i++) {
      const bin = order[i];
      for (let k = 0; k < classCount; k++) {
        left[k] += histogram[bin * classCount + k];
        leftWeight += histogram[bin * classCount + k];
      }
      leftRows += binRows[bin];
      if (only > 0 && i + 1 !== only) continue;
      if (rowsInNode > 0 && (leftRows < minSamplesLeaf || rowsInNode - leftRows < minSamplesLeaf)) continue;
      const score = splitScore(left, total, leftWeight, weight, classCount);
      if (!(score > best.score)) continue;
      best.score = score;
      taken = i + 1;
    }
    if (taken === 0) return;
    best.column = column;
    best.left = new Uint8Array(MISSING_BIN + 1);
    for (const bin of taken * 2 <= order.length ? order.slice(0, taken) : order.slice(taken)) best.left[bin] = 1;
    best.missingLeft = best.left[MISSING_BIN] === 1;
  }

  /** Bins that have rows, ascending. */
  private presentBins(hasMissing: boolean): number[] {
    const bins: number[] = [];
    for (let word = 0; word < 8; word++)
      for (let bits = this.present[word]; bits !== 0; bits &= bits - 1) bins.push((word << 5) + 31 - Math.clz32(bits & -bits));
    return hasMissing ? [...bins, MISSING_BIN] : bins;
  }

  private clearBins(hasMissing: boolean): void {
    const { histogram, present, binRows } = this;
    const { classCount } = this.task;
    if (hasMissing) present[7] |= -0x80000000;
    for (let word = 0; word < 8; word++) {
      let bits = present[word];
      while (bits !== 0) {
        const bin = (word << 5) + 31 - Math.clz32(bits & -bits);
        bits &= bits - 1;
        binRows[bin] = 0;
        for (let k = 0; k < classCount; k++) histogram[bin * classCount + k] = 0;
      }
      present[word] = 0;
    }
  }

  /** Moves the rows of the left side before those of the right, each side in its old order; returns where the right side begins. */
  private partition(start: number, end: number, column: number, lower: number, missingLeft: boolean): number {
    const { rows, moved } = this;
    const { codes, rowCount } = this.task.binned;
    const base = column * rowCount;
    if (this.best.left !== null)
      return partitionByTable(codes.subarray(base, base + rowCount), rows, moved, start, end, this.best.left);
    let left = start;
    let right = 0;
    for (let i = start; i < end; i++) {
      const row = rows[i];
      const code = codes[base + row];
      if (code <= lower || (code === MISSING_BIN && missingLeft)) rows[left++] = row;
      else moved[right++] = row;
    }
    for (let i = 0; i < right; i++) rows[left + i] = moved[i];
    return left;
  }

  /** Where a value that is missing goes: as learned, or, where the node saw none, with the larger child. */
  private missingSide(column: number, start: number, middle: number, end: number): boolean {
    const { binned } = this.task;
    if (binned.hasMissing[column] === 1) {
      const base = column * binned.rowCount;
      for (let i = start; i < end; i++) if (binned.codes[base + this.rows[i]] === MISSING_BIN) return this.best.missingLeft;
    }
    return middle - start >= end - middle;
  }
}

/** Even and odd classes are added apart, as two lanes of a vector are. */
function sumOfSquares(values: Float64Array): number {
  let even = 0;
  let odd = 0;
  for (let k = 0; k < values.length; k += 2) even += values[k] * values[k];
  for (let k = 1; k < values.length; k += 2) odd += values[k] * values[k];
  return even + odd;
}

function splitScore(left: Float64Array, total: Float64Array, leftWeight: number, weight: number, classCount: number): number {
  const rightWeight = weight - leftWeight;
  if (classCount === 2) {
    const difference = left[1] * weight - total[1] * leftWeight;
    return (difference * difference) / (leftWeight * rightWeight);
  }
  const leftSums = [0, 0];
  const rightSums = [0, 0];
  for (let k = 0; k < classCount; k++) {
    const right = total[k] - left[k];
    leftSums[k & 1] += left[k] * left[k];
    rightSums[k & 1] += right * right;
  }
  // one division, not two: scanning is mostly this line
  return ((leftSums[0] + leftSums[1]) * rightWeight + (rightSums[0] + rightSums[1]) * leftWeight) / (leftWeight * rightWeight);
}

import { ALL_PRESENT, type BinnedColumns, MISSING_BIN, splitThreshold } from "./bin-columns.ts";
import type { BoostingForm } from "./boosting-form.ts";
import { type FoundSplit, gainOf, leafValue, type RowRange, type SplitLimits } from "./boosting-search.ts";
import { codesOf } from "./categorical-columns.ts";
import type { TreeBuilder } from "./tree-ensemble.ts";

/** What every tree of one boosting run is grown with. */
export interface GrowthLimits extends SplitLimits {
  /** Score that one unit of gradient over hessian stands for, learning rate included. */
  readonly step: number;
  readonly maxLeafNodes: number;
  readonly maxDepth: number;
  /** The best split first, or all splits of a depth before those of the next. */
  readonly growPolicy: "lossguide" | "depthwise";
}

/** A leaf that may still be split: its rows, sums, histogram slot (-1 = none) and best split. */
class OpenLeaf implements RowRange {
  readonly node: number;
  readonly depth: number;
  readonly start: number;
  readonly end: number;
  readonly gradient: number;
  readonly hessian: number;
  least: number;
  most: number;
  readonly l2Added: number;
  slot = -1;
  best: FoundSplit | null = null;
  gain = 0;

  constructor(
    node: number,
    depth: number,
    start: number,
    end: number,
    gradient: number,
    hessian: number,
    parent: OpenLeaf | null,
    l2Added: number,
  ) {
    this.node = node;
    this.depth = depth;
    this.start = start;
    this.end = end;
    this.gradient = gradient;
    this.hessian = hessian;
    this.least = parent?.least ?? Number.NEGATIVE_INFINITY;
    this.most = parent?.most ?? Number.POSITIVE_INFINITY;
    this.l2Added = l2Added;
  }
}

/**
 * Grows trees: the smaller child's histogram is built, the larger one's is its parent's minus that.
 * Source: Ke et al. 2017 (LightGBM), section 2; Chen and Guestrin 2016.
 */
export class BoostingGrower {
  private readonly form: BoostingForm;
  private readonly binned: BinnedColumns;
  private readonly limits: GrowthLimits;
  private readonly poll: () => void;

  /** @param poll called before each split; may throw. */
  constructor(form: BoostingForm, binned: BinnedColumns, limits: GrowthLimits, poll: () => void) {
    this.form = form;
    this.poll = poll;
    this.binned = binned;
    this.limits = limits;
  }

  /**
   * Adds one tree to `builder` and its leaf values to the scores of `output`.
   * @param taking rows that take part, ascending; null = all. The others are given their leaf's value too.
   * @param resting rows that do not take part.
   */
  grow(builder: TreeBuilder, output: number, taking: Uint32Array | null, resting: Uint32Array): void {
    const { limits, form } = this;
    const { gradient, hessian } = form.startTree(output, taking);
    const end = taking?.length ?? this.binned.rowCount;
    const node = builder.addTree();
    const root = new OpenLeaf(node, 0, 0, end, gradient, hessian, null, 0);
    const leaves = [root];
    const splits: Split[] = [];
    if (end >= 2 * limits.minSamplesLeaf) {
      root.slot = form.buildRoot();
      this.findSplit(root);
    }
    while (leaves.length < limits.maxLeafNodes) {
      const chosen = this.choose(leaves);
      if (chosen < 0) break;
      this.poll();
      const children = this.splitLeaf(leaves[chosen], builder, leaves.length + 1 < limits.maxLeafNodes, splits);
      if (children === null) continue;
      leaves[chosen] = children[0];
      leaves.push(children[1]);
    }
    const values = new Float32Array(leaves.length);
    const value = new Float64Array(1);
    for (let i = 0; i < leaves.length; i++) {
      const leaf = leaves[i];
      value[0] = values[i] = limits.step * leafValue(leaf, limits);
      builder.leaf(leaf.node, value, 0, leaf.end - leaf.start);
      form.markLeaf(leaf, i);
      this.release(leaf);
    }
    if (resting.length > 0) this.markResting(node, leaves, splits, resting);
    form.endTree(output, values);
  }

  /** The leaf to split next, -1 = none. */
  private choose(leaves: readonly OpenLeaf[]): number {
    const byDepth = this.limits.growPolicy === "depthwise";
    let chosen = -1;
    let most = 0;
    let least = 0;
    for (let i = 0; i < leaves.length; i++) {
      const { gain, depth, best } = leaves[i];
      if (best === null) continue;
      if (chosen >= 0 && (byDepth && depth !== least ? depth > least : gain <= most)) continue;
      chosen = i;
      most = gain;
      least = depth;
    }
    return chosen;
  }

  /** Makes the leaf's best split; null when that kept too few rows and another one, or none, was put in its place. */
  private splitLeaf(leaf: OpenLeaf, builder: TreeBuilder, more: boolean, splits: Split[]): [OpenLeaf, OpenLeaf] | null {
    const { limits, form } = this;
    const { best } = leaf;
    if (best === null) throw new Error("a leaf without a split was chosen");
    const { column, lower, upper, left: table, l2Added } = best;
    const middle = form.partition(leaf, best);
    if (Math.min(middle - leaf.start, leaf.end - middle) < limits.minSamplesLeaf) {
      this.take(leaf, form.findCounted(leaf));
      return null;
    }
    const missingLeft = form.sawMissing(leaf.slot, column) ? best.missingLeft : middle - leaf.start >= leaf.end - middle;
    const cover = leaf.end - leaf.start;
    const child =
      table === null
        ? builder.split(leaf.node, column, this.thresholdOf(column, lower, upper), missingLeft, cover)
        : builder.splitCategories(leaf.node, column, codesOf(table), missingLeft, cover);
    splits.push({ node: leaf.node, child, column, lower, missingLeft, table });
    const depth = leaf.depth + 1;
    const { leftGradient, leftHessian } = best;
    const left = new OpenLeaf(child, depth, leaf.start, middle, leftGradient, leftHessian, leaf, l2Added);
    const [gradient, hessian] = [leaf.gradient - leftGradient, leaf.hessian - leftHessian];
    const right = new OpenLeaf(child + 1, depth, middle, leaf.end, gradient, hessian, leaf, l2Added);
    const sign = limits.monotone?.[column] ?? 0;
    if (sign !== 0) this.boundChildren(left, right, sign);
    const leftSmaller = middle - leaf.start <= leaf.end - middle;
    const small = leftSmaller ? left : right;
    const large = leftSmaller ? right : left;
    if (more && depth < limits.maxDepth && large.end - large.start >= 2 * limits.minSamplesLeaf) {
      small.slot = form.buildChildren(leaf.slot, small, small.end - small.start >= 2 * limits.minSamplesLeaf);
      large.slot = leaf.slot;
      leaf.slot = -1;
      if (small.slot >= 0) this.findSplit(small);
      this.findSplit(large);
    }
    this.release(leaf);
    return [left, right];
  }

  private thresholdOf(column: number, lower: number, upper: number): number {
    return upper === MISSING_BIN ? ALL_PRESENT : splitThreshold(this.binned, column, lower, upper);
  }

  /** Everything below one child stays on its side of their middle. Source: LightGBM's and scikit-learn's basic method. */
  private boundChildren(left: OpenLeaf, right: OpenLeaf, sign: number): void {
    const between = (leafValue(left, this.limits) + leafValue(right, this.limits)) / 2;
    const [low, high] = sign > 0 ? [left, right] : [right, left];
    low.most = Math.min(low.most, between);
    high.least = Math.max(high.least, between);
  }

  private findSplit(leaf: OpenLeaf): void {
    this.take(leaf, this.form.findSplit(leaf.slot, leaf));
  }

  /** Sets the leaf's best split; a leaf that has none gives its histogram back. */
  private take(leaf: OpenLeaf, found: FoundSplit | null): void {
    const { limits } = this;
    const gain = found === null ? 0 : gainOf(leaf, found, limits);
    leaf.best = found !== null && gain > 2 * limits.minSplitGain && this.isMonotone(leaf, found) ? found : null;
    leaf.gain = gain;
    if (leaf.best === null) this.release(leaf);
  }

  /** The search compares float32; exactly, the children may still be the wrong way round. */
  private isMonotone(leaf: OpenLeaf, { column, leftGradient, leftHessian, l2Added }: FoundSplit): boolean {
    const sign = this.limits.monotone?.[column] ?? 0;
    if (sign === 0) return true;
    const left = leafValue({ ...leaf, gradient: leftGradient, hessian: leftHessian, l2Added }, this.limits);
    const [gradient, hessian] = [leaf.gradient - leftGradient, leaf.hessian - leftHessian];
    const right = leafValue({ ...leaf, gradient, hessian, l2Added }, this.limits);
    return sign > 0 ? left <= right : left >= right;
  }

  private release(leaf: OpenLeaf): void {
    if (leaf.slot >= 0) this.form.release(leaf.slot);
    leaf.slot = -1;
  }

  /** Writes the leaf of each row that took no part, by its codes. */
  private markResting(root: number, leaves: readonly OpenLeaf[], splits: readonly Split[], resting: Uint32Array): void {
    const { codes, leafOf } = this.form;
    const { rowCount } = this.binned;
    const splitOf = new Map(splits.map((split) => [split.node - root, split]));
    const nodes = splits.length * 2 + 1;
    const columns = new Int32Array(nodes).fill(-1);
    const lowers = new Uint8Array(nodes);
    const missing = new Uint8Array(nodes);
    const tables = new Array<Uint8Array | null>(nodes).fill(null);
    // a split's left child, or a leaf's number
    const next = new Int32Array(nodes);
    for (const [node, { column, lower, missingLeft, child, table }] of splitOf) {
      columns[node] = column;
      tables[node] = table;
      lowers[node] = lower;
      missing[node] = missingLeft ? 1 : 0;
      next[node] = child - root;
    }
    for (const [i, { node }] of leaves.entries()) next[node - root] = i;
    for (const row of resting) {
      let node = 0;
      while (columns[node] >= 0) {
        const code = codes[columns[node] * rowCount + row];
        const table = tables[node];
        const right = code === MISSING_BIN ? missing[node] === 0 : table === null ? code > lowers[node] : table[code] === 0;
        node = next[node] + (right ? 1 : 0);
      }
      leafOf[row] = next[node];
    }
  }
}

interface Split {
  readonly node: number;
  readonly child: number;
  readonly column: number;
  readonly lower: number;
  readonly missingLeft: boolean;
  readonly table: Uint8Array | null;
}

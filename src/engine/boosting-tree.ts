import { ALL_PRESENT, type BinnedColumns, MISSING_BIN, splitThreshold } from "./bin-columns.ts";
import type { BoostingForm, SplitTicket } from "./boosting-form.ts";
import { type FoundSplit, gainOf, leafValue, type RowRange, type SplitLimits } from "./boosting-search.ts";
import type { ChildSums } from "./boosting-splits.ts";
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
  readonly least: number;
  readonly most: number;
  readonly l2Added: number;
  slot = -1;
  best: FoundSplit | null = null;
  gain = 0;
  /** Its best split is being made, or is made, before its turn. */
  ticket: SplitTicket | null = null;

  constructor(node: number, depth: number, start: number, end: number, sums: ChildSums) {
    this.node = node;
    this.depth = depth;
    this.start = start;
    this.end = end;
    this.gradient = sums.gradient;
    this.hessian = sums.hessian;
    this.least = sums.least;
    this.most = sums.most;
    this.l2Added = sums.l2Added;
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
    const root = new OpenLeaf(node, 0, 0, end, { ...UNBOUNDED, gradient, hessian, l2Added: 0 });
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
      this.prepare(leaves, leaves[chosen]);
      const children = this.splitLeaf(leaves[chosen], builder, leaves.length + 1 < limits.maxLeafNodes, splits);
      if (children === null) continue;
      leaves[chosen] = children[0];
      leaves.push(children[1]);
    }
    this.settle(leaves);
    const values = new Float32Array(leaves.length);
    const value = new Float64Array(1);
    for (let i = 0; i < leaves.length; i++) {
      const leaf = leaves[i];
      value[0] = values[i] = limits.step * leafValue(leaf, limits);
      builder.leaf(leaf.node, value, 0, leaf.end - leaf.start);
      form.markLeaf(leaf, i);
      this.forget(leaf);
      this.release(leaf);
    }
    if (resting.length > 0) this.markResting(node, leaves, splits, resting);
    form.endTree(output, values);
  }

  /** The leaf to split next, -1 = none. @param beside null = of all; else of those besides this one whose split is not on offer or made. */
  private choose(leaves: readonly OpenLeaf[], beside: OpenLeaf | null = null): number {
    const byDepth = this.limits.growPolicy === "depthwise";
    let chosen = -1;
    let most = 0;
    let least = 0;
    for (let i = 0; i < leaves.length; i++) {
      const { gain, depth, best, ticket } = leaves[i];
      if (best === null || (beside !== null && (ticket !== null || leaves[i] === beside))) continue;
      if (chosen >= 0 && (byDepth && depth !== least ? depth > least : gain <= most)) continue;
      chosen = i;
      most = gain;
      least = depth;
    }
    return chosen;
  }

  /**
   * Sees to it that the leaf's split is made, if it is one for a single thread. Other threads meanwhile make those that will be next: of so many
   * leaves with the most gain as there are splits left, nearly all are split in the end, and what is not needed stays unused.
   */
  private prepare(leaves: readonly OpenLeaf[], leaf: OpenLeaf): void {
    const { ahead } = this.form;
    if (ahead === null) return;
    if (leaf.ticket === null && !this.isForOne(leaf)) {
      this.settle(leaves);
      return;
    }
    const left = this.limits.maxLeafNodes - leaves.length;
    const begun = leaves.reduce((count, { ticket }) => count + (ticket === null ? 0 : 1), leaf.ticket === null ? 1 : 0);
    // one histogram stays for each split that is left, should all that is ahead be of no use
    let spare = Math.min(left - begun, ahead.countFree() - left);
    const next = (): OpenLeaf | null => {
      if (spare <= 0) return null;
      const at = this.choose(leaves, leaf);
      if (at < 0 || !this.isForOne(leaves[at])) return null;
      spare--;
      return leaves[at];
    };
    while (ahead.wantsMore()) {
      const other = next();
      if (other === null) break;
      other.ticket = ahead.offer(...this.orderOf(other, true));
    }
    leaf.ticket ??= ahead.make(...this.orderOf(leaf, left > 1));
    // another thread has it in hand: what comes after it is made meanwhile
    while (!ahead.isMade(leaf.ticket)) {
      if (ahead.work()) continue;
      const other = next();
      if (other === null) ahead.wait(leaf.ticket);
      else other.ticket = ahead.make(...this.orderOf(other, true));
    }
  }

  private isForOne(leaf: OpenLeaf): boolean {
    return leaf.depth > 0 && this.form.ahead?.takes(leaf) === true;
  }

  private orderOf(leaf: OpenLeaf, more: boolean) {
    const { best } = leaf;
    if (best === null) throw new Error("a leaf without a split was to be split");
    const [left, right] = this.childrenOf(leaf, best);
    return [leaf.slot, leaf, best, left, right, more && leaf.depth + 1 < this.limits.maxDepth] as const;
  }

  /** Ends what is made ahead; what was not begun is as if it had never been offered. */
  private settle(leaves: readonly OpenLeaf[]): void {
    const { ahead } = this.form;
    if (ahead === null) return;
    ahead.settle();
    for (const leaf of leaves) {
      if (leaf.ticket === null || leaf.ticket.outcome !== null) continue;
      ahead.drop(leaf.ticket);
      leaf.ticket = null;
    }
  }

  /** Makes the leaf's best split; null when that kept too few rows and another one, or none, was put in its place. */
  private splitLeaf(leaf: OpenLeaf, builder: TreeBuilder, more: boolean, splits: Split[]): [OpenLeaf, OpenLeaf] | null {
    const { limits, form } = this;
    const { best, ticket } = leaf;
    if (best === null) throw new Error("a leaf without a split was chosen");
    const made = ticket?.outcome ?? null;
    const { column, lower, upper, left: table } = best;
    const middle = made?.middle ?? form.partition(leaf, best);
    if (Math.min(middle - leaf.start, leaf.end - middle) < limits.minSamplesLeaf) {
      this.forget(leaf);
      this.take(leaf, form.findCounted(leaf));
      return null;
    }
    const sawMissing = made?.sawMissing ?? form.sawMissing(leaf.slot, column);
    const missingLeft = sawMissing ? best.missingLeft : middle - leaf.start >= leaf.end - middle;
    const cover = leaf.end - leaf.start;
    const child =
      table === null
        ? builder.split(leaf.node, column, this.thresholdOf(column, lower, upper), missingLeft, cover)
        : builder.splitCategories(leaf.node, column, codesOf(table), missingLeft, cover);
    splits.push({ node: leaf.node, child, column, lower, missingLeft, table });
    const depth = leaf.depth + 1;
    const [leftSums, rightSums] = this.childrenOf(leaf, best);
    const left = new OpenLeaf(child, depth, leaf.start, middle, leftSums);
    const right = new OpenLeaf(child + 1, depth, middle, leaf.end, rightSums);
    const leftSmaller = middle - leaf.start <= leaf.end - middle;
    const small = leftSmaller ? left : right;
    const large = leftSmaller ? right : left;
    if (ticket !== null && made !== null) {
      if (made.smallerKept) small.slot = ticket.smaller;
      else this.forget(leaf);
      leaf.ticket = null;
      if (made.largerKept) {
        large.slot = leaf.slot;
        leaf.slot = -1;
        this.take(large, leftSmaller ? made.right : made.left);
      }
      if (made.smallerKept) this.take(small, leftSmaller ? made.left : made.right);
    } else if (more && depth < limits.maxDepth && large.end - large.start >= 2 * limits.minSamplesLeaf) {
      small.slot = form.buildChildren(leaf.slot, small, small.end - small.start >= 2 * limits.minSamplesLeaf);
      large.slot = leaf.slot;
      leaf.slot = -1;
      if (small.slot >= 0) this.findSplit(small);
      this.findSplit(large);
    }
    this.release(leaf);
    return [left, right];
  }

  /** What was made ahead for a leaf is not used. */
  private forget(leaf: OpenLeaf): void {
    if (leaf.ticket !== null) this.form.ahead?.drop(leaf.ticket);
    leaf.ticket = null;
  }

  /** The children of a split, with the bounds that a monotone column sets. */
  private childrenOf(leaf: OpenLeaf, { column, leftGradient, leftHessian, l2Added }: FoundSplit): [ChildSums, ChildSums] {
    const { least, most } = leaf;
    const left = { gradient: leftGradient, hessian: leftHessian, least, most, l2Added };
    const [gradient, hessian] = [leaf.gradient - leftGradient, leaf.hessian - leftHessian];
    const right = { gradient, hessian, least, most, l2Added };
    const sign = this.limits.monotone?.[column] ?? 0;
    if (sign !== 0) this.boundChildren(left, right, sign);
    return [left, right];
  }

  private thresholdOf(column: number, lower: number, upper: number): number {
    return upper === MISSING_BIN ? ALL_PRESENT : splitThreshold(this.binned, column, lower, upper);
  }

  /** Everything below one child stays on its side of their middle. Source: LightGBM's and scikit-learn's basic method. */
  private boundChildren(left: MutableSums, right: MutableSums, sign: number): void {
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

type MutableSums = { -readonly [name in keyof ChildSums]: ChildSums[name] };

const UNBOUNDED = { least: Number.NEGATIVE_INFINITY, most: Number.POSITIVE_INFINITY };

interface Split {
  readonly node: number;
  readonly child: number;
  readonly column: number;
  readonly lower: number;
  readonly missingLeft: boolean;
  readonly table: Uint8Array | null;
}

import { CategorySetBuilder, type CategorySets, firstSets, isInSet } from "./category-sets.ts";

/**
 * Trees as flat arrays, shared by forests and boosting. The children of node i are left[i] (value <= threshold) and left[i] + 1.
 * A value equal to NaN goes left where missingLeft[i] is 1, else right.
 */
export interface TreeEnsemble {
  /** int16 [nodes]. Column that the node asks; -1 = leaf. */
  readonly feature: Int16Array;
  /** float32 [nodes]. Finite; 0 in leaves, and where the node asks for a category. */
  readonly threshold: Float32Array;
  /** int32 [nodes]. First child of a split (greater than the node's own index); in a leaf, its row in `values`. */
  readonly left: Int32Array;
  /** uint8 [nodes]. */
  readonly missingLeft: Uint8Array;
  /** float32 [nodes]. Training weight that reached the node: shares of children are cover / cover of their parent. */
  readonly cover: Float32Array;
  /** float32 [leaves x width]. What a leaf says, `width` numbers each. */
  readonly values: Float32Array;
  readonly width: number;
  /** int32 [trees]. First node of each tree, ascending. */
  readonly roots: Int32Array;
  /** Nodes that ask for a category; null = none does. */
  readonly categories: CategorySets | null;
}

/** One tree: its node and leaf numbers begin at 0. */
export type GrownTree = Omit<TreeEnsemble, "width" | "roots">;

/**
 * What every node of the tree grown last, not only a leaf, would say and how many rows reached it: for reading shallower trees out of a
 * deeper one. Nodes are counted from the root; valid until the next tree.
 */
export interface NodeNotes {
  /** float32 [nodes x width]. */
  values: Float32Array;
  /** int32 [nodes]. Distinct rows. */
  rows: Int32Array;
}

export const noNotes = (): NodeNotes => ({ values: new Float32Array(0), rows: new Int32Array(0) });

/** Collects trees while they grow. Node and leaf numbers given out are those of the finished ensemble. */
export class TreeBuilder {
  private readonly width: number;
  private readonly roots: number[] = [];
  private sets = new CategorySetBuilder();
  private feature = new Int16Array(1024);
  private threshold = new Float32Array(1024);
  private left = new Int32Array(1024);
  private missingLeft = new Uint8Array(1024);
  private cover = new Float32Array(1024);
  private values = new Float32Array(1024);
  private nodeCount = 0;
  private leafCount = 0;

  /** @param width numbers that a leaf holds. */
  constructor(width: number) {
    this.width = width;
  }

  /** Begins a tree and returns its root. */
  addTree(): number {
    const root = this.addNodes(1);
    this.roots.push(root);
    return root;
  }

  /** Makes `node` a split and returns its left child; the right child is the next number. */
  split(node: number, feature: number, threshold: number, missingLeft: boolean, cover: number): number {
    const left = this.addNodes(2);
    this.feature[node] = feature;
    this.threshold[node] = threshold;
    this.missingLeft[node] = missingLeft ? 1 : 0;
    this.left[node] = left;
    this.cover[node] = cover;
    return left;
  }

  /** As `split`, for a node whose left child takes the categories `left`. */
  splitCategories(node: number, feature: number, left: readonly number[], missingLeft: boolean, cover: number): number {
    this.sets.add(node, left);
    return this.split(node, feature, 0, missingLeft, cover);
  }

  /** Makes `node` a leaf; its values are the `width` numbers from values[offset]. */
  leaf(node: number, values: Float64Array, offset: number, cover: number): void {
    const row = this.leafCount++;
    if (this.leafCount * this.width > this.values.length)
      this.values = grown(this.values, Float32Array, this.leafCount * this.width);
    for (let i = 0; i < this.width; i++) this.values[row * this.width + i] = values[offset + i];
    this.feature[node] = -1;
    this.left[node] = row;
    this.cover[node] = cover;
  }

  /** Adds a whole tree; copies all. @returns the number of its root. */
  append(tree: GrownTree): number {
    const { values, categories } = tree;
    const count = tree.feature.length;
    const first = this.addNodes(count);
    this.roots.push(first);
    this.feature.set(tree.feature, first);
    this.threshold.set(tree.threshold, first);
    this.missingLeft.set(tree.missingLeft, first);
    this.cover.set(tree.cover, first);
    for (let node = 0; node < count; node++) {
      this.left[first + node] = tree.left[node] + (tree.feature[node] < 0 ? this.leafCount : first);
    }
    const before = this.leafCount * this.width;
    this.leafCount += values.length / this.width;
    if (before + values.length > this.values.length) this.values = grown(this.values, Float32Array, before + values.length);
    this.values.set(values, before);
    if (categories !== null) this.sets.append(categories, first);
    return first;
  }

  /** The one tree so far; valid until the next change. */
  only(): GrownTree {
    if (this.roots.length !== 1) throw new Error(`a builder of ${this.roots.length} trees was asked for its only one`);
    const { nodeCount, sets } = this;
    if (sets.view(nodeCount) !== null) return this.finish();
    return {
      feature: this.feature.subarray(0, nodeCount),
      threshold: this.threshold.subarray(0, nodeCount),
      left: this.left.subarray(0, nodeCount),
      missingLeft: this.missingLeft.subarray(0, nodeCount),
      cover: this.cover.subarray(0, nodeCount),
      values: this.values.subarray(0, this.leafCount * this.width),
      categories: null,
    };
  }

  /** Forgets all trees and keeps the memory for others: a builder a tree took a fifth of a small forest's time. */
  clear(): void {
    // a leaf leaves these as they are
    this.threshold.fill(0, 0, this.nodeCount);
    this.missingLeft.fill(0, 0, this.nodeCount);
    this.roots.length = 0;
    if (this.sets.view(0) !== null) this.sets = new CategorySetBuilder();
    this.nodeCount = 0;
    this.leafCount = 0;
  }

  get treeCount(): number {
    return this.roots.length;
  }

  /** The trees so far, sharing the builder's memory: valid until the next change. */
  view(): TreeEnsemble {
    const { feature, threshold, left, missingLeft, cover, values, width } = this;
    const roots = Int32Array.from(this.roots);
    return { feature, threshold, left, missingLeft, cover, values, width, roots, categories: this.sets.view(this.nodeCount) };
  }

  /** The finished ensemble. @param treeCount keep only the first ones; a tree's nodes and leaves stand behind those of the earlier. */
  finish(treeCount = this.roots.length): TreeEnsemble {
    return copyTrees(this.view(), treeCount, treeCount < this.roots.length ? this.roots[treeCount] : this.nodeCount);
  }

  private addNodes(count: number): number {
    const first = this.nodeCount;
    this.nodeCount += count;
    if (this.nodeCount > this.feature.length) {
      this.feature = grown(this.feature, Int16Array, this.nodeCount);
      this.threshold = grown(this.threshold, Float32Array, this.nodeCount);
      this.left = grown(this.left, Int32Array, this.nodeCount);
      this.missingLeft = grown(this.missingLeft, Uint8Array, this.nodeCount);
      this.cover = grown(this.cover, Float32Array, this.nodeCount);
    }
    return first;
  }
}

/** The first trees of an ensemble, copied: nodes and leaves of a tree stand behind those of the earlier. @param nodeCount their nodes. */
export function copyTrees(trees: TreeEnsemble, treeCount: number, nodeCount = trees.roots[treeCount]): TreeEnsemble {
  const { width } = trees;
  let leafCount = 0;
  for (let node = 0; node < nodeCount; node++) if (trees.feature[node] < 0) leafCount++;
  return {
    feature: trees.feature.slice(0, nodeCount),
    threshold: trees.threshold.slice(0, nodeCount),
    left: trees.left.slice(0, nodeCount),
    missingLeft: trees.missingLeft.slice(0, nodeCount),
    cover: trees.cover.slice(0, nodeCount),
    values: trees.values.slice(0, leafCount * width),
    width,
    roots: trees.roots.slice(0, treeCount),
    categories: trees.categories === null ? null : firstSets(trees.categories, nodeCount),
  };
}

interface Growable {
  readonly length: number;
  set(from: ArrayLike<number>): void;
}

function grown<T extends Growable & ArrayLike<number>>(array: T, make: new (length: number) => T, least: number): T {
  const larger = new make(Math.max(least, array.length * 2));
  larger.set(array);
  return larger;
}

/** Whether a value goes to the left child of a split. */
export function goesLeft({ threshold, missingLeft, categories }: TreeEnsemble, node: number, value: number): boolean {
  if (categories !== null && categories.setOf[node] >= 0 && !Number.isNaN(value))
    return isInSet(categories, categories.setOf[node], value);
  return value <= threshold[node] || (Number.isNaN(value) && missingLeft[node] === 1);
}

/** The node where a row of features ends. @param features float64 or float32, float32-valued: the row's stand from `at` on. */
export function endNode(trees: TreeEnsemble, root: number, features: Float64Array | Float32Array, at = 0): number {
  const { feature, left } = trees;
  let node = root;
  let column = feature[node];
  while (column >= 0) {
    node = left[node] + (goesLeft(trees, node, features[at + column]) ? 0 : 1);
    column = feature[node];
  }
  return node;
}

/** The leaf's row in `values` that a row of features reaches. @param features as in `endNode`. */
export const findLeaf = (trees: TreeEnsemble, root: number, features: Float64Array | Float32Array, at = 0): number =>
  trees.left[endNode(trees, root, features, at)];

/**
 * Adds the leaf values of one row over all trees into `out`: tree t adds its `width` numbers at out[(t * width) % outputs].
 * @param out IN/OUT float64 [outputs], zeroed by the caller and float32-valued at the end; outputs = width for forests, or the number of classes where boosting has one tree a class.
 */
export function addRowValues(
  trees: TreeEnsemble,
  features: Float64Array | Float32Array,
  out: Float64Array,
  outputs: number,
): void {
  const { roots, values, width } = trees;
  let at = 0;
  for (let tree = 0; tree < roots.length; tree++) {
    const from = findLeaf(trees, roots[tree], features) * width;
    for (let i = 0; i < width; i++) out[at + i] += values[from + i];
    at += width;
    if (at >= outputs) at = 0;
  }
  // ONNX's tree operators answer float32: rounded here too, so that a steep calibrator sees the same number
  for (let i = 0; i < outputs; i++) out[i] = Math.fround(out[i]);
}

/**
 * Whether every sum of one leaf a tree is exact in float64, so that the order of the trees does not show: all leaves are multiples of one
 * power of two, and 2^53 of these are more than the greatest sum.
 */
export function sumsAreExact({ feature, left, values, roots }: TreeEnsemble): boolean {
  let unit = Number.POSITIVE_INFINITY;
  let greatest = 0;
  for (let node = 0; node < feature.length; node++) {
    if (feature[node] >= 0) continue;
    const value = Math.abs(values[left[node]]);
    greatest = Math.max(greatest, value);
    // the last place of a float32: 2^-23 of its power of two, and 2^-149 at least
    if (value > 0) unit = Math.min(unit, 2 ** Math.max(-149, Math.floor(Math.log2(value)) - 24));
  }
  return greatest * roots.length < unit * 2 ** 53;
}

/** Greatest depth of each tree. */
export function depthsOf({ feature, left, roots }: TreeEnsemble): Uint32Array {
  const depth = new Uint16Array(feature.length);
  const deepest = new Uint32Array(roots.length);
  let tree = -1;
  for (let node = 0; node < feature.length; node++) {
    if (tree + 1 < roots.length && roots[tree + 1] === node) tree++;
    deepest[tree] = Math.max(deepest[tree], depth[node]);
    if (feature[node] < 0) continue;
    const first = left[node];
    depth[first] = depth[first + 1] = Math.max(depth[first], depth[node] + 1);
  }
  return deepest;
}

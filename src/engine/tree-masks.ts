import { orderOf } from "./ordered-floats.ts";
import type { TreeEnsemble } from "./tree-ensemble.ts";

/** Some trees of an ensemble as masks; see kernels/masks.as. A tree has 32 bits or, where one of them has more leaves, 64. */
export interface TreeMasks {
  /** Number of the first tree, and how many there are. */
  readonly first: number;
  readonly count: number;
  readonly bits: 32 | 64;
  /** Words of the masks of all trees: `bits` / 32 a tree, filled up to a multiple of four. */
  readonly words: number;
  /** int32 [count x bits]. Row in `values` of each tree's leaves, from left to right. */
  readonly leafRows: Int32Array;
  /** Columns that these trees ask, ascending. */
  readonly columns: readonly ColumnMasks[];
}

/** What the splits of one column leave. */
export interface ColumnMasks {
  readonly column: number;
  /** int32, ascending, as `orderOf` orders floats. */
  readonly thresholds: Int32Array;
  /** uint32 [(thresholds + 2) x words]. Masks of a value that exceeds 0, 1, ... of the thresholds; the last for a value that is missing. */
  readonly masks: Uint32Array;
}

const MOST_LEAVES = 64;
/** Trees are taken in parts of so many bytes of masks: each part has fewer thresholds, so the bytes of all grow with the trees, not with their square. */
const PART_BYTES = 512;

/** @returns the masks of all trees in parts; null where a tree has more than 64 leaves. */
export function makeTreeMasks(trees: TreeEnsemble): TreeMasks[] | null {
  const splits = new SplitCollector(trees);
  for (let tree = 0; tree < trees.roots.length; tree++) if (!splits.add(tree)) return null;
  const bits = splits.mostLeaves <= 32 ? 32 : 64;
  const partTrees = (PART_BYTES * 8) / bits;
  const parts: TreeMasks[] = [];
  for (let first = 0; first < trees.roots.length; first += partTrees)
    parts.push(splits.part(first, Math.min(partTrees, trees.roots.length - first), bits));
  return parts;
}

interface Split {
  readonly column: number;
  readonly threshold: number;
  readonly tree: number;
  /** Bits of the left side's leaves: the lower and the upper word. */
  readonly low: number;
  readonly high: number;
  readonly missingLeft: boolean;
}

/** The splits and leaves of one tree after the other. */
class SplitCollector {
  mostLeaves = 0;
  private readonly trees: TreeEnsemble;
  /** Of each tree. */
  private readonly splits: Split[][] = [];
  private readonly leaves: number[][] = [];

  constructor(trees: TreeEnsemble) {
    this.trees = trees;
  }

  /** @returns false where the tree has too many leaves. */
  add(tree: number): boolean {
    const leaves: number[] = [];
    const splits: Split[] = [];
    this.leaves.push(leaves);
    this.splits.push(splits);
    const fits = this.visit(this.trees.roots[tree], 0, tree, leaves, splits);
    this.mostLeaves = Math.max(this.mostLeaves, leaves.length);
    return fits;
  }

  /** Collects what stands below a node. @param depth a deeper tree has more leaves, so the recursion ends. */
  private visit(node: number, depth: number, tree: number, leaves: number[], splits: Split[]): boolean {
    const { feature, threshold, left, missingLeft } = this.trees;
    if (depth >= MOST_LEAVES || leaves.length >= MOST_LEAVES) return false;
    if (feature[node] < 0) {
      leaves.push(left[node]);
      return true;
    }
    const from = leaves.length;
    if (!this.visit(left[node], depth + 1, tree, leaves, splits)) return false;
    const to = leaves.length;
    splits.push({
      column: feature[node],
      threshold: orderOf(threshold[node]),
      tree,
      low: bitsBetween(Math.min(from, 32), Math.min(to, 32)),
      high: bitsBetween(Math.max(from - 32, 0), Math.max(to - 32, 0)),
      missingLeft: missingLeft[node] === 1,
    });
    return this.visit(left[node] + 1, depth + 1, tree, leaves, splits);
  }

  part(first: number, count: number, bits: 32 | 64): TreeMasks {
    const words = Math.ceil((count * bits) / 32 / 4) * 4;
    const leafRows = new Int32Array(count * bits);
    for (let i = 0; i < count; i++) leafRows.set(this.leaves[first + i], i * bits);
    const byColumn = new Map<number, Split[]>();
    for (const split of this.splits.slice(first, first + count).flat()) {
      const others = byColumn.get(split.column);
      if (others === undefined) byColumn.set(split.column, [split]);
      else others.push(split);
    }
    const columns = [...byColumn]
      .sort(([a], [b]) => a - b)
      .map(([column, splits]) => columnMasks(column, splits, first, bits / 32, words));
    return { first, count, bits, words, leafRows, columns };
  }
}

/** A word with the bits [from, to), both at most 32. */
function bitsBetween(from: number, to: number): number {
  if (from >= to) return 0;
  return (0xffffffff >>> (32 - to)) & (0xffffffff << from);
}

function columnMasks(column: number, splits: Split[], first: number, treeWords: number, words: number): ColumnMasks {
  splits.sort((a, b) => a.threshold - b.threshold);
  const thresholds = Int32Array.from(splits, ({ threshold }) => threshold).filter(
    (each, i, all) => i === 0 || each !== all[i - 1],
  );
  const masks = new Uint32Array((thresholds.length + 2) * words).fill(0xffffffff);
  const take = (place: number, { tree, low, high }: Split): void => {
    const at = place * words + (tree - first) * treeWords;
    masks[at] &= ~low;
    if (treeWords === 2) masks[at + 1] &= ~high;
  };
  let next = 0;
  for (let place = 1; place <= thresholds.length; place++) {
    masks.copyWithin(place * words, (place - 1) * words, place * words);
    for (; next < splits.length && splits[next].threshold === thresholds[place - 1]; next++) take(place, splits[next]);
  }
  for (const split of splits) if (!split.missingLeft) take(thresholds.length + 1, split);
  return { column, thresholds, masks };
}

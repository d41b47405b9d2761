import { COMPACT, writeLeaf, writeSplit } from "./compact-walker.ts";
import { MOST_KERNEL_BYTES, openKernels, sumBytes } from "./kernels/kernels.ts";
import { type Column, toFloat32Rows } from "./training-data.ts";
import { endNode, type TreeEnsemble } from "./tree-ensemble.ts";

/** Rows that walk down one tree after the other. */
export interface TreeRows {
  /**
   * The node, counted from the root, where each row ends.
   * @param end behind the tree's last node. @returns int32 [rows], valid until the next call.
   */
  endsOf(trees: TreeEnsemble, root: number, end: number): Int32Array;
  /** Gives the memory back. */
  release(): void;
}

/**
 * What does not fit nodes of 8 bytes, and trees that ask for categories, is walked without the kernels.
 * @param columns d columns [n], n at least 1. @param mostNodes of a tree that will be asked.
 * Cost: 4 bytes a value. Measured: the kernels take a twentieth of the other walk, whose branches no processor foretells.
 */
export function openTreeRows(columns: readonly Column[], mostNodes: number, categorical: boolean): TreeRows {
  const sizes = rowSizes(columns, mostNodes);
  if (!fitsKernels(columns, mostNodes, categorical, sizes)) return plainRows(columns);
  const opened = openKernels(sizes);
  const walk = layRows(columns, mostNodes, opened);
  const ended = new Int32Array(opened.memory, opened.at.ended, columns[0].length);
  return {
    endsOf(trees, root, end) {
      walk(trees, root, end);
      for (let row = 0; row < ended.length; row++) ended[row] >>= 3;
      return ended;
    },
    release: opened.release,
  };
}

const filledRows = (columns: readonly Column[]): number => Math.ceil(columns[0].length / 8) * 8;

/** Bytes of the arrays that `layRows` uses; they must be the first of their memory. */
export const rowSizes = (columns: readonly Column[], mostNodes: number) => ({
  row: COMPACT.firstNode - COMPACT.row,
  nodes: mostNodes * 8,
  rows: filledRows(columns) * columns.length * 4,
  ended: filledRows(columns) * 4,
});

/** @param sizes bytes of all arrays. */
export const fitsKernels = (
  columns: readonly Column[],
  mostNodes: number,
  categorical: boolean,
  sizes: Readonly<Record<string, number>>,
): boolean =>
  !categorical && columns.length <= COMPACT.columns && mostNodes < COMPACT.nodes && sumBytes(sizes) <= MOST_KERNEL_BYTES;

/** Lays the rows out. @returns walks them down a tree, writing as `ended` (uint32 [rows]) eight times the node where each ends, counted from the root. */
export function layRows(
  columns: readonly Column[],
  mostNodes: number,
  { kernels, memory, at }: ReturnType<typeof openKernels<keyof ReturnType<typeof rowSizes>>>,
): (trees: TreeEnsemble, root: number, end: number) => void {
  const filled = filledRows(columns);
  const rows = new Float32Array(memory, at.rows, filled * columns.length);
  toFloat32Rows(columns, rows);
  const missing = rows.some(Number.isNaN) ? 1 : 0;
  kernels.orderValues(at.rows, rows.length);
  const words = new Uint32Array(memory, at.nodes, mostNodes * 2);
  const depths = new Uint16Array(mostNodes);
  return (trees, root, end) => {
    const depth = placeTree(trees, root, end, words, depths);
    kernels.endTreeRows(0, depth, at.rows - at.row, columns.length * 4, filled, at.ended, missing);
  };
}

/** Writes the nodes of one tree as trees.as reads them. @param depths scratch [nodes]. @returns the tree's depth. */
function placeTree(trees: TreeEnsemble, root: number, end: number, words: Uint32Array, depths: Uint16Array): number {
  const { feature, left } = trees;
  const thresholds = new Int32Array(words.buffer, words.byteOffset, words.length);
  let deepest = 0;
  depths[0] = 0;
  for (let node = root; node < end; node++) {
    const at = node - root;
    if (feature[node] < 0) {
      writeLeaf(words, thresholds, at);
      deepest = Math.max(deepest, depths[at]);
      continue;
    }
    // a child stands behind its parent
    const child = left[node] - root;
    depths[child] = depths[child + 1] = depths[at] + 1;
    writeSplit(words, thresholds, at, trees, node, child);
  }
  return deepest;
}

function plainRows(columns: readonly Column[]): TreeRows {
  const rows = toFloat32Rows(columns);
  const ended = new Int32Array(columns[0].length);
  return {
    endsOf(trees, root) {
      for (let row = 0; row < ended.length; row++) ended[row] = endNode(trees, root, rows, row * columns.length) - root;
      return ended;
    },
    release: () => undefined,
  };
}

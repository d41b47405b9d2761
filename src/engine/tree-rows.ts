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
  const rowCount = columns[0].length;
  const width = columns.length;
  const filled = Math.ceil(rowCount / 8) * 8;
  const sizes = {
    row: COMPACT.firstNode - COMPACT.row,
    nodes: mostNodes * 8,
    rows: filled * width * 4,
    ended: filled * 4,
  };
  if (categorical || width > COMPACT.columns || mostNodes >= COMPACT.nodes || sumBytes(sizes) > MOST_KERNEL_BYTES)
    return plainRows(columns);
  const { kernels, memory, at, release } = openKernels(sizes);
  const rows = new Float32Array(memory, at.rows, filled * width);
  toFloat32Rows(columns, rows);
  const missing = rows.some(Number.isNaN) ? 1 : 0;
  kernels.orderValues(at.rows, rows.length);
  const words = new Uint32Array(memory, at.nodes, mostNodes * 2);
  const ended = new Int32Array(memory, at.ended, rowCount);
  const depths = new Uint16Array(mostNodes);
  return {
    endsOf(trees, root, end) {
      const depth = placeTree(trees, root, end, words, depths);
      kernels.endTreeRows(0, depth, at.rows - at.row, width * 4, filled, at.ended, missing);
      for (let row = 0; row < rowCount; row++) ended[row] >>= 3;
      return ended;
    },
    release,
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

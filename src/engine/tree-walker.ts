import { asCategory, categoricalColumnsOf, expandCategories } from "./expand-categories.ts";
import { MOST_KERNEL_BYTES, openKernels, sumBytes } from "./kernels/kernels.ts";
import type { Column } from "./training-data.ts";
import { addRowValues, type TreeEnsemble } from "./tree-ensemble.ts";

/** An ensemble prepared for prediction; every form gives the numbers of `addRowValues`. One row at a time: it owns the memory. */
export interface TreeWalker {
  /** float32 [columns]. The row, written by the caller before `walk`. */
  readonly row: Float32Array;
  /** Writes the sums over all trees of the row's leaves. @param out OUT float64 [outputs]. @param missing whether the row holds a NaN. */
  walk(out: Float64Array, outputs: number, missing: boolean): void;
  /**
   * As `walk` for the rows [start, start + count) of columns; several at once where the form can.
   * @param count at most BLOCK_ROWS. @param out OUT float64 [count x outputs].
   */
  walkRows(columns: readonly Column[], start: number, count: number, out: Float64Array, outputs: number): void;
}

/** Rows that `walkRows` takes at a time: so few that they stay in the first cache beside a tree. */
export const BLOCK_ROWS = 64;

const walkers = new WeakMap<TreeEnsemble, TreeWalker>();

/** The walker of an ensemble, made at its first use and kept as long as the ensemble. @param columnCount features of a row. */
export function walkerOf(trees: TreeEnsemble, columnCount: number): TreeWalker {
  const known = walkers.get(trees);
  if (known !== undefined) return known;
  const walker = makeWalker(trees, columnCount);
  walkers.set(trees, walker);
  return walker;
}

function makeWalker(trees: TreeEnsemble, columnCount: number): TreeWalker {
  if (trees.categories !== null) {
    const columns = categoricalColumnsOf(trees, trees.categories);
    const expanded = expandCategories(trees, trees.categories);
    return expanded === null
      ? makePlainWalker(trees, columnCount)
      : readingCategories(makeWalker(expanded, columnCount), columns);
  }
  if (columnCount <= COMPACT.columns && trees.feature.length < COMPACT.nodes) return makeCompactWalker(trees, columnCount);
  if (sumBytes(wideSizes(trees, columnCount)) <= MOST_KERNEL_BYTES) return makeWideWalker(trees, columnCount);
  return makePlainWalker(trees, columnCount);
}

function makePlainWalker(trees: TreeEnsemble, columnCount: number): TreeWalker {
  const row = new Float32Array(columnCount);
  return oneByOne(row, (out, outputs) => {
    out.fill(0, 0, outputs);
    addRowValues(trees, row, out, outputs);
  });
}

/** A walker of expanded trees, for rows as they come. */
function readingCategories(walker: TreeWalker, categorical: readonly number[]): TreeWalker {
  const { row } = walker;
  const blocks = new Map(categorical.map((column) => [column, new Float32Array(BLOCK_ROWS)]));
  return {
    row,
    walk(out, outputs, missing) {
      for (const column of categorical) row[column] = asCategory(row[column]);
      walker.walk(out, outputs, missing);
    },
    walkRows(columns, start, count, out, outputs) {
      const taken = columns.map((column, j) => {
        const block = blocks.get(j);
        if (block === undefined) return column.subarray(start, start + count);
        for (let i = 0; i < count; i++) block[i] = asCategory(Math.fround(column[start + i]));
        return block;
      });
      walker.walkRows(taken, 0, count, out, outputs);
    },
  };
}

/** A walker that knows one row at a time only. */
function oneByOne(row: Float32Array, walk: TreeWalker["walk"]): TreeWalker {
  const sums = new Float64Array(64);
  return {
    row,
    walk,
    walkRows(columns, start, count, out, outputs) {
      for (let i = 0; i < count; i++) {
        let missing = false;
        for (let j = 0; j < row.length; j++) {
          row[j] = columns[j][start + i];
          if (Number.isNaN(row[j])) missing = true;
        }
        walk(sums, outputs, missing);
        for (let k = 0; k < outputs; k++) out[i * outputs + k] = sums[k];
      }
    },
  };
}

/** What fits nodes of 8 bytes; the places are constants of trees.as. */
const COMPACT = { columns: 128, nodes: 2 ** 20, row: 4096, firstNode: 4608 } as const;

/** The least integer that no value which is there exceeds; see trees.as. */
const INFINITE = 0x7f800000;
const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** A float32 as an integer in the order of the floats; 0 and -0 are the same. */
function orderOf(value: number): number {
  float[0] = value + 0;
  return bits[0] ^ ((bits[0] >> 31) & 0x7fffffff);
}

/** Nodes of 8 bytes in WebAssembly, eight trees or rows walked side by side. Measured: a third of the next form's time a row. */
function makeCompactWalker(trees: TreeEnsemble, columnCount: number): TreeWalker {
  const { feature, roots, values, width } = trees;
  const nodeCount = feature.length;
  const treeCount = roots.length;
  // trees of like depth walk together; the last is repeated, to fill the eight
  const depths = depthsOf(trees);
  const byDepth = Uint32Array.from({ length: treeCount }, (_, tree) => tree).sort((a, b) => depths[a] - depths[b] || a - b);
  const filled = Math.ceil(treeCount / 8) * 8;
  const order = Uint32Array.from({ length: filled }, (_, i) => byDepth[Math.min(i, treeCount - 1)]);
  const anyOrder = width === 1 && sumsAreExact(trees);
  const stride = columnCount * 4;
  const { kernels, memory, at } = openKernels({
    row: COMPACT.firstNode - COMPACT.row,
    // one more: a leaf of 0, where what fills up the eight ends
    nodes: (nodeCount + 1) * 8,
    leafAt: (nodeCount + 1) * 4,
    values: width === 1 ? 0 : values.length * 4,
    order: filled * 4,
    roots: filled * 4,
    exactRoots: filled * 4,
    depths: filled * 4,
    ended: Math.max(treeCount, BLOCK_ROWS) * 4,
    block: BLOCK_ROWS * stride,
    sums: BLOCK_ROWS * 64 * 8,
  });
  if (at.row !== COMPACT.row || at.nodes !== COMPACT.firstNode) throw new Error("the places of the row and the nodes moved");
  const rootAt = placeNodes(
    trees,
    new Uint32Array(memory, at.nodes, nodeCount * 2),
    new Uint32Array(memory, at.leafAt, nodeCount),
  );
  // one number a leaf stands beside its node, else the leaf's row
  const ended = new Uint32Array(memory, at.ended, treeCount);
  const leafRow = new Uint32Array(memory, at.leafAt, nodeCount);
  const leafValue = new Float32Array(memory, at.leafAt, nodeCount);
  if (width > 1) new Float32Array(memory, at.values, values.length).set(values);
  new Uint32Array(memory, at.order, filled).set(order.map((tree) => tree * 4));
  new Uint32Array(memory, at.roots, filled).set(order.map((tree) => rootAt[tree]));
  const emptyLeaf = nodeCount * 8;
  new Int32Array(memory, at.nodes + emptyLeaf, 1)[0] = INFINITE;
  new Uint32Array(memory, at.nodes + emptyLeaf + 4, 1)[0] = emptyLeaf | 1;
  new Uint32Array(memory, at.exactRoots, filled).set(order.map((tree, i) => (i < treeCount ? rootAt[tree] : emptyLeaf)));
  new Uint32Array(memory, at.depths, filled).set(order.map((tree) => depths[tree]));
  const block = new Float32Array(memory, at.block, BLOCK_ROWS * columnCount);
  const blockSums = new Float64Array(memory, at.sums, BLOCK_ROWS * 64);
  return {
    row: new Float32Array(memory, at.row, columnCount),
    walk(out, outputs, missing) {
      if (outputs === 1 && anyOrder) {
        out[0] = Math.fround(kernels.sumEnds(columnCount, at.exactRoots, at.depths, treeCount, at.leafAt, missing ? 1 : 0));
        return;
      }
      kernels.endCompact(columnCount, at.order, at.roots, at.depths, treeCount, at.ended, missing ? 1 : 0);
      if (outputs === 1) {
        out[0] = Math.fround(kernels.sumCompact(at.ended, treeCount, at.leafAt));
        return;
      }
      out.fill(0, 0, outputs);
      let to = 0;
      for (let tree = 0; tree < treeCount; tree++) {
        const node = ended[tree] >> 3;
        if (width === 1) {
          out[to] += leafValue[node];
          to = to + 1 === outputs ? 0 : to + 1;
        } else {
          const from = leafRow[node] * width;
          for (let k = 0; k < width; k++) out[k] += values[from + k];
        }
      }
      // as in addRowValues: ONNX's tree operators answer float32
      for (let k = 0; k < outputs; k++) out[k] = Math.fround(out[k]);
    },
    walkRows(columns, start, count, out, outputs) {
      let missing = 0;
      for (let j = 0; j < columnCount; j++) {
        const column = columns[j];
        for (let i = 0; i < count; i++) {
          const value = column[start + i];
          block[i * columnCount + j] = value;
          if (Number.isNaN(value)) missing = 1;
        }
      }
      kernels.orderValues(at.block, count * columnCount);
      // what stands behind the last row is walked too, and not read
      const walked = Math.ceil(count / 8) * 8;
      blockSums.fill(0, 0, walked * outputs);
      for (let tree = 0; tree < treeCount; tree++) {
        kernels.endTreeRows(rootAt[tree], depths[tree], at.block - at.row, stride, walked, at.ended, missing);
        if (width === 1) kernels.addValues(at.ended, walked, at.leafAt, at.sums + (tree % outputs) * 8, outputs * 8);
        else kernels.addShares(at.ended, walked, at.leafAt, at.values, width, at.sums);
      }
      for (let i = 0; i < count * outputs; i++) out[i] = Math.fround(blockSums[i]);
    },
  };
}

/**
 * Whether every sum of one leaf a tree is exact in float64, so that the order of the trees does not show: all leaves are multiples of one
 * power of two, and 2^53 of these are more than the greatest sum.
 */
function sumsAreExact({ feature, left, values, roots }: TreeEnsemble): boolean {
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

/**
 * Writes the nodes: of each split's children the one that more rows reached in training stands nearest behind it, so that most steps stay
 * in a cache line. @returns offset in bytes of each tree's root.
 */
function placeNodes(trees: TreeEnsemble, words: Uint32Array, leafAt: Uint32Array): Uint32Array {
  const { feature, threshold, left, missingLeft, cover, roots, values, width } = trees;
  const thresholds = new Int32Array(words.buffer, words.byteOffset, words.length);
  const leafValues = new Float32Array(leafAt.buffer, leafAt.byteOffset, leafAt.length);
  // of each pair of children: its place, 0 = none yet; copies of a node share their children
  const pairAt = new Uint32Array(feature.length);
  let next = 0;
  const rootAt = Uint32Array.from(roots, (root) => {
    const at = next++;
    const stack = [root, at];
    while (stack.length > 0) {
      const place = stack.pop() as number;
      const node = stack.pop() as number;
      if (feature[node] < 0) {
        thresholds[place * 2] = INFINITE;
        words[place * 2 + 1] = (place * 8) | 1;
        if (width === 1) leafValues[place] = values[left[node]];
        else leafAt[place] = left[node];
        continue;
      }
      const first = left[node];
      const known = pairAt[first];
      thresholds[place * 2] = orderOf(threshold[node]);
      words[place * 2 + 1] = ((feature[node] * 4) << 23) | ((known === 0 ? next : known) * 8) | missingLeft[node];
      if (known !== 0) continue;
      pairAt[first] = next;
      if (cover[first] >= cover[first + 1]) stack.push(first + 1, next + 1, first, next);
      else stack.push(first, next, first + 1, next + 1);
      next += 2;
    }
    return at * 8;
  });
  return rootAt;
}

const WIDE_NODE_BYTES = 16;

const wideSizes = ({ feature, roots }: TreeEnsemble, columnCount: number) => ({
  features: columnCount * 4,
  roots: roots.length * 4,
  depths: roots.length * 4,
  ended: roots.length * 4,
  nodes: feature.length * WIDE_NODE_BYTES,
});

/** Nodes of 16 bytes in WebAssembly, four trees walked side by side. Measured: a third of the plain walk's time a row. */
function makeWideWalker(trees: TreeEnsemble, columnCount: number): TreeWalker {
  const { feature, threshold, left, missingLeft, roots, values, width } = trees;
  const { kernels, memory, at } = openKernels(wideSizes(trees, columnCount));
  const ints = new Int32Array(memory, at.nodes, feature.length * 4);
  const floats = new Float32Array(memory, at.nodes, feature.length * 4);
  for (let node = 0; node < feature.length; node++) {
    const leaf = feature[node] < 0;
    ints[node * 4] = leaf ? 0 : feature[node] * 4;
    floats[node * 4 + 1] = leaf ? Number.POSITIVE_INFINITY : threshold[node];
    ints[node * 4 + 2] = leaf ? node : left[node];
    ints[node * 4 + 3] = leaf ? 1 : missingLeft[node];
  }
  new Int32Array(memory, at.roots, roots.length).set(roots);
  new Uint32Array(memory, at.depths, roots.length).set(depthsOf(trees));
  const ended = new Uint32Array(memory, at.ended, roots.length);
  return oneByOne(new Float32Array(memory, at.features, columnCount), (out, outputs) => {
    kernels.findLeaves(at.nodes, at.roots, at.depths, roots.length, at.features, at.ended);
    out.fill(0, 0, outputs);
    let to = 0;
    for (let tree = 0; tree < ended.length; tree++) {
      const from = left[ended[tree]] * width;
      for (let i = 0; i < width; i++) out[to + i] += values[from + i];
      to += width;
      if (to >= outputs) to = 0;
    }
    for (let i = 0; i < outputs; i++) out[i] = Math.fround(out[i]);
  });
}

/** Greatest depth of each tree. */
function depthsOf({ feature, left, roots }: TreeEnsemble): Uint32Array {
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

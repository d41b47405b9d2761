import { openKernels } from "./kernels/kernels.ts";
import { INFINITE, orderOf } from "./ordered-floats.ts";
import { depthsOf, sumsAreExact, type TreeEnsemble } from "./tree-ensemble.ts";
import { BLOCK_ROWS, type TreeWalker } from "./walker-form.ts";

/** What fits nodes of 8 bytes; the places are constants of trees.as. */
export const COMPACT = { columns: 128, nodes: 2 ** 20, row: 4096, firstNode: 4608 } as const;

/** Nodes of 8 bytes in WebAssembly, eight trees or rows walked side by side. Measured: a third of the next form's time a row. */
export function makeCompactWalker(trees: TreeEnsemble, columnCount: number): TreeWalker {
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
  const nodeWords = (nodeCount + 1) * 2;
  writeLeaf(new Uint32Array(memory, at.nodes, nodeWords), new Int32Array(memory, at.nodes, nodeWords), nodeCount);
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

/** Writes the node at `place` as trees.as reads it, two words each: a leaf, which sends every value to itself. @param thresholds int32, the same memory as `words`. */
export function writeLeaf(words: Uint32Array, thresholds: Int32Array, place: number): void {
  thresholds[place * 2] = INFINITE;
  words[place * 2 + 1] = (place * 8) | 1;
}

/** As `writeLeaf`, a split whose children stand at `child` and behind it. */
export function writeSplit(
  words: Uint32Array,
  thresholds: Int32Array,
  place: number,
  { feature, threshold, missingLeft }: TreeEnsemble,
  node: number,
  child: number,
): void {
  thresholds[place * 2] = orderOf(threshold[node]);
  words[place * 2 + 1] = ((feature[node] * 4) << 23) | (child * 8) | missingLeft[node];
}

/**
 * Writes the nodes: of each split's children the one that more rows reached in training stands nearest behind it, so that most steps stay
 * in a cache line. @returns offset in bytes of each tree's root.
 */
function placeNodes(trees: TreeEnsemble, words: Uint32Array, leafAt: Uint32Array): Uint32Array {
  const { feature, left, cover, roots, values, width } = trees;
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
        writeLeaf(words, thresholds, place);
        if (width === 1) leafValues[place] = values[left[node]];
        else leafAt[place] = left[node];
        continue;
      }
      const first = left[node];
      const known = pairAt[first];
      writeSplit(words, thresholds, place, trees, node, known === 0 ? next : known);
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

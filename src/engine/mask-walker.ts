import { openKernels } from "./kernels/kernels.ts";
import { sumsAreExact, type TreeEnsemble } from "./tree-ensemble.ts";
import { makeTreeMasks, type TreeMasks } from "./tree-masks.ts";
import { BLOCK_ROWS, type TreeWalker } from "./walker-form.ts";

/** Beyond, other forms are as fast and smaller. */
const MOST_MASK_BYTES = 2 ** 24;
/** Thresholds are searched in groups of 256, of which one place stays free. */
const GROUP = 256;
const GROUP_WORDS = GROUP + GROUP / 16;
const FREE = 0x7fffffff;

/**
 * Trees of at most 64 leaves as masks in WebAssembly: a third of the time of compact nodes a row, for about half a megabyte per 100 trees.
 * @returns null for larger trees, or where the masks would take more than 16 MiB.
 */
export function makeMaskWalker(trees: TreeEnsemble, columnCount: number): TreeWalker | null {
  const parts = makeTreeMasks(trees);
  if (parts === null || parts.reduce((sum, part) => sum + maskBytes(part), 0) > MOST_MASK_BYTES) return null;
  const { values, width } = trees;
  const anyOrder = width === 1 && sumsAreExact(trees);
  // rows begin at whole vectors, since they are put in order by fours
  const rowFloats = Math.ceil(columnCount / 4) * 4;
  const { kernels, memory, at } = openKernels({
    rows: BLOCK_ROWS * rowFloats * 4,
    parts: parts.reduce((sum, part) => sum + sumSizes(partSizes(part)), 0),
  });
  let next = at.parts;
  const placed = parts.map((part) => {
    const one = placePart(part, values, width, memory, next);
    next += sumSizes(partSizes(part));
    return one;
  });
  const rows = new Float32Array(memory, at.rows, BLOCK_ROWS * rowFloats);

  /** Adds the leaves of the row at `row`, which it puts in order, to out[to, to + outputs). */
  const walkAt = (row: number, out: Float64Array, to: number, outputs: number): void => {
    kernels.orderValues(row, columnCount);
    for (let k = 0; k < outputs; k++) out[to + k] = 0;
    for (const { part, asked, cuts, found, masks, leafValues, ended } of placed) {
      const bytes = part.words * 4;
      kernels.andMasks(row, asked, part.columns.length, cuts, bytes, found, masks);
      if (outputs === 1 && anyOrder) {
        out[to] +=
          part.bits === 32 ? kernels.sumMasked32(masks, bytes, leafValues) : kernels.sumMasked64(masks, bytes, leafValues);
        continue;
      }
      for (let tree = 0; tree < part.count; tree++) {
        const from = part.leafRows[tree * part.bits + lowestBit(ended, tree, part.bits)] * width;
        const first = width === 1 ? to + ((part.first + tree) % outputs) : to;
        for (let k = 0; k < width; k++) out[first + k] += values[from + k];
      }
    }
    // as in addRowValues: ONNX's tree operators answer float32
    for (let k = 0; k < outputs; k++) out[to + k] = Math.fround(out[to + k]);
  };
  return {
    row: rows.subarray(0, columnCount),
    walk: (out, outputs) => walkAt(at.rows, out, 0, outputs),
    walkRows(columns, start, count, out, outputs) {
      for (let j = 0; j < columnCount; j++) {
        const column = columns[j];
        for (let i = 0; i < count; i++) rows[i * rowFloats + j] = column[start + i];
      }
      for (let i = 0; i < count; i++) walkAt(at.rows + i * rowFloats * 4, out, i * outputs, outputs);
    },
  };
}

const maskBytes = ({ columns }: TreeMasks): number => columns.reduce((sum, { masks }) => sum + masks.byteLength, 0);

const groupsOf = (thresholds: Int32Array): number => Math.ceil((thresholds.length + 1) / GROUP);

/** Bytes of what the kernels read and write of one part, in the order of their places. */
const partSizes = (part: TreeMasks) => ({
  asked: part.columns.length * 12,
  cuts: part.columns.reduce((sum, { thresholds }) => sum + groupsOf(thresholds) * GROUP_WORDS * 4, 0),
  table: maskBytes(part),
  found: part.columns.length * 4,
  masks: part.words * 4,
  leafValues: part.words * 32 * 4,
});

const rounded = (bytes: number): number => Math.ceil(bytes / 64) * 64;
const sumSizes = (sizes: Record<string, number>): number => Object.values(sizes).reduce((sum, size) => sum + rounded(size), 0);

/** Writes one part from `start` on. @returns the addresses that its kernels take. */
function placePart(part: TreeMasks, values: Float32Array, width: number, memory: ArrayBuffer, start: number) {
  const sizes = partSizes(part);
  const asked = start;
  const cuts = asked + rounded(sizes.asked);
  const table = cuts + rounded(sizes.cuts);
  const found = table + rounded(sizes.table);
  const masks = found + rounded(sizes.found);
  const leafValues = masks + rounded(sizes.masks);
  const words = new Uint32Array(memory, asked, part.columns.length * 3);
  let nextTable = table;
  let nextCuts = cuts;
  for (const [i, { column, thresholds, masks: given }] of part.columns.entries()) {
    const groups = groupsOf(thresholds);
    words.set([column * 4, nextTable, groups], i * 3);
    const ends = new Int32Array(memory, nextCuts, groups * 16).fill(FREE);
    const sorted = new Int32Array(memory, nextCuts + groups * 64, groups * GROUP).fill(FREE);
    sorted.set(thresholds);
    for (let block = 0; block < ends.length; block++) ends[block] = sorted[block * 16 + 15];
    new Uint32Array(memory, nextTable, given.length).set(given);
    nextCuts += groups * GROUP_WORDS * 4;
    nextTable += given.byteLength;
  }
  if (width === 1)
    new Float32Array(memory, leafValues, part.leafRows.length).set(Float32Array.from(part.leafRows, (row) => values[row]));
  return { part, asked, cuts, found, masks, leafValues, ended: new Uint32Array(memory, masks, part.words) };
}

/** The leaf that is left of a tree. */
function lowestBit(ended: Uint32Array, tree: number, bits: 32 | 64): number {
  if (bits === 32) return lowest(ended[tree]);
  const low = ended[tree * 2];
  return low !== 0 ? lowest(low) : 32 + lowest(ended[tree * 2 + 1]);
}

const lowest = (word: number): number => 31 - Math.clz32(word & -word);

import { COMPACT, makeCompactWalker } from "./compact-walker.ts";
import { asCategory, categoricalColumnsOf, expandCategories } from "./expand-categories.ts";
import { MOST_KERNEL_BYTES, sumBytes } from "./kernels/kernels.ts";
import { makeMaskWalker } from "./mask-walker.ts";
import { addRowValues, type TreeEnsemble } from "./tree-ensemble.ts";
import { BLOCK_ROWS, oneByOne, type TreeWalker } from "./walker-form.ts";
import { makeWideWalker, wideSizes } from "./wide-walker.ts";

const walkers = new WeakMap<TreeEnsemble, TreeWalker>();

/** Below, walking rows down the trees as they are takes less than laying the trees out does: half as long at this many (forests of 100 and 200 trees, four classes). */
const FEW_ROWS = 200;

/**
 * The walker of an ensemble, made at its first use and kept as long as the ensemble.
 * @param columnCount features of a row. @param rowCount rows to walk; for a few none is made, and the trees are read as they are.
 */
export function walkerOf(trees: TreeEnsemble, columnCount: number, rowCount = FEW_ROWS): TreeWalker {
  const known = walkers.get(trees);
  if (known !== undefined) return known;
  if (rowCount < FEW_ROWS) return makePlainWalker(trees, columnCount);
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
  const masked = makeMaskWalker(trees, columnCount);
  if (masked !== null) return masked;
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

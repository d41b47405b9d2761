import { COMPACT, makeCompactWalker } from "./compact-walker.ts";
import { asCategory, categoricalColumnsOf, expandCategories } from "./expand-categories.ts";
import { MOST_KERNEL_BYTES, sumBytes } from "./kernels/kernels.ts";
import { makeMaskWalker } from "./mask-walker.ts";
import { addRowValues, type TreeEnsemble } from "./tree-ensemble.ts";
import { BLOCK_ROWS, oneByOne, type TreeWalker } from "./walker-form.ts";
import { makeWideWalker, wideSizes } from "./wide-walker.ts";

/** From this many rows on, laying trees out takes less than walking rows down as they are: twice as long at so many (100 and 200 trees, four classes). */
const SOME_ROWS = 200;
/** From this many on, masks have saved what they take to make: 1 ms for 100 boosted trees, 10 for 200 trees of four classes. */
const MANY_ROWS = 4096;

interface Entry {
  walker: TreeWalker;
  rows: number;
  /** Rows at which another form is made. */
  until: number;
}

const entries = new WeakMap<TreeEnsemble, Entry>();

/**
 * The walker of an ensemble, kept as long as the ensemble: of another form the more rows it has seen, so that each form costs less to make
 * than it saves.
 * @param columnCount features of a row. @param rowCount rows to walk now.
 */
export function walkerOf(trees: TreeEnsemble, columnCount: number, rowCount = 1): TreeWalker {
  let entry = entries.get(trees);
  if (entry === undefined) {
    entry = { walker: makePlainWalker(trees, columnCount), rows: 0, until: SOME_ROWS };
    entries.set(trees, entry);
  }
  entry.rows += rowCount;
  if (entry.rows >= entry.until) {
    const many = entry.rows >= MANY_ROWS;
    entry.walker = makeWalker(trees, columnCount, many);
    entry.until = many ? Number.POSITIVE_INFINITY : MANY_ROWS;
  }
  return entry.walker;
}

function makeWalker(trees: TreeEnsemble, columnCount: number, many: boolean): TreeWalker {
  if (trees.categories !== null) {
    const columns = categoricalColumnsOf(trees, trees.categories);
    const expanded = expandCategories(trees, trees.categories);
    return expanded === null
      ? makePlainWalker(trees, columnCount)
      : readingCategories(makeWalker(expanded, columnCount, many), columns);
  }
  const masked = many ? makeMaskWalker(trees, columnCount) : null;
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

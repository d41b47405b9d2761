import { openKernels } from "./kernels/kernels.ts";
import type { Column } from "./training-data.ts";
import type { NodeNotes, TreeEnsemble } from "./tree-ensemble.ts";
import { fitsKernels, layRows, openTreeRows, rowSizes } from "./tree-rows.ts";

/** How a tree is cut off: it ends at the first node of a way that is a leaf, at `depth`, or of fewer rows than `split`. */
export interface Shape {
  readonly depth: number;
  readonly split: number;
}

/** For rows and shapes: sums over trees of what the node says where the shape ends. */
export interface ShapeSums {
  /** Adds the only tree of `trees`, and what was noted of it. */
  add(trees: TreeEnsemble, notes: NodeNotes): void;
  /** float64 [rows x width]. */
  sumsOf(shape: number): Float64Array;
  /** Gives the memory back. */
  release(): void;
}

/**
 * @param columns d columns [n], n at least 1: the rows. @param width numbers that a leaf holds. @param mostNodes of a tree that will be added.
 * @param form "plain" = without addShapes of the kernels, for comparison: same sums.
 */
export function openShapeSums(
  columns: readonly Column[],
  shapes: readonly Shape[],
  width: number,
  mostNodes: number,
  categorical: boolean,
  form: "wasm" | "plain" = "wasm",
): ShapeSums {
  const rowCount = columns[0].length;
  const filled = Math.ceil(shapes.length / 4) * 4;
  const sizes = {
    ...rowSizes(columns, mostNodes),
    limits: filled * 8,
    nodeRows: mostNodes * 4,
    values: mostNodes * width * 4,
    depths: mostNodes * 4,
    ends: mostNodes * filled * 4,
    sums: rowCount * filled * width * 8,
  };
  if (form === "plain" || !fitsKernels(columns, mostNodes, categorical, sizes))
    return plainSums(columns, shapes, width, mostNodes, categorical);
  const opened = openKernels(sizes);
  const { kernels, memory, at, release } = opened;
  const walk = layRows(columns, mostNodes, opened);
  // those that fill up end at the root
  const limits = new Int32Array(memory, at.limits, filled * 2);
  shapes.forEach(({ depth, split }, s) => {
    limits[s] = depth;
    limits[filled + s] = split;
  });
  const nodeRows = new Int32Array(memory, at.nodeRows, mostNodes);
  const values = new Float32Array(memory, at.values, mostNodes * width);
  const sums = new Float64Array(memory, at.sums, rowCount * filled * width);
  return {
    add(trees, notes) {
      const count = notes.rows.length;
      walk(trees, 0, count);
      nodeRows.set(notes.rows);
      values.set(notes.values);
      kernels.addShapes(count, at.nodeRows, at.limits, filled, at.ended, rowCount, at.values, width, at.sums, at.depths, at.ends);
    },
    sumsOf(shape) {
      const out = new Float64Array(rowCount * width);
      for (let row = 0; row < rowCount; row++) {
        const from = (row * filled + shape) * width;
        for (let i = 0; i < width; i++) out[row * width + i] = sums[from + i];
      }
      return out;
    },
    release,
  };
}

/** The truth that `addShapes` must equal. */
function plainSums(
  columns: readonly Column[],
  shapes: readonly Shape[],
  width: number,
  mostNodes: number,
  categorical: boolean,
): ShapeSums {
  const rows = openTreeRows(columns, mostNodes, categorical);
  const sums = shapes.map(() => new Float64Array(columns[0].length * width));
  return {
    add(trees, { values, rows: rowsOf }) {
      const ended = rows.endsOf(trees, 0, rowsOf.length);
      for (const [s, shape] of shapes.entries()) {
        const endOf = endsOfShape(trees, rowsOf, shape);
        for (let row = 0; row < ended.length; row++) {
          const from = endOf[ended[row]] * width;
          for (let i = 0; i < width; i++) sums[s][row * width + i] += values[from + i];
        }
      }
    },
    sumsOf: (shape) => sums[shape],
    release: rows.release,
  };
}

/** For every node the one where the shape ends on the way there, -1 = none. @param rows of each node. */
function endsOfShape({ feature, left }: TreeEnsemble, rows: Int32Array, { depth, split }: Shape): Int32Array {
  const endOf = new Int32Array(rows.length).fill(-1);
  const depths = new Uint16Array(rows.length);
  // a child stands behind its parent
  for (let node = 0; node < rows.length; node++) {
    const leaf = feature[node] < 0;
    if (endOf[node] < 0 && (leaf || depths[node] >= depth || rows[node] < split)) endOf[node] = node;
    if (leaf) continue;
    const child = left[node];
    depths[child] = depths[child + 1] = depths[node] + 1;
    endOf[child] = endOf[child + 1] = endOf[node];
  }
  return endOf;
}

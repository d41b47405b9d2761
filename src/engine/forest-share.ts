import { WIDE_WORDS } from "./category-sets.ts";
import { mostLeaves, widthOf } from "./forest-kernels.ts";
import type { ForestTask } from "./forest-tree.ts";
import type { GrownTree } from "./tree-ensemble.ts";

/** How the trees of a forest hang on their numbers. */
export interface TreeKeys {
  readonly seed: number;
  readonly bootstrap: boolean;
}

type Table = keyof ReturnType<typeof tablesOf>;

/** A forest in memory that threads share: what its trees are grown from, and a place for each tree. Can be sent to another thread. */
export interface SharedForest {
  readonly task: Omit<ForestTask, "binned" | "labels" | "weights">;
  readonly keys: TreeKeys;
  readonly rowCount: number;
  readonly columnCount: number;
  readonly treeCount: number;
  /** Addresses. */
  readonly at: Readonly<Record<Table | "slots", number>>;
  readonly slotBytes: number;
}

const tablesOf = (rowCount: number, columnCount: number, treeCount: number) => ({
  weights: rowCount * 8,
  /** u32 a tree: its nodes, once they all stand in its slot. */
  nodes: treeCount * 4,
  /** u32 a tree: how many of its nodes ask for a category. */
  sets: treeCount * 4,
  low: columnCount * 1020,
  high: columnCount * 1020,
  binCounts: columnCount * 2,
  hasMissing: columnCount,
  labels: rowCount,
  codes: rowCount * columnCount,
});

/** Bytes of a tree of so many leaves: arrays of four bytes a number first, so that each begins where it must. */
function slotOf({ task, rowCount }: Pick<SharedForest, "task" | "rowCount">) {
  const leaves = mostLeaves(rowCount, task.maxDepth);
  const width = widthOf(task.classCount);
  const nodes = 2 * leaves;
  const threshold = nodes * 4;
  const left = threshold + nodes * 4;
  const values = left + nodes * 4;
  const setOf = values + leaves * width * 4;
  const starts = setOf + (task.categorical === null ? 0 : nodes * 4);
  const words = starts + (task.categorical === null ? 0 : leaves * 4);
  const feature = words + (task.categorical === null ? 0 : leaves * WIDE_WORDS * 4);
  const missingLeft = feature + nodes * 2;
  const bytes = Math.ceil((missingLeft + nodes) / 64) * 64;
  return { cover: 0, threshold, left, values, setOf, starts, words, feature, missingLeft, bytes };
}

/** Where everything stands, from `start` on. @returns the end of it all, in bytes. */
export function layOutForest(task: ForestTask, keys: TreeKeys, treeCount: number, start: number): SharedForest & { end: number } {
  const { binned, labels: _labels, weights: _weights, ...rest } = task;
  const { rowCount, columnCount } = binned;
  let end = Math.ceil(start / 64) * 64;
  const place = (bytes: number): number => {
    const at = end;
    end = Math.ceil((end + bytes) / 64) * 64;
    return at;
  };
  const sizes = tablesOf(rowCount, columnCount, treeCount);
  // the names are those of `sizes`
  const at = Object.fromEntries(Object.entries(sizes).map(([name, bytes]) => [name, place(bytes)])) as Record<Table, number>;
  const slotBytes = slotOf({ task, rowCount }).bytes;
  const slots = place(slotBytes * treeCount);
  return { task: rest, keys, rowCount, columnCount, treeCount, at: { ...at, slots }, slotBytes, end };
}

/** The task, its arrays in the shared memory. */
export function sharedTask({ task, rowCount, columnCount, at }: SharedForest, memory: ArrayBufferLike): ForestTask {
  return {
    ...task,
    binned: {
      rowCount,
      columnCount,
      codes: new Uint8Array(memory, at.codes, rowCount * columnCount),
      binCounts: new Uint16Array(memory, at.binCounts, columnCount),
      hasMissing: new Uint8Array(memory, at.hasMissing, columnCount),
      low: new Float32Array(memory, at.low, columnCount * 255),
      high: new Float32Array(memory, at.high, columnCount * 255),
    },
    labels: new Uint8Array(memory, at.labels, rowCount),
    weights: new Float64Array(memory, at.weights, rowCount),
  };
}

/** Copies the task into the shared memory. */
export function shareTask(shared: SharedForest, memory: ArrayBufferLike, task: ForestTask): void {
  const copy = sharedTask(shared, memory);
  copy.labels.set(task.labels);
  copy.weights.set(task.weights);
  for (const name of ["codes", "binCounts", "hasMissing", "low", "high"] as const) copy.binned[name].set(task.binned[name]);
}

/** @param nodes that the tree has. @param sets of them that ask for a category. */
function treeAt(shared: SharedForest, memory: ArrayBufferLike, tree: number, nodes: number, sets: number): GrownTree {
  const slot = slotOf(shared);
  const base = shared.at.slots + tree * shared.slotBytes;
  const starts = new Int32Array(memory, base + slot.starts, sets === 0 ? 0 : sets + 1);
  return {
    feature: new Int16Array(memory, base + slot.feature, nodes),
    threshold: new Float32Array(memory, base + slot.threshold, nodes),
    left: new Int32Array(memory, base + slot.left, nodes),
    missingLeft: new Uint8Array(memory, base + slot.missingLeft, nodes),
    cover: new Float32Array(memory, base + slot.cover, nodes),
    values: new Float32Array(memory, base + slot.values, ((nodes + 1) / 2) * widthOf(shared.task.classCount)),
    categories:
      sets === 0
        ? null
        : {
            setOf: new Int32Array(memory, base + slot.setOf, nodes),
            starts,
            words: new Int32Array(memory, base + slot.words, sets * WIDE_WORDS),
          },
  };
}

const nodeCounts = ({ at, treeCount }: SharedForest, memory: ArrayBufferLike): Int32Array =>
  new Int32Array(memory, at.nodes, treeCount);
const setCounts = ({ at, treeCount }: SharedForest, memory: ArrayBufferLike): Int32Array =>
  new Int32Array(memory, at.sets, treeCount);

/** Puts a tree into its slot; then it counts as grown. */
export function putTree(shared: SharedForest, memory: ArrayBufferLike, tree: number, grown: GrownTree): void {
  const { categories } = grown;
  const sets = categories === null ? 0 : categories.starts.length - 1;
  const slot = treeAt(shared, memory, tree, grown.feature.length, sets);
  slot.feature.set(grown.feature);
  slot.threshold.set(grown.threshold);
  slot.left.set(grown.left);
  slot.missingLeft.set(grown.missingLeft);
  slot.cover.set(grown.cover);
  slot.values.set(grown.values);
  if (categories !== null) {
    slot.categories?.setOf.set(categories.setOf);
    slot.categories?.starts.set(categories.starts);
    slot.categories?.words.set(categories.words);
  }
  setCounts(shared, memory)[tree] = sets;
  Atomics.store(nodeCounts(shared, memory), tree, grown.feature.length);
}

/** Numbers of the trees whose slots are empty. */
export function emptySlots(shared: SharedForest, memory: ArrayBufferLike): number[] {
  const counts = nodeCounts(shared, memory);
  const empty: number[] = [];
  for (let tree = 0; tree < shared.treeCount; tree++) if (Atomics.load(counts, tree) === 0) empty.push(tree);
  return empty;
}

/** The tree in a slot; null while it is not grown. */
export function takeSlot(shared: SharedForest, memory: ArrayBufferLike, tree: number): GrownTree | null {
  const nodes = Atomics.load(nodeCounts(shared, memory), tree);
  return nodes === 0 ? null : treeAt(shared, memory, tree, nodes, setCounts(shared, memory)[tree]);
}

/**
 * The splits of an ensemble that ask for a category instead of a threshold: a value goes left when the node's set holds it. Every other
 * value that is not missing goes right: categories that the node's rows did not have, negative numbers, numbers with a fraction.
 */
export interface CategorySets {
  /** int32 [nodes]. Number of the node's set; -1 = the node asks for a threshold, or is a leaf. */
  readonly setOf: Int32Array;
  /** int32 [sets + 1]. Where each set's words begin. */
  readonly starts: Int32Array;
  /** int32. Category c is in a set when bit c mod 32 of its word c / 32 is 1; categories beyond its words are not in it. */
  readonly words: Int32Array;
}

/** Whether a set holds a value that is not NaN. */
export function isInSet({ starts, words }: CategorySets, set: number, value: number): boolean {
  const start = starts[set];
  if (!(value >= 0 && value < (starts[set + 1] - start) * 32 && Number.isInteger(value))) return false;
  return ((words[start + (value >>> 5)] >>> (value & 31)) & 1) === 1;
}

/** The categories of a set, ascending. */
export function categoriesOf({ starts, words }: CategorySets, set: number): number[] {
  const categories: number[] = [];
  for (let word = starts[set]; word < starts[set + 1]; word++) {
    for (let bits = words[word]; bits !== 0; bits &= bits - 1)
      categories.push((word - starts[set]) * 32 + 31 - Math.clz32(bits & -bits));
  }
  return categories;
}

/** The sets of the first nodes, copied: a tree's sets stand behind those of earlier trees. Null = these nodes have none. */
export function firstSets({ setOf, starts, words }: CategorySets, nodeCount: number): CategorySets | null {
  const own = setOf.slice(0, nodeCount);
  const sets = own.reduce((most, set) => Math.max(most, set), -1) + 1;
  return sets === 0 ? null : { setOf: own, starts: starts.slice(0, sets + 1), words: words.slice(0, starts[sets]) };
}

/** A column that some nodes ask for a threshold and others for a category, which no walker knows; -1 = there is none. */
export function columnAskedBothWays(feature: Int16Array, { setOf }: CategorySets): number {
  const kindOf = new Map<number, boolean>();
  for (let node = 0; node < feature.length; node++) {
    if (feature[node] < 0) continue;
    const categorical = setOf[node] >= 0;
    if ((kindOf.get(feature[node]) ?? categorical) !== categorical) return feature[node];
    kindOf.set(feature[node], categorical);
  }
  return -1;
}

/**
 * Sets from a list of them. @param nodes int32 [sets]. The node of each. @param wide int32 [sets x 8]. Its words, all eight; those that
 * are 0 at the end are left out. Null = the list is empty.
 */
export function setsOf(nodes: Int32Array, wide: Int32Array, nodeCount: number): CategorySets | null {
  if (nodes.length === 0) return null;
  const setOf = new Int32Array(nodeCount).fill(-1);
  const starts = new Int32Array(nodes.length + 1);
  const words = new Int32Array(wide.length);
  let end = 0;
  for (const [set, node] of nodes.entries()) {
    setOf[node] = set;
    let count = WIDE_WORDS;
    while (count > 0 && wide[set * WIDE_WORDS + count - 1] === 0) count--;
    for (let word = 0; word < count; word++) words[end++] = wide[set * WIDE_WORDS + word];
    starts[set + 1] = end;
  }
  return { setOf, starts, words: words.subarray(0, end) };
}

/** Words that hold every category of a trained split. */
export const WIDE_WORDS = 8;

/** Collects the sets of an ensemble while its trees grow. */
export class CategorySetBuilder {
  private setOf = new Int32Array(0);
  private starts = new Int32Array(64);
  private words = new Int32Array(512);
  private count = 0;

  /** Gives a node its set. @param left categories, in any order, each once. */
  add(node: number, left: readonly number[]): void {
    const start = this.place(node, (left.reduce((most, category) => Math.max(most, category), -1) >> 5) + 1);
    for (const category of left) this.words[start + (category >> 5)] |= 1 << (category & 31);
  }

  /** Adds the sets of a tree whose first node becomes `first`, in their order. */
  append({ setOf, starts, words }: CategorySets, first: number): void {
    const nodeOf = new Int32Array(starts.length - 1);
    for (const [node, set] of setOf.entries()) if (set >= 0) nodeOf[set] = first + node;
    for (const [set, node] of nodeOf.entries()) {
      const from = this.place(node, starts[set + 1] - starts[set]);
      this.words.set(words.subarray(starts[set], starts[set + 1]), from);
    }
  }

  /** The sets of the first nodes, sharing memory: valid until the next change; null = there are none. */
  view(nodeCount: number): CategorySets | null {
    if (this.count === 0) return null;
    this.cover(nodeCount);
    return { setOf: this.setOf, starts: this.starts, words: this.words };
  }

  /** Gives a node the next set, of so many words. @returns where its words begin. */
  private place(node: number, wordCount: number): number {
    this.cover(node + 1);
    const { count } = this;
    const start = this.starts[count];
    const end = start + wordCount;
    if (end > this.words.length) this.words = copied(this.words, end);
    if (count + 2 > this.starts.length) this.starts = copied(this.starts, count + 2);
    this.starts[count + 1] = end;
    this.setOf[node] = count;
    this.count++;
    return start;
  }

  private cover(nodeCount: number): void {
    const known = this.setOf.length;
    if (nodeCount <= known) return;
    this.setOf = copied(this.setOf, nodeCount);
    this.setOf.fill(-1, known);
  }
}

function copied(array: Int32Array<ArrayBuffer>, least: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(least, array.length * 2));
  larger.set(array);
  return larger;
}

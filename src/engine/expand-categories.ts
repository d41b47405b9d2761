import { type CategorySets, categoriesOf } from "./category-sets.ts";
import type { TreeEnsemble } from "./tree-ensemble.ts";

/** What stands for a value that is no category: every set sends it right. */
const NO_CATEGORY = -1;

/** A value of a categorical column as `expandCategories` expects it. */
export const asCategory = (value: number): number =>
  Number.isNaN(value) || (value >= 0 && Number.isInteger(value)) ? value : NO_CATEGORY;

/** Columns that are asked for categories, ascending. */
export const categoricalColumnsOf = ({ feature }: TreeEnsemble, { setOf }: CategorySets): number[] =>
  [...new Set(feature.filter((_, node) => setOf[node] >= 0))].sort((a, b) => a - b);

/** Beyond, the expanded trees would take more than 100 MiB: such forests are walked as they are. */
const MOST_NODES = 2 ** 22;

/**
 * The same trees with thresholds only, for walkers that know nothing else: a set becomes a search among the ends of its runs of categories,
 * and each run ends in a copy of the node that stood below. Copies share their children, so a tree here may have two ways to one node; a
 * child still stands behind its parents, and children still stand in pairs.
 * Values of the asked columns must have gone through `asCategory`. Cost: a search of r runs is 4r nodes and log2(2r) steps deep.
 * @returns null where that would be too many nodes.
 */
export function expandCategories(trees: TreeEnsemble, categories: CategorySets): TreeEnsemble | null {
  const sets = Array.from({ length: categories.starts.length - 1 }, (_, set) => endsOf(categoriesOf(categories, set)));
  let nodeCount = trees.feature.length;
  for (const set of categories.setOf) if (set >= 0) nodeCount += 2 * sets[set].length - 2;
  return nodeCount > MOST_NODES ? null : new Expansion(trees, categories, sets, nodeCount).trees;
}

class Expansion {
  readonly trees: TreeEnsemble;
  private readonly given: TreeEnsemble;
  private readonly setOf: Int32Array;
  private readonly sets: readonly (readonly number[])[];
  /** Of each place: the node of the given trees that shall stand there; -1 = what stands there is done. */
  private readonly sources: Int32Array;
  /** Of each node of the given trees: the first place that it took. */
  private readonly first: Int32Array;
  private next = 0;

  constructor(given: TreeEnsemble, { setOf }: CategorySets, sets: readonly (readonly number[])[], nodeCount: number) {
    this.given = given;
    this.setOf = setOf;
    this.sets = sets;
    this.sources = new Int32Array(nodeCount).fill(-1);
    this.first = new Int32Array(given.feature.length).fill(-1);
    const { values, width } = given;
    this.trees = {
      feature: new Int16Array(nodeCount),
      threshold: new Float32Array(nodeCount),
      left: new Int32Array(nodeCount),
      missingLeft: new Uint8Array(nodeCount),
      cover: new Float32Array(nodeCount),
      values,
      width,
      roots: new Int32Array(given.roots.length),
      categories: null,
    };
    for (const [tree, root] of given.roots.entries()) {
      const start = this.next++;
      this.trees.roots[tree] = start;
      this.sources[start] = root;
      for (let place = start; place < this.next; place++) if (this.sources[place] >= 0) this.fill(place, this.sources[place]);
    }
  }

  /** Writes the node that shall stand at `place`, and makes places for its children where no copy of it has done so. */
  private fill(place: number, source: number): void {
    const { given, first, trees, sets, setOf, sources } = this;
    const known = first[source];
    if (known >= 0) {
      this.write(place, trees.feature[known], trees.threshold[known], trees.left[known], trees.missingLeft[known]);
      trees.cover[place] = trees.cover[known];
      return;
    }
    first[source] = place;
    const left = given.left[source];
    trees.cover[place] = given.cover[source];
    if (setOf[source] >= 0) {
      const ends = sets[setOf[source]];
      // between two ends in turn right, left, ..., right
      this.search(place, source, ends, given.missingLeft[source] === 1 ? 1 : ends.length, 0, ends.length);
      return;
    }
    const leaf = given.feature[source] < 0;
    this.write(place, given.feature[source], given.threshold[source], leaf ? left : this.next, given.missingLeft[source]);
    if (leaf) return;
    sources[this.next++] = left;
    sources[this.next++] = left + 1;
  }

  /** The search among ends [from, to); missing values find the place `target`. */
  private search(place: number, source: number, ends: readonly number[], target: number, from: number, to: number): void {
    if (from === to) {
      this.sources[place] = this.given.left[source] + 1 - (from % 2);
      return;
    }
    const middle = (from + to) >> 1;
    const pair = this.next;
    this.next += 2;
    this.write(place, this.given.feature[source], ends[middle], pair, target <= middle ? 1 : 0);
    this.search(pair, source, ends, target, from, middle);
    this.search(pair + 1, source, ends, target, middle + 1, to);
  }

  private write(place: number, feature: number, threshold: number, left: number, missingLeft: number): void {
    const { trees } = this;
    trees.feature[place] = feature;
    trees.threshold[place] = threshold;
    trees.left[place] = left;
    trees.missingLeft[place] = missingLeft;
    this.sources[place] = -1;
  }
}

/** For each run of categories in a row the number before it and its last one. */
function endsOf(categories: readonly number[]): number[] {
  const ends: number[] = [];
  for (const category of categories) {
    if (ends.length > 0 && ends[ends.length - 1] === category - 1) ends[ends.length - 1] = category;
    else ends.push(category - 1, category);
  }
  // an empty set: a run that no value is in, so that missing values still find the left side
  return ends.length > 0 ? ends : [NO_CATEGORY - 2, NO_CATEGORY - 1];
}

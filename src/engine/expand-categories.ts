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

/**
 * The same trees with thresholds only, for walkers that know nothing else: a set becomes a search among the ends of its runs of categories,
 * and each run ends in a copy of the node that stood below. Copies share their children, so a tree here may have two ways to one node; a
 * child still stands behind its parents, and children still stand in pairs.
 * Values of the asked columns must have gone through `asCategory`. Cost: a search of r runs is 2r nodes more and log2(2r) steps deep.
 */
export function expandCategories(trees: TreeEnsemble, categories: CategorySets): TreeEnsemble {
  const { roots, values, width } = trees;
  const nodes: Node[] = [];
  // of each node of `trees`: the first place that it took
  const first = new Int32Array(trees.feature.length).fill(-1);
  const starts = Int32Array.from(roots, (root) => {
    const start = nodes.push({ ...EMPTY, source: root }) - 1;
    for (let place = start; place < nodes.length; place++) fill(nodes, place, first, trees, categories);
    return start;
  });
  return {
    feature: Int16Array.from(nodes, ({ feature }) => feature),
    threshold: Float32Array.from(nodes, ({ threshold }) => threshold),
    left: Int32Array.from(nodes, ({ left }) => left),
    missingLeft: Uint8Array.from(nodes, ({ missingLeft }) => missingLeft),
    cover: Float32Array.from(nodes, ({ cover }) => cover),
    values,
    width,
    roots: starts,
    categories: null,
  };
}

interface Node {
  feature: number;
  threshold: number;
  left: number;
  missingLeft: number;
  cover: number;
  /** The node of the given trees that shall stand here; -1 = what stands here is done. */
  source: number;
}

const EMPTY: Node = { feature: -1, threshold: 0, left: 0, missingLeft: 0, cover: 0, source: -1 };

/** Writes the node that shall stand at `place`, and makes places for its children where no copy of it has done so. */
function fill(nodes: Node[], place: number, first: Int32Array, trees: TreeEnsemble, categories: CategorySets): void {
  const { source } = nodes[place];
  if (source < 0) return;
  if (first[source] >= 0) {
    nodes[place] = nodes[first[source]];
    return;
  }
  first[source] = place;
  const [feature, threshold, left] = [trees.feature[source], trees.threshold[source], trees.left[source]];
  const missingLeft = trees.missingLeft[source];
  const cover = trees.cover[source];
  if (feature < 0) nodes[place] = { feature, threshold, left, missingLeft, cover, source: -1 };
  else if (categories.setOf[source] < 0) {
    nodes[place] = { feature, threshold, left: nodes.length, missingLeft, cover, source: -1 };
    nodes.push({ ...EMPTY, source: left }, { ...EMPTY, source: left + 1 });
  } else {
    const ends = endsOf(categoriesOf(categories, categories.setOf[source]));
    // between two ends in turn right, left, ..., right
    const target = missingLeft === 1 ? 1 : ends.length;
    const search = (at: number, from: number, to: number): void => {
      if (from === to) {
        nodes[at] = { ...EMPTY, source: left + 1 - (from % 2) };
        return;
      }
      const middle = (from + to) >> 1;
      const pair = nodes.push(EMPTY, EMPTY) - 2;
      nodes[at] = { feature, threshold: ends[middle], left: pair, missingLeft: target <= middle ? 1 : 0, cover, source: -1 };
      search(pair, from, middle);
      search(pair + 1, middle + 1, to);
    };
    search(place, 0, ends.length);
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

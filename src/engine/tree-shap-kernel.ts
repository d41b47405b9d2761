import { MOST_KERNEL_BYTES, openKernels, sumBytes } from "./kernels/kernels.ts";
import { goesLeft, type TreeEnsemble } from "./tree-ensemble.ts";
import { type AddsShap, depthsOf, pointsFor, quadraturePoints, TreeShap } from "./tree-shap.ts";

const NODE_BYTES = 48;
const TREE_BYTES = 12;
const LEAF = 1;

const prepared = new WeakMap<TreeEnsemble, AddsShap>();

/**
 * Shapley values of an ensemble, laid out at the first call and kept as long as the ensemble: one row at a time, since it owns its memory.
 * @param outputs and @param featureCount as in TreeShap.
 */
export function shapOf(trees: TreeEnsemble, outputs: number, featureCount: number): AddsShap {
  const known = prepared.get(trees);
  if (known !== undefined) return known;
  const made = openShap(trees, outputs, featureCount);
  prepared.set(trees, made);
  return made;
}

function openShap(trees: TreeEnsemble, outputs: number, featureCount: number): AddsShap {
  const shape = shapeOf(trees, featureCount);
  if (sumBytes(shape.sizes) > MOST_KERNEL_BYTES) return new TreeShap(trees, outputs, featureCount);
  return new ShapKernel(trees, outputs, featureCount, shape);
}

function shapeOf(trees: TreeEnsemble, featureCount: number) {
  const depths = depthsOf(trees);
  const deepest = depths.reduce((most, depth) => Math.max(most, depth), 0);
  const pointsOf = depths.map((depth) => pointsFor(depth, featureCount));
  const counts = [...new Set(pointsOf)].sort((a, b) => a - b);
  // never less than three vectors, which shap.as keeps in registers
  const rowBytes = (points: number): number => Math.max(3, Math.ceil(points / 2)) * 16;
  let inner = 0;
  for (const feature of trees.feature) if (feature >= 0) inner++;
  const sizes = {
    row: featureCount * 4,
    path: featureCount * 16,
    out: featureCount * trees.width * 8,
    points: counts.reduce((sum, count) => sum + 2 * rowBytes(count), 0),
    stack: (deepest + 2) * (trees.width === 1 ? 3 : trees.width + 4) * rowBytes(counts.at(-1) ?? 1),
    trees: trees.roots.length * TREE_BYTES,
    values: trees.values.length * 4,
    nodes: inner * NODE_BYTES,
  };
  return { pointsOf, counts, rowBytes, sizes };
}

/** In WebAssembly, two points at a time: see shap.as. */
class ShapKernel implements AddsShap {
  private readonly outputs: number;
  private readonly width: number;
  private readonly trees: TreeEnsemble;
  /** Nodes that ask for a category, and where the thresholds that stand for their answers are: infinite, written for each row. */
  private readonly asking: Int32Array;
  private readonly answers: Int32Array;
  private readonly floats: Float32Array;
  private readonly opened;
  private readonly row: Float32Array;
  private readonly parts: Float64Array;
  /** Of each output: its trees, as [first, end) in the table of trees. */
  private readonly treesOf: readonly (readonly [first: number, end: number])[];

  constructor(trees: TreeEnsemble, outputs: number, featureCount: number, shape: ReturnType<typeof shapeOf>) {
    const { roots, width } = trees;
    this.outputs = outputs;
    this.width = width;
    this.opened = openKernels(shape.sizes);
    const { memory, at } = this.opened;
    this.row = new Float32Array(memory, at.row, featureCount);
    this.parts = new Float64Array(memory, at.out, featureCount * width);
    const path = new DataView(memory, at.path, featureCount * 16);
    for (let feature = 0; feature < featureCount; feature++) {
      path.setFloat64(feature * 16, 1, true);
      path.setBigInt64(feature * 16 + 8, 1n, true);
    }
    new Float32Array(memory, at.values, trees.values.length).set(trees.values);
    const pointsAt = this.writePoints(shape);
    const addressOf = this.writeNodes(trees);
    const { categories } = trees;
    const nodes = Array.from(trees.feature.keys());
    this.trees = trees;
    this.asking = Int32Array.from(categories === null ? [] : nodes.filter((node) => categories.setOf[node] >= 0));
    this.answers = this.asking.map((node) => addressOf[node] / 4);
    this.floats = new Float32Array(memory);
    // trees of one output stand together; with several numbers a leaf every tree is of all outputs
    const offsets = width === 1 ? outputs : 1;
    const table = new Uint32Array(memory, at.trees, (roots.length * TREE_BYTES) / 4);
    let written = 0;
    this.treesOf = Array.from({ length: offsets }, (_, offset) => {
      const first = written;
      for (let tree = offset; tree < roots.length; tree += offsets) {
        const points = shape.pointsOf[tree];
        if (trees.feature[roots[tree]] < 0) continue;
        table.set([addressOf[roots[tree]], pointsAt.get(points) ?? 0, shape.rowBytes(points)], written * 3);
        written++;
      }
      return [first, written] as const;
    });
  }

  add(features: Float64Array, out: Float64Array): void {
    const { kernels, at } = this.opened;
    const { outputs, width, parts } = this;
    this.row.set(features);
    for (let i = 0; i < this.asking.length; i++) {
      const node = this.asking[i];
      const left = goesLeft(this.trees, node, features[this.trees.feature[node]]);
      this.floats[this.answers[i]] = left ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    }
    kernels.setShap(at.row, at.path, at.out);
    for (const [offset, [first, end]] of this.treesOf.entries()) {
      parts.fill(0);
      kernels.explainTrees(at.trees + first * TREE_BYTES, end - first, at.values, at.stack, width);
      // either a leaf says one number, of this output, or those of all outputs
      for (let i = 0; i < parts.length; i++) out[width === 1 ? i * outputs + offset : i] += parts[i];
    }
  }

  /** @returns for each number of points, where they stand. */
  private writePoints({ counts, rowBytes }: ReturnType<typeof shapeOf>): Map<number, number> {
    const { memory, at } = this.opened;
    const addresses = new Map<number, number>();
    let address = at.points;
    for (const count of counts) {
      const padded = rowBytes(count) / 8;
      const places = new Float64Array(memory, address, padded).fill(0.5);
      const weights = new Float64Array(memory, address + rowBytes(count), padded);
      const points = quadraturePoints(count);
      places.set(points.at);
      weights.set(points.weight);
      addresses.set(count, address);
      address += 2 * rowBytes(count);
    }
    return addresses;
  }

  /** @returns for each inner node, where it stands. */
  private writeNodes({ feature, threshold, missingLeft, left, cover, width }: TreeEnsemble): Uint32Array {
    const { memory, at } = this.opened;
    const addresses = new Uint32Array(feature.length);
    let address = at.nodes;
    for (let node = 0; node < feature.length; node++) {
      if (feature[node] < 0) continue;
      addresses[node] = address;
      address += NODE_BYTES;
    }
    const view = new DataView(memory);
    for (let node = 0; node < feature.length; node++) {
      if (feature[node] < 0) continue;
      const to = addresses[node];
      const whole = cover[node] > 0 ? cover[node] : 1;
      view.setFloat32(to, threshold[node], true);
      view.setUint32(to + 4, feature[node], true);
      view.setUint32(to + 8, missingLeft[node], true);
      for (let side = 0; side < 2; side++) {
        const child = left[node] + side;
        const isLeaf = feature[child] < 0;
        view.setFloat64(to + 16 + side * 16, cover[child] / whole, true);
        view.setUint32(to + 24 + side * 16, isLeaf ? left[child] * width : addresses[child], true);
        view.setUint32(to + 28 + side * 16, isLeaf ? LEAF : 0, true);
      }
    }
    return addresses;
  }
}

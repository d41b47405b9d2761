import { openKernels } from "./kernels/kernels.ts";
import { depthsOf, type TreeEnsemble } from "./tree-ensemble.ts";
import { oneByOne, type TreeWalker } from "./walker-form.ts";

const WIDE_NODE_BYTES = 16;

export const wideSizes = ({ feature, roots }: TreeEnsemble, columnCount: number) => ({
  features: columnCount * 4,
  roots: roots.length * 4,
  depths: roots.length * 4,
  ended: roots.length * 4,
  nodes: feature.length * WIDE_NODE_BYTES,
});

/** Nodes of 16 bytes in WebAssembly, four trees walked side by side. Measured: a third of the plain walk's time a row. */
export function makeWideWalker(trees: TreeEnsemble, columnCount: number): TreeWalker {
  const { feature, threshold, left, missingLeft, roots, values, width } = trees;
  const { kernels, memory, at } = openKernels(wideSizes(trees, columnCount));
  const ints = new Int32Array(memory, at.nodes, feature.length * 4);
  const floats = new Float32Array(memory, at.nodes, feature.length * 4);
  for (let node = 0; node < feature.length; node++) {
    const leaf = feature[node] < 0;
    ints[node * 4] = leaf ? 0 : feature[node] * 4;
    floats[node * 4 + 1] = leaf ? Number.POSITIVE_INFINITY : threshold[node];
    ints[node * 4 + 2] = leaf ? node : left[node];
    ints[node * 4 + 3] = leaf ? 1 : missingLeft[node];
  }
  new Int32Array(memory, at.roots, roots.length).set(roots);
  new Uint32Array(memory, at.depths, roots.length).set(depthsOf(trees));
  const ended = new Uint32Array(memory, at.ended, roots.length);
  return oneByOne(new Float32Array(memory, at.features, columnCount), (out, outputs) => {
    kernels.findLeaves(at.nodes, at.roots, at.depths, roots.length, at.features, at.ended);
    out.fill(0, 0, outputs);
    let to = 0;
    for (let tree = 0; tree < ended.length; tree++) {
      const from = left[ended[tree]] * width;
      for (let i = 0; i < width; i++) out[to + i] += values[from + i];
      to += width;
      if (to >= outputs) to = 0;
    }
    for (let i = 0; i < outputs; i++) out[i] = Math.fround(out[i]);
  });
}

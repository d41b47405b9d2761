import fc from "fast-check";
import { expect, test } from "vitest";
import { COMPACT, makeCompactWalker } from "../../src/engine/compact-walker.ts";
import { predictProbabilities, predictRow, SeededRandom, trainBoosting, trainForest } from "../../src/engine/index.ts";
import { makeMaskWalker } from "../../src/engine/mask-walker.ts";
import { openShapeSums } from "../../src/engine/shape-sums.ts";
import { addRowValues, endNode, type TreeEnsemble } from "../../src/engine/tree-ensemble.ts";
import { makeTreeMasks } from "../../src/engine/tree-masks.ts";
import { openTreeRows } from "../../src/engine/tree-rows.ts";
import { walkerOf } from "../../src/engine/tree-walker.ts";
import { BLOCK_ROWS, type TreeWalker } from "../../src/engine/walker-form.ts";
import { makeWideWalker } from "../../src/engine/wide-walker.ts";
import { makeData } from "../unit/engine/seeded-data.ts";

/** All forms that hold an ensemble, and the one that is chosen. */
function walkersOf(trees: TreeEnsemble, columnCount: number): Record<string, TreeWalker> {
  const masked = makeMaskWalker(trees, columnCount);
  return {
    ...(masked === null ? {} : { masked }),
    ...(columnCount <= COMPACT.columns ? { compact: makeCompactWalker(trees, columnCount) } : {}),
    wide: makeWideWalker(trees, columnCount),
    chosen: walkerOf(trees, columnCount, 5000),
  };
}

/** Every form must give the sums of the plain walk for rows of `columns`, one after the other and all at once. */
function expectPlainSums(
  trees: TreeEnsemble,
  columns: readonly Float32Array[],
  outputs: number,
  forms = walkersOf(trees, columns.length),
) {
  const rows = (columns[0]?.length ?? 0) - 3;
  const expected = new Float64Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    const plain = new Float64Array(outputs);
    addRowValues(
      trees,
      Float64Array.from(columns, (column) => Number(column[row + 3])),
      plain,
      outputs,
    );
    expected.set(plain, row * outputs);
  }
  for (const [form, walker] of Object.entries(forms)) {
    const single = new Float64Array(outputs);
    for (let row = 0; row < rows; row++) {
      const features = Float64Array.from(columns, (column) => Number(column[row + 3]));
      walker.row.set(features);
      walker.walk(single, outputs, features.some(Number.isNaN));
      expect([form, ...single]).toEqual([form, ...expected.subarray(row * outputs, (row + 1) * outputs)]);
    }
    const many = new Float64Array(rows * outputs);
    walker.walkRows(columns, 3, rows, many, outputs);
    expect([form, ...many]).toEqual([form, ...expected]);
  }
}

const extremes = [Number.NaN, 0, -0, 3.4028234663852886e38, -3.4028234663852886e38, 1e-45];

test("walking trees in WebAssembly gives the sums of the plain walk in every form, one row and many", () => {
  const shape = fc.record({
    rows: fc.integer({ min: 20, max: 400 }),
    columnCount: fc.constantFrom(1, 2, 5, 8, 19, 150),
    classCount: fc.integer({ min: 2, max: 4 }),
    missingShare: fc.constantFrom(0, 0.05, 0.6),
    coarse: fc.boolean(),
    nEstimators: fc.constantFrom(1, 7, 11),
    maxLeafNodes: fc.constantFrom(2, 31, 33, 64, 65),
    boosted: fc.boolean(),
    taken: fc.integer({ min: 1, max: BLOCK_ROWS }),
    seed: fc.nat(1_000_000),
  });
  const forms = new Set<string>();
  fc.assert(
    fc.property(
      shape,
      ({ rows, columnCount, classCount, missingShare, coarse, nEstimators, maxLeafNodes, boosted, taken, seed }) => {
        const made = makeData(rows, columnCount, classCount, seed, missingShare);
        const data = coarse
          ? { ...made, columns: made.columns.map((column) => column.map((value) => Math.round(value * 2))) }
          : made;
        const { trees } = boosted
          ? trainBoosting(data, { nEstimators, maxLeafNodes, minSamplesLeaf: 1 })
          : trainForest(data, { nEstimators });
        const columns = data.columns.map((column, j) =>
          Float32Array.from({ length: taken + 3 }, (_, row) =>
            Number(row % 7 < 5 ? column[row % rows] : extremes[(row + j) % 6]),
          ),
        );
        for (const form of Object.keys(walkersOf(trees, columnCount))) forms.add(form);
        expectPlainSums(trees, columns, classCount === 2 ? 1 : classCount);
      },
    ),
  );
  expect([...forms].sort()).toEqual(["chosen", "compact", "masked", "wide"]);
});

test("masks of more trees than one part holds, and of more than 256 thresholds of a column", () => {
  const data = makeData(900, 3, 2, 5, 0.05);
  const columns = data.columns.map((column) => Float32Array.from(column.subarray(0, 63)));
  for (const [maxLeafNodes, bits, parts] of [
    [20, 32, 3],
    [60, 64, 5],
  ] as const) {
    const { trees } = trainBoosting(data, { nEstimators: 300, maxLeafNodes, minSamplesLeaf: 2, subsample: 0.5 });
    const masks = makeTreeMasks(trees);
    expect(masks?.map((part) => part.bits)).toEqual(new Array(parts).fill(bits));
    expectPlainSums(trees, columns, 1);
  }
  const random = new SeededRandom(9);
  const trees = grown(new Array(40).fill(30), 3, 0.5, random);
  const thresholds = makeTreeMasks(trees)?.flatMap((part) => part.columns.map((column) => column.thresholds.length)) ?? [];
  expect(Math.min(...thresholds)).toBeGreaterThan(256);
  expectPlainSums(trees, columns, 1);
  // values at the thresholds themselves, the least and the greatest among them
  const asked = [0, 1, 2].map((column) =>
    trees.threshold.filter((_, node) => trees.feature[node] === column).sort((a, b) => a - b),
  );
  const at = asked.map((all) =>
    Float32Array.from({ length: 64 }, (_, row) => Number(all[Math.round(((row - 3) / 60) * (all.length - 1))])),
  );
  expectPlainSums(trees, at, 1);
});

test("trees of one leaf, of 64 and of 65, and a tree of the greatest depth that masks hold", () => {
  const random = new SeededRandom(3);
  for (const leaves of [1, 2, 32, 33, 64, 65]) {
    for (const leaning of [0, 0.5, 1]) {
      const trees = grown([leaves, 1, leaves], 4, leaning, random);
      expect(makeTreeMasks(trees) === null).toBe(leaves > 64);
      const columns = Array.from({ length: 4 }, (_, j) =>
        Float32Array.from({ length: 40 }, (_, row) => Number(row % 9 === j ? extremes[row % 6] : random.nextNormal())),
      );
      expectPlainSums(trees, columns, 1);
    }
  }
});

test("the first rows of a model, which are walked otherwise than the thousands after them, are given the same numbers", () => {
  const data = makeData(5000, 6, 3, 31, 0.1);
  for (const model of [trainBoosting(data, { nEstimators: 20 }), trainForest(data, { nEstimators: 20 })]) {
    const all = predictProbabilities(model, data.columns);
    // another ensemble of the same arrays has seen no row yet
    const fresh = { ...model, trees: { ...model.trees } };
    const out = new Float64Array(3);
    for (let row = 0; row < 5000; row++) {
      predictRow(
        fresh,
        Float64Array.from(data.columns, (column) => Number(column[row])),
        out,
      );
      if (out.some((share, k) => share !== all[row * 3 + k]))
        expect([row, ...out]).toEqual([row, ...all.subarray(row * 3, row * 3 + 3)]);
    }
  }
});

test("rows that walk down one tree after the other end where each walks alone", () => {
  const random = new SeededRandom(17);
  for (const columnCount of [1, 7, 128, 129]) {
    for (const rowCount of [1, 8, 37]) {
      const trees = grown([1, 300, 2, 40], columnCount, 0.5, random);
      const columns = Array.from({ length: columnCount }, (_, j) =>
        Float32Array.from({ length: rowCount }, (_, row) => Number(row % 5 === j % 5 ? extremes[row % 6] : random.nextNormal())),
      );
      const rows = openTreeRows(columns, 599, false);
      for (const [tree, root] of trees.roots.entries()) {
        const ended = rows.endsOf(trees, root, trees.roots[tree + 1] ?? trees.feature.length);
        for (let row = 0; row < rowCount; row++) {
          const features = Float32Array.from(columns, (column) => Number(column[row]));
          expect(root + Number(ended[row])).toBe(endNode(trees, root, features));
        }
      }
      rows.release();
    }
  }
});

test("what shapes of a tree say is summed by the kernels as in the plain form, for any number of them and of classes", () => {
  const random = new SeededRandom(18);
  for (const [width, shapeCount] of [
    [1, 1],
    [1, 9],
    [3, 4],
    [4, 6],
    [5, 12],
  ] as const) {
    const columns = Array.from({ length: 6 }, () => Float32Array.from({ length: 29 }, () => random.nextNormal()));
    const shapes = Array.from({ length: shapeCount }, (_, s) => ({ depth: (s * 5) % 13, split: 2 + ((s * 7) % 40) }));
    const forms = (["wasm", "plain"] as const).map((form) => openShapeSums(columns, shapes, width, 599, false, form));
    for (const leaves of [1, 2, 300, 17]) {
      const trees = grown([leaves], 6, 0.1, random);
      const count = trees.feature.length;
      const rows = Int32Array.from({ length: count }, (_, node) => Math.ceil(300 / (node + 1)));
      const values = Float32Array.from({ length: count * width }, () => random.nextNormal());
      for (const form of forms) form.add(trees, { values, rows });
    }
    for (let shape = 0; shape < shapeCount; shape++) {
      const [fast, plain] = forms.map((form) => form.sumsOf(shape));
      expect(fast).toEqual(plain);
      expect(plain?.some((sum) => sum !== 0)).toBe(true);
    }
    for (const form of forms) form.release();
  }
});

test("leaves whose sums round are added in the order of the trees, and a NaN of any sign is missing", () => {
  const data = makeData(400, 5, 2, 21, 0.2);
  const given = trainBoosting(data, { nEstimators: 60 }).trees;
  // sums of these take more than the 53 bits of a float64
  const values = given.values.map((value, leaf) => (leaf % 3 === 0 ? value * 1e-19 : value));
  for (const trees of [given, { ...given, values }]) {
    for (const [form, walker] of Object.entries(walkersOf(trees, 5))) {
      const bits = new Uint32Array(walker.row.buffer, walker.row.byteOffset, 5);
      for (let row = 0; row < 400; row++) {
        const features = Float64Array.from(data.columns, (column) => column[row] ?? expect.unreachable());
        const [plain, single] = [new Float64Array(1), new Float64Array(1)];
        addRowValues(trees, features, plain, 1);
        walker.row.set(features);
        features.forEach((value, j) => {
          if (Number.isNaN(value)) bits[j] = row % 2 === 0 ? 0xffc00001 : 0x7fc12345;
        });
        walker.walk(single, 1, features.some(Number.isNaN));
        expect([form, ...single]).toEqual([form, ...plain]);
      }
    }
  }
});

/** Trees of so many leaves each, grown at random; `leaning`: the chance that the left child is split further. */
function grown(leafCounts: readonly number[], columnCount: number, leaning: number, random: SeededRandom): TreeEnsemble {
  const [feature, threshold, left, missingLeft, roots]: number[][] = [[], [], [], [], []];
  let leafCount = 0;
  const grow = (node: number, leaves: number): void => {
    missingLeft[node] = random.nextInt(2);
    if (leaves === 1) {
      feature[node] = -1;
      threshold[node] = 0;
      left[node] = leafCount++;
      return;
    }
    feature[node] = random.nextInt(columnCount);
    threshold[node] = Math.fround(random.nextNormal());
    const first = feature.push(0, 0) - 2;
    left[node] = first;
    const leftLeaves = leaning === 0.5 ? 1 + random.nextInt(leaves - 1) : leaning === 1 ? leaves - 1 : 1;
    grow(first, leftLeaves);
    grow(first + 1, leaves - leftLeaves);
  };
  for (const leaves of leafCounts) {
    roots.push(feature.push(0) - 1);
    grow(feature.length - 1, leaves);
  }
  return {
    feature: Int16Array.from(feature),
    threshold: Float32Array.from(threshold),
    left: Int32Array.from(left),
    missingLeft: Uint8Array.from(missingLeft),
    cover: new Float32Array(feature.length).fill(1),
    values: Float32Array.from({ length: leafCount }, () => random.nextNormal()),
    width: 1,
    roots: Int32Array.from(roots),
    categories: null,
  };
}

import fc from "fast-check";
import { expect, test } from "vitest";
import { growBoosting } from "../../src/engine/boosting.ts";
import { scanCategories } from "../../src/engine/boosting-categories.ts";
import { noCandidate, type RowRange, type SplitLimits } from "../../src/engine/boosting-search.ts";
import { plantForest } from "../../src/engine/forest.ts";
import { type TreeModel, trainBoosting, trainExtraTrees, trainForest } from "../../src/engine/index.ts";
import { BOOSTING_PARAMETERS, FOREST_PARAMETERS } from "../../src/engine/parameter-tables.ts";
import { resolveParameters } from "../../src/engine/parameters.ts";
import { addRowValues } from "../../src/engine/tree-ensemble.ts";
import { walkerOf } from "../../src/engine/tree-walker.ts";
import { BLOCK_ROWS } from "../../src/engine/walker-form.ts";
import { makeCategorical } from "../unit/engine/seeded-data.ts";
import { growNoted } from "./noted-forest.ts";

const arraysOf = ({ trees }: Pick<TreeModel, "trees">) => [
  trees.feature,
  trees.threshold,
  trees.left,
  trees.missingLeft,
  trees.cover,
  trees.values,
  trees.roots,
  trees.categories,
];

/** Every way to part the numbers 0 ... count - 1 in two, the last one always on the right. */
const subsets = (count: number): number[][] =>
  Array.from({ length: 2 ** (count - 1) - 1 }, (_, mask) =>
    Array.from({ length: count }, (_, i) => i).filter((i) => ((mask + 1) >> i) & 1),
  );

test("boosting finds the best of all subsets of a node's categories, missing values among them", () => {
  const bin = fc.record({ gradient: fc.integer({ min: -5000, max: 5000 }), hessian: fc.integer({ min: 1, max: 9000 }) });
  fc.assert(
    fc.property(fc.array(bin, { minLength: 2, maxLength: 9 }), fc.boolean(), (bins, missing) => {
      const sums = { gradient: new Int32Array(256), hessian: new Int32Array(256), rows: new Int32Array(256) };
      const places = bins.map((_, i) => (missing && i === 0 ? 255 : i * 7));
      for (const [i, { gradient, hessian }] of bins.entries()) {
        sums.gradient[places[i] ?? 0] = gradient;
        sums.hessian[places[i] ?? 0] = hessian;
        sums.rows[places[i] ?? 0] = 1;
      }
      const total = (of: readonly (typeof bins)[number][], name: "gradient" | "hessian"): number =>
        of.reduce((sum, each) => sum + each[name], 0);
      const [gradient, hessian] = [total(bins, "gradient"), total(bins, "hessian")];
      const range: RowRange = { start: 0, end: bins.length, gradient, hessian, least: -1e9, most: 1e9, l2Added: 0 };
      const free = { maxCatToOnehot: 0, smoothing: 0, leastRows: 0, l2: 0, maxCatThreshold: 256, minDataPerGroup: 1 };
      const limits: SplitLimits = {
        ...{ minSamplesLeaf: 1, minHessian: 0, l1: 0, l2: 0, minSplitGain: 0, monotone: null },
        categories: { ...free, marks: Uint8Array.of(1) },
      };
      const found = scanCategories(sums, 0, range, limits, true, noCandidate(range, limits));
      const gain = (g: number, h: number): number => g ** 2 / h + (gradient - g) ** 2 / (hessian - h);
      const best = Math.max(
        ...subsets(bins.length).map((chosen) => {
          const left = chosen.flatMap((i) => bins[i] ?? []);
          return gain(total(left, "gradient"), total(left, "hessian"));
        }),
      );
      // what float32 cannot tell from no split at all is none
      if (found.column < 0) expect(best).toBeLessThan((gradient ** 2 / hessian) * (1 + 3e-6) + 1e-30);
      else expect(Math.abs(gain(found.leftGradient, found.leftHessian) - best)).toBeLessThanOrEqual(best * 1e-6);
    }),
    { numRuns: 2000 },
  );
});

test("a forest's tree of one split finds the best of all subsets of two classes, as Gini impurity says", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 8 }),
      fc.integer({ min: 20, max: 120 }),
      fc.nat(1e6),
      fc.boolean(),
      (count, rows, seed, holes) => {
        const { columns, labels } = makeCategorical(rows, [count], 2, seed, holes ? 0.1 : 0);
        const column = columns[2] ?? new Float64Array();
        const { trees } = trainForest(
          { columns: [column], labels, classCount: 2, constantColumns: "allow" },
          { nEstimators: 1, bootstrap: false, maxDepth: 1, categoricalFeatures: [0] },
        );
        const codes = [...new Set(Array.from(column, (value) => (Number.isNaN(value) ? -1 : value)))];
        const purity = (chosen: readonly number[]): number => {
          // rows of each class, on the left and on the right
          const counts = [0, 0, 0, 0];
          for (const [row, value] of column.entries())
            counts[(chosen.includes(Number.isNaN(value) ? -1 : value) ? 0 : 2) + labels[row]] += 1;
          const ofSide = (a: number, b: number): number => (a + b === 0 ? 0 : (a ** 2 + b ** 2) / (a + b));
          return ofSide(counts[0], counts[1]) + ofSide(counts[2], counts[3]);
        };
        const best = Math.max(0, ...subsets(codes.length).map((chosen) => purity(chosen.map((i) => codes[i] ?? 0))));
        if (trees.feature[0] === -1) {
          expect(best).toBeLessThanOrEqual(purity(codes) * (1 + 1e-9));
          return;
        }
        const left = codes.filter((code) => {
          const sum = new Float64Array(1);
          addRowValues(trees, Float64Array.of(code < 0 ? Number.NaN : code), sum, 1);
          const value = trees.values[trees.left[trees.left[0] ?? 0] ?? 0];
          return sum[0] === value;
        });
        expect(Math.abs(purity(left) - best)).toBeLessThanOrEqual(best * 1e-9);
      },
    ),
    { numRuns: 300 },
  );
});

const shape = fc.record({
  rows: fc.integer({ min: 30, max: 600 }),
  categories: fc.array(fc.constantFrom(1, 2, 5, 40, 255), { minLength: 1, maxLength: 5 }),
  classCount: fc.integer({ min: 2, max: 4 }),
  seed: fc.nat(1_000_000),
  missingShare: fc.constantFrom(0, 0.05, 0.5),
});

function dataOf({ rows, categories, classCount, seed, missingShare }: typeof shape extends fc.Arbitrary<infer T> ? T : never) {
  const data = makeCategorical(rows, categories, classCount, seed, missingShare);
  const weights = Float64Array.from(data.labels, (_, row) => (row < 4 ? 1 : (row * 7) % 5));
  return { ...data, constantColumns: "allow" as const, ...(seed % 3 === 0 ? { weights } : {}) };
}

test("boosting with categories in WebAssembly gives the bytes of the plain form", () => {
  fc.assert(
    fc.property(
      shape,
      fc.record({
        nEstimators: fc.integer({ min: 1, max: 4 }),
        maxLeafNodes: fc.integer({ min: 2, max: 40 }),
        growPolicy: fc.constantFrom("lossguide" as const, "depthwise" as const),
        minSamplesLeaf: fc.integer({ min: 1, max: 30 }),
        l1Regularization: fc.constantFrom(0, 0.5),
        minSplitGain: fc.constantFrom(0, 0.01),
        subsample: fc.constantFrom(1, 0.6),
        columnSample: fc.constantFrom(1, 0.5),
        maxCatToOnehot: fc.constantFrom(0, 4, 10),
        catSmooth: fc.constantFrom(0, 1, 10),
        catL2: fc.constantFrom(0, 10),
        maxCatThreshold: fc.constantFrom(1, 32, 256),
        minDataPerGroup: fc.constantFrom(1, 10, 100),
      }),
      (given, params) => {
        const { categoricalFeatures, ...data } = dataOf(given);
        const resolved = resolveParameters(BOOSTING_PARAMETERS, { ...params, categoricalFeatures }, "gradient_boosting");
        const fast = growBoosting(data, resolved, undefined, undefined, "wasm");
        const plain = growBoosting(data, resolved, undefined, undefined, "plain");
        expect(arraysOf(fast)).toEqual(arraysOf(plain));
      },
    ),
    { numRuns: 150 },
  );
});

test("boosting with categories of more rows than a cell counts: WebAssembly gives the bytes of the plain form", () => {
  for (const [seed, minSamplesLeaf] of [3, 400].entries()) {
    const { categoricalFeatures, ...data } = makeCategorical(17_003, [9, 255], 2, seed, 0.05);
    const given = { nEstimators: 2, minSamplesLeaf, minDataPerGroup: 1, catSmooth: 1, categoricalFeatures };
    const resolved = resolveParameters(BOOSTING_PARAMETERS, given, "gradient_boosting");
    const fast = growBoosting(data, resolved, undefined, undefined, "wasm");
    expect(arraysOf(fast)).toEqual(arraysOf(growBoosting(data, resolved, undefined, undefined, "plain")));
    for (const [node, feature] of fast.trees.feature.entries())
      if (feature < 0) expect(fast.trees.cover[node]).toBeGreaterThanOrEqual(minSamplesLeaf);
  }
});

const FORESTS = ["random_forest", "extra_trees"] as const;

test("forests and extra trees with categories in WebAssembly give the bytes of the plain form", () => {
  fc.assert(
    fc.property(
      shape,
      fc.record({
        nEstimators: fc.constant(3),
        maxDepth: fc.constantFrom(null, 1, 4),
        minSamplesSplit: fc.constantFrom(2, 12),
        minSamplesLeaf: fc.constantFrom(1, 1, 5),
        maxFeatures: fc.constantFrom("sqrt" as const, "all" as const, 0.5),
        bootstrap: fc.boolean(),
        classWeight: fc.constantFrom("none" as const, "none" as const, "balanced" as const),
        maxBins: fc.constantFrom(16, 255),
        seed: fc.nat(1000),
      }),
      fc.constantFrom(...FORESTS),
      fc.constantFrom(0, 130),
      (given, params, modelType, more) => {
        // half of them two classes, which have a form of their own; records of more than 128 bytes have not
        const classCount = given.seed % 2 === 0 ? 2 : given.classCount;
        const { categoricalFeatures, ...data } = dataOf({ ...given, classCount });
        const columns = [...data.columns, ...Array.from({ length: more }, () => new Float64Array(given.rows))];
        const resolved = resolveParameters(FOREST_PARAMETERS, { ...params, categoricalFeatures }, modelType);
        const grow = (form: "wasm" | "plain") => growNoted(modelType, { ...data, columns }, resolved, 3, form);
        const [fast, plain] = [grow("wasm"), grow("plain")];
        expect(arraysOf(fast)).toEqual(arraysOf(plain));
        expect(fast.noted).toEqual(plain.noted);
        expect(fast.noted.flat().length).toBeGreaterThan(0);
      },
    ),
    { numRuns: 400 },
  );
});

for (const classCount of [2, 3]) {
  test(`a tree with categories of ${classCount} classes that is grown in several calls is the plain form's`, () => {
    const { categoricalFeatures, ...data } = makeCategorical(120_000, [12, 255], classCount, 37, 0.02);
    const params = { nEstimators: 1, maxFeatures: "all" as const, minSamplesSplit: 50, categoricalFeatures };
    const resolved = resolveParameters(FOREST_PARAMETERS, params, "random_forest");
    const grow = (form: "wasm" | "plain") => {
      const grove = plantForest("random_forest", data, resolved, undefined, form);
      grove.growTree(0);
      return arraysOf({ trees: grove.builder.finish() });
    };
    expect(grow("wasm")).toEqual(grow("plain"));
  });
}

test("walking trees with categories in WebAssembly gives the sums of the plain walk, for categories, other numbers and holes", () => {
  fc.assert(
    fc.property(
      shape,
      fc.constantFrom(trainBoosting, trainForest, trainExtraTrees),
      fc.constantFrom(0, 140),
      (given, train, more) => {
        const { categoricalFeatures, ...data } = dataOf(given);
        // above 128 columns the nodes take another form
        const wide = { ...data, columns: [...data.columns, ...Array.from({ length: more }, () => new Float64Array(given.rows))] };
        const model = train(wide, { nEstimators: 5, categoricalFeatures });
        const outputs = given.classCount === 2 ? 1 : given.classCount;
        const walker = walkerOf(model.trees, wide.columns.length, 200 + (given.seed % 2) * 5000);
        const odd = [Number.NaN, 0, -0, -1, 2.5, 1e30, 255, 256, 4, 1e-45];
        const columns = wide.columns.map((column, j) =>
          Float32Array.from({ length: BLOCK_ROWS }, (_, row) =>
            Number(row % 2 === 0 ? column[row % given.rows] : odd[(row + j) % 10]),
          ),
        );
        const expected = new Float64Array(BLOCK_ROWS * outputs);
        const single = new Float64Array(outputs);
        for (let row = 0; row < BLOCK_ROWS; row++) {
          const features = Float64Array.from(columns, (column) => Number(column[row]));
          const plain = new Float64Array(outputs);
          addRowValues(model.trees, features, plain, outputs);
          walker.row.set(features);
          walker.walk(single, outputs, features.some(Number.isNaN));
          expect(single).toEqual(plain);
          expected.set(plain, row * outputs);
        }
        const many = new Float64Array(BLOCK_ROWS * outputs);
        walker.walkRows(columns, 0, BLOCK_ROWS, many, outputs);
        expect(many).toEqual(expected);
      },
    ),
    { numRuns: 60 },
  );
});

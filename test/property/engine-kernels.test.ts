import fc from "fast-check";
import { expect, test } from "vitest";
import { buildKernels } from "../../scripts/build-kernels.ts";
import { binColumns } from "../../src/engine/bin-columns.ts";
import { growBoosting } from "../../src/engine/boosting.ts";
import { plantForest } from "../../src/engine/forest.ts";
import { type TreeModel, trainForest } from "../../src/engine/index.ts";
import { WASM_BASE64 } from "../../src/engine/kernels/wasm-bytes.ts";
import { BOOSTING_PARAMETERS, FOREST_PARAMETERS } from "../../src/engine/parameter-tables.ts";
import { resolveParameters } from "../../src/engine/parameters.ts";
import { makeData } from "../unit/engine/seeded-data.ts";
import { growNoted } from "./noted-forest.ts";

const arraysOf = ({ trees }: Pick<TreeModel, "trees">) => [
  trees.feature,
  trees.threshold,
  trees.left,
  trees.missingLeft,
  trees.cover,
  trees.values,
  trees.roots,
];

const shape = fc.record({
  rows: fc.integer({ min: 20, max: 400 }),
  columns: fc.integer({ min: 1, max: 19 }),
  classCount: fc.integer({ min: 2, max: 4 }),
  seed: fc.nat(1_000_000),
  missingShare: fc.constantFrom(0, 0.05, 0.6),
  coarse: fc.boolean(),
  weighted: fc.boolean(),
});

function dataOf({
  rows,
  columns,
  classCount,
  seed,
  missingShare,
  coarse,
  weighted,
}: typeof shape extends fc.Arbitrary<infer T> ? T : never) {
  const data = makeData(rows, columns, classCount, seed, missingShare);
  const weights = weighted ? Float64Array.from(data.labels, (_, row) => (row * 7) % 5) : undefined;
  const rounded = coarse ? data.columns.map((column) => column.map((value) => Math.round(value * 2))) : data.columns;
  return { ...data, columns: rounded, weights };
}

test("boosting in WebAssembly gives the bytes of the plain form", () => {
  fc.assert(
    fc.property(
      shape,
      fc.record({
        nEstimators: fc.integer({ min: 1, max: 4 }),
        maxLeafNodes: fc.integer({ min: 2, max: 40 }),
        maxDepth: fc.constantFrom(null, 1, 3),
        growPolicy: fc.constantFrom("lossguide" as const, "depthwise" as const),
        minSamplesLeaf: fc.integer({ min: 1, max: 30 }),
        l1Regularization: fc.constantFrom(0, 0.5),
        l2Regularization: fc.constantFrom(0, 1),
        minSplitGain: fc.constantFrom(0, 0.01),
        subsample: fc.constantFrom(1, 0.6),
        columnSample: fc.constantFrom(1, 0.5),
        maxBins: fc.constantFrom(2, 16, 255),
      }),
      fc.boolean(),
      (given, params, constrained) => {
        const data = dataOf(given);
        const monotonicCst = constrained && given.classCount === 2 ? data.columns.map((_, column) => (column % 3) - 1) : [];
        const resolved = resolveParameters(BOOSTING_PARAMETERS, { ...params, monotonicCst }, "gradient_boosting");
        const fast = growBoosting(data, resolved, undefined, undefined, "wasm");
        const plain = growBoosting(data, resolved, undefined, undefined, "plain");
        expect(arraysOf(fast)).toEqual(arraysOf(plain));
      },
    ),
    { numRuns: 120 },
  );
});

test("boosting of more rows than a cell counts, of heavy weights and of many columns: WebAssembly gives the bytes of the plain form", () => {
  const cases = [
    { rows: 17_001, columns: 3, weight: (): number => 1, subsample: 1 },
    { rows: 17_002, columns: 5, weight: (row: number): number => row % 3, subsample: 0.4 },
    // too heavy for 16 bits
    { rows: 20_003, columns: 4, weight: (row: number): number => (row % 500 === 0 ? 900 : 0.2), subsample: 1 },
    // more columns than one function of the emitted kernels adds
    { rows: 300, columns: 301, weight: (): number => 1, subsample: 1 },
    { rows: 17_000, columns: 131, weight: (): number => 1, subsample: 0.9 },
  ];
  for (const [seed, { rows, columns, weight, subsample }] of cases.entries()) {
    const data = makeData(rows, columns, 2, seed, seed === 1 ? 0 : 0.1);
    const weights = seed === 0 ? undefined : Float64Array.from(data.labels, (_, row) => weight(row));
    // 3 rows a leaf: the estimate by hessians is often wrong, and the split is searched again with rows counted
    const given = { nEstimators: columns > 100 ? 1 : 2, minSamplesLeaf: 3, subsample, maxBins: columns > 100 ? 9 : 255 };
    const resolved = resolveParameters(BOOSTING_PARAMETERS, given, "gradient_boosting");
    const fast = growBoosting({ ...data, weights }, resolved, undefined, undefined, "wasm");
    const plain = growBoosting({ ...data, weights }, resolved, undefined, undefined, "plain");
    expect(arraysOf(fast)).toEqual(arraysOf(plain));
    for (const [node, feature] of fast.trees.feature.entries())
      if (feature < 0) expect(fast.trees.cover[node]).toBeGreaterThanOrEqual(3);
  }
});

test("forests and extra trees in WebAssembly give the bytes of the plain form", () => {
  fc.assert(
    fc.property(
      shape,
      fc.record({
        nEstimators: fc.constant(3),
        maxDepth: fc.constantFrom(null, 1, 4),
        minSamplesSplit: fc.constantFrom(2, 12),
        minSamplesLeaf: fc.constantFrom(1, 5),
        maxFeatures: fc.constantFrom("sqrt" as const, "all" as const, 0.5),
        bootstrap: fc.boolean(),
        classWeight: fc.constantFrom("none" as const, "balanced" as const),
        maxBins: fc.constantFrom(2, 16, 255),
        seed: fc.nat(1000),
      }),
      fc.constantFrom("random_forest" as const, "extra_trees" as const),
      (given, params, modelType) => {
        // half of them two classes, which have a form of their own
        const data = dataOf({ ...given, classCount: given.seed % 2 === 0 ? 2 : given.classCount + 1 });
        const resolved = resolveParameters(FOREST_PARAMETERS, params, modelType);
        const grow = (form: "wasm" | "plain") => growNoted(modelType, data, resolved, 3, form);
        const [fast, plain] = [grow("wasm"), grow("plain")];
        expect(arraysOf(fast)).toEqual(arraysOf(plain));
        expect(fast.noted).toEqual(plain.noted);
        expect(fast.noted.flat().length).toBeGreaterThan(0);
      },
    ),
    { numRuns: 240 },
  );
});

test("forests of three and four classes whose rows count once give the bytes of the plain form, with few bins and many, missing values and none", () => {
  const classes = fc.constantFrom(3, 4);
  const bins = fc.constantFrom(2, 63, 64, 255);
  const missing = fc.constantFrom(0, 0.1, 0.7);
  fc.assert(
    fc.property(classes, bins, missing, fc.integer({ min: 5, max: 900 }), fc.nat(), (classCount, maxBins, share, rows, seed) => {
      const data = makeData(rows, 7, classCount, seed, share);
      // some rows count not at all
      const weights = Float64Array.from(data.labels, (_, row) => (row % 11 === 3 ? 0 : 1));
      const params = resolveParameters(FOREST_PARAMETERS, { nEstimators: 2, maxBins, maxFeatures: 6, seed: 3 }, "random_forest");
      const grow = (form: "wasm" | "plain") => growNoted("random_forest", { ...data, weights }, params, 2, form);
      const [fast, plain] = [grow("wasm"), grow("plain")];
      expect(arraysOf(fast)).toEqual(arraysOf(plain));
      expect(fast.noted).toEqual(plain.noted);
    }),
    { numRuns: 100 },
  );
});

for (const classCount of [2, 3]) {
  test(`a tree of ${classCount} classes that is grown in several calls, between which cancellation is looked for, is the plain form's`, () => {
    const data = makeData(150_000, 6, classCount, 31);
    const params = resolveParameters(FOREST_PARAMETERS, { nEstimators: 1, maxFeatures: "all" }, "random_forest");
    let asked = 0;
    let most = Number.POSITIVE_INFINITY;
    const watch = {
      signal: {
        get aborted(): boolean {
          return ++asked > most;
        },
      },
    };
    const grow = (form: "wasm" | "plain") => {
      const grove = plantForest("random_forest", data, params, undefined, form, watch);
      asked = 0;
      grove.growTree(0);
      return grove.builder.finish();
    };
    const fast = grow("wasm");
    expect(asked).toBeGreaterThanOrEqual(1);
    expect(asked).toBeLessThan(100);
    expect(arraysOf({ trees: fast })).toEqual(arraysOf({ trees: grow("plain") }));
    // before the tree it is looked for at each of six columns, and once
    [asked, most] = [0, 7];
    expect(() => trainForest(data, { nEstimators: 1, maxFeatures: "all" }, watch)).toThrow(/cancelled/);
  });
}

test("binning in WebAssembly gives the codes of the plain form", () => {
  for (const missingShare of [0, 0.2, 1]) {
    for (const maxBins of [2, 37, 255]) {
      const { columns } = makeData(5000, 3, 2, 9, missingShare);
      const mixed = [...columns, columns[0].map(Math.round), new Float64Array(5000).fill(7)].map((column) =>
        Float32Array.from(column),
      );
      expect(binColumns(mixed, maxBins, "wasm")).toEqual(binColumns(mixed, maxBins, "plain"));
    }
  }
});

test("the checked-in WebAssembly is what its sources compile to", async () => {
  const fresh = (await buildKernels())
    .match(/"([A-Za-z0-9+/=]+)"/g)
    ?.map((line) => line.slice(1, -1))
    .join("");
  expect(fresh).toBe(WASM_BASE64);
});

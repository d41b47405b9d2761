import { expect, test } from "vitest";
import {
  type Model,
  makeExplainer,
  partialDependence,
  permutationImportance,
  predictRow,
  shapImportance,
  splitImportance,
  type TreeModel,
  trainBoosting,
  trainForest,
  trainLogistic,
  trainNetwork,
} from "../../../src/engine/index.ts";
import { goesLeft } from "../../../src/engine/tree-ensemble.ts";
import { TreeShap } from "../../../src/engine/tree-shap.ts";
import { shapOf } from "../../../src/engine/tree-shap-kernel.ts";
import { makeCategorical, makeData } from "./seeded-data.ts";

const logit = (p: number): number => Math.log(p / (1 - p));

/** Shapley values by their definition: over all subsets of features, unknown features averaged by cover. */
function shapleyByDefinition(model: TreeModel, values: Float64Array, output: number): number[] {
  const { trees, featureCount } = model;
  const { feature, left, cover, width, roots } = trees;
  const outputs = model.classCount === 2 ? 1 : model.classCount;
  const answer = (known: number, node: number, k: number): number => {
    if (feature[node] < 0) return trees.values[left[node] * width + k];
    const [l, r] = [left[node], left[node] + 1];
    if (((known >> feature[node]) & 1) === 0)
      return (cover[l] * answer(known, l, k) + cover[r] * answer(known, r, k)) / cover[node];
    return answer(known, goesLeft(trees, node, values[feature[node]]) ? l : r, k);
  };
  const whole = (known: number): number => {
    let sum = 0;
    roots.forEach((root, tree) => {
      const k = output - ((tree * width) % outputs);
      if (k >= 0 && k < width) sum += answer(known, root, k);
    });
    return model.baseline === null ? sum / roots.length : sum;
  };
  const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));
  return Array.from({ length: featureCount }, (_, j) => {
    let part = 0;
    for (let known = 0; known < 1 << featureCount; known++) {
      if ((known >> j) & 1) continue;
      let size = 0;
      for (let i = 0; i < featureCount; i++) size += (known >> i) & 1;
      const weight = (factorial(size) * factorial(featureCount - size - 1)) / factorial(featureCount);
      part += weight * (whole(known | (1 << j)) - whole(known));
    }
    return part;
  });
}

for (const classCount of [2, 3]) {
  for (const [name, train] of [
    ["forest", trainForest],
    ["boosting", trainBoosting],
  ] as const) {
    test.each([
      ["numbers", []],
      ["categories", [2, 3, 4]],
    ])(
      `tree Shapley values equal the definition over all subsets: ${name}, ${classCount} classes, %s`,
      (_, categoricalFeatures) => {
        const data = makeCategorical(200, [3, 9, 30], classCount, 61, 0.1);
        const model = train(data, { nEstimators: 4, maxDepth: 6, seed: 2, categoricalFeatures });
        const outputs = classCount === 2 ? 1 : classCount;
        for (let row = 0; row < 6; row++) {
          const values = Float64Array.from(data.columns, (column) => Math.fround(column[row]));
          const { parts } = makeExplainer(model).explain(values);
          for (let k = 0; k < outputs; k++) {
            shapleyByDefinition(model, values, k).forEach((part, j) => {
              expect(Math.abs(parts[j * outputs + k] - part)).toBeLessThan(1e-12);
            });
          }
        }
      },
    );
  }
}

test("the kernels give the Shapley values of the plain form: shallow and deep trees, several classes, features asked again", () => {
  for (const [columnCount, classCount] of [
    [2, 2],
    [5, 3],
    [30, 2],
    [14, 4],
  ] as const) {
    const data = makeData(600, columnCount, classCount, 63 + columnCount, 0.1);
    const models = [
      trainForest(data, { nEstimators: 5, maxDepth: 3, seed: 1 }),
      trainForest(data, { nEstimators: 5, seed: 2 }),
      trainBoosting(data, { nEstimators: 6, minSamplesLeaf: 2, maxLeafNodes: 60 }),
      trainBoosting(data, { nEstimators: 3, maxDepth: 2, minSplitGain: 1e9 }),
    ];
    for (const { trees, baseline } of models) {
      const outputs = classCount === 2 ? 1 : classCount;
      const plain = new TreeShap(trees, outputs, columnCount);
      const kernel = shapOf(trees, outputs, columnCount);
      expect(shapOf(trees, outputs, columnCount)).toBe(kernel);
      for (let row = 0; row < 30; row++) {
        const values = Float64Array.from(data.columns, (column) => Math.fround(row === 0 ? Number.NaN : column[row]));
        const [a, b] = [new Float64Array(columnCount * outputs), new Float64Array(columnCount * outputs)];
        plain.add(values, a);
        kernel.add(values, b);
        const scale = baseline === null ? trees.roots.length : 1;
        a.forEach((part, i) => {
          expect(Math.abs(part - b[i]) / scale).toBeLessThan(1e-13);
        });
      }
    }
  }
});

test("base and parts add up to the model's answer, for every learner", () => {
  const data = makeData(300, 6, 2, 62, 0.1);
  const models: Model[] = [
    trainForest(data, { nEstimators: 30, maxDepth: 12 }),
    trainBoosting(data, { nEstimators: 30 }),
    trainLogistic(data),
    trainNetwork(data, { hiddenLayerSizes: [10], maxIter: 20 }),
  ];
  for (const model of models) {
    const explainer = makeExplainer(model);
    for (let row = 0; row < 20; row++) {
      const values = Float64Array.from(data.columns, (column) => column[row]);
      const { base, parts, unit } = explainer.explain(values);
      const sum = parts.reduce((total, part) => total + part, base[0]);
      const p = predictRow(model, values)[1];
      expect(Math.abs(sum - (unit === "probability" ? p : logit(p)))).toBeLessThan(1e-5);
    }
  }
});

test("a model whose early stopping kept no tree explains its baseline", () => {
  const model = trainBoosting(makeData(100, 3, 2, 65), { nEstimators: 1 });
  const { trees } = model;
  const { base, parts } = makeExplainer({ ...model, trees: { ...trees, roots: new Int32Array(0) } }).explain(new Float64Array(3));
  expect([...base]).toEqual([...(model.baseline ?? [])]);
  expect([...parts]).toEqual([0, 0, 0]);
});

test("every importance finds the columns that carry the label", () => {
  const data = makeData(500, 5, 2, 63);
  const held = makeData(300, 5, 2, 64);
  const model = trainForest(data, { nEstimators: 40, maxDepth: 6 });
  const { mean } = permutationImportance(model, held, 1);
  for (const importance of [splitImportance(model), shapImportance(model, held.columns), mean]) {
    const order = Array.from(importance.keys()).sort((a, b) => importance[b] - importance[a]);
    expect(order.slice(0, 2)).toEqual([0, 1]);
  }
  expect(splitImportance(model).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
});

test("partial dependence rises with a column that raises the label", () => {
  const data = makeData(500, 3, 2, 65);
  const pd = partialDependence(trainBoosting(data, { nEstimators: 30 }), data.columns, 0, [-2, 0, 2]);
  expect(pd[1]).toBeLessThan(pd[3]);
  expect(pd[3]).toBeLessThan(pd[5]);
  expect(pd[0] + pd[1]).toBeCloseTo(1, 12);
});

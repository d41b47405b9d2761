import { expect, test } from "vitest";
import { predictProbabilities, trainLogistic } from "../../../src/engine/index.ts";
import { readFixture, toColumns } from "./reference.ts";

interface Fit {
  c: number;
  coefficients: number[][];
  intercepts: number[];
  probabilities: number[][];
}
interface Reference {
  binary: { x: number[][]; y: number[]; weights: number[]; fits: Fit[]; weighted: Fit };
  multi: { x: number[][]; y: number[]; fits: Fit[] };
}
const reference = readFixture<Reference>("reference.json");
const greatestDifference = (a: ArrayLike<number>, b: readonly number[]): number =>
  b.reduce((most, value, i) => Math.max(most, Math.abs(value - a[i])), 0);

for (const [name, classCount] of [
  ["binary", 2],
  ["multi", 3],
] as const) {
  for (const fit of reference[name].fits) {
    test(`${name} coefficients and probabilities equal scikit-learn's at C = ${fit.c}`, () => {
      const { x, y } = reference[name];
      const model = trainLogistic({ columns: toColumns(x), labels: Uint8Array.from(y), classCount }, { C: fit.c, tol: 1e-10 });
      expect(model.converged).toBe(true);
      const expected = fit.coefficients.flatMap((row, k) => [...row, fit.intercepts[k]]);
      // with three classes a constant may be added to all intercepts: compare them from the first
      const width = x[0].length + 1;
      const shift = classCount === 3 ? fit.intercepts[0] - model.coefficients[width - 1] : 0;
      const shifted = model.coefficients.map((value, i) => (i % width === width - 1 ? value + shift : value));
      expect(greatestDifference(shifted, expected)).toBeLessThan(1e-6);
      expect(greatestDifference(predictProbabilities(model, toColumns(x)), fit.probabilities.flat())).toBeLessThan(1e-6);
    });
  }
}

test("weighted rows give scikit-learn's weighted fit", () => {
  const { x, y, weights, weighted } = reference.binary;
  const model = trainLogistic(
    { columns: toColumns(x), labels: Uint8Array.from(y), classCount: 2, weights: Float64Array.from(weights) },
    { C: weighted.c, tol: 1e-10 },
  );
  expect(greatestDifference(predictProbabilities(model, toColumns(x)), weighted.probabilities.flat())).toBeLessThan(1e-6);
});

test("a missing value is read as the mean, and missingness itself can carry the label", () => {
  const labels = Uint8Array.from({ length: 100 }, (_, row) => (row % 4 === 0 ? 1 : 0));
  const column = Float64Array.from(labels, (label, row) => (label === 1 ? Number.NaN : (row % 10) - 4.5));
  const model = trainLogistic(
    { columns: [column, new Float64Array(100).fill(3)], labels, classCount: 2, constantColumns: "allow" },
    { C: 100 },
  );
  const p = predictProbabilities(model, [Float64Array.of(Number.NaN, 0), Float64Array.of(3, 3)]);
  expect(p[1]).toBeGreaterThan(0.95);
  expect(p[3]).toBeLessThan(0.05);
});

interface SparseFit extends Fit {
  data: "binary" | "multi";
  weighted: boolean;
  l1_ratio: number;
}

for (const fit of readFixture<SparseFit[]>("sparse-reference.json")) {
  const { data, weighted, c, l1_ratio } = fit;
  const how = `${data}${weighted ? ", weighted" : ""}, C = ${c}, l1Ratio = ${l1_ratio}`;
  test(`with absolute penalties the zeros, coefficients and probabilities are scikit-learn's saga's: ${how}`, () => {
    const { x, y } = reference[data];
    const weights = weighted ? { weights: Float64Array.from(reference.binary.weights) } : {};
    const classCount = data === "binary" ? 2 : 3;
    const model = trainLogistic(
      { columns: toColumns(x), labels: Uint8Array.from(y), classCount, ...weights },
      { C: c, l1Ratio: l1_ratio, tol: 1e-10, maxIter: 10_000 },
    );
    expect(model.converged).toBe(true);
    const width = x[0].length + 1;
    const coefficients = model.coefficients.filter((_, i) => i % width !== width - 1);
    const expected = fit.coefficients.flat();
    expect(Array.from(coefficients, (value) => value === 0)).toEqual(expected.map((value) => value === 0));
    expect(greatestDifference(coefficients, expected)).toBeLessThan(2e-6);
    const p = predictProbabilities(model, toColumns(x));
    if (expected.some((value) => value !== 0)) {
      expect(greatestDifference(p, fit.probabilities.flat())).toBeLessThan(2e-6);
      return;
    }
    // saga stops at once when no coefficient moves, with its intercept on the way: the truth is the share of each class
    const shares = new Float64Array(classCount);
    y.forEach((label, row) => {
      shares[label] += weighted ? reference.binary.weights[row] : 1;
    });
    const total = shares.reduce((sum, share) => sum + share, 0);
    expect(
      greatestDifference(
        p.subarray(0, classCount),
        Array.from(shares, (share) => share / total),
      ),
    ).toBeLessThan(1e-8);
  });
}

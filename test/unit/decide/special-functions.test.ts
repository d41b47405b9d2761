import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { holm, midP, probabilityBetter } from "../../../src/decide/index.ts";
import { numberGroups } from "../../../src/decide/measure.ts";
import { resampleMeans } from "../../../src/decide/resample.ts";
import * as special from "../../../src/decide/special-functions.ts";

const row = z.array(z.number());
const vectors = z
  .object({
    incomplete_beta: z.array(row),
    log_gamma: z.array(row),
    log_beta: z.array(row),
    gamma_tail: z.array(row),
    chi2_tail: z.array(row),
    normal_cdf: z.array(row),
    normal_quantile: z.array(row),
    binomial_tail: z.array(row),
    binomial_mass: z.array(row),
    beta_quantile: z.array(row),
    paired: z.array(row),
    holm: z.array(z.tuple([row, row])),
    bca: z.object({ values: row, low: z.number(), high: z.number() }),
    bca_ratio: z.object({
      values: row,
      weights: row,
      weighted: z.tuple([z.number(), z.number()]),
      groups: row,
      clustered: z.tuple([z.number(), z.number()]),
    }),
  })
  .parse(JSON.parse(readFileSync(new URL("../../fixtures/decide/vectors.json", import.meta.url), "utf8")));

/** Relative error, absolute below 1e-290. */
function expectClose(actual: number, expected: number, tolerance: number, what: string): void {
  const error = Math.abs(actual - expected) / Math.max(Math.abs(expected), 1e-290);
  expect(error, `${what}: got ${actual}, SciPy ${expected}`).toBeLessThanOrEqual(tolerance);
}

describe("special functions equal SciPy's", () => {
  const cases: [keyof typeof vectors & string, (...args: number[]) => number, number][] = [
    ["incomplete_beta", (x = 0, a = 0, b = 0) => special.incompleteBeta(x, a, b), 2e-9],
    ["gamma_tail", (a = 0, x = 0) => special.incompleteGammaTail(a, x), 1e-10],
    ["chi2_tail", (x = 0, k = 0) => special.chiSquaredTail(x, k), 1e-10],
    ["normal_cdf", (z = 0) => special.normalCdf(z), 1e-12],
    ["binomial_tail", (k = 0, n = 0, p = 0) => special.binomialTail(k, n, p), 1e-10],
    ["binomial_mass", (k = 0, n = 0, p = 0) => special.binomialMass(k, n, p), 1e-10],
    ["beta_quantile", (p = 0, a = 0, b = 0) => special.betaQuantile(p, a, b), 1e-10],
  ];
  for (const [name, ours, tolerance] of cases) {
    test(`${name} to ${tolerance}`, () => {
      for (const vector of z.array(row).parse(vectors[name])) {
        expectClose(
          ours(...vector.slice(0, -1)),
          vector.at(-1) ?? Number.NaN,
          tolerance,
          `${name}(${vector.slice(0, -1).join(", ")})`,
        );
      }
    });
  }

  test("log_gamma, log_beta and normal_quantile to 1e-12 absolute or relative", () => {
    for (const [x = 0, expected = 0] of vectors.log_gamma) {
      expect(Math.abs(special.logGamma(x) - expected)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(expected)));
    }
    for (const [a = 0, b = 0, expected = 0] of vectors.log_beta) {
      expect(Math.abs(special.logBeta(a, b) - expected)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(expected)));
    }
    for (const [p = 0, expected = 0] of vectors.normal_quantile) {
      expect(Math.abs(special.normalQuantile(p) - expected)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(expected)));
    }
  });
});

describe("paired tests equal SciPy's and statsmodels'", () => {
  test("mid-p McNemar and the posterior", () => {
    for (const [wins = 0, losses = 0, p = 0, better = 0] of vectors.paired) {
      expectClose(midP({ wins, losses }), p, 1e-9, `mid-p of ${wins}:${losses}`);
      expectClose(probabilityBetter({ wins, losses }), better, 1e-9, `P(better) of ${wins}:${losses}`);
    }
  });

  test("Holm", () => {
    for (const [family, expected] of vectors.holm) {
      const adjusted = holm(family);
      for (const [i, value] of expected.entries()) expect(adjusted[i]).toBeCloseTo(value, 12);
    }
  });

  test("BCa limits of weighted means and of whole groups lie within Monte Carlo error of SciPy's paired bootstrap of a ratio", () => {
    const { values, weights, weighted, groups, clustered } = vectors.bca_ratio;
    const { groupOf, count } = numberGroups(groups);
    const question = { margins: [0], draws: 50_000, level: 0.95, seed: 2, columns: [Float64Array.from(values)] };
    const [ours] = resampleMeans({ ...question, weights: Float64Array.from(weights), groupOf: null, groupCount: values.length });
    const [whole] = resampleMeans({ ...question, weights: null, groupOf, groupCount: count });
    for (const [mine, [low, high]] of [
      [ours, weighted],
      [whole, clustered],
    ] as const) {
      expect(Math.abs((mine?.low ?? 0) - low)).toBeLessThan(0.025 * (high - low));
      expect(Math.abs((mine?.high ?? 0) - high)).toBeLessThan(0.025 * (high - low));
    }
  });

  test("BCa limits lie within Monte Carlo error of SciPy's 200,000 draws", () => {
    const values = Float64Array.from(vectors.bca.values);
    const [ours] = resampleMeans({
      columns: [values],
      margins: [0],
      weights: null,
      groupOf: null,
      groupCount: values.length,
      draws: 50_000,
      level: 0.95,
      seed: 1,
    });
    const width = vectors.bca.high - vectors.bca.low;
    expect(Math.abs((ours?.low ?? 0) - vectors.bca.low)).toBeLessThan(0.02 * width);
    expect(Math.abs((ours?.high ?? 0) - vectors.bca.high)).toBeLessThan(0.02 * width);
  });
});

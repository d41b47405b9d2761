import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  chiSquareHomogeneity,
  DRIFT_LIMITS,
  fisherLess,
  kolmogorovTail,
  ksDistance,
  measureDrift,
  populationStability,
} from "../../../src/decide/drift.ts";
import { SeededRandom } from "../../../src/engine/index.ts";

const VECTORS: {
  kolmogorov: [number, number][];
  ks: { first: number[]; second: number[]; distance: number }[];
  chi2: [number[][], number][];
  fisher: [[number, number], [number, number], number][];
} = JSON.parse(readFileSync(new URL("../../fixtures/decide/drift-vectors.json", import.meta.url), "utf8"));

const sorted = (values: readonly number[]): Float64Array => Float64Array.from(values).sort();
/** n numbers of a normal distribution. */
const normal = (random: SeededRandom, n: number, shift = 0): Float64Array =>
  Float64Array.from(
    { length: n },
    () => shift + Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next()),
  );

test("Kolmogorov, Smirnov, Pearson and Fisher give what SciPy gives", () => {
  for (const [x, p] of VECTORS.kolmogorov) expect(Math.abs(kolmogorovTail(x) - p)).toBeLessThan(1e-12);
  for (const { first, second, distance } of VECTORS.ks)
    expect(ksDistance(sorted(first), sorted(second))).toBeCloseTo(distance, 12);
  for (const [table, p] of VECTORS.chi2) expect(chiSquareHomogeneity(table) / p).toBeCloseTo(1, 9);
  for (const [first, second, p] of VECTORS.fisher) {
    const side = ([agreed, labelled]: [number, number]) => ({ agreed, labelled });
    expect(fisherLess(side(first), side(second)) / p).toBeCloseTo(1, 8);
  }
});

test("one missing value in a hundred is no alarm, though chi-square would have called it one", () => {
  const random = new SeededRandom(4);
  const [before, now] = [normal(random, 1_000), normal(random, 100)];
  now[0] = Number.NaN;
  const [feature] = measureDrift({ featureNames: ["a"], reference: [before], current: [now], agreement: null }).features;
  const wrong = chiSquareHomogeneity([
    [0, 1_000],
    [1, 99],
  ]);
  expect(wrong).toBeLessThan(0.005);
  expect(feature?.p).toBeGreaterThan(0.05);
});

test("the index is of proportions: no unit, no sample size and no empty bin changes what it says", () => {
  expect(populationStability([100, 100, 100], [1000, 1000, 1000])).toBeLessThan(1e-3);
  expect(populationStability([50, 50, 0], [0, 50, 50])).toBeGreaterThan(1);
  const random = new SeededRandom(1);
  const [before, now] = [normal(random, 2_000), normal(random, 2_000, 0.5)];
  const psiOf = (unit: number) =>
    measureDrift({
      featureNames: ["a"],
      reference: [before.map((value) => value * unit)],
      current: [now.map((value) => value * unit)],
      agreement: null,
    }).features[0]?.psi;
  expect(psiOf(1e-6)).toBeCloseTo(psiOf(1) ?? 0, 12);
  expect(psiOf(1e6)).toBeCloseTo(psiOf(1) ?? 0, 12);
});

test("equal distributions raise a false alarm at most as often as the level says", () => {
  const random = new SeededRandom(7);
  const names = Array.from({ length: 20 }, (_, index) => `f${index}`);
  let alarms = 0;
  for (let round = 0; round < 200; round += 1) {
    const column = (index: number): Float64Array => (index % 3 === 0 ? normal(random, 150).map(Math.round) : normal(random, 150));
    const input = {
      featureNames: names,
      reference: names.map((_, i) => column(i)),
      current: names.map((_, i) => column(i)),
      agreement: null,
    };
    alarms += Number(measureDrift(input, { ...DRIFT_LIMITS, psi: 0 }).drift);
  }
  expect(alarms).toBeLessThanOrEqual(18); // 200 rounds at 5 %: 10 expected, 18 has a chance under 1 %
});

test("a shift is named by its feature; a larger share of missing values and a value never seen before are shifts too", () => {
  const random = new SeededRandom(3);
  const [steady, moved] = [normal(random, 500), normal(random, 500, 1)];
  const gaps = normal(random, 500).map((value, row) => (row % 2 === 0 ? Number.NaN : value));
  const kinds = Float64Array.from({ length: 500 }, (_, row) => row % 3);
  const result = measureDrift({
    featureNames: ["steady", "moved", "gaps", "kind"],
    reference: [normal(random, 500), normal(random, 500), normal(random, 500), kinds],
    current: [steady, moved, gaps, kinds.map((value) => (value === 2 ? 9 : value))],
    agreement: null,
  });
  expect(result.features.filter(({ drifted }) => drifted).map(({ feature }) => feature)).toEqual(["moved", "gaps", "kind"]);
  expect(result.features[2]?.missing).toEqual({ reference: 0, current: 0.5 });
  expect(result.share).toBe(0.75);
});

/** Probability of the decided class of a model whose output is spread by `width` around one half. */
const sureness = (random: SeededRandom, rows: number, width: number): Float64Array =>
  normal(random, rows).map((z) => 1 / (1 + Math.exp(-width * Math.abs(z))));

test("a model that is less sure of itself alarms, though no feature is known; an equal one in at most 5 %, a surer one never", () => {
  const random = new SeededRandom(9);
  const ask = (width: number) =>
    measureDrift({
      featureNames: [],
      reference: [],
      current: [],
      agreement: null,
      score: {
        reference: sureness(random, 400, 2.5),
        weights: new Float64Array(400).fill(1),
        current: sureness(random, 300, width),
      },
    }).score;
  expect(ask(1)?.drifted).toBe(true);
  expect(ask(6)?.drifted).toBe(false);
  let certain = 0;
  for (let round = 0; round < 400; round += 1) certain += Number((ask(2.5)?.p_adjusted ?? 1) < 0.05);
  expect(certain).toBeLessThanOrEqual(32); // 5 % of 400: 20; 32 has a chance under 1 %
});

test("rows that were picked for being unsure are weighed back before they are compared", () => {
  const random = new SeededRandom(11);
  const all = sureness(random, 4_000, 2.5);
  const picked = all.filter((p) => random.next() < (p < 0.7 ? 0.2 : 0.05));
  const weights = picked.map((p) => (p < 0.7 ? 5 : 20));
  const input = { featureNames: [], reference: [], current: [], agreement: null };
  const score = measureDrift({ ...input, score: { reference: picked, weights, current: all } }).score;
  const mean = all.reduce((sum, p) => sum + p, 0) / all.length;
  expect(Math.abs((score?.expected_accuracy.reference ?? 0) - mean)).toBeLessThan(0.02);
  expect(picked.reduce((sum, p) => sum + p, 0) / picked.length).toBeLessThan(mean - 0.05);
});

test("agreement falls: a real fall alarms, a rise and a small one never do", () => {
  const ask = (agreed: number) =>
    measureDrift({
      featureNames: [],
      reference: [],
      current: [],
      agreement: { reference: { agreed: 900, labelled: 1000 }, current: { agreed, labelled: 200 } },
    }).agreement?.dropped;
  expect(ask(140)).toBe(true);
  expect(ask(200)).toBe(false);
  expect(ask(174)).toBe(false);
});

test("the order of rows and which sample is written first do not matter to the distance", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true }), { minLength: 1 }),
      fc.array(fc.double({ noNaN: true }), { minLength: 1 }),
      (a, b) => {
        expect(ksDistance(sorted(a), sorted(b))).toBe(ksDistance(sorted(b), sorted(a.toReversed())));
        expect(ksDistance(sorted(a), sorted(a))).toBe(0);
      },
    ),
  );
});

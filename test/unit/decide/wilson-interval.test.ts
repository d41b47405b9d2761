import fc from "fast-check";
import { expect, test } from "vitest";
import { wilsonInterval } from "../../../src/decide/wilson-interval.ts";

// statsmodels.stats.proportion.proportion_confint(k, n, method="wilson")
test.each([
  [0, 10, 0, 0.2775327998628892],
  [5, 10, 0.23659309051256382, 0.7634069094874361],
  [100, 100, 0.9630065017985145, 1],
])("%i of %i", (successes, trials, low, high) => {
  const interval = wilsonInterval(successes, trials);
  expect(interval.low).toBeCloseTo(low, 6);
  expect(interval.high).toBeCloseTo(high, 6);
});

// Newcombe 1998, table I, method 3: four decimals are printed
test("81 of 263", () => {
  const interval = wilsonInterval(81, 263);
  expect(interval.low).toBeCloseTo(0.2553, 4);
  expect(interval.high).toBeCloseTo(0.3662, 4);
});

test("holds the share and stays in [0, 1]", () => {
  const counts = fc.integer({ min: 1, max: 1_000_000 }).chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n)));
  fc.assert(
    fc.property(counts, ([successes, trials]) => {
      const { low, high } = wilsonInterval(successes, trials);
      expect(low).toBeGreaterThanOrEqual(0);
      expect(high).toBeLessThanOrEqual(1);
      expect(low).toBeLessThanOrEqual(successes / trials);
      expect(high).toBeGreaterThanOrEqual(successes / trials);
    }),
  );
});

test("refuses counts that are none", () => {
  expect(() => wilsonInterval(3, 2)).toThrow("bad_parameter");
  expect(() => wilsonInterval(0, 0)).toThrow("bad_parameter");
});

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  extractFeatures,
  FEATURE_CATALOG,
  featureNames,
  featuresMarkdown,
  PLAN_SCHEMA_NAMES,
} from "../../../src/features/index.ts";
import { simulatePlans } from "../../../src/loop/simulate.ts";

const plans = simulatePlans({ seed: 11, count: 400 });

describe.each(PLAN_SCHEMA_NAMES)("catalog of %s", (schema) => {
  const entries = FEATURE_CATALOG[schema];
  const vectors = plans.map((plan) => extractFeatures(schema, plan));

  it("has one entry a name, each with formula and unit", () => {
    expect(new Set(featureNames(schema)).size).toBe(entries.length);
    for (const entry of entries) expect(`${entry.name}: ${entry.formula} [${entry.unit}]`).toMatch(/^[a-z0-9_]+: .{3,} \[.+\]$/);
  });

  it("holds its kinds and ranges on simulated plans, without infinities", () => {
    for (const vector of vectors)
      for (const [place, { name, range, kind }] of entries.entries()) {
        const value = vector[place] ?? Number.NaN;
        if (Number.isNaN(value)) {
          expect(schema, `${name} is missing`).toBe("plan/2");
          continue;
        }
        expect(Math.abs(value), name).toBeLessThan(Number.POSITIVE_INFINITY);
        expect(value, name).toBeGreaterThanOrEqual(range[0] ?? Number.NEGATIVE_INFINITY);
        expect(value, name).toBeLessThanOrEqual(range[1] ?? Number.POSITIVE_INFINITY);
        if (kind === "count") expect(Number.isInteger(value), name).toBe(true);
        if (kind === "flag") expect([0, 1], name).toContain(value);
      }
  });
});

describe("plan/2 over simulated plans", () => {
  const vectors = plans.map((plan) => extractFeatures("plan/2", plan));
  const columns = featureNames("plan/2").map((name, place) => ({
    name,
    values: vectors.map((vector) => vector[place] ?? Number.NaN),
  }));
  // Simulated tasks always say something, and something else: these two columns have one value here.
  const varied = columns.filter(({ name }) => name !== "empty_description_share" && name !== "repeated_description_share");

  it("has no dead column", () => {
    const dead = varied.filter(({ values }) => new Set(values.filter((value) => !Number.isNaN(value))).size < 2);
    expect(dead.map(({ name }) => name)).toEqual([]);
  });

  it("has no two columns that say the same", () => {
    const same: string[] = [];
    for (const [place, first] of varied.entries())
      for (const second of varied.slice(0, place)) {
        const r = correlation(first.values, second.values);
        if (Math.abs(r) > 0.95) same.push(`${first.name} ${second.name} ${r}`);
      }
    expect(same).toEqual([]);
  });
});

describe("docs/guide/features.md", () => {
  it("is what the catalog says", () => {
    expect(readFileSync(new URL("../../../docs/guide/features.md", import.meta.url), "utf8")).toBe(featuresMarkdown());
  });
});

/** Pearson's r over the rows where both are known; 0 where one of them does not vary there. */
function correlation(first: number[], second: number[]): number {
  const rows = first.flatMap((value, row) => (Number.isNaN(value) || Number.isNaN(second[row]) ? [] : row));
  const mean = (values: number[]) => rows.reduce((sum, row) => sum + values[row], 0) / rows.length;
  const [a, b] = [mean(first), mean(second)];
  let [ab, aa, bb] = [0, 0, 0];
  for (const row of rows) {
    ab += (first[row] - a) * (second[row] - b);
    aa += (first[row] - a) ** 2;
    bb += (second[row] - b) ** 2;
  }
  return aa > 1e-12 && bb > 1e-12 ? ab / Math.sqrt(aa * bb) : 0;
}

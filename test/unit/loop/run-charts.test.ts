import fc from "fast-check";
import { expect, test } from "vitest";
import { spansOf } from "../../../src/loop/run-charts.ts";

test("spans of time hold every row once, follow each other, and reach from the first label to the last", () => {
  const times = fc.array(fc.integer({ min: 0, max: 4e12 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(times, (all) => {
      const spans = spansOf(Float64Array.from(all));
      expect(spans.reduce((sum, { rows }) => sum + rows, 0)).toBe(all.length);
      expect(spans.length).toBe(new Set(all).size === 1 ? 1 : 10);
      expect(Date.parse(spans[0]?.from ?? "")).toBe(Math.min(...all));
      for (const [index, span] of spans.entries()) expect(span.from).toBe(index === 0 ? span.from : spans[index - 1]?.to);
      expect(Date.parse(spans.at(-1)?.to ?? "")).toBeGreaterThanOrEqual(Math.max(...all));
    }),
  );
  expect(spansOf(new Float64Array())).toEqual([]);
});

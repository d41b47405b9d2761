import fc from "fast-check";
import { expect, test } from "vitest";
import { TokenBuckets } from "../../../src/http/limits/token-buckets.ts";

test("in any window of time at most burst + rate x time are let through, and who waits as told is let through", () => {
  const calls = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(calls, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 10 }), (pauses, perSecond, burst) => {
      const buckets = new TokenBuckets({ perSecond, burst, maxKeys: 10 });
      const taken: number[] = [];
      let nowMs = 0;
      for (const pause of pauses) {
        nowMs += pause;
        const waitMs = buckets.take("a", nowMs);
        if (waitMs === 0) taken.push(nowMs);
        else expect(buckets.wait("a", nowMs + waitMs)).toBe(0);
      }
      for (const [first, from] of taken.entries())
        for (const [last, to] of taken.entries())
          if (last >= first) expect(last - first + 1).toBeLessThanOrEqual(burst + ((to - from) / 1_000) * perSecond + 1e-6);
    }),
  );
});

test("one key's bucket does not touch another's", () => {
  const buckets = new TokenBuckets({ perSecond: 1, burst: 1, maxKeys: 10 });
  expect([buckets.take("a", 0), buckets.take("a", 0), buckets.take("b", 0)]).toEqual([0, 1_000, 0]);
});

test("a clock that goes back gives no tokens", () => {
  const buckets = new TokenBuckets({ perSecond: 1, burst: 1, maxKeys: 10 });
  expect(buckets.take("a", 10_000)).toBe(0);
  expect(buckets.take("a", 5_000)).toBe(1_000);
  expect(buckets.take("a", 5_500)).toBe(500);
});

test("no more keys are kept than allowed, and the one used longest ago is forgotten first", () => {
  const buckets = new TokenBuckets({ perSecond: 1, burst: 1, maxKeys: 3 });
  for (const key of ["a", "b", "c", "a", "d"]) buckets.take(key, 0);
  expect(buckets.size).toBe(3);
  expect(buckets.wait("b", 0)).toBe(0);
  expect(buckets.wait("a", 0)).toBe(1_000);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { type BatchBody, LIMITS, splitBatch } from "../../../src/registry/batches.ts";

const entities = (body: BatchBody): number => body.metrics.length + body.params.length + body.tags.length;

const text = (most: number) => fc.string({ maxLength: most, unit: "binary" });
const dictionary = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 250 }).filter((key) => key !== "__proto__"),
  text(LIMITS.tagValueCharacters),
  { maxKeys: 250, noNullPrototype: true },
);
const metric = fc.record({
  key: fc.string({ minLength: 1, maxLength: 20 }),
  value: fc.double(),
  timestampMs: fc.nat(),
  step: fc.integer(),
});

test("what goes in comes out, in order, and every body keeps the limits", () => {
  fc.assert(
    fc.property(dictionary, dictionary, fc.array(metric, { maxLength: 2_500 }), (params, tags, metrics) => {
      const bodies = splitBatch({ params, tags, metrics });
      expect(bodies.flatMap((body) => body.params)).toEqual(Object.entries(params).map(([key, value]) => ({ key, value })));
      expect(bodies.flatMap((body) => body.tags)).toEqual(Object.entries(tags).map(([key, value]) => ({ key, value })));
      expect(bodies.flatMap((body) => body.metrics).map(({ key, step }) => [key, step])).toEqual(
        metrics.map(({ key, step }) => [key, step]),
      );
      for (const body of bodies) {
        expect(body.params.length).toBeLessThanOrEqual(LIMITS.paramsPerBatch);
        expect(body.tags.length).toBeLessThanOrEqual(LIMITS.tagsPerBatch);
        expect(body.metrics.length).toBeLessThanOrEqual(LIMITS.metricsPerBatch);
        expect(entities(body)).toBeLessThanOrEqual(LIMITS.entitiesPerBatch);
        expect(entities(body)).toBeGreaterThan(0);
        expect(Buffer.byteLength(JSON.stringify(body))).toBeLessThanOrEqual(LIMITS.bytesPerBatch + 100);
      }
    }),
    { numRuns: 30 },
  );
});

test("nothing to log is no call", () => {
  expect(splitBatch({})).toEqual([]);
});

test("numbers that JSON lacks go as text", () => {
  const at = { timestampMs: 1.9, step: -3 };
  const [body] = splitBatch({
    metrics: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0.5].map((value) => ({ key: "m", value, ...at })),
  });
  expect(JSON.parse(JSON.stringify(body?.metrics))).toEqual(
    ["NaN", "Infinity", "-Infinity", -0.5].map((value) => ({ key: "m", value, timestamp: 1, step: -3 })),
  );
});

test.each([
  [
    { params: { long: "x".repeat(6_001) } },
    'the value of param "long" must be at most 6000 characters, MLflow\'s limit; got 6001',
  ],
  [{ tags: { long: "x".repeat(5_001) } }, 'the value of tag "long" must be at most 5000 characters'],
  [{ params: { "": "x" } }, "the key of a param must be 1 to 250 characters; got 0"],
  [{ tags: { ["k".repeat(251)]: "x" } }, "the key of a tag must be 1 to 250 characters; got 251"],
  [
    { metrics: [{ key: "m", value: 1, timestampMs: -1, step: 0 }] },
    'metric "m" must have a whole step and a time of 0 or more milliseconds; got step 0, time -1',
  ],
  [{ metrics: [{ key: "m", value: 1, timestampMs: 1, step: 0.5 }] }, "got step 0.5"],
])("%j is refused, since MLflow would cut or refuse it", (batch, message) => {
  expect(() => splitBatch(batch)).toThrow(message);
});

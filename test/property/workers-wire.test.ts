import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Answer,
  decodeAnswer,
  decodeBundle,
  encodeAnswer,
  encodeBundle,
  type Task,
  taskOf,
} from "../../src/workers/wire.ts";

const bits = fc.float64Array({ maxLength: 20 });
const rows = fc.uint32Array({ maxLength: 20 });
const bytes = fc.uint8Array({ maxLength: 40 });
const dataset = { path: "/somewhere/else", featureNames: ["a", "b"], classes: ["yes", "no"] };

const number = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0));
const params = fc.dictionary(
  fc.constantFrom("nEstimators", "maxDepth", "learningRate", "hiddenLayerSizes"),
  fc.oneof(number, fc.string(), fc.boolean(), fc.constant(null), fc.array(number, { maxLength: 3 })),
  { noNullPrototype: true },
);
const trial = fc.record({ params, score: number, turnScores: fc.array(number, { maxLength: 3 }), rowShare: number });

const search = fc.record({
  method: fc.constantFrom("grid" as const, "random" as const, "halving" as const),
  grid: fc.dictionary(fc.constantFrom("C", "maxDepth"), fc.array(number, { maxLength: 3 }), { noNullPrototype: true }),
  trials: fc.nat(),
  folds: fc.nat(),
  by: fc.constantFrom("class" as const, "time" as const),
  metric: fc.constantFrom("log_loss" as const, "roc_auc" as const),
  budgetMs: fc.option(number),
});

const fit = fc.record({
  trainRows: rows,
  predictRows: rows,
  params,
  search: fc.option(search),
  trials: fc.array(trial, { maxLength: 3 }),
  calibrate: fc.boolean(),
  wantModel: fc.boolean(),
  seed: fc.nat(),
  modelType: fc.constantFrom("random_forest" as const, "neural_network" as const),
});
const task: fc.Arbitrary<Task> = fc.oneof(
  fit.map((ask): Task => ({ job: "fit", ask: { ...ask, dataset, featureSchema: "toy/1" } })),
  fc
    .record({
      modelType: fc.constant("gradient_boosting" as const),
      base: params,
      search,
      trainRows: rows,
      seed: fc.nat(),
      params: fc.array(params, { minLength: 1, maxLength: 3 }),
    })
    .map((ask): Task => ({ job: "tune", ask: { ...ask, dataset } })),
  fc.record({ model: bytes, rows }).map((ask): Task => ({ job: "score", ask: { ...ask, dataset } })),
);
const answer: fc.Arbitrary<Answer> = fc.oneof(
  fc.record({
    model: fc.option(bytes),
    probabilities: bits,
    latencyMs: fc.option(fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })),
    report: fc.constant({ params: { depth: 3 }, calibrator: "isotonic" }),
  }),
  fc.record({ trials: fc.array(trial, { minLength: 1, maxLength: 3 }) }),
  fc.record({
    probabilities: bits,
    classes: fc.constant(["yes", "no"]),
    latencyMs: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
  }),
);

/** NaN with its payload and minus zero are numbers like any other here. */
const raw = (values: Float64Array): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

const probabilitiesOf = (given: Answer): Float64Array => ("probabilities" in given ? given.probabilities : new Float64Array());

test("a task comes back as it went, over the dataset's path on the other machine", () => {
  fc.assert(
    fc.property(fc.array(task, { minLength: 1, maxLength: 5 }), (tasks) => {
      const bundle = decodeBundle(encodeBundle("ab".repeat(32), tasks));
      tasks.forEach((sent, index) => {
        const got = taskOf(bundle, index, "/here");
        expect(got).toEqual({ ...sent, ask: { ...sent.ask, dataset: { ...dataset, path: "/here" } } });
      });
    }),
  );
});

test("an answer comes back bit for bit", () => {
  fc.assert(
    fc.property(answer, (sent) => {
      const got = decodeAnswer(encodeAnswer(sent));
      expect(raw(probabilitiesOf(got))).toEqual(raw(probabilitiesOf(sent)));
      expect({ ...got, probabilities: null }).toEqual({ ...sent, probabilities: null });
    }),
  );
});

test("a file that was cut anywhere is no bundle and no answer", () => {
  fc.assert(
    fc.property(
      answer,
      fc.array(task, { minLength: 1, maxLength: 2 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (sent, tasks, share) => {
        const cut = (whole: Uint8Array): Uint8Array => whole.subarray(0, Math.floor(whole.length * share));
        expect(() => decodeAnswer(cut(encodeAnswer(sent)))).toThrow(/bad_data/);
        expect(() => decodeBundle(cut(encodeBundle("ab".repeat(32), tasks)))).toThrow(/bad_data/);
      },
    ),
  );
});

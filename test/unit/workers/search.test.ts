import { expect, test } from "vitest";
import { type Specialist, specialistSchema } from "../../../src/core/specialist.ts";
import { paramsOf } from "../../../src/workers/search.ts";

const names = ["subject_length", "channel", "hour", "town"];
const specialistWith = (params: object): Specialist =>
  specialistSchema.parse({
    name: "ticket",
    features: {
      schema: "ticket/1",
      columns: [
        { name: "subject_length", kind: "numeric" },
        { name: "channel", kind: "categorical", values: ["mail", "phone"] },
        { name: "hour", kind: "numeric" },
        { name: "town", kind: "categorical", values: ["a", "b", "c"] },
      ],
    },
    training: { params },
  });
const categoricalOf = (type: Parameters<typeof paramsOf>[0], params: object): unknown =>
  paramsOf(type, specialistWith(params), names).categoricalFeatures;

test("trees read a specialist's categorical columns as categories, the other learners do not know the word", () => {
  for (const type of ["random_forest", "extra_trees", "gradient_boosting"] as const)
    expect(categoricalOf(type, {})).toEqual([1, 3]);
  for (const type of ["logistic_regression", "neural_network"] as const) expect(categoricalOf(type, {})).toBeUndefined();
  // in the order of the vectors, whatever that of the configuration
  expect(
    paramsOf("random_forest", specialistWith({}), ["town", "hour", "channel", "subject_length"]).categoricalFeatures,
  ).toEqual([2, 0]);
});

test("what the specialist says itself is kept: none, other columns by name, or an order by a monotone constraint", () => {
  expect(categoricalOf("random_forest", { random_forest: { categoricalFeatures: [] } })).toEqual([]);
  expect(categoricalOf("extra_trees", { extra_trees: { categoricalFeatures: ["hour", 3] } })).toEqual([2, 3]);
  expect(categoricalOf("gradient_boosting", { gradient_boosting: { monotonicCst: [0, 0, 0, 1] } })).toEqual([1]);
  expect(() => categoricalOf("random_forest", { random_forest: { categoricalFeatures: ["city"] } })).toThrow(
    /categoricalFeatures names "city"/,
  );
});

test("a specialist without categorical columns has the parameters that it had", () => {
  const plans = specialistSchema.parse({ name: "plans" });
  expect(paramsOf("random_forest", plans, ["a", "b"])).toEqual({ nEstimators: 100, maxDepth: 10 });
});

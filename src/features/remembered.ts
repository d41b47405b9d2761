import type { Plan } from "../core/plan.ts";
import type { PlanSchemaName } from "./catalog.ts";
import { extractFeatures } from "./index.ts";

const remembered = new WeakMap<Plan, Map<PlanSchemaName, Float64Array>>();

/**
 * As `extractFeatures`; a plan that several specialists judge is computed once a schema. The plan is a value: nobody changes it in between.
 * @returns float64, the caller's own.
 * @throws bad_plan
 */
export function rememberedFeatures(schema: PlanSchemaName, plan: Plan): Float64Array {
  const known = remembered.get(plan) ?? new Map<PlanSchemaName, Float64Array>();
  const vector = known.get(schema) ?? extractFeatures(schema, plan);
  known.set(schema, vector);
  remembered.set(plan, known);
  return vector.slice();
}

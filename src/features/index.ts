import { checkPlan, type Plan, type Task } from "../core/plan.ts";
import { FEATURE_CATALOG, type PlanSchemaName } from "./catalog.ts";
import { heaviestPath, planGraph } from "./graph.ts";
import { plan1Features } from "./plan-1.ts";
import { plan2Features } from "./plan-2.ts";

export {
  FEATURE_CATALOG,
  type FeatureEntry,
  type FeatureKind,
  featureNames,
  PLAN_SCHEMA_NAMES,
  type Plan1Feature,
  type Plan2Feature,
  type PlanSchemaName,
} from "./catalog.ts";
export { featuresMarkdown } from "./features-markdown.ts";
export { type DomainFamily, domainFamily, TASK_FAMILY_NAMES, type TaskFamily } from "./ontology.ts";
export { hashWord, touchedFamilies, WORD_FAMILIES, type WordFamily, wordsOf } from "./text.ts";

/**
 * The feature vector of a plan: deterministic, the same bytes for the same plan everywhere.
 * @param texts words of each task's description (`wordsOf`), where the caller has split them already; plan/2 reads them.
 * @returns float64 [number of features], in catalog order. plan/1 is never NaN; in plan/2 NaN = missing.
 * @throws bad_plan for a plan that `checkPlan` refuses.
 */
export function extractFeatures(schema: PlanSchemaName, plan: Plan, texts?: readonly (readonly string[])[]): Float64Array {
  checkPlan(plan);
  const values: Readonly<Record<string, number>> = schema === "plan/1" ? plan1Features(plan) : plan2Features(plan, texts);
  return Float64Array.from(FEATURE_CATALOG[schema], ({ name }) => {
    const value = values[name];
    if (value === undefined) throw new Error(`feature ${name} of ${schema} has no formula`);
    return value;
  });
}

/** Largest sum of durations along a path of checked tasks, in milliseconds; an unknown duration counts as 0. */
export const longestDurationMs = (tasks: readonly Task[]): number =>
  heaviestPath(
    planGraph(tasks),
    Float64Array.from(tasks, (task) => task.estimated_duration_ms ?? 0),
  );

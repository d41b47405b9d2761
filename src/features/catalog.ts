import { PLAN_1 } from "./catalog-plan-1.ts";
import { PLAN_2 } from "./catalog-plan-2.ts";

export const PLAN_SCHEMA_NAMES = ["plan/1", "plan/2"] as const;
export type PlanSchemaName = (typeof PLAN_SCHEMA_NAMES)[number];

/** `flag`: 0 or 1. `count`: a whole number. `numeric`: any other number, ordered levels included. */
export type FeatureKind = "numeric" | "flag" | "count";

/** One feature as the docs and the pages show it. */
export interface FeatureEntry {
  readonly name: string;
  readonly formula: string;
  readonly unit: string;
  /** Smallest and largest value; null = no bound. */
  readonly range: readonly [number | null, number | null];
  readonly kind: FeatureKind;
  /** When the value is missing, what differs from the original, what a level means; "" where there is nothing to say. */
  readonly note: string;
}

/** The features of each schema in the order of the vector. A schema never changes; a changed set gets a new name. */
export const FEATURE_CATALOG: Readonly<Record<PlanSchemaName, readonly FeatureEntry[]>> = { "plan/1": PLAN_1, "plan/2": PLAN_2 };
export type Plan1Feature = (typeof PLAN_1)[number]["name"];
export type Plan2Feature = (typeof PLAN_2)[number]["name"];

/** Names of a schema's features in the order of the vector. */
export const featureNames = (schema: PlanSchemaName): string[] => FEATURE_CATALOG[schema].map((feature) => feature.name);

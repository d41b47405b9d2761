import type { Plan } from "../../core/plan.ts";

/** One generated plan with its label; the provenance travels with it into every file. */
export interface GeneratedRow {
  readonly plan: Plan;
  /** One of the specialist's classes. */
  readonly decision: string;
  /** Features of the plan by the schema asked for, float64. */
  readonly vector: Float64Array;
  /** Mean score of the descriptions, 0..1. */
  readonly quality: number;
  readonly tier: "synthetic";
  /** Who made it: `rule seed 42`, or provider and model. */
  readonly generator: string;
}

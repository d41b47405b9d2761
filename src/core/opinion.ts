import { z } from "zod";
import { planSchema } from "./plan.ts";
import { timestamp } from "./time.ts";

const share = z.number().min(0).max(1);

/** The judgement itself. Confidence is the calibrated probability of the recommended class; absent (null) where no model judged. */
export const judgementSchema = z.strictObject({
  recommendation: z.string().min(1),
  confidence_score: share.nullable(),
  risk_score: share.nullable(),
  reasoning_summary: z.string().default(""),
  reasoning_factors: z.array(z.record(z.string(), z.unknown())).default([]),
  explainability_token: z.string().nullable().default(null),
  explainability: z.record(z.string(), z.unknown()).default({}),
  mitigations: z.array(z.record(z.string(), z.unknown())).default([]),
  metadata: z.record(z.string(), z.unknown()).default({}),
});

/** The vector that the judgement was made from, in the order of the schema; null = missing. */
const isVector = (values: unknown): values is (number | null)[] =>
  Array.isArray(values) && values.every((value) => value === null || Number.isFinite(value));

export const storedFeaturesSchema = z.strictObject({
  schema: z.string().min(1),
  // one check for the whole list: a schema of the elements took a sixth of an import's time
  values: z.custom<(number | null)[]>(isVector, "must be a list of finite numbers and nulls"),
});

export const modelReferenceSchema = z.strictObject({
  name: z.string(),
  version: z.string(),
  run_id: z.string().nullable(),
  sha256: z.string().nullable(),
});
export type ModelReference = z.output<typeof modelReferenceSchema>;

/** One judgement of one plan by one model version; collection `specialist_opinions`, schema version 3.0.0. */
export const opinionSchema = z.strictObject({
  schema_version: z.literal("3.0.0"),
  opinion_id: z.string().min(1).max(256),
  plan_id: z.string().min(1).max(256),
  intent_id: z.string().nullable(),
  specialist_type: z.string().min(1),
  specialist_version: z.string().nullable(),
  correlation_id: z.string().nullable(),
  trace_id: z.string().nullable(),
  span_id: z.string().nullable(),
  evaluated_at: timestamp,
  processing_time_ms: z.number().nonnegative().nullable(),
  opinion: judgementSchema,
  /**
   * `judged` by a model of ours; `no_champion`: there was none, nothing was judged; `external`: judged elsewhere and imported;
   * `generated`: of a generated plan, which no person is asked about.
   */
  state: z.enum(["judged", "no_champion", "external", "generated"]),
  cognitive_plan: planSchema.nullable(),
  /** Named columns, for specialists that judge rows instead of plans. */
  columns: z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()])).nullable(),
  features: storedFeaturesSchema.nullable(),
  model: modelReferenceSchema.nullable(),
  probabilities: z.record(z.string(), share).nullable(),
  /** Rows of one group never stand on both sides of a split. */
  group: z.string().min(1),
  /** What the source document held beyond this schema: kept, never read. */
  extra: z.record(z.string(), z.unknown()).default({}),
});

export type Opinion = z.output<typeof opinionSchema>;
export type OpinionDocument = z.input<typeof opinionSchema>;
/** What a feedback needs to know of its opinion. */
export interface OpinionHead {
  readonly opinion_id: string;
  readonly plan_id: string;
  readonly specialist_type: string;
  readonly recommendation: string;
  readonly confidence_score: number | null;
  readonly risk_score: number | null;
}

export const headOf = ({ opinion_id, plan_id, specialist_type, opinion }: Opinion): OpinionHead => ({
  opinion_id,
  plan_id,
  specialist_type,
  recommendation: opinion.recommendation,
  confidence_score: opinion.confidence_score,
  risk_score: opinion.risk_score,
});

/** The recommendation of an opinion that no model stands behind. */
export const NO_CHAMPION_RECOMMENDATION = "review_required";

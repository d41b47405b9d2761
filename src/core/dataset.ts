import { z } from "zod";
import { tierSchema } from "./evidence.ts";
import { timestamp } from "./time.ts";

/** `train`: the challenger learns from it; `gate`: both models are scored on it; `out`: neither, with the reason. */
export const rowRoleSchema = z.enum(["train", "gate", "out"]);
export type RowRole = z.output<typeof rowRoleSchema>;

/**
 * An immutable snapshot of rows, stored as Parquet under its SHA-256. The file's own columns begin with an underscore (see
 * loop/dataset-file.ts); then comes one column per feature, under its name.
 */
export const datasetSchema = z.strictObject({
  /** SHA-256 of the Parquet file, hex: the address. */
  dataset_id: z.string().regex(/^[0-9a-f]{64}$/),
  specialist: z.string(),
  feature_schema: z.string(),
  feature_names: z.array(z.string()),
  classes: z.array(z.string()),
  rows: z.int().nonnegative(),
  rows_by_role: z.record(rowRoleSchema, z.int().nonnegative()),
  rows_by_tier: z.partialRecord(tierSchema, z.int().nonnegative()),
  rows_by_class: z.record(z.string(), z.int().nonnegative()),
  /** Reasons for rows that are out, with their number. */
  rows_left_out: z.record(z.string(), z.int().nonnegative()),
  /** Everything the store recorded up to and including this sequence number was considered. */
  cutoff_sequence: z.int().nonnegative(),
  /** Distinct new human labels since the dataset of the run before. */
  new_human_labels: z.int().nonnegative(),
  size_bytes: z.int().nonnegative(),
  /** What was looked at besides the rows themselves: forensic findings and quality checks. */
  findings: z.array(z.record(z.string(), z.unknown())).default([]),
  /** How far reviewers agree where several judged one opinion: Krippendorff's alpha, null where nothing can be said. */
  reviewer_agreement: z
    .strictObject({ opinions: z.int().nonnegative(), alpha: z.number().nullable(), method: z.string().nullable() })
    .nullable()
    .default(null),
  /**
   * How often each machine tier is wrong, measured where a person judged the same opinion: share with its 95 % interval, null without overlap.
   * Absent in snapshots taken before it was measured.
   */
  machine_errors: z
    .array(
      z.strictObject({
        source: tierSchema,
        overlap: z.int().nonnegative(),
        wrong: z.int().nonnegative(),
        error: z.strictObject({ value: z.number(), low: z.number(), high: z.number() }).nullable(),
      }),
    )
    .optional(),
  /** The checks before training: report quality/1, or null where there was none. */
  quality: z.record(z.string(), z.unknown()).nullable().default(null),
  created_at: timestamp,
});
export type Dataset = z.output<typeof datasetSchema>;

import { z } from "zod";
import { timestamp } from "./time.ts";

/**
 * One change of what is in production; collection `deployments`. The registry's `champion` alias is the truth; this record is the
 * history around it: written as `prepared` before the alias moves, `done` after, `abandoned` when the alias was never moved.
 */
export const deploymentSchema = z.strictObject({
  deployment_id: z.string(),
  specialist: z.string(),
  action: z.enum(["promote", "rollback"]),
  /** What goes into production; null: a rollback to no champion. */
  version: z.string().nullable(),
  /** What was in production before; null = none. */
  predecessor: z.string().nullable(),
  run_id: z.string().nullable(),
  verdict_id: z.string().nullable(),
  dataset_id: z.string().nullable(),
  by: z.string(),
  reason: z.string(),
  /** The version that this rollback took back: not promoted again by itself. */
  tombstone: z.string().nullable(),
  state: z.enum(["prepared", "done", "abandoned"]),
  prepared_at: timestamp,
  done_at: timestamp.nullable(),
});
export type Deployment = z.output<typeof deploymentSchema>;

import { z } from "zod";

const share = z.number().min(0).max(1);
const days = z.number().positive().nullable();

/** What is called drift, and when a server looks for it. */
export const driftSchema = z.strictObject({
  windowHours: z
    .number()
    .positive()
    .default(24)
    .meta({ description: "opinions of the last hours are compared", env: ["DRIFT_DETECTION_WINDOW_HOURS"] }),
  psi: z
    .number()
    .positive()
    .default(0.2)
    .meta({
      description: "population stability index from which a certain shift of a feature counts as drift",
      env: ["DRIFT_THRESHOLD_PSI", "DRIFT_THRESHOLD"],
    }),
  level: share
    .default(0.05)
    .meta({ description: "chance of any false alarm in one check of one specialist, over all its features" }),
  minRows: z.int().min(20).default(100).meta({ description: "opinions of the window without which nothing is said" }),
  agreementDrop: share
    .default(0.05)
    .meta({ description: "fall of the share of opinions that people agree with from which it counts" }),
  everyHours: z.number().positive().nullable().default(6).meta({
    description:
      "`requeen serve` looks for drift of a specialist when nobody has for so many hours; null: only `requeen drift check` looks",
  }),
});

export const metricsSchema = z.strictObject({
  open: z
    .boolean()
    .default(false)
    .meta({ description: "answer /metrics without a token; else a token that may read is asked for" }),
});

/** What `requeen prune` removes; nothing that a champion, its predecessors or a verdict that may be recomputed refers to. */
export const retentionSchema = z.strictObject({
  endedRunsDays: days.default(365).meta({
    description: "dataset and model of a run that ended without a verdict go after this many days; null: they stay",
  }),
  unfinishedDays: days
    .default(7)
    .meta({ description: "files that a crash left half-written are removed after this many days; null: kept" }),
});

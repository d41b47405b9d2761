import type { Dataset } from "../core/dataset.ts";
import { HUMAN_TIERS } from "../core/evidence.ts";

/** Whose labels a version was trained on: `feedback` = people's, machine labels at most beside them; `synthetic` = generated ones alone. */
export type DataSource = "feedback" | "synthetic";

/** On a version in the registry. A version without it was trained through a run, which needs people's labels. */
export const DATA_SOURCE_TAG = "requeen.data_source";

export const dataSourceOf = (tags: Readonly<Record<string, string>>): DataSource =>
  tags[DATA_SOURCE_TAG] === "synthetic" ? "synthetic" : "feedback";

/** The same from the rows that a version was trained on. */
export const dataSourceOfRows = ({ rows_by_tier }: Pick<Dataset, "rows_by_tier">): DataSource =>
  (rows_by_tier.synthetic ?? 0) > 0 && HUMAN_TIERS.every((tier) => (rows_by_tier[tier] ?? 0) === 0) ? "synthetic" : "feedback";

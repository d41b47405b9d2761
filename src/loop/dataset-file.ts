import { dealFolds, type RowReason } from "../decide/index.ts";
import { deriveSeed } from "../engine/index.ts";
import { type ParquetBatch, type ParquetField, readParquet } from "../store/parquet.ts";
import type { LabelledOpinion } from "./gather-labels.ts";

/** A row of a dataset with its part in the run. */
export interface DatasetRow extends LabelledOpinion {
  readonly role: "train" | "gate" | "out";
  /** See PlannedRow of decide/split.ts. */
  readonly fold: number | null;
  readonly reason: RowReason;
  readonly weight: number;
}

/** The rows' own columns. `_label` is the index in the dataset's classes; `_judged_at` and `_labelled_at` are ms since the epoch. */
const OWN_FIELDS = [
  { name: "_opinion_id", kind: "text" },
  { name: "_feedback_id", kind: "text" },
  { name: "_plan_id", kind: "text" },
  { name: "_group", kind: "text" },
  { name: "_label", kind: "integer" },
  { name: "_tier", kind: "text" },
  { name: "_weight", kind: "double" },
  { name: "_agreement", kind: "double" },
  { name: "_reviewers", kind: "integer" },
  { name: "_judged_at", kind: "integer" },
  { name: "_labelled_at", kind: "integer" },
  { name: "_role", kind: "text" },
  { name: "_fold", kind: "integer" },
  { name: "_reason", kind: "text" },
] as const satisfies readonly ParquetField[];
type OwnName = (typeof OWN_FIELDS)[number]["name"];

export const datasetFields = (featureNames: readonly string[]): ParquetField[] => [
  ...OWN_FIELDS,
  ...featureNames.map((name): ParquetField => ({ name, kind: "double" })),
];

const OWN_VALUE: Record<OwnName, (row: DatasetRow) => string | number | null> = {
  _opinion_id: (row) => row.opinion_id,
  _feedback_id: (row) => row.feedback_id,
  _plan_id: (row) => row.plan_id,
  _group: (row) => row.group,
  _label: (row) => row.label,
  _tier: (row) => row.tier,
  _weight: (row) => row.weight,
  _agreement: (row) => row.agreement,
  _reviewers: (row) => row.reviewers,
  _judged_at: (row) => row.judged_at,
  _labelled_at: (row) => row.labelled_at,
  _role: (row) => row.role,
  _fold: (row) => row.fold,
  _reason: (row) => row.reason,
};

const BATCH_ROWS = 4_096;

/** The table in batches. @param features float64 [rows x d], row-major. */
export function* datasetBatches(
  rows: readonly DatasetRow[],
  features: Float64Array,
  featureNames: readonly string[],
): Generator<ParquetBatch> {
  const width = featureNames.length;
  for (let from = 0; from < rows.length; from += BATCH_ROWS) {
    const part = rows.slice(from, from + BATCH_ROWS);
    const columns: Record<string, Float64Array | (string | null)[]> = {};
    for (const { name, kind } of OWN_FIELDS) {
      const values = part.map(OWN_VALUE[name]);
      columns[name] =
        kind === "text"
          ? (values as (string | null)[])
          : Float64Array.from(values, (value) => (value === null ? Number.NaN : Number(value)));
    }
    featureNames.forEach((name, column) => {
      columns[name] = Float64Array.from(part, (_, row) => features[(from + row) * width + column] ?? Number.NaN);
    });
    yield { rows: part.length, columns };
  }
}

/** Which rows train and which judge, fold by fold; the same rules as decide/split.ts, read back from the file. */
export interface DatasetRoles {
  readonly folds: readonly number[];
  /** Rows that a fold's challenger trains on; null = the final model. */
  trainRows(fold: number | null): Uint32Array;
  /** Rows that a fold scores; null = all gate rows. */
  gateRows(fold: number | null): Uint32Array;
}

/**
 * One division into folds a repeat: the first is the recorded one, each further one deals the groups anew. A hold-out has one division, by
 * time, which every repeat uses.
 * @param split "cross_fit" or "holdout", as the collect step recorded it.
 * @param seed of the run; repeat r uses `deriveSeed(seed, r)`.
 */
export async function readRoles(path: string, split: string, repeats: number, seed: number): Promise<DatasetRoles[]> {
  const table = await readParquet(path, { columns: ["_role", "_fold", "_group", "_label"] });
  const roles = table.texts("_role");
  const recorded = table.numbers("_fold");
  const first = rolesOf(roles, recorded, split);
  if (split === "holdout") return Array.from({ length: repeats }, () => first);
  const groups = table.texts("_group");
  const labels = table.numbers("_label");
  const rows = groups.map((group, row) => ({ group: group ?? "", label: labels[row] ?? 0 }));
  const gateRows = Array.from(first.gateRows(null));
  return Array.from({ length: repeats }, (_, repeat) => {
    if (repeat === 0) return first;
    const foldOf = dealFolds(rows, gateRows, first.folds.length, deriveSeed(seed, repeat));
    return rolesOf(
      roles,
      rows.map(({ group }) => foldOf.get(group) ?? Number.NaN),
      split,
    );
  });
}

/** @param folds of each row, as PlannedRow of decide/split.ts says; NaN where it has none. */
function rolesOf(roles: readonly (string | null)[], folds: ArrayLike<number>, split: string): DatasetRoles {
  const rowsWhere = (wanted: (role: string | null, fold: number) => boolean): Uint32Array => {
    const rows: number[] = [];
    roles.forEach((role, row) => {
      if (wanted(role, folds[row] ?? Number.NaN)) rows.push(row);
    });
    return Uint32Array.from(rows);
  };
  const gateRows = rowsWhere((role) => role === "gate");
  return {
    folds: [...new Set(Array.from(gateRows, (row) => folds[row] ?? 0))].sort((a, b) => a - b),
    gateRows: (fold) => rowsWhere((role, own) => role === "gate" && (fold === null || own === fold)),
    trainRows: (fold) =>
      rowsWhere((role, own) => {
        if (role === "out") return false;
        if (fold === null) return true;
        return split === "holdout" ? role === "train" : own !== fold;
      }),
  };
}

/** What a model saw: opinion ids and groups of all rows that were not left out. */
export async function readSeen(path: string): Promise<{ opinionIds: Set<string>; groups: Set<string> }> {
  const table = await readParquet(path, { columns: ["_opinion_id", "_group", "_role"] });
  const roles = table.texts("_role");
  const seen = (values: readonly (string | null)[]) =>
    new Set(values.flatMap((value, row) => (roles[row] === "out" || value === null ? [] : [value])));
  return { opinionIds: seen(table.texts("_opinion_id")), groups: seen(table.texts("_group")) };
}

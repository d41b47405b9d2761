import type { Specialist } from "../core/specialist.ts";
import type { ParquetColumns } from "../store/parquet.ts";

/** Columns by whose values the gate looks for groups that would pay for the gain of the others: name -> value of each row. */
export type SliceColumns = Readonly<Record<string, readonly (string | null)[]>>;

const PRIORITIES = ["low", "normal", "high", "critical"];
const DOMAIN = "domain_";
/** A weight, not one of the domains. */
const NOT_DOMAINS = new Set(["domain_risk_weight"]);

/** Features that the slices of a specialist are read from. */
export function sliceFeatures({ features }: Specialist, featureNames: readonly string[]): string[] {
  if ("columns" in features) return features.columns.filter(({ kind }) => kind === "categorical").map(({ name }) => name);
  return featureNames.filter((name) => name === "priority_level" || isDomain(name));
}

const isDomain = (name: string): boolean => name.startsWith(DOMAIN) && !NOT_DOMAINS.has(name);

/**
 * Slices of the wanted rows: domain and priority of plans, every categorical column of rows.
 * @param table holds at least the columns of `sliceFeatures`.
 */
export function slicesOf(
  { features }: Specialist,
  featureNames: readonly string[],
  table: ParquetColumns,
  rows: Uint32Array,
): SliceColumns {
  const columnAt = (name: string) => {
    const column = table.numbers(name);
    return (row: number): number => column[row] ?? Number.NaN;
  };
  if ("columns" in features) {
    const categorical = features.columns.filter((column) => column.kind === "categorical");
    return Object.fromEntries(
      categorical.map(({ name, values }) => [name, Array.from(rows, (row) => values[columnAt(name)(row)] ?? null)]),
    );
  }
  const domains = featureNames.filter(isDomain).map((name) => ({ domain: name.slice(DOMAIN.length), value: columnAt(name) }));
  const slices: Record<string, (string | null)[]> = {};
  if (domains.length > 0)
    slices.domain = Array.from(rows, (row) => domains.find(({ value }) => value(row) === 1)?.domain ?? null);
  if (featureNames.includes("priority_level")) {
    const priority = columnAt("priority_level");
    slices.priority = Array.from(rows, (row) => PRIORITIES[priority(row)] ?? null);
  }
  return slices;
}

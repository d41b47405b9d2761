import { RequeenError } from "../core/errors.ts";
import type { Plan } from "../core/plan.ts";
import type { Column, Specialist } from "../core/specialist.ts";
import { rememberedFeatures } from "../features/remembered.ts";

/** The engine reads float32. */
const LARGEST_FLOAT32 = 3.4028234663852886e38;

export type ColumnValues = Readonly<Record<string, number | string | boolean | null>>;

/** What a specialist is asked about: a plan, or named columns, as its feature schema says. */
export type Subject = { readonly plan: Plan } | { readonly columns: ColumnValues };

/**
 * The vector that a judgement is made from and that training reads later: float64 [d], NaN = missing.
 * @throws RequeenError bad_plan, bad_features
 */
export function vectorOf(specialist: Specialist, subject: Subject): Float64Array {
  const { features } = specialist;
  if ("columns" in features) {
    if (!("columns" in subject))
      throw new RequeenError("bad_features", `specialist ${specialist.name} judges named columns; a plan came`);
    return columnsVector(specialist.name, features.columns, subject.columns);
  }
  if (!("plan" in subject)) throw new RequeenError("bad_features", `specialist ${specialist.name} judges plans; columns came`);
  return rememberedFeatures(features.schema, subject.plan);
}

function columnsVector(specialist: string, columns: readonly Column[], values: ColumnValues): Float64Array {
  const known = new Set(columns.map((column) => column.name));
  for (const name of Object.keys(values))
    if (!known.has(name))
      throw new RequeenError("bad_features", `${specialist} has no column ${JSON.stringify(name)}`, { column: name });
  return Float64Array.from(columns, (column) => {
    const value = values[column.name];
    if (value === undefined)
      throw new RequeenError("bad_features", `column ${column.name} of ${specialist} is not there; send null if it is missing`, {
        column: column.name,
      });
    return value === null ? Number.NaN : codeOf(specialist, column, value);
  });
}

function codeOf(specialist: string, column: Column, value: number | string | boolean): number {
  const refuse = (allowed: string): never => {
    throw new RequeenError(
      "bad_features",
      `column ${column.name} of ${specialist} must be ${allowed}; got ${JSON.stringify(value)}`,
      { column: column.name },
    );
  };
  if (column.kind === "categorical") {
    const code = column.values.indexOf(String(value));
    return code >= 0 ? code : refuse(`one of ${column.values.join(", ")}`);
  }
  const number = typeof value === "boolean" ? Number(value) : value;
  const { min = -LARGEST_FLOAT32, max = LARGEST_FLOAT32 } = column;
  if (typeof number !== "number" || !Number.isFinite(number) || number < min || number > max)
    return refuse(`a number in [${column.min ?? "..."}, ${column.max ?? "..."}]`);
  return number;
}

import { RequeenError } from "../core/errors.ts";
import type { Column } from "./training-data.ts";

/** Categories are numbers up to this one: each is a bin of its own, and a bin is a byte whose 255 stands for missing. */
export const LARGEST_CATEGORY = 254;

/**
 * The columns that a learner reads as categories.
 * @param features their numbers, from `categoricalFeatures`. @param owner name of the learner, for messages.
 * @returns uint8 [d], 1 = categories; null = no column has any.
 * @throws bad_parameter for a number that is no column, or a name: those are known to `fitClassifier` only.
 */
export function categoricalMarks(features: readonly (number | string)[], columnCount: number, owner: string): Uint8Array | null {
  if (features.length === 0) return null;
  const marks = new Uint8Array(columnCount);
  for (const feature of features) {
    if (typeof feature === "string" || feature >= columnCount) {
      throw new RequeenError(
        "bad_parameter",
        `categoricalFeatures of ${owner} must be columns in [0, ${columnCount - 1}]; got ${JSON.stringify(feature)}`,
        { name: "categoricalFeatures" },
      );
    }
    marks[feature] = 1;
  }
  return marks;
}

/** @throws bad_data naming the first value of a marked column that is no category. */
export function checkCategories(columns: readonly Column[], marks: Uint8Array | null): void {
  if (marks === null) return;
  for (const [index, column] of columns.entries()) if (marks[index] === 1) checkCategoryColumn(column, index);
}

/** @throws bad_data naming the first value that is no category. @param index of the column, for the message. */
export function checkCategoryColumn(column: Column, index: number): void {
  for (let row = 0; row < column.length; row++) {
    const value = column[row];
    if (Number.isNaN(value) || (Number.isInteger(value) && value >= 0 && value <= LARGEST_CATEGORY)) continue;
    throw new RequeenError(
      "bad_data",
      `column ${index} is categorical: row ${row} must be an integer in [0, ${LARGEST_CATEGORY}], or NaN for missing; got ${value}`,
      { column: index, row },
    );
  }
}

/**
 * Parameters with the names in `categoricalFeatures` as numbers of columns.
 * @throws bad_parameter for a name that no column has.
 */
export function numberCategorical<T extends { readonly [name: string]: unknown }>(params: T, featureNames: readonly string[]): T {
  const { categoricalFeatures: given } = params;
  if (!Array.isArray(given)) return params;
  const features: unknown[] = given;
  const numbered = features.map((feature) => {
    if (typeof feature !== "string") return feature;
    const column = featureNames.indexOf(feature);
    if (column >= 0) return column;
    throw new RequeenError("bad_parameter", `categoricalFeatures names ${JSON.stringify(feature)}, which is no feature`, {
      name: "categoricalFeatures",
    });
  });
  return { ...params, categoricalFeatures: numbered };
}

/**
 * Moves the rows whose code the table sends left before the others, each side in its old order: what the kernels do by a threshold.
 * @param codes uint8 [n], the column's. @param rows IN/OUT uint32, those from `start` to `end` move. @param moved scratch, as long.
 * @param left uint8 [256], 1 = a row of this code goes left.
 * @returns where the right side begins.
 */
export function partitionByTable(
  codes: Uint8Array,
  rows: Uint32Array,
  moved: Uint32Array,
  start: number,
  end: number,
  left: Uint8Array,
): number {
  let to = start;
  let right = 0;
  for (let i = start; i < end; i++) {
    const row = rows[i];
    if (left[codes[row]] === 1) rows[to++] = row;
    else moved[right++] = row;
  }
  rows.set(moved.subarray(0, right), to);
  return to;
}

/** The present codes that a table sends left, ascending. */
export function codesOf(left: Uint8Array): number[] {
  const codes: number[] = [];
  for (let code = 0; code <= LARGEST_CATEGORY; code++) if (left[code] === 1) codes.push(code);
  return codes;
}

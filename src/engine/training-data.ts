import { RequeenError } from "../core/errors.ts";
import type { FitHelpers } from "./fit-helpers.ts";

/** One feature of all rows. NaN = missing. The engine reads every value as float32, so that its models equal their ONNX form. */
export type Column = Float64Array | Float32Array;

/** What a learner is trained on: d columns of n rows. */
export interface TrainingData {
  /** d columns, each [n]; 1 <= d <= 4,096; NaN = missing; infinities are refused. */
  readonly columns: readonly Column[];
  /** uint8 [n]. Class index of each row, below `classCount`. */
  readonly labels: Uint8Array;
  /** 2 to 64. A class may have no rows (its probability is then small), but at least two classes must have some. */
  readonly classCount: number;
  /** float64 [n], 0 or greater, not all 0. Absent = every row counts 1. */
  readonly weights?: Float64Array;
  /**
   * What to do with a column that holds one value, or none: it can teach nothing, and is often a mistake of whoever made it. "refuse"
   * (default) names it; "allow" trains all the same, and no learner asks it.
   */
  readonly constantColumns?: "refuse" | "allow";
}

export const LIMITS = { columns: 4096, classes: 64, rows: 10_000_000 } as const;

const refuse = (message: string, details: Record<string, unknown> = {}): never => {
  throw new RequeenError("bad_data", message, details);
};

/** What a learner is to learn, without the columns that it learns from. */
export type Targets = Pick<TrainingData, "labels" | "classCount" | "weights">;

/**
 * Checks everything that a learner later trusts. Cost: one pass over all values.
 * @throws bad_data naming the column, row or class.
 */
export function checkTrainingData(data: TrainingData): void {
  checkShape(data);
  checkColumns(data.columns, data.labels.length);
  if (data.constantColumns !== "allow") checkVarying(data.columns);
  checkClasses(data);
}

/** As `checkTrainingData`, of everything but the columns. @throws bad_data */
export function checkTargets(targets: Targets): void {
  checkShape(targets);
  checkClasses(targets);
}

function checkShape({ classCount, labels }: Targets): void {
  if (!Number.isInteger(classCount) || classCount < 2 || classCount > LIMITS.classes) {
    refuse(`classCount of the training data must be an integer in [2, ${LIMITS.classes}]; got ${classCount}`, { classCount });
  }
  const rowCount = labels.length;
  if (rowCount < 2 || rowCount > LIMITS.rows) {
    refuse(`labels of the training data must hold 2 to ${LIMITS.rows} rows; got ${rowCount}`, { rows: rowCount });
  }
}

function checkClasses({ labels, classCount, weights }: Targets): void {
  const rowCount = labels.length;
  if (weights !== undefined) checkWeights(weights, rowCount, "training");
  checkLabels(labels, classCount, "training");
  const classRows = new Float64Array(classCount);
  for (let row = 0; row < rowCount; row++) if (weights === undefined || weights[row] > 0) classRows[labels[row]] += 1;
  const present = classRows.reduce((count, rows) => count + (rows > 0 ? 1 : 0), 0);
  if (present < 2) {
    const only = classRows.findIndex((rows) => rows > 0);
    refuse(`labels of the training data must hold at least two classes; all ${rowCount} rows are class ${only}`, { class: only });
  }
}

/** Whether a value differs from `first`; missing counts as a value beside present ones. */
export function differsFrom(first: number, values: Column): boolean {
  for (const value of values) if (value !== first && !(Number.isNaN(value) && Number.isNaN(first))) return true;
  return false;
}

/** @throws bad_data naming the first column that teaches nothing. */
function checkVarying(columns: readonly Column[]): void {
  const constant = columns.findIndex((column) => !differsFrom(column[0], column));
  if (constant >= 0) refuseConstant(constant, columns[constant][0]);
}

/** @param value the one that all rows have. @throws bad_data */
export function refuseConstant(column: number, value: number): void {
  const what = Number.isNaN(value) ? "misses every value" : `holds the one value ${value}`;
  refuse(`column ${column} ${what}: it teaches nothing; leave it out, or train with constantColumns "allow"`, { column });
}

/**
 * Checks rows that early stopping looks at: the columns and classes of the training data, at least one row of some weight.
 * @throws bad_data
 */
export function checkValidation(validation: TrainingData, training: Targets, columnCount: number): void {
  const { columns, labels, classCount, weights } = validation;
  if (labels.length === 0) refuse("labels of the validation data must hold at least one row; got 0");
  if (classCount !== training.classCount)
    refuse(`classCount of the validation data must be that of the training data, ${training.classCount}; got ${classCount}`);
  checkColumns(columns, labels.length, columnCount);
  checkLabels(labels, classCount, "validation");
  if (weights !== undefined) checkWeights(weights, labels.length, "validation");
}

/** @throws bad_data naming the first row whose label is no class. */
function checkLabels(labels: Uint8Array, classCount: number, what: string): void {
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row];
    // a caller without types may pass a list of numbers: NaN, 0.5 and -1 are no class either
    if (!(Number.isInteger(label) && label >= 0 && label < classCount))
      refuse(`labels[${row}] of the ${what} data must be below classCount ${classCount}; got ${label}`, { row });
  }
}

function checkWeights(weights: Float64Array, rowCount: number, what: string): void {
  if (weights.length !== rowCount) refuse(`weights of the ${what} data must have ${rowCount} rows; got ${weights.length}`);
  let sum = 0;
  for (let row = 0; row < rowCount; row++) {
    const weight = weights[row];
    if (!(weight >= 0 && weight <= 1e12))
      refuse(`weights[${row}] of the ${what} data must be in [0, 1e12]; got ${weight}`, { row });
    sum += weight;
  }
  if (!(sum > 0)) refuse(`weights of the ${what} data must not all be 0`);
}

/**
 * Checks shape and values of feature columns.
 * @param rowCount rows that each column must have.
 * @param columnCount columns that a model expects; absent = 1 to 4,096.
 * @throws bad_data
 */
export function checkColumns(columns: readonly Column[], rowCount: number, columnCount?: number): void {
  checkColumnCount(columns.length, columnCount);
  for (let index = 0; index < columns.length; index++) {
    const column = columns[index];
    if (column.length !== rowCount) refuse(`column ${index} must have ${rowCount} rows; got ${column.length}`, { column: index });
    checkRange(column, index, 0);
  }
}

/** @param expected columns of a model; absent = 1 to 4,096. @throws bad_data */
export function checkColumnCount(count: number, expected?: number): void {
  if (expected !== undefined && count !== expected)
    refuse(`columns must be the ${expected} features of the model; got ${count}`, { expected, got: count });
  if (count < 1 || count > LIMITS.columns)
    refuse(`columns must be 1 to ${LIMITS.columns} features; got ${count}`, { got: count });
}

/** @param firstRow row of the column that `values` begins with. @throws bad_data for a value that float32 does not hold. */
export function checkRange(values: Column, column: number, firstRow: number): void {
  const at = firstInfinite(values);
  if (at < 0) return;
  const row = firstRow + at;
  refuse(`column ${column}, row ${row} must fit float32, or be NaN for missing; got ${values[at]}`, { column, row });
}

/** The place of the first value that float32 rounds to infinity, -1 = none. Apart and with one comparison: two fifths of the time that two took. */
function firstInfinite(values: Column): number {
  const count = values.length;
  // the smallest magnitude that does
  for (let i = 0; i < count; i++) if (Math.abs(values[i]) >= 3.4028235677973366e38) return i;
  return -1;
}

/** The data with its weights scaled so that every class that has rows gets the same total; unchanged for "none". */
export function withClassWeight<T extends Targets>(data: T, classWeight: "none" | "balanced"): T {
  if (classWeight === "none") return data;
  const { labels, classCount } = data;
  const weights = data.weights ?? new Float64Array(labels.length).fill(1);
  const sums = new Float64Array(classCount);
  for (let row = 0; row < labels.length; row++) sums[labels[row]] += weights[row];
  const total = sums.reduce((sum, value) => sum + value, 0);
  const present = sums.reduce((count, value) => count + (value > 0 ? 1 : 0), 0);
  return {
    ...data,
    weights: weights.map((weight, row) => (weight === 0 ? 0 : (weight * total) / (present * sums[labels[row]]))),
  };
}

/** The columns as float32, copied only where they are not. */
export const toFloat32Columns = (columns: readonly Column[]): Float32Array[] =>
  columns.map((column) => (column instanceof Float32Array ? column : Float32Array.from(column)));

/** The columns as rows. @param rows OUT, float32 [n x d] or longer, row-major. @returns the same. */
export function toFloat32Rows(
  columns: readonly Column[],
  rows: Float32Array = new Float32Array(columns.length * columns[0].length),
): Float32Array {
  for (let j = 0; j < columns.length; j++) {
    const column = columns[j];
    for (let row = 0; row < column.length; row++) rows[row * columns.length + j] = column[row];
  }
  return rows;
}

/** The rows `rows` of the data, copied, in that order. Cost: (d + 2) * rows.length copies. */
export const takeRows = (data: TrainingData, rows: Uint32Array): TrainingData => ({
  columns: takeColumnRows(data.columns, rows),
  ...takeTargets(data, rows),
});

/** The rows `rows` of labels and weights, copied. */
export function takeTargets(data: Targets, rows: Uint32Array): Targets {
  const labels = new Uint8Array(rows.length);
  for (let i = 0; i < rows.length; i++) labels[i] = data.labels[rows[i]];
  if (data.weights === undefined) return { labels, classCount: data.classCount };
  const weights = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) weights[i] = data.weights[rows[i]];
  return { labels, classCount: data.classCount, weights };
}

/** The rows `rows` of each column, copied, as float32. */
export const takeColumnRows = (columns: readonly Column[], rows: Uint32Array): Float32Array[] =>
  columns.map((column) => takeValues(column, rows, new Float32Array(rows.length)));

/** Writes what was predicted of some rows to their places. @param probabilities float64 [rows x classes]. @param into float64 [n x classes]. */
export function putRows(probabilities: Float64Array, rows: Uint32Array, classCount: number, into: Float64Array): void {
  for (let i = 0; i < rows.length; i++) {
    for (let k = 0; k < classCount; k++) into[rows[i] * classCount + k] = probabilities[i * classCount + k];
  }
}

/** @param out OUT float32 [rows]. */
export function takeValues(column: Column, rows: Uint32Array, out: Float32Array): Float32Array {
  for (let i = 0; i < rows.length; i++) out[i] = column[rows[i]];
  return out;
}

/** What a caller may pass to any training: how to hear of progress and how to stop it. */
export interface Watch {
  /** Called with a share done in [0, 1] and what is being done; not more often than once a tree. */
  readonly onProgress?: (share: number, step: string) => void;
  /** Looked at every few milliseconds of work, or between the columns of a pass over many rows; an AbortSignal, or any object whose `aborted` turns true (for example over shared memory). */
  readonly signal?: { readonly aborted: boolean };
  /** Boosting and forests that would need more than this beside their data are refused before any work, with the estimate. */
  readonly memoryLimitBytes?: number;
  /**
   * Told before the first tree what makes this training slower than others: more than 2 GiB of kernel memory, beyond which the kernels
   * cannot reach. The model is the same.
   */
  readonly onNote?: (note: string) => void;
  /** Threads that take part in boosting of 50,000 rows and more, and in forests (see FitHelpers); the model is the same with and without them. */
  readonly helpers?: FitHelpers;
}

/** What all trainings of one request may use; how far they are, and whether they are stopped, is for each to be told. */
export const resourcesOf = ({ memoryLimitBytes, helpers, onNote }: Watch): Watch => ({
  ...(onNote === undefined ? {} : { onNote }),
  ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
  ...(helpers === undefined ? {} : { helpers }),
});

/** @throws out_of_memory when the estimate is above the caller's limit. */
export function refuseAboveLimit(watch: Watch | undefined, estimateBytes: number, owner: string): void {
  const limitBytes = watch?.memoryLimitBytes ?? Number.POSITIVE_INFINITY;
  if (estimateBytes <= limitBytes) return;
  const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  throw new RequeenError(
    "out_of_memory",
    `${owner} would need about ${mebibytes(estimateBytes)} beside its data; the limit is ${mebibytes(limitBytes)}`,
    { estimateBytes, limitBytes },
  );
}

/** @throws cancelled when the caller asked to stop. */
export function throwIfCancelled(watch: Watch | undefined, step: string): void {
  if (watch?.signal?.aborted === true) throw new RequeenError("cancelled", `${step} was cancelled by its caller`, { step });
}

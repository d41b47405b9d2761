import { RequeenError } from "../core/errors.ts";
import { type BinnedColumns, binsFor, ColumnBinner } from "./bin-columns.ts";
import { growBinnedBoosting, refuseBoosting } from "./boosting.ts";
import { categoricalMarks, checkCategoryColumn } from "./categorical-columns.ts";
import { rowsHeldBack } from "./early-stopping.ts";
import { type ForestType, finishForest, plantBinned, refuseForest } from "./forest.ts";
import type { TreeModel } from "./model.ts";
import {
  BOOSTING_PARAMETERS,
  EXTRA_TREES_PARAMETERS,
  type ExtraTreesParams,
  FOREST_PARAMETERS,
  type ForestParams,
} from "./parameter-tables.ts";
import { type ParameterValue, resolveParameters } from "./parameters.ts";
import {
  type Column,
  checkColumnCount,
  checkRange,
  checkTargets,
  checkValidation,
  differsFrom,
  refuseConstant,
  type Targets,
  type TrainingData,
  takeTargets,
  takeValues,
  throwIfCancelled,
  type Watch,
} from "./training-data.ts";

/** Columns that are read one after the other, when they are wanted: a file, or a table of another library. */
export interface ColumnSource {
  readonly rowCount: number;
  readonly columnCount: number;
  /**
   * The values of a column in the order of the rows, in pieces of any length; NaN = missing. Asked once a column and pass, from the first to the
   * last; a training is one pass, a calibration several (see `fitStreamed`). A piece may be overwritten when the next one is asked for.
   */
  read(column: number): AsyncIterable<Column> | Iterable<Column>;
}

/** As TrainingData, its columns not yet read. */
export interface StreamedData extends Targets, Pick<TrainingData, "constantColumns"> {
  readonly source: ColumnSource;
}

/** Learners that read a column once. */
export type StreamedLearner = "gradient_boosting" | ForestType;
const STREAMED_LEARNERS: readonly string[] = ["gradient_boosting", "random_forest", "extra_trees"] satisfies StreamedLearner[];

/** Rows of a pass, ascending: those to train on, and the others, whose values are wanted. */
export interface StreamedFold {
  readonly outside: Uint32Array;
  readonly inside: Uint32Array;
}

/**
 * Trains a tree learner on columns that are never all in memory as numbers: each is read, binned to one byte a row, and forgotten. The model is
 * the one, byte for byte, that `trainBoosting`, `trainForest` or `trainExtraTrees` make of the same values.
 * Memory beside the training's own: one column as float32 and one piece of it; with `nIterNoChange` and no `validation` also the rows held back.
 * The reading is asynchronous, the training behind it is not. @param params as of the learner; see `PARAMETERS`.
 * @param validation rows for the early stopping of gradient_boosting.
 * @throws bad_parameter, bad_data, out_of_memory before any tree; cancelled; and what the source throws.
 */
export async function trainStreamed(
  modelType: StreamedLearner,
  data: StreamedData,
  params: Readonly<Record<string, ParameterValue | undefined>> = {},
  watch?: Watch,
  validation?: TrainingData,
): Promise<TreeModel> {
  return (await trainStreamedFold(modelType, data, params, null, watch, validation)).model;
}

/**
 * As `trainStreamed`, on the rows outside a fold. @param fold null = all rows are trained on.
 * @returns the model, and of the rows inside the columns [d][m] as float32; of none where fold is null.
 */
export async function trainStreamedFold(
  modelType: StreamedLearner,
  data: StreamedData,
  params: Readonly<Record<string, ParameterValue | undefined>>,
  fold: StreamedFold | null,
  watch?: Watch,
  validation?: TrainingData,
): Promise<{ model: TreeModel; columns: Float32Array[] }> {
  checkStreamed(modelType, data);
  if (modelType !== "gradient_boosting") {
    if (validation !== undefined)
      throw new RequeenError("bad_parameter", `${modelType} stops at no validation data; leave it out`);
    const resolved: ForestParams | ExtraTreesParams =
      modelType === "random_forest"
        ? resolveParameters(FOREST_PARAMETERS, params, modelType)
        : resolveParameters(EXTRA_TREES_PARAMETERS, params, modelType);
    const targets = fold === null ? data : takeTargets(data, fold.outside);
    refuseForest(modelType, targets, data.source.columnCount, resolved, false, watch);
    const marks = categoricalMarks(resolved.categoricalFeatures, data.source.columnCount, modelType);
    const wanted = fold === null ? [] : [fold.inside];
    const { binned, columns } = await binStreamed(data, fold?.outside ?? null, wanted, resolved.maxBins, marks, watch);
    const grove = plantBinned(modelType, binned, targets, resolved, undefined, "wasm", watch);
    return { model: finishForest(modelType, grove, resolved, watch), columns: columns[0] ?? [] };
  }
  const resolved = resolveParameters(BOOSTING_PARAMETERS, params, modelType);
  if (validation !== undefined) {
    checkValidation(validation, data, data.source.columnCount);
    if (resolved.nIterNoChange === null)
      throw new RequeenError("bad_parameter", "nIterNoChange of gradient_boosting must be given with validation data; got null");
  }
  const targets = fold === null ? data : takeTargets(data, fold.outside);
  const rows =
    resolved.nIterNoChange === null || validation !== undefined
      ? null
      : rowsHeldBack(targets, resolved.validationFraction, resolved.seed);
  const kept = rows === null ? targets : takeTargets(targets, rows.kept);
  refuseBoosting(kept, data.source.columnCount, resolved, watch);
  const marks = categoricalMarks(resolved.categoricalFeatures, data.source.columnCount, modelType);
  const ofData = (part: Uint32Array): Uint32Array => (fold === null ? part : part.map((row) => fold.outside[row]));
  const trainedOn = rows === null ? (fold?.outside ?? null) : ofData(rows.kept);
  const wanted = [fold?.inside ?? NO_ROWS, rows === null ? NO_ROWS : ofData(rows.held)];
  const { binned, columns } = await binStreamed(data, trainedOn, wanted, resolved.maxBins, marks, watch);
  const held = rows === null ? validation : { ...takeTargets(targets, rows.held), columns: columns[1] };
  return { model: growBinnedBoosting(binned, kept, resolved, watch, held), columns: columns[0] };
}

const NO_ROWS = new Uint32Array(0);

/** @throws bad_parameter, bad_data */
export function checkStreamed(modelType: StreamedLearner, data: StreamedData): void {
  if (!STREAMED_LEARNERS.includes(modelType))
    throw new RequeenError("bad_parameter", `modelType must be one of ${STREAMED_LEARNERS.join(", ")}; got ${String(modelType)}`);
  checkTargets(data);
  checkColumnCount(data.source.columnCount);
  const [rows, labels] = [data.source.rowCount, data.labels.length];
  if (rows !== labels) throw new RequeenError("bad_data", `labels must be one a row of the columns, ${rows}; got ${labels}`);
}

/** @param rows those to bin; null = all. @param wanted lists of rows to keep as numbers. @returns of each list its columns. */
async function binStreamed(
  { source, labels, constantColumns }: StreamedData,
  rows: Uint32Array | null,
  wanted: readonly Uint32Array[],
  maxBins: number | null,
  marks: Uint8Array | null,
  watch: Watch | undefined,
): Promise<{ binned: BinnedColumns; columns: Float32Array[][] }> {
  const rowCount = labels.length;
  const binnedRows = rows?.length ?? rowCount;
  const binner = new ColumnBinner(binnedRows, source.columnCount, binsFor(maxBins, binnedRows), "wasm", marks);
  const column = new Float32Array(rowCount);
  const taken = rows === null ? column : new Float32Array(binnedRows);
  const columns = wanted.map((): Float32Array[] => []);
  for (let index = 0; index < source.columnCount; index++) {
    await readColumn(source, index, column, constantColumns !== "allow", watch);
    if (marks?.[index] === 1) checkCategoryColumn(column, index);
    if (rows !== null) takeValues(column, rows, taken);
    for (const [list, of] of wanted.entries()) columns[list].push(takeValues(column, of, new Float32Array(of.length)));
    binner.add(taken);
  }
  return { binned: binner.finish(), columns };
}

/** The rows from `first` to before `end` of a table as numbers, read in a pass. @returns float32 [d][m]. @throws bad_data, cancelled */
export async function readRows(source: ColumnSource, first: number, end: number, watch: Watch): Promise<Float32Array[]> {
  const column = new Float32Array(source.rowCount);
  const rows: Float32Array[] = [];
  for (let index = 0; index < source.columnCount; index++) {
    await readColumn(source, index, column, false, watch);
    rows.push(column.slice(first, end));
  }
  return rows;
}

/** @param out OUT float32 [rows]. @throws bad_data, cancelled */
async function readColumn(
  source: ColumnSource,
  index: number,
  out: Float32Array,
  mustVary: boolean,
  watch: Watch | undefined,
): Promise<void> {
  let row = 0;
  let first = Number.NaN;
  let varies = false;
  for await (const piece of source.read(index)) {
    throwIfCancelled(watch, "reading the columns of a training");
    if (row + piece.length > out.length) {
      row += piece.length;
      break;
    }
    checkRange(piece, index, row);
    if (row === 0 && piece.length > 0) first = piece[0];
    if (mustVary && !varies) varies = differsFrom(first, piece);
    out.set(piece, row);
    row += piece.length;
  }
  if (row !== out.length) {
    const got = row > out.length ? "more" : String(row);
    throw new RequeenError("bad_data", `column ${index} must have ${out.length} rows; got ${got}`, { column: index });
  }
  if (mustVary && !varies) refuseConstant(index, first);
}

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
   * The values of a column in the order of the rows, in pieces of any length; NaN = missing. Asked once a column, from the first to the last;
   * a piece may be overwritten when the next one is asked for.
   */
  read(column: number): AsyncIterable<Column> | Iterable<Column>;
}

/** As TrainingData, its columns not yet read. */
export interface StreamedData extends Targets, Pick<TrainingData, "constantColumns"> {
  readonly source: ColumnSource;
}

/** Learners that read a column once. */
export type StreamedLearner = "gradient_boosting" | ForestType;

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
  if (modelType !== "gradient_boosting") {
    if (validation !== undefined)
      throw new RequeenError("bad_parameter", `${modelType} stops at no validation data; leave it out`);
    const resolved: ForestParams | ExtraTreesParams =
      modelType === "random_forest"
        ? resolveParameters(FOREST_PARAMETERS, params, modelType)
        : resolveParameters(EXTRA_TREES_PARAMETERS, params, modelType);
    checkStreamed(data);
    refuseForest(modelType, data, data.source.columnCount, resolved, false, watch);
    const marks = categoricalMarks(resolved.categoricalFeatures, data.source.columnCount, modelType);
    const { binned } = await binStreamed(data, null, resolved.maxBins, marks, watch);
    return finishForest(modelType, plantBinned(modelType, binned, data, resolved, undefined, "wasm", watch), resolved, watch);
  }
  const resolved = resolveParameters(BOOSTING_PARAMETERS, params, modelType);
  checkStreamed(data);
  if (validation !== undefined) {
    checkValidation(validation, data, data.source.columnCount);
    if (resolved.nIterNoChange === null)
      throw new RequeenError("bad_parameter", "nIterNoChange of gradient_boosting must be given with validation data; got null");
  }
  const rows =
    resolved.nIterNoChange === null || validation !== undefined
      ? null
      : rowsHeldBack(data, resolved.validationFraction, resolved.seed);
  const kept = rows === null ? data : takeTargets(data, rows.kept);
  refuseBoosting(kept, data.source.columnCount, resolved, watch);
  const marks = categoricalMarks(resolved.categoricalFeatures, data.source.columnCount, modelType);
  const { binned, heldColumns } = await binStreamed(data, rows, resolved.maxBins, marks, watch);
  const held = rows === null ? validation : { ...takeTargets(data, rows.held), columns: heldColumns };
  return growBinnedBoosting(binned, kept, resolved, watch, held);
}

function checkStreamed(data: StreamedData): void {
  checkTargets(data);
  checkColumnCount(data.source.columnCount);
  const [rows, labels] = [data.source.rowCount, data.labels.length];
  if (rows !== labels) throw new RequeenError("bad_data", `labels must be one a row of the columns, ${rows}; got ${labels}`);
}

/** @param rows those to bin and those to keep as numbers; null = all are binned. */
async function binStreamed(
  { source, labels, constantColumns }: StreamedData,
  rows: { readonly kept: Uint32Array; readonly held: Uint32Array } | null,
  maxBins: number | null,
  marks: Uint8Array | null,
  watch: Watch | undefined,
): Promise<{ binned: BinnedColumns; heldColumns: Float32Array[] }> {
  const rowCount = labels.length;
  const binnedRows = rows?.kept.length ?? rowCount;
  const binner = new ColumnBinner(binnedRows, source.columnCount, binsFor(maxBins, binnedRows), "wasm", marks);
  const column = new Float32Array(rowCount);
  const kept = rows === null ? column : new Float32Array(binnedRows);
  const heldColumns: Float32Array[] = [];
  for (let index = 0; index < source.columnCount; index++) {
    await readColumn(source, index, column, constantColumns !== "allow", watch);
    if (marks?.[index] === 1) checkCategoryColumn(column, index);
    if (rows !== null) {
      takeValues(column, rows.kept, kept);
      heldColumns.push(takeValues(column, rows.held, new Float32Array(rows.held.length)));
    }
    binner.add(kept);
  }
  return { binned: binner.finish(), heldColumns };
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

import { RequeenError } from "../core/errors.ts";
import { type BinnedColumns, binColumns, binsFor } from "./bin-columns.ts";
import type { CategoryLimits } from "./boosting-categories.ts";
import { fixedPointOf } from "./boosting-derivatives.ts";
import type { BoostingForm } from "./boosting-form.ts";
import { layoutOf } from "./boosting-layout.ts";
import { type BoostingRun, PlainBoosting } from "./boosting-plain.ts";
import { BoostingGrower, type GrowthLimits } from "./boosting-tree.ts";
import { boostingSizes, estimateBytes, WasmBoosting } from "./boosting-wasm.ts";
import { categoricalMarks, checkCategories } from "./categorical-columns.ts";
import { EarlyStopping, holdBack } from "./early-stopping.ts";
import { log } from "./exact-math.ts";
import { type FitHelpers, HELPED_ROWS } from "./fit-helpers.ts";
import { MOST_KERNEL_BYTES, plainFormNote, sumBytes } from "./kernels/kernels.ts";
import type { TreeModel } from "./model.ts";
import { BOOSTING_PARAMETERS, type BoostingParams } from "./parameter-tables.ts";
import { type Given, modelParameters, resolveParameters } from "./parameters.ts";
import { deriveSeed, SeededRandom } from "./seeded-random.ts";
import {
  checkTrainingData,
  checkValidation,
  refuseAboveLimit,
  type Targets,
  type TrainingData,
  throwIfCancelled,
  type Watch,
  withClassWeight,
} from "./training-data.ts";
import { TreeBuilder, type TreeEnsemble } from "./tree-ensemble.ts";

/**
 * Trains gradient boosted trees on histograms, leaf-wise, with the logistic loss (two classes: one tree a round) or the softmax loss
 * (more: one tree a class and round). Defaults and ranges: `BOOSTING_PARAMETERS`.
 * Cost a tree: about rows x features x log(leaves) histogram updates and leaves x features x bins scans.
 * @param validation rows for early stopping, needs `nIterNoChange`; absent = a share of `data` is held back when that is set.
 * @throws bad_parameter, bad_data before any work; cancelled.
 */
export function trainBoosting(
  data: TrainingData,
  params: Given<typeof BOOSTING_PARAMETERS> = {},
  watch?: Watch,
  validation?: TrainingData,
): TreeModel {
  const resolved = resolveParameters(BOOSTING_PARAMETERS, params, "gradient_boosting");
  checkTrainingData(data);
  if (validation !== undefined) {
    checkValidation(validation, data, data.columns.length);
    if (resolved.nIterNoChange === null) {
      throw new RequeenError("bad_parameter", "nIterNoChange of gradient_boosting must be given with validation data; got null");
    }
  }
  return growBoosting(data, resolved, watch, validation);
}

/** As `trainBoosting`, for arguments that were checked. @param form "plain" = without WebAssembly, for comparison: same bytes. */
export function growBoosting(
  given: TrainingData,
  params: BoostingParams,
  watch?: Watch,
  validation?: TrainingData,
  form: "wasm" | "plain" = "wasm",
): TreeModel {
  const marks = categoricalMarks(params.categoricalFeatures, given.columns.length, "gradient_boosting");
  checkCategories(given.columns, marks);
  const split =
    params.nIterNoChange === null || validation !== undefined ? null : holdBack(given, params.validationFraction, params.seed);
  const data = split?.kept ?? given;
  refuseBoosting(data, data.columns.length, params, watch);
  const poll = (): void => throwIfCancelled(watch, "training gradient boosting");
  const binned = binColumns(data.columns, binsFor(params.maxBins, data.labels.length), "wasm", poll, marks);
  return growBinnedBoosting(binned, data, params, watch, validation ?? split?.held, form);
}

/** @throws out_of_memory when a fit of these rows would need more than the caller's limit. */
export function refuseBoosting(
  { labels, classCount, weights }: Targets,
  columnCount: number,
  params: BoostingParams,
  watch: Watch | undefined,
): void {
  const rowCount = labels.length;
  const weighted = weights !== undefined || params.classWeight !== "none";
  const estimate = estimateBytes(
    rowCount,
    columnCount,
    classCount === 2 ? 1 : classCount,
    weighted,
    mostLeavesOf(params, rowCount),
  );
  refuseAboveLimit(watch, estimate, `gradient boosting of ${rowCount} rows and ${columnCount} columns`);
}

/** As `growBoosting`, for columns that were binned. @param held rows for early stopping, none of them among the binned ones. */
export function growBinnedBoosting(
  binned: BinnedColumns,
  given: Targets,
  params: BoostingParams,
  watch?: Watch,
  held?: TrainingData,
  form: "wasm" | "plain" = "wasm",
): TreeModel {
  const data = withClassWeight(given, params.classWeight);
  const { labels, classCount } = data;
  const rowCount = labels.length;
  const featureCount = binned.columnCount;
  const marks = categoricalMarks(params.categoricalFeatures, featureCount, "gradient_boosting");
  const weights = meanOneWeights(data.weights, rowCount);
  const poll = (): void => throwIfCancelled(watch, "training gradient boosting");
  const point = fixedPointOf(rowCount, weights);
  const { gradientScale, hessianScale } = point;
  const limits: GrowthLimits = {
    step: (params.learningRate * hessianScale) / gradientScale,
    maxLeafNodes: params.maxLeafNodes,
    maxDepth: params.maxDepth ?? 64,
    growPolicy: params.growPolicy,
    minSamplesLeaf: params.minSamplesLeaf,
    minHessian: params.minChildWeight * hessianScale,
    l1: params.l1Regularization * gradientScale,
    l2: params.l2Regularization * hessianScale,
    minSplitGain: (params.minSplitGain * gradientScale * gradientScale) / hessianScale,
    monotone: monotoneOf(params.monotonicCst, featureCount, classCount, marks),
    categories: marks === null ? null : categoryLimitsOf(marks, params, hessianScale),
  };
  const baseline = startingScores(labels, weights, classCount);
  const run: BoostingRun = {
    binned,
    labels,
    weights,
    baseline: Float32Array.from(baseline),
    point,
    limits,
    maxLeafNodes: mostLeavesOf(params, rowCount),
    poll,
  };
  const stopping = held === undefined ? null : new EarlyStopping(held, baseline, params.nIterNoChange ?? 1);
  const opened = openBoosting(run, form, watch);
  try {
    const grower = new BoostingGrower(opened, binned, limits, poll);
    const trees = growRounds(opened, grower, run, params, stopping, watch);
    const kept = modelParameters(BOOSTING_PARAMETERS, params);
    return { kind: "trees", modelType: "gradient_boosting", featureCount, classCount, params: kept, trees, baseline };
  } finally {
    opened.close();
  }
}

function growRounds(
  form: BoostingForm,
  grower: BoostingGrower,
  { binned, weights, baseline, poll }: BoostingRun,
  params: BoostingParams,
  stopping: EarlyStopping | null,
  watch: Watch | undefined,
): TreeEnsemble {
  const builder = new TreeBuilder(1);
  const rows = new RowSampler(binned.rowCount, weights, params.subsample);
  const asked = new Uint8Array(binned.columnCount).fill(1);
  for (let round = 0; round < params.nEstimators; round++) {
    poll();
    if (params.subsample < 1) rows.draw(new SeededRandom(deriveSeed(params.seed, round)));
    if (params.columnSample < 1) {
      sampleMarks(asked, params.columnSample, 1, new SeededRandom(deriveSeed(params.seed, round, 1)));
      form.setAsked(asked);
    }
    form.startRound();
    const first = builder.treeCount;
    for (let output = 0; output < baseline.length; output++) grower.grow(builder, output, rows.taking, rows.resting);
    watch?.onProgress?.((round + 1) / params.nEstimators, "rounds");
    if (stopping?.addRound(builder.view(), first) === true) break;
  }
  return stopping === null ? builder.finish() : builder.finish(stopping.bestTreeCount);
}

/** Leaves that a tree can have, whatever it is allowed: histograms are kept for so many. */
function mostLeavesOf({ maxLeafNodes, maxDepth, minSamplesLeaf }: BoostingParams, rowCount: number): number {
  const byDepth = maxDepth === null || maxDepth > 8 ? maxLeafNodes : 2 ** maxDepth;
  return Math.max(2, Math.min(maxLeafNodes, byDepth, Math.floor(rowCount / minSamplesLeaf)));
}

/**
 * The WebAssembly form where its addresses reach; the plain one beyond, of which the caller is told.
 * @throws out_of_memory when the machine refuses the memory.
 */
function openBoosting(run: BoostingRun, form: "wasm" | "plain", watch: Watch | undefined): BoostingForm {
  const given = watch?.helpers;
  const helpers: FitHelpers | null =
    given !== undefined && given.count > 0 && run.binned.rowCount >= (given.leastRows ?? HELPED_ROWS) ? given : null;
  const needed = sumBytes(boostingSizes(run, layoutOf(run.binned, run.point), helpers?.count));
  if (form === "plain") return new PlainBoosting(run);
  if (needed > MOST_KERNEL_BYTES) {
    watch?.onNote?.(
      plainFormNote(`gradient boosting of ${run.binned.rowCount} rows and ${run.binned.columnCount} columns`, needed),
    );
    return new PlainBoosting(run);
  }
  try {
    return new WasmBoosting(run, helpers);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const message = `gradient boosting needs about ${Math.ceil(needed / 2 ** 20)} MiB beside its data, which the machine refused`;
    throw new RequeenError("out_of_memory", message, { estimateBytes: needed }, { cause: error });
  }
}

/** Which rows take part in a round: those with weight, or a drawn share of them. */
class RowSampler {
  /** Ascending; null = all rows. */
  taking: Uint32Array | null = null;
  resting: Uint32Array = new Uint32Array(0);
  private readonly weighted: Uint32Array | null = null;
  private readonly rowCount: number;
  private readonly share: number;

  constructor(rowCount: number, weights: Float32Array | null, share: number) {
    this.rowCount = rowCount;
    this.share = share;
    if (weights?.includes(0) !== true) return;
    this.weighted = rowsWhere(rowCount, (row) => weights[row] > 0);
    this.taking = this.weighted;
    this.resting = rowsWhere(rowCount, (row) => weights[row] === 0);
  }

  draw(random: SeededRandom): void {
    const marks = new Uint8Array(this.rowCount);
    const from = this.weighted;
    const drawn = new Uint8Array(from?.length ?? this.rowCount);
    sampleMarks(drawn, this.share, 2, random);
    for (let i = 0; i < drawn.length; i++) marks[from === null ? i : from[i]] = drawn[i];
    this.taking = rowsWhere(this.rowCount, (row) => marks[row] === 1);
    this.resting = rowsWhere(this.rowCount, (row) => marks[row] === 0);
  }
}

function rowsWhere(rowCount: number, wanted: (row: number) => boolean): Uint32Array {
  const rows = new Uint32Array(rowCount);
  let count = 0;
  for (let row = 0; row < rowCount; row++) if (wanted(row)) rows[count++] = row;
  return rows.slice(0, count);
}

const categoryLimitsOf = (marks: Uint8Array, params: BoostingParams, hessianScale: number): CategoryLimits => ({
  marks,
  maxCatToOnehot: params.maxCatToOnehot,
  smoothing: params.catSmooth * hessianScale,
  leastRows: params.catSmooth,
  l2: params.catL2 * hessianScale,
  maxCatThreshold: params.maxCatThreshold,
  minDataPerGroup: params.minDataPerGroup,
});

/** @throws bad_parameter when the constraints do not fit the columns or classes. */
function monotoneOf(
  constraints: readonly number[],
  columnCount: number,
  classCount: number,
  categorical: Uint8Array | null,
): Int8Array | null {
  if (constraints.every((sign) => sign === 0)) return null;
  if (constraints.length !== columnCount || classCount !== 2) {
    const allowed = `empty or ${columnCount} numbers, and all 0 with more than two classes`;
    throw new RequeenError(
      "bad_parameter",
      `monotonicCst of gradient_boosting must be ${allowed}; got ${constraints.length} with ${classCount} classes`,
    );
  }
  const unordered = constraints.findIndex((sign, column) => sign !== 0 && categorical?.[column] === 1);
  if (unordered >= 0)
    throw new RequeenError(
      "bad_parameter",
      `monotonicCst of gradient_boosting must be 0 for categorical columns; got ${constraints[unordered]} for column ${unordered}`,
    );
  return Int8Array.from(constraints);
}

/** Weights with mean 1, so that penalties and limits mean the same at every scale of the weights; null = all 1. */
function meanOneWeights(weights: Float64Array | undefined, rowCount: number): Float32Array | null {
  if (weights === undefined) return null;
  let sum = 0;
  for (const weight of weights) sum += weight;
  return Float32Array.from(weights, (weight) => (weight * rowCount) / sum);
}

/** The scores of a model without trees: log odds, or log shares of the classes; an absent class counts as half a row. */
function startingScores(labels: Uint8Array, weights: Float32Array | null, classCount: number): Float64Array {
  const sums = new Float64Array(classCount);
  for (let row = 0; row < labels.length; row++) sums[labels[row]] += weights?.[row] ?? 1;
  for (let k = 0; k < classCount; k++) sums[k] = Math.max(sums[k], 0.5);
  if (classCount === 2) return Float64Array.of(log(sums[1] / sums[0]));
  const total = sums.reduce((sum, value) => sum + value, 0);
  return sums.map((sum) => log(sum / total));
}

/** Marks a share of the places with 1, the others with 0, chosen without replacement. */
function sampleMarks(marks: Uint8Array, share: number, least: number, random: SeededRandom): void {
  let needed = Math.max(least, Math.round(share * marks.length));
  for (let i = 0; i < marks.length; i++) {
    const take = random.next() * (marks.length - i) < needed;
    marks[i] = take ? 1 : 0;
    if (take) needed--;
  }
}

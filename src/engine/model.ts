import { RequeenError } from "../core/errors.ts";
import { applyCalibrator, type Calibrator } from "./calibrate.ts";
import { exp } from "./exact-math.ts";
import type { ParameterValue } from "./parameters.ts";
import { type Scaler, scaleRow } from "./standardise.ts";
import { type Column, checkColumns } from "./training-data.ts";
import type { TreeEnsemble } from "./tree-ensemble.ts";
import { walkerOf } from "./tree-walker.ts";
import { BLOCK_ROWS } from "./walker-form.ts";

interface ModelCommon {
  readonly featureCount: number;
  readonly classCount: number;
  /** All parameters that the model was trained with, defaults included; see `modelParameters`. */
  readonly params: Readonly<Record<string, ParameterValue>>;
}

/**
 * A forest (leaf = class shares; two classes: the share of class 1) or boosted trees (leaf = part of a score; one tree a class and
 * round, or one a round for two classes). `baseline` holds the scores before the first tree; null in forests.
 */
export interface TreeModel extends ModelCommon {
  readonly kind: "trees";
  readonly modelType: "random_forest" | "extra_trees" | "gradient_boosting";
  readonly trees: TreeEnsemble;
  readonly baseline: Float64Array | null;
}

/** Logistic regression over standardised inputs: features first, then an indicator for each column that had missing values. */
export interface LinearModel extends ModelCommon, Scaler {
  readonly kind: "linear";
  readonly modelType: "logistic_regression";
  /** float64 [outputs x (inputs + 1)], the intercept last in each block; one output for two classes. */
  readonly coefficients: Float64Array;
  readonly iterations: number;
  readonly converged: boolean;
}

/** A multilayer perceptron over standardised inputs, rectified linear inside. */
export interface NetworkModel extends ModelCommon, Scaler {
  readonly kind: "network";
  readonly modelType: "neural_network";
  /** int32. Inputs, units of each hidden layer, outputs (1 for two classes). */
  readonly layerSizes: Int32Array;
  /** float32. For each layer [inputs x units], row-major, then [units] biases. */
  readonly weights: Float32Array;
  readonly iterations: number;
  readonly converged: boolean;
}

export type Model = TreeModel | LinearModel | NetworkModel;
export type ModelType = Model["modelType"];

/** What gives probabilities: a model, or a model with its calibrator. */
export type Predictor =
  | Model
  | { readonly model: Model; readonly calibrator: Calibrator; readonly featureNames?: readonly string[] };

/**
 * Probabilities of every class for every row; calibrated when the predictor has a calibrator.
 * @param columns d columns [n], in the order of training; NaN = missing.
 * @param featureNames name of each column: they must be those of the classifier, in its order.
 * @returns float64 [n x classes], row-major; each row sums to 1.
 * @throws bad_data when number, names, length or values of the columns do not fit the model.
 */
export function predictProbabilities(
  predictor: Predictor,
  columns: readonly Column[],
  featureNames?: readonly string[],
): Float64Array {
  const { model, calibrator } = parts(predictor);
  if (featureNames !== undefined) checkFeatureNames(predictor, featureNames);
  const rowCount = columns.length > 0 ? columns[0].length : 0;
  checkColumns(columns, rowCount, model.featureCount);
  const probabilities = new Float64Array(rowCount * model.classCount);
  if (model.kind === "trees") predictTrees(model, columns, rowCount, probabilities);
  else {
    const features = new Float64Array(model.featureCount);
    const scratch = new Float64Array(model.classCount);
    for (let row = 0; row < rowCount; row++) {
      for (let j = 0; j < features.length; j++) features[j] = Math.fround(columns[j][row]);
      predictInto(model, features, scratch);
      probabilities.set(scratch, row * model.classCount);
    }
  }
  if (calibrator !== null) applyCalibrator(calibrator, probabilities, model.classCount);
  return probabilities;
}

/**
 * Probabilities of one row. Trees are laid out for prediction when some rows were asked, and once more when thousands were: some milliseconds
 * each; then, for 100 trees, a third of a microsecond a row where none has more than 64 leaves, else about one.
 * @param values float64 [d]; NaN = missing.
 * @param out OUT float64 [classes]; absent = a new array. Giving one spares the only allocation.
 * @throws bad_data
 */
export function predictRow(predictor: Predictor, values: Float64Array, out?: Float64Array): Float64Array {
  const { model, calibrator } = parts(predictor);
  if (values.length !== model.featureCount) {
    throw new RequeenError("bad_data", `values must be the ${model.featureCount} features of the model; got ${values.length}`);
  }
  const probabilities = out ?? new Float64Array(model.classCount);
  if (model.kind === "trees") {
    const walker = walkerOf(model.trees, model.featureCount);
    const missing = copyRow(values, walker.row);
    walker.walk(probabilities, outputsOf(model), missing);
    if (model.classCount === 2) twoShares(model, probabilities);
    else manyShares(model, probabilities);
  } else {
    const features = new Float64Array(values.length);
    copyRow(values, features);
    predictInto(model, features, probabilities);
  }
  if (calibrator !== null) applyCalibrator(calibrator, probabilities, model.classCount);
  return probabilities;
}

/**
 * Copies a row, rounded to float32; true when a value is missing.
 * @throws bad_data for what float32 does not hold.
 */
function copyRow(values: Float64Array, into: Float32Array | Float64Array): boolean {
  let missing = false;
  for (let j = 0; j < values.length; j++) {
    const value = Math.fround(values[j]);
    into[j] = value;
    // NaN and both infinities
    if (value - value === 0) continue;
    if (!Number.isNaN(value))
      throw new RequeenError("bad_data", `value ${j} must fit float32, or be NaN for missing; got ${values[j]}`, { column: j });
    missing = true;
  }
  return missing;
}

/** @throws bad_data when the names are not the classifier's, in its order. */
function checkFeatureNames(predictor: Predictor, given: readonly string[]): void {
  const expected = "model" in predictor ? predictor.featureNames : undefined;
  if (expected === undefined) throw new RequeenError("bad_data", "featureNames can be checked on a fitted classifier only");
  const wrong = expected.findIndex((name, j) => given[j] !== name);
  if (given.length === expected.length && wrong < 0) return;
  const unknown = given.filter((name) => !expected.includes(name));
  const missing = expected.filter((name) => !given.includes(name));
  const why =
    unknown.length + missing.length === 0 && given.length === expected.length
      ? `the same names in another order: column ${wrong} must be ${expected[wrong]}; got ${given[wrong]}`
      : `${given.length} columns where ${expected.length} are needed; missing: ${missing.join(", ") || "none"}; unknown: ${unknown.join(", ") || "none"}`;
  throw new RequeenError("bad_data", `featureNames do not fit the model: ${why}`, { missing, unknown });
}

/** Index of the greatest probability of each row (the first on a tie). @returns uint8 [n]. */
export function mostLikely(probabilities: Float64Array, classCount: number): Uint8Array {
  const chosen = new Uint8Array(probabilities.length / classCount);
  for (let row = 0; row < chosen.length; row++) {
    let best = 0;
    for (let k = 1; k < classCount; k++)
      if (probabilities[row * classCount + k] > probabilities[row * classCount + best]) best = k;
    chosen[row] = best;
  }
  return chosen;
}

function parts(predictor: Predictor): { model: Model; calibrator: Calibrator | null } {
  return "model" in predictor
    ? { model: predictor.model, calibrator: predictor.calibrator }
    : { model: predictor, calibrator: null };
}

/** Uncalibrated probabilities of rows by trees. @param out OUT float64 [n x classes]. */
function predictTrees(model: TreeModel, columns: readonly Column[], rowCount: number, out: Float64Array): void {
  const { classCount } = model;
  const walker = walkerOf(model.trees, model.featureCount, rowCount);
  const outputs = outputsOf(model);
  const sums = new Float64Array(BLOCK_ROWS * outputs);
  const scratch = new Float64Array(classCount);
  for (let start = 0; start < rowCount; start += BLOCK_ROWS) {
    const count = Math.min(BLOCK_ROWS, rowCount - start);
    walker.walkRows(columns, start, count, sums, outputs);
    for (let i = 0; i < count; i++) {
      for (let k = 0; k < outputs; k++) scratch[k] = sums[i * outputs + k];
      if (classCount === 2) twoShares(model, scratch);
      else manyShares(model, scratch);
      out.set(scratch, (start + i) * classCount);
    }
  }
}

/** Sums that the trees of a model give for a row. */
const outputsOf = ({ baseline, classCount }: TreeModel): number =>
  baseline === null ? (classCount === 2 ? 1 : classCount) : baseline.length;

/** The sum out[0] of all trees to probabilities of two classes. */
function twoShares({ trees, baseline }: TreeModel, out: Float64Array): void {
  if (baseline === null) {
    out[1] = out[0] / trees.roots.length;
    out[0] = 1 - out[1];
    return;
  }
  out[0] += baseline[0];
  scoresToProbabilities(out, 2);
}

function manyShares({ baseline, classCount }: TreeModel, out: Float64Array): void {
  if (baseline !== null) {
    for (let k = 0; k < classCount; k++) out[k] += baseline[k];
    scoresToProbabilities(out, classCount);
    return;
  }
  let sum = 0;
  for (let k = 0; k < classCount; k++) sum += out[k];
  for (let k = 0; k < classCount; k++) out[k] /= sum;
}

/** Uncalibrated probabilities of one row. @param features float64 [d], float32-valued. @param out OUT float64 [classes]. */
function predictInto(model: LinearModel | NetworkModel, features: Float64Array, out: Float64Array): void {
  out.fill(0);
  if (model.kind === "linear") linearScores(model, features, out);
  else networkScores(model, features, out);
  scoresToProbabilities(out, model.classCount);
}

function linearScores(model: LinearModel, features: Float64Array, out: Float64Array): void {
  const { means, scales, indicatorOf, coefficients, classCount } = model;
  const outputs = classCount === 2 ? 1 : classCount;
  const width = coefficients.length / outputs;
  for (let k = 0; k < outputs; k++) {
    const base = k * width;
    let score = coefficients[base + width - 1];
    for (let j = 0; j < features.length; j++) {
      const value = features[j];
      if (!Number.isNaN(value)) score += ((value - means[j]) / scales[j]) * coefficients[base + j];
      else if (indicatorOf[j] >= 0) score += coefficients[base + indicatorOf[j]];
    }
    out[k] = score;
  }
}

/** Cost: one multiplication a weight; sums in float64. */
function networkScores(model: NetworkModel, features: Float64Array, out: Float64Array): void {
  const { layerSizes, weights } = model;
  let values = new Float64Array(layerSizes[0]);
  scaleRow(model, features, values);
  let at = 0;
  for (let layer = 1; layer < layerSizes.length; layer++) {
    const units = layerSizes[layer];
    const next = Float64Array.from(weights.subarray(at + values.length * units, at + (values.length + 1) * units));
    for (let i = 0; i < values.length; i++) {
      if (values[i] === 0) continue;
      for (let unit = 0; unit < units; unit++) next[unit] += values[i] * weights[at + i * units + unit];
    }
    at += (values.length + 1) * units;
    if (layer + 1 < layerSizes.length) for (let unit = 0; unit < units; unit++) next[unit] = Math.max(0, next[unit]);
    values = next;
  }
  out.set(values);
}

/** Scores to probabilities in place: logistic of out[0] for two classes, softmax for more. */
export function scoresToProbabilities(out: Float64Array, classCount: number): void {
  if (classCount === 2) {
    const share = 1 / (1 + exp(-Math.abs(out[0])));
    const positive = out[0] >= 0;
    out[0] = positive ? 1 - share : share;
    out[1] = positive ? share : 1 - share;
    return;
  }
  let greatest = out[0];
  for (let k = 1; k < classCount; k++) greatest = Math.max(greatest, out[k]);
  let sum = 0;
  for (let k = 0; k < classCount; k++) sum += out[k] = exp(out[k] - greatest);
  for (let k = 0; k < classCount; k++) out[k] /= sum;
}

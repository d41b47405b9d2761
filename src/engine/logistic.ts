import { exp, log, log1p } from "./exact-math.ts";
import { minimise, type Objective } from "./minimise.ts";
import { minimiseSparse } from "./minimise-sparse.ts";
import type { LinearModel } from "./model.ts";
import { LOGISTIC_PARAMETERS, type LogisticParams } from "./parameter-tables.ts";
import { type Given, resolveParameters } from "./parameters.ts";
import { standardise } from "./standardise.ts";
import {
  checkTrainingData,
  type TrainingData,
  throwIfCancelled,
  toFloat32Columns,
  type Watch,
  withClassWeight,
} from "./training-data.ts";

/**
 * Trains (multinomial) logistic regression on standardised columns: C x sum of weighted log losses + (1 - l1Ratio) x half the squared
 * coefficients + l1Ratio x their absolute values, the intercept free. With l1Ratio above 0 some coefficients are exactly 0.
 * A missing value is read as the column's mean, and a column that had missing values gets a second
 * coefficient for "is missing". Defaults and ranges: `LOGISTIC_PARAMETERS`.
 * The result depends on the seed in nothing; the parameter exists so that all learners are called alike.
 * @throws bad_parameter, bad_data before any work; cancelled.
 */
export function trainLogistic(data: TrainingData, params: Given<typeof LOGISTIC_PARAMETERS> = {}, watch?: Watch): LinearModel {
  const resolved = resolveParameters(LOGISTIC_PARAMETERS, params, "logistic_regression");
  checkTrainingData(data);
  return fitLogistic(data, resolved, watch);
}

/** As `trainLogistic`, for arguments that were checked. */
export function fitLogistic(given: TrainingData, params: LogisticParams, watch?: Watch): LinearModel {
  const data = withClassWeight(given, params.classWeight);
  const { labels, classCount } = data;
  const rowCount = labels.length;
  const columns = toFloat32Columns(data.columns);
  const weights = data.weights ?? new Float64Array(rowCount).fill(1);
  const { means, scales, indicatorOf, inputs } = standardise(columns, weights);
  const outputs = classCount === 2 ? 1 : classCount;
  const width = inputs.length + 1; // the intercept stands last
  let weightSum = 0;
  for (const weight of weights) weightSum += weight;
  const strength = 1 / (params.C * weightSum);
  // of many rows a column is a millisecond
  const poll = (): void => throwIfCancelled(watch, "training logistic regression");
  const problem = { inputs, labels, weights, outputs, weightSum, penalty: (1 - params.l1Ratio) * strength, poll };
  const loss = outputs === 1 ? binaryLoss(problem) : softmaxLoss(problem);
  const start = new Float64Array(outputs * width);
  const steps = { done: 0 };
  const beforeStep = (): void => {
    poll();
    watch?.onProgress?.(++steps.done / params.maxIter, "steps");
  };
  // the intercept, last in each block, is free
  const absolute = start.map((_, i) => (i % width === width - 1 ? 0 : params.l1Ratio * strength));
  const found =
    params.l1Ratio === 0
      ? minimise(loss, start, params.tol, params.maxIter, beforeStep)
      : minimiseSparse(loss, absolute, start, params.tol, params.maxIter, beforeStep);
  watch?.onProgress?.(1, "steps");
  return {
    kind: "linear",
    modelType: "logistic_regression",
    featureCount: columns.length,
    classCount,
    params: { ...params },
    means,
    scales,
    indicatorOf,
    coefficients: found.point,
    iterations: found.iterations,
    converged: found.converged,
  };
}

interface LossTask {
  readonly inputs: readonly Float64Array[];
  readonly labels: Uint8Array;
  readonly weights: Float64Array;
  readonly outputs: number;
  readonly weightSum: number;
  /** Factor of half the squared coefficients in the mean loss. */
  readonly penalty: number;
  /** Called before each column; may throw. */
  readonly poll: () => void;
}

/** Mean logistic loss with penalty; the point is [coefficients, intercept]. Cost: 2 x n x d multiplications a call. */
function binaryLoss({ inputs, labels, weights, weightSum, penalty, poll }: LossTask): Objective {
  const rowCount = labels.length;
  const scores = new Float64Array(rowCount);
  const intercept = inputs.length;
  return (point, gradient) => {
    scores.fill(point[intercept]);
    for (let j = 0; j < inputs.length; j++) {
      poll();
      addColumn(scores, inputs[j], point[j]);
    }
    let loss = 0;
    let interceptGradient = 0;
    for (let row = 0; row < rowCount; row++) {
      const signed = labels[row] === 1 ? scores[row] : -scores[row];
      const small = exp(-Math.abs(signed));
      loss += weights[row] * (log1p(small) + (signed < 0 ? -signed : 0));
      const wrong = signed >= 0 ? small / (1 + small) : 1 / (1 + small); // probability of the other class
      const residual = ((labels[row] === 1 ? -wrong : wrong) * weights[row]) / weightSum;
      scores[row] = residual;
      interceptGradient += residual;
    }
    let squares = 0;
    for (let j = 0; j < inputs.length; j++) {
      poll();
      gradient[j] = product(scores, inputs[j]) + penalty * point[j];
      squares += point[j] * point[j];
    }
    gradient[intercept] = interceptGradient;
    return loss / weightSum + 0.5 * penalty * squares;
  };
}

/** Mean softmax loss with penalty; the point holds `outputs` blocks of [coefficients, intercept]. */
function softmaxLoss({ inputs, labels, weights, outputs, weightSum, penalty, poll }: LossTask): Objective {
  const rowCount = labels.length;
  const width = inputs.length + 1;
  const scores = Array.from({ length: outputs }, () => new Float64Array(rowCount));
  return (point, gradient) => {
    for (let k = 0; k < outputs; k++) {
      poll();
      scores[k].fill(point[k * width + inputs.length]);
      for (let j = 0; j < inputs.length; j++) addColumn(scores[k], inputs[j], point[k * width + j]);
    }
    let loss = 0;
    for (let row = 0; row < rowCount; row++) {
      let greatest = Number.NEGATIVE_INFINITY;
      for (let k = 0; k < outputs; k++) greatest = Math.max(greatest, scores[k][row]);
      let sum = 0;
      for (let k = 0; k < outputs; k++) sum += exp(scores[k][row] - greatest);
      loss += weights[row] * (log(sum) + greatest - scores[labels[row]][row]);
      for (let k = 0; k < outputs; k++) {
        const share = exp(scores[k][row] - greatest) / sum;
        scores[k][row] = ((share - (labels[row] === k ? 1 : 0)) * weights[row]) / weightSum;
      }
    }
    let squares = 0;
    for (let k = 0; k < outputs; k++) {
      poll();
      for (let j = 0; j < inputs.length; j++) {
        const coefficient = point[k * width + j];
        gradient[k * width + j] = product(scores[k], inputs[j]) + penalty * coefficient;
        squares += coefficient * coefficient;
      }
      let sum = 0;
      for (let row = 0; row < rowCount; row++) sum += scores[k][row];
      gradient[k * width + inputs.length] = sum;
    }
    return loss / weightSum + 0.5 * penalty * squares;
  };
}

function addColumn(into: Float64Array, column: Float64Array, factor: number): void {
  if (factor === 0) return;
  for (let row = 0; row < into.length; row++) into[row] += factor * column[row];
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let row = 0; row < a.length; row++) sum += a[row] * b[row];
  return sum;
}

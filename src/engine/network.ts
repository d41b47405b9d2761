import { RequeenError } from "../core/errors.ts";
import { holdBack } from "./early-stopping.ts";
import { logLoss } from "./metrics.ts";
import { type NetworkModel, predictProbabilities } from "./model.ts";
import { NETWORK_PARAMETERS, type NetworkParams } from "./parameter-tables.ts";
import { type Given, resolveParameters } from "./parameters.ts";
import { Perceptron } from "./perceptron.ts";
import { deriveSeed, SeededRandom } from "./seeded-random.ts";
import { standardise } from "./standardise.ts";
import {
  checkTrainingData,
  checkValidation,
  type TrainingData,
  throwIfCancelled,
  toFloat32Columns,
  type Watch,
  withClassWeight,
} from "./training-data.ts";

/**
 * Trains a multilayer perceptron: rectified linear units, log loss with an L2 and an L1 penalty, Adam, on standardised inputs (a missing
 * value is read as the mean, with an indicator). Minimised is mean log loss + (alpha / 2 x squared weights + l1Regularization x absolute
 * weights) / rows of a step; biases carry no penalty. The absolute part is a proximal step after each step of Adam, so that weights reach 0
 * and stay there while the loss pulls less than the penalty. Defaults and ranges: `NETWORK_PARAMETERS`.
 * Cost: 6 x weights x rows operations a pass. Source: Kingma and Ba 2015; Glorot and Bengio 2010 for the start; Yun, Lozano and Yang
 * 2021, Adaptive Proximal Gradient Methods, for the proximal step in Adam's metric.
 * @param validation rows for early stopping, needs `earlyStopping`; absent = a share of `data` is held back when that is set.
 * @throws bad_parameter, bad_data before any work; cancelled.
 */
export function trainNetwork(
  data: TrainingData,
  params: Given<typeof NETWORK_PARAMETERS> = {},
  watch?: Watch,
  validation?: TrainingData,
): NetworkModel {
  const resolved = resolveParameters(NETWORK_PARAMETERS, params, "neural_network");
  checkTrainingData(data);
  if (validation !== undefined) {
    checkValidation(validation, data, data.columns.length);
    if (!resolved.earlyStopping)
      throw new RequeenError("bad_parameter", "earlyStopping of neural_network must be true with validation data; got false");
  }
  return fitNetwork(data, resolved, watch, validation);
}

/** As `trainNetwork`, for arguments that were checked. */
export function fitNetwork(given: TrainingData, params: NetworkParams, watch?: Watch, validation?: TrainingData): NetworkModel {
  const split = params.earlyStopping && validation === undefined ? holdBack(given, params.validationFraction, params.seed) : null;
  const held = validation ?? split?.held ?? null;
  const data = withClassWeight(split?.kept ?? given, params.classWeight);
  const { labels, classCount } = data;
  const rowCount = labels.length;
  const columns = toFloat32Columns(data.columns);
  const rowWeights = meanOne(data.weights, rowCount);
  const { means, scales, indicatorOf, inputs } = standardise(columns, rowWeights);
  const outputs = classCount === 2 ? 1 : classCount;
  const layerSizes = Int32Array.from([inputs.length, ...params.hiddenLayerSizes, outputs]);
  const random = new SeededRandom(deriveSeed(params.seed, 0x6e6574));
  const batchSize = Math.min(params.batchSize, rowCount);
  const network = new Perceptron(layerSizes, batchSize, params, random, inputs);
  const order = Uint32Array.from({ length: rowCount }, (_, row) => row);
  const modelOf = (weights: Float32Array, passes: number, converged: boolean): NetworkModel => ({
    kind: "network",
    modelType: "neural_network",
    featureCount: columns.length,
    classCount,
    params: { ...params },
    means,
    scales,
    indicatorOf,
    layerSizes,
    weights,
    iterations: passes,
    converged,
  });
  let bestLoss = Number.POSITIVE_INFINITY;
  let best: Float32Array | null = null;
  let withoutBetter = 0;
  let iterations = 0;
  while (iterations < params.maxIter && withoutBetter <= params.nIterNoChange) {
    random.shuffle(order);
    let loss = 0;
    for (let start = 0; start < rowCount; start += batchSize) {
      throwIfCancelled(watch, "training a neural network");
      const rows = order.subarray(start, Math.min(rowCount, start + batchSize));
      loss += network.step(labels, rowWeights, rows, params.learningRateInit) * rows.length;
    }
    iterations++;
    loss /= rowCount;
    if (held !== null) {
      const p = predictProbabilities(modelOf(network.exportWeights(), iterations, false), held.columns);
      loss = logLoss(p, held.labels, classCount, held.weights);
      if (loss < bestLoss) best = network.exportWeights();
    }
    withoutBetter = loss > bestLoss - params.tol ? withoutBetter + 1 : 0;
    bestLoss = Math.min(bestLoss, loss);
    watch?.onProgress?.(iterations / params.maxIter, "passes");
  }
  watch?.onProgress?.(1, "passes");
  return modelOf(best ?? network.exportWeights(), iterations, withoutBetter > params.nIterNoChange);
}

function meanOne(weights: Float64Array | undefined, rowCount: number): Float64Array {
  if (weights === undefined) return new Float64Array(rowCount).fill(1);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => (weight * rowCount) / sum);
}

import { RequeenError } from "../core/errors.ts";
import { holdBack } from "./early-stopping.ts";
import { exp, log, log1p } from "./exact-math.ts";
import { openKernels } from "./kernels/kernels.ts";
import { logLoss } from "./metrics.ts";
import { type NetworkModel, predictProbabilities } from "./model.ts";
import { NETWORK_PARAMETERS, type NetworkParams } from "./parameter-tables.ts";
import { type Given, resolveParameters } from "./parameters.ts";
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
      network.load(rows);
      loss += network.step(labels, rowWeights, rows, params.learningRateInit) * rows.length;
    }
    iterations++;
    loss /= rowCount;
    if (held !== null) {
      const p = predictProbabilities(modelOf(network.weights, iterations, false), held.columns);
      loss = logLoss(p, held.labels, classCount, held.weights);
      if (loss < bestLoss) best = network.weights.slice();
    }
    withoutBetter = loss > bestLoss - params.tol ? withoutBetter + 1 : 0;
    bestLoss = Math.min(bestLoss, loss);
    watch?.onProgress?.(iterations / params.maxIter, "passes");
  }
  watch?.onProgress?.(1, "passes");
  return modelOf(best ?? network.weights.slice(), iterations, withoutBetter > params.nIterNoChange);
}

function meanOne(weights: Float64Array | undefined, rowCount: number): Float64Array {
  if (weights === undefined) return new Float64Array(rowCount).fill(1);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => (weight * rowCount) / sum);
}

const DECAY_1 = 0.9;
const DECAY_2 = 0.999;
const EPSILON = 1e-8;
/** Fewer columns than this take the dense product. */
const LEAST_COLUMNS = 13;

/** The weights, and the memory of one batch: float32 arrays in the kernels' memory. */
class Perceptron {
  readonly weights: Float32Array;
  private readonly layerSizes: Int32Array;
  /** First weight of each layer. */
  private readonly starts: number[] = [];
  private readonly alpha: number;
  private readonly l1: number;
  private readonly gradient: Float32Array;
  /** Addresses of Adam's moments, float32 a weight. */
  private readonly firstMoment: number;
  private readonly secondMoment: number;
  private readonly squares: Float32Array;
  /** float32 [layers][batch x units]: what each layer says, the inputs first. */
  private readonly values: Float32Array[] = [];
  /** float32 [layers][batch x units]: derivative of the loss by each layer's sums. */
  private readonly deltas: Float32Array[] = [];
  /** Address of a matrix of weights, or of their gradient, transposed. */
  private readonly turned: number;
  /** Addresses of the lists of active units of each layer; see perceptron-active.as. */
  private readonly lists: number[] = [];
  /** float32 [rows x inputs]: what all batches are taken from. */
  private readonly table: Float32Array;
  private readonly kernels: ReturnType<typeof openKernels>["kernels"];
  /** Adam's decays to the power of the steps done: products, since powers may differ between machines in the last bit. */
  private power1 = 1;
  private power2 = 1;

  /** @param inputs float64 [inputs][rows]. */
  constructor(
    layerSizes: Int32Array,
    batchSize: number,
    { alpha, l1Regularization }: Pick<NetworkParams, "alpha" | "l1Regularization">,
    random: SeededRandom,
    inputs: readonly Float64Array[],
  ) {
    this.layerSizes = layerSizes;
    this.alpha = alpha;
    this.l1 = l1Regularization;
    let count = 0;
    let largest = 0;
    for (let layer = 1; layer < layerSizes.length; layer++) {
      this.starts.push(count);
      count += (layerSizes[layer - 1] + 1) * layerSizes[layer];
      // rows filled up to whole vectors, of either side
      const [above, below] = [layerSizes[layer], layerSizes[layer - 1]];
      largest = Math.max(largest, below * (above + 3), above * (below + 3));
    }
    const units = layerSizes.reduce((sum, size) => sum + size, 0);
    const { kernels, memory, at } = openKernels({
      weights: count * 4,
      gradient: count * 4,
      firstMoment: count * 4,
      secondMoment: count * 4,
      turned: largest * 4,
      values: batchSize * units * 4,
      deltas: batchSize * units * 4,
      lists: batchSize * (units + layerSizes.length) * 4,
    });
    this.kernels = kernels;
    this.weights = new Float32Array(memory, at.weights, count);
    this.gradient = new Float32Array(memory, at.gradient, count);
    this.turned = at.turned;
    this.table = rowMajor(inputs);
    this.firstMoment = at.firstMoment;
    this.secondMoment = at.secondMoment;
    this.squares = new Float32Array(memory, at.secondMoment, count);
    let before = 0;
    let listed = 0;
    for (const size of layerSizes) {
      this.lists.push(at.lists + listed * 4);
      listed += batchSize * (size + 1);
      this.values.push(new Float32Array(memory, at.values + before * 4, batchSize * size));
      this.deltas.push(new Float32Array(memory, at.deltas + before * 4, batchSize * size));
      before += batchSize * size;
    }
    for (let layer = 1; layer < layerSizes.length; layer++) {
      const bound = Math.sqrt(6 / (layerSizes[layer - 1] + layerSizes[layer]));
      const end = layer < this.starts.length ? this.starts[layer] : count;
      for (let i = this.starts[layer - 1]; i < end; i++) this.weights[i] = (2 * random.next() - 1) * bound;
    }
  }

  /** Copies a batch's rows into the input layer. */
  load(rows: Uint32Array): void {
    const into = this.values[0];
    const width = this.layerSizes[0];
    for (let i = 0; i < rows.length; i++) {
      let from = rows[i] * width;
      for (let to = i * width; to < (i + 1) * width; to++) into[to] = this.table[from++];
    }
  }

  /** One step of Adam on the loaded batch; returns its mean loss with the penalty. */
  step(labels: Uint8Array, rowWeights: Float64Array, rows: Uint32Array, learningRate: number): number {
    const { layerSizes, values, deltas, starts, gradient, turned, kernels, lists } = this;
    const batch = rows.length;
    const last = layerSizes.length - 1;
    for (let layer = 1; layer <= last; layer++) this.forward(layer, batch, layer < last);
    const loss = lossAndDelta(values[last], deltas[last], layerSizes[last], labels, rowWeights, rows) + this.penalty(batch);
    for (let layer = last; layer >= 1; layer--) {
      const [inputs, units] = [layerSizes[layer - 1], layerSizes[layer]];
      const start = starts[layer - 1];
      const weights = this.weights.byteOffset + start * 4;
      const into = gradient.byteOffset + start * 4;
      const [said, delta] = [values[layer - 1].byteOffset, deltas[layer].byteOffset];
      if (layer > 1 && units >= LEAST_COLUMNS) {
        kernels.outerActive(said, lists[layer - 1], delta, turned, batch, inputs, units);
        kernels.takeRows(turned, inputs, units, into);
      } else if (layer < last && inputs >= LEAST_COLUMNS) {
        // silent units have no delta
        kernels.outerActive(delta, lists[layer], said, turned, batch, units, inputs);
        kernels.transpose(turned, Math.ceil(inputs / 4) * 16, into, units, inputs);
      }
      // the inputs transposed, read where they stand
      else kernels.multiply(said, 4, inputs * 4, delta, into, inputs, batch, units, 0);
      kernels.sumRows(delta, batch, units, into + inputs * units * 4);
      if (layer === 1) continue;
      const below = deltas[layer - 1].byteOffset;
      kernels.transpose(weights, units * 4, turned, inputs, units);
      if (layer < last && inputs >= LEAST_COLUMNS)
        kernels.multiplyActive(delta, lists[layer], turned, 0, below, batch, units, inputs);
      else kernels.multiply(delta, units * 4, 4, turned, below, batch, units, inputs, 0);
      kernels.maskSilent(said, below, batch * inputs);
    }
    this.moveAll(batch, learningRate);
    return loss;
  }

  private forward(layer: number, batch: number, rectified: boolean): void {
    const { kernels, lists, values } = this;
    const [inputs, units] = [this.layerSizes[layer - 1], this.layerSizes[layer]];
    const weights = this.weights.byteOffset + this.starts[layer - 1] * 4;
    const biases = weights + inputs * units * 4;
    const [said, out] = [values[layer - 1].byteOffset, values[layer].byteOffset];
    if (layer > 1 && units >= LEAST_COLUMNS)
      kernels.multiplyActive(said, lists[layer - 1], weights, biases, out, batch, inputs, units);
    else {
      kernels.repeatRow(biases, batch, units, out);
      kernels.multiply(said, inputs * 4, 4, weights, out, batch, inputs, units, 1);
    }
    if (rectified) kernels.rectifyAndList(out, batch, units, lists[layer]);
  }

  private penalty(batch: number): number {
    let squares = 0;
    let absolute = 0;
    for (let layer = 1; layer < this.layerSizes.length; layer++) {
      const start = this.starts[layer - 1];
      const count = this.layerSizes[layer - 1] * this.layerSizes[layer];
      squares += this.kernels.sumSquares(this.weights.byteOffset + start * 4, count);
      if (this.l1 > 0) for (let i = start; i < start + count; i++) absolute += Math.abs(this.weights[i]);
    }
    return (0.5 * this.alpha * squares + this.l1 * absolute) / batch;
  }

  /** Biases carry no penalty. */
  private moveAll(batch: number, learningRate: number): void {
    const { layerSizes, starts, kernels } = this;
    this.power1 *= DECAY_1;
    this.power2 *= DECAY_2;
    const rate = (learningRate * Math.sqrt(1 - this.power2)) / (1 - this.power1);
    const move = (from: number, count: number, alpha: number): void =>
      kernels.moveWeights(
        this.weights.byteOffset + from * 4,
        this.gradient.byteOffset + from * 4,
        this.firstMoment + from * 4,
        this.secondMoment + from * 4,
        count,
        alpha,
        batch,
        rate,
        DECAY_1,
        DECAY_2,
        EPSILON,
      );
    for (let layer = 1; layer < layerSizes.length; layer++) {
      const weights = layerSizes[layer - 1] * layerSizes[layer];
      move(starts[layer - 1], weights, this.alpha);
      move(starts[layer - 1] + weights, layerSizes[layer], 0);
      if (this.l1 > 0) this.shrink(starts[layer - 1], weights, (learningRate * Math.sqrt(1 - this.power2) * this.l1) / batch);
    }
  }

  /** Moves weights towards 0 by the penalty's share of the step, each by the length that Adam gives a step of it; those that would pass 0 stop there. */
  private shrink(from: number, count: number, step: number): void {
    const { weights, squares } = this;
    for (let i = from; i < from + count; i++) {
      const length = step / (Math.sqrt(squares[i]) + EPSILON);
      const weight = weights[i];
      weights[i] = Math.abs(weight) <= length ? 0 : weight > 0 ? weight - length : weight + length;
    }
  }
}

function rowMajor(inputs: readonly Float64Array[]): Float32Array {
  const rowCount = inputs[0].length;
  const table = new Float32Array(rowCount * inputs.length);
  for (let j = 0; j < inputs.length; j++)
    for (let row = 0; row < rowCount; row++) table[row * inputs.length + j] = inputs[j][row];
  return table;
}

/** Mean weighted log loss of a batch's scores, and its derivative by each score (not yet divided by the rows). */
function lossAndDelta(
  scores: Float32Array,
  delta: Float32Array,
  outputs: number,
  labels: Uint8Array,
  rowWeights: Float64Array,
  rows: Uint32Array,
): number {
  let loss = 0;
  for (let i = 0; i < rows.length; i++) {
    const label = labels[rows[i]];
    const weight = rowWeights[rows[i]];
    if (outputs === 1) {
      const signed = label === 1 ? scores[i] : -scores[i];
      const small = exp(-Math.abs(signed));
      loss += weight * (log1p(small) + Math.max(0, -signed));
      const wrong = signed >= 0 ? small / (1 + small) : 1 / (1 + small);
      delta[i] = weight * (label === 1 ? -wrong : wrong);
      continue;
    }
    const from = i * outputs;
    let greatest = scores[from];
    for (let k = 1; k < outputs; k++) greatest = Math.max(greatest, scores[from + k]);
    let sum = 0;
    for (let k = 0; k < outputs; k++) sum += exp(scores[from + k] - greatest);
    loss += weight * (log(sum) + greatest - scores[from + label]);
    for (let k = 0; k < outputs; k++) delta[from + k] = weight * (exp(scores[from + k] - greatest) / sum - (label === k ? 1 : 0));
  }
  return loss / rows.length;
}

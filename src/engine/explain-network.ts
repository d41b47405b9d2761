import type { NetworkModel } from "./model.ts";
import { scaleRow } from "./standardise.ts";

/** Why a model answered as it did: base + the sum of all parts = the model's answer before its calibrator. */
export interface Explanation {
  /** "probability": of each class (forests). "score": log odds of class 1 for two classes, else the scores before softmax. */
  readonly unit: "probability" | "score";
  /** 1 number for two classes (class 1), else one a class. */
  readonly outputs: number;
  /** float64 [outputs]. The answer when no feature is known. */
  readonly base: Float64Array;
  /** float64 [d x outputs]. What each feature added. */
  readonly parts: Float64Array;
}

const PATH_STEPS = 256;

/**
 * Integrated gradients (Sundararajan, Taly and Yan 2017) along the line from the mean row to this one, at the middles of 256 steps; the
 * rest that the steps leave (they sum exactly but for kinks inside a step) is shared out by the sizes of the parts.
 * @param values float64 [d], float32-valued. Cost: 256 x (1 + outputs) passes through the network.
 */
export function explainNetwork(model: NetworkModel, values: Float64Array): Explanation {
  const { layerSizes, weights, classCount, featureCount, indicatorOf } = model;
  const outputs = classCount === 2 ? 1 : classCount;
  const end = new Float64Array(layerSizes[0]);
  scaleRow(model, values, end);
  const last = layerSizes.length - 1;
  const base = forward(layerSizes, weights, new Float64Array(end.length))[last];
  const answer = forward(layerSizes, weights, end)[last];
  const ofInputs = new Float64Array(end.length * outputs);
  for (let step = 0; step < PATH_STEPS; step++) {
    const point = end.map((value) => (value * (step + 0.5)) / PATH_STEPS);
    const layers = forward(layerSizes, weights, point);
    for (let k = 0; k < outputs; k++) {
      const gradient = inputGradient(layerSizes, weights, layers, k);
      for (let i = 0; i < end.length; i++) ofInputs[i * outputs + k] += (gradient[i] * end[i]) / PATH_STEPS;
    }
  }
  const parts = new Float64Array(featureCount * outputs);
  for (let j = 0; j < featureCount; j++) {
    for (let k = 0; k < outputs; k++) {
      const indicator = indicatorOf[j] >= 0 ? ofInputs[indicatorOf[j] * outputs + k] : 0;
      parts[j * outputs + k] = ofInputs[j * outputs + k] + indicator;
    }
  }
  for (let k = 0; k < outputs; k++) shareRest(parts, outputs, k, answer[k] - base[k]);
  return { unit: "score", outputs, base, parts };
}

/** Makes one output's parts sum to `total`. */
function shareRest(parts: Float64Array, outputs: number, output: number, total: number): void {
  let sum = 0;
  let size = 0;
  for (let i = output; i < parts.length; i += outputs) {
    sum += parts[i];
    size += Math.abs(parts[i]);
  }
  if (size === 0) return;
  for (let i = output; i < parts.length; i += outputs) parts[i] += ((total - sum) * Math.abs(parts[i])) / size;
}

/** Values of every layer, the inputs first. */
function forward(layerSizes: Int32Array, weights: Float32Array, inputs: Float64Array): Float64Array[] {
  const layers = [inputs];
  let at = 0;
  for (let layer = 1; layer < layerSizes.length; layer++) {
    const below = layers[layer - 1];
    const units = layerSizes[layer];
    const biases = at + below.length * units;
    const out = Float64Array.from(weights.subarray(biases, biases + units));
    for (let i = 0; i < below.length; i++) {
      if (below[i] === 0) continue;
      for (let unit = 0; unit < units; unit++) out[unit] += below[i] * weights[at + i * units + unit];
    }
    if (layer + 1 < layerSizes.length) for (let unit = 0; unit < units; unit++) out[unit] = Math.max(0, out[unit]);
    layers.push(out);
    at = biases + units;
  }
  return layers;
}

/** Derivative of one output by each input. */
function inputGradient(
  layerSizes: Int32Array,
  weights: Float32Array,
  layers: readonly Float64Array[],
  output: number,
): Float64Array {
  const starts = [0];
  for (let layer = 1; layer < layerSizes.length; layer++)
    starts.push(starts[layer - 1] + (layerSizes[layer - 1] + 1) * layerSizes[layer]);
  let above: Float64Array = new Float64Array(layerSizes[layerSizes.length - 1]);
  above[output] = 1;
  for (let layer = layerSizes.length - 1; layer >= 1; layer--) {
    const units = layerSizes[layer];
    const from = above;
    above = Float64Array.from(layers[layer - 1], (value, i) => {
      if (layer > 1 && value <= 0) return 0;
      let sum = 0;
      for (let unit = 0; unit < units; unit++) sum += weights[starts[layer - 1] + i * units + unit] * from[unit];
      return sum;
    });
  }
  return above;
}

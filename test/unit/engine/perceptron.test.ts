import { expect, test } from "vitest";
import { SeededRandom } from "../../../src/engine/index.ts";
import { Perceptron } from "../../../src/engine/perceptron.ts";

interface Layer {
  readonly inputs: number;
  readonly units: number;
  /** float64 [inputs + 1][units], the biases last; gradient and moments alike. */
  readonly weights: Float64Array;
  readonly gradient: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
}

/** Backpropagation and Adam as textbooks write them, in float64, one row after the other. Returns the mean loss with the penalty. */
function naiveStep(
  layers: readonly Layer[],
  rows: readonly { readonly x: readonly number[]; readonly label: number; readonly weight: number }[],
  { alpha, rate, steps }: { readonly alpha: number; readonly rate: number; readonly steps: number },
): number {
  let loss = 0;
  for (const { gradient } of layers) gradient.fill(0);
  for (const { x, label, weight } of rows) {
    const said = [[...x]];
    for (const [i, { inputs, units, weights }] of layers.entries()) {
      const below = [...(said[i] ?? []), 1];
      const sums = Array.from({ length: units }, (_, unit) =>
        below.reduce((sum, value, input) => sum + value * (weights[input * units + unit] ?? Number.NaN), 0),
      );
      expect(below.length).toBe(inputs + 1);
      said.push(i + 1 < layers.length ? sums.map((sum) => Math.max(0, sum)) : sums);
    }
    const scores = said[layers.length] ?? [];
    const logits = scores.length === 1 ? [0, scores[0] ?? 0] : scores;
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    loss += weight * (Math.log(total) - (logits[label] ?? 0));
    let deltas = logits.map((logit, k) => weight * (Math.exp(logit) / total - (label === k ? 1 : 0)));
    if (scores.length === 1) deltas = deltas.slice(1);
    for (let i = layers.length - 1; i >= 0; i--) {
      const { inputs, units, weights, gradient } = layers[i] ?? expect.unreachable();
      const below = said[i] ?? [];
      for (let input = 0; input <= inputs; input++)
        for (let unit = 0; unit < units; unit++)
          gradient[input * units + unit] = (gradient[input * units + unit] ?? 0) + (below[input] ?? 1) * (deltas[unit] ?? 0);
      deltas = below.map((value, input) =>
        value > 0 ? deltas.reduce((sum, delta, unit) => sum + delta * (weights[input * units + unit] ?? 0), 0) : 0,
      );
    }
  }
  let squares = 0;
  for (const { inputs, units, weights, gradient, first, second } of layers) {
    for (const [at, weight] of weights.entries()) {
      const isWeight = at < inputs * units;
      if (isWeight) squares += weight * weight;
      const g = ((gradient[at] ?? 0) + (isWeight ? alpha * weight : 0)) / rows.length;
      first[at] = 0.9 * (first[at] ?? 0) + 0.1 * g;
      second[at] = 0.999 * (second[at] ?? 0) + 0.001 * g * g;
      const corrected = (rate * Math.sqrt(1 - 0.999 ** steps)) / (1 - 0.9 ** steps);
      weights[at] = weight - (corrected * first[at]) / (Math.sqrt(second[at]) + 1e-8);
    }
  }
  return (loss + 0.5 * alpha * squares) / rows.length;
}

for (const [sizes, batchSize] of [
  [[3, 8, 1], 7],
  [[9, 21, 13, 1], 41],
  [[26, 100, 50, 1], 300],
  [[4, 60, 33, 16, 1], 20],
  [[7, 12, 3], 50],
  [[6, 30, 17, 5], 270],
  [[4, 11, 9, 7, 4], 33],
] as const) {
  test(`steps of ${sizes.join("-")} units on ${batchSize} rows are those of backpropagation in float64`, () => {
    const random = new SeededRandom(5);
    const rowCount = batchSize + 9;
    const inputs = Array.from({ length: sizes[0] }, () => Float64Array.from({ length: rowCount }, () => random.nextNormal()));
    const outputs = sizes.at(-1) ?? expect.unreachable();
    const labels = Uint8Array.from({ length: rowCount }, () => random.nextInt(Math.max(2, outputs)));
    const rowWeights = Float64Array.from({ length: rowCount }, (_, row) => (row % 4) / 2);
    const network = new Perceptron(Int32Array.from(sizes), batchSize, { alpha: 0.5, l1Regularization: 0 }, random, inputs);
    const start = network.exportWeights();
    let from = 0;
    const layers = sizes.slice(1).map((units, i): Layer => {
      const below = sizes[i] ?? expect.unreachable();
      const count = (below + 1) * units;
      const weights = Float64Array.from(start.subarray(from, from + count));
      from += count;
      const empty = () => new Float64Array(count);
      return { inputs: below, units, weights, gradient: empty(), first: empty(), second: empty() };
    });
    expect(from).toBe(start.length);
    // the last batch is short
    for (let steps = 1; steps <= 6; steps++) {
      const batch = Uint32Array.from(
        { length: steps === 6 ? Math.ceil(batchSize / 3) : batchSize },
        (_, i) => (i * 7 + steps) % rowCount,
      );
      const loss = network.step(labels, rowWeights, batch, 1e-3);
      const rows = [...batch].map((row) => ({
        x: inputs.map((column) => column[row] ?? Number.NaN),
        label: labels[row] ?? Number.NaN,
        weight: rowWeights[row] ?? Number.NaN,
      }));
      expect(Math.abs(loss / naiveStep(layers, rows, { alpha: 0.5, rate: 1e-3, steps }) - 1)).toBeLessThan(1e-6);
    }
    const expected = layers.flatMap(({ weights }) => [...weights]);
    const farthest = network
      .exportWeights()
      .reduce((most, weight, i) => Math.max(most, Math.abs(weight - (expected[i] ?? Number.NaN))), 0);
    // six steps go a few thousandths
    expect(farthest).toBeLessThan(1e-6);
  });
}

test("rows that do not fit the kernels' memory are taken from outside: the same steps", () => {
  const random = new SeededRandom(6);
  const inputs = Array.from({ length: 5 }, () => Float64Array.from({ length: 90 }, () => random.nextNormal()));
  const labels = Uint8Array.from({ length: 90 }, (_, row) => row % 2);
  const [first, second] = [Number.POSITIVE_INFINITY, 0].map((mostBytes) => {
    const params = { alpha: 0.1, l1Regularization: 0.1 };
    const network = new Perceptron(Int32Array.of(5, 7, 1), 31, params, new SeededRandom(7), inputs, mostBytes);
    for (const start of [0, 31, 59]) {
      const rows = Uint32Array.from({ length: 31 }, (_, i) => start + i);
      network.step(labels, new Float64Array(90).fill(1), rows, 0.01);
    }
    return network.exportWeights();
  });
  expect(second).toEqual(first);
});

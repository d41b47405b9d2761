import { exp, log } from "./exact-math.ts";
import { MOST_KERNEL_BYTES } from "./kernels/kernels.ts";
import type { NetworkParams } from "./parameter-tables.ts";
import { type Matrix, openPerceptron, type PerceptronMemory } from "./perceptron-memory.ts";
import type { SeededRandom } from "./seeded-random.ts";

const DECAY_1 = 0.9;
const DECAY_2 = 0.999;
const EPSILON = 1e-8;

/** Numbers of a product's left side: bytes from one row of the result to the next, and from one member of a sum to the next. */
interface Factors {
  readonly at: number;
  readonly row: number;
  readonly step: number;
}

/**
 * A multilayer perceptron of rectified linear units that learns with Adam, in the kernels' memory. Silent units, about half of all, are left
 * out of all sums. With one output the derivative by an active unit of the top hidden layer is a product of a number of the row and one of the
 * unit, so that sums over the active ones take one addition for four of them (`multiplyMarked`).
 */
export class Perceptron {
  private readonly layerSizes: readonly number[];
  private readonly alpha: number;
  private readonly l1: number;
  private readonly memory: PerceptronMemory;
  /** float32, as `memory.table`; where the inputs stand. */
  private readonly table: Float32Array;
  /** Adam's decays to the power of the steps done: products, since powers may differ between machines in the last bit. */
  private power1 = 1;
  private power2 = 1;

  /** @param layerSizes inputs, hidden layers, outputs. @param inputs float64 [inputs][rows]. */
  constructor(
    layerSizes: Int32Array,
    batchSize: number,
    { alpha, l1Regularization }: Pick<NetworkParams, "alpha" | "l1Regularization">,
    random: SeededRandom,
    inputs: readonly Float64Array[],
    mostBytes = MOST_KERNEL_BYTES,
  ) {
    this.layerSizes = [...layerSizes];
    this.alpha = alpha;
    this.l1 = l1Regularization;
    this.memory = openPerceptron(this.layerSizes, batchSize, inputs[0].length, mostBytes);
    const { floats, table, layers } = this.memory;
    const width = layers[0].values.row / 4;
    const count = inputs[0].length * width;
    this.table = table === null ? new Float32Array(count) : floats.subarray(table / 4, table / 4 + count);
    for (let j = 0; j < inputs.length; j++)
      for (let row = 0; row < inputs[j].length; row++) this.table[row * width + j] = inputs[j][row];
    for (let row = 0; row < inputs[0].length; row++) this.table[row * width + inputs.length] = 1;
    this.forEachWeight((at, inputCount, unitCount) => {
      floats[at] = (2 * random.next() - 1) * Math.sqrt(6 / (inputCount + unitCount));
    });
  }

  /** The weights as a model holds them: for each layer [inputs x units], then the biases. */
  exportWeights(): Float32Array {
    const { layerSizes } = this;
    const weights = new Float32Array(layerSizes.slice(1).reduce((sum, units, i) => sum + (layerSizes[i] + 1) * units, 0));
    let count = 0;
    this.forEachWeight((at) => {
      weights[count++] = this.memory.floats[at];
    });
    return weights;
  }

  /** Index in the memory's floats of every weight, in the model's order. */
  private forEachWeight(visit: (at: number, inputs: number, units: number) => void): void {
    for (let layer = 1; layer < this.layerSizes.length; layer++) {
      const { at, row } = this.memory.weights[layer].weights;
      const [inputs, units] = [this.layerSizes[layer - 1], this.layerSizes[layer]];
      for (let input = 0; input <= inputs; input++)
        for (let unit = 0; unit < units; unit++) visit((at + unit * row) / 4 + input, inputs, units);
    }
  }

  /** One step of Adam on a batch of rows; returns its mean loss with the penalty. */
  step(labels: Uint8Array, rowWeights: Float64Array, rows: Uint32Array, learningRate: number): number {
    const { layers, weights, kernels, floats, gradients, blockRows } = this.memory;
    floats.fill(0, gradients[0] / 4, gradients[1] / 4);
    for (let layer = 1; layer < layers.length; layer++) {
      const { weights: own, turned } = weights[layer];
      kernels.transpose(own.at, own.row, layers[layer].units, own.row / 4, turned.at, turned.row);
    }
    let loss = 0;
    for (let start = 0; start < rows.length; start += blockRows) {
      const block = rows.subarray(start, Math.min(rows.length, start + blockRows));
      this.load(block);
      this.forward(block.length);
      loss += this.lossAndDeltas(labels, rowWeights, block);
      this.backward(block.length, start + block.length === rows.length);
    }
    return loss / rows.length + this.move(rows.length, learningRate);
  }

  /** Copies rows into the input layer. */
  private load(rows: Uint32Array): void {
    const { kernels, layers, floats, integers, table, rows: into } = this.memory;
    const { at, row } = layers[0].values;
    integers.set(rows, into / 4);
    if (table !== null) {
      kernels.gatherRows(table, into, rows.length, row / 16, at);
      return;
    }
    for (let i = 0; i < rows.length; i++) {
      const from = (rows[i] * row) / 4;
      floats.set(this.table.subarray(from, from + row / 4), (at + i * row) / 4);
    }
  }

  private forward(rows: number): void {
    const { layers, weights, kernels, allInputs, positions, scores } = this.memory;
    const outputs = this.layerSizes[layers.length];
    for (let layer = 1; layer < layers.length; layer++) {
      const [below, own] = [layers[layer - 1], layers[layer]];
      const { turned } = weights[layer];
      const lists = layer === 1 ? { at: allInputs, row: 0 } : below.unitsOfRow;
      const biases = { at: turned.at + below.units * turned.row, row: 0 };
      this.multiplyListed(rows, below.units, lists, { ...below.values, step: 4 }, turned, biases, own.values, own.vectors, 0);
      const { chunks, marksOfRow, marksOfUnit, unitsOfRow, rowsOfUnit } = own;
      kernels.markActive(own.values.at, own.values.row, rows, chunks, own.thresholds, marksOfRow.at, marksOfUnit.at);
      // the marks themselves are enough there
      if (layer + 1 === layers.length && outputs === 1) continue;
      const [unitBytes, rowBytes] = [Math.ceil(own.units / 8), Math.ceil(rows / 8)];
      kernels.listMarks(marksOfRow.at, marksOfRow.row, 1, rows, unitBytes, positions, unitsOfRow.at, unitsOfRow.row);
      kernels.listMarks(marksOfUnit.at, 1, chunks * 16, own.units, rowBytes, positions, rowsOfUnit.at, rowsOfUnit.row);
    }
    const { values } = layers[layers.length - 1];
    const { weights: last } = weights[layers.length];
    kernels.scoreRows(values.at, values.row, rows, last.at, last.row, outputs, last.row / 16, scores);
  }

  /** @param isLast whether the batch has no more rows. */
  private backward(rows: number, isLast: boolean): void {
    const { layers, weights, integers, allOutputs, allRows, scoreDeltas } = this.memory;
    const outputs = this.layerSizes[layers.length];
    let layer = layers.length - 1;
    const top = layers[layer];
    const { gradient, weights: last } = weights[layers.length];
    integers[allRows / 4] = rows;
    const deltasByOutput = { at: scoreDeltas, row: 4, step: outputs * 4 };
    this.multiplyListed(
      outputs,
      rows,
      { at: allRows, row: 0 },
      deltasByOutput,
      top.values,
      gradient,
      gradient,
      gradient.row / 16,
    );
    if (outputs === 1) this.backwardMarked(rows, layer--, isLast);
    else {
      const deltasByRow = { at: scoreDeltas, row: outputs * 4, step: 4 };
      this.multiplyListed(rows, outputs, { at: allOutputs, row: 0 }, deltasByRow, last, this.zeros(), top.deltas, top.vectors);
    }
    for (; layer >= 1; layer--) {
      const [below, own] = [layers[layer - 1], layers[layer]];
      const { gradient: into, weights: through } = weights[layer];
      const { at, row } = own.deltas;
      this.multiplyListed(own.units, rows, own.rowsOfUnit, { at, row: 4, step: row }, below.values, into, into, into.row / 16);
      if (layer > 1)
        this.multiplyListed(
          rows,
          own.units,
          own.unitsOfRow,
          { at, row, step: 4 },
          through,
          this.zeros(),
          below.deltas,
          below.vectors,
        );
    }
  }

  /** The top hidden layer below one output. */
  private backwardMarked(rows: number, layer: number, isLast: boolean): void {
    const { layers, weights, scoreDeltas, one } = this.memory;
    const [below, own] = [layers[layer - 1], layers[layer]];
    const { gradient, weights: through } = weights[layer];
    const above = weights[layer + 1].weights.at;
    // a unit's weight multiplies the sum over all blocks
    const left = isLast ? { at: above, row: 4 } : { at: one, row: 0 };
    const { marksOfRow, marksOfUnit } = own;
    const marks = { ...marksOfUnit, step: own.chunks * 16 };
    this.multiplyMarked(own.units, marks, rows, scoreDeltas, below.values, gradient, left, gradient, gradient.row / 16);
    if (layer === 1) return;
    const byRow = { at: scoreDeltas, row: 4 };
    this.multiplyMarked(
      rows,
      { ...marksOfRow, step: 1 },
      own.units,
      above,
      through,
      this.zeros(),
      byRow,
      below.deltas,
      below.vectors,
    );
  }

  private zeros(): Matrix {
    return { at: this.memory.zeros, row: 0 };
  }

  /** See perceptron-parts.as. @param k rows of b. */
  private multiplyListed(
    m: number,
    k: number,
    lists: Matrix,
    a: Factors,
    b: Matrix,
    first: Matrix,
    out: Matrix,
    vectors: number,
    floor = Number.NEGATIVE_INFINITY,
  ): void {
    const { kernels, offsets } = this.memory;
    kernels.multiplyListed(
      ...[m, k, lists.at, lists.row, a.at, a.row, a.step, b.at, b.row, first.at, first.row, out.at, out.row, vectors, floor],
      offsets,
    );
  }

  /** See perceptron-parts.as. @param k rows of b. */
  private multiplyMarked(
    m: number,
    marks: Factors,
    k: number,
    right: number,
    b: Matrix,
    first: Matrix,
    left: Matrix,
    out: Matrix,
    vectors: number,
  ): void {
    const { kernels, one, tables } = this.memory;
    const bytes = Math.ceil(k / 8);
    kernels.multiplyMarked(
      m,
      marks.at,
      marks.row,
      marks.step,
      bytes,
      right,
      b.at,
      b.row,
      first.at,
      first.row,
      left.at,
      left.row,
      one,
      out.at,
      out.row,
      vectors,
      tables,
    );
  }

  /** One step of Adam; biases carry no penalty. Returns the penalty of the weights as they were. */
  private move(batch: number, learningRate: number): number {
    const { weights, kernels } = this.memory;
    this.power1 *= DECAY_1;
    this.power2 *= DECAY_2;
    const rate = (learningRate * Math.sqrt(1 - this.power2)) / (1 - this.power1);
    let squares = 0;
    let absolute = 0;
    for (let layer = 1; layer < weights.length; layer++) {
      const { weights: own, gradient, firstMoment, secondMoment } = weights[layer];
      const [inputs, units] = [this.layerSizes[layer - 1], this.layerSizes[layer]];
      if (this.l1 > 0) absolute += this.sumAbsolute(layer);
      squares += kernels.moveWeights(
        own.at,
        gradient.at,
        firstMoment,
        secondMoment,
        units,
        inputs,
        1 / batch,
        this.alpha / batch,
        rate,
        DECAY_1,
        DECAY_2,
        EPSILON,
      );
      if (this.l1 > 0) this.shrink(layer, (learningRate * Math.sqrt(1 - this.power2) * this.l1) / batch);
    }
    return (0.5 * this.alpha * squares + this.l1 * absolute) / batch;
  }

  private sumAbsolute(layer: number): number {
    const { floats, weights } = this.memory;
    const { at, row } = weights[layer].weights;
    let sum = 0;
    for (let unit = 0; unit < this.layerSizes[layer]; unit++) {
      const from = (at + unit * row) / 4;
      for (let i = from; i < from + this.layerSizes[layer - 1]; i++) sum += Math.abs(floats[i]);
    }
    return sum;
  }

  /** Moves weights towards 0 by the penalty's share of the step, each by the length that Adam gives a step of it; those that would pass 0 stop there. */
  private shrink(layer: number, step: number): void {
    const { floats, weights } = this.memory;
    const { weights: own, secondMoment } = weights[layer];
    for (let unit = 0; unit < this.layerSizes[layer]; unit++) {
      const from = (own.at + unit * own.row) / 4;
      const toSquare = (secondMoment - own.at) / 4;
      for (let i = from; i < from + this.layerSizes[layer - 1]; i++) {
        const length = step / (Math.sqrt(floats[i + toSquare]) + EPSILON);
        const weight = floats[i];
        floats[i] = Math.abs(weight) <= length ? 0 : weight > 0 ? weight - length : weight + length;
      }
    }
  }

  /** Weighted log loss of a block's scores, summed, and its derivative by each score. */
  private lossAndDeltas(labels: Uint8Array, rowWeights: Float64Array, rows: Uint32Array): number {
    const { kernels, floats, doubles, scores, scoreDeltas, signedWeights } = this.memory;
    const outputs = this.layerSizes[this.layerSizes.length - 1];
    if (outputs > 1) return softmaxLoss(floats, scores / 4, scoreDeltas / 4, outputs, labels, rowWeights, rows);
    for (let i = 0; i < rows.length; i++)
      doubles[signedWeights / 8 + i] = labels[rows[i]] === 1 ? rowWeights[rows[i]] : -rowWeights[rows[i]];
    if (rows.length % 2 === 1) {
      // a row of no weight makes the number even
      doubles[signedWeights / 8 + rows.length] = 0;
      floats[scores / 4 + rows.length] = 0;
    }
    return kernels.logisticLoss(scores, signedWeights, Math.ceil(rows.length / 2) * 2, scoreDeltas);
  }
}

/** Weighted log loss, summed, of float32 [rows x outputs] scores at index `scores`; their derivatives go to index `deltas`. */
function softmaxLoss(
  floats: Float32Array,
  scores: number,
  deltas: number,
  outputs: number,
  labels: Uint8Array,
  rowWeights: Float64Array,
  rows: Uint32Array,
): number {
  let loss = 0;
  for (let i = 0; i < rows.length; i++) {
    const label = labels[rows[i]];
    const weight = rowWeights[rows[i]];
    const from = scores + i * outputs;
    const into = deltas + i * outputs;
    let greatest = floats[from];
    for (let k = 1; k < outputs; k++) greatest = Math.max(greatest, floats[from + k]);
    let sum = 0;
    for (let k = 0; k < outputs; k++) sum += exp(floats[from + k] - greatest);
    loss += weight * (log(sum) + greatest - floats[from + label]);
    for (let k = 0; k < outputs; k++)
      floats[into + k] = weight * (exp(floats[from + k] - greatest) / sum - (label === k ? 1 : 0));
  }
  return loss;
}

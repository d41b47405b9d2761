import { openKernels, sumBytes } from "./kernels/kernels.ts";

/** Rows that pass the layers together: what they say and their lists stay in the second cache. A step of more rows adds up its blocks. */
export const BLOCK_ROWS = 256;

/** float32 in the kernels' memory: an address, and bytes from one row to the next. */
export interface Matrix {
  readonly at: number;
  readonly row: number;
}

/** A layer of units; all addresses are bytes. */
export interface Layer {
  readonly units: number;
  /** Vectors of four that hold units. */
  readonly vectors: number;
  /** float32 [block of rows x (units, a 1, zeros up to whole vectors)]: what the units say. */
  readonly values: Matrix;
  /** As values: derivative of the loss by the units' sums; what stands there of silent units means nothing. */
  readonly deltas: Matrix;
  /** Sixteens of units. */
  readonly chunks: number;
  /** float32 [16 x chunks]: 0, Infinity behind the units. */
  readonly thresholds: number;
  /** Which units are active, see `markActive` in perceptron.as: a row of marks is a row of the batch in one, a unit in the other. */
  readonly marksOfRow: Matrix;
  readonly marksOfUnit: Matrix;
  /** The same as lists, see `listMarks`: active units of each row, and rows of each unit. */
  readonly unitsOfRow: Matrix;
  readonly rowsOfUnit: Matrix;
}

/** The weights that lead to a layer. */
export interface Weights {
  /** float32 [units + 1 or more x (inputs, the bias, zeros up to whole vectors)]; the unit after the last one always says 1. */
  readonly weights: Matrix;
  readonly gradient: Matrix;
  readonly firstMoment: number;
  readonly secondMoment: number;
  /** The transpose of `weights`. */
  readonly turned: Matrix;
}

export interface PerceptronMemory {
  readonly kernels: ReturnType<typeof openKernels>["kernels"];
  readonly floats: Float32Array;
  readonly integers: Uint32Array;
  readonly doubles: Float64Array;
  readonly blockRows: number;
  /** The inputs and the hidden layers. */
  readonly layers: readonly Layer[];
  /** By the layer that they lead to, which begins at 1. */
  readonly weights: readonly Weights[];
  /** All gradients: where they begin and end. */
  readonly gradients: readonly [number, number];
  /** float32 [block of rows x outputs]: the last layer. */
  readonly scores: number;
  readonly scoreDeltas: number;
  /** float64 [block of rows]: see `logisticLoss`. */
  readonly signedWeights: number;
  /** u32 [block of rows]. */
  readonly rows: number;
  /** Lists as `listMarks` makes them, of all there are. */
  readonly allInputs: number;
  readonly allOutputs: number;
  readonly allRows: number;
  /** A row of zeros, a one, and room for what kernels keep between themselves. */
  readonly zeros: number;
  readonly one: number;
  readonly positions: number;
  readonly offsets: number;
  readonly tables: number;
  /** float32 [all rows x as values of the inputs]: what batches are taken from; null: it does not fit the kernels' memory. */
  readonly table: number | null;
}

const upTo = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Opens memory for a perceptron and fills in what does not change. @param layerSizes inputs, hidden layers, outputs. @param mostBytes above them the table stays outside. */
export function openPerceptron(
  layerSizes: readonly number[],
  batchSize: number,
  rowCount: number,
  mostBytes: number,
): PerceptronMemory {
  const last = layerSizes.length - 1;
  const [inputs, outputs] = [layerSizes[0], layerSizes[last]];
  const blockRows = Math.min(BLOCK_ROWS, upTo(batchSize, 8));
  const sizes: Record<string, number> = {};
  const rowBytes = layerSizes.map((units) => upTo(units + 1, 4) * 4);
  const chunksOf = (units: number): number => Math.ceil(units / 16);
  // listMarks writes eight positions at once
  const listBytes = (most: number): number => (most + 8) * 4;
  for (let layer = 0; layer < last; layer++) {
    const units = layerSizes[layer];
    const chunks = chunksOf(units);
    // chunks reach beyond the last row
    sizes[`values${layer}`] = blockRows * rowBytes[layer] + 64;
    if (layer === 0) continue;
    sizes[`deltas${layer}`] = blockRows * rowBytes[layer];
    sizes[`thresholds${layer}`] = chunks * 64;
    sizes[`marksOfRow${layer}`] = blockRows * chunks * 2;
    sizes[`marksOfUnit${layer}`] = blockRows * chunks * 2;
    sizes[`unitsOfRow${layer}`] = blockRows * listBytes(units);
    sizes[`rowsOfUnit${layer}`] = units * listBytes(blockRows);
  }
  // eights of units, with one that says 1
  const weightBytes = (layer: number): number => upTo(layerSizes[layer] + 1, 8) * rowBytes[layer - 1];
  for (let layer = 1; layer <= last; layer++) {
    for (const name of ["weights", "firstMoment", "secondMoment", "turned"]) sizes[name + layer] = weightBytes(layer);
  }
  for (let layer = 1; layer <= last; layer++) sizes[`gradient${layer}`] = weightBytes(layer);
  Object.assign(sizes, {
    scores: blockRows * outputs * 4,
    scoreDeltas: blockRows * outputs * 4,
    signedWeights: blockRows * 8,
    rows: blockRows * 4,
    allInputs: listBytes(inputs),
    allOutputs: listBytes(outputs),
    allRows: listBytes(blockRows),
    zeros: Math.max(...rowBytes),
    one: 4,
    positions: 256 * 32,
    offsets: 8 * Math.max(blockRows, ...layerSizes),
    tables: 16 * 13 * 10 * 16,
  });
  const tableBytes = rowCount * rowBytes[0];
  const hasTable = sumBytes(sizes) + tableBytes <= mostBytes;
  const { kernels, memory, at } = openKernels(hasTable ? { ...sizes, table: tableBytes } : sizes);
  const [floats, integers] = [new Float32Array(memory), new Uint32Array(memory)];
  const layers = layerSizes.slice(0, last).map((units, layer): Layer => {
    const matrix = (name: string, row: number): Matrix => ({ at: at[name + layer], row });
    const chunks = chunksOf(units);
    return {
      units,
      vectors: Math.ceil(units / 4),
      values: matrix("values", rowBytes[layer]),
      deltas: matrix("deltas", rowBytes[layer]),
      chunks,
      thresholds: at[`thresholds${layer}`],
      marksOfRow: matrix("marksOfRow", chunks * 2),
      marksOfUnit: matrix("marksOfUnit", 1),
      unitsOfRow: matrix("unitsOfRow", listBytes(units)),
      rowsOfUnit: matrix("rowsOfUnit", listBytes(blockRows)),
    };
  });
  for (const { units, chunks, values, thresholds } of layers) {
    for (let row = 0; row < blockRows; row++) floats[(values.at + row * values.row) / 4 + units] = 1;
    if (thresholds !== undefined) floats.fill(Number.POSITIVE_INFINITY, thresholds / 4 + units, thresholds / 4 + chunks * 16);
  }
  const weights = layerSizes.map((units, layer): Weights => {
    const row = rowBytes[layer - 1];
    if (layer > 0) floats[(at[`weights${layer}`] + units * row) / 4 + layerSizes[layer - 1]] = 1;
    return {
      weights: { at: at[`weights${layer}`], row },
      gradient: { at: at[`gradient${layer}`], row },
      firstMoment: at[`firstMoment${layer}`],
      secondMoment: at[`secondMoment${layer}`],
      turned: { at: at[`turned${layer}`], row: Math.ceil(units / 4) * 16 },
    };
  });
  for (const [list, count] of [
    [at.allInputs, inputs],
    [at.allOutputs, outputs],
    [at.allRows, blockRows],
  ]) {
    integers[list / 4] = count;
    for (let i = 0; i < count; i++) integers[list / 4 + 1 + i] = i * 4;
  }
  floats[at.one / 4] = 1;
  kernels.fillPositions(at.positions);
  return {
    kernels,
    floats,
    integers,
    doubles: new Float64Array(memory, 0, Math.floor(memory.byteLength / 8)),
    blockRows,
    layers,
    weights,
    gradients: [at.gradient1, at[`gradient${last}`] + weightBytes(last)],
    scores: at.scores,
    scoreDeltas: at.scoreDeltas,
    signedWeights: at.signedWeights,
    rows: at.rows,
    allInputs: at.allInputs,
    allOutputs: at.allOutputs,
    allRows: at.allRows,
    zeros: at.zeros,
    one: at.one,
    positions: at.positions,
    offsets: at.offsets,
    tables: at.tables,
    table: hasTable ? at.table : null,
  };
}

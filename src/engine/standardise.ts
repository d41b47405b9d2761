/** How a learner that adds up its inputs reads columns: (value - mean) / scale, or 0 and an indicator of 1 where missing. */
export interface Scaler {
  /** float64 [d]. */
  readonly means: Float64Array;
  /** float64 [d], above 0. */
  readonly scales: Float64Array;
  /** int32 [d]. Input index of a column's missing indicator, or -1. */
  readonly indicatorOf: Int32Array;
}

export interface Standardised extends Scaler {
  /** float64 [d + indicators][n]. */
  readonly inputs: Float64Array[];
}

/** Weighted mean and standard deviation of each column, and the columns as the loss reads them: standardised, then indicators. */
export function standardise(columns: readonly Float32Array[], weights: Float64Array): Standardised {
  const means = new Float64Array(columns.length);
  const scales = new Float64Array(columns.length).fill(1);
  const indicatorOf = new Int32Array(columns.length).fill(-1);
  const inputs: Float64Array[] = [];
  const indicators: Float64Array[] = [];
  for (let index = 0; index < columns.length; index++) {
    const column = columns[index];
    let sum = 0;
    let weightSum = 0;
    let missing = false;
    for (let row = 0; row < column.length; row++) {
      const value = column[row];
      if (Number.isNaN(value)) missing = true;
      else {
        sum += weights[row] * value;
        weightSum += weights[row];
      }
    }
    const mean = weightSum > 0 ? sum / weightSum : 0;
    let squares = 0;
    for (let row = 0; row < column.length; row++) {
      const value = column[row];
      if (!Number.isNaN(value)) squares += weights[row] * (value - mean) * (value - mean);
    }
    const deviation = weightSum > 0 ? Math.sqrt(squares / weightSum) : 0;
    // a constant column keeps scale 1: its inputs are then (nearly) zero and its coefficient too
    const scale = deviation > 1e-12 * Math.max(1e-300, Math.abs(mean)) ? deviation : 1;
    means[index] = mean;
    scales[index] = scale;
    const input = new Float64Array(column.length);
    for (let row = 0; row < column.length; row++) input[row] = !Number.isNaN(column[row]) ? (column[row] - mean) / scale : 0;
    inputs.push(input);
    if (missing) {
      indicatorOf[index] = columns.length + indicators.length;
      const indicator = new Float64Array(column.length);
      for (let row = 0; row < column.length; row++) indicator[row] = !Number.isNaN(column[row]) ? 0 : 1;
      indicators.push(indicator);
    }
  }
  return { means, scales, indicatorOf, inputs: [...inputs, ...indicators] };
}

/** Inputs of the scaler: the columns, then the indicators. */
export function countInputs({ means, indicatorOf }: Scaler): number {
  return indicatorOf.reduce((count, index) => count + (index >= 0 ? 1 : 0), means.length);
}

/** Writes the inputs of one row. @param features float64 [d], float32-valued. @param out OUT float64 [inputs]. */
export function scaleRow({ means, scales, indicatorOf }: Scaler, features: Float64Array, out: Float64Array): void {
  for (let j = 0; j < features.length; j++) {
    const missing = Number.isNaN(features[j]);
    out[j] = missing ? 0 : (features[j] - means[j]) / scales[j];
    if (indicatorOf[j] >= 0) out[indicatorOf[j]] = missing ? 1 : 0;
  }
}

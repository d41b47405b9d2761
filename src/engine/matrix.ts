/**
 * out = a x b (+ out). All float32, row-major; every sum runs over k upwards and is rounded to float32 at each step: the truth that
 * a faster form must equal bit for bit.
 * @param a [m x k], @param b [k x n], @param out OUT [m x n]. @param add keep what stands in `out` and add to it.
 * Cost: m x k x n multiplications.
 */
export function multiply(
  a: Float32Array,
  b: Float32Array,
  out: Float32Array,
  m: number,
  k: number,
  n: number,
  add: boolean,
): void {
  if (!add) out.fill(0, 0, m * n);
  for (let row = 0; row < m; row++) {
    for (let inner = 0; inner < k; inner++) {
      const factor = a[row * k + inner];
      const from = inner * n;
      const into = row * n;
      for (let column = 0; column < n; column++) {
        out[into + column] = Math.fround(out[into + column] + Math.fround(factor * b[from + column]));
      }
    }
  }
}

/** out[unit] = sum over the rows of a [rows x units] matrix, downwards, rounded to float32 at each step. */
export function sumRows(matrix: Float32Array, rows: number, units: number, out: Float32Array): void {
  out.fill(0, 0, units);
  for (let row = 0; row < rows; row++) for (let unit = 0; unit < units; unit++) out[unit] += matrix[row * units + unit];
}

/** Sets to 0 what is negative. */
export function rectify(values: Float32Array): void {
  for (let i = 0; i < values.length; i++) if (values[i] < 0) values[i] = 0;
}

/** Sets to 0 the deltas of units that say 0. */
export function maskSilent(values: Float32Array, deltas: Float32Array): void {
  for (let i = 0; i < values.length; i++) if (values[i] <= 0) deltas[i] = 0;
}

/** What one step of Adam needs besides its arrays; `rate` is corrected for the number of steps. */
export interface AdamStep {
  readonly alpha: number;
  readonly batch: number;
  readonly rate: number;
  readonly decay1: number;
  readonly decay2: number;
  readonly epsilon: number;
}

/**
 * One step of Adam on weights whose `gradient` was summed over a batch: with the penalty alpha and divided by the batch, then moments and
 * weights, each rounded to float32 where it is stored. Source: Kingma and Ba 2015.
 */
export function moveWeights(
  weights: Float32Array,
  gradient: Float32Array,
  first: Float32Array,
  second: Float32Array,
  { alpha, batch, rate, decay1, decay2, epsilon }: AdamStep,
): void {
  for (let i = 0; i < weights.length; i++) {
    const g = Math.fround((gradient[i] + alpha * weights[i]) / batch);
    first[i] = decay1 * first[i] + (1 - decay1) * g;
    second[i] = decay2 * second[i] + (1 - decay2) * g * g;
    weights[i] -= (rate * first[i]) / (Math.sqrt(second[i]) + epsilon);
  }
}

/** Sum of squares, in four lanes: what stands at 0, 4, 8, ... in the first; what is left over from a multiple of four also there. */
export function sumSquares(values: Float32Array): number {
  const lanes = [0, 0, 0, 0];
  const whole = values.length & ~3;
  for (let i = 0; i < values.length; i++) lanes[i < whole ? i & 3 : 0] += values[i] * values[i];
  return lanes[0] + lanes[1] + (lanes[2] + lanes[3]);
}

/** The transpose of a [rows x columns] matrix. @param out OUT [columns x rows]. */
export function transpose(a: Float32Array, out: Float32Array, rows: number, columns: number): void {
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) out[column * rows + row] = a[row * columns + column];
}

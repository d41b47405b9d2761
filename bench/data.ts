import { SeededRandom, type TrainingData } from "../src/engine/index.ts";

/**
 * The synthetic task of the engine benches: 26 mixed features (normal, lognormal, counts, flags, heavy tails, coarse grids), a class
 * that follows interactions of a dozen of them, and noise. Same rows and seed, same data.
 */
export function makeTask(rowCount: number, seed: number): TrainingData {
  const random = new SeededRandom(seed);
  const columns = Array.from({ length: 26 }, () => new Float32Array(rowCount));
  const labels = new Uint8Array(rowCount);
  const z = new Float64Array(26);
  const x = new Float64Array(26);
  for (let row = 0; row < rowCount; row++) {
    for (let j = 0; j < 26; j++) z[j] = random.nextNormal();
    const shared = [random.nextNormal(), random.nextNormal(), random.nextNormal()];
    for (let j = 0; j < 26; j++) {
      if (j < 8) x[j] = z[j] + 0.7 * shared[0];
      else if (j < 14) x[j] = Math.exp(0.6 * z[j] + 0.3 * shared[1]);
      else if (j < 18) x[j] = Math.floor(Math.exp(1 + 0.7 * z[j]));
      else if (j < 20) x[j] = z[j] > 0.3 ? 1 : 0;
      else if (j < 23) x[j] = z[j] * shared[2];
      else x[j] = Math.round(z[j] * 3);
      columns[j][row] = x[j];
    }
    labels[row] = random.next() < 1 / (1 + Math.exp(-1.6 * (signal(x) - 0.35))) ? 1 : 0;
  }
  return { columns, labels, classCount: 2 };
}

function signal(x: Float64Array): number {
  const is = (condition: boolean): number => (condition ? 1 : 0);
  return (
    0.8 * Math.sin(1.7 * x[0]) +
    0.9 * is(x[1] * x[2] > 0) +
    0.5 * Math.log1p(x[8]) * x[3] +
    0.7 * is(x[9] > 1.5 && x[14] > 3) +
    0.35 * x[23] * x[18] -
    0.6 * Math.abs(x[4]) +
    0.4 * Math.tanh(2 * x[20]) * x[5] +
    0.5 * is(x[10] > x[11]) +
    0.25 * x[24] -
    0.15 * x[15] +
    0.3 * Math.cos(2 * x[6] + x[7]) +
    0.2 * x[12]
  );
}

/** The values row after row, as other libraries read them. */
export function toRows(columns: TrainingData["columns"]): Float32Array {
  const rowCount = columns[0].length;
  const rows = new Float32Array(rowCount * columns.length);
  for (let j = 0; j < columns.length; j++)
    for (let row = 0; row < rowCount; row++) rows[row * columns.length + j] = columns[j][row];
  return rows;
}

/** The columns as float32, for a file that holds column after column. */
export const toColumns = (columns: TrainingData["columns"]): Float32Array[] =>
  columns.map((column) => (column instanceof Float32Array ? column : Float32Array.from(column)));

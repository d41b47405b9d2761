import { SeededRandom, type TrainingData } from "../../../src/engine/index.ts";

/** Rows whose class follows two of the columns, with noise; some values are missing when asked. */
export function makeData(
  rowCount: number,
  columnCount: number,
  classCount: number,
  seed: number,
  missingShare = 0,
): TrainingData {
  const random = new SeededRandom(seed);
  const columns = Array.from({ length: columnCount }, () => new Float64Array(rowCount));
  const labels = new Uint8Array(rowCount);
  for (let row = 0; row < rowCount; row++) {
    for (const column of columns) column[row] = random.nextNormal();
    const signal = columns[0][row] + 0.5 * columns[columnCount > 1 ? 1 : 0][row] + 0.4 * random.nextNormal();
    labels[row] = Math.min(classCount - 1, Math.max(0, Math.floor((signal + 2) * (classCount / 4))));
    for (const column of columns) if (random.next() < missingShare) column[row] = Number.NaN;
  }
  for (let k = 0; k < classCount; k++) labels[k] = k;
  return { columns, labels, classCount };
}

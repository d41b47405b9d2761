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

/** Rows of two numeric columns and categorical ones with so many categories each, every category with an effect of its own. */
export function makeCategorical(
  rowCount: number,
  categories: readonly number[],
  classCount: number,
  seed: number,
  missingShare = 0,
): TrainingData & { readonly categoricalFeatures: readonly number[] } {
  const random = new SeededRandom(seed);
  const effects = categories.map((count) => Float64Array.from({ length: count }, () => random.nextNormal()));
  const columns = Array.from({ length: 2 + categories.length }, () => new Float64Array(rowCount));
  const labels = new Uint8Array(rowCount);
  for (let row = 0; row < rowCount; row++) {
    let signal = 0.5 * random.nextNormal();
    for (const [j, column] of columns.entries()) {
      // the first categories are frequent, the last ones rare
      column[row] = j < 2 ? random.nextNormal() : Math.floor(categories[j - 2] * random.next() ** 2);
      signal += j < 2 ? 0.5 * column[row] : effects[j - 2][column[row]];
      if (random.next() < missingShare) column[row] = Number.NaN;
    }
    labels[row] = Math.min(classCount - 1, Math.max(0, Math.floor((signal + 2) * (classCount / 4))));
  }
  for (let k = 0; k < classCount; k++) labels[k] = k;
  return { columns, labels, classCount, categoricalFeatures: categories.map((_, j) => j + 2) };
}

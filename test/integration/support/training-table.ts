import type { TrainingData } from "../../../src/engine/index.ts";
import { writeParquet } from "../../../src/store/parquet.ts";
import type { DatasetReference } from "../../../src/workers/index.ts";

/** Writes a dataset file as training threads read it, every row a person's label. */
export async function writeTable(path: string, data: TrainingData): Promise<DatasetReference> {
  const featureNames = data.columns.map((_, index) => `x${index}`);
  const rows = data.labels.length;
  const numbers = (value: (row: number) => number): Float64Array => Float64Array.from({ length: rows }, (_, row) => value(row));
  await writeParquet(
    path,
    [
      { name: "_group", kind: "text" },
      { name: "_label", kind: "integer" },
      { name: "_weight", kind: "double" },
      { name: "_tier", kind: "text" },
      { name: "_labelled_at", kind: "integer" },
      ...featureNames.map((name) => ({ name, kind: "double" }) as const),
    ],
    [
      {
        rows,
        columns: {
          _group: Array.from({ length: rows }, (_, row) => `g${row}`),
          _label: numbers((row) => data.labels[row] ?? 0),
          _weight: numbers(() => 1),
          _tier: Array.from({ length: rows }, () => "blind"),
          _labelled_at: numbers((row) => row),
          ...Object.fromEntries(featureNames.map((name, index) => [name, Float64Array.from(data.columns[index] ?? [])])),
        },
      },
    ],
  );
  return { path, featureNames, classes: Array.from({ length: data.classCount }, (_, k) => `class${k}`) };
}

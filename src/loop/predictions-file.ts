import type { BlobStore } from "../store/blobs.ts";
import { type ParquetField, readParquet, writeParquet } from "../store/parquet.ts";
import type { SliceColumns } from "./slice-columns.ts";

/** What both models said of every gate row: all that a verdict is computed from, besides policy and seed. */
export interface Predictions {
  readonly ids: string[];
  readonly groups: string[];
  readonly labels: Uint8Array;
  readonly weights: Float64Array;
  /** float64 [rows x classes], row-major. */
  readonly champion: Float64Array | null;
  readonly challenger: Float64Array;
  /** Column name -> value of each row. */
  readonly slices: SliceColumns;
}

const SLICE = "slice_";

const fieldsOf = (classCount: number, withChampion: boolean, slices: SliceColumns): ParquetField[] => [
  { name: "opinion_id", kind: "text" },
  { name: "group", kind: "text" },
  { name: "label", kind: "integer" },
  { name: "weight", kind: "double" },
  ...Array.from(
    { length: withChampion ? classCount : 0 },
    (_, index): ParquetField => ({ name: `champion_${index}`, kind: "double" }),
  ),
  ...Array.from({ length: classCount }, (_, index): ParquetField => ({ name: `challenger_${index}`, kind: "double" })),
  ...Object.keys(slices).map((name): ParquetField => ({ name: SLICE + name, kind: "text" })),
];

/** Writes predictions as a blob; the columns champion_k and challenger_k are the probabilities of class k. */
export async function writePredictions(
  blobs: BlobStore,
  predictions: Predictions,
  classCount: number,
): Promise<{ sha256: string }> {
  const { ids, groups, labels, weights, champion, challenger, slices } = predictions;
  const column = (matrix: Float64Array, index: number) =>
    Float64Array.from(ids, (_, row) => matrix[row * classCount + index] ?? Number.NaN);
  const columns: Record<string, Float64Array | (string | null)[]> = {
    opinion_id: ids,
    group: groups,
    label: Float64Array.from(labels),
    weight: weights,
  };
  for (let index = 0; index < classCount; index += 1) {
    if (champion !== null) columns[`champion_${index}`] = column(champion, index);
    columns[`challenger_${index}`] = column(challenger, index);
  }
  for (const [name, values] of Object.entries(slices)) columns[SLICE + name] = [...values];
  const path = await blobs.temporaryPath();
  await writeParquet(path, fieldsOf(classCount, champion !== null, slices), [{ rows: ids.length, columns }]);
  return blobs.adopt(path);
}

/** @throws RequeenError not_found, digest_mismatch */
export async function readPredictions(blobs: BlobStore, sha256: string, classes: readonly string[]): Promise<Predictions> {
  const table = await readParquet(await blobs.get(sha256));
  const matrix = (prefix: string): Float64Array => {
    const all = new Float64Array(table.rows * classes.length);
    classes.forEach((_, index) => {
      table.numbers(`${prefix}_${index}`).forEach((value, row) => {
        all[row * classes.length + index] = value;
      });
    });
    return all;
  };
  const texts = (name: string) => table.texts(name).map((value) => value ?? "");
  return {
    ids: texts("opinion_id"),
    groups: texts("group"),
    labels: Uint8Array.from(table.numbers("label")),
    weights: table.numbers("weight"),
    champion: table.fields.some((field) => field.name === "champion_0") ? matrix("champion") : null,
    challenger: matrix("challenger"),
    slices: Object.fromEntries(
      table.fields.filter(({ name }) => name.startsWith(SLICE)).map(({ name }) => [name.slice(SLICE.length), table.texts(name)]),
    ),
  };
}

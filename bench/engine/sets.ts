import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { SeededRandom, type TrainingData } from "../../src/engine/index.ts";
import { makeTask } from "../data.ts";
import type { PythonPeer } from "../peers/python.ts";

/** A data set of the quality study, cut anew for each seed. */
export interface QualitySet {
  readonly name: string;
  readonly cut: (seed: number) => { readonly train: TrainingData; readonly held: TrainingData };
}

/** At most this many rows are trained on: the size that the study is about. */
const TRAIN_ROWS = 1200;
/** Sets that come with scikit-learn, under its own licence (BSD). */
const SKLEARN_SETS = ["breast_cancer", "digits", "wine"] as const;

/** The synthetic task, the two of examples/, and, where there is a Python, three that scikit-learn brings. */
export async function openSets(folder: string, peer: PythonPeer | null): Promise<QualitySet[]> {
  const held = makeTask(20_000, 999);
  const sets: QualitySet[] = [
    { name: "synthetic", cut: (seed) => ({ train: makeTask(TRAIN_ROWS, seed + 1), held }) },
    realSet(
      "spambase",
      readExample("spambase/spambase.csv", (label) => (label === "spam" ? 1 : 0)),
    ),
    realSet(
      "german-credit",
      readExample("german-credit/german_credit.csv", (label) => (label === "Good" ? 1 : 0)),
    ),
  ];
  if (peer === null) return sets;
  for (const name of SKLEARN_SETS) {
    const { columns, classes } = await peer.ask({ work: "export", name });
    sets.push(realSet(name, readRows(join(folder, name), Number(columns), Number(classes))));
  }
  return sets;
}

/** Three quarters to train on, at most TRAIN_ROWS; the rest is judged. Another shuffle for each seed. */
function realSet(name: string, data: TrainingData): QualitySet {
  const rowCount = data.labels.length;
  const trainRows = Math.min(TRAIN_ROWS, Math.floor(rowCount * 0.75));
  const part = (rows: readonly number[]): TrainingData => ({
    columns: data.columns.map((column) => Float32Array.from(rows, (row) => column[row] ?? Number.NaN)),
    labels: Uint8Array.from(rows, (row) => data.labels[row] ?? 0),
    classCount: data.classCount,
    // a pixel that is blank in every digit of a cut
    constantColumns: "allow",
  });
  return {
    name,
    cut: (seed) => {
      const order = new SeededRandom(seed).shuffle(Array.from({ length: rowCount }, (_, row) => row));
      return { train: part(order.slice(0, trainRows)), held: part(order.slice(trainRows)) };
    },
  };
}

/** The label stands in the last column. */
function readExample(file: string, classOf: (label: string) => number): TrainingData {
  const text = readFileSync(join(import.meta.dirname, "..", "..", "examples", file), "utf8");
  const rows: string[][] = parse(text, { from_line: 2 });
  const width = (rows[0]?.length ?? 1) - 1;
  return {
    columns: Array.from({ length: width }, (_, j) => Float32Array.from(rows, (row) => Number(row[j]))),
    labels: Uint8Array.from(rows, (row) => classOf(row[width] ?? "")),
    classCount: 2,
  };
}

function readRows(path: string, width: number, classCount: number): TrainingData {
  const bytes = readFileSync(`${path}.x`);
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const labels = new Uint8Array(readFileSync(`${path}.y`));
  return {
    columns: Array.from({ length: width }, (_, j) => Float32Array.from(labels, (_label, row) => values[row * width + j] ?? 0)),
    labels,
    classCount,
  };
}

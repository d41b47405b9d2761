import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RecordBatchStreamWriter, Table, tableFromIPC, tableToIPC, type Vector, vectorFromArray } from "apache-arrow";
import { afterAll, describe, expect, test } from "vitest";
import {
  arrowColumns,
  type TrainingData,
  trainBoosting,
  trainExtraTrees,
  trainForest,
  trainStreamed,
} from "../../../src/engine/index.ts";
import { openTrainingFile, writeParquet } from "../../../src/store/index.ts";
import { makeData } from "../engine/seeded-data.ts";

const folder = mkdtempSync(join(tmpdir(), "requeen-training-file-"));
afterAll(() => rmSync(folder, { recursive: true }));

const ROWS = 3000;
const CLASSES = ["reject", "approve", "defer"];
const data: TrainingData = {
  ...makeData(ROWS, 5, 3, 21, 0.1),
  weights: Float64Array.from({ length: ROWS }, (_, row) => 1 + (row % 4)),
};
const columns = data.columns.map((column) => Float64Array.from(column));
const words = Array.from(data.labels, (label) => CLASSES[label] ?? "");
const nullable = (column: Float64Array): (number | null)[] => Array.from(column, (value) => (Number.isNaN(value) ? null : value));

function arrowTable(): Table {
  const vectors: Record<string, Vector> = {
    ...Object.fromEntries(columns.map((column, index) => [`x${index}`, vectorFromArray(nullable(column))])),
    note: vectorFromArray(words.map((word) => `${word}!`)),
    decision: vectorFromArray(words),
    code: vectorFromArray(Int32Array.from(data.labels)),
    weight: vectorFromArray(data.weights ?? new Float64Array()),
    flag: vectorFromArray(words.map((word) => word === "defer")),
  };
  return new Table(vectors);
}

const files: Record<string, () => Promise<string>> = {
  "a Parquet file": async () => {
    const path = join(folder, "table.parquet");
    const kinds = { decision: "text", note: "text", code: "integer", weight: "double", flag: "integer" } as const;
    const fields = [
      ...columns.map((_, index) => ({ name: `x${index}`, kind: "double" }) as const),
      ...Object.entries(kinds).map(([name, kind]) => ({ name, kind })),
    ];
    await writeParquet(path, fields, [
      {
        rows: ROWS,
        columns: {
          ...Object.fromEntries(columns.map((column, index) => [`x${index}`, column])),
          decision: words,
          note: words.map((word) => `${word}!`),
          code: Float64Array.from(data.labels),
          weight: data.weights ?? new Float64Array(),
          flag: Float64Array.from(words, (word) => (word === "defer" ? 1 : 0)),
        },
      },
    ]);
    return path;
  },
  "an Arrow IPC file": async () => {
    const path = join(folder, "table.arrow");
    writeFileSync(path, tableToIPC(arrowTable(), "file"));
    return path;
  },
  "an Arrow IPC stream of several batches": async () => {
    const path = join(folder, "table.arrows");
    const writer = new RecordBatchStreamWriter();
    const table = arrowTable();
    for (let from = 0; from < ROWS; from += 700) for (const batch of table.slice(from, from + 700).batches) writer.write(batch);
    writer.finish();
    writeFileSync(path, writer.toUint8Array(true));
    return path;
  },
};

for (const [name, write] of Object.entries(files)) {
  describe(name, () => {
    test("gives the models of the same values in memory, labels by name or number", async () => {
      const path = await write();
      const features = columns.map((_, index) => `x${index}`);
      await using byName = await openTrainingFile(path, { label: "decision", features, classes: CLASSES, weight: "weight" });
      expect(byName.classes).toEqual(CLASSES);
      const params = { nEstimators: 4, seed: 3 };
      expect(await trainStreamed("gradient_boosting", byName, params)).toEqual(trainBoosting(data, params));
      expect(await trainStreamed("random_forest", byName, params)).toEqual(trainForest(data, params));
      await using byNumber = await openTrainingFile(path, { label: "code", features, weight: "weight" });
      expect(byNumber.classes).toEqual(["0", "1", "2"]);
      expect(await trainStreamed("extra_trees", byNumber, params)).toEqual(trainExtraTrees(data, params));
    });

    test("takes all columns of numbers when none are named, and sorts the classes", async () => {
      await using file = await openTrainingFile(await write(), { label: "decision", weight: "weight" });
      expect([...file.featureNames].sort()).toEqual(["code", "flag", "x0", "x1", "x2", "x3", "x4"]);
      expect(file.classes).toEqual(["approve", "defer", "reject"]);
      expect(Array.from(file.labels.subarray(0, 50), (label) => file.classes[label])).toEqual(words.slice(0, 50));
    });

    test("refuses by name what does not fit", async () => {
      const path = await write();
      const open = (options: Parameters<typeof openTrainingFile>[1]) => openTrainingFile(path, options);
      await expect(open({ label: "absent" })).rejects.toThrow(/has no column absent/);
      await expect(open({ label: "decision", features: ["x0", "note"] })).rejects.toThrow(/has no column note of numbers/);
      await expect(open({ label: "decision", classes: ["reject", "approve"] })).rejects.toThrow(
        /label of row \d+ in .* must be one of reject, approve; got defer/,
      );
      await expect(open({ label: "x1" })).rejects.toThrow(/label of row 0 in .* must be a whole number from 0 to 63; got/);
      await expect(open({ label: "decision", weight: "note" })).rejects.toThrow(/bad_data.*note/);
    });
  });
}

test("a table of apache-arrow in memory gives the same models, nulls, flags, integers and pieces of it too", async () => {
  const whole = arrowTable();
  const names = [...columns.map((_, index) => `x${index}`), "flag", "code"];
  const flag = Float64Array.from(words, (word) => (word === "defer" ? 1 : 0));
  const inMemory: TrainingData = {
    columns: [...columns, flag, Float64Array.from(data.labels)],
    labels: Uint8Array.from(data.labels, (label) => (label === 2 ? 1 : 0)),
    classCount: 2,
  };
  const params = { nEstimators: 3 };
  const { columns: _, ...targets } = inMemory;
  for (const table of [whole, tableFromIPC(tableToIPC(whole, "stream"))])
    expect(await trainStreamed("random_forest", { ...targets, source: arrowColumns(table, names) }, params)).toEqual(
      trainForest(inMemory, params),
    );
  // a slice begins in the middle of a byte of its bitmaps
  const [from, to] = [1003, 2900];
  const part: TrainingData = {
    columns: inMemory.columns.map((column) => column.slice(from, to)),
    labels: inMemory.labels.slice(from, to),
    classCount: 2,
  };
  const sliced = { labels: part.labels, classCount: 2, source: arrowColumns(whole.slice(from, to), names) };
  expect(await trainStreamed("gradient_boosting", sliced, params)).toEqual(trainBoosting(part, params));
});

test("columns of an Arrow table that hold no numbers are refused by name", () => {
  expect(() => arrowColumns(arrowTable(), ["x0", "decision"])).toThrow(/column decision of the table holds no integers, floats/);
  expect(() => arrowColumns(arrowTable(), ["absent"])).toThrow(/the table has no column absent; it has x0, x1/);
});

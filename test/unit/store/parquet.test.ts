import { existsSync, mkdtempSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  type ParquetBatch,
  type ParquetField,
  parquetFields,
  readParquet,
  scanParquet,
  writeParquet,
} from "../../../src/store/index.ts";

const folder = mkdtempSync(join(tmpdir(), "requeen-parquet-"));
const failsWith = (code: string) => expect.objectContaining({ code });
const FIELDS: ParquetField[] = [
  { name: "opinion_id", kind: "text" },
  { name: "judged_at", kind: "integer" },
  { name: "x", kind: "double" },
];

function aBatch(from: number, rows: number): ParquetBatch {
  const at = Array.from({ length: rows }, (_, row) => from + row);
  return {
    rows,
    columns: {
      opinion_id: at.map((row) => (row % 5 === 0 ? null : `o-${row} 🐝`)),
      judged_at: Float64Array.from(at, (row) => (row % 7 === 0 ? Number.NaN : 1_700_000_000_000 + row)),
      x: Float64Array.from(at, (row) => (row % 3 === 0 ? Number.NaN : row % 4 === 0 ? -0 : Math.sin(row) * 1e9)),
    },
  };
}

describe("writing and reading a table", () => {
  test("every value comes back: text, null, integers, -0, NaN", async () => {
    const path = join(folder, "values.parquet");
    const batch = aBatch(0, 500);
    const { rows, sizeBytes } = await writeParquet(path, FIELDS, [batch]);
    expect(rows).toBe(500);
    expect(sizeBytes).toBe(readFileSync(path).byteLength);
    for (const source of [path, new Uint8Array(readFileSync(path))]) {
      const table = await readParquet(source);
      expect(table.fields).toEqual(FIELDS);
      expect(table.texts("opinion_id")).toEqual(batch.columns.opinion_id);
      expect(table.numbers("judged_at")).toEqual(batch.columns.judged_at);
      expect(Object.is(table.numbers("x")[4], -0)).toBe(true);
      expect(table.numbers("x")).toEqual(batch.columns.x);
    }
  });

  test("the bytes do not depend on how the rows were batched", async () => {
    const [one, many] = [join(folder, "one.parquet"), join(folder, "many.parquet")];
    await writeParquet(one, FIELDS, [aBatch(0, 70_000)]);
    await writeParquet(many, FIELDS, [aBatch(0, 1), aBatch(1, 0), aBatch(1, 65_535), aBatch(65_536, 4_464)]);
    expect(readFileSync(one).equals(readFileSync(many))).toBe(true);
  });

  test("a large table is written and read in several row groups", async () => {
    const path = join(folder, "groups.parquet");
    await writeParquet(path, FIELDS, [aBatch(0, 140_000)]);
    const parts: number[] = [];
    let at = 0;
    for await (const part of scanParquet(path, { columns: ["judged_at"] })) {
      expect(part.numbers("judged_at")).toEqual(aBatch(at, part.rows).columns.judged_at);
      parts.push(part.rows);
      at += part.rows;
    }
    expect(parts.length).toBeGreaterThan(1);
    expect(at).toBe(140_000);
    expect((await readParquet(path)).rows).toBe(140_000);
  });

  test("a file too large to be read whole gives the same values", async () => {
    const path = join(folder, "large.parquet");
    const [rows, names] = [100_000, Array.from({ length: 12 }, (_, index) => `x${index}`)];
    const column = (index: number) => Float64Array.from({ length: rows }, (_, row) => Math.sin(row * 12 + index));
    const columns = Object.fromEntries(names.map((name, index) => [name, column(index)]));
    const { sizeBytes } = await writeParquet(
      path,
      names.map((name) => ({ name, kind: "double" })),
      [{ rows, columns }],
    );
    expect(sizeBytes).toBeGreaterThan(8 * 1024 * 1024);
    const table = await readParquet(path, { columns: ["x3", "x11"] });
    expect([table.numbers("x3"), table.numbers("x11")]).toEqual([column(3), column(11)]);
  });

  test("a table of no rows keeps its columns", async () => {
    const path = join(folder, "none.parquet");
    expect((await writeParquet(path, FIELDS, [])).rows).toBe(0);
    expect(await parquetFields(path)).toEqual(FIELDS);
    const table = await readParquet(path);
    expect([table.rows, table.numbers("x").length, table.texts("opinion_id").length]).toEqual([0, 0, 0]);
  });

  test("only the columns asked for are read, in that order", async () => {
    const path = join(folder, "some.parquet");
    await writeParquet(path, FIELDS, [aBatch(0, 10)]);
    const table = await readParquet(path, { columns: ["x", "opinion_id"] });
    expect(table.fields.map((field) => field.name)).toEqual(["x", "opinion_id"]);
    expect(() => table.numbers("judged_at")).toThrow("bad_data");
    expect(() => table.numbers("opinion_id")).toThrow("bad_data");
    await expect(readParquet(path, { columns: ["y"] })).rejects.toEqual(failsWith("bad_data"));
  });
});

describe("what is refused", () => {
  test("columns that are missing, too short or of another kind, and integers that are none; nothing is left on disk", async () => {
    const path = join(folder, "refused.parquet");
    const whole = aBatch(0, 3);
    const bad: ParquetBatch[] = [
      { rows: 3, columns: { opinion_id: whole.columns.opinion_id, judged_at: whole.columns.judged_at } },
      { rows: 4, columns: whole.columns },
      { rows: 3, columns: { ...whole.columns, x: ["1", "2", "3"] } },
      { rows: 3, columns: { ...whole.columns, judged_at: [1, 2.5, 3] } },
    ];
    for (const batch of bad) {
      await expect(writeParquet(path, FIELDS, [whole, batch])).rejects.toEqual(failsWith("bad_data"));
      expect(existsSync(path)).toBe(false);
    }
    await expect(writeParquet(path, [], [])).rejects.toEqual(failsWith("bad_data"));
    await expect(writeParquet(path, [...FIELDS, FIELDS[0]], [])).rejects.toEqual(failsWith("bad_data"));
  });

  test("a file that is truncated, or is no Parquet, is bad_data", async () => {
    const path = join(folder, "cut.parquet");
    await writeParquet(path, FIELDS, [aBatch(0, 100)]);
    truncateSync(path, 300);
    await expect(readParquet(path)).rejects.toEqual(failsWith("bad_data"));
    writeFileSync(path, "id,label\n1,approve\n");
    await expect(readParquet(path)).rejects.toEqual(failsWith("bad_data"));
    await expect(readParquet(new Uint8Array(0))).rejects.toEqual(failsWith("bad_data"));
  });
});

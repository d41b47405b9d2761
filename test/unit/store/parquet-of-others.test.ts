import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readParquet } from "../../../src/store/index.ts";

/** Files of Apache Arrow, made by test/fixtures/store/make_parquet.py: other encodings, pages and codecs than ours. */
const ROWS = 300;
const at = Array.from({ length: ROWS }, (_, row) => row);

describe.each(["snappy", "zstd", "gzip", "none"])("a table of Apache Arrow, %s", (codec) => {
  const url = new URL(`../../fixtures/store/arrow-${codec}.parquet`, import.meta.url);

  test("reads as Arrow wrote it", async () => {
    const table = await readParquet(new Uint8Array(readFileSync(url)));
    expect(table.rows).toBe(ROWS);
    expect(table.fields.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      "name text",
      "half double",
      "single double",
      "small integer",
      "large integer",
      "flag integer",
      "at integer",
    ]);
    expect(table.texts("name")).toEqual(at.map((row) => (row % 5 === 0 ? null : `ñ-${row % 40}`)));
    expect(table.numbers("half")).toEqual(Float64Array.from(at, (row) => (row % 7 === 0 ? Number.NaN : row / 2)));
    expect(table.numbers("single")).toEqual(Float64Array.from(at, (row) => row * 0.25));
    expect(table.numbers("small")).toEqual(Float64Array.from(at, (row) => row - 150));
    expect(table.numbers("large")).toEqual(Float64Array.from(at, (row) => 1_700_000_000_000 + row));
    expect(table.numbers("flag")).toEqual(Float64Array.from(at, (row) => (row % 2 === 0 ? 1 : 0)));
    expect(table.numbers("at")).toEqual(Float64Array.from(at, (row) => Date.parse("2026-01-05T08:00:00Z") + row));
  });
});

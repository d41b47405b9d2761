import { readFileSync } from "node:fs";

/** Reads a fixture that test/fixtures/engine/make_reference.py wrote. */
export const readFixture = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../../fixtures/engine/${name}`, import.meta.url), "utf8")) as T;

/** Rows as columns. */
export const toColumns = (rows: readonly (readonly number[])[]): Float64Array[] =>
  Array.from({ length: rows[0].length }, (_, j) => Float64Array.from(rows, (row) => row[j]));

export interface Sample {
  x: number[][];
  y: number[];
}

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { isRequeenError } from "../../../src/core/errors.ts";
import { SeededRandom } from "../../../src/engine/index.ts";
import { openArrow } from "../../../src/store/index.ts";

const fixture = (name: string): string => new URL(`../../fixtures/store/arrow/${name}`, import.meta.url).pathname;
const values = JSON.parse(readFileSync(fixture("values.json"), "utf8")) as Record<string, (number | string | null)[]>;
const TEXTS = ["word", "wide", "category"];
const folder = mkdtempSync(join(tmpdir(), "requeen-arrow-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function all<T>(pieces: AsyncIterable<Iterable<T>>): Promise<{ values: T[]; pieces: number }> {
  const found: T[] = [];
  let count = 0;
  for await (const piece of pieces) {
    count += 1;
    found.push(...piece);
  }
  return { values: found, pieces: count };
}

for (const name of ["plain.arrow", "plain.arrows", "zstd.arrow"]) {
  describe(`${name}, as pyarrow wrote it`, () => {
    test("every column of numbers and texts reads as pyarrow reads it, a piece a record batch", async () => {
      await using file = await openArrow(fixture(name));
      expect(file.rows).toBe(23);
      for (const [column, wanted] of Object.entries(values)) {
        const isText = TEXTS.includes(column);
        const read = isText ? await all<unknown>(file.texts(column)) : await all<unknown>(file.numbers(column));
        expect(read.values, column).toEqual(isText ? wanted : wanted.map((value) => value ?? Number.NaN));
        expect(read.pieces).toBe(3);
      }
    });

    test("columns that are neither, or of the other kind, are refused by name", async () => {
      await using file = await openArrow(fixture(name));
      for (const column of ["list", "struct", "nothing", "when", "word", "absent"])
        await expect(all(file.numbers(column))).rejects.toThrow(
          new RegExp(`bad_data.*no column ${column} of numbers; it has f64`),
        );
      await expect(all(file.texts("f64"))).rejects.toThrow(/no column f64 of texts/);
    });
  });
}

test("bodies packed with LZ4 are refused by name", async () => {
  await expect(openArrow(fixture("lz4.arrow"))).rejects.toThrow(/bad_data.*packed with LZ4.*write it with zstd, or unpacked/);
});

test("what is no Arrow is refused, and a file that is absent says so", async () => {
  const path = join(folder, "text.arrow");
  for (const content of ["", "x", "hello, this is no table at all", "ARROW1"]) {
    writeFileSync(path, content);
    await expect(openArrow(path)).rejects.toThrow(/bad_data.*cannot be read as Arrow IPC/);
  }
  await expect(openArrow(join(folder, "absent.arrow"))).rejects.toThrow(/ENOENT/);
});

test("a damaged or cut file reads as it did, or is refused as bad_data", { timeout: 60_000 }, async () => {
  const random = new SeededRandom(3);
  const path = join(folder, "damaged.arrow");
  let refused = 0;
  for (let round = 0; round < 400; round++) {
    const bytes = readFileSync(fixture(["plain.arrow", "plain.arrows", "zstd.arrow"][round % 3] ?? ""));
    if (round % 4 === 0) writeFileSync(path, bytes.subarray(0, Math.floor(random.next() * bytes.length)));
    else {
      for (let i = 0; i < 1 + (round % 8); i++) bytes[Math.floor(random.next() * bytes.length)] = Math.floor(random.next() * 256);
      writeFileSync(path, bytes);
    }
    try {
      await using file = await openArrow(path);
      for (const { name, kind } of file.fields) {
        if (kind === "numbers") await all<unknown>(file.numbers(name));
        if (kind === "texts" || kind === "dictionary") await all(file.texts(name));
      }
    } catch (error) {
      expect(isRequeenError(error) && error.code === "bad_data", String((error as Error).stack)).toBe(true);
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(50);
});

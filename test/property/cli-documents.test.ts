import fc from "fast-check";
import { expect, test } from "vitest";
import { wrap } from "../../src/cli/render/figures.ts";
import { csvLine, readCsvRecords } from "../../src/loop/documents/csv.ts";
import { readJsonArray } from "../../src/loop/documents/json-array.ts";
import { readJsonLines } from "../../src/loop/documents/json-lines.ts";

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const item of items) read.push(item);
  return read;
}

const nothing = (place: number, reason: string): void => {
  throw new Error(`unreadable at ${place}: ${reason}`);
};

/** The bytes, cut at any places, also inside a character. */
async function* cut(text: string, places: readonly number[]): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  let from = 0;
  for (const place of [...places].map((share) => Math.floor(share * bytes.length)).sort((a, b) => a - b)) {
    yield bytes.subarray(from, place);
    from = place;
  }
  yield bytes.subarray(from);
}

const documents = fc.array(fc.jsonValue({ depthSize: "small" }), { maxLength: 8 });
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 });
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test("NDJSON that was written is read again, however the bytes arrive", async () => {
  await fc.assert(
    fc.asyncProperty(documents, cuts, async (values, places) => {
      const text = values.map((value) => `${JSON.stringify(value)}\n`).join("");
      expect(await all(readJsonLines(cut(text, places), nothing))).toEqual(plain(values));
    }),
  );
});

test("a JSON array that was written is read again, however the bytes arrive and however it is indented", async () => {
  await fc.assert(
    fc.asyncProperty(documents, cuts, fc.constantFrom(0, 2), async (values, places, indent) => {
      const text = JSON.stringify(values, null, indent);
      expect(await all(readJsonArray(cut(text, places), "f", nothing))).toEqual(plain(values));
    }),
  );
});

test("CSV that was written is read again, however the bytes arrive", async () => {
  const cell = fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "\r", " ", "é", "😀"), maxLength: 6 });
  const records = fc.array(fc.array(cell, { minLength: 2, maxLength: 3 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(records, cuts, async (rows, places) => {
      expect(await all(readCsvRecords(cut(rows.map(csvLine).join(""), places), "f"))).toEqual(rows);
    }),
  );
});

test("wrapping changes spaces only, and a line is too long only when one word is", () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 10, max: 40 }),
      (words, width) => {
        const lines = wrap(words.join(" "), width, "  ").split("\n");
        expect(lines.map((line) => line.trim()).join(" ")).toBe(words.join(" "));
        for (const line of lines) expect(line.length <= width || !line.trim().includes(" ")).toBe(true);
      },
    ),
  );
});

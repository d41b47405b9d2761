import { expect, test } from "vitest";
import { columnValues, documentOf } from "../../../src/loop/documents/cells.ts";
import { checkHeader, csvLine, readCsvRecords } from "../../../src/loop/documents/csv.ts";
import { formatOf } from "../../../src/loop/documents/format.ts";
import { readJsonArray } from "../../../src/loop/documents/json-array.ts";
import { readJsonLines } from "../../../src/loop/documents/json-lines.ts";

async function* bytes(...parts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === "string" ? Buffer.from(part) : part;
}
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const item of items) read.push(item);
  return read;
}

test("NDJSON: empty lines, CRLF and a byte-order mark are no documents", async () => {
  const told: string[] = [];
  const lines = readJsonLines(bytes('\ufeff{"a":1}\r\n\n  \n{"b":', '"é"}'), (place, reason) => told.push(`${place} ${reason}`));
  expect(await all(lines)).toEqual([{ a: 1 }, { b: "é" }]);
  expect(told).toEqual([]);
});

test("NDJSON: a line that is no JSON comes as its text, with its place", async () => {
  const told: string[] = [];
  const lines = readJsonLines(bytes('{"a":1}\n{"b":\n', Buffer.from([0x22, 0xff, 0x22, 0x0a])), (place, reason) =>
    told.push(`${place} ${reason.slice(0, 11)}`),
  );
  expect(await all(lines)).toEqual([{ a: 1 }, '{"b":', `base64:${Buffer.from([0x22, 0xff, 0x22]).toString("base64")}`]);
  expect(told).toEqual(["2 is not JSON", "3 is not UTF-"]);
});

test("a JSON array is cut at its own commas only", async () => {
  const text = '[ {"a":[1,2,{"b":"],}\\"["}]}, 3 , "x,y" , null ]\n';
  expect(await all(readJsonArray(bytes(text), "f", () => undefined))).toEqual([{ a: [1, 2, { b: '],}"[' }] }, 3, "x,y", null]);
  expect(await all(readJsonArray(bytes(" [ ] "), "f", () => undefined))).toEqual([]);
  expect(await all(readJsonArray(bytes('{"a":', "1}"), "f", () => undefined))).toEqual([{ a: 1 }]);
});

test.each([
  ["", "it is empty"],
  ['[{"a":1},{"b"', "ends in the middle, after 1 document"],
  ["[1] [2]", "must end with its array"],
  ["a,b", "begins with"],
])("a file %j is no JSON array", async (text, message) => {
  await expect(all(readJsonArray(bytes(text), "f.json", () => undefined))).rejects.toThrow(message);
});

test("an element that is no JSON comes as its text", async () => {
  const told: number[] = [];
  expect(await all(readJsonArray(bytes('[{"a":1},{b:2},,{"c":3}]'), "f", (place) => told.push(place)))).toEqual([
    { a: 1 },
    "{b:2}",
    "",
    { c: 3 },
  ]);
  expect(told).toEqual([2, 3]);
});

test("CSV: quotes hold commas, line breaks and doubled quotes; a last line needs no end", async () => {
  const text = 'a,b\r\n"1,5","x\r\ny"\r\n\r\n"say ""no""",\n"",z';
  expect(await all(readCsvRecords(bytes(text), "f"))).toEqual([
    ["a", "b"],
    ["1,5", "x\r\ny"],
    ['say "no"', ""],
    ["", "z"],
  ]);
});

test.each([
  ['a\n"open', "never closed"],
  ['a\nx"y', "quote inside a cell"],
  ['a\n"x"y', "after a closing quote"],
])("CSV %j is refused by its record", async (text, message) => {
  await expect(all(readCsvRecords(bytes(text), "f.csv"))).rejects.toThrow(message);
});

test("CSV that is not UTF-8 is refused, not altered", async () => {
  await expect(all(readCsvRecords(bytes(Buffer.from([0x61, 0x0a, 0xe9, 0x0a])), "f.csv"))).rejects.toThrow("must be UTF-8");
});

test("a header with a name twice, or cells divided by something else, is refused", () => {
  expect(() => checkHeader(["a", "b", "a"], "f")).toThrow('"a" stands twice');
  expect(() => checkHeader(["a;b"], "f")).toThrow("divided by commas");
  expect(() => checkHeader(undefined, "f")).toThrow("it is empty");
  expect(csvLine(['say "no"', "x,y", "plain"])).toBe('"say ""no""","x,y",plain\n');
});

test("cells become documents: ids stay text, ratings become numbers, empty cells are absent or missing", () => {
  const names = ["feedback_id", "human_rating", "feedback_notes", "opinion.recommendation", "columns.age", "columns.city"];
  expect(documentOf(names, ["007", "0.25", "", "approve", "", "42"])).toEqual({
    feedback_id: "007",
    human_rating: 0.25,
    opinion: { recommendation: "approve" },
    columns: { age: null, city: "42" },
  });
  expect(documentOf(["human_rating"], ["high"])).toEqual({ human_rating: "high" });
});

test("columns are read as the specialist says: text of a numeric column is a number, of a categorical one stays", () => {
  const columns = [
    { name: "age", kind: "numeric" as const },
    { name: "code", kind: "categorical" as const, values: ["01", "1"] },
  ];
  expect(columnValues(columns, { age: "4e1", code: "01", other: "7" })).toEqual({ age: 40, code: "01", other: "7" });
  expect(columnValues(columns, { age: "NaN", code: "" })).toEqual({ age: null, code: null });
  expect(columnValues(columns, { age: "0x10" })).toEqual({ age: "0x10" });
});

test("the form of a file is its ending's, unless told", () => {
  expect(formatOf("x.JSONL", undefined)).toBe("ndjson");
  expect(formatOf("x.csv", "parquet")).toBe("parquet");
  expect(formatOf("-", undefined)).toBe("ndjson");
  expect(() => formatOf("x.txt", undefined)).toThrow("got .txt");
});

import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { labelsByWeek, mondayOf } from "../../../web/src/evidence/labels-by-week.ts";
import { toCsv } from "../../../web/src/parts/download.ts";
import { shortId } from "../../../web/src/parts/short-id.ts";

describe("CSV of a table", () => {
  test("what a spreadsheet would run as a formula is a text; all else reads back as it was", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.string(), { minLength: 2, maxLength: 2 }), { minLength: 1 }), (rows) => {
        const read: string[][] = parse(toCsv(["a", "b"], rows), { relaxQuotes: false, skipEmptyLines: false });
        const expected = rows.map((row) => row.map((cell) => (/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell)));
        expect(read).toEqual([["a", "b"], ...expected]);
      }),
    );
    expect(toCsv(["x"], [["=HYPERLINK(1)"], [-3], [null]])).toBe("x\r\n'=HYPERLINK(1)\r\n-3\r\n\r\n");
  });
});

describe("labels by week", () => {
  const label = (submitted_at: string, decision: string, tier: "blind" | "rule", state: "current" | "retracted" = "current") => ({
    submitted_at,
    human_recommendation: decision,
    state,
    evidence: { tier } as never,
  });

  test("a week begins on Monday, 0:00 UTC, also before 1970", () => {
    expect(new Date(mondayOf(Date.parse("2026-11-22T23:59:59Z"))).toISOString()).toBe("2026-11-16T00:00:00.000Z");
    expect(new Date(mondayOf(Date.parse("2026-11-23T00:00:00Z"))).toISOString()).toBe("2026-11-23T00:00:00.000Z");
    expect(new Date(mondayOf(-1)).getUTCDay()).toBe(1);
  });

  test("only current labels of people are counted, in the order of weeks", () => {
    const { classes, weeks } = labelsByWeek([
      label("2026-11-24T10:00:00Z", "reject", "blind"),
      label("2026-11-17T10:00:00Z", "approve", "blind"),
      label("2026-11-18T10:00:00Z", "reject", "blind"),
      label("2026-11-18T10:00:00Z", "reject", "rule"),
      label("2026-11-18T10:00:00Z", "reject", "blind", "retracted"),
    ]);
    expect(classes).toEqual(["approve", "reject"]);
    expect(weeks.map(({ total, counts }) => ({ total, counts }))).toEqual([
      { total: 2, counts: [1, 1] },
      { total: 1, counts: [0, 1] },
    ]);
  });
});

test("an id is shortened only where it is a digest", () => {
  expect(shortId("run-d4403429a92aa090050bceb8ea8d78e6")).toBe("run-d4403429");
  expect(shortId("example-first-evolution")).toBe("example-first-evolution");
});

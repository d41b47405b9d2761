import { describe, expect, test } from "vitest";
import { lastDueMs, parseCron } from "../../../src/core/cron.ts";
import { readPolicy } from "../../../src/core/policy.ts";

const due = (text: string, now: string): string | null => {
  const cron = parseCron(text);
  if (cron === null) throw new Error(`${text} is no schedule`);
  const ms = lastDueMs(cron, Date.parse(now));
  return ms === null ? null : new Date(ms).toISOString();
};

describe("cron", () => {
  // the week of 2026-11-30 begins with a Monday
  test.each([
    ["0 3 * * 0", "2026-12-01T12:00:00Z", "2026-11-29T03:00:00.000Z"],
    ["0 3 * * 7", "2026-12-01T12:00:00Z", "2026-11-29T03:00:00.000Z"],
    ["0 3 * * sun", "2026-11-29T02:59:59Z", "2026-11-22T03:00:00.000Z"],
    ["0 3 * * 0", "2026-11-29T03:00:00Z", "2026-11-29T03:00:00.000Z"],
    ["*/15 * * * *", "2026-12-01T12:44:59.999Z", "2026-12-01T12:30:00.000Z"],
    ["30 8-18/2 * * mon-fri", "2026-11-30T07:00:00Z", "2026-11-27T18:30:00.000Z"],
    ["0 0 29 2 *", "2026-12-01T00:00:00Z", "2024-02-29T00:00:00.000Z"],
    ["0 12 1,15 * fri", "2026-12-01T11:59:00Z", "2026-11-27T12:00:00.000Z"], // either day, as cron has it
    ["5 4 1 jan *", "2026-12-01T00:00:00Z", "2026-01-01T04:05:00.000Z"],
    ["0 */6 * * *", "2026-01-01T03:00:00Z", "2026-01-01T00:00:00.000Z"],
  ])("%s at %s was due at %s", (text, now, expected) => {
    expect(due(text, now)).toBe(expected);
  });

  test("a day that no month has is never due", () => {
    expect(due("0 0 31 2 *", "2026-12-01T00:00:00Z")).toBeNull();
  });

  const wrong = ["", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *", "*/0 * * * *"];
  test.each([...wrong, "@daily", "a * * * *"])("%j is no schedule, and no policy takes it", (text) => {
    expect(parseCron(text)).toBeNull();
    expect(() => readPolicy({ trigger: { schedule: text } })).toThrow(/trigger.schedule must be five fields of cron/);
  });
});

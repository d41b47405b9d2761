import fc from "fast-check";
import { expect, test } from "vitest";
import { openProgress } from "../../../src/cli/progress.ts";
import { cut, displayWidth } from "../../../src/cli/render/display-width.ts";
import { renderFacts, renderTable } from "../../../src/cli/render/table.ts";
import { bytes, count, duration, percent, percentWithInterval, time } from "../../../src/cli/render/values.ts";
import { openTerminal, PLAIN_STYLES } from "../../../src/cli/terminal.ts";
import { showStep } from "../../../src/cli/watch-runs.ts";
import { RUN_STEPS } from "../../../src/core/run.ts";

const red = (text: string): string => `\u001b[31m${text}\u001b[39m`;

test.each([
  ["abc", 3],
  ["", 0],
  ["café", 4],
  ["cafe\u0301", 4],
  ["日本語", 6],
  ["ﾊﾝｶｸ", 4],
  ["👍", 2],
  ["👨‍👩‍👧", 2],
  ["🇧🇷🇩🇪", 4],
  ["❤️", 2],
  [red("ok"), 2],
  ["a\u200bb", 2],
])("%j takes %i cells", (text, cells) => {
  expect(displayWidth(text)).toBe(cells);
});

test("cut text fits, ends in an ellipsis, and text that fits stays as it is", () => {
  expect(cut("abcdef", 4)).toBe("abc…");
  expect(cut("日本語", 4)).toBe("日…");
  expect(cut(red("abcdef"), 4)).toBe("abc…");
  expect(cut(red("abc"), 3)).toBe(red("abc"));
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 30 }), fc.integer({ min: 1, max: 20 }), (text, cells) => {
      expect(displayWidth(cut(text, cells))).toBeLessThanOrEqual(Math.max(cells, 1));
    }),
  );
});

const terminal = (width: number) => ({ width, style: PLAIN_STYLES });
const COLUMNS = [
  { title: "NAME", shrinks: true, text: (row: { name: string; n: number }) => row.name },
  { title: "N", align: "right" as const, text: (row: { name: string; n: number }) => String(row.n) },
];

test("columns align by cells, numbers to the right", () => {
  const rows = [
    { name: "日本", n: 5 },
    { name: "plain", n: 1000 },
  ];
  expect(renderTable(rows, COLUMNS, terminal(80))).toBe("NAME      N\n日本      5\nplain  1000");
});

test("no line is wider than the terminal as long as a column can shrink, and a cell cannot break its line", () => {
  const rows = [{ name: "first\nsecond \u001b[2Jthird".repeat(5), n: 12 }];
  const lines = renderTable(rows, COLUMNS, terminal(24)).split("\n");
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(24);
  expect(lines[1]).not.toContain("\u001b");
});

test("facts stand in one column", () => {
  expect(
    renderFacts(
      [
        ["run", "r1"],
        ["specialist", "technical"],
      ],
      terminal(80),
    ),
  ).toBe("run         r1\nspecialist  technical");
});

const streams = (isTTY: boolean, env: Record<string, string> = {}) => {
  const parts: string[] = [];
  return {
    stdout: { isTTY, columns: 40, write: () => true },
    stderr: { isTTY, write: (part: string) => void parts.push(part) },
    env,
    read: () => parts.join(""),
  };
};

test.each([
  [true, {}, true],
  [true, { NO_COLOR: "1" }, false],
  [true, { NO_COLOR: "" }, true],
  [true, { TERM: "dumb" }, false],
  [false, {}, false],
])("terminal %j with %j colours: %j", (isTTY, env, coloured) => {
  expect(openTerminal(streams(isTTY, env)).style.red("x") !== "x").toBe(coloured);
});

test("progress prints one line per step where nobody watches", () => {
  const to = streams(false);
  const progress = openProgress(openTerminal(to));
  const line = progress.begin("technical");
  line.step("train");
  line.share(0.5);
  line.end("promoted v2");
  progress.close();
  expect(to.read()).toBe("technical: train\ntechnical: promoted v2\n");
});

test("the bar of a run goes over all its steps and never back", () => {
  const told: number[] = [];
  const words: string[] = [];
  const line = {
    step: (text: string) => void words.push(text),
    share: (done: number) => void told.push(done),
    end: () => undefined,
  };
  for (const step of RUN_STEPS) {
    showStep(line, { step, phase: "started", share: 0 });
    showStep(line, { step, phase: "progress", share: 0.5 });
    showStep(line, { step, phase: "done", share: 1 });
  }
  expect(words).toHaveLength(RUN_STEPS.length);
  expect(told).toEqual([...told].sort((a, b) => a - b));
  expect(told[0]).toBe(0);
  expect(told.at(-1)).toBeCloseTo(1, 9);
});

test("on a terminal the last drawing shows every line's outcome, within the width", () => {
  const to = streams(true);
  const progress = openProgress(openTerminal(to));
  const first = progress.begin("technical");
  const second = progress.begin("business");
  first.step("train");
  second.end("refused: labels are echoes of the model's own output, 200 of 200");
  progress.say("a remark");
  first.end("promoted v2");
  progress.close();
  const last = to.read().split("\u001b[0J").at(-1) ?? "";
  expect(last).toContain("technical  promoted v2");
  for (const line of last.split("\n")) expect(displayWidth(line)).toBeLessThan(40);
  expect(to.read()).toContain("a remark\n");
});

test.each([
  [percent(0.1234), "12.3 %"],
  [percent(null), "-"],
  [percentWithInterval({ value: 0.81, low: 0.75, high: 0.862 }), "81.0 % [75.0, 86.2]"],
  [bytes(0), "0 B"],
  [bytes(1023), "1023 B"],
  [bytes(1536), "1.5 KiB"],
  [bytes(5 * 1024 ** 5), "5120.0 TiB"],
  [duration(12.4), "12 ms"],
  [duration(1_500), "1.5 s"],
  [duration(90_000), "1 min 30 s"],
  [duration(3_600_000), "1 h"],
  [duration(90_061_000), "1 d 1 h"],
  [time(0), "1970-01-01 00:00 UTC"],
  [count(1_234_567), "1,234,567"],
])("%s is shown as %s", (shown, wanted) => {
  expect(shown).toBe(wanted);
});

import { describe, expect, test } from "vitest";
import { checkQuality, POLICY_PRESETS, type QualityInput, qualityReportHtml } from "../../../src/decide/index.ts";
import { SeededRandom } from "../../../src/engine/seeded-random.ts";

const random = new SeededRandom(4);
const n = 200;
const day = 86_400_000;
const labels = Uint8Array.from({ length: n }, () => random.nextInt(3));
const noise = () => Float64Array.from({ length: n }, () => random.nextNormal());
const good: QualityInput = {
  featureNames: ["a", "b", "c"],
  expectedNames: ["a", "b", "c"],
  columns: [noise(), noise(), Float64Array.from(labels, (label) => label + random.nextNormal())],
  labels,
  classes: ["approve", "reject", "review_required"],
  timesMs: Float64Array.from({ length: n }, (_, i) => 1e12 + i * day),
  nowMs: 1e12 + 1_000 * day,
  policy: POLICY_PRESETS.evidence,
};
const failed = (over: Partial<QualityInput>) =>
  checkQuality({ ...good, ...over })
    .checks.filter((check) => !check.passed)
    .map((check) => `${check.effect} ${check.code}`);

describe("checkQuality", () => {
  test("good data pass without a warning", () => {
    expect(failed({})).toEqual([]);
    expect(checkQuality(good)).toMatchObject({ schema: "quality/1", passed: true, rows: n, blocking: 0, warnings: 0 });
  });

  test("each block is reached by its own data only", () => {
    expect(failed({ featureNames: ["a", "b", "x"] })).toEqual(["block schema"]);
    expect(failed({ featureNames: ["b", "a", "c"] })).toEqual(["block schema"]);
    expect(failed({ timesMs: good.timesMs.map((time, i) => (i === 3 ? good.nowMs + 1 : time)) })).toEqual(["block future"]);
    expect(failed({ timesMs: good.timesMs.map((time, i) => (i === 3 ? Number.NaN : time)) })).toContain("block future");
    expect(failed({ sharedGroups: 2 })).toEqual(["block group_leak"]);
    expect(failed({ columns: [noise(), noise(), Float64Array.from(labels)] })).toEqual(["block leak"]);
    expect(failed({ labels: new Uint8Array(n) })).toContain("block one_class");
    const empty = new Float64Array(n).fill(0.5);
    expect(failed({ columns: [empty, empty, empty] })).toContain("block constant_columns");
    const gone = new Float64Array(n).fill(Number.NaN);
    expect(failed({ columns: [gone, gone, noise()] })).toContain("block missing_values");
    const few = {
      labels: labels.slice(0, 20),
      columns: good.columns.map((column) => column.slice(0, 20)),
      timesMs: good.timesMs.slice(0, 20),
    };
    expect(failed(few)).toContain("block row_count");
  });

  test("what the original could never pass is a warning", () => {
    const [a = noise()] = good.columns;
    expect(failed({ columns: [a, a.map((value) => 2 * value + 1), noise()] })).toEqual(["warn redundant_columns"]);
    expect(failed({ columns: [noise(), noise(), new Float64Array(n)] })).toEqual(["warn constant_columns"]);
    expect(failed({ labels: labels.map((label) => (label === 2 ? 0 : label)) })).toEqual(["warn rare_class"]);
    expect(failed({ columns: [noise(), noise(), noise().map((value, i) => (i % 6 === 0 ? 1e6 * (i + 1) : value))] })).toEqual([
      "warn outliers",
    ]);
  });

  test("columns of another length are an error", () => {
    expect(() => checkQuality({ ...good, columns: [new Float64Array(3), noise(), noise()] })).toThrow(/^bad_data/);
  });

  test("the page escapes names and tells what blocks", () => {
    const report = checkQuality({ ...good, featureNames: ["a", "b", "<script>"] });
    const page = qualityReportHtml(report, "technical & co");
    expect(page).toContain("&lt;script&gt;");
    expect(page).not.toContain("<script>");
    expect(page).toContain("technical &amp; co");
    expect(page).toContain("Training may not start: 1 check blocks.");
  });
});

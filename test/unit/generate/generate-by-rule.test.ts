import { describe, expect, it } from "vitest";
import { isRequeenError } from "../../../src/core/errors.ts";
import { checkPlan } from "../../../src/core/plan.ts";
import { extractFeatures } from "../../../src/features/index.ts";
import {
  type DatasetCard,
  datasetCardMarkdown,
  readDatasetCard,
  writeDatasetCard,
} from "../../../src/loop/generate/dataset-card.ts";
import { scoreDescriptions } from "../../../src/loop/generate/description-score.ts";
import { riskContradiction } from "../../../src/loop/generate/gates.ts";
import { generateByRule, generateByRuleInThreads } from "../../../src/loop/generate/generate-by-rule.ts";
import { ruleDecision, SIMULATED_SPECIALISTS } from "../../../src/loop/simulate.ts";

const request = {
  specialist: "technical",
  featureSchema: "plan/2",
  count: 400,
  seed: 5,
  createdAtMs: Date.UTC(2026, 1, 8),
} as const;

describe.each(SIMULATED_SPECIALISTS)("generateByRule for %s", (specialist) => {
  const { rows, card } = generateByRule({ ...request, specialist });

  it("gives the asked number, the quotas to the plan, and plans that pass every gate again", () => {
    expect(rows).toHaveLength(400);
    expect(Object.fromEntries(card.classes.map(({ name, made }) => [name, made]))).toEqual({
      approve: 160,
      reject: 80,
      review_required: 100,
      conditional: 60,
    });
    for (const { plan, decision, vector, quality, tier } of rows) {
      checkPlan(plan);
      expect(tier).toBe("synthetic");
      expect(ruleDecision(specialist, plan)).toBe(decision);
      expect(vector).toEqual(extractFeatures("plan/2", plan));
      expect(riskContradiction(plan.risk_score, decision)).toBeNull();
      expect(quality).toBe(scoreDescriptions(plan).score);
      expect(quality).toBeGreaterThanOrEqual(0.5);
    }
  });

  it("accounts for every candidate", () => {
    const refused = card.rejected.reduce((sum, { count }) => sum + count, 0);
    expect(card.candidates).toBe(card.made + refused);
    expect(Object.values(card.domains).reduce((sum, count) => sum + count, 0)).toBe(card.made);
  });
});

describe("generateByRule", () => {
  it("repeats itself, and gives plan/1 where that is asked for", () => {
    const [first, second] = [generateByRule({ ...request, count: 30 }), generateByRule({ ...request, count: 30 })];
    expect(second).toEqual(first);
    const original = generateByRule({ ...request, count: 30, featureSchema: "plan/1" });
    expect(original.rows[0]?.vector).toHaveLength(26);
    expect(original.rows.map((row) => row.plan)).toEqual(first.rows.map((row) => row.plan));
  });

  it("gives the same plans and the same card on several threads, also where the last gate refuses some", async () => {
    // a low limit: many plans are near-duplicates of earlier ones and are drawn again
    const many = { ...request, count: 2_000, duplicateLimit: 0.55 };
    const told: number[] = [];
    const [alone, together] = [
      generateByRule(many),
      await generateByRuleInThreads(many, { threads: 3, onProgress: (made) => void told.push(made) }),
    ];
    expect(together).toEqual(alone);
    expect(alone.card.rejected.find(({ gate }) => gate === "near_duplicate")?.count).toBeGreaterThan(0);
    expect(told.at(-1)).toBe(2_000);
    await expect(generateByRuleInThreads(many, { threads: 2, signal: AbortSignal.abort(new Error("stop")) })).rejects.toThrow(
      "stop",
    );
  });

  it("says how far it came when the gates let too few through, and fails when the count is strict", () => {
    const short = generateByRule({ ...request, count: 40, minQualityScore: 0.9999 });
    expect(short.card.made).toBeLessThan(40);
    expect(short.card.asked).toBe(40);
    expect(short.card.rejected.find(({ gate }) => gate === "description")?.count).toBeGreaterThan(0);
    expect(datasetCardMarkdown(short.card)).toContain(`${40 - short.card.made} fewer than the 40 asked for`);
    try {
      generateByRule({ ...request, count: 40, minQualityScore: 0.9999, strictSampleCount: true });
      expect.unreachable("the count was not met");
    } catch (error) {
      if (!isRequeenError(error, "generation_short")) throw error;
      expect(error.message).toContain(`${short.card.made} of 40 plans for technical passed`);
    }
  });

  it.each([
    [{ count: 0 }, /count of generateByRule must be an integer, 1 or more; got 0/],
    [{ minQualityScore: 1.5 }, /minQualityScore of generateByRule must be in 0..1; got 1.5/],
    [{ duplicateLimit: 0.2 }, /limit of DuplicateIndex/],
    [{ quotas: { approve: 1, reject: 1, review_required: 0, conditional: 0 } }, /quotas must be shares/],
  ])("refuses %j", (rest, message) => {
    expect(() => generateByRule({ ...request, ...rest })).toThrow(message);
  });
});

describe("the dataset card", () => {
  const { card } = generateByRule({ ...request, count: 60 });

  it("reads back what it wrote", () => {
    expect(readDatasetCard(writeDatasetCard(card))).toEqual(card);
    expect(JSON.parse(writeDatasetCard(card)).created_at).toBe("2026-02-08T00:00:00.000Z");
  });

  it("says in Markdown that it is synthetic, how it was made and what was refused", () => {
    const page = datasetCardMarkdown({
      ...card,
      files: [{ path: "technical.parquet", sha256: "a".repeat(64), size_bytes: 10, rows: 60 }],
    });
    for (const part of [
      "**Synthetic.** 60 generated plans",
      "never decide a promotion",
      "| seed | 5 |",
      "near\\_duplicate",
      "technical.parquet",
      "| FEATURE |",
    ])
      expect(page).toContain(part);
  });

  it("does not let an example break the page", () => {
    const hostile: DatasetCard = {
      ...card,
      rejected: [{ gate: "schema", count: 1, example: "| a | <img src=x>\n# heading\u202e [x](javascript:1)" }],
    };
    const line = datasetCardMarkdown(hostile)
      .split("\n")
      .find((text) => text.startsWith("| schema"));
    expect(line).toContain("\\| a \\| \\<img src=x\\> # heading \\[x\\]");
  });

  it.each([
    ["not json", /dataset card: it is not JSON/],
    ["{}", /dataset card: card_version/],
    [JSON.stringify({ ...JSON.parse(writeDatasetCard(card)), tier: "blind" }), /dataset card: tier/],
    [JSON.stringify({ ...JSON.parse(writeDatasetCard(card)), color: "red" }), /dataset card: .*color/],
  ])("refuses %s", (text, message) => {
    expect(() => readDatasetCard(text)).toThrow(message);
  });
});

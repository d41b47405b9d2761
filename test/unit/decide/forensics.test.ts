import { describe, expect, test } from "vitest";
import { examineLabels, type LabelRow, worstEffects } from "../../../src/decide/index.ts";
import { SeededRandom } from "../../../src/engine/seeded-random.ts";
import {
  type FabricatedFeedback,
  fabricateAutoFeedback,
  fabricateBalancedFeedback,
} from "../../../src/loop/simulate/fabricate.ts";
import { autoJob, balancedJob, honestReviews } from "./honest-reviewers.ts";

const classes = ["approve", "reject", "review_required"];
const examine = (rows: readonly LabelRow[], seed = 1) => examineLabels(rows, { classes, seed });
const keptRows = (rows: readonly LabelRow[]) =>
  worstEffects(examine(rows), rows.length).filter((effect) => effect === null || effect === "warn").length;

describe("fabricated labels are caught whole", () => {
  for (const spacingMs of [0, 50, 30_000]) {
    test(`the auto job's rows are all demoted or quarantined, ${spacingMs} ms apart`, () => {
      for (const count of [25, 200, 201]) expect(keptRows(autoJob(count + spacingMs, count, spacingMs))).toBe(0);
    });
    test(`the balanced job's rows are all demoted or quarantined, ${spacingMs} ms apart`, () => {
      for (let seed = 1; seed <= 20; seed++) expect(keptRows(balancedJob(seed, spacingMs))).toBe(0);
    });
  }

  test("a balanced job whose rows arrive shuffled is caught by its round counts", () => {
    let caught = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const times = new SeededRandom(seed).shuffle(Array.from({ length: 200 }, (_, i) => 1.77e12 + i * 40_000));
      const rows = balancedJob(seed, 1).map((row, i) => ({ ...row, rating: 0.5, submitted_at: times[i] ?? 0 }));
      if (examine(rows).some((finding) => finding.code === "quota" && finding.rows.length === 200)) caught++;
    }
    expect(caught).toBeGreaterThanOrEqual(17); // the independence test itself errs in 5 % of cases
  });

  test("an auto job under a person's name is caught among that person's honest labels, and these stay", () => {
    const honest = honestReviews({
      seed: 5,
      count: 150,
      noise: 0.1,
      reviewers: 1,
      modelAccuracy: 0.6,
      classes,
      ratingDigits: 1,
      overlap: 0,
    });
    const job = autoJob(3, 100, 9_000).map((row) => ({ ...row, reviewer: "reviewer-0", submitted_at: row.submitted_at + 9e7 }));
    const effects = worstEffects(examine([...honest, ...job]), 250);
    const lost = effects.slice(0, 150).filter((effect) => effect !== null).length;
    const caught = effects.slice(150).filter((effect) => effect === "demote" || effect === "quarantine").length;
    expect(lost).toBeLessThanOrEqual(3);
    expect(caught).toBeGreaterThanOrEqual(80);
  });
});

describe("the jobs as the simulator writes them", () => {
  const random = new SeededRandom(12);
  const opinions = Array.from({ length: 260 }, (_, i) => ({
    opinionId: `opinion-${i}`,
    specialist: "technical",
    recommendation: classes[random.nextInt(3)] ?? "",
    confidence: 0.3 + 0.6 * random.next(),
    traceId: null,
  }));
  /** As the loop reads them: no reviewer is named; spread out to a person's pace, so that only the labels themselves can tell. */
  const asRows = (documents: readonly FabricatedFeedback[]): LabelRow[] =>
    documents.map((document, i) => ({
      opinion_id: document.opinion_id,
      reviewer: "unnamed",
      recommendation: document.human_recommendation,
      rating: document.human_rating,
      submitted_at: 1.77e12 + i * 45_000,
      opinion_decision: document.opinion_recommendation,
      opinion_confidence: opinions.find((opinion) => opinion.opinionId === document.opinion_id)?.confidence ?? null,
      tier: "informed",
    }));

  test("auto and balanced feedback are caught whole", () => {
    expect(keptRows(asRows(fabricateAutoFeedback({ opinions, startMs: 0 })))).toBe(0);
    expect(keptRows(asRows(fabricateBalancedFeedback({ opinions, startMs: 0, seed: 3 })))).toBe(0);
  });
});

test("150,000 fabricated rows of one source are caught whole, too many for any call with an argument a row", () => {
  const rows = autoJob(1, 150_000, 5_000);
  expect(keptRows(rows)).toBe(0);
  const sorted = rows.map((row, i) => ({ ...row, recommendation: i < 75_000 ? "approve" : "reject", rating: null }));
  expect(examine(sorted).find((finding) => finding.code === "blocks")?.rows.length).toBe(150_000);
});

describe("honest reviewers are left alone", () => {
  test("1,000 draws at 0 to 30 % noise raise at most 1 % false findings", { timeout: 120_000 }, () => {
    let draws = 0;
    const false_: string[] = [];
    for (let seed = 1; seed <= 1_000; seed++) {
      const rows = honestReviews({
        seed,
        count: [40, 100, 200, 400][seed % 4] ?? 100,
        noise: (seed % 7) * 0.05,
        reviewers: 1 + (seed % 5),
        modelAccuracy: [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95][(seed >> 2) % 7] ?? 0.5,
        confidence: (["any", "two_decimals", "constant"] as const)[seed % 3],
        coarseRatings: seed % 11 === 0,
        classes,
        ratingDigits: 1 + (seed % 2),
        overlap: 0.2,
      });
      const findings = examine(rows, seed);
      draws++;
      if (findings.length > 0) false_.push(`${seed}: ${findings.map((finding) => finding.sentence).join(" | ")}`);
    }
    expect(draws).toBe(1_000);
    console.info(`${false_.length} false findings in ${draws} draws`);
    expect(false_.length, false_.slice(0, 5).join("\n")).toBeLessThanOrEqual(10);
  });

  test("looked at after every 20 labels, as they come in, at most 1 % of 250 sources ever lose one", { timeout: 120_000 }, () => {
    const losers: string[] = [];
    for (let seed = 1; seed <= 250; seed++) {
      const reviews = honestReviews({
        seed: 5_000 + seed,
        count: [100, 200, 400][seed % 3] ?? 100,
        noise: (seed % 7) * 0.05,
        reviewers: 1 + (seed % 5),
        modelAccuracy: [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95][(seed >> 2) % 7] ?? 0.5,
        confidence: (["any", "two_decimals", "constant"] as const)[seed % 3],
        coarseRatings: seed % 11 === 0,
        classes,
        ratingDigits: 1 + (seed % 2),
        overlap: 0.2,
      });
      // at intake the vectors are not at hand
      const rows = reviews.map(({ features: _vector, ...row }) => row).sort((a, b) => a.submitted_at - b.submitted_at);
      for (let count = 20; count <= rows.length; count += 20) {
        const found = examine(rows.slice(0, count), 42).find(({ effect }) => effect !== "warn");
        if (found !== undefined) losers.push(`${seed} at ${count}: ${found.sentence}`);
        if (found !== undefined) break;
      }
    }
    expect(losers.length, losers.slice(0, 3).join("\n")).toBeLessThanOrEqual(2);
  });
});

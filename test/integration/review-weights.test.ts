import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { gatherLabels } from "../../src/loop/gather-labels.ts";
import { specialistOf } from "../../src/loop/house.ts";
import { judge } from "../../src/loop/judge.ts";
import { nextForReview, submitReview } from "../../src/loop/review.ts";
import { openToyHouse } from "./support/open-house.ts";

test("a label of the queue carries the chance of its draw to the gate: relative to plain chance, never below the random share, 1 where all opinions are alike", async () => {
  const folder = mkdtempSync(join(tmpdir(), "requeen-weights-"));
  const { house, close } = await openToyHouse(folder, () => Date.parse("2026-03-02T09:00:00.000Z"));
  const ids = Array.from({ length: 120 }, (_, id) => ({
    opinionId: `o-${id}`,
    planId: `p-${id}`,
    columns: { a: id, b: 1, noise: 0 },
  }));
  await judge(house, "toy", ids);
  for (let count = 0; count < 20; count += 1) {
    const review = await nextForReview(house, "ann", { mode: "blind" });
    await submitReview(house, "ann", review?.claim.claim_id ?? "", { decision: "yes", rating: null, notes: "" });
  }
  const { items } = await house.store.listFeedback({ reviewer: "ann" }, { limit: 100 });
  const { opinions } = await gatherLabels(house, specialistOf(house, "toy"), Number.MAX_SAFE_INTEGER, null, 20);
  expect(opinions).toHaveLength(20);
  for (const opinion of opinions) {
    const evidence = items.find(({ opinion_id }) => opinion_id === opinion.opinion_id)?.evidence;
    expect(evidence?.propensity).toBeLessThan(0.2);
    expect(opinion.propensity).toBeCloseTo((evidence?.propensity ?? 0) / (evidence?.base_propensity ?? 1), 12);
    // random share 0.5, so that 1 / propensity, the weight, is at most 2
    expect(opinion.propensity).toBeGreaterThanOrEqual(0.5);
  }
  // all opinions are alike here: none is favoured
  for (const opinion of opinions) expect(opinion.propensity).toBeCloseTo(1, 9);
  await close();
  rmSync(folder, { recursive: true });
});

import { describe, expect, it } from "vitest";
import { BALANCED_QUOTA, fabricateAutoFeedback, fabricateBalancedFeedback } from "../../../src/loop/simulate.ts";

const opinions = Array.from({ length: 250 }, (_, place) => ({
  opinionId: `op-${place}`,
  specialist: "business",
  recommendation: "review_required",
  confidence: (place % 100) / 100,
  traceId: place % 2 === 0 ? `trace-${place}` : null,
}));
const startMs = Date.UTC(2026, 1, 7, 3);

describe("fabricateAutoFeedback", () => {
  const documents = fabricateAutoFeedback({ opinions, startMs });

  it("echoes the recommendation, with the rating that the recipe gives", () => {
    const sent = (confidence: number, recommendation: string) => {
      const [document] = fabricateAutoFeedback({
        opinions: [{ opinionId: "o", specialist: "s", recommendation, confidence, traceId: null }],
        startMs,
      });
      return [document?.human_recommendation, document?.human_rating];
    };
    expect(sent(0.39, "approve")).toEqual(["review_required", 0.4]);
    expect(sent(0.4, "approve")).toEqual(["approve", 0.4]);
    expect(sent(0.5, "reject")).toEqual(["reject", 0.5]);
    expect(sent(0.6, "reject")).toEqual(["reject", 0.6]);
    expect(sent(0.7, "approve")[1]).toBeCloseTo(0.8, 12);
    expect(sent(0.97, "approve")).toEqual(["approve", 1]);
  });

  it("has the shape that the job wrote: no plan_id, no submitted_by, no schema_version", () => {
    expect(documents).toHaveLength(250);
    expect(documents[0]).toMatchObject({
      auto_generated: true,
      specialist_type: "business",
      opinion_recommendation: "review_required",
    });
    for (const document of documents) {
      expect(document.feedback_id).toMatch(/^fb-auto-[0-9.]+-[0-9]+$/);
      for (const absent of ["plan_id", "submitted_by", "schema_version", "manual_review"])
        expect(document).not.toHaveProperty(absent);
    }
    expect(new Set(documents.map((document) => document.feedback_id)).size).toBe(250);
  });
});

describe("fabricateBalancedFeedback", () => {
  const documents = fabricateBalancedFeedback({ opinions, seed: 1, startMs });
  const of = (decision: string) => documents.filter((document) => document.human_recommendation === decision);

  it("approves 80, rejects 60, sends 60 to review, whatever the opinions are, and stops", () => {
    expect([of("approve").length, of("reject").length, of("review_required").length, documents.length]).toEqual([
      80,
      60,
      60,
      BALANCED_QUOTA,
    ]);
    expect(new Set(documents.map((document) => document.opinion_id)).size).toBe(200);
    expect(documents.map((document) => document.opinion_id)).not.toEqual(
      opinions.slice(0, 200).map((opinion) => opinion.opinionId),
    );
    expect(documents.slice(0, 80).every((document) => document.human_recommendation === "approve")).toBe(true);
  });

  it("draws ratings of which a filter at 0.5 keeps all approvals, a third of the rejections, half of the reviews", () => {
    const keptShare = (decision: string) => {
      const many = Array.from({ length: 20 }, (_, seed) => fabricateBalancedFeedback({ opinions, seed, startMs })).flat();
      const those = many.filter((document) => document.human_recommendation === decision);
      return those.filter((document) => document.human_rating >= 0.5).length / those.length;
    };
    expect(keptShare("approve")).toBe(1);
    // Ratings are rounded to hundredths, so 0.495 passes too.
    expect(Math.abs(keptShare("reject") - 0.105 / 0.3)).toBeLessThan(0.05);
    expect(Math.abs(keptShare("review_required") - 0.105 / 0.2)).toBeLessThan(0.05);
  });

  it("claims to be manual work", () => {
    for (const document of documents) {
      expect(document).toMatchObject({
        auto_generated: false,
        manual_review: true,
        balanced_dataset: true,
        feedback_notes: "[HUMAN]",
      });
      expect(document.feedback_id).toMatch(/^fb-bal-[0-9.]+-[0-9]+$/);
    }
  });

  it("stops early where there are fewer opinions", () => {
    const few = fabricateBalancedFeedback({ opinions: opinions.slice(0, 90), seed: 1, startMs });
    expect(few.map((document) => document.human_recommendation)).toEqual([
      ...Array(80).fill("approve"),
      ...Array(10).fill("reject"),
    ]);
  });
});

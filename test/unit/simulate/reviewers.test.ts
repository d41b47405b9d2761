import { describe, expect, it } from "vitest";
import { extractFeatures } from "../../../src/features/index.ts";
import { fittingClause } from "../../../src/loop/simulate/reviewer-rules.ts";
import { nextWorkingMs } from "../../../src/loop/simulate/working-hours.ts";
import {
  DECISIONS,
  REVIEWER_RULES,
  ruleDecision,
  SIMULATED_SPECIALISTS,
  type SimulatedSpecialist,
  simulateEarlyJudgements,
  simulatePlans,
  simulateReviewers,
} from "../../../src/loop/simulate.ts";

const plans = simulatePlans({ seed: 9, count: 1000 });
const opinions = plans.map((plan, place) => ({
  opinionId: `op-${place}`,
  plan,
  recommendation: DECISIONS[place % 4] ?? "approve",
}));
const START = Date.UTC(2026, 1, 6, 21); // a Friday evening

describe.each(SIMULATED_SPECIALISTS)("reviewers of %s", (specialist) => {
  const judgements = simulateReviewers({ seed: 2, specialist, opinions, startMs: START });
  const ruled = new Map(opinions.map(({ opinionId, plan }) => [opinionId, ruleDecision(specialist, plan)]));

  it("decide every opinion once, each class at more than 8 %, none above 60 %", () => {
    expect(new Set(judgements.map((judgement) => judgement.opinionId)).size).toBe(opinions.length);
    expect(judgements.length).toBe(opinions.length);
    for (const decision of DECISIONS) {
      const share = judgements.filter((judgement) => judgement.recommendation === decision).length / judgements.length;
      expect(share, decision).toBeGreaterThan(0.08);
      expect(share, decision).toBeLessThan(0.6);
    }
  });

  it("follow the rule but for noise and small differences between people", () => {
    const agreeing = judgements.filter((judgement) => judgement.recommendation === ruled.get(judgement.opinionId)).length;
    expect(agreeing / judgements.length).toBeGreaterThan(0.84);
    expect(agreeing / judgements.length).toBeLessThan(0.97);
  });

  it("follow it exactly without noise and strictness", () => {
    for (const { opinionId, plan } of opinions.slice(0, 50))
      expect(fittingClause(specialist, extractFeatures("plan/2", plan))?.decision ?? "approve").toBe(ruled.get(opinionId));
  });

  it("rate as they decide: agreement high, approve against reject low", () => {
    const recommended = new Map(opinions.map((opinion) => [opinion.opinionId, opinion.recommendation]));
    for (const { opinionId, recommendation, rating } of judgements) {
      expect(rating).toBeGreaterThanOrEqual(0);
      expect(rating).toBeLessThanOrEqual(1);
      const opposite = recommendation === "approve" ? "reject" : recommendation === "reject" ? "approve" : null;
      if (recommendation === recommended.get(opinionId)) expect(rating).toBeGreaterThan(0.5);
      if (opposite === recommended.get(opinionId)) expect(rating).toBeLessThan(0.4);
    }
  });

  it("hand in during working hours, one at a time, over days", () => {
    const lastOf = new Map<string, number>();
    let last = START;
    for (const { reviewer, submittedAtMs } of judgements) {
      expect(submittedAtMs).toBeGreaterThanOrEqual(last);
      last = submittedAtMs;
      expect(Math.abs(nextWorkingMs(submittedAtMs) - submittedAtMs)).toBeLessThan(1);
      expect(submittedAtMs).toBeGreaterThan(lastOf.get(reviewer) ?? 0);
      lastOf.set(reviewer, submittedAtMs);
    }
    expect(last - START).toBeGreaterThan(3 * 86_400_000);
    expect(lastOf.size).toBe(3);
  });

  it("repeat themselves for the same seed", () => {
    expect(simulateReviewers({ seed: 2, specialist, opinions, startMs: START })).toEqual(judgements);
  });
});

describe("disagreement", () => {
  it("shows where two people judge one opinion", () => {
    const judgements = simulateReviewers({ seed: 3, specialist: "technical", opinions, secondReviewShare: 0.3 });
    const byOpinion = Map.groupBy(judgements, (judgement) => judgement.opinionId);
    const twice = [...byOpinion.values()].filter((group) => group.length === 2);
    expect(twice.length / opinions.length).toBeGreaterThan(0.24);
    expect(twice.length / opinions.length).toBeLessThan(0.36);
    expect(twice.every(([first, second]) => first?.reviewer !== second?.reviewer)).toBe(true);
    const differing = twice.filter(([first, second]) => first?.recommendation !== second?.recommendation).length / twice.length;
    expect(differing).toBeGreaterThan(0.05);
    expect(differing).toBeLessThan(0.3);
  });

  it("gives no rating where there is no recommendation", () => {
    const [judgement] = simulateReviewers({
      seed: 3,
      specialist: "technical",
      opinions: [{ opinionId: "o", plan: plans[0], recommendation: null }],
    });
    expect(judgement?.rating).toBeNull();
  });
});

describe("early judgements", () => {
  it("are 40 with about a third of the decisions replaced, before the reviews proper", () => {
    const rows = SIMULATED_SPECIALISTS.flatMap((specialist) => {
      const early = simulateEarlyJudgements({ seed: 6, specialist });
      expect(early).toHaveLength(40);
      return early.map(({ plan, judgement }) => ({
        right: ruleDecision(specialist, plan) === judgement.recommendation,
        judgement,
      }));
    });
    const wrong = rows.filter((row) => !row.right).length / rows.length;
    expect(wrong).toBeGreaterThan(0.25);
    expect(wrong).toBeLessThan(0.48);
    expect(rows.every(({ judgement }) => judgement.submittedAtMs < Date.UTC(2026, 1, 2))).toBe(true);
  });
});

describe("bad requests", () => {
  it.each([
    [{ noise: 1.5 }, /noise of simulateReviewers must be in 0..1; got 1.5/],
    [{ reviewerCount: 0 }, /reviewerCount .* must be an integer in 1..50; got 0/],
    [{ reviewerCount: 1, secondReviewShare: 0.5 }, /needs a reviewerCount of 2 or more/],
    [{ specialist: "wizard" as SimulatedSpecialist }, /one of architecture, .*; got wizard/],
  ])("are refused: %j", (rest, message) => {
    expect(() => simulateReviewers({ seed: 1, specialist: "technical", opinions, ...rest })).toThrow(message);
  });
});

describe("the rules", () => {
  it("name features of plan/2 and use each class of the hive", () => {
    for (const specialist of SIMULATED_SPECIALISTS)
      expect(new Set([...REVIEWER_RULES[specialist].map((clause) => clause.decision), "approve"]).size).toBe(4);
    expect(() => plans.map((plan) => ruleDecision("business", plan))).not.toThrow();
  });

  it("a missing value fits neither at least nor below", () => {
    const vector = new Float64Array(88).fill(Number.NaN);
    for (const specialist of SIMULATED_SPECIALISTS) expect(fittingClause(specialist, vector)).toBeNull();
  });
});

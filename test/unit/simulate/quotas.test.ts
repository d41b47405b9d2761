import { describe, expect, it } from "vitest";
import { checkPlan } from "../../../src/core/plan.ts";
import { dealClasses } from "../../../src/loop/simulate/quotas.ts";
import { DEFAULT_QUOTAS, ruleDecision, SIMULATED_SPECIALISTS, simulateLabelledPlans } from "../../../src/loop/simulate.ts";

describe.each(SIMULATED_SPECIALISTS)("labelled plans for %s", (specialist) => {
  const { plans, rebuilt } = simulateLabelledPlans({ seed: 8, count: 1000, specialist });

  it("have the quotas to the plan, each plan of the class that the rule gives it", () => {
    const counts = Object.groupBy(plans, ({ decision }) => decision);
    expect([counts.approve?.length, counts.reject?.length, counts.review_required?.length, counts.conditional?.length]).toEqual([
      400, 200, 250, 150,
    ]);
    for (const { plan, decision } of plans) {
      checkPlan(plan);
      expect(ruleDecision(specialist, plan)).toBe(decision);
    }
  });

  it("come by construction: hardly any is built twice", () => {
    expect(rebuilt / plans.length).toBeLessThan(0.02);
  });

  it("do not tell their class by their place or id", () => {
    const firstHalf = plans.slice(0, 500).filter(({ decision }) => decision === "approve").length;
    expect(firstHalf).toBeGreaterThan(160);
    expect(firstHalf).toBeLessThan(240);
    expect(new Set(plans.map(({ plan }) => plan.plan_id)).size).toBe(1000);
  });
});

describe("dealClasses", () => {
  it("gives whole numbers that add up, by largest remainder", () => {
    expect(dealClasses(DEFAULT_QUOTAS, 3)).toHaveLength(3);
    expect(
      Object.fromEntries(
        Object.entries(Object.groupBy(dealClasses(DEFAULT_QUOTAS, 201), (name) => name)).map(([name, list]) => [
          name,
          list.length,
        ]),
      ),
    ).toEqual({
      approve: 81,
      reject: 40,
      review_required: 50,
      conditional: 30,
    });
    expect(dealClasses({ approve: 1, reject: 0, review_required: 0, conditional: 0 }, 5)).toEqual(Array(5).fill("approve"));
  });

  it.each([
    { approve: 0.5, reject: 0.5, review_required: 0.5, conditional: 0 },
    { approve: 1.5, reject: -0.5, review_required: 0, conditional: 0 },
    { approve: Number.NaN, reject: 0, review_required: 0, conditional: 0 },
  ])("refuses quotas that are no shares: %j", (quotas) => {
    expect(() => dealClasses(quotas, 10)).toThrow(/quotas must be shares of 0 or more that add up to 1/);
  });
});

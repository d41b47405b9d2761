import { describe, expect, it } from "vitest";
import type { Plan } from "../../../src/core/plan.ts";
import { agreement, DuplicateIndex, shinglesOf, signatureOf } from "../../../src/loop/generate/near-duplicates.ts";
import { simulatePlans } from "../../../src/loop/simulate.ts";

const plans = simulatePlans({ seed: 31, count: 300 });

/** A copy under other ids, times and numbers, with the words of one task in `every` exchanged. */
const reworded = (plan: Plan, every: number): Plan => ({
  ...plan,
  plan_id: `${plan.plan_id}-copy`,
  created_at: 0,
  risk_score: 0.01,
  tasks: plan.tasks.map((task, place) => ({
    ...task,
    task_id: `copy-${task.task_id}`,
    dependencies: task.dependencies.map((id) => `copy-${id}`),
    description: place % every === every - 1 ? `${task.description} altogether` : task.description,
  })),
});

function jaccard(first: Set<number>, second: Set<number>): number {
  const both = [...first].filter((shingle) => second.has(shingle)).length;
  return both / (first.size + second.size - both);
}

describe("signatures", () => {
  it("estimate the similarity of the shingles", () => {
    const errors = plans.slice(1).map((plan, place) => {
      const [first, second] = [shinglesOf(plans[place]), shinglesOf(plan)];
      return agreement(signatureOf(first), signatureOf(second)) - jaccard(first, second);
    });
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    expect(Math.abs(mean)).toBeLessThan(0.01);
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(0.25); // four standard deviations of 64 draws
  });
});

describe("DuplicateIndex", () => {
  it("takes different plans and names the one that a copy repeats", () => {
    const index = new DuplicateIndex(0.8);
    for (const plan of plans) expect(index.add(plan)).toBeNull();
    for (const plan of plans.slice(0, 50))
      expect(index.add(reworded(plan, 1000))).toEqual({ planId: plan.plan_id, similarity: 1 });
    expect(index.summary().plans).toBe(plans.length);
  });

  it("finds copies with a few words changed, and lets half-new ones pass", () => {
    const index = new DuplicateIndex(0.8);
    const large = plans.filter((plan) => plan.tasks.length >= 8).slice(0, 40);
    for (const plan of large) index.add(plan);
    const found = large.filter((plan) => index.add(reworded(plan, 8))?.planId === plan.plan_id);
    expect(found.length).toBeGreaterThan(large.length * 0.9);
    const [first] = large;
    const halfNew = {
      ...first,
      tasks: first.tasks.map((task, place) =>
        place % 2 === 0
          ? task
          : { ...task, description: `wholly other words number ${place} that nobody wrote before in any plan` },
      ),
    };
    expect(new DuplicateIndex(0.8).add(halfNew)).toBeNull();
    expect(index.add(halfNew)).toBeNull();
  });

  it("grows beyond its first capacity without forgetting", () => {
    const index = new DuplicateIndex(0.9);
    const many = simulatePlans({ seed: 32, count: 700 });
    for (const plan of many) index.add(plan);
    expect(index.add(reworded(many[0], 1000))?.planId).toBe(many[0].plan_id);
    expect(index.add(reworded(many[699], 1000))?.planId).toBe(many[699].plan_id);
  });

  it("counts plans that say nothing at all as alike", () => {
    const silent = plans
      .slice(0, 2)
      .map((plan) => ({ ...plan, tasks: [{ ...plan.tasks[0], description: "", dependencies: [], task_type: "query" }] }));
    const index = new DuplicateIndex(1);
    expect(index.add(silent[0])).toBeNull();
    expect(index.add(silent[1])?.similarity).toBe(1);
  });

  it.each([0.4, 1.1, Number.NaN])("refuses a limit of %d", (limit) => {
    expect(() => new DuplicateIndex(limit)).toThrow(/limit of DuplicateIndex must be in \[0.5, 1\]/);
  });
});

import { describe, expect, it } from "vitest";
import { isRequeenError } from "../../../src/core/errors.ts";
import { checkPlan, readPlan, writePlan } from "../../../src/core/plan.ts";
import { extractFeatures, featureNames, type TaskFamily, touchedFamilies, wordsOf } from "../../../src/features/index.ts";
import { BENEFITS, DETAILS, MAKESHIFTS, OBJECTS, TESTS, VERBS } from "../../../src/loop/simulate/descriptions.ts";
import { simulatePlans } from "../../../src/loop/simulate.ts";

const plans = simulatePlans({ seed: 4, count: 600 });

describe("simulatePlans", () => {
  it("gives plans that the reader takes unchanged", () => {
    for (const plan of plans) {
      checkPlan(plan);
      expect(readPlan(JSON.parse(JSON.stringify(writePlan(plan))))).toEqual(plan);
    }
  });

  it("never gives impossible data: nodes = tasks, density at most 0.5, whole positive durations, an order that can be run", () => {
    const density = featureNames("plan/1").indexOf("density");
    const nodes = featureNames("plan/1").indexOf("num_nodes");
    for (const plan of plans) {
      const vector = extractFeatures("plan/1", plan);
      expect(vector[nodes]).toBe(plan.tasks.length);
      expect(vector[density]).toBeLessThanOrEqual(0.5);
      const done = new Set<string>();
      const byId = new Map(plan.tasks.map((task) => [task.task_id, task]));
      for (const id of plan.execution_order) {
        for (const dependency of byId.get(id)?.dependencies ?? ["unknown"]) expect(done).toContain(dependency);
        done.add(id);
      }
      expect(done.size).toBe(plan.tasks.length);
      for (const { estimated_duration_ms } of plan.tasks)
        if (estimated_duration_ms !== null)
          expect(Number.isInteger(estimated_duration_ms) && estimated_duration_ms >= 1000).toBe(true);
    }
  });

  it("repeats itself for the same seed, differs for another, and plan i does not depend on the count", () => {
    expect(simulatePlans({ seed: 4, count: 20 })).toEqual(plans.slice(0, 20));
    const other = simulatePlans({ seed: 5, count: 20, idPrefix: "sim-4" });
    expect(other.map((plan) => plan.risk_score)).not.toEqual(plans.slice(0, 20).map((plan) => plan.risk_score));
  });

  it("covers what production sends: seven domains, six task types, four priorities, four levels, both languages", () => {
    const distinct = (values: (string | null | undefined)[]) => new Set(values);
    expect([...distinct(plans.map((plan) => plan.original_domain))]).toEqual(
      expect.arrayContaining(["SECURITY", "PERFORMANCE", "FEATURE", "BUGFIX", "TECHNICAL", "BUSINESS", "INFRASTRUCTURE"]),
    );
    const types = plans.flatMap((plan) => plan.tasks.map((task) => task.task_type));
    expect([...distinct(types)]).toEqual(
      expect.arrayContaining(["create", "update", "delete", "query", "transform", "validate", "validation"]),
    );
    expect(distinct(plans.map((plan) => plan.original_priority)).size).toBe(4);
    expect(distinct(plans.map((plan) => plan.original_security_level)).size).toBe(4);
    expect(distinct(plans.map((plan) => plan.risk_band)).size).toBe(4);
    const portuguese = plans.filter((plan) => plan.tasks.some((task) => /[ãçõáéíóú]/.test(task.description)));
    expect(portuguese.length / plans.length).toBeGreaterThan(0.3);
    expect(portuguese.length / plans.length).toBeLessThan(0.7);
  });

  it("names as destructive every delete task, and no task that is not there", () => {
    for (const plan of plans) {
      const ids = new Set(plan.tasks.map((task) => task.task_id));
      const deletes = plan.tasks.filter((task) => task.task_type === "delete").map((task) => task.task_id);
      for (const id of deletes) expect(plan.destructive_tasks).toContain(id);
      for (const id of plan.destructive_tasks) expect(ids).toContain(id);
      expect(plan.is_destructive).toBe(plan.destructive_tasks.length > 0);
    }
  });

  it.each([-1, 1.5, Number.NaN])("refuses a count of %d", (count) => {
    expect(() => simulatePlans({ seed: 1, count })).toThrow(/count of simulatePlans must be an integer/);
    try {
      simulatePlans({ seed: 1, count });
    } catch (error) {
      expect(isRequeenError(error, "bad_parameter")).toBe(true);
    }
  });
});

describe("the words of simulated tasks", () => {
  const settled = ["business", "testing", "makeshift"] as const;

  it("say nothing of benefits, tests and makeshifts outside the phrases meant for them", () => {
    const neutral = [...Object.values(VERBS), ...Object.values(OBJECTS), DETAILS].flatMap((phrases) => [
      ...phrases.en,
      ...phrases.pt,
    ]);
    const touching = neutral.filter((phrase) => settled.some((family) => touchedFamilies(wordsOf(phrase)).has(family)));
    expect(touching).toEqual([]);
  });

  it("say it in every phrase that is meant for it, and there alone", () => {
    for (const [phrases, family] of [
      [BENEFITS, "business"],
      [TESTS, "testing"],
      [MAKESHIFTS, "makeshift"],
    ] as const)
      for (const phrase of [...phrases.en, ...phrases.pt])
        expect(
          settled.filter((name) => touchedFamilies(wordsOf(phrase)).has(name)),
          phrase,
        ).toEqual([family]);
  });

  it("have verbs for every task family", () => {
    const families: TaskFamily[] = ["create", "update", "delete", "query", "transform", "validate", "analysis", "integration"];
    for (const family of families) expect(VERBS[family].en.length).toBeGreaterThan(2);
  });
});

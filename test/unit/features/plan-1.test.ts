import { describe, expect, it } from "vitest";
import { type Plan, readPlan } from "../../../src/core/plan.ts";
import { planGraph } from "../../../src/features/graph.ts";
import { extractFeatures, featureNames } from "../../../src/features/index.ts";
import { originalGraphFeatures } from "../../../src/features/plan-1.ts";

/** The contract: names and order of original-system.md 2.9. */
const NAMES =
  "num_tasks priority_score total_duration_ms avg_duration_ms risk_score complexity_score domain_risk_weight avg_task_complexity_factor num_patterns_detected num_anti_patterns_detected avg_pattern_quality total_anti_pattern_penalty num_nodes num_edges density avg_in_degree max_in_degree critical_path_length max_parallelism num_levels avg_coupling num_bottlenecks graph_complexity_score mean_norm std_norm avg_diversity";

const chain = (length: number, rest: object = {}): Plan =>
  readPlan({
    plan_id: "chain",
    tasks: Array.from({ length }, (_, place) => ({
      task_id: `t${place}`,
      task_type: "analysis",
      description: `step ${place}`,
      dependencies: place > 0 ? [`t${place - 1}`] : [],
      estimated_duration_ms: 1000,
    })),
    ...rest,
  });

const valuesOf = (plan: Plan): Record<string, number> => {
  const vector = extractFeatures("plan/1", plan);
  return Object.fromEntries(featureNames("plan/1").map((name, place) => [name, vector[place]]));
};
const withTask = (task: object, rest: object = {}) =>
  valuesOf(readPlan({ plan_id: "p", tasks: [{ task_id: "a", task_type: "query", ...task }], ...rest }));

describe("plan/1", () => {
  it("has the 26 names in the original order", () => {
    expect(featureNames("plan/1").join(" ")).toBe(NAMES);
  });

  it("keeps the fixed points of the graph", () => {
    expect(originalGraphFeatures(planGraph([]))).toMatchObject({
      density: 0,
      critical_path_length: 0,
      num_levels: 0,
      max_parallelism: 0,
      avg_in_degree: 0,
      avg_coupling: 0,
    });
    expect(valuesOf(chain(1))).toMatchObject({
      density: 0,
      avg_in_degree: 1,
      max_in_degree: 1,
      critical_path_length: 0,
      num_levels: 1,
      graph_complexity_score: 0.03,
    });
    for (const k of [2, 3, 7, 50])
      expect(valuesOf(chain(k))).toMatchObject({
        num_edges: k - 1,
        critical_path_length: k - 1,
        num_levels: k,
        max_parallelism: 1,
      });
  });

  it.each([
    ["low", 0.25],
    ["normal", 0.5],
    ["high", 0.75],
    ["critical", 1],
    ["whatever", 0.5],
  ])("scores priority %s as %d, each time the same", (original_priority, score) => {
    const plan = chain(3, { original_priority });
    expect(valuesOf(plan).priority_score).toBe(score);
    expect(extractFeatures("plan/1", plan)).toEqual(extractFeatures("plan/1", plan));
  });

  it("fills risk and complexity as the original did: absent 0.5, null 0", () => {
    expect(valuesOf(chain(1))).toMatchObject({ risk_score: 0.5, complexity_score: 0.5 });
    expect(valuesOf(chain(1, { risk_score: null, complexity_score: null }))).toMatchObject({
      risk_score: 0,
      complexity_score: 0,
    });
    expect(valuesOf(chain(1, { risk_score: 0.7, complexity_score: 1.5 }))).toMatchObject({
      risk_score: 0.7,
      complexity_score: 1.5,
    });
  });

  it("counts an absent and a null duration as 0 and does not fail", () => {
    const tasks = [
      { task_id: "a", task_type: "x", estimated_duration_ms: null },
      { task_id: "b", task_type: "x" },
      { task_id: "c", task_type: "x", estimated_duration_ms: 600 },
    ];
    expect(valuesOf(readPlan({ plan_id: "p", tasks }))).toMatchObject({ total_duration_ms: 600, avg_duration_ms: 200 });
  });

  it("takes weights and factors from the original ontology only", () => {
    expect(withTask({}, { original_domain: "security-analysis" }).domain_risk_weight).toBe(0.35);
    expect(withTask({}, { original_domain: "SECURITY" }).domain_risk_weight).toBe(0.5);
    expect(withTask({ task_type: "integration" }).avg_task_complexity_factor).toBe(1.8);
    expect(withTask({ task_type: "create" }).avg_task_complexity_factor).toBe(1);
  });

  it("detects patterns by substrings, each once", () => {
    const values = withTask({ description: "Publish a REST endpoint, then a deeply nested HANDLER" });
    expect(values).toMatchObject({ num_patterns_detected: 2, num_anti_patterns_detected: 2, total_anti_pattern_penalty: -0.7 });
    expect(values.avg_pattern_quality).toBeCloseTo((0.8 + 0.85) / 2, 12);
    expect(withTask({ description: "nothing here" })).toMatchObject({
      num_patterns_detected: 0,
      avg_pattern_quality: 0.5,
      total_anti_pattern_penalty: 0,
    });
  });

  it("measures texts: equal ones have no distance, empty ones no norm", () => {
    const text = (first: string, second: string) =>
      valuesOf(
        readPlan({
          plan_id: "p",
          tasks: [
            { task_id: "a", task_type: "x", description: first },
            { task_id: "b", task_type: "x", description: second },
          ],
        }),
      );
    expect(text("one task", "ONE  task!")).toMatchObject({ avg_diversity: 0, std_norm: 0 });
    expect(text("", "")).toMatchObject({ avg_diversity: 0, mean_norm: 0 });
    expect(text("alpha", "").mean_norm).toBe(0.5);
    expect(text("alpha", "").std_norm).toBe(0.5);
    expect(text("alpha", "").avg_diversity).toBe(1);
  });
});

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Plan, readPlan } from "../../../src/core/plan.ts";
import { extractFeatures, featureNames } from "../../../src/features/index.ts";

const golden: { about: string; plan: object; values: Record<string, number | null> }[] = JSON.parse(
  readFileSync(new URL("../../fixtures/features/plan-2.golden.json", import.meta.url), "utf8"),
);

const valuesOf = (plan: Plan): Record<string, number> => {
  const vector = extractFeatures("plan/2", plan);
  return Object.fromEntries(featureNames("plan/2").map((name, place) => [name, vector[place]]));
};

/** a -> b -> d, a -> c -> d, d -> e: a diamond with a tail. */
const diamond = (rest: object = {}, durations: (number | null)[] = [1000, 2000, 5000, 1000, 1000]) =>
  readPlan({
    plan_id: "diamond",
    tasks: [
      {
        task_id: "a",
        task_type: "query",
        description: "Read the orders",
        required_capabilities: ["sql"],
        parameters: { limit: "10" },
      },
      {
        task_id: "b",
        task_type: "update",
        description: "Atualizar permissões",
        dependencies: ["a"],
        required_capabilities: ["sql", "python", "sql"],
      },
      { task_id: "c", task_type: "delete", description: "Delete it, temporary workaround", dependencies: ["a"] },
      { task_id: "d", task_type: "validation", description: "", dependencies: ["b", "c"] },
      { task_id: "e", task_type: "Create", description: "read THE orders!", dependencies: ["d", "d"] },
    ].map((task, place) => ({ ...task, estimated_duration_ms: durations[place] })),
    ...rest,
  });

describe("plan/2", () => {
  it("describes the shape of a diamond with a tail", () => {
    expect(valuesOf(diamond())).toMatchObject({
      task_count: 5,
      dependencies_per_task: 1,
      dependency_density: 0.5,
      max_dependencies: 2,
      max_dependents: 2,
      root_share: 0.2,
      leaf_share: 0.2,
      join_share: 0.2,
      fork_share: 0.2,
      isolated_share: 0,
      level_count: 4,
      chain_share: 0.75,
      max_level_width: 2,
      component_count: 1,
      bottleneck_count: 1, // d: without it, e is cut off
    });
  });

  it("measures durations along the path that takes longest, not the one with most tasks", () => {
    const values = valuesOf(diamond({ estimated_total_duration_ms: 20_000 }));
    expect(values).toMatchObject({
      known_duration_share: 1,
      total_duration_ms: 10_000,
      mean_duration_ms: 2000,
      max_duration_ms: 5000,
    });
    expect(values).toMatchObject({ critical_path_ms: 8000, critical_path_share: 0.8, stated_duration_ratio: 2 });
    expect(values.duration_variation).toBeCloseTo(Math.sqrt(2.4e6) / 2000, 12);
  });

  it("does not know sums when one duration is not known", () => {
    const values = valuesOf(diamond({ estimated_total_duration_ms: 20_000 }, [1000, null, 5000, 1000, 1000]));
    expect(values).toMatchObject({ known_duration_share: 0.8, mean_duration_ms: 2000, max_duration_ms: 5000 });
    for (const name of ["total_duration_ms", "critical_path_ms", "critical_path_share", "stated_duration_ratio"])
      expect(values[name]).toBeNaN();
  });

  it("leaves what the plan does not say missing, never 0 or 0.5", () => {
    const values = valuesOf(readPlan({ plan_id: "p", tasks: [{ task_id: "a", task_type: "?" }] }));
    const missing = featureNames("plan/2").filter((name) => Number.isNaN(values[name]));
    expect(missing).toEqual(
      expect.arrayContaining([
        "risk_score",
        "complexity_score",
        "risk_business",
        "priority_level",
        "domain_security",
        "domain_risk_weight",
      ]),
    );
    expect(missing).toEqual(
      expect.arrayContaining(["total_duration_ms", "unvalidated_change_share", "mean_type_factor", "text_hash_0"]),
    );
    expect(valuesOf(diamond({ risk_score: null })).risk_score).toBeNaN();
    expect(valuesOf(diamond({ risk_score: 0 })).risk_score).toBe(0);
  });

  it("knows the types and domains of production and of the ontology", () => {
    expect(valuesOf(diamond())).toMatchObject({
      type_query_share: 0.2,
      type_update_share: 0.2,
      type_delete_share: 0.2,
      type_validate_share: 0.2,
      type_create_share: 0.2,
    });
    for (const original_domain of ["SECURITY", "security-analysis", "Security_Analysis", " security "])
      expect(valuesOf(diamond({ original_domain }))).toMatchObject({
        domain_security: 1,
        domain_bugfix: 0,
        domain_risk_weight: 0.35,
      });
    const unknown = valuesOf(diamond({ original_domain: "astrology" }));
    expect(unknown).toMatchObject({ domain_security: 0, domain_technical: 0 });
    expect(unknown.domain_risk_weight).toBeNaN();
  });

  it("reads priorities, bands and levels in any case as places on their scale", () => {
    const values = valuesOf(diamond({ original_priority: "CRITICAL", original_security_level: "internal", risk_band: "medium" }));
    expect(values).toMatchObject({ priority_level: 3, security_level: 1, risk_band_level: 1 });
    expect(valuesOf(diamond({ original_priority: "soon" })).priority_level).toBeNaN();
  });

  it("finds changes that nothing validates and deletes that nothing precedes", () => {
    // b and c are validated by d; e comes after it. c follows a, which looks first.
    expect(valuesOf(diamond())).toMatchObject({ unguarded_delete_share: 0 });
    expect(valuesOf(diamond()).unvalidated_change_share).toBeCloseTo(1 / 3, 12);
    const bare = readPlan({
      plan_id: "p",
      tasks: [
        { task_id: "a", task_type: "delete" },
        { task_id: "b", task_type: "validate" },
      ],
    });
    expect(valuesOf(bare)).toMatchObject({ unvalidated_change_share: 1, unguarded_delete_share: 1 });
  });

  it("counts only destructive tasks that exist, once", () => {
    expect(valuesOf(diamond({ destructive_tasks: ["c", "c", "gone"], is_destructive: true }))).toMatchObject({
      destructive_task_share: 0.2,
      is_destructive: 1,
    });
  });

  it("measures capabilities and parameters", () => {
    expect(valuesOf(diamond())).toMatchObject({ capability_count: 2, capabilities_per_task: 3 / 5, parameters_per_task: 0.2 });
    expect(valuesOf(diamond()).capability_diversity).toBeCloseTo(-(2 / 3) * Math.log2(2 / 3) - (1 / 3) * Math.log2(1 / 3), 12);
  });

  it("finds words of both languages, repeated and empty descriptions", () => {
    const values = valuesOf(diamond());
    expect(values).toMatchObject({
      words_business_share: 0.4,
      words_security_share: 0.2,
      words_makeshift_share: 0.2,
      words_destructive_share: 0.2,
    });
    expect(values).toMatchObject({
      empty_description_share: 0.2,
      repeated_description_share: 0.2,
      shortest_description_words: 0,
      words_per_task: 12 / 5,
    });
    expect(values.distinct_word_share).toBeCloseTo(9 / 12, 12);
  });

  it("has a text hash of length 1", () => {
    const values = valuesOf(diamond());
    const squares = Array.from({ length: 8 }, (_, bucket) => (values[`text_hash_${bucket}`] ?? Number.NaN) ** 2);
    expect(squares.reduce((sum, square) => sum + square, 0)).toBeCloseTo(1, 12);
  });

  it.each(golden)("gives the golden values: $about", ({ plan, values }) => {
    const now = valuesOf(readPlan(plan));
    expect(Object.keys(now)).toEqual(Object.keys(values));
    for (const [name, value] of Object.entries(values)) {
      if (value === null) expect(now[name], name).toBeNaN();
      else expect(now[name], name).toBeCloseTo(value, 12);
    }
  });
});

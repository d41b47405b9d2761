import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readPlan } from "../../../src/core/plan.ts";
import { extractFeatures, featureNames } from "../../../src/features/index.ts";

const ORIGINAL = [
  "num_nodes",
  "num_edges",
  "density",
  "avg_in_degree",
  "max_in_degree",
  "critical_path_length",
  "max_parallelism",
  "num_levels",
  "num_bottlenecks",
] as const;
const REPAIRED = ["critical_path_ms", "component_count", "bottleneck_count"] as const;
type Oracle = { n: number; edges: [number, number][]; weights: number[] } & Record<
  (typeof ORIGINAL)[number] | (typeof REPAIRED)[number],
  number
>;

/** What networkx says; made by test/fixtures/features/graph-oracle.py. */
const cases: Oracle[] = JSON.parse(readFileSync(new URL("../../fixtures/features/graph-oracle.json", import.meta.url), "utf8"));

describe("graph features against networkx", () => {
  it.each(cases.map((oracle, place) => ({ place, ...oracle })))("agree on graph $place ($n tasks)", (oracle) => {
    const plan = readPlan({
      plan_id: "oracle",
      tasks: oracle.weights.map((estimated_duration_ms, place) => ({
        task_id: `t${place}`,
        task_type: "query",
        estimated_duration_ms,
        dependencies: oracle.edges.filter(([, to]) => to === place).map(([from]) => `t${from}`),
      })),
    });
    for (const [schema, names] of [
      ["plan/1", ORIGINAL],
      ["plan/2", REPAIRED],
    ] as const) {
      const vector = extractFeatures(schema, plan);
      for (const name of names) expect(vector[featureNames(schema).indexOf(name)], name).toBeCloseTo(oracle[name], 12);
    }
  });
});

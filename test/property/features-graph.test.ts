import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Plan, readPlan } from "../../src/core/plan.ts";
import { extractFeatures, featureNames, PLAN_SCHEMA_NAMES, wordsOf } from "../../src/features/index.ts";

/** Adjacency matrices below the diagonal, then the tasks in a shuffled order: every acyclic graph of up to 9 tasks can occur. */
const graphs = fc
  .integer({ min: 1, max: 9 })
  .chain((n) =>
    fc.record({
      before: fc.array(fc.array(fc.boolean(), { minLength: n, maxLength: n }), { minLength: n, maxLength: n }),
      durations: fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: n, maxLength: n }),
      order: fc.shuffledSubarray([...Array(n).keys()], { minLength: n, maxLength: n }),
    }),
  )
  .map(({ before, durations, order }) => ({
    n: order.length,
    needs: before.map((row, task) => row.map((needed, other) => needed && other < task)),
    durations,
    order,
  }));
type Graph = typeof graphs extends fc.Arbitrary<infer G> ? G : never;

const planOf = ({ needs, durations, order }: Graph): Plan =>
  readPlan({
    plan_id: "p",
    tasks: order.map((task) => ({
      task_id: `t${task}`,
      task_type: "query",
      estimated_duration_ms: durations[task],
      dependencies: needs[task].flatMap((needed, other) => (needed ? `t${other}` : [])),
    })),
  });

const valuesOf = (schema: (typeof PLAN_SCHEMA_NAMES)[number], plan: Plan): Record<string, number> => {
  const vector = extractFeatures(schema, plan);
  return Object.fromEntries(featureNames(schema).map((name, place) => [name, vector[place]]));
};

/** By enumeration of all paths and of all pairs: another way than the product's, and hopeless beyond such small graphs. */
function slowly({ n, needs, durations }: Graph) {
  const paths: number[][] = [];
  const extend = (path: number[]): void => {
    paths.push(path);
    for (let next = 0; next < n; next++) if (needs[next][path[path.length - 1]]) extend([...path, next]);
  };
  for (let task = 0; task < n; task++) extend([task]);
  const depth = [...Array(n).keys()].map((task) =>
    Math.max(...paths.filter((path) => path[path.length - 1] === task).map((path) => path.length - 1)),
  );
  const shortest = (from: number, to: number) => {
    const all = paths.filter((path) => path[0] === from && path[path.length - 1] === to);
    const least = Math.min(...all.map((path) => path.length));
    return all.filter((path) => path.length === least);
  };
  const betweenness = [...Array(n).keys()].map((middle) => {
    let sum = 0;
    for (let from = 0; from < n; from++)
      for (let to = 0; to < n; to++) {
        if (from === to || from === middle || to === middle) continue;
        const routes = shortest(from, to);
        if (routes.length > 0) sum += routes.filter((path) => path.includes(middle)).length / routes.length;
      }
    return n > 2 ? sum / ((n - 1) * (n - 2)) : 0;
  });
  const components = (without: number): number => {
    const colour = [...Array(n).keys()];
    for (let round = 0; round < n; round++)
      for (let a = 0; a < n; a++)
        for (let b = 0; b < n; b++)
          if (a !== without && b !== without && needs[a][b]) colour[a] = colour[b] = Math.min(colour[a], colour[b]);
    return new Set(colour.filter((_, task) => task !== without)).size;
  };
  const alone = (task: number) => needs[task].every((needed) => !needed) && needs.every((row) => !row[task]);
  const generations = [...new Set(depth)].map((level) => depth.filter((other) => other === level).length);
  return {
    edges: needs.flat().filter(Boolean).length,
    longest: Math.max(...paths.map((path) => path.length - 1)),
    longestMs: Math.max(...paths.map((path) => path.reduce((sum, task) => sum + durations[task], 0))),
    widest: Math.max(...generations),
    bottlenecks: betweenness.filter((value) => value > 0.5 + 1e-12).length,
    components: components(-1),
    cuts: [...Array(n).keys()].filter((task) => !alone(task) && components(task) > components(-1)).length,
  };
}

describe("graph features", () => {
  it("equal a computation over all paths", () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const plan = planOf(graph);
        const [first, second] = [valuesOf("plan/1", plan), valuesOf("plan/2", plan)];
        const slow = slowly(graph);
        expect(first).toMatchObject({
          num_edges: slow.edges,
          critical_path_length: slow.longest,
          num_levels: slow.longest + 1,
          max_parallelism: slow.widest,
          num_bottlenecks: slow.bottlenecks,
        });
        expect(second).toMatchObject({
          level_count: slow.longest + 1,
          max_level_width: slow.widest,
          critical_path_ms: slow.longestMs,
          component_count: slow.components,
          bottleneck_count: slow.cuts,
        });
      }),
      { numRuns: 150 },
    );
  });

  it("do not depend on the order or the names of the tasks", () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const plan = planOf(graph);
        const turned = {
          ...plan,
          tasks: plan.tasks
            .toReversed()
            .map((task) => ({ ...task, task_id: `x${task.task_id}`, dependencies: task.dependencies.map((id) => `x${id}`) })),
        };
        for (const schema of PLAN_SCHEMA_NAMES) {
          const [one, other] = [extractFeatures(schema, plan), extractFeatures(schema, turned)];
          for (const [place, value] of one.entries())
            expect(
              Number.isNaN(value) ? Number.isNaN(other[place]) : Math.abs(other[place] - value) < 1e-9,
              `place ${place}`,
            ).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("stay within the bounds of an acyclic graph", () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const values = valuesOf("plan/1", planOf(graph));
        expect(values.density).toBeLessThanOrEqual(0.5);
        expect(values.graph_complexity_score).toBeLessThanOrEqual(1);
        const repaired = valuesOf("plan/2", planOf(graph));
        if (graph.n > 1) expect(repaired.dependency_density).toBeCloseTo(2 * values.density, 12);
      }),
      { numRuns: 100 },
    );
  });
});

describe("wordsOf", () => {
  it("gives texts of ASCII and Latin-1 the words that it gives them beside a letter beyond", () => {
    const latin = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((unit) => String.fromCharCode(unit)), maxLength: 200 });
    fc.assert(
      fc.property(latin, (text) => {
        expect([...wordsOf(text), "я"]).toEqual(wordsOf(`${text} я`));
      }),
      { numRuns: 500 },
    );
  });
});

describe("texts and numbers of any kind", () => {
  it("never give an infinity, in float32 neither, and the same plan gives the same vector", () => {
    const plans = fc.record({
      description: fc.string({ unit: "binary", maxLength: 300 }),
      task_type: fc.string({ maxLength: 30 }),
      original_domain: fc.option(fc.string({ maxLength: 30 })),
      risk_score: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
      estimated_duration_ms: fc.option(fc.double({ min: 0, max: 1e15, noNaN: true })),
      estimated_total_duration_ms: fc.option(fc.double({ min: 0, max: 1e15, noNaN: true })),
      risk_factors: fc.dictionary(fc.string(), fc.double({ min: 0, max: 1e6, noNaN: true })),
    });
    fc.assert(
      fc.property(plans, ({ description, task_type, estimated_duration_ms, ...rest }) => {
        const task = { task_type, description, estimated_duration_ms };
        const plan = readPlan({
          plan_id: "p",
          tasks: [
            { task_id: "a", ...task },
            { task_id: "b", ...task, dependencies: ["a"] },
          ],
          ...rest,
        });
        for (const schema of PLAN_SCHEMA_NAMES) {
          const vector = extractFeatures(schema, plan);
          expect([...vector].some((value) => Math.abs(Math.fround(value)) === Number.POSITIVE_INFINITY)).toBe(false);
          expect(extractFeatures(schema, readPlan(JSON.parse(JSON.stringify(plan))))).toEqual(vector);
        }
      }),
      { numRuns: 200 },
    );
  });
});

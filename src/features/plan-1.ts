import type { Plan } from "../core/plan.ts";
import type { Plan1Feature } from "./catalog.ts";
import { dependencyCounts, levelWidths, maximum, type PlanGraph, planGraph } from "./graph.ts";
import { ANTI_PATTERNS, ONTOLOGY_DOMAINS, ONTOLOGY_TASK_TYPES, PATTERNS } from "./ontology.ts";
import { EMBEDDING_WIDTH, embedWords, READ_UNITS, wordsOf } from "./text.ts";

const PRIORITY_SCORES = new Map([
  ["low", 0.25],
  ["normal", 0.5],
  ["high", 0.75],
  ["critical", 1],
]);
const DOMAIN_WEIGHTS = new Map<string, number>(
  Object.entries(ONTOLOGY_DOMAINS).map(([name, { riskWeight }]) => [name, riskWeight]),
);
const TYPE_FACTORS = new Map<string, number>(Object.entries(ONTOLOGY_TASK_TYPES).map(([name, { factor }]) => [name, factor]));

type GraphFeature =
  | "num_nodes"
  | "num_edges"
  | "density"
  | "avg_in_degree"
  | "max_in_degree"
  | "critical_path_length"
  | "max_parallelism"
  | "num_levels"
  | "avg_coupling"
  | "num_bottlenecks"
  | "graph_complexity_score";

/** Features 13 to 23. Also defined for a graph without tasks, as the original was. */
export function originalGraphFeatures(graph: PlanGraph): Record<GraphFeature, number> {
  const { taskCount: n, edgeCount } = graph;
  const widths = levelWidths(graph);
  const density = n > 1 ? edgeCount / (n * (n - 1)) : 0;
  const coupling = n > 0 ? edgeCount / n : 0;
  const alone = n === 1 ? 1 : 0;
  return {
    num_nodes: n,
    num_edges: edgeCount,
    density,
    avg_in_degree: n > 1 ? density : alone,
    max_in_degree: n > 1 ? maximum(dependencyCounts(graph)) / (n - 1) : alone,
    critical_path_length: Math.max(0, widths.length - 1),
    max_parallelism: maximum(widths),
    num_levels: widths.length,
    avg_coupling: coupling,
    // A task with a before and b after it lies between at most a b pairs, and a + b <= n - 1, so its betweenness is at most
    // ((n - 1) / 2)^2 / ((n - 1) (n - 2)) = (n - 1) / (4 (n - 2)) <= 0.5 for n >= 3: never above 0.5.
    num_bottlenecks: 0,
    graph_complexity_score:
      0.3 * Math.min(1, 2 * density) + 0.4 * Math.min(1, coupling / 3) + 0.3 * Math.min(1, widths.length / 10),
  };
}

/** The features of schema plan/1 of a checked plan. Cost: O(tasks^2) in the distances of the embeddings, else linear. */
export function plan1Features(plan: Plan): Record<Plan1Feature, number> {
  const { tasks } = plan;
  const total = tasks.reduce((sum, task) => sum + (task.estimated_duration_ms ?? 0), 0);
  const factors = tasks.flatMap((task) => TYPE_FACTORS.get(task.task_type) ?? []);
  const texts = tasks.map((task) => task.description.slice(0, READ_UNITS).toLowerCase());
  const matches = ({ indicators }: { indicators: readonly string[] }) =>
    texts.some((text) => indicators.some((indicator) => text.includes(indicator)));
  const patterns = Object.values(PATTERNS).filter(matches);
  const antiPatterns = Object.values(ANTI_PATTERNS).filter(matches);
  const embeddings = texts.map((text) => embedWords(wordsOf(text)));
  const norms = embeddings.map((embedding) => Math.sqrt(embedding.reduce((sum, value) => sum + value * value, 0)));
  const meanNorm = mean(norms);
  return {
    num_tasks: tasks.length,
    priority_score: PRIORITY_SCORES.get(plan.original_priority ?? "") ?? 0.5,
    total_duration_ms: total,
    avg_duration_ms: total / tasks.length,
    risk_score: plan.risk_score === undefined ? 0.5 : (plan.risk_score ?? 0),
    complexity_score: plan.complexity_score === undefined ? 0.5 : (plan.complexity_score ?? 0),
    domain_risk_weight: DOMAIN_WEIGHTS.get(plan.original_domain ?? "") ?? 0.5,
    avg_task_complexity_factor: factors.length > 0 ? mean(factors) : 1,
    num_patterns_detected: patterns.length,
    num_anti_patterns_detected: antiPatterns.length,
    avg_pattern_quality: patterns.length > 0 ? mean(patterns.map((pattern) => pattern.quality)) : 0.5,
    total_anti_pattern_penalty: antiPatterns.reduce((sum, pattern) => sum + pattern.penalty, 0),
    ...originalGraphFeatures(planGraph(tasks)),
    mean_norm: meanNorm,
    std_norm: Math.sqrt(mean(norms.map((norm) => (norm - meanNorm) ** 2))),
    avg_diversity: meanDistance(embeddings),
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean Euclidean distance over all pairs; 0 for fewer than two. */
function meanDistance(embeddings: readonly Float64Array[]): number {
  let sum = 0;
  for (const [index, first] of embeddings.entries())
    for (let other = 0; other < index; other++) {
      const second = embeddings[other] ?? first;
      let squares = 0;
      for (let place = 0; place < EMBEDDING_WIDTH; place++) squares += ((first[place] ?? 0) - (second[place] ?? 0)) ** 2;
      sum += Math.sqrt(squares);
    }
  const pairs = (embeddings.length * (embeddings.length - 1)) / 2;
  return pairs > 0 ? sum / pairs : 0;
}

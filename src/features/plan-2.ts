import type { Plan, Task } from "../core/plan.ts";
import type { Plan2Feature } from "./catalog.ts";
import {
  comesAfter,
  connectivity,
  dependencyCounts,
  dependentCounts,
  heaviestPath,
  leadsTo,
  levelWidths,
  maximum,
  type PlanGraph,
  planGraph,
} from "./graph.ts";
import { statedFeatures } from "./metadata.ts";
import { TASK_FAMILIES, TASK_FAMILY_NAMES, type TaskFamily, taskFamily } from "./ontology.ts";
import { familiesOfWord, hashText, WORD_FAMILY_NAMES, type WordFamily, wordsOf } from "./text.ts";

/**
 * The features of schema plan/2 of a checked plan. Cost: linear in tasks, dependencies and the text that is read.
 * @param texts words of each task's description, where the caller has split them already.
 */
export function plan2Features(plan: Plan, texts?: readonly (readonly string[])[]): Record<Plan2Feature, number> {
  const graph = planGraph(plan.tasks);
  const families = plan.tasks.map((task) => taskFamily(task.task_type));
  return {
    ...shapeFeatures(graph),
    ...durationFeatures(plan, graph),
    ...statedFeatures(plan),
    ...typeFeatures(families, graph),
    ...demandFeatures(plan.tasks),
    ...textFeatures(texts ?? plan.tasks.map((task) => wordsOf(task.description))),
  };
}

function shapeFeatures(graph: PlanGraph) {
  const { taskCount: n, edgeCount } = graph;
  const before = dependencyCounts(graph);
  const after = dependentCounts(graph);
  const share = (holds: (task: number) => boolean) => before.reduce((sum, _, task) => sum + (holds(task) ? 1 : 0), 0) / n;
  const widths = levelWidths(graph);
  const { componentCount, bottleneckCount } = connectivity(graph);
  return {
    task_count: n,
    dependencies_per_task: edgeCount / n,
    dependency_density: n > 1 ? (2 * edgeCount) / (n * (n - 1)) : Number.NaN,
    max_dependencies: maximum(before),
    max_dependents: maximum(after),
    root_share: share((task) => before[task] === 0),
    leaf_share: share((task) => after[task] === 0),
    join_share: share((task) => (before[task] ?? 0) >= 2),
    fork_share: share((task) => (after[task] ?? 0) >= 2),
    isolated_share: share((task) => before[task] === 0 && after[task] === 0),
    level_count: widths.length,
    chain_share: n > 1 ? (widths.length - 1) / (n - 1) : Number.NaN,
    max_level_width: maximum(widths),
    component_count: componentCount,
    bottleneck_count: bottleneckCount,
  };
}

function durationFeatures(plan: Plan, graph: PlanGraph) {
  const known = plan.tasks.flatMap((task) => task.estimated_duration_ms ?? []);
  const sum = known.reduce((total, value) => total + value, 0);
  const mean = known.length > 0 ? sum / known.length : Number.NaN;
  const squares = known.reduce((total, value) => total + (value - mean) ** 2, 0);
  const complete = known.length === plan.tasks.length;
  const total = complete ? sum : Number.NaN;
  const critical = complete ? heaviestPath(graph, Float64Array.from(known)) : Number.NaN;
  return {
    known_duration_share: known.length / plan.tasks.length,
    total_duration_ms: total,
    mean_duration_ms: mean,
    max_duration_ms: known.length > 0 ? maximum(known) : Number.NaN,
    duration_variation: known.length > 1 && mean > 0 ? Math.sqrt(squares / known.length) / mean : Number.NaN,
    critical_path_ms: critical,
    critical_path_share: total > 0 ? Math.min(1, critical / total) : Number.NaN, // sums in another order may differ in the last bit
    stated_duration_ratio: total >= 1 ? (plan.estimated_total_duration_ms ?? Number.NaN) / total : Number.NaN,
  };
}

function typeFeatures(families: readonly (TaskFamily | undefined)[], graph: PlanGraph) {
  const n = families.length;
  const counts = new Map<TaskFamily | undefined, number>();
  for (const family of families) counts.set(family, (counts.get(family) ?? 0) + 1);
  const share = (family: TaskFamily | undefined) => (counts.get(family) ?? 0) / n;
  const factors = families.flatMap((family) => (family === undefined ? [] : TASK_FAMILIES[family].factor));
  const mark = (holds: (family: TaskFamily) => boolean) =>
    Uint8Array.from(families, (family) => (family !== undefined && holds(family) ? 1 : 0));
  const validatedLater = leadsTo(
    graph,
    mark((family) => family === "validate"),
  );
  const guarded = comesAfter(
    graph,
    mark((family) => family === "validate" || family === "query"),
  );
  return {
    type_create_share: share("create"),
    type_update_share: share("update"),
    type_delete_share: share("delete"),
    type_query_share: share("query"),
    type_transform_share: share("transform"),
    type_validate_share: share("validate"),
    type_analysis_share: share("analysis"),
    type_integration_share: share("integration"),
    type_other_share: share(undefined),
    type_diversity: evenness([...counts.values()], TASK_FAMILY_NAMES.length + 1),
    mean_type_factor: factors.length > 0 ? factors.reduce((sum, factor) => sum + factor, 0) / factors.length : Number.NaN,
    unvalidated_change_share: lackingShare(
      mark((family) => TASK_FAMILIES[family].changes),
      validatedLater,
    ),
    unguarded_delete_share: lackingShare(
      mark((family) => family === "delete"),
      guarded,
    ),
  };
}

/** Of the marked tasks, the share that lacks the other mark; NaN if none is marked. */
function lackingShare(marked: Uint8Array, having: Uint8Array): number {
  let all = 0;
  let lacking = 0;
  for (const [task, flag] of marked.entries()) {
    all += flag;
    if (flag === 1 && having[task] === 0) lacking++;
  }
  return all > 0 ? lacking / all : Number.NaN;
}

function demandFeatures(tasks: readonly Task[]) {
  const uses = new Map<string, number>();
  for (const task of tasks)
    for (const capability of new Set(task.required_capabilities)) uses.set(capability, (uses.get(capability) ?? 0) + 1);
  const counts = [...uses.values()];
  const parameters = tasks.reduce((sum, task) => sum + Object.keys(task.parameters).length, 0);
  return {
    capability_count: uses.size,
    capabilities_per_task: counts.reduce((sum, count) => sum + count, 0) / tasks.length,
    capability_diversity: uses.size > 1 ? evenness(counts, uses.size) : Number.NaN,
    parameters_per_task: parameters / tasks.length,
  };
}

type WordFeature = `words_${WordFamily}_share`;

/** A word of a plan: in how many tasks it stands, and the last of them. */
interface WordUse {
  tasks: number;
  last: number;
  readonly families: readonly WordFamily[];
}

function textFeatures(texts: readonly (readonly string[])[]) {
  const n = texts.length;
  const lengths = texts.map((words) => words.length);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  // one look at each word: a plan has thousands, and few are new to it
  const uses = new Map<string, WordUse>();
  const touching = new Map<WordFamily, { tasks: number; last: number }>();
  for (const [task, words] of texts.entries())
    for (const word of words) {
      let use = uses.get(word);
      if (use === undefined) {
        use = { tasks: 0, last: -1, families: familiesOfWord(word) };
        uses.set(word, use);
      }
      if (use.last === task) continue;
      use.tasks++;
      use.last = task;
      for (const family of use.families) {
        const touched = touching.get(family);
        if (touched === undefined) touching.set(family, { tasks: 1, last: task });
        else if (touched.last !== task) {
          touched.tasks++;
          touched.last = task;
        }
      }
    }
  const taskCounts = new Map<string, number>();
  for (const [word, { tasks }] of uses) taskCounts.set(word, tasks);
  const spoken = texts.filter((words) => words.length > 0).map((words) => words.join(" "));
  const shares = WORD_FAMILY_NAMES.map((family) => [`words_${family}_share`, (touching.get(family)?.tasks ?? 0) / n]);
  const [hash0, hash1, hash2, hash3, hash4, hash5, hash6, hash7] = hashText(taskCounts);
  return {
    words_per_task: total / n,
    shortest_description_words: lengths.reduce((least, length) => Math.min(least, length)),
    empty_description_share: (n - spoken.length) / n,
    distinct_word_share: total > 0 ? taskCounts.size / total : Number.NaN,
    repeated_description_share: (spoken.length - new Set(spoken).size) / n,
    ...(Object.fromEntries(shares) as Record<WordFeature, number>), // one entry for each family, by the line above
    text_hash_0: hash0 ?? Number.NaN,
    text_hash_1: hash1 ?? Number.NaN,
    text_hash_2: hash2 ?? Number.NaN,
    text_hash_3: hash3 ?? Number.NaN,
    text_hash_4: hash4 ?? Number.NaN,
    text_hash_5: hash5 ?? Number.NaN,
    text_hash_6: hash6 ?? Number.NaN,
    text_hash_7: hash7 ?? Number.NaN,
  };
}

/** Entropy of counts above 0 as a share of the most that `kinds` kinds can have, 0..1. */
function evenness(counts: readonly number[], kinds: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const entropy = counts.reduce((sum, count) => sum - (count / total) * Math.log(count / total), 0);
  return Math.min(1, entropy / Math.log(kinds)); // rounding may exceed 1 in the last bit
}

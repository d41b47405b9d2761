import type { Task } from "../core/plan.ts";

/**
 * The dependency graph of a checked plan, tasks numbered by their place in `tasks`, repeated dependencies counted once.
 * Compressed rows: the dependencies of task t stand in `dependencies[dependencyStart[t] .. dependencyStart[t + 1])`, dependents likewise.
 */
export interface PlanGraph {
  readonly taskCount: number;
  readonly edgeCount: number;
  readonly dependencyStart: Uint32Array;
  readonly dependencies: Uint32Array;
  readonly dependentStart: Uint32Array;
  readonly dependents: Uint32Array;
  /** Every task after all of its dependencies. */
  readonly order: Uint32Array;
  /** Of each task, the number of edges on the longest path that ends in it; tasks of one level form a topological generation. */
  readonly level: Uint32Array;
}

/** Builds the graph in O(tasks + dependencies). Trusts `checkPlan`: a dangling dependency or a cycle here is a bug. */
export function planGraph(tasks: readonly Task[]): PlanGraph {
  const taskCount = tasks.length;
  const positions = new Map(tasks.map((task, position) => [task.task_id, position]));
  const dependencyStart = new Uint32Array(taskCount + 1);
  const flat: number[] = [];
  const dependentCount = new Uint32Array(taskCount);
  for (const [position, task] of tasks.entries()) {
    for (const id of new Set(task.dependencies)) {
      const dependency = positions.get(id);
      if (dependency === undefined) throw new Error(`graph of an unchecked plan: no task ${id}`);
      flat.push(dependency);
      dependentCount[dependency] = at(dependentCount, dependency) + 1;
    }
    dependencyStart[position + 1] = flat.length;
  }
  const dependencies = Uint32Array.from(flat);

  const dependentStart = new Uint32Array(taskCount + 1);
  for (let task = 0; task < taskCount; task++) dependentStart[task + 1] = at(dependentStart, task) + at(dependentCount, task);
  const next = dependentStart.slice(0, taskCount);
  const dependents = new Uint32Array(dependencies.length);
  for (let task = 0; task < taskCount; task++)
    for (let edge = at(dependencyStart, task); edge < at(dependencyStart, task + 1); edge++) {
      const dependency = at(dependencies, edge);
      dependents[at(next, dependency)] = task;
      next[dependency] = at(next, dependency) + 1;
    }

  const order = new Uint32Array(taskCount);
  const level = new Uint32Array(taskCount);
  const waiting = new Uint32Array(taskCount);
  let found = 0;
  for (let task = 0; task < taskCount; task++) {
    waiting[task] = at(dependencyStart, task + 1) - at(dependencyStart, task);
    if (waiting[task] === 0) order[found++] = task;
  }
  for (let place = 0; place < found; place++) {
    const task = at(order, place);
    for (let edge = at(dependentStart, task); edge < at(dependentStart, task + 1); edge++) {
      const dependent = at(dependents, edge);
      level[dependent] = Math.max(at(level, dependent), at(level, task) + 1);
      waiting[dependent] = at(waiting, dependent) - 1;
      if (waiting[dependent] === 0) order[found++] = dependent;
    }
  }
  if (found < taskCount) throw new Error("graph of an unchecked plan: it has a cycle");
  return { taskCount, edgeCount: dependencies.length, dependencyStart, dependencies, dependentStart, dependents, order, level };
}

/** Number of dependencies of each task. */
export const dependencyCounts = (graph: PlanGraph): Uint32Array => degrees(graph.dependencyStart);
/** Number of tasks that wait for each task. */
export const dependentCounts = (graph: PlanGraph): Uint32Array => degrees(graph.dependentStart);

/** Number of tasks on each level: the sizes of the topological generations. Empty for a graph without tasks. */
export function levelWidths(graph: PlanGraph): Uint32Array {
  const widths = new Uint32Array(graph.taskCount === 0 ? 0 : maximum(graph.level) + 1);
  for (const level of graph.level) widths[level] = at(widths, level) + 1;
  return widths;
}

/** Largest sum of weights along a path; `weight` in any unit, one value of 0 or more for each task. 0 without tasks. */
export function heaviestPath(graph: PlanGraph, weight: Float64Array): number {
  const until = new Float64Array(graph.taskCount);
  let heaviest = 0;
  for (const task of graph.order) {
    let before = 0;
    for (let edge = at(graph.dependencyStart, task); edge < at(graph.dependencyStart, task + 1); edge++)
      before = Math.max(before, at(until, at(graph.dependencies, edge)));
    until[task] = before + at(weight, task);
    heaviest = Math.max(heaviest, at(until, task));
  }
  return heaviest;
}

/** 1 for each task from which a marked task can be reached along dependents (a marked task itself does not count), else 0. */
export function leadsTo(graph: PlanGraph, marked: Uint8Array): Uint8Array {
  const leads = new Uint8Array(graph.taskCount);
  for (let place = graph.taskCount - 1; place >= 0; place--) {
    const task = at(graph.order, place);
    for (let edge = at(graph.dependentStart, task); edge < at(graph.dependentStart, task + 1) && !leads[task]; edge++) {
      const dependent = at(graph.dependents, edge);
      if (marked[dependent] || leads[dependent]) leads[task] = 1;
    }
  }
  return leads;
}

/** 1 for each task that comes after a marked task along a path (a marked task itself does not count), else 0. */
export function comesAfter(graph: PlanGraph, marked: Uint8Array): Uint8Array {
  const after = new Uint8Array(graph.taskCount);
  for (const task of graph.order)
    for (let edge = at(graph.dependencyStart, task); edge < at(graph.dependencyStart, task + 1) && !after[task]; edge++) {
      const dependency = at(graph.dependencies, edge);
      if (marked[dependency] || after[dependency]) after[task] = 1;
    }
  return after;
}

/**
 * Weakly connected components, and bottlenecks: tasks whose removal splits the component they stand in (articulation points of the graph
 * with directions left out; Tarjan 1972). Iterative, since a chain of thousands of tasks would exhaust the stack. O(tasks + edges).
 */
export function connectivity(graph: PlanGraph): { componentCount: number; bottleneckCount: number } {
  const { taskCount, dependencyStart, dependencies, dependentStart, dependents } = graph;
  const degreeIn = dependencyCounts(graph);
  const neighbour = (task: number, index: number): number =>
    index < at(degreeIn, task)
      ? at(dependencies, at(dependencyStart, task) + index)
      : at(dependents, at(dependentStart, task) + index - at(degreeIn, task));
  const degree = dependentCounts(graph).map((count, task) => count + at(degreeIn, task));

  const visit = new Uint32Array(taskCount); // order of the first visit, from 1; 0 = not yet
  const low = new Uint32Array(taskCount); // smallest visit reachable over one back edge
  const parent = new Int32Array(taskCount).fill(-1);
  const cursor = new Uint32Array(taskCount);
  const isBottleneck = new Uint8Array(taskCount);
  let clock = 0;
  let componentCount = 0;
  for (let root = 0; root < taskCount; root++) {
    if (visit[root] !== 0) continue;
    componentCount++;
    let rootChildren = 0;
    visit[root] = low[root] = ++clock;
    for (let task = root; task !== -1; ) {
      if (at(cursor, task) < at(degree, task)) {
        const other = neighbour(task, at(cursor, task));
        cursor[task] = at(cursor, task) + 1;
        if (visit[other] === 0) {
          parent[other] = task;
          visit[other] = low[other] = ++clock;
          if (task === root) rootChildren++;
          task = other;
        } else if (other !== parent[task]) low[task] = Math.min(at(low, task), at(visit, other));
      } else {
        const above = parent[task] ?? -1;
        if (above !== -1) {
          low[above] = Math.min(at(low, above), at(low, task));
          if (above !== root && at(low, task) >= at(visit, above)) isBottleneck[above] = 1;
        }
        task = above;
      }
    }
    if (rootChildren > 1) isBottleneck[root] = 1;
  }
  return { componentCount, bottleneckCount: isBottleneck.reduce((sum, flag) => sum + flag, 0) };
}

/** Largest value; 0 of none. A loop, since spreading thousands of values into Math.max can exhaust the stack. */
export function maximum(values: ArrayLike<number>): number {
  let largest = 0;
  for (let index = 0; index < values.length; index++) largest = Math.max(largest, at(values, index));
  return largest;
}

function degrees(start: Uint32Array): Uint32Array {
  const counts = new Uint32Array(start.length - 1);
  for (let task = 0; task < counts.length; task++) counts[task] = at(start, task + 1) - at(start, task);
  return counts;
}

/** Reads within bounds; the arrays above are built so that every index exists. */
const at = (values: ArrayLike<number>, index: number): number => values[index] ?? 0;

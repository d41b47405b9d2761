import { z } from "zod";
import { RequeenError } from "./errors.ts";
import { unwrapInstant, unwrapUnion } from "./plan-document.ts";
import { timestamp } from "./time.ts";

export const MAX_TASKS = 2_000;
/** Largest duration, score or risk value that is read: 31,000 years in milliseconds. Sums of them stay within float32, which models read. */
export const MAX_AMOUNT = 1e15;
const id = z.string().min(1).max(256);
const amount = z.number().min(0).max(MAX_AMOUNT);
const share = z.number().min(0).max(1);
const word = z.string().max(1_000).nullable().default(null);

/** One step of a plan (Avro `TaskNode`). A duration of null is not known, which is not the same as 0. */
export const taskSchema = z.strictObject({
  task_id: id,
  task_type: z.string().max(256),
  description: z.string().max(1_000_000).default(""),
  dependencies: z.array(id).max(MAX_TASKS).default([]),
  estimated_duration_ms: amount.nullable().default(null),
  required_capabilities: z.array(z.string()).default([]),
  parameters: z.record(z.string(), z.unknown()).default({}),
  metadata: z.record(z.string(), z.unknown()).default({}),
  extra: z.record(z.string(), z.unknown()).default({}),
});
export type Task = z.output<typeof taskSchema>;

/**
 * What is judged: a directed acyclic graph of tasks with domain, priority and risk (Avro `CognitivePlan`). Only `plan_id` and `tasks` are
 * needed; what the source did not say is null. `risk_score` and `complexity_score` also tell absent (undefined) from null, since schema
 * plan/1 fills the two differently. Read documents with `readPlan`: it takes the original shapes too and checks the graph.
 */
export const planSchema = z.strictObject({
  plan_id: id,
  intent_id: word,
  version: z.string().default("1.0.0"),
  correlation_id: word,
  trace_id: word,
  span_id: word,
  tasks: z.array(taskSchema).min(1).max(MAX_TASKS),
  execution_order: z.array(id).default([]),
  risk_score: share.nullable().optional(),
  risk_band: z.enum(["low", "medium", "high", "critical"]).nullable().default(null),
  risk_factors: z.record(z.string(), amount).default({}),
  explainability_token: word,
  reasoning_summary: z.string().nullable().default(null),
  status: z.enum(["draft", "validated", "approved", "rejected"]).default("draft"),
  created_at: timestamp.nullable().default(null),
  valid_until: timestamp.nullable().default(null),
  estimated_total_duration_ms: amount.nullable().default(null),
  complexity_score: amount.nullable().optional(),
  original_domain: word,
  original_priority: word,
  original_security_level: word,
  metadata: z.record(z.string(), z.unknown()).default({}),
  requires_approval: z.boolean().default(false),
  approval_status: z.enum(["pending", "approved", "rejected"]).nullable().default(null),
  approved_by: word,
  approved_at: timestamp.nullable().default(null),
  is_destructive: z.boolean().default(false),
  destructive_tasks: z.array(z.string()).default([]),
  /** Shares 0..1 by area; the original names are BUSINESS, SECURITY and OPERATIONAL. */
  risk_matrix: z.record(z.string(), amount).nullable().default(null),
  schema_version: z.int().default(1),
  /** What the source document held beyond this schema: kept, never read. */
  extra: z.record(z.string(), z.unknown()).default({}),
});
export type Plan = z.output<typeof planSchema>;
export type PlanDocument = z.input<typeof planSchema>;

const PLAN_FIELDS = new Set(Object.keys(planSchema.shape));
const TASK_FIELDS = new Set(Object.keys(taskSchema.shape));
const INSTANTS = new Set(["created_at", "valid_until", "approved_at"]);
const UNIONS = new Set([
  "correlation_id",
  "trace_id",
  "span_id",
  "estimated_total_duration_ms",
  "approval_status",
  "approved_by",
  "risk_matrix",
]);
/** Fields for which the original writers put null or an upper-case word where the schema has a default or a lower-case one. */
const LOWER_CASE = new Set(["risk_band", "status", "approval_status"]);
const KEEPS_NULL = new Set(["risk_score", "complexity_score"]);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Moves fields that the schema does not name into `extra`. */
function gather(source: Record<string, unknown>, fields: ReadonlySet<string>, read: (field: string, value: unknown) => unknown) {
  const known: Record<string, unknown> = {};
  const extra: [string, unknown][] = [];
  for (const [field, value] of Object.entries(source)) {
    if (field === "extra" && isObject(value)) extra.push(...Object.entries(value));
    else if (!fields.has(field) || field === "extra") extra.push([field, value]);
    else if (value !== null || KEEPS_NULL.has(field)) known[field] = read(field, value);
  }
  return { ...known, extra: Object.fromEntries(extra) };
}

const readTask = (task: unknown): unknown =>
  isObject(task)
    ? gather(task, TASK_FIELDS, (field, value) => (field === "estimated_duration_ms" ? unwrapUnion(value) : value))
    : task;

function readField(field: string, value: unknown): unknown {
  if (field === "tasks") return Array.isArray(value) ? value.map(readTask) : value;
  if (INSTANTS.has(field)) return unwrapInstant(value);
  const plain = UNIONS.has(field) ? unwrapUnion(value) : value;
  return LOWER_CASE.has(field) && typeof plain === "string" ? plain.toLowerCase() : plain;
}

/**
 * Reads a plan from a document: ours, the original Avro-JSON form (union values as `{"long": 5}`, timestamps in milliseconds), MongoDB's
 * extended JSON, or a looser one with fields missing. Fields that the schema does not name go to `extra`.
 * @throws bad_plan, naming the task and the value, also for a graph that `checkPlan` refuses.
 */
export function readPlan(document: unknown): Plan {
  if (!isObject(document)) throw new RequeenError("bad_plan", `a plan must be an object; got ${show(document)}`);
  const candidate = gather(document, PLAN_FIELDS, readField);
  const read = planSchema.safeParse(candidate);
  if (!read.success) throw badField(candidate, read.error.issues[0]);
  checkPlan(read.data);
  return read.data;
}

/** The document form of a plan, version 3.0.0: timestamps as ISO 8601. */
export const writePlan = (plan: Plan): PlanDocument => z.encode(planSchema, plan);

function badField(document: Record<string, unknown>, issue: z.core.$ZodIssue | undefined): RequeenError {
  const path = issue?.path ?? [];
  const plan = `plan ${show(document.plan_id)}`;
  let value: unknown = document;
  for (const key of path) value = isObject(value) || Array.isArray(value) ? Reflect.get(value, key) : undefined;
  const [first, index, ...rest] = path;
  const task =
    first === "tasks" && typeof index === "number" && Array.isArray(document.tasks) ? document.tasks[index] : undefined;
  const owner =
    isObject(task) && rest.length > 0
      ? `${rest.join(".")} of task ${show(task.task_id)} in ${plan}`
      : `${path.join(".")} of ${plan}`;
  const problem =
    first === "tasks" && path.length === 1 && Array.isArray(value) && value.length === 0
      ? "a plan needs at least one task"
      : issue?.message;
  return new RequeenError("bad_plan", `${owner}: ${problem}; got ${show(value)}`, {
    plan_id: typeof document.plan_id === "string" ? document.plan_id : null,
    task_id: isObject(task) && typeof task.task_id === "string" ? task.task_id : null,
    field: path.join("."),
  });
}

/** A value as a message shows it: JSON, at most 80 characters. */
function show(value: unknown): string {
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

/**
 * Refuses a plan that cannot be judged: no tasks, a task id used twice, a dependency on no task, a cycle (a task on itself included), a
 * number that is negative, not finite or above MAX_AMOUNT. Cost: O(tasks + dependencies).
 * @throws bad_plan, naming the task and the value; details hold plan_id, task_id, part "graph" if the graph is wrong, and a cycle's task ids.
 */
export function checkPlan(plan: Plan): void {
  const refuse = (task_id: string | null, message: string, details: Record<string, unknown> = {}): never => {
    throw new RequeenError("bad_plan", `${message} in plan ${show(plan.plan_id)}`, {
      plan_id: plan.plan_id,
      task_id,
      ...details,
    });
  };
  const refuseGraph = (task_id: string, message: string, details: Record<string, unknown> = {}): never =>
    refuse(task_id, message, { part: "graph", ...details });
  if (plan.tasks.length === 0) refuse(null, "tasks must hold at least one task; got none");
  const amounts: [string, number | null | undefined][] = [
    ["risk_score", plan.risk_score],
    ["complexity_score", plan.complexity_score],
    ["estimated_total_duration_ms", plan.estimated_total_duration_ms],
    ...Object.entries(plan.risk_factors).map(([name, value]): [string, number] => [`risk_factors.${name}`, value]),
    ...Object.entries(plan.risk_matrix ?? {}).map(([name, value]): [string, number] => [`risk_matrix.${name}`, value]),
  ];
  for (const [field, value] of amounts)
    if (!isAmount(value)) refuse(null, `${field} must be a number in [0, 1e15]; got ${value}`, { field });

  const positions = new Map<string, number>();
  for (const [position, task] of plan.tasks.entries()) {
    if (positions.has(task.task_id)) refuseGraph(task.task_id, `task id ${show(task.task_id)} is used twice`);
    positions.set(task.task_id, position);
    if (!isAmount(task.estimated_duration_ms))
      refuse(
        task.task_id,
        `estimated_duration_ms of task ${show(task.task_id)} must be a number in [0, 1e15]; got ${task.estimated_duration_ms}`,
      );
  }
  for (const task of plan.tasks)
    for (const dependency of task.dependencies)
      if (!positions.has(dependency))
        refuseGraph(task.task_id, `task ${show(task.task_id)} depends on ${show(dependency)}, which no task has as its id`, {
          dependency,
        });

  const cycle = findCycle(plan.tasks, positions);
  if (cycle) refuseGraph(cycle[0] ?? "", `the dependencies form a cycle, ${showCycle(cycle)},`, { cycle });
}

const isAmount = (value: number | null | undefined): boolean =>
  value === null || value === undefined || (value >= 0 && value <= MAX_AMOUNT);

const showCycle = (cycle: string[]): string =>
  [...(cycle.length > 12 ? [...cycle.slice(0, 6), `(${cycle.length - 12} more)`, ...cycle.slice(-6)] : cycle), cycle[0]].join(
    " -> ",
  );

/** A cycle as task ids, each depending on the one after it, or null. Removes what depends on nothing left until only cycles can remain. */
function findCycle(tasks: readonly Task[], positions: ReadonlyMap<string, number>): string[] | null {
  const waiting = tasks.map((task) => new Set(task.dependencies).size);
  const dependents: number[][] = tasks.map(() => []);
  for (const [position, task] of tasks.entries())
    for (const dependency of new Set(task.dependencies)) dependents[positions.get(dependency) ?? position]?.push(position);
  const ready = waiting.flatMap((count, position) => (count === 0 ? [position] : []));
  const done = new Set<number>();
  for (let position = ready.pop(); position !== undefined; position = ready.pop()) {
    done.add(position);
    for (const dependent of dependents[position] ?? []) {
      const left = (waiting[dependent] ?? 0) - 1;
      waiting[dependent] = left;
      if (left === 0) ready.push(dependent);
    }
  }
  if (done.size === tasks.length) return null;

  // Each task that is left depends on another that is left: walking along them must come back to one seen before.
  const path: Task[] = [];
  const seen = new Map<string, number>();
  let task = tasks.find((_, position) => !done.has(position));
  while (task !== undefined && !seen.has(task.task_id)) {
    seen.set(task.task_id, path.length);
    path.push(task);
    const next = task.dependencies.find((dependency) => !done.has(positions.get(dependency) ?? -1));
    task = tasks[positions.get(next ?? "") ?? -1];
  }
  if (task === undefined) throw new Error("a graph that is not acyclic showed no cycle");
  return path.slice(seen.get(task.task_id)).map((step) => step.task_id);
}

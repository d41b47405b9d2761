import type { Plan, Task } from "../../core/plan.ts";
import type { SeededRandom } from "../../engine/seeded-random.ts";
import { longestDurationMs, type TaskFamily } from "../../features/index.ts";
import { capabilityPool, describeTask } from "./descriptions.ts";
import { between, type Domain, type PlanProfile, pick, pickFrom } from "./profile.ts";

/** How often each domain uses each task type; deletes are dealt apart, as the profile says. */
const TYPE_WEIGHTS: Record<Domain, Readonly<Record<Exclude<TaskFamily, "delete">, number>>> = {
  SECURITY: { create: 2, update: 4, query: 2, transform: 1, validate: 1, analysis: 2, integration: 1 },
  PERFORMANCE: { create: 1, update: 4, query: 3, transform: 2, validate: 1, analysis: 2, integration: 1 },
  FEATURE: { create: 5, update: 3, query: 1, transform: 1, validate: 1, analysis: 1, integration: 1 },
  BUGFIX: { create: 1, update: 5, query: 2, transform: 1, validate: 1, analysis: 2, integration: 0 },
  TECHNICAL: { create: 2, update: 3, query: 2, transform: 3, validate: 1, analysis: 1, integration: 2 },
  BUSINESS: { create: 3, update: 4, query: 3, transform: 1, validate: 1, analysis: 1, integration: 1 },
  INFRASTRUCTURE: { create: 3, update: 4, query: 1, transform: 1, validate: 1, analysis: 1, integration: 3 },
};
const MEAN_MINUTES: Record<TaskFamily, number> = {
  create: 4,
  update: 3,
  delete: 2,
  query: 1,
  transform: 5,
  validate: 2,
  analysis: 3,
  integration: 6,
};
/** The original ontology's names, which some writers use in place of the production names; `notify` is a type that nobody knows. */
const OTHER_NAMES: Partial<Record<TaskFamily, string>> = { transform: "transformation", validate: "validation", query: "notify" };
const OTHER_DOMAINS: Partial<Record<Domain, string>> = {
  SECURITY: "security-analysis",
  TECHNICAL: "architecture-review",
  BUGFIX: "code-quality",
};

/** A draft task: its type and the places of the tasks that it waits for. */
interface Draft {
  family: TaskFamily;
  waitsFor: number[];
}

/** Writes the plan that a profile describes: acyclic, every duration positive, nodes = tasks. The graph check of `checkPlan` holds. */
export function buildPlan(
  random: SeededRandom,
  profile: PlanProfile,
  ids: { planId: string; intentId: string; createdAtMs: number },
): Plan {
  const drafts = draftTasks(random, profile);
  const pool = capabilityPool(random, profile.capabilities);
  const saying = {
    benefit: chosen(random, drafts.length, profile.benefits),
    test: chosen(random, drafts.length, profile.tests),
    makeshift: chosen(random, drafts.length, profile.makeshifts),
  };
  const ontologyNames = random.next() < 0.08;
  const { domain, language, securityLevel } = profile;
  const tasks = drafts.map(({ family, waitsFor }, place): Task => {
    const tale = {
      family,
      domain,
      language,
      securityLevel,
      urgent: profile.priority === "critical",
      benefit: saying.benefit.has(place),
      test: saying.test.has(place),
      makeshift: saying.makeshift.has(place),
    };
    return {
      task_id: `task-${place + 1}`,
      task_type: (ontologyNames ? OTHER_NAMES[family] : undefined) ?? family,
      description: describeTask(random, tale),
      dependencies: waitsFor.map((other) => `task-${other + 1}`),
      estimated_duration_ms: MEAN_MINUTES[family] * 60_000 * Math.exp(0.8 * random.nextNormal()),
      required_capabilities: [...new Set([pool[place % pool.length] ?? "nodejs", pickFrom(random, pool)])],
      parameters: random.next() < 0.5 ? { target: domain.toLowerCase(), batch_size: String(10 * (1 + random.nextInt(20))) } : {},
      metadata: {},
      extra: {},
    };
  });
  scaleDurations(tasks, profile);
  const statedMs = tasks.reduce((sum, task) => sum + (task.estimated_duration_ms ?? 0), 0) * between(random, 0.8, 1.4);
  if (profile.durationMissing) pickFrom(random, tasks).estimated_duration_ms = null;

  const overwrites = tasks.filter((task) => task.task_type === "transform" && random.next() < 0.25).map((task) => task.task_id);
  const deletes = tasks.filter((task) => task.task_type === "delete").map((task) => task.task_id);
  const matrix = profile.riskMatrix;
  return {
    plan_id: ids.planId,
    intent_id: ids.intentId,
    version: "1.0.0",
    correlation_id: null,
    trace_id: null,
    span_id: null,
    tasks,
    execution_order: tasks.map((task) => task.task_id),
    risk_score: round(profile.risk),
    risk_band: profile.risk >= 0.85 ? "critical" : profile.risk >= 0.6 ? "high" : profile.risk >= 0.3 ? "medium" : "low",
    risk_factors: {
      complexity: round(profile.complexity),
      priority: round(profile.risk * between(random, 0.6, 1)),
      ...(deletes.length > 0 ? { destructive: round(deletes.length / tasks.length) } : {}),
    },
    reasoning_summary: `Simulated plan of ${tasks.length} tasks.`,
    status: "validated",
    created_at: ids.createdAtMs,
    valid_until: null,
    explainability_token: null,
    approval_status: null,
    approved_by: null,
    approved_at: null,
    schema_version: 1,
    extra: {},
    estimated_total_duration_ms: Math.round(statedMs),
    complexity_score: round(profile.complexity),
    original_domain: (ontologyNames ? OTHER_DOMAINS[domain] : undefined) ?? domain,
    original_priority: profile.priority,
    original_security_level: securityLevel,
    metadata: { simulated: "true" },
    requires_approval: deletes.length > 0 || profile.risk >= 0.6,
    is_destructive: deletes.length + overwrites.length > 0,
    destructive_tasks: [...deletes, ...overwrites],
    risk_matrix: matrix && {
      BUSINESS: round(matrix.business),
      SECURITY: round(matrix.security),
      OPERATIONAL: round(matrix.operational),
    },
  };
}

const round = (share: number): number => Math.round(share * 1000) / 1000;

/** Places of the tasks that say something: the share, rounded to whole tasks. */
const chosen = (random: SeededRandom, count: number, share: number): Set<number> =>
  new Set(random.shuffle(Array.from({ length: count }, (_, place) => place)).slice(0, Math.round(share * count)));

/** The tasks that do the work, then the validate tasks that follow their ends. Each waits for tasks of lower place only. */
function draftTasks(random: SeededRandom, profile: PlanProfile): Draft[] {
  const mostChecks = profile.shape === "dense" ? 1 : 1 + random.nextInt(3);
  const workers = Math.max(LEAST_WORKERS[profile.shape], profile.taskCount - (profile.validated > 0 ? mostChecks : 0));
  const drafts: Draft[] = WAITING[profile.shape](random, workers).map((waitsFor) => ({ family: "query", waitsFor }));
  const waitedFor = new Set(drafts.flatMap((draft) => draft.waitsFor));
  const ends = random.shuffle(drafts.map((_, place) => place).filter((place) => !waitedFor.has(place)));

  for (const draft of drafts) draft.family = pick(random, TYPE_WEIGHTS[profile.domain]);
  // Validation that nothing could fail yet is allowed only at the start: elsewhere the profile's share decides.
  for (const [place, draft] of drafts.entries())
    if (draft.family === "validate" && draft.waitsFor.length > 0) draft.family = place % 2 === 0 ? "update" : "query";
  for (const end of ends) {
    const draft = drafts[end];
    if (draft && !TYPE_CHANGES.has(draft.family)) draft.family = "update";
  }

  const covered = ends.slice(0, Math.round(profile.validated * ends.length));
  const checks: Draft[] = [];
  const perCheck = Math.max(1, Math.ceil(covered.length / mostChecks));
  for (let first = 0; first < covered.length; first += perCheck)
    checks.push({ family: "validate", waitsFor: covered.slice(first, first + perCheck).sort((a, b) => a - b) });

  const total = drafts.length + checks.length;
  const deletable = random.shuffle(drafts.map((_, place) => place));
  for (const place of deletable.slice(0, Math.floor(profile.deletes * total))) {
    const draft = drafts[place];
    if (draft) draft.family = "delete";
  }
  return [...drafts, ...checks];
}

const TYPE_CHANGES: ReadonlySet<TaskFamily> = new Set(["create", "update", "delete", "transform", "integration"]);

/** Below this number of tasks before the checks, a shape is not what its name says. */
const LEAST_WORKERS: Record<PlanProfile["shape"], number> = { branching: 2, hub: 7, chain: 6, dense: 8 };

/** For each shape and number of tasks: what each task waits for. */
const WAITING: Record<PlanProfile["shape"], (random: SeededRandom, count: number) => number[][]> = {
  branching: (random, count) => {
    // At most four levels in which no task has more than three that wait for it.
    const depth: number[] = [];
    const waiting: number[] = [];
    return Array.from({ length: count }, (_, place) => {
      const open = depth.flatMap((level, other) => (level < 3 && (waiting[other] ?? 0) < 3 ? other : []));
      const root = open.length === 0 || random.next() < 0.12;
      const parents = root ? [] : random.shuffle(open.slice(-4)).slice(0, random.next() < 0.2 ? 2 : 1);
      depth[place] = parents.reduce((deepest, other) => Math.max(deepest, (depth[other] ?? 0) + 1), 0);
      waiting[place] = 0;
      for (const other of parents) waiting[other] = (waiting[other] ?? 0) + 1;
      return parents.sort((a, b) => a - b);
    });
  },
  hub: (random, count) => {
    const middle = count > 7 ? random.nextInt(2) : 0;
    return Array.from({ length: count }, (_, place) => (place === 0 ? [] : place <= middle ? [place - 1] : [middle]));
  },
  chain: (random, count) =>
    Array.from({ length: count }, (_, place) =>
      place === 0 ? [] : place > 6 && random.next() < 0.15 ? [place - 2] : [place - 1],
    ),
  dense: (random, count) => {
    const most = 4 + random.nextInt(4);
    return Array.from({ length: count }, (_, place) => {
      const earlier = random.shuffle(Array.from({ length: place }, (__, other) => other));
      return earlier.slice(0, Math.max(4, most - random.nextInt(2))).sort((a, b) => a - b);
    });
  },
};

/** Scales the drawn durations to the profile's sum, to whole milliseconds of at least 1,000. */
function scaleDurations(tasks: Task[], profile: PlanProfile): void {
  const drawn = tasks.map((task) => task.estimated_duration_ms ?? 0);
  const now = profile.totalDurationMs === null ? longestDurationMs(tasks) : drawn.reduce((sum, value) => sum + value, 0);
  const factor = (profile.totalDurationMs ?? profile.criticalPathMs) / now;
  for (const task of tasks) task.estimated_duration_ms = Math.max(1_000, Math.round((task.estimated_duration_ms ?? 0) * factor));
}

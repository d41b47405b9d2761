import type { SeededRandom } from "../../engine/seeded-random.ts";

export const DOMAINS = ["SECURITY", "PERFORMANCE", "FEATURE", "BUGFIX", "TECHNICAL", "BUSINESS", "INFRASTRUCTURE"] as const;
export type Domain = (typeof DOMAINS)[number];
export const PRIORITIES = ["low", "normal", "high", "critical"] as const;
export type Priority = (typeof PRIORITIES)[number];
export const SECURITY_LEVELS = ["public", "internal", "confidential", "restricted"] as const;
export type SecurityLevel = (typeof SECURITY_LEVELS)[number];
export const LANGUAGES = ["en", "pt"] as const;
export type Language = (typeof LANGUAGES)[number];
/** `branching`: a few short branches. `hub`: one task that five or more wait for. `chain`: one after another. `dense`: all on all. */
export type Shape = "branching" | "hub" | "chain" | "dense";

/** What is settled about a simulated plan before its tasks are written. Shares and scores are in 0..1. */
export interface PlanProfile {
  domain: Domain;
  priority: Priority;
  securityLevel: SecurityLevel;
  language: Language;
  shape: Shape;
  /** Tasks in all, 3..24. */
  taskCount: number;
  risk: number;
  complexity: number;
  /** Areas of the risk matrix; null = the plan carries no matrix. */
  riskMatrix: { business: number; security: number; operational: number } | null;
  /** Share of the ends of the graph that a validate task follows. */
  validated: number;
  /** Share of delete tasks, rounded down to whole tasks. */
  deletes: number;
  /** Sum of the durations along the critical path; the drawn durations are scaled to it. */
  criticalPathMs: number;
  /** Sum of all durations, where that is to be met instead; null = as the critical path gives it. */
  totalDurationMs: number | null;
  /** Whether one task's duration is left unknown. */
  durationMissing: boolean;
  /** Shares of tasks whose description names a benefit, a test, a makeshift. */
  benefits: number;
  tests: number;
  makeshifts: number;
  /** Distinct capabilities that the tasks require in all, at most. */
  capabilities: number;
}

const MINUTE_MS = 60_000;
const DOMAIN_RISK: Record<Domain, number> = {
  SECURITY: 0.14,
  PERFORMANCE: 0.02,
  FEATURE: -0.04,
  BUGFIX: -0.06,
  TECHNICAL: 0,
  BUSINESS: 0.03,
  INFRASTRUCTURE: 0.08,
};

export const between = (random: SeededRandom, low: number, high: number): number => low + (high - low) * random.next();
export const clampShare = (value: number): number => Math.min(1, Math.max(0, value));

/** Draws one of the names in proportion to its weight. */
export function pick<T extends string>(random: SeededRandom, weights: Readonly<Record<T, number>>): T {
  const entries = Object.entries(weights) as [T, number][];
  let left = random.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [name, weight] of entries) {
    left -= weight;
    if (left < 0) return name;
  }
  throw new Error("pick: no weight is above 0");
}

export function pickFrom<T>(random: SeededRandom, values: readonly T[]): T {
  const value = values[random.nextInt(values.length)];
  if (value === undefined) throw new Error("pickFrom: nothing to pick from");
  return value;
}

/** A production-like profile: sizes, risks and habits that go together the way they do in real plans. */
export function drawProfile(random: SeededRandom): PlanProfile {
  const domain = pick(random, {
    SECURITY: 14,
    PERFORMANCE: 14,
    FEATURE: 22,
    BUGFIX: 16,
    TECHNICAL: 14,
    BUSINESS: 12,
    INFRASTRUCTURE: 8,
  });
  const priority = pick(random, { low: 24, normal: 44, high: 22, critical: 10 });
  const securityLevel = pick(random, { public: 16, internal: 48, confidential: 26, restricted: 10 });
  const shape = pick(random, { branching: 46, hub: 18, chain: 19, dense: 17 });
  const smallest = { branching: 3, hub: 8, chain: 7, dense: 8 }[shape];
  const taskCount = Math.min(24, Math.max(smallest, Math.round(Math.exp(1.8 + 0.45 * random.nextNormal()))));
  const deletes = random.next() < 0.24 ? between(random, 0.22, 0.5) : between(random, 0, 0.12);
  const level = SECURITY_LEVELS.indexOf(securityLevel);
  const risk = clampShare(0.34 + DOMAIN_RISK[domain] + 0.05 * level + 0.35 * deletes + 0.2 * random.nextNormal());
  const complexity = clampShare(0.26 + 0.022 * taskCount + (shape === "dense" ? 0.1 : 0) + 0.19 * random.nextNormal());
  const area = (lean: number) => clampShare(0.18 + 0.5 * risk + lean + 0.2 * random.nextNormal());
  const riskMatrix = {
    business: area(domain === "BUSINESS" ? 0.12 : 0),
    security: area(domain === "SECURITY" ? 0.15 : 0.04 * level - 0.05),
    operational: area(domain === "INFRASTRUCTURE" ? 0.12 : 0),
  };
  const habit = random.next();
  return {
    domain,
    priority,
    securityLevel,
    language: random.next() < 0.5 ? "pt" : "en",
    shape,
    taskCount,
    risk,
    complexity,
    riskMatrix: random.next() < 0.92 ? riskMatrix : null,
    validated: habit < 0.3 ? 0 : habit < 0.45 ? 0.5 : 1,
    deletes,
    criticalPathMs: 13 * MINUTE_MS * Math.exp(0.75 * random.nextNormal()),
    totalDurationMs: null,
    durationMissing: random.next() < 0.04,
    benefits: random.next() < 0.35 ? between(random, 0, 0.12) : between(random, 0.4, 1),
    tests: random.next() < 0.33 ? 0 : between(random, 0.3, 0.9),
    makeshifts: random.next() < 0.24 ? between(random, 0.4, 0.9) : between(random, 0, 0.12),
    capabilities: 2 + random.nextInt(9),
  };
}

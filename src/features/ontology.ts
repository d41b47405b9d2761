/**
 * What the feature schemas know of domains, task types and patterns. The first four tables are the original ontology, version 1.0.0
 * (original-system.md 2.9); plan/1 reads only those. The rest adds what production really sends (1.4 there); plan/2 reads all.
 */

/** Risk weight (0..1) and keywords of each domain of the original ontology. */
export const ONTOLOGY_DOMAINS = {
  "security-analysis": { id: "SEC", riskWeight: 0.35, keywords: ["auth", "security", "validate", "sanitize", "encrypt"] },
  "architecture-review": { id: "ARCH", riskWeight: 0.3, keywords: ["service", "controller", "repository", "pattern"] },
  "performance-optimization": { id: "PERF", riskWeight: 0.2, keywords: ["cache", "async", "parallel", "optimize"] },
  "code-quality": { id: "QUAL", riskWeight: 0.15, keywords: ["test", "doc", "error", "log"] },
} as const;

/** Complexity factor of each task type of the original ontology. */
export const ONTOLOGY_TASK_TYPES = {
  analysis: { id: "T-ANAL", factor: 1.2 },
  transformation: { id: "T-TRANS", factor: 1.5 },
  validation: { id: "T-VALID", factor: 1.0 },
  integration: { id: "T-INTEG", factor: 1.8 },
} as const;

export const PATTERNS = {
  microservices: { id: "PAT-MICRO", indicators: ["service", "api", "endpoint", "rest"], quality: 0.8 },
  layered_architecture: { id: "PAT-LAYER", indicators: ["controller", "service", "repository", "model"], quality: 0.9 },
  event_driven: { id: "PAT-EVENT", indicators: ["event", "queue", "publish", "subscribe"], quality: 0.85 },
  cqrs: { id: "PAT-CQRS", indicators: ["command", "query", "read", "write"], quality: 0.75 },
} as const;

export const ANTI_PATTERNS = {
  god_object: { id: "ANTI-GOD", indicators: ["manager", "handler", "util"], penalty: -0.3 },
  spaghetti_code: { id: "ANTI-SPAG", indicators: ["complex", "nested", "deep"], penalty: -0.4 },
} as const;

/** The domain families of plan/2, with risk weights 0..1: the original's where it has one, ours for what it lacked. */
export const DOMAIN_FAMILIES = {
  security: 0.35,
  performance: 0.2,
  feature: 0.15,
  bugfix: 0.1,
  technical: 0.25,
  business: 0.2,
  infrastructure: 0.3,
  architecture: 0.3,
  quality: 0.15,
} as const;
export type DomainFamily = keyof typeof DOMAIN_FAMILIES;
export const DOMAIN_FAMILY_NAMES = Object.keys(DOMAIN_FAMILIES) as DomainFamily[];

/** Domain names as plans carry them (lower case, hyphens) that differ from the family's own name. */
const DOMAIN_ALIASES: ReadonlyMap<string, DomainFamily> = new Map<string, DomainFamily>([
  ["security-analysis", "security"],
  ["architecture-review", "architecture"],
  ["performance-optimization", "performance"],
  ["code-quality", "quality"],
  ["business-logic", "business"],
]);

/**
 * The task-type families of plan/2, with complexity factors: the original's for its four (`transformation` and `validation` are one with
 * production's `transform` and `validate`), ours for the other production types. `changes`: such a task leaves the system altered.
 */
export const TASK_FAMILIES = {
  create: { factor: 1.2, changes: true },
  update: { factor: 1.3, changes: true },
  delete: { factor: 1.6, changes: true },
  query: { factor: 0.8, changes: false },
  transform: { factor: 1.5, changes: true },
  validate: { factor: 1.0, changes: false },
  analysis: { factor: 1.2, changes: false },
  integration: { factor: 1.8, changes: true },
} as const;
export type TaskFamily = keyof typeof TASK_FAMILIES;
export const TASK_FAMILY_NAMES = Object.keys(TASK_FAMILIES) as TaskFamily[];

const TASK_ALIASES: ReadonlyMap<string, TaskFamily> = new Map<string, TaskFamily>([
  ["transformation", "transform"],
  ["validation", "validate"],
]);

const normal = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_]+/g, "-");

/** The family of a domain as a plan names it (any case, underscores or hyphens); undefined for a name that is not known. */
export function domainFamily(domain: string): DomainFamily | undefined {
  const name = normal(domain);
  return DOMAIN_ALIASES.get(name) ?? DOMAIN_FAMILY_NAMES.find((family) => family === name);
}

/** The family of a task type as a plan names it; undefined for a type that is not known. */
export function taskFamily(type: string): TaskFamily | undefined {
  const name = normal(type);
  return TASK_ALIASES.get(name) ?? TASK_FAMILY_NAMES.find((family) => family === name);
}

import type { Prompt } from "./prompt.ts";

export const PLAN_V1_EN: Prompt = {
  name: "plan-v1-en",
  system: [
    "You write realistic plans of software work for a test data set. Each plan is a directed acyclic graph of tasks that a specialist reviewer judges.",
    "Answer with one JSON object of the schema that is given, and nothing else.",
    "Rules:",
    "- Each description is one paragraph of 18 to 45 different words, in English, in the vocabulary of the plan's domain.",
    "- No addresses, links, markup, code, names of real people or companies, and no instructions to whoever reads the plan.",
    "- task_id is task-1, task-2 and so on. A task depends only on tasks before it. Not everything depends on everything.",
    "- task_type is one of create, update, delete, query, transform, validate, analysis, integration.",
    "- estimated_duration_ms is a positive whole number of milliseconds, between one second and one day.",
    "- Where the security level is confidential or restricted, every description says how access, encryption or audit is handled.",
    "- risk_score and complexity_score are numbers from 0 to 1 that follow from the tasks.",
  ].join("\n"),
  user: [
    "Reviewer: {specialist}, who looks at {focus}.",
    "Write one plan of {tasks} tasks of which a careful reviewer of this kind decides: {decision}. Of all possible decisions ({classes}) it must be this one, and the tasks must show why.",
    "Domain: {domain}. Priority: {priority}. Security level: {security}. Complexity: {complexity}. Risk: {risk}, a risk_score from {riskLow} to {riskHigh}.",
    "Put the decision into recommendation, and why into reasoning, in one or two sentences.",
    "Plan number {number}: it must differ in subject from other plans of the same kind.",
    "JSON schema of the answer: {schema}",
  ].join("\n"),
  words: {
    architecture: "how tasks depend on each other: coupling, hubs and long chains",
    behavior: "what the users of the system meet: deletions, waiting, operational risk",
    business: "benefit, business risk, priority and cost",
    evolution: "whether the result can be kept alive: makeshifts, tests, needed skills",
    technical: "complexity, technical risk and validation of changes",
  },
};

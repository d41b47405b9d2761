import { z } from "zod";
import { MAX_TASKS, type PlanDocument } from "../../../core/plan.ts";
import type { Slot } from "./slots.ts";

const LONGEST_TEXT = 4_000;
const LONGEST_TASK_MS = 30 * 86_400_000;
const share = z.number().min(0).max(1);

/** What a model is asked to answer. Nothing of it is trusted: ids, times, domain and priority of the plan are ours. */
export const answerSchema = z.strictObject({
  recommendation: z.string(),
  reasoning: z.string().max(LONGEST_TEXT),
  risk_score: share,
  complexity_score: share,
  tasks: z
    .array(
      z.strictObject({
        task_id: z.string().min(1).max(64),
        task_type: z.string().min(1).max(64),
        description: z.string().max(LONGEST_TEXT),
        dependencies: z.array(z.string()).max(MAX_TASKS),
        estimated_duration_ms: z.int().positive().max(LONGEST_TASK_MS),
        required_capabilities: z.array(z.string().max(64)).max(20),
      }),
    )
    .min(1)
    .max(40),
});
export type Answer = z.output<typeof answerSchema>;

/** Keywords that structured output of some providers refuses; `answerSchema` checks them here instead. */
const UNSUPPORTED = new Set([
  "$schema",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
]);

/** The JSON schema that goes to the provider, with the specialist's classes. */
export function answerJsonSchema(classes: readonly string[]): Record<string, unknown> {
  const withClasses = answerSchema.extend({ recommendation: z.enum([...classes]) });
  return withoutBounds(z.toJSONSchema(withClasses)) as Record<string, unknown>;
}

function withoutBounds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutBounds);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !UNSUPPORTED.has(key))
      .map(([key, inner]) => [key, withoutBounds(inner)]),
  );
}

export type ReadAnswer = { readonly ok: true; readonly answer: Answer } | { readonly ok: false; readonly message: string };

/** A parsed answer against the schema. The message names the field, never the text. */
export function readAnswer(value: unknown): ReadAnswer {
  const read = answerSchema.safeParse(value);
  if (read.success) return { ok: true, answer: read.data };
  const issue = read.error.issues[0];
  return { ok: false, message: `${issue?.path.join(".") || "the answer"}: ${(issue?.message ?? "is not usable").slice(0, 200)}` };
}

/** The plan document of an answer: what the slot settled, what the model wrote, and ids of ours. */
export const planOfAnswer = (
  answer: Answer,
  slot: Slot,
  { planId, intentId, createdAtMs }: { planId: string; intentId: string; createdAtMs: number },
): PlanDocument => ({
  plan_id: planId,
  intent_id: intentId,
  tasks: answer.tasks,
  execution_order: answer.tasks.map((task) => task.task_id),
  risk_score: answer.risk_score,
  risk_band: slot.risk,
  complexity_score: answer.complexity_score,
  reasoning_summary: answer.reasoning,
  status: "validated",
  created_at: new Date(createdAtMs).toISOString(),
  estimated_total_duration_ms: answer.tasks.reduce((sum, task) => sum + task.estimated_duration_ms, 0),
  original_domain: slot.domain,
  original_priority: slot.priority,
  original_security_level: slot.securityLevel,
  metadata: { generated: "true" },
});

import type { Plan } from "../../core/plan.ts";

/** What no generated text may hold: it is read by people on pages, by models in prompts, and by tools that follow addresses. */
const UNSAFE = {
  "an address": /\b[a-z][a-z0-9+.-]{1,20}:\/\/|\bwww\.[a-z0-9-]+\.|\b(?:javascript|data|vbscript):\S/i,
  markup: /<\/?[a-z!][^<>]*>|\]\(|<\|/i,
  "a control character": /[^\P{Cc}\n\t]|\p{Cf}/u,
  "an instruction to a reader's model":
    /\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|prompts?|rules)\b|\b(?:ignore|ignorar|desconsidere|desconsiderar|esque[çc]a)\b.{0,40}\binstru[çc](?:ões|oes|ão|ao)|\bsystem prompt\b|\bprompt do sistema\b|\byou are now\b/isu,
} as const;

const PATTERNS = Object.entries(UNSAFE);

/** Every text that one of the patterns above fits holds one of these, so that a text without needs no look at them: five times as fast. */
const SUSPECT = /[^\n\t -~\u00a0-\u00ac\u00ae-\u058f]|[<\](:]|www|instru|prompt|rules|you are/i;

/** The first unsafe thing in a plan's texts, in words; null = none. The text itself is not repeated: it would be shown again. */
export function unsafeText(plan: Plan): string | null {
  // one look at everything: nearly every plan ends here
  const all = plan.tasks.map(
    (task) => `${task.description}\n${task.task_id}\n${task.task_type}\n${task.required_capabilities.join("\n")}`,
  );
  if (!SUSPECT.test(`${all.join("\n")}\n${plan.reasoning_summary ?? ""}`)) return null;
  for (const task of plan.tasks) {
    const found = unsafeIn([task.description, task.task_id, task.task_type, ...task.required_capabilities]);
    if (found !== null) return `a text of task ${task.task_id.replaceAll(/[^\w-]/g, "?").slice(0, 60)} holds ${found}`;
  }
  const found = unsafeIn([plan.reasoning_summary ?? ""]);
  return found === null ? null : `the reasoning summary holds ${found}`;
}

function unsafeIn(texts: readonly string[]): string | null {
  for (const text of texts) for (const [name, pattern] of PATTERNS) if (pattern.test(text)) return name;
  return null;
}

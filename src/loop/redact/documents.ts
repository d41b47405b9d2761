import type { Feedback } from "../../core/feedback.ts";
import type { Opinion } from "../../core/opinion.ts";
import type { Plan } from "../../core/plan.ts";
import type { House } from "../house.ts";
import type { PiiKind } from "./span.ts";

/**
 * Personal data is taken out of texts on their way into the store, at one place for every way in. It fails closed: a text that cannot be
 * looked through is kept out, and what it belongs to is kept.
 */

export const WITHHELD = "[withheld]";
/** Names of fields that name things or people and are no texts. */
const NAMES = /(^|_)(id|ids|at|by|sha256|hash|version|reviewer)$|Id$/;
const MOST_DEPTH = 64;

type Cleaner = Pick<House, "redact" | "log">;

/** The text without personal data; null: it could not be looked through. `found` is added to. */
function cleanText({ redact, log }: Cleaner, text: string, found: PiiKind[]): string | null {
  if (text === "") return text;
  try {
    const clean = redact(text);
    found.push(...clean.found);
    return clean.text;
  } catch (error) {
    log("pii.failed", { error: error instanceof Error ? error.name : "unknown", characters: text.length });
    return null;
  }
}

/** Every text in a value of any shape, but for names and ids. */
function cleanValue<T>(cleaner: Cleaner, value: T, found: PiiKind[], name?: string, depth?: number): T;
function cleanValue(cleaner: Cleaner, value: unknown, found: PiiKind[], name = "", depth = 0): unknown {
  if (typeof value === "string") return NAMES.test(name) ? value : (cleanText(cleaner, value, found) ?? WITHHELD);
  if (typeof value !== "object" || value === null) return value;
  if (depth > MOST_DEPTH) return WITHHELD;
  if (Array.isArray(value)) return value.map((item) => cleanValue(cleaner, item, found, name, depth + 1));
  const members = Object.entries(value);
  if (members.length === 0) return value;
  return Object.fromEntries(members.map(([key, member]) => [key, cleanValue(cleaner, member, found, key, depth + 1)]));
}

/** A document that could not be read, as the quarantine keeps it. */
export const cleanDocument = (cleaner: Cleaner, document: unknown): unknown => cleanValue(cleaner, document, []);

/** A short text of a reviewer; null when it had to be withheld. */
export const cleanNote = (cleaner: Cleaner, text: string): string | null => cleanText(cleaner, text, []);

/**
 * Notes, claims, metadata and what the source had beyond the schema. Notes that cannot be looked through are empty, and the metadata says
 * `notes_withheld`; what was found stands there under the names that the original system used.
 */
export function cleanFeedback(cleaner: Cleaner, feedback: Feedback): Feedback {
  const found: PiiKind[] = [];
  const notes = cleanText(cleaner, feedback.feedback_notes, found);
  const cleaned = {
    ...feedback,
    feedback_notes: notes ?? "",
    metadata: cleanValue(cleaner, feedback.metadata, found),
    extra: cleanValue(cleaner, feedback.extra, found),
    evidence: { ...feedback.evidence, claimed: cleanValue(cleaner, feedback.evidence.claimed, found) },
  };
  if (notes !== null && found.length === 0) return cleaned;
  const pii =
    found.length === 0
      ? {}
      : { pii_detected: true, pii_entities_count: found.length, pii_entity_types: [...new Set(found)].sort() };
  return { ...cleaned, metadata: { ...cleaned.metadata, ...pii, ...(notes === null ? { notes_withheld: true } : {}) } };
}

export const areNotesWithheld = (feedback: Feedback): boolean => feedback.metadata.notes_withheld === true;

/**
 * Plan texts, reasons and what the source had beyond the schema. Call it after the vector was computed: features are made from the text as
 * it came, so that what is judged does not depend on the strategy. Columns of a row are data, not texts, and stay.
 */
export function cleanOpinion(cleaner: Cleaner, opinion: Opinion): Opinion {
  const found: PiiKind[] = [];
  const { cognitive_plan: plan, opinion: judgement } = opinion;
  const { reasoning_summary, reasoning_factors, explainability, mitigations, metadata } = judgement;
  return {
    ...opinion,
    cognitive_plan: plan === null ? null : cleanPlan(cleaner, plan, found),
    opinion: {
      ...judgement,
      reasoning_summary: cleanValue(cleaner, reasoning_summary, found),
      reasoning_factors: cleanValue(cleaner, reasoning_factors, found),
      explainability: cleanValue(cleaner, explainability, found),
      mitigations: cleanValue(cleaner, mitigations, found),
      metadata: cleanValue(cleaner, metadata, found),
    },
    extra: cleanValue(cleaner, opinion.extra, found),
  };
}

const cleanPlan = (cleaner: Cleaner, plan: Plan, found: PiiKind[]): Plan => ({
  ...plan,
  reasoning_summary: cleanValue(cleaner, plan.reasoning_summary, found),
  metadata: cleanValue(cleaner, plan.metadata, found),
  extra: cleanValue(cleaner, plan.extra, found),
  tasks: plan.tasks.map((task) => ({
    ...task,
    description: cleanValue(cleaner, task.description, found),
    parameters: cleanValue(cleaner, task.parameters, found),
    metadata: cleanValue(cleaner, task.metadata, found),
    extra: cleanValue(cleaner, task.extra, found),
  })),
});

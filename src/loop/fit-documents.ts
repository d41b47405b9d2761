import { createHash } from "node:crypto";
import { canonicalJson } from "../core/canonical-json.ts";
import { isRequeenError } from "../core/errors.ts";
import type { Feedback } from "../core/feedback.ts";
import { NO_CHAMPION_RECOMMENDATION, type Opinion } from "../core/opinion.ts";
import { type Problem, type ReadResult, readOpinion } from "../core/read-documents.ts";
import { widthOf } from "./feature-names.ts";
import type { House } from "./house.ts";
import { answersOf } from "./intake.ts";
import { groupOf } from "./judge.ts";
import { cleanFeedback, cleanOpinion } from "./redact.ts";
import { vectorOf } from "./vector.ts";

/** The id of a document that came without one: the same document gives the same id, so a second import adds nothing. */
export const idOfContent = (prefix: string, document: unknown): string =>
  prefix +
  createHash("sha256")
    .update(canonicalJson(JSON.parse(JSON.stringify(document))))
    .digest("hex")
    .slice(0, 32);

/** An opinion document of any version, as an opinion of the specialist that it names; or what is wrong with it. */
export function readOpinionOf(house: House, document: unknown): ReadResult<Opinion> {
  const result = fitOpinion(house, readOpinion(document));
  return result.ok ? { ok: true, value: cleanOpinion(house, result.value) } : result;
}

/** An opinion must fit the specialist it names: a known one, a class of its own, a vector of its schema. */
export function fitOpinion(house: House, result: ReadResult<Opinion>): ReadResult<Opinion> {
  if (!result.ok) return result;
  const opinion = result.value;
  const specialist = house.specialists.find(({ name }) => name === opinion.specialist_type);
  if (specialist === undefined)
    return refused(
      "specialist_type",
      opinion.specialist_type,
      `must be one of ${house.specialists.map((s) => s.name).join(", ")}`,
    );
  const { recommendation } = opinion.opinion;
  const allowed = [...answersOf(specialist), NO_CHAMPION_RECOMMENDATION];
  if (!allowed.includes(recommendation))
    return refused("opinion.recommendation", recommendation, `must be one of ${allowed.join(", ")}`);
  const group =
    opinion.schema_version === "3.0.0" && opinion.state !== "external"
      ? opinion.group
      : groupOf(specialist, opinion.plan_id, opinion.intent_id, opinion.columns);
  if (opinion.features !== null) {
    const width = widthOf(specialist);
    if (opinion.features.schema === specialist.features.schema && opinion.features.values.length !== width)
      return refused("features.values", opinion.features.values.length, `${opinion.features.schema} has ${width} features`);
    return { ok: true, value: { ...opinion, group } };
  }
  const subject =
    opinion.cognitive_plan !== null
      ? { plan: opinion.cognitive_plan }
      : opinion.columns !== null
        ? { columns: opinion.columns }
        : null;
  // an opinion without its plan is kept: it can be listed and counted, but nothing can be learnt from it
  if (subject === null) return { ok: true, value: { ...opinion, group } };
  try {
    const values = Array.from(vectorOf(specialist, subject), (value) => (Number.isNaN(value) ? null : value));
    return { ok: true, value: { ...opinion, group, features: { schema: specialist.features.schema, values } } };
  } catch (error) {
    if (!isRequeenError(error)) throw error;
    return refused("plan" in subject ? "cognitive_plan" : "columns", opinion.plan_id, error.message);
  }
}

/** Feedback must name a known specialist and one of its answers. @param vouchedBy who answers for it, written into its metadata; null: nobody */
export function fitFeedback(house: House, result: ReadResult<Feedback>, vouchedBy: string | null): ReadResult<Feedback> {
  if (!result.ok) return result;
  const feedback = result.value;
  const specialist = house.specialists.find(({ name }) => name === feedback.specialist_type);
  if (specialist === undefined)
    return refused(
      "specialist_type",
      feedback.specialist_type,
      `must be one of ${house.specialists.map((s) => s.name).join(", ")}`,
    );
  const allowed = answersOf(specialist);
  if (!allowed.includes(feedback.human_recommendation))
    return refused("human_recommendation", feedback.human_recommendation, `must be one of ${allowed.join(", ")}`);
  const clean = cleanFeedback(house, feedback);
  if (vouchedBy === null) return { ok: true, value: clean };
  return { ok: true, value: { ...clean, metadata: { ...clean.metadata, vouched_by: vouchedBy } } };
}

const refused = (field: string, value: unknown, reason: string): { ok: false; problems: Problem[] } => ({
  ok: false,
  problems: [{ field, value: JSON.stringify(value), reason }],
});

import { RequeenError } from "../core/errors.ts";
import type { Opinion } from "../core/opinion.ts";
import { describeProblems } from "../core/read-documents.ts";
import { isRecord } from "./documents/cells.ts";
import { idOfContent, readOpinionOf } from "./fit-documents.ts";
import type { House } from "./house.ts";
import { noteWrite } from "./note-write.ts";

/**
 * An opinion that a judge elsewhere sends is `external`, whatever it says of itself. The model that it names is kept as a claim: how a
 * version of ours fares is measured on our own opinions. The plan's id is taken from the plan where it stands there only.
 */
function asExternal(document: Record<string, unknown>): Record<string, unknown> {
  const { model, state: _state, ...rest } = document;
  const plan = isRecord(rest.cognitive_plan) ? rest.cognitive_plan : {};
  const named = rest.plan_id === undefined && plan.plan_id !== undefined ? { plan_id: plan.plan_id } : {};
  const claim = model === undefined || model === null ? {} : { claimed_model: model };
  // of other versions the reader keeps every field that it does not know
  if (rest.schema_version !== "3.0.0") return { ...rest, ...named, ...claim };
  const extra = isRecord(rest.extra) ? rest.extra : {};
  return { ...rest, ...named, state: "external", model: null, extra: { ...extra, ...claim } };
}

/** One opinion; id, time and row name are made where they were left out. */
function externalOpinion(house: Pick<House, "newId" | "now">, document: unknown): unknown {
  if (!isRecord(document)) return document;
  const external = asExternal(document);
  return {
    ...external,
    opinion_id: external.opinion_id ?? house.newId("opinion-"),
    plan_id: external.plan_id ?? house.newId("row-"),
    evaluated_at: external.evaluated_at ?? external.created_at ?? new Date(house.now()).toISOString(),
  };
}

/** Many: an id that was left out follows from the content, so that a repeat adds nothing; a time that was left out cannot be told. */
export async function* externalOpinions(documents: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  for await (const document of documents)
    yield isRecord(document)
      ? { ...asExternal(document), opinion_id: document.opinion_id ?? idOfContent("opinion-", document) }
      : document;
}

/**
 * Stores one opinion of a judge elsewhere.
 * @throws RequeenError bad_document (with `problems`), already_exists when the id is stored with another content
 */
export async function addExternalOpinion(
  house: House,
  document: unknown,
): Promise<{ opinion: Opinion; outcome: "added" | "same" }> {
  const result = readOpinionOf(house, externalOpinion(house, document));
  if (!result.ok) throw new RequeenError("bad_document", describeProblems(result.problems), { problems: result.problems });
  const { opinion_id, specialist_type } = result.value;
  const [[outcome]] = await Promise.all([
    house.store.addOpinions([result.value]),
    noteWrite(house, "opinion.add", specialist_type, [opinion_id]),
  ]);
  if (outcome === "added" || outcome === "same") return { opinion: result.value, outcome };
  throw new RequeenError("already_exists", `opinion ${opinion_id} is stored with another content; the stored one stays`, {
    opinion_id,
  });
}

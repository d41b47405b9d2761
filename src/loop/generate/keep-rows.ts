import { RequeenError } from "../../core/errors.ts";
import { headOf, NO_CHAMPION_RECOMMENDATION, type Opinion } from "../../core/opinion.ts";
import type { Specialist } from "../../core/specialist.ts";
import type { PlanSchemaName } from "../../features/index.ts";
import type { House } from "../house.ts";
import { addFeedback } from "../intake.ts";
import { groupOf } from "../judge.ts";
import { vectorOf } from "../vector.ts";
import type { GeneratedRow } from "./generated-row.ts";

/** So many that the store writes them in a thread, beside what else is done with the rows; see openBulkWriter. */
const BATCH = 2_000;

export interface Kept {
  readonly added: number;
  /** There already, from an earlier call. */
  readonly same: number;
}

export const opinionIdOf = (row: Pick<GeneratedRow, "plan">): string => `generated-${row.plan.plan_id}`;

/**
 * Stores plans as opinions that no model made, and their labels through the channel `generator`, whose tier is `synthetic`. The vector is of
 * the specialist's own schema, whatever schema the table has. A second time changes nothing.
 * @param schema of the rows' vectors: where it is the specialist's own, they are stored as they are.
 * @throws RequeenError conflict (an id is there with other content); cancelled by `signal` between two batches, resumable
 */
export async function keepRows(
  house: House,
  specialist: Specialist,
  rows: readonly GeneratedRow[],
  { set, schema, atMs, signal }: { set: string; schema: PlanSchemaName; atMs: number; signal?: AbortSignal | undefined },
): Promise<Kept> {
  await using writer = house.store.openBulkWriter();
  let added = 0;
  let same = 0;
  for (let from = 0; from < rows.length; from += BATCH) {
    signal?.throwIfAborted();
    const part = rows.slice(from, from + BATCH);
    const opinions = part.map((row) => opinionOf(specialist, row, { set, schema, atMs }));
    const outcomes = await writer.addOpinions(opinions);
    const conflict = outcomes.indexOf("conflict");
    if (conflict >= 0)
      throw new RequeenError(
        "conflict",
        `opinion ${opinions[conflict]?.opinion_id} of the set ${set} is stored with other content; generate with another --seed`,
        {
          opinion_id: opinions[conflict]?.opinion_id,
          set,
        },
      );
    const accepted = await addFeedback(
      house,
      "generator",
      part.map((row) => ({
        opinionId: opinionIdOf(row),
        feedbackId: `feedback-${opinionIdOf(row)}`,
        recommendation: row.decision,
        rating: null,
        reviewer: `generator: ${row.generator}`.slice(0, 256),
        submittedAtMs: atMs,
        claimed: { set, quality: row.quality },
      })),
      { heads: opinions.map(headOf), writer },
    );
    for (const { outcome } of accepted) outcome === "same" ? same++ : added++;
  }
  const details = { set, rows: rows.length, added, same };
  await house.store.appendAudit([
    { at: house.now(), actor: house.actor, action: "dataset.generate", subject: specialist.name, details },
  ]);
  return { added, same };
}

function opinionOf(
  specialist: Specialist,
  row: GeneratedRow,
  { set, schema, atMs }: { set: string; schema: PlanSchemaName; atMs: number },
): Opinion {
  const { plan } = row;
  const values = specialist.features.schema === schema ? row.vector : vectorOf(specialist, { plan });
  return {
    schema_version: "3.0.0",
    opinion_id: opinionIdOf(row),
    plan_id: plan.plan_id,
    intent_id: plan.intent_id,
    specialist_type: specialist.name,
    specialist_version: null,
    correlation_id: null,
    trace_id: null,
    span_id: null,
    evaluated_at: atMs,
    processing_time_ms: null,
    opinion: {
      recommendation: NO_CHAMPION_RECOMMENDATION,
      confidence_score: null,
      risk_score: null,
      reasoning_summary: "A generated plan: no model judged it, and its label is the generator's.",
      reasoning_factors: [],
      explainability_token: null,
      explainability: {},
      mitigations: [],
      metadata: { generated: true, set },
    },
    state: "generated",
    cognitive_plan: plan,
    columns: null,
    features: { schema: specialist.features.schema, values: Array.from(values, (value) => (Number.isNaN(value) ? null : value)) },
    model: null,
    probabilities: null,
    group: groupOf(specialist, plan.plan_id, plan.intent_id, null),
    extra: {},
  };
}

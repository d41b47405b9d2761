import { RequeenError } from "../core/errors.ts";
import { NO_CHAMPION_RECOMMENDATION, type Opinion } from "../core/opinion.ts";
import type { Specialist } from "../core/specialist.ts";
import { predictRow } from "../engine/index.ts";
import { type Champion, loadChampion } from "./champion.ts";
import { type House, specialistOf } from "./house.ts";
import { noteWrite } from "./note-write.ts";
import { cleanOpinion } from "./redact.ts";
import { type Subject, vectorOf } from "./vector.ts";

export type JudgeRequest = Subject & {
  /** Names the row where there is no plan. Default: the plan's own id. */
  readonly planId?: string;
  readonly opinionId?: string;
  readonly correlationId?: string;
  readonly evaluatedAtMs?: number;
};

/**
 * Judges plans or rows by the champion and stores the opinions with the vectors that they were made from. Before the first champion the
 * opinion says so: state `no_champion`, recommendation review_required, no confidence. Loads the champion once for all.
 * @throws RequeenError specialist_not_found, bad_plan, bad_features, bad_model, conflict (an opinion id that another content has)
 */
export async function judge(house: House, specialistName: string, requests: readonly JudgeRequest[]): Promise<Opinion[]> {
  const specialist = specialistOf(house, specialistName);
  const champion = await loadChampion(house, specialist);
  const opinions = requests.map((request) => cleanOpinion(house, opinionOf(house, specialist, champion, request)));
  const ids = opinions.map(({ opinion_id }) => opinion_id);
  const [outcomes] = await Promise.all([
    house.store.addOpinions(opinions),
    ids.length === 0 ? null : noteWrite(house, "opinion.judge", specialist.name, ids, { version: champion?.version ?? null }),
  ]);
  const conflict = outcomes.indexOf("conflict");
  if (conflict >= 0)
    throw new RequeenError("conflict", `opinion ${opinions[conflict]?.opinion_id} is stored with another content`, {
      opinion_id: opinions[conflict]?.opinion_id,
    });
  return opinions;
}

function opinionOf(house: House, specialist: Specialist, champion: Champion | null, request: JudgeRequest): Opinion {
  const startedAt = performance.now();
  const values = vectorOf(specialist, request);
  const plan = "plan" in request ? request.plan : null;
  const planId = request.planId ?? plan?.plan_id ?? house.newId("row-");
  const columns = "columns" in request ? { ...request.columns } : null;
  return {
    schema_version: "3.0.0",
    opinion_id: request.opinionId ?? house.newId("opinion-"),
    plan_id: planId,
    intent_id: plan?.intent_id ?? null,
    specialist_type: specialist.name,
    specialist_version: champion?.version ?? null,
    correlation_id: request.correlationId ?? plan?.correlation_id ?? null,
    trace_id: plan?.trace_id ?? null,
    span_id: plan?.span_id ?? null,
    evaluated_at: request.evaluatedAtMs ?? house.now(),
    ...judgementOf(specialist, champion, values),
    processing_time_ms: Math.round((performance.now() - startedAt) * 1000) / 1000,
    cognitive_plan: plan,
    columns,
    features: { schema: specialist.features.schema, values: Array.from(values, (value) => (Number.isNaN(value) ? null : value)) },
    group: groupOf(specialist, planId, plan?.intent_id ?? null, columns),
    extra: {},
  };
}

type Judged = Pick<Opinion, "opinion" | "state" | "model" | "probabilities">;

function judgementOf(specialist: Specialist, champion: Champion | null, values: Float64Array): Judged {
  const empty = { reasoning_factors: [], explainability_token: null, explainability: {}, mitigations: [] };
  if (champion === null) {
    const reasoning_summary = `${specialist.name} has no model in production yet: a person decides.`;
    const opinion = {
      ...empty,
      recommendation: NO_CHAMPION_RECOMMENDATION,
      confidence_score: null,
      risk_score: null,
      reasoning_summary,
      metadata: {},
    };
    return { opinion, state: "no_champion", model: null, probabilities: null };
  }
  const probabilities = predictRow(champion.model, values);
  const best = probabilities.indexOf(Math.max(...probabilities));
  const recommendation = specialist.classes[best];
  const confidence = probabilities[best];
  const first = probabilities[0];
  if (recommendation === undefined || confidence === undefined || first === undefined || !Number.isFinite(confidence))
    throw new RequeenError("bad_model", `${champion.name}/${champion.version} gave no readable probabilities`);
  const named = Object.fromEntries(specialist.classes.map((name, index) => [name, round(probabilities[index] ?? 0)]));
  return {
    opinion: {
      ...empty,
      recommendation,
      confidence_score: round(confidence),
      // the first class is the one that lets a plan through; the risk is the probability of everything else
      risk_score: round(1 - first),
      reasoning_summary: `${recommendation} with probability ${confidence.toFixed(3)}, by ${champion.name} version ${champion.version}.`,
      metadata: { model_source: "requeen", model_version: champion.version, prediction_method: "calibrated_probabilities" },
    },
    state: "judged",
    model: { name: champion.name, version: champion.version, run_id: champion.runId, sha256: champion.sha256 },
    probabilities: named,
  };
}

/** Probabilities are kept to 12 digits, so that a sum of 1.0000000000000002 is not refused. */
const round = (share: number): number => Math.min(1, Math.max(0, Number(share.toPrecision(12))));

/** What keeps rows together in a split: the plan, the intent, or a column's value. */
export function groupOf(specialist: Specialist, planId: string, intentId: string | null, columns: Opinion["columns"]): string {
  if (specialist.group === "plan_id") return planId;
  if (specialist.group === "intent_id") return intentId ?? planId;
  const value = columns?.[specialist.group];
  return value === null || value === undefined ? planId : `${specialist.group}=${value}`;
}

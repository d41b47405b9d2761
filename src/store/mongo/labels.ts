import { inverseChance, isHuman, TIER_NAMES, type Tier } from "../../core/evidence.ts";
import type { Opinion } from "../../core/opinion.ts";
import type { CountOptions, LabelCounts, LabelFilter, LabelRow, Store, StoredFeedback } from "../store.ts";
import type { MongoConnection, Stored } from "./connection.ts";
import type { DocumentReader, Said } from "./originals.ts";
import { rememberUntilWritten } from "./remember-counts.ts";
import { currentOf, saidOf } from "./said.ts";
import { saidByOpinion } from "./said-by-opinion.ts";

/** Opinions of one round trip. */
const BATCH = 1_000;

export function labelMethods(
  connection: MongoConnection,
  reader: DocumentReader,
): Pick<Store, "countLabels" | "streamLabels" | "countAgreement"> {
  const remembered = rememberUntilWritten(connection, () => performance.now());
  return {
    countLabels: (specialist, options) =>
      remembered(JSON.stringify(["labels", specialist, options]), () => countLabels(connection, reader, specialist, options)),

    async *streamLabels(specialist, filter) {
      for await (const documents of opinionPages(
        connection,
        { specialist_type: specialist },
        { opinion_id: 1, evaluated_at: 1 },
      )) {
        const said = await saidOf(
          connection,
          reader,
          documents.map((document) => String(document.opinion_id)),
        );
        const labels = currentOf(said).filter(({ feedback }) => wanted(feedback, filter));
        if (labels.length === 0) continue;
        const opinions = await labelledOpinions(
          connection,
          reader,
          labels.map(({ feedback }) => feedback.opinion_id),
        );
        const order = new Map(documents.map((document, index) => [String(document.opinion_id), index]));
        const rows = labels.flatMap(({ feedback }) => {
          const opinion = opinions.get(feedback.opinion_id);
          return opinion === undefined ? [] : [{ place: order.get(feedback.opinion_id) ?? 0, row: labelOf(opinion, feedback) }];
        });
        rows.sort((a, b) => a.place - b.place || a.row.sequence - b.row.sequence);
        if (rows.length > 0) yield rows.map(({ row }) => row);
      }
    },

    async countAgreement(specialist, modelVersion) {
      const counts = { judged: 0, labelled: 0, agreed: 0 };
      const confidence = { sum: 0, count: 0 };
      const fields = { opinion_id: 1, evaluated_at: 1, "opinion.recommendation": 1, "opinion.confidence_score": 1 };
      for await (const documents of opinionPages(
        connection,
        { specialist_type: specialist, "model.version": modelVersion },
        fields,
      )) {
        const said = await saidOf(
          connection,
          reader,
          documents.map((document) => String(document.opinion_id)),
        );
        const newest = newestHuman(said);
        for (const document of documents) {
          const { recommendation, confidence_score } = document.opinion as Opinion["opinion"]; // projected above
          counts.judged += 1;
          if (confidence_score !== null) {
            confidence.sum += confidence_score;
            confidence.count += 1;
          }
          const label = newest.get(String(document.opinion_id))?.human_recommendation;
          if (label !== undefined) counts.labelled += 1;
          if (label === recommendation) counts.agreed += 1;
        }
      }
      return { ...counts, mean_confidence: confidence.count === 0 ? null : confidence.sum / confidence.count };
    },
  };
}

/** How much more often than by plain chance the opinion was picked for this review; null: not by chance. */
const favourOf = ({ evidence }: StoredFeedback): number | null =>
  evidence.propensity === undefined ? null : evidence.propensity / (evidence.base_propensity ?? 1);

async function countLabels(
  connection: MongoConnection,
  reader: DocumentReader,
  specialist: string,
  { afterSequence, gateTiers, featureSchema, weigh = false }: CountOptions,
): Promise<LabelCounts> {
  const byTier = Object.fromEntries(TIER_NAMES.map((tier) => [tier, 0])) as Record<Tier, number>;
  const counts = { human: 0, new_human: 0, new_gate: 0, machine: 0, last_sequence: 0 };
  const weights = { sum: 0, squares: 0 };
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  // 0 = everything is new, also what the original system wrote
  const isNew = (feedback: StoredFeedback): boolean => afterSequence === 0 || feedback.sequence > afterSequence;
  for await (const said of saidByOpinion(connection, reader, { specialist_type: specialist })) {
    for (const { sequence } of said) counts.last_sequence = Math.max(counts.last_sequence, sequence);
    const current = currentOf(said);
    if (current.length === 0) continue;
    for (const { feedback } of current) {
      byTier[feedback.evidence.tier] += 1;
      first = Math.min(first, feedback.submitted_at);
      last = Math.max(last, feedback.submitted_at);
    }
    const human = current.filter(({ feedback }) => isHuman(feedback.evidence.tier));
    const inGate = ({ feedback, document }: (typeof current)[number]): boolean =>
      isNew(feedback) && gateTiers.includes(feedback.evidence.tier) && featureSchemaOf(document) === featureSchema;
    if (human.length > 0) counts.human += 1;
    else counts.machine += 1;
    if (human.some(({ feedback }) => isNew(feedback))) counts.new_human += 1;
    const gate = current.filter(inGate);
    if (gate.length === 0) continue;
    counts.new_gate += 1;
    const weight = Math.max(...gate.map(({ feedback }) => inverseChance(favourOf(feedback))));
    weights.sum += weight;
    weights.squares += weight * weight;
  }
  const times = last === Number.NEGATIVE_INFINITY ? { first: null, last: null } : { first, last };
  const new_gate_effective = weigh && counts.new_gate > 0 ? weights.sum ** 2 / weights.squares : counts.new_gate;
  return { by_tier: byTier, ...counts, new_gate_effective, first_submitted_at: times.first, last_submitted_at: times.last };
}

const featureSchemaOf = (document: Stored): string | null =>
  (document.requeen as { feature_schema?: string | null } | undefined)?.feature_schema ?? null;

const wanted = (feedback: StoredFeedback, { upToSequence, submittedFrom, tiers }: LabelFilter): boolean =>
  (upToSequence === undefined || feedback.sequence <= upToSequence) &&
  (submittedFrom === undefined || feedback.submitted_at >= submittedFrom) &&
  (tiers === undefined || tiers.includes(feedback.evidence.tier));

/** Of each opinion, the newest current judgement of a person. */
function newestHuman(said: readonly Said[]): Map<string, StoredFeedback> {
  const newest = new Map<string, StoredFeedback>();
  for (const { feedback } of currentOf(said)) {
    const other = newest.get(feedback.opinion_id);
    const isLater =
      other === undefined ||
      feedback.submitted_at > other.submitted_at ||
      (feedback.submitted_at === other.submitted_at && feedback.sequence > other.sequence);
    if (isHuman(feedback.evidence.tier) && isLater) newest.set(feedback.opinion_id, feedback);
  }
  return newest;
}

/** Opinions in the order of judging, some fields of them, a page at a time. */
async function* opinionPages(
  connection: MongoConnection,
  filter: Record<string, string>,
  projection: Record<string, number>,
): AsyncGenerator<Stored[]> {
  let last: Stored | undefined;
  for (;;) {
    const beyond: Record<string, unknown>[] =
      last === undefined
        ? []
        : [
            {
              $or: [
                { evaluated_at: { $gt: last.evaluated_at } },
                { evaluated_at: last.evaluated_at, opinion_id: { $gt: last.opinion_id } },
              ],
            },
          ];
    const options = { sort: { evaluated_at: 1, opinion_id: 1 }, limit: BATCH, projection } as const;
    const documents: Stored[] = await connection.find("opinions", { $and: [filter, ...beyond] }, options);
    if (documents.length > 0) yield documents;
    if (documents.length < BATCH) return;
    last = documents.at(-1);
  }
}

async function labelledOpinions(
  connection: MongoConnection,
  reader: DocumentReader,
  ids: readonly string[],
): Promise<Map<string, Opinion>> {
  const documents = await connection.findByIds("opinions", "opinion_id", ids, {
    projection: { cognitive_plan: 0, "requeen.cognitive_plan": 0 },
  });
  return new Map((await reader.opinions(documents)).map((opinion) => [opinion.opinion_id, opinion]));
}

const labelOf = (opinion: Opinion, feedback: StoredFeedback): LabelRow => ({
  feedback_id: feedback.feedback_id,
  opinion_id: opinion.opinion_id,
  plan_id: opinion.plan_id,
  group: opinion.group,
  reviewer: feedback.evidence.reviewer,
  recommendation: feedback.human_recommendation,
  rating: feedback.human_rating,
  tier: feedback.evidence.tier,
  propensity: feedback.evidence.propensity ?? null,
  base_propensity: feedback.evidence.base_propensity ?? null,
  submitted_at: feedback.submitted_at,
  evaluated_at: opinion.evaluated_at,
  sequence: feedback.sequence,
  opinion_decision: opinion.opinion.recommendation,
  opinion_confidence: opinion.opinion.confidence_score,
  opinion_state: opinion.state,
  model_version: opinion.model?.version ?? null,
  feature_schema: opinion.features?.schema ?? null,
  features: opinion.features === null ? null : Float64Array.from(opinion.features.values, (value) => value ?? Number.NaN),
});

import { isHuman, type Tier } from "../core/evidence.ts";
import type { Specialist } from "../core/specialist.ts";
import { type JoinedLabels, joinReviewers, type SourceError, sourceErrors } from "../decide/index.ts";
import type { LabelRow } from "../store/store.ts";
import { featureNamesOf } from "./feature-names.ts";
import type { House } from "./house.ts";

/** One opinion with the label that its current judgements give it. Its features stand in `Gathered.features` at the same position. */
export interface LabelledOpinion {
  readonly opinion_id: string;
  readonly plan_id: string;
  readonly group: string;
  /** The feedback that the label was taken from. */
  readonly feedback_id: string;
  readonly label: number;
  readonly tier: Tier;
  /** How sure the reviewers together are of the label, 0..1: share of their votes, or the posterior of their joined label. */
  readonly agreement: number;
  /** Reviewers are evenly split: nobody can say which label is right. */
  readonly disputed: boolean;
  readonly reviewers: number;
  /** How much more often than by plain chance the opinion was picked for the review that the label was taken from; null: not by chance. */
  readonly propensity: number | null;
  readonly judged_at: number;
  readonly labelled_at: number;
  readonly sequence: number;
}

/** A judgement as forensics looks at it: no vector, all reviewers. `row` is the opinion's position in `Gathered.opinions`, or -1. */
export type Judgement = Omit<LabelRow, "features"> & { readonly row: number };

export interface Gathered {
  readonly opinions: LabelledOpinion[];
  /** float64 [opinions x d], row-major, NaN = missing. */
  readonly features: Float64Array;
  readonly width: number;
  readonly judgements: Judgement[];
  /** Judged opinions that nothing can be learnt from, by reason. */
  readonly unusable: Record<string, number>;
  readonly agreement: ReviewerAgreement;
  /** Each machine tier that judged anything, held to the labels of people where both judged the same opinion. */
  readonly machineErrors: MachineError[];
}

export type MachineError = Omit<SourceError, "source"> & { readonly source: Tier };

/** How far reviewers agree on the opinions that more than one of them judged. */
export interface ReviewerAgreement {
  readonly opinions: number;
  /** Krippendorff's alpha; null where nothing can be said. */
  readonly alpha: number | null;
  readonly method: JoinedLabels["method"] | null;
}

/**
 * Reads every current judgement of a specialist once, in order, and gives one row an opinion. Several reviewers of one opinion become one
 * row: by their votes, or by their estimated reliability where there are enough of them (joinReviewers). Human judgements outweigh machine
 * ones, whatever their number; of several machine labels the newest holds.
 * @param expectedOpinions room that is made for their vectors at once; more is made when it is too little.
 * Memory: one vector and about 200 bytes a row.
 */
export async function gatherLabels(
  house: Pick<House, "store">,
  specialist: Specialist,
  upToSequence: number,
  submittedFrom: number | null,
  expectedOpinions: number,
): Promise<Gathered> {
  const width = featureNamesOf(specialist).length;
  const matrix = new GrowingMatrix(width, expectedOpinions);
  const opinions: LabelledOpinion[] = [];
  const judgements: Judgement[] = [];
  const unusable: Record<string, number> = {};
  const classOf = new Map(specialist.classes.map((name, index) => [name, index]));
  for (const [decision, name] of Object.entries(specialist.label.map)) classOf.set(decision, classOf.get(name) ?? -1);

  const take = (rows: readonly LabelRow[]): void => {
    const first = rows[0];
    if (first === undefined) return;
    const reason = whyUnusable(first, specialist.features.schema, width);
    const chosen = reason === null ? chooseLabel(rows, classOf) : null;
    if (reason !== null) unusable[reason] = (unusable[reason] ?? 0) + 1;
    for (const { features: _vector, ...judgement } of rows)
      judgements.push(Object.assign(judgement, { row: chosen === null ? -1 : opinions.length }));
    if (chosen === null || first.features === null) return;
    matrix.push(first.features);
    opinions.push(chosen);
  };

  let open: LabelRow[] = [];
  const filter = submittedFrom === null ? { upToSequence } : { upToSequence, submittedFrom };
  for await (const batch of house.store.streamLabels(specialist.name, filter)) {
    for (const row of batch) {
      if (open.length > 0 && open[0]?.opinion_id !== row.opinion_id) {
        take(open);
        open = [];
      }
      open.push(row);
    }
  }
  take(open);
  const agreement = joinRepeated(opinions, judgements, classOf, specialist.classes.length);
  const machineErrors = errorsOfMachines(opinions, judgements, classOf);
  return { opinions, features: matrix.values(), width, judgements, unusable, agreement, machineErrors };
}

/** Held to the joined label of the opinion, and only where people do not dispute it. */
function errorsOfMachines(
  opinions: readonly LabelledOpinion[],
  judgements: readonly Judgement[],
  classOf: ReadonlyMap<string, number>,
): MachineError[] {
  const machines = judgements.filter(({ tier }) => !isHuman(tier));
  const tiers = [...new Set(machines.map(({ tier }) => tier))].sort();
  const pairs = machines.flatMap(({ row, tier, recommendation }) => {
    const opinion = opinions[row];
    if (opinion === undefined || !isHuman(opinion.tier) || opinion.disputed) return [];
    return [{ source: tier, machineLabel: classOf.get(recommendation) ?? -1, humanLabel: opinion.label }];
  });
  const errors = new Map(sourceErrors(tiers, pairs).map((error) => [error.source, error]));
  return tiers.flatMap((source) => {
    const found = errors.get(source);
    return found === undefined ? [] : [{ ...found, source }];
  });
}

/** Labels of opinions that several people judged, estimated together. Changes `opinions` in place. */
function joinRepeated(
  opinions: LabelledOpinion[],
  judgements: readonly Judgement[],
  classOf: ReadonlyMap<string, number>,
  classCount: number,
): ReviewerAgreement {
  const itemOf = new Map<number, number>();
  const reviewers = new Map<string, number>();
  const repeated = judgements.filter(({ row, tier }) => row >= 0 && isHuman(tier) && (opinions[row]?.reviewers ?? 0) > 1);
  const known = repeated.filter(({ recommendation }) => (classOf.get(recommendation) ?? -1) >= 0);
  if (known.length === 0) return { opinions: 0, alpha: null, method: null };
  const indexIn = <K>(index: Map<K, number>, key: K): number => {
    const at = index.get(key) ?? index.size;
    index.set(key, at);
    return at;
  };
  const joined = joinReviewers({
    item: Uint32Array.from(known, ({ row }) => indexIn(itemOf, row)),
    reviewer: Uint32Array.from(known, ({ reviewer }) => indexIn(reviewers, reviewer)),
    label: Uint8Array.from(known, ({ recommendation }) => classOf.get(recommendation) ?? 0),
    itemCount: itemOf.size,
    reviewerCount: reviewers.size,
    classCount,
  });
  for (const [row, item] of itemOf) {
    const opinion = opinions[row];
    const label = joined.label[item];
    if (opinion === undefined || label === undefined) continue;
    const agreement = joined.probabilities[item * classCount + label] ?? 0;
    opinions[row] = { ...opinion, label, agreement, disputed: joined.disputed[item] === 1 };
  }
  return { opinions: itemOf.size, alpha: joined.alpha, method: joined.method };
}

function whyUnusable(row: LabelRow, schema: string, width: number): string | null {
  if (row.features === null || row.feature_schema === null) return "the opinion came without its plan or vector";
  if (row.feature_schema !== schema) return `the vector is of schema ${row.feature_schema}, not ${schema}`;
  return row.features.length === width ? null : `the vector has ${row.features.length} values, not ${width}`;
}

function chooseLabel(rows: readonly LabelRow[], classOf: ReadonlyMap<string, number>): LabelledOpinion | null {
  const [only] = rows;
  if (only !== undefined && rows.length === 1) {
    const label = classOf.get(only.recommendation) ?? -1;
    return label < 0 ? null : labelledOpinion(only, { label, agreement: 1, reviewers: 1, sequence: only.sequence });
  }
  const human = rows.filter((row) => isHuman(row.tier));
  const voters = human.length > 0 ? human : rows.slice(-1);
  const newestFirst = voters.toSorted((a, b) => b.submitted_at - a.submitted_at || b.sequence - a.sequence);
  const votes = new Map<number, LabelRow[]>();
  for (const row of newestFirst) {
    const label = classOf.get(row.recommendation) ?? -1;
    if (label >= 0) votes.set(label, [...(votes.get(label) ?? []), row]);
  }
  // Map keeps the order of insertion, so the newest wins a tie
  const [winner] = [...votes].sort(([, a], [, b]) => b.length - a.length);
  if (winner === undefined) return null;
  const [label, agreeing] = winner;
  const source = agreeing.find((row) => row.tier === "blind") ?? agreeing[0];
  if (source === undefined) return null;
  return labelledOpinion(source, {
    label,
    agreement: agreeing.length / voters.length,
    reviewers: new Set(voters.map((row) => row.reviewer)).size,
    sequence: Math.max(...voters.map((row) => row.sequence)),
  });
}

/** @param source the judgement that the label is taken from. */
const labelledOpinion = (
  source: LabelRow,
  { label, agreement, reviewers, sequence }: Pick<LabelledOpinion, "label" | "agreement" | "reviewers" | "sequence">,
): LabelledOpinion => ({
  opinion_id: source.opinion_id,
  plan_id: source.plan_id,
  group: source.group,
  feedback_id: source.feedback_id,
  label,
  tier: source.tier,
  agreement,
  disputed: false,
  reviewers,
  propensity: source.propensity === null ? null : source.propensity / (source.base_propensity ?? 1),
  judged_at: source.evaluated_at,
  labelled_at: source.submitted_at,
  sequence,
});

/** Rows of float64, doubling its room. */
class GrowingMatrix {
  readonly #width: number;
  #room: Float64Array;
  #rows = 0;

  constructor(width: number, expectedRows: number) {
    this.#width = width;
    this.#room = new Float64Array(Math.max(1, expectedRows) * width);
  }

  push(row: Float64Array): void {
    if ((this.#rows + 1) * this.#width > this.#room.length) {
      const larger = new Float64Array(this.#room.length * 2);
      larger.set(this.#room);
      this.#room = larger;
    }
    this.#room.set(row, this.#rows * this.#width);
    this.#rows += 1;
  }

  values(): Float64Array {
    return this.#room.subarray(0, this.#rows * this.#width);
  }
}

import type { Dataset } from "../core/dataset.ts";
import { inverseChance, isHuman } from "../core/evidence.ts";
import type { Policy } from "../core/policy.ts";
import type { Specialist } from "../core/specialist.ts";
import {
  checkQuality,
  type EvidencePlan,
  examineLabels,
  type Finding,
  type LabelRow as ForensicRow,
  planEvidence,
  type QualityReport,
  ROW_REASONS,
  trainingRows,
  worstEffects,
} from "../decide/index.ts";
import { VERSION_TAGS } from "../registry/names.ts";
import { writeParquet } from "../store/parquet.ts";
import { championVersion } from "./champion.ts";
import { type DatasetRow, datasetBatches, datasetFields, readSeen } from "./dataset-file.ts";
import { featureNamesOf } from "./feature-names.ts";
import { haveRunFile, RUN_FILES } from "./fetch-file.ts";
import { generatedRows } from "./first-from-synthetic.ts";
import { byPolicy, summarizeFinding, takeDown } from "./forensics.ts";
import { type Gathered, gatherLabels, type Judgement, type LabelledOpinion } from "./gather-labels.ts";
import type { House } from "./house.ts";
import type { StepContext, StepOutcome } from "./run-steps.ts";

const DAY_MS = 86_400_000;
/**
 * Takes the snapshot: reads all labels up to now, looks for fabricated ones, says of each row whether it trains, judges or is out, checks the
 * quality, and writes the rows as a content-addressed file. What forensics finds is taken out of the human tiers in the store too.
 */
export async function collectStep(house: House, context: StepContext): Promise<StepOutcome> {
  const { run, specialist, policy } = context;
  const champion = await championVersion(house, specialist);
  const options = { afterSequence: 0, gateTiers: policy.gate_tiers, featureSchema: specialist.features.schema };
  const { last_sequence: cutoff, human, machine } = await house.store.countLabels(specialist.name, options);
  const from = run.options.window_days === null ? null : run.started_at - run.options.window_days * DAY_MS;
  const { gathered, examined } = await gatherAndExamine(house, specialist, {
    cutoff,
    from,
    expected: human + machine,
    seed: run.options.seed,
  });
  const usable = leaveOut(gathered, (row) => whyLeftOut(row, examined.fallen, run.options.allow_synthetic));
  context.progress(0.6);

  const championDataset = await datasetOf(house, champion?.tags[VERSION_TAGS.dataset] ?? null, champion?.runId ?? null);
  const seen = await seenByChampion(house, championDataset, champion?.createdAtMs ?? null);
  const gateUses = await priorLooks(house, specialist.name, champion?.version ?? null);
  const plan = planEvidence({
    rows: usable.opinions.map((row) => {
      const wasSeen = seen.has(row);
      return {
        // the time of the label: that is when it became evidence. An edited label of a row that the champion saw must not make it newer.
        timeMs: wasSeen ? Math.min(row.labelled_at, seen.untilMs) : row.labelled_at,
        group: row.group,
        tier: row.tier,
        label: row.label,
        seenByChampion: wasSeen,
        gateUses: gateUses(row.sequence),
      };
    }),
    policy,
    nowMs: house.now(),
    seed: run.options.seed,
  });
  const planned = plan.rows.map(({ index, role, fold, reason }): DatasetRow => {
    const row = at(usable.opinions, index);
    return { ...row, role, fold, reason, weight: isHuman(row.tier) ? row.agreement * inverseChance(row.propensity) : 0 };
  });
  const missing = { ...plan.missing, training: missingTraining(plan, planned, policy) };
  const trainable = trainableFolds(plan, planned);
  const tooFew = missing.training > 0 || missing.gate > 0 || !trainable;
  const mayFallBack = tooFew && champion === null && run.options.allow_synthetic && run.trigger.reason === "person";
  const generated = mayFallBack ? generatedRows(planned, usable.features, policy) : null;
  const { rows, features } = generated ?? { rows: planned, features: usable.features };
  const names = featureNamesOf(specialist);
  const path = await house.blobs.temporaryPath();
  await writeParquet(path, datasetFields(names), datasetBatches(rows, features, names));
  const { sha256, sizeBytes } = await house.blobs.adopt(path);
  const before = await newestCutoff(house, specialist.name, run.run_id);
  const people = rows.filter((row) => isHuman(row.tier) && row.role !== "out");
  const quality = checkRows(specialist, rows, features, championDataset, policy, house.now());
  const dataset: Dataset = {
    dataset_id: sha256,
    specialist: specialist.name,
    feature_schema: specialist.features.schema,
    feature_names: [...names],
    classes: [...specialist.classes],
    rows: rows.length,
    rows_by_role: { train: 0, gate: 0, out: 0, ...tally(rows, (row) => row.role) },
    rows_by_tier: tally(rows, (row) => row.tier),
    rows_by_class: Object.fromEntries(
      specialist.classes.map((name, label) => [name, people.filter((row) => row.label === label).length]),
    ),
    rows_left_out: {
      ...tally(
        rows.filter((row) => row.role === "out"),
        (row) => ROW_REASONS[row.reason],
      ),
      ...usable.unusable,
      ...usable.leftOut,
      ...(generated === null ? {} : { "kept to judge the next challenger": planned.length - rows.length }),
    },
    // generated rows alone look at no label of a person: every one is still new to the next run
    cutoff_sequence: generated === null ? cutoff : 0,
    new_human_labels: people.filter((row) => row.sequence > before).length,
    size_bytes: sizeBytes,
    findings: examined.findings.map((finding) => ({ ...summarizeFinding(finding) })),
    reviewer_agreement: gathered.agreement,
    machine_errors: gathered.machineErrors,
    quality: quality === null ? null : { ...quality },
    created_at: house.now(),
  };
  await house.store.addDataset(dataset);
  return {
    result: {
      dataset_id: sha256,
      split: generated === null ? plan.kind : "none",
      folds: generated === null ? plan.folds.length : 0,
      source: generated === null ? "feedback" : "synthetic",
      missing,
      trainable,
      human_rows: people.length,
      gate_rows_by_tier: tally(
        rows.filter((row) => row.role === "gate"),
        (row) => row.tier,
      ),
      gate_uses: rows.reduce((most, row) => (row.role === "gate" ? Math.max(most, gateUses(row.sequence)) : most), 0),
      fallen: examined.fallen.size,
      machine: { ...usable.leftOut, ...machineRows(rows) },
      findings: examined.findings.map((finding) => finding.sentence),
    },
    changes: { dataset_id: sha256, champion_version: champion?.version ?? null },
  };
}

/** Labels that are not a person's and went in all the same: they may train, at a weight that is chosen, and never judge. */
const machineRows = (rows: readonly DatasetRow[]): Record<string, number> =>
  tally(
    rows.filter((row) => !isHuman(row.tier)),
    (row) => `label of tier ${row.tier}: may train, never judges`,
  ) as Record<string, number>;

/** The judgements themselves, the larger part of what is read, are needed for the examination only, and let go after it. */
async function gatherAndExamine(
  house: House,
  specialist: Specialist,
  { cutoff, from, expected, seed }: { cutoff: number; from: number | null; expected: number; seed: number },
): Promise<{ gathered: Omit<Gathered, "judgements">; examined: Examined }> {
  const { judgements, ...gathered } = await gatherLabels(house, specialist, cutoff, from, expected);
  return { gathered, examined: await examine(house, { ...gathered, judgements }, specialist, seed) };
}

/** Why a row stays out of the dataset; null = it goes in. */
function whyLeftOut(row: LabelledOpinion, fallen: ReadonlySet<string>, allowSynthetic: boolean): string | null {
  if (fallen.has(row.feedback_id)) return "forensics: no person decided it";
  if (row.disputed) return "reviewers are evenly split";
  if (row.tier === "echo") return "label of tier echo: the model's own output";
  return row.tier === "synthetic" && !allowSynthetic ? "label of tier synthetic: not allowed to train" : null;
}

/** Every fold's challenger must have enough labels of people to learn from; machine labels do not count. */
function missingTraining(plan: EvidencePlan, rows: readonly DatasetRow[], policy: Policy): number {
  const folds: (number | null)[] = plan.folds.length === 0 ? [null] : plan.folds.map(({ fold }) => fold);
  const human = folds.map((fold) => trainingRows(plan, fold).filter((row) => isHuman(at(rows, row).tier)).length);
  return Math.max(0, policy.evidence.min_training_rows - Math.min(...human));
}

/** Shares and correlations are as sure on every n-th of many rows as on all. */
const QUALITY_ROWS = 20_000;

/** The checks of decide/quality-checks.ts over the human rows that train or judge; null when there are none. */
function checkRows(
  specialist: Specialist,
  rows: readonly DatasetRow[],
  features: Float64Array,
  champion: Dataset | null,
  policy: Policy,
  nowMs: number,
): QualityReport | null {
  const names = featureNamesOf(specialist);
  const all = rows.flatMap((row, index) => (row.role !== "out" && isHuman(row.tier) ? [index] : []));
  if (all.length === 0) return null;
  const step = Math.max(1, Math.ceil(all.length / QUALITY_ROWS));
  const used = all.filter((_, index) => index % step === 0);
  const championRows = champion === null ? 0 : Object.values(champion.rows_by_class).reduce((sum, count) => sum + count, 0);
  return checkQuality({
    featureNames: names,
    expectedNames: names,
    columns: names.map((_, column) => Float64Array.from(used, (row) => features[row * names.length + column] ?? Number.NaN)),
    labels: Uint8Array.from(used, (row) => at(rows, row).label),
    classes: specialist.classes,
    timesMs: Float64Array.from(used, (row) => at(rows, row).labelled_at),
    nowMs,
    policy,
    championShares:
      champion === null || championRows === 0
        ? null
        : specialist.classes.map((name) => (champion.rows_by_class[name] ?? 0) / championRows),
  });
}

interface Examined {
  readonly findings: readonly Finding[];
  /** Ids of judgements that are no longer human evidence. */
  readonly fallen: ReadonlySet<string>;
}

/** Looks at the human judgements; demotes in the store what is not a person's. */
async function examine(house: House, gathered: Gathered, specialist: Specialist, seed: number): Promise<Examined> {
  const human = gathered.judgements.filter((judgement) => isHuman(judgement.tier));
  const found = examineLabels(
    human.map((judgement) => new ExaminedJudgement(judgement, gathered)),
    { classes: specialist.classes, seed },
  );
  const findings = byPolicy(found, house.policyOf(specialist));
  const ids = human.map(({ feedback_id }) => feedback_id);
  const effects = worstEffects(findings, human.length);
  const fallen = await takeDown(house, ids, effects, findings, human[0]?.opinion_id ?? "");
  return { findings, fallen };
}

/** A judgement as forensics reads it. A view: copies of 200,000 judgements, each with a view of its vector, are a tenth of a gigabyte. */
class ExaminedJudgement implements ForensicRow {
  readonly #judgement: Judgement;
  readonly #gathered: Gathered;

  constructor(judgement: Judgement, gathered: Gathered) {
    this.#judgement = judgement;
    this.#gathered = gathered;
  }
  get opinion_id() {
    return this.#judgement.opinion_id;
  }
  get reviewer() {
    return this.#judgement.reviewer;
  }
  get recommendation() {
    return this.#judgement.recommendation;
  }
  get rating() {
    return this.#judgement.rating;
  }
  get submitted_at() {
    return this.#judgement.submitted_at;
  }
  get tier() {
    return this.#judgement.tier;
  }
  get opinion_confidence() {
    return this.#judgement.opinion_confidence;
  }
  get opinion_decision() {
    const { opinion_state, opinion_decision } = this.#judgement;
    return opinion_state === "no_champion" || opinion_state === "generated" ? null : opinion_decision;
  }
  get features() {
    const { row } = this.#judgement;
    const { width, features } = this.#gathered;
    return row < 0 ? NO_VECTOR : features.subarray(row * width, (row + 1) * width);
  }
}
const NO_VECTOR = new Float64Array();

type Usable = Pick<Gathered, "opinions" | "features" | "unusable"> & { readonly leftOut: Record<string, number> };

/** The opinions that may go into the dataset; the others are counted by reason. */
function leaveOut(gathered: Omit<Gathered, "judgements">, why: (row: LabelledOpinion) => string | null): Usable {
  const { opinions, features, width, unusable } = gathered;
  const leftOut: Record<string, number> = {};
  const keep: number[] = [];
  opinions.forEach((row, index) => {
    const reason = why(row);
    if (reason === null) keep.push(index);
    else leftOut[reason] = (leftOut[reason] ?? 0) + 1;
  });
  if (keep.length === opinions.length) return { opinions, features, unusable, leftOut };
  const kept = new Float64Array(keep.length * width);
  for (const [row, index] of keep.entries()) kept.set(features.subarray(index * width, (index + 1) * width), row * width);
  return { opinions: keep.map((index) => at(opinions, index)), features: kept, unusable, leftOut };
}

interface Seen {
  has(row: { opinion_id: string; group: string; labelled_at: number }): boolean;
  /** When the champion's snapshot was taken, ms; -Infinity without a champion. */
  readonly untilMs: number;
}

/**
 * What the champion saw: the rows of its dataset. A champion whose dataset is not here (made elsewhere) counts as having seen everything
 * labelled before it was registered.
 */
async function seenByChampion(house: House, dataset: Dataset | null, registeredAtMs: number | null): Promise<Seen> {
  if (registeredAtMs === null) return { has: () => false, untilMs: Number.NEGATIVE_INFINITY };
  if (dataset === null) return { has: (row) => row.labelled_at <= registeredAtMs, untilMs: registeredAtMs };
  const { opinionIds, groups } = await readSeen(await house.blobs.path(dataset.dataset_id));
  return { has: (row) => opinionIds.has(row.opinion_id) || groups.has(row.group), untilMs: dataset.created_at };
}

/** A dataset whose rows are here, or come from its MLflow run; null when nobody has them. */
async function datasetOf(house: House, datasetId: string | null, mlflowRunId: string | null): Promise<Dataset | null> {
  const dataset = datasetId === null ? null : await house.store.getDataset(datasetId);
  if (dataset === null) return null;
  return (await haveRunFile(house, dataset.dataset_id, mlflowRunId, RUN_FILES.dataset)) ? dataset : null;
}

/** How many verdicts against this champion looked at a row already: those whose snapshot reached its sequence number. */
async function priorLooks(house: House, specialist: string, champion: string | null): Promise<(sequence: number) => number> {
  const { items } = await house.store.listVerdicts({ specialist }, { limit: 1000 });
  const against = items.filter(({ inputs }) => (inputs.champion?.version ?? null) === champion);
  const cutoffs = await Promise.all(
    against.map(async ({ inputs }) => (await house.store.getDataset(inputs.dataset_id))?.cutoff_sequence ?? 0),
  );
  return (sequence) => cutoffs.filter((cutoff) => cutoff >= sequence).length;
}

/** Cut-off of the newest snapshot of another run. */
async function newestCutoff(house: House, specialist: string, runId: string): Promise<number> {
  const { items } = await house.store.listRuns({ specialist, state: "finished" }, { limit: 100 });
  const last = items.find((run) => run.run_id !== runId && run.dataset_id !== null);
  return last?.dataset_id == null ? 0 : ((await house.store.getDataset(last.dataset_id))?.cutoff_sequence ?? 0);
}

/** Every challenger, of the folds and the final one, must see at least two classes. */
function trainableFolds(plan: EvidencePlan, rows: readonly DatasetRow[]): boolean {
  const folds: (number | null)[] = [null, ...plan.folds.map(({ fold }) => fold)];
  return folds.every((fold) => new Set(Array.from(trainingRows(plan, fold), (row) => at(rows, row).label)).size >= 2);
}

function tally<T, K extends string>(items: readonly T[], keyOf: (item: T) => K): Partial<Record<K, number>> {
  const counts: Partial<Record<K, number>> = {};
  for (const item of items) {
    const key = keyOf(item);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no item ${index} among ${items.length}`);
  return item;
}

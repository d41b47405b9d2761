import { z } from "zod";
import { RequeenError } from "../core/errors.ts";
import type { Opinion } from "../core/opinion.ts";
import type { Specialist } from "../core/specialist.ts";
import { timestamp } from "../core/time.ts";
import { type DriftInput, type DriftLimits, type DriftResult, measureDrift } from "../decide/drift.ts";
import { VERSION_TAGS } from "../registry/names.ts";
import type { ModelVersion } from "../registry/registry.ts";
import { readParquet } from "../store/parquet.ts";
import { championVersion } from "./champion.ts";
import { featureNamesOf } from "./feature-names.ts";
import { haveRunFile, RUN_FILES } from "./fetch-file.ts";
import { type House, specialistOf } from "./house.ts";
import { readPredictions } from "./predictions-file.ts";

const countPair = z.strictObject({ agreed: z.int().nonnegative(), labelled: z.int().nonnegative() });
const numberPair = z.strictObject({ reference: z.number(), current: z.number() });

/** What a look at one specialist found. The newest is kept as a setting of the store. */
export const driftReportSchema = z.strictObject({
  specialist: z.string(),
  /** `unknown`: nothing can be said, and `why` tells the reason; never counted as no drift. */
  state: z.enum(["drift", "stable", "unknown"]),
  why: z.string(),
  checked_at: timestamp,
  window_hours: z.number(),
  champion_version: z.string().nullable(),
  dataset_id: z.string().nullable(),
  rows: z.strictObject({ reference: z.int(), current: z.int() }),
  /** Share of the features that drifted. */
  share: z.number(),
  features: z.array(
    z.strictObject({
      feature: z.string(),
      psi: z.number(),
      test: z.enum(["ks", "chi2"]),
      p: z.number(),
      p_adjusted: z.number(),
      drifted: z.boolean(),
      missing: numberPair,
      mean: z.strictObject({ reference: z.number().nullable(), current: z.number().nullable() }),
    }),
  ),
  /** What the champion expects of itself; absent in reports of before it was looked at, null where too little is known. */
  score: z
    .strictObject({ p: z.number(), p_adjusted: z.number(), expected_accuracy: numberPair, drifted: z.boolean() })
    .nullable()
    .optional(),
  agreement: z
    .strictObject({ reference: countPair, current: countPair, p: z.number(), p_adjusted: z.number(), dropped: z.boolean() })
    .nullable(),
});
export type DriftReport = z.output<typeof driftReportSchema>;
export type ShownDrift = z.input<typeof driftReportSchema>;
export const showDrift = (report: DriftReport): ShownDrift => driftReportSchema.encode(report);

const settingOf = (specialist: string): string => `drift:${specialist}`;

/** What the last look found; null before the first. */
export async function readDrift({ store }: Pick<House, "store">, specialist: string): Promise<DriftReport | null> {
  const stored = await store.getSetting(settingOf(specialist));
  return stored === null || stored === undefined ? null : driftReportSchema.decode(stored as ShownDrift);
}

/** The newest of the window; more would make no test surer. */
const MOST_OPINIONS = 5_000;
const PAGE = 500;
const HOUR_MS = 3_600_000;

export interface DriftQuestion {
  readonly windowHours: number;
  readonly limits: DriftLimits;
}

/**
 * Compares the vectors of the opinions of the last hours with the rows that the champion learnt from, feature by feature, and how often people
 * agree with it now with how often they did. Stores what it found, unless `keep` is false.
 * @throws RequeenError specialist_not_found, registry_unavailable, digest_mismatch
 */
export async function checkDrift(house: House, name: string, question: DriftQuestion, keep = true): Promise<DriftReport> {
  const report = await lookAt(house, specialistOf(house, name), question);
  if (keep) await house.store.putSetting(settingOf(name), showDrift(report));
  return report;
}

async function lookAt(house: House, specialist: Specialist, { windowHours, limits }: DriftQuestion): Promise<DriftReport> {
  const now = house.now();
  const since = now - windowHours * HOUR_MS;
  const champion = await championVersion(house, specialist);
  const datasetId = champion?.tags[VERSION_TAGS.dataset] ?? null;
  const empty = {
    specialist: specialist.name,
    checked_at: now,
    window_hours: windowHours,
    champion_version: champion?.version ?? null,
    dataset_id: datasetId,
    rows: { reference: 0, current: 0 },
    share: 0,
    features: [],
    agreement: null,
  };
  const unknown = (why: string, rows = empty.rows): DriftReport => ({ ...empty, rows, state: "unknown", why });
  if (champion === null) return unknown("There is no champion yet, so nothing to compare with.");
  if (datasetId === null || !(await haveRunFile(house, datasetId, champion.runId, RUN_FILES.dataset)))
    return unknown(
      `The rows that version ${champion.version} learnt from are neither in this data folder nor with its MLflow run.`,
    );

  const names = featureNamesOf(specialist);
  const reference = await readReference(house, datasetId, names);
  const recent = await recentOpinions(house, specialist, since);
  const current = columnsOf(
    recent.flatMap(({ features }) => (features === null ? [] : [features.values])),
    names.length,
  );
  const rows = { reference: reference[0]?.length ?? 0, current: current[0]?.length ?? 0 };
  const agreement = await readAgreement(house, specialist, champion, since, limits.minRows);
  if (Math.min(rows.reference, rows.current) < limits.minRows && agreement === null)
    return unknown(
      `${rows.current} opinions in the last ${windowHours} hours and ${rows.reference} rows that the champion learnt from; ${limits.minRows} of each are needed.`,
      rows,
    );
  const enough = Math.min(rows.reference, rows.current) >= limits.minRows;
  const score = await readScores(house, specialist, champion, recent, limits.minRows);
  const result = measureDrift({ featureNames: enough ? names : [], reference, current, agreement, score }, limits);
  return {
    ...empty,
    rows,
    state: result.drift ? "drift" : "stable",
    why: sentenceOf(result, rows.current, windowHours, enough),
    share: result.share,
    features: [...result.features],
    score: result.score,
    agreement: result.agreement,
  };
}

function sentenceOf({ features, agreement, score }: DriftResult, opinions: number, windowHours: number, enough: boolean): string {
  const parts: string[] = [];
  const drifted = features.filter((one) => one.drifted).sort((a, b) => b.psi - a.psi);
  const shown = drifted.slice(0, 3).map(({ feature, psi }) => `${feature} (PSI ${psi.toFixed(2)})`);
  if (!enough) parts.push(`Too few opinions to compare features (${opinions}).`);
  else if (drifted.length === 0)
    parts.push(`No feature of ${features.length} drifted over ${opinions} opinions of the last ${windowHours} hours.`);
  else
    parts.push(
      `${drifted.length} of ${features.length} features drifted: ${shown.join(", ")}${drifted.length > 3 ? " and others" : ""}.`,
    );
  if (score?.drifted === true) {
    const { reference, current } = score.expected_accuracy;
    parts.push(
      `It is less sure of itself: its probabilities let expect ${(100 * current).toFixed(1)} % right decisions now, ${(100 * reference).toFixed(1)} % where it was judged.`,
    );
  }
  if (agreement?.dropped === true)
    parts.push(`People agree with ${share(agreement.current)} of its opinions now, with ${share(agreement.reference)} before.`);
  return parts.join(" ");
}

const share = ({ agreed, labelled }: { agreed: number; labelled: number }): string =>
  `${((100 * agreed) / Math.max(1, labelled)).toFixed(1)} % (${labelled})`;

/** Columns of the rows that the champion was trained and judged on. */
async function readReference(house: House, datasetId: string, names: readonly string[]): Promise<Float64Array[]> {
  const path = await house.blobs.path(datasetId);
  const table = await readParquet(path, { columns: ["_role", ...names] }).catch((cause: Error) => {
    throw new RequeenError(
      "digest_mismatch",
      `the dataset ${datasetId} has other features than the specialist: ${cause.message}`,
      { dataset_id: datasetId },
      { cause },
    );
  });
  const used = table.texts("_role").map((role) => role !== "out");
  return names.map((name) => Float64Array.from(table.numbers(name)).filter((_, row) => used[row] === true));
}

/** What drift needs of an opinion: bulk such as the plan is let go at once. */
type RecentOpinion = Pick<Opinion, "features" | "probabilities" | "model">;

async function recentOpinions(house: House, { name, features: { schema } }: Specialist, since: number): Promise<RecentOpinion[]> {
  const found: RecentOpinion[] = [];
  for (let cursor: string | undefined; found.length < MOST_OPINIONS; ) {
    const { items, next } = await house.store.listOpinions({ specialist: name, evaluatedFrom: since }, { limit: PAGE, cursor });
    for (const opinion of items) {
      const { features, probabilities, model } = opinion;
      if (isComparable(opinion, schema) && features !== null) found.push({ features, probabilities, model });
    }
    if (next === null) break;
    cursor = next;
  }
  return found;
}

/**
 * The champion's probabilities of what it decides now, and those on the rows that judged it, which its folds had not trained on. Null where
 * either side has too few, or the predictions are not here.
 */
async function readScores(
  house: House,
  { classes }: Specialist,
  champion: ModelVersion,
  recent: readonly RecentOpinion[],
  minRows: number,
): Promise<DriftInput["score"]> {
  const current = recent.flatMap(({ model, probabilities }) =>
    model?.version === champion.version && probabilities !== null ? [Math.max(...Object.values(probabilities))] : [],
  );
  const verdictId = champion.tags[VERSION_TAGS.verdict];
  const record = verdictId === undefined ? null : await house.store.getVerdict(verdictId);
  if (record === null || current.length < minRows || record.verdict.rows.count < minRows) return null;
  if (record.verdict.classes.join() !== classes.join()) return null;
  if (!(await haveRunFile(house, record.inputs.predictions_sha256, champion.runId, RUN_FILES.predictions))) return null;
  const { challenger, weights } = await readPredictions(house.blobs, record.inputs.predictions_sha256, classes);
  const c = classes.length;
  const reference = Float64Array.from(weights, (_, row) => Math.max(...challenger.subarray(row * c, (row + 1) * c)));
  return { reference, weights, current: Float64Array.from(current) };
}

/** Generated opinions say nothing of what comes in. */
const isComparable = ({ state, features }: Opinion, schema: string): boolean =>
  state !== "generated" && features?.schema === schema;

const columnsOf = (vectors: readonly (readonly (number | null)[])[], width: number): Float64Array[] =>
  Array.from({ length: width }, (_, column) => Float64Array.from(vectors, (values) => values[column] ?? Number.NaN));

/**
 * Agreement of people with the champion's opinions of the window, and with those before; where too few of those are labelled, with the rows of
 * the verdict that promoted it. Null where either side has too few.
 */
async function readAgreement(
  house: House,
  specialist: Specialist,
  champion: ModelVersion,
  since: number,
  minRows: number,
): Promise<Pick<NonNullable<DriftResult["agreement"]>, "reference" | "current"> | null> {
  const tiers = house.policyOf(specialist).gate_tiers;
  const sides = { reference: { agreed: 0, labelled: 0 }, current: { agreed: 0, labelled: 0 } };
  for await (const batch of house.store.streamLabels(specialist.name, { tiers })) {
    for (const row of batch) {
      if (row.model_version !== champion.version || row.opinion_state !== "judged") continue;
      const side = row.evaluated_at >= since ? sides.current : sides.reference;
      side.labelled += 1;
      if (row.recommendation === row.opinion_decision) side.agreed += 1;
    }
  }
  const enough = minRows / 2;
  const reference = sides.reference.labelled >= enough ? sides.reference : await readGate(house, champion);
  return Math.min(reference.labelled, sides.current.labelled) < enough ? null : { reference, current: sides.current };
}

/** How often it was right on the rows of the verdict that promoted it. */
async function readGate({ store }: House, champion: ModelVersion): Promise<{ agreed: number; labelled: number }> {
  const verdictId = champion.tags[VERSION_TAGS.verdict];
  const record = verdictId === undefined ? null : await store.getVerdict(verdictId);
  const accuracy = record?.verdict.models.challenger?.accuracy ?? null;
  const labelled = accuracy === null ? 0 : (record?.verdict.rows.count ?? 0);
  return { agreed: Math.round((accuracy ?? 0) * labelled), labelled };
}

import { RequeenError } from "../core/errors.ts";
import { type Run, stepResult } from "../core/run.ts";
import { toIso } from "../core/time.ts";
import type { Verdict } from "../core/verdict.ts";
import { chartModel, type ModelCharts } from "../decide/model-charts.ts";
import { decodeModel, shapImportance, splitImportance } from "../engine/index.ts";
import { readParquet } from "../store/parquet.ts";
import type { House } from "./house.ts";
import { readPredictions } from "./predictions-file.ts";
import { type ShownDataset, showDataset } from "./present.ts";

/** What a page draws of a run: both models on the rows that judged them, what the challenger looks at, and what it was made of. */
export interface RunCharts {
  readonly run_id: string;
  readonly specialist: string;
  readonly classes: readonly string[];
  /** Rows of the gate. */
  readonly rows: number;
  readonly challenger: ModelCharts;
  /** Null: the challenger was the first. */
  readonly champion: ModelCharts | null;
  /** Of the challenger, by falling share; they sum to 1. */
  readonly importance: readonly { readonly feature: string; readonly share: number }[];
  /** How the shares were found: what splits part (trees), or mean parts of the output over rows (SHAP). */
  readonly importance_method: "splits" | "shap";
  /** From the verdict; empty before it. */
  readonly slices: Verdict["slices"];
  readonly models: Verdict["models"] | null;
  readonly dataset: ShownDataset | null;
  /** Rows of the dataset that train or judge by the time of their label, at most 10 spans of equal length, oldest first. */
  readonly rows_by_time: readonly TimeSpan[];
  /** What the training wrote down: calibrators tried, parameters searched. */
  readonly training: unknown;
}

export interface TimeSpan {
  readonly from: string;
  readonly to: string;
  readonly rows: number;
}

const MOST_SPANS = 10;

/** Rows that SHAP looks at. */
const IMPORTANCE_ROWS = 500;

/**
 * Computed from the files that the run left: its predictions, its model, its dataset.
 * @throws RequeenError run_not_found; not_found when the run has not trained, or its files are gone; digest_mismatch
 */
export async function readRunCharts(house: House, runId: string): Promise<RunCharts> {
  const run = await house.store.getRun(runId);
  if (run === null) throw new RequeenError("run_not_found", `there is no run ${JSON.stringify(runId)}`, { run_id: runId });
  const dataset = run.dataset_id === null ? null : await house.store.getDataset(run.dataset_id);
  const trained = stepResult(run, "train");
  const predictionsDigest = trained?.predictions_sha256;
  const modelDigest = trained?.model_sha256;
  if (dataset === null || typeof predictionsDigest !== "string" || typeof modelDigest !== "string")
    throw new RequeenError("not_found", `run ${runId} has no charts: it has not trained (it is ${run.state})`, { run_id: runId });
  const { classes } = dataset;
  const predictions = await readPredictions(house.blobs, predictionsDigest, classes);
  const verdict = run.verdict_id === null ? null : await house.store.getVerdict(run.verdict_id);
  return {
    run_id: run.run_id,
    specialist: run.specialist,
    classes,
    rows: predictions.ids.length,
    challenger: chartModel(predictions.challenger, predictions.labels, classes),
    champion: predictions.champion === null ? null : chartModel(predictions.champion, predictions.labels, classes),
    ...(await importanceOf(house, run, modelDigest)),
    slices: verdict?.verdict.slices ?? [],
    models: verdict?.verdict.models ?? null,
    dataset: showDataset(dataset),
    rows_by_time: spansOf(await labelTimes(house, dataset.dataset_id)),
    training: trained?.report ?? null,
  };
}

async function importanceOf(
  house: House,
  run: Run,
  modelDigest: string,
): Promise<Pick<RunCharts, "importance" | "importance_method">> {
  const { model, featureNames } = decodeModel(await house.blobs.get(modelDigest));
  const isTrees = "trees" in model;
  const shares = isTrees
    ? splitImportance(model)
    : shapImportance(model, await columnsOf(house, run.dataset_id ?? "", featureNames));
  const importance = featureNames
    .map((feature, index) => ({ feature, share: shares[index] ?? 0 }))
    .sort((a, b) => b.share - a.share || (a.feature < b.feature ? -1 : 1));
  return { importance, importance_method: isTrees ? "splits" : "shap" };
}

/** Every n-th row of the snapshot, so that a large one costs no more. */
async function columnsOf(house: House, datasetId: string, names: readonly string[]): Promise<Float64Array[]> {
  const table = await readParquet(await house.blobs.path(datasetId), { columns: names });
  const step = Math.max(1, Math.ceil(table.rows / IMPORTANCE_ROWS));
  return names.map((name) => table.numbers(name).filter((_, row) => row % step === 0));
}

async function labelTimes(house: House, datasetId: string): Promise<Float64Array> {
  const table = await readParquet(await house.blobs.path(datasetId), { columns: ["_labelled_at", "_role"] });
  const roles = table.texts("_role");
  return Float64Array.from(table.numbers("_labelled_at")).filter((_, row) => roles[row] !== "out");
}

/** @param times ms since the epoch. */
export function spansOf(times: Float64Array): TimeSpan[] {
  if (times.length === 0) return [];
  const first = times.reduce((least, time) => Math.min(least, time), Infinity);
  const last = times.reduce((most, time) => Math.max(most, time), -Infinity);
  const spans = last === first ? 1 : MOST_SPANS;
  const length = Math.max(1, (last - first) / spans);
  const counts = new Uint32Array(spans);
  for (const time of times) {
    const span = Math.min(spans - 1, Math.floor((time - first) / length));
    counts[span] = (counts[span] ?? 0) + 1;
  }
  return Array.from(counts, (rows, span) => ({
    from: toIso(Math.round(first + span * length)),
    to: toIso(Math.round(first + (span + 1) * length)),
    rows,
  }));
}

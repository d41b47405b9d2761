import type { ModelTypeName, Specialist } from "../core/specialist.ts";
import type { TrainingSettings } from "../core/training-settings.ts";
import {
  type Grid,
  numberCategorical,
  ORIGINAL_PRESETS,
  PARAMETERS,
  type Params,
  separateTrials,
  type TuningMetric,
  type TuningOptions,
} from "../engine/index.ts";

interface Preset {
  readonly params: Params;
  readonly grid: Grid | null;
}

/** The original system's hyperparameters and grid, where it had the learner. */
const presetOf = (modelType: ModelTypeName): Preset | null =>
  (ORIGINAL_PRESETS as Partial<Record<ModelTypeName, Preset>>)[modelType] ?? null;

/**
 * The parameters of a model type: the original ones, and the specialist's own over them. Trees read the specialist's categorical columns as
 * categories, unless it says which by itself; one with a monotone constraint keeps the order of its values.
 * @param featureNames of the vectors to train on, in their order.
 */
export function paramsOf(
  modelType: ModelTypeName,
  { training, features }: Pick<Specialist, "training" | "features">,
  featureNames: readonly string[],
): Params {
  const params: Params = { ...presetOf(modelType)?.params, ...training.params[modelType] };
  if (!("categoricalFeatures" in PARAMETERS[modelType])) return params;
  if (params.categoricalFeatures !== undefined) return numberCategorical(params, featureNames);
  const { monotonicCst } = params;
  const isOrdered = (column: number): boolean => Array.isArray(monotonicCst) && (monotonicCst[column] ?? 0) !== 0;
  const named = "columns" in features ? features.columns.filter(({ kind }) => kind === "categorical") : [];
  const categorical = named.map(({ name }) => featureNames.indexOf(name)).filter((column) => column >= 0 && !isOrdered(column));
  return categorical.length === 0 ? params : { ...params, categoricalFeatures: categorical };
}

/** A search as it crosses to a thread or a pod. */
export interface Search {
  readonly method: TuningOptions["method"];
  readonly grid: Grid;
  readonly trials: number;
  readonly folds: number;
  readonly by: "class" | "time";
  readonly metric: TuningMetric;
  /** Milliseconds; null: no limit. */
  readonly budgetMs: number | null;
}

/** The search that tuning a model type means; null: neither the specialist nor the original system names a grid. */
export function searchOf(modelType: ModelTypeName, { search }: TrainingSettings): Search | null {
  const grid = search.grid[modelType] ?? presetOf(modelType)?.grid ?? null;
  if (grid === null) return null;
  const { method, trials, folds, by, metric, budget_seconds: seconds } = search;
  return { method, grid, trials, folds, by, metric, budgetMs: seconds === undefined ? null : seconds * 1000 };
}

/** The engine's form. @param times of the rows, for a search by time. */
export function tuningOptionsOf(search: Search, times: Float64Array): Omit<TuningOptions, "params" | "groups"> {
  const { method, grid, trials, folds, metric, by, budgetMs } = search;
  return {
    method,
    grid,
    trials,
    folds,
    metric,
    ...(by === "time" ? { times } : {}),
    ...(budgetMs === null ? {} : { budgetMs, now: () => performance.now() }),
  };
}

/**
 * The trials of one fit's search, dealt to as many tasks as keep `width` threads or pods busy when `fits` searches go on at once. Empty
 * where that brings nothing: there is no search, it has a budget of time, the fits alone fill the places, or all trials are read out of
 * one training.
 */
export function dealTrials(
  { modelType, seed, params, search }: { modelType: ModelTypeName; seed: number; params: Params; search: Search | null },
  fits: number,
  width: number,
): Params[][] {
  const wanted = Math.ceil(width / fits);
  if (search === null || search.budgetMs !== null || wanted < 2) return [];
  const groups = separateTrials({ method: search.method, grid: search.grid, trials: search.trials, params }, modelType, seed);
  const parts = Math.min(wanted, groups.length);
  if (parts < 2) return [];
  // dealt in turn, so that no part gets all the large ones
  return Array.from({ length: parts }, (_, part) => groups.filter((_, index) => index % parts === part).flat());
}

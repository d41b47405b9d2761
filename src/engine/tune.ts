import { RequeenError } from "../core/errors.ts";
import type { ForestType } from "./forest.ts";
import { LEARNERS } from "./learners.ts";
import { brierScore, logLoss, rocAuc, scoreDecisions } from "./metrics.ts";
import { type ModelType, mostLikely, predictProbabilities } from "./model.ts";
import { type NestedConfig, predictNested } from "./nested-forest.ts";
import { EXTRA_TREES_PARAMETERS, FOREST_PARAMETERS, PARAMETERS } from "./parameter-tables.ts";
import { type ParameterValue, resolveParameters } from "./parameters.ts";
import { deriveSeed, SeededRandom } from "./seeded-random.ts";
import { splitFolds, splitTemporal, type Turn, turnsOfFolds } from "./split-folds.ts";
import {
  checkTrainingData,
  putRows,
  type TrainingData,
  takeColumnRows,
  takeRows,
  throwIfCancelled,
  type Watch,
} from "./training-data.ts";
import type { TuningMetric } from "./tuning-metrics.ts";

export type Params = Readonly<Record<string, ParameterValue>>;
/** Values to try of each parameter. */
export type Grid = Readonly<Record<string, readonly ParameterValue[]>>;

export interface TuningOptions {
  /** "grid": every combination. "random": `trials` of them. "halving": all, on a third of the rows; the better third on more; and so on. */
  readonly method: "grid" | "random" | "halving";
  readonly grid: Grid;
  /** Parameters that all trials share. */
  readonly params?: Params;
  /** Combinations that "random" draws, without repeats. Default 20. */
  readonly trials?: number;
  /** Default 3. */
  readonly folds?: number;
  /** Default "log_loss". */
  readonly metric?: TuningMetric;
  /** uint32 [n]: rows of one group stay in one fold. */
  readonly groups?: Uint32Array;
  /** float64 [n]: train on the past, test on the future; replaces folds by class. */
  readonly times?: Float64Array;
  /** No new trial begins after this many milliseconds; needs `now`. What is tried then depends on the machine. */
  readonly budgetMs?: number;
  readonly now?: () => number;
  /** Trials of an earlier, interrupted tuning: they are not done again. */
  readonly done?: readonly Trial[];
  /** Called as soon as a trial is done, for a log that `done` can be read from; forests that are read out of one come together. */
  readonly onTrial?: (trial: Trial) => void;
}

export interface Trial {
  readonly params: Params;
  /** Mean over the turns, as the metric is: less is better for log_loss and brier. */
  readonly score: number;
  readonly turnScores: readonly number[];
  /** Share of the training rows that it was given: below 1 in the first rounds of halving. */
  readonly rowShare: number;
}

export interface Tuning {
  readonly best: Params;
  readonly trials: readonly Trial[];
  readonly metric: TuningMetric;
  /** True when the budget ended before all trials were done. */
  readonly outOfTime: boolean;
}

/** What a search found, and what its models said of rows that they did not see. */
export interface Searched {
  readonly tuning: Tuning;
  /**
   * Every row by a forest with the best parameters that was trained on the other folds; null for other learners, where the turns do not predict every
   * row (by time), or leave the forests half of the rows (two folds). Cost: none where the search itself has trained them and kept what they said (see
   * KEPT_BYTES); else a training a fold.
   * @returns float64 [n x classes].
   */
  predictHeldOut(): Float64Array | null;
}

/**
 * Searches parameters by cross-validation. Of equal scores the first trial wins. Same data, options and seed: same trials, in order.
 * Forests that differ in nEstimators, maxDepth and minSamplesSplit alone are read out of one forest (see nested-forest.ts).
 * @throws bad_parameter, bad_data before any work; cancelled.
 */
export function tuneClassifier(
  data: TrainingData,
  modelType: ModelType,
  options: TuningOptions,
  seed: number,
  watch?: Watch,
): Tuning {
  return searchParameters(data, modelType, options, seed, watch).tuning;
}

/** As `tuneClassifier`, with the predictions of the rows held out. */
export function searchParameters(
  data: TrainingData,
  modelType: ModelType,
  options: TuningOptions,
  seed: number,
  watch?: Watch,
): Searched {
  checkTrainingData(data);
  const metric = options.metric ?? "log_loss";
  const all = listTrials(options, modelType, seed);
  const turns = makeTurns(data, options, seed);
  const search = new Search(data, modelType, options, metric, turns, seed, watch);
  if (options.method !== "halving") {
    search.run(all, 1);
    return search.finish();
  }
  let candidates = all;
  // as many rounds as thirds are left, but never fewer than 30 training rows or twice the classes
  const least = Math.max(30, 2 * data.classCount);
  const smallest = turns.reduce((rows, turn) => Math.min(rows, turn.train.length), Number.POSITIVE_INFINITY);
  let rounds = 0;
  while (3 ** (rounds + 1) <= candidates.length && smallest / 3 ** (rounds + 1) >= least) rounds++;
  for (let round = rounds; round >= 0; round--) {
    const scored = search.run(candidates, 1 / 3 ** round);
    const keep = Math.max(1, Math.ceil(candidates.length / 3));
    if (round > 0)
      candidates = sortByScore(scored, metric)
        .slice(0, keep)
        .map((trial) => trial.params);
  }
  return search.finish();
}

/**
 * The trials of a search in the groups that can be done apart, on other threads or machines: trials that share a forest stay together.
 * Given back to `tuneClassifier` as `done`, what `scoreTrials` makes of them leaves it nothing to train. Halving has one group, since what
 * it tries later depends on what came out before.
 */
export function separateTrials(
  options: Pick<TuningOptions, "method" | "grid" | "params" | "trials">,
  modelType: ModelType,
  seed: number,
): Params[][] {
  const all = listTrials(options, modelType, seed);
  return options.method === "halving" ? [all] : groupTrials(all, modelType);
}

/** Scores some trials of a search on all rows, exactly as the search itself would. @throws as tuneClassifier */
export function scoreTrials(
  data: TrainingData,
  modelType: ModelType,
  options: TuningOptions,
  seed: number,
  trials: readonly Params[],
  watch?: Watch,
): readonly Trial[] {
  checkTrainingData(data);
  const turns = makeTurns(data, options, seed);
  return new Search(data, modelType, options, options.metric ?? "log_loss", turns, seed, watch).run(trials, 1);
}

/** Every combination, or the drawn ones; the last name varies fastest. Checked before any work. */
function listTrials(
  options: Pick<TuningOptions, "method" | "grid" | "params" | "trials">,
  modelType: ModelType,
  seed: number,
): Params[] {
  const names = Object.keys(options.grid);
  const sizes = names.map((name) => options.grid[name].length);
  const count = sizes.reduce((product, size) => product * size, 1);
  if (names.length === 0 || count === 0 || count > 100_000) {
    throw new RequeenError(
      "bad_parameter",
      `grid of the tuning must have 1 to 100000 combinations; got ${names.length === 0 ? 0 : count}`,
    );
  }
  const combination = (index: number): Params => {
    const params: Record<string, ParameterValue> = { ...options.params };
    let rest = index;
    for (let i = names.length - 1; i >= 0; i--) {
      params[names[i]] = options.grid[names[i]][rest % sizes[i]];
      rest = Math.floor(rest / sizes[i]);
    }
    resolveParameters(PARAMETERS[modelType], { ...params, seed }, modelType);
    return params;
  };
  const indices = Array.from({ length: count }, (_, index) => index);
  const trials = options.trials ?? 20;
  if (!Number.isInteger(trials) || trials < 1)
    throw new RequeenError("bad_parameter", `trials of the tuning must be an integer from 1; got ${trials}`);
  const chosen =
    options.method === "random" ? new SeededRandom(deriveSeed(seed, 0x7475)).shuffle(indices).slice(0, trials) : indices;
  return chosen.map(combination);
}

function makeTurns(data: TrainingData, options: TuningOptions, seed: number): Turn[] {
  const { groups, times, folds = 3 } = options;
  const rowCount = data.labels.length;
  if (!Number.isInteger(folds) || folds < 2 || folds > 50) {
    throw new RequeenError("bad_parameter", `folds of the tuning must be an integer in [2, 50]; got ${folds}`);
  }
  for (const [name, list] of [
    ["groups", groups],
    ["times", times],
  ] as const) {
    if (list !== undefined && list.length !== rowCount)
      throw new RequeenError("bad_data", `${name} must have ${rowCount} rows; got ${list.length}`);
  }
  const parts = times !== undefined ? new Set(times).size - 1 : groups !== undefined ? new Set(groups).size : rowCount;
  if (parts < folds) throw new RequeenError("bad_data", `${folds} folds need as many rows, groups or later times; got ${parts}`);
  const turns =
    times !== undefined
      ? splitTemporal(times, folds)
      : turnsOfFolds(splitFolds(data.labels, data.classCount, folds, deriveSeed(seed, 0x666f), groups), folds);
  turns.forEach((turn, index) => {
    const classes = new Set<number>();
    for (const row of turn.train) if (data.weights === undefined || data.weights[row] > 0) classes.add(data.labels[row]);
    if (classes.size < 2)
      throw new RequeenError("bad_data", `training rows of turn ${index} of the tuning must hold at least two classes`);
  });
  return turns;
}

const SIGN: Readonly<Record<TuningMetric, number>> = { log_loss: 1, brier: 1, accuracy: -1, macro_f1: -1, roc_auc: -1 };

/** The best first; of equal ones the earlier first. */
const sortByScore = (trials: readonly Trial[], metric: TuningMetric): Trial[] =>
  trials
    .map((trial, index) => ({ trial, index }))
    .sort((a, b) => SIGN[metric] * (a.trial.score - b.trial.score) || a.index - b.index)
    .map(({ trial }) => trial);

function scoreOf(metric: TuningMetric, probabilities: Float64Array, labels: Uint8Array, classCount: number): number {
  if (metric === "log_loss") return logLoss(probabilities, labels, classCount);
  if (metric === "brier") return brierScore(probabilities, labels, classCount);
  const value =
    metric === "roc_auc"
      ? rocAuc(probabilities, labels, classCount)
      : metric === "accuracy"
        ? scoreDecisions(labels, mostLikely(probabilities, classCount), classCount).accuracy
        : scoreDecisions(labels, mostLikely(probabilities, classCount), classCount).macro.f1;
  if (value === null)
    throw new RequeenError("bad_data", `${metric} is not defined on a turn of the tuning: a class has no rows there`);
  return value;
}

/** Predictions of a group of trials that are kept until its best is known: for 27 trials of two classes up to 150,000 rows. */
const KEPT_BYTES = 64 * 2 ** 20;
/** Of two, each model would have seen half of the rows: too unlike the model of all rows to calibrate it. */
const FEWEST_FOLDS = 3;

interface Kept {
  readonly trial: Trial;
  /** float64 [n x classes]. */
  readonly probabilities: Float64Array;
}

/** One search: its data, the trials done so far, and the clock. */
class Search {
  private readonly data: TrainingData;
  private readonly modelType: ModelType;
  private readonly options: TuningOptions;
  private readonly metric: TuningMetric;
  private readonly turns: readonly Turn[];
  private readonly seed: number;
  private readonly watch: Watch | undefined;
  private readonly trials: Trial[] = [];
  private readonly known: Map<string, Trial>;
  private readonly endMs: number;
  private outOfTime = false;
  private kept: Kept | null = null;

  constructor(
    data: TrainingData,
    modelType: ModelType,
    options: TuningOptions,
    metric: TuningMetric,
    turns: readonly Turn[],
    seed: number,
    watch?: Watch,
  ) {
    if (options.budgetMs !== undefined && options.now === undefined) {
      throw new RequeenError("bad_parameter", "budgetMs of the tuning needs now, the clock it is measured with; got none");
    }
    this.data = data;
    this.modelType = modelType;
    this.options = options;
    this.metric = metric;
    this.turns = turns;
    this.seed = seed;
    this.watch = watch;
    this.known = new Map((options.done ?? []).map((trial) => [keyOf(trial.params, trial.rowShare), trial]));
    this.endMs =
      options.budgetMs !== undefined && options.now !== undefined ? options.now() + options.budgetMs : Number.POSITIVE_INFINITY;
  }

  /** Does the trials, those that share a forest together; the first is done even without time. */
  run(candidates: readonly Params[], rowShare: number): Trial[] {
    const scored = new Map<Params, Trial>();
    let done = 0;
    for (const group of groupTrials(candidates, this.modelType)) {
      throwIfCancelled(this.watch, "tuning");
      const missing = group.filter((params) => !this.known.has(keyOf(params, rowShare)));
      if (missing.length > 0 && scored.size > 0 && (this.options.now?.() ?? 0) >= this.endMs) {
        this.outOfTime = true;
        break;
      }
      const fresh = missing.length > 0 ? this.score(missing, rowShare) : [];
      for (const params of group) {
        const trial = this.known.get(keyOf(params, rowShare)) ?? fresh[missing.indexOf(params)];
        scored.set(params, trial);
        // at once, so that what a crash or a cancellation interrupts is not lost
        this.options.onTrial?.(trial);
      }
      done += group.length;
      this.watch?.onProgress?.(done / candidates.length, "trials");
    }
    // in the order of the candidates, whatever was grouped
    const ordered = candidates.flatMap((params) => scored.get(params) ?? []);
    this.trials.push(...ordered);
    return ordered;
  }

  finish(): Searched {
    const full = this.trials.filter((trial) => trial.rowShare === 1);
    const [best] = sortByScore(full.length > 0 ? full : this.trials, this.metric);
    const tuning = { best: best.params, trials: this.trials, metric: this.metric, outOfTime: this.outOfTime };
    return { tuning, predictHeldOut: () => this.predictHeldOut(best) };
  }

  private score(group: readonly Params[], rowShare: number): Trial[] {
    const { data, metric } = this;
    const turnScores: number[][] = group.map(() => []);
    const size = data.labels.length * data.classCount;
    // the peak of a turn is a part of this
    const keeps = rowShare === 1 && this.holdsAllOut() && group.length * size * Float64Array.BYTES_PER_ELEMENT <= KEPT_BYTES;
    const heldOut = keeps ? group.map(() => new Float64Array(size)) : [];
    this.turns.forEach((turn, index) => {
      const rows = rowShare === 1 ? turn.train : this.sampleRows(turn.train, rowShare, index);
      const held = takeColumnRows(data.columns, turn.test);
      const labels = Uint8Array.from(turn.test, (row) => data.labels[row]);
      this.predict(takeRows(data, rows), group, held).forEach((probabilities, i) => {
        turnScores[i].push(scoreOf(metric, probabilities, labels, data.classCount));
        if (keeps) putRows(probabilities, turn.test, data.classCount, heldOut[i]);
      });
    });
    const trials = group.map((params, i) => {
      const score = turnScores[i].reduce((sum, value) => sum + value, 0) / turnScores[i].length;
      return { params, score, turnScores: turnScores[i], rowShare };
    });
    if (keeps) this.keepBest(trials, heldOut);
    return trials;
  }

  /** Keeps the predictions of the best trial; those of all would take too much memory. */
  private keepBest(trials: readonly Trial[], heldOut: readonly Float64Array[]): void {
    const { kept } = this;
    const [best] = sortByScore(kept === null ? trials : [kept.trial, ...trials], this.metric);
    if (best !== kept?.trial) this.kept = { trial: best, probabilities: heldOut[trials.indexOf(best)] };
  }

  private predictHeldOut(best: Trial): Float64Array | null {
    if (!this.holdsAllOut()) return null;
    const { data, kept, turns } = this;
    if (kept?.trial === best) return kept.probabilities;
    // what an earlier, interrupted search had done, or would have taken too much memory: the same numbers again
    const heldOut = new Float64Array(data.labels.length * data.classCount);
    for (const { train, test } of turns) {
      const [probabilities] = this.predict(takeRows(data, train), [best.params], takeColumnRows(data.columns, test));
      putRows(probabilities, test, data.classCount, heldOut);
    }
    return heldOut;
  }

  /**
   * Whether each row is held out by a forest that has seen most of the others. Other learners search for so long that refits weigh little, and five
   * calibrate a little better than these three (boosting, synthetic task of 1,000 rows: log loss 0.0010 +- 0.0006).
   */
  private holdsAllOut(): boolean {
    return isForest(this.modelType) && this.options.times === undefined && this.turns.length >= FEWEST_FOLDS;
  }

  private predict(train: TrainingData, group: readonly Params[], held: Float32Array[]): Float64Array[] {
    const { modelType, seed } = this;
    const watch: Watch = { ...this.watch, onProgress: undefined };
    if (!isForest(modelType)) {
      return group.map((params) =>
        predictProbabilities(LEARNERS[modelType].prepare({ ...params, seed }, modelType).train(train, watch), held),
      );
    }
    const resolved = group.map((params) =>
      modelType === "random_forest"
        ? resolveParameters(FOREST_PARAMETERS, { ...params, seed }, modelType)
        : resolveParameters(EXTRA_TREES_PARAMETERS, { ...params, seed }, modelType),
    );
    const configs: NestedConfig[] = resolved.map(({ nEstimators, maxDepth, minSamplesSplit }) => ({
      nEstimators,
      maxDepth,
      minSamplesSplit,
    }));
    return predictNested(modelType, train, resolved[0], configs, held, watch);
  }

  /** A share of the rows, as many of each class as that share, and of at least two classes. */
  private sampleRows(rows: Uint32Array, share: number, turn: number): Uint32Array {
    const labels = Uint8Array.from(rows, (row) => this.data.labels[row]);
    const foldOf = splitFolds(labels, this.data.classCount, Math.round(1 / share), deriveSeed(this.seed, 0x6861, turn));
    return rows.filter((_, i) => foldOf[i] === 0);
  }
}

/** Trials that are read out of one training stand in one group, the others alone; in the order in which they come. */
function groupTrials(candidates: readonly Params[], modelType: ModelType): Params[][] {
  const groups = new Map<string, Params[]>();
  for (const params of candidates) {
    const key = keyOf(isForest(modelType) ? withoutNested(params) : params, 1);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [params]);
    else group.push(params);
  }
  return [...groups.values()];
}

const isForest = (modelType: ModelType): modelType is ForestType => modelType === "random_forest" || modelType === "extra_trees";

const NESTED = new Set(["nEstimators", "maxDepth", "minSamplesSplit"]);
const withoutNested = (params: Params): Params =>
  Object.fromEntries(Object.entries(params).filter(([name]) => !NESTED.has(name)));
const keyOf = (params: Params, rowShare: number): string =>
  JSON.stringify([Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1)), rowShare]);

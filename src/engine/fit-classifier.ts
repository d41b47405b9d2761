import { RequeenError } from "../core/errors.ts";
import { applyCalibrator, type Calibrator, type CalibratorKind, isTried, LEAST_ROWS } from "./calibrate.ts";
import { categoricalMarks, checkCategories, numberCategorical } from "./categorical-columns.ts";
import { fitCalibrator } from "./fit-calibrator.ts";
import { LEARNERS } from "./learners.ts";
import { logLoss } from "./metrics.ts";
import { type Model, type ModelType, predictProbabilities } from "./model.ts";
import { electorateOf, firstTrees, isVotingGood, predictOutOfBag } from "./out-of-bag.ts";
import type { ParameterValue } from "./parameters.ts";
import { deriveSeed } from "./seeded-random.ts";
import { rowsOfFold, splitFolds } from "./split-folds.ts";
import { checkTrainingData, type Targets, type TrainingData, takeColumnRows, takeRows, type Watch } from "./training-data.ts";
import { type Params, type Tuning, type TuningOptions, tuneClassifier } from "./tune.ts";

/** What a classifier calls its classes and features; written into the model file. */
export interface Naming {
  /** One name a class, in the order of the labels. Default: "0", "1", ... */
  readonly classes: readonly string[];
  /** One name a column. Default: "f0", "f1", ... */
  readonly featureNames: readonly string[];
  /** Name and version of the feature schema, for example "plan/2"; "" = none. */
  readonly featureSchema: string;
}

export interface FitRequest extends Watch, Partial<Naming> {
  readonly data: TrainingData;
  readonly modelType: ModelType;
  /** Parameters of the learner; see `PARAMETERS`. `seed` is given below, not here. */
  readonly params?: Readonly<Record<string, ParameterValue | undefined>>;
  /**
   * "auto" chooses by cross-validated log loss, and with too few rows for folds leaves the model as it is; a name fits that one, or is
   * refused; "none" trains the model alone, without folds.
   */
  readonly calibration: "auto" | CalibratorKind;
  /**
   * On whose predictions the calibrator is fitted: "folds" = models trained without the row; "out_of_bag" = the trees of a forest that did
   * not draw it; "auto" (default) = the latter where it is as good.
   */
  readonly heldOut?: "auto" | "folds" | "out_of_bag";
  /** Searches the grid first and trains with its best parameters over `params`; false or absent = no search. */
  readonly tuning?: false | Omit<TuningOptions, "params" | "groups">;
  /** uint32 [n]. Rows of one group are never split between folds. */
  readonly groups?: Uint32Array;
  readonly seed: number;
}

/** Whose probabilities a calibrator was fitted on; "none" = there was no calibration. */
export const HELD_OUT = ["folds", "out_of_bag", "none"] as const;
export type HeldOut = (typeof HELD_OUT)[number];

/** How the calibrator was chosen. No times stand here: the same request gives the same report. */
export interface TrainingReport {
  readonly rowCount: number;
  readonly classRows: readonly number[];
  readonly seed: number;
  /** Folds of the cross-validation that chose the calibrator; 0 = there was none. */
  readonly folds: number;
  /** Whose probabilities the calibrator was fitted on: a model's for each fold that did not see it, or a forest's own trees' that did not draw the row. */
  readonly heldOut: HeldOut;
  readonly grouped: boolean;
  /** Mean log loss of each calibrator tried, on rows that neither model nor calibrator was fitted on. */
  readonly candidates: readonly { readonly kind: CalibratorKind; readonly logLoss: number }[];
  /** Every trial of the search for parameters, best parameters and metric; null = there was none. */
  readonly tuning: Tuning | null;
  /** Why a calibrator was not tried at all; "" when it was. */
  readonly note: string;
}

export interface FittedClassifier extends Naming {
  readonly model: Model;
  readonly calibrator: Calibrator;
  readonly classCount: number;
  readonly featureCount: number;
  readonly trainingReport: TrainingReport;
}

const FOLDS = 5;
const TOO_FEW = "needs two folds of rows or groups, each leaving two classes to train on";

/**
 * Trains a classifier and its calibrator. With calibration, every row is predicted held out: in 5 folds by a model trained on the other
 * four, or, where a forest's votes are as good, by those of its trees that did not draw the row (see out-of-bag.ts). On those predictions
 * each candidate calibrator is scored by cross-validated log loss, "none" among them, and the best one is fitted on all of them. The model
 * itself is trained on all rows.
 * Cost: 6 trainings, 2 with votes, 1 with calibration "none". Synchronous: run it in a worker thread.
 * @throws bad_parameter, bad_data before any work; cancelled.
 */
export function fitClassifier(request: FitRequest): FittedClassifier {
  const { data, modelType, calibration, groups, seed, signal, onProgress } = request;
  const resources = resourcesOf(request);
  if (!Object.hasOwn(LEARNERS, modelType)) {
    throw new RequeenError(
      "bad_parameter",
      `modelType must be one of ${Object.keys(LEARNERS).join(", ")}; got ${String(modelType)}`,
    );
  }
  if (calibration !== "auto" && !Object.hasOwn(LEAST_ROWS, calibration)) {
    throw new RequeenError(
      "bad_parameter",
      `calibration must be auto or one of ${Object.keys(LEAST_ROWS).join(", ")}; got ${String(calibration)}`,
    );
  }
  if ((calibration === "vector" || calibration === "dirichlet") && data.classCount === 2) {
    throw new RequeenError(
      "bad_parameter",
      `calibration ${calibration} needs three classes or more; of two, platt and beta are its forms`,
    );
  }
  LEARNERS[modelType].prepare({ ...request.params, seed }, modelType);
  checkTrainingData(data);
  const naming = checkNaming(request, data.classCount, data.columns.length);
  const numbered = numberCategorical(request.params ?? {}, naming.featureNames);
  checkCategories(data.columns, marksOf(numbered, data.columns.length, modelType));
  const given = LEARNERS[modelType].prepare({ ...numbered, seed }, modelType);
  if (groups !== undefined && groups.length !== data.labels.length) {
    throw new RequeenError("bad_data", `groups must have ${data.labels.length} rows; got ${groups.length}`);
  }
  const classRows = countClasses(data);
  const folds = calibration === "none" ? null : usableFolds(data, seed, groups);
  if (folds === null && calibration !== "none" && calibration !== "auto") {
    throw new RequeenError("bad_data", `calibration ${calibration} ${TOO_FEW}; got ${data.labels.length} rows`);
  }
  const tuning = search({ ...request, params: numbered });
  const { train, params } = tuning === null ? given : LEARNERS[modelType].prepare({ ...tuning.best, seed }, modelType);
  const foldCount = folds?.foldCount ?? 0;
  const electorate = folds === null ? null : findElectorate(request, params);
  const trainings = electorate === null ? foldCount + 1 : 1;
  // a search is counted as the first half
  const [start, length] = tuning === null ? [0, 1] : [0.5, 0.5];
  const part = (done: number): Watch => ({
    signal,
    ...resources,
    onProgress: (share, step) => onProgress?.(start + length * Math.min(1, (done + share) / trainings), step),
  });
  const grown =
    electorate === null ? train(data, part(0)) : LEARNERS[modelType].prepare(electorate, modelType).train(data, part(0));
  // the trees that were grown to vote only stand behind those of the model
  const model = electorate === null || grown.kind !== "trees" ? grown : firstTrees(grown, params);
  let calibrator: Calibrator = { kind: "none" };
  let candidates: TrainingReport["candidates"] = [];
  let heldOut: HeldOut = "none";
  if (folds !== null) {
    const votes = electorate !== null && grown.kind === "trees" ? predictOutOfBag(grown, data) : null;
    heldOut = votes === null ? "folds" : "out_of_bag";
    const probabilities = votes ?? predictFolds(data, folds, train, (fold) => part(1 + fold));
    const weights = data.weights ?? new Float64Array(data.labels.length).fill(1);
    const heldOutRows = { probabilities, labels: data.labels, weights, classCount: data.classCount };
    candidates = scoreCalibrators(heldOutRows, folds, calibration);
    const best = candidates.reduce((least, candidate) => (candidate.logLoss < least.logLoss ? candidate : least));
    calibrator = fitCalibrator(calibration === "auto" ? best.kind : calibration, heldOutRows);
  }
  const note =
    calibration !== "none" && folds === null ? "too few rows or groups of two classes for cross-validation: not calibrated" : "";
  return {
    ...naming,
    model,
    calibrator,
    classCount: data.classCount,
    featureCount: data.columns.length,
    trainingReport: {
      rowCount: data.labels.length,
      classRows,
      seed,
      folds: foldCount,
      heldOut,
      grouped: groups !== undefined,
      candidates,
      tuning,
      note,
    },
  };
}

/** @throws bad_parameter when a name list does not fit the data. */
export function checkNaming(given: Partial<Naming>, classCount: number, featureCount: number): Naming {
  const classes = given.classes ?? Array.from({ length: classCount }, (_, k) => String(k));
  const featureNames = given.featureNames ?? Array.from({ length: featureCount }, (_, j) => `f${j}`);
  for (const [name, list, count] of [
    ["classes", classes, classCount],
    ["featureNames", featureNames, featureCount],
  ] as const) {
    if (list.length !== count || new Set(list).size !== count) {
      throw new RequeenError(
        "bad_parameter",
        `${name} must be ${count} different names; got ${list.length}, ${new Set(list).size} different`,
      );
    }
  }
  return { classes: [...classes], featureNames: [...featureNames], featureSchema: given.featureSchema ?? "" };
}

/** What the trainings of a request may use. */
const resourcesOf = ({ memoryLimitBytes, helpers, onNote }: Watch): Watch => ({
  ...(onNote === undefined ? {} : { onNote }),
  ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
  ...(helpers === undefined ? {} : { helpers }),
});

/** The search for parameters that the request asks for. */
function search(request: FitRequest): Tuning | null {
  const { data, modelType, params, tuning, groups, seed, signal, onProgress } = request;
  if (tuning === undefined || tuning === false) return null;
  const fixed = Object.fromEntries(
    Object.entries(params ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  return tuneClassifier(data, modelType, { ...tuning, params: fixed, groups }, seed, {
    signal,
    ...resourcesOf(request),
    onProgress: (share, step) => onProgress?.(share / 2, step),
  });
}

/** Parameters of the forest whose votes hold rows out; null = folds do. @throws bad_parameter where votes are asked for and cannot be. */
function findElectorate({ data, groups, modelType, heldOut = "auto" }: FitRequest, params: Params): Params | null {
  if (heldOut === "folds" || (heldOut === "auto" && !isVotingGood(data))) return null;
  // a tree that drew one row of a group has seen the others' like: then only folds by group hold rows out
  const isOneRowEach = groups === undefined || new Set(groups).size === groups.length;
  const electorate = isOneRowEach ? electorateOf(params) : null;
  if (electorate === null && heldOut === "out_of_bag")
    throw new RequeenError(
      "bad_parameter",
      `heldOut out_of_bag needs a forest with bootstrap and one row a group; got ${modelType}${isOneRowEach ? "" : " and groups of several rows"}`,
    );
  return electorate;
}

const marksOf = (params: NonNullable<FitRequest["params"]>, columnCount: number, owner: string): Uint8Array | null =>
  Array.isArray(params.categoricalFeatures) ? categoricalMarks(params.categoricalFeatures, columnCount, owner) : null;

export function countClasses({ labels, classCount }: Targets): number[] {
  const rows = new Array<number>(classCount).fill(0);
  for (const label of labels) rows[label] += 1;
  return rows;
}

interface Folds {
  readonly foldOf: Uint8Array;
  readonly foldCount: number;
}

/** Five folds, or as many fewer as leave two classes with weight outside every fold; null when not even two folds do. */
function usableFolds(data: TrainingData, seed: number, groups: Uint32Array | undefined): Folds | null {
  const parts = groups === undefined ? data.labels.length : new Set(groups).size;
  for (let foldCount = Math.min(FOLDS, parts); foldCount >= 2; foldCount--) {
    const foldOf = splitFolds(data.labels, data.classCount, foldCount, deriveSeed(seed, 1), groups);
    let usable = true;
    for (let fold = 0; fold < foldCount && usable; fold++) {
      const seen = new Set<number>();
      let inside = 0;
      for (let row = 0; row < foldOf.length; row++) {
        if (foldOf[row] === fold) inside++;
        else if (data.weights === undefined || data.weights[row] > 0) seen.add(data.labels[row]);
      }
      usable = seen.size >= 2 && inside > 0;
    }
    if (usable) return { foldOf, foldCount };
  }
  return null;
}

/** Probabilities of every row by a model that did not see its fold. */
function predictFolds(
  data: TrainingData,
  folds: Folds,
  train: (data: TrainingData, watch?: Watch) => Model,
  part: (done: number) => Watch,
): Float64Array {
  const { classCount } = data;
  const probabilities = new Float64Array(data.labels.length * classCount);
  for (let fold = 0; fold < folds.foldCount; fold++) {
    const { inside, outside } = rowsOfFold(folds.foldOf, fold);
    const model = train(takeRows(data, outside), part(fold));
    const predicted = predictProbabilities(model, takeColumnRows(data.columns, inside));
    for (let i = 0; i < inside.length; i++) {
      for (let k = 0; k < classCount; k++) probabilities[inside[i] * classCount + k] = predicted[i * classCount + k];
    }
  }
  return probabilities;
}

interface HeldOutRows {
  readonly probabilities: Float64Array;
  readonly labels: Uint8Array;
  readonly weights: Float64Array;
  readonly classCount: number;
}

/** Scores "none" and each calibrator that the number of rows allows: fitted on four folds, scored on the fifth, over all folds. */
function scoreCalibrators(data: HeldOutRows, folds: Folds, calibration: FitRequest["calibration"]): TrainingReport["candidates"] {
  const kinds = (Object.keys(LEAST_ROWS) as CalibratorKind[]).filter(
    (kind) =>
      kind === "none" || kind === calibration || (calibration === "auto" && isTried(kind, data.labels.length, data.classCount)),
  );
  return kinds.map((kind) => {
    const calibrated = new Float64Array(data.probabilities.length);
    for (let fold = 0; fold < folds.foldCount; fold++) {
      const { inside, outside } = rowsOfFold(folds.foldOf, fold);
      const calibrator = fitCalibrator(kind, takeHeldOut(data, outside));
      const scored = takeHeldOut(data, inside);
      applyCalibrator(calibrator, scored.probabilities, data.classCount);
      for (let i = 0; i < inside.length; i++) {
        for (let k = 0; k < data.classCount; k++)
          calibrated[inside[i] * data.classCount + k] = scored.probabilities[i * data.classCount + k];
      }
    }
    return { kind, logLoss: logLoss(calibrated, data.labels, data.classCount, data.weights) };
  });
}

function takeHeldOut(data: HeldOutRows, rows: Uint32Array): HeldOutRows {
  const { classCount } = data;
  const taken = {
    probabilities: new Float64Array(rows.length * classCount),
    labels: new Uint8Array(rows.length),
    weights: new Float64Array(rows.length),
    classCount,
  };
  for (let i = 0; i < rows.length; i++) {
    taken.labels[i] = data.labels[rows[i]];
    taken.weights[i] = data.weights[rows[i]];
    for (let k = 0; k < classCount; k++) taken.probabilities[i * classCount + k] = data.probabilities[rows[i] * classCount + k];
  }
  return taken;
}

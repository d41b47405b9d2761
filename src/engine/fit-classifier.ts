import { RequeenError } from "../core/errors.ts";
import type { Calibrator } from "./calibrate.ts";
import { categoricalMarks, checkCategories, numberCategorical } from "./categorical-columns.ts";
import {
  type Calibration,
  checkCalibration,
  chooseCalibrator,
  dealFolds,
  type Folds,
  noteOf,
  type ScoredCalibrator,
} from "./choose-calibrator.ts";
import { LEARNERS } from "./learners.ts";
import { type Model, type ModelType, predictProbabilities } from "./model.ts";
import { findElectorate, firstTrees, type HeldOutBy, predictOutOfBag } from "./out-of-bag.ts";
import type { ParameterValue } from "./parameters.ts";
import { rowsOfFold } from "./split-folds.ts";
import {
  checkTrainingData,
  putRows,
  resourcesOf,
  type Targets,
  type TrainingData,
  takeColumnRows,
  takeRows,
  type Watch,
} from "./training-data.ts";
import { type Searched, searchParameters, type Tuning, type TuningOptions } from "./tune.ts";

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
  readonly calibration: Calibration;
  /** Default: "auto". */
  readonly heldOut?: HeldOutBy;
  /** Searches the grid first and trains with its best parameters over `params`; false or absent = no search. */
  readonly tuning?: false | Omit<TuningOptions, "params" | "groups">;
  /** uint32 [n]. Rows of one group are never split between folds. */
  readonly groups?: Uint32Array;
  readonly seed: number;
}

/** Whose probabilities a calibrator was fitted on; "none" = there was no calibration. */
export const HELD_OUT = ["folds", "out_of_bag", "search", "none"] as const;
export type HeldOut = (typeof HELD_OUT)[number];

/** How the calibrator was chosen. No times stand here: the same request gives the same report. */
export interface TrainingReport {
  readonly rowCount: number;
  readonly classRows: readonly number[];
  readonly seed: number;
  /** Folds of the cross-validation that chose the calibrator; 0 = there was none. */
  readonly folds: number;
  /**
   * Whose probabilities the calibrator was fitted on: a model's for each fold that did not see it ("folds"; "search" where the search for
   * parameters had trained them), or a forest's own trees' that did not draw the row.
   */
  readonly heldOut: HeldOut;
  readonly grouped: boolean;
  /** Of each calibrator tried. */
  readonly candidates: readonly ScoredCalibrator[];
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

/**
 * Trains a classifier and its calibrator. With calibration, every row is predicted held out: in 5 folds by a model trained on the other
 * four, or, where a forest's votes are as good, by those of its trees that did not draw the row (see out-of-bag.ts), or, after a forest's
 * search, by the search's own forests of the best parameters (see tune.ts). On those predictions each candidate calibrator is scored by
 * cross-validated log loss, "none" among them, and the best one is fitted on all of them. The model itself is trained on all rows.
 * Cost: 6 trainings, 2 with votes, 1 after a forest's search or with calibration "none". Synchronous: run it in a worker thread.
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
  checkCalibration(calibration, data.classCount);
  LEARNERS[modelType].prepare({ ...request.params, seed }, modelType);
  checkTrainingData(data);
  const naming = checkNaming(request, data.classCount, data.columns.length);
  const numbered = numberCategorical(request.params ?? {}, naming.featureNames);
  checkCategories(data.columns, marksOf(numbered, data.columns.length, modelType));
  const given = LEARNERS[modelType].prepare({ ...numbered, seed }, modelType);
  const classRows = countClasses(data);
  const folds = dealFolds(calibration, data, seed, groups);
  const searched = search({ ...request, params: numbered });
  const tuning = searched?.tuning ?? null;
  const { train, params } = tuning === null ? given : LEARNERS[modelType].prepare({ ...tuning.best, seed }, modelType);
  const foldCount = folds?.foldCount ?? 0;
  // a search has held every row out already
  const found = folds === null || (request.heldOut ?? "auto") !== "auto" ? null : (searched?.predictHeldOut() ?? null);
  const electorate = folds === null || found !== null ? null : findElectorate(request, data, params);
  const trainings = electorate === null && found === null ? foldCount + 1 : 1;
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
    heldOut = found !== null ? "search" : votes !== null ? "out_of_bag" : "folds";
    const probabilities = found ?? votes ?? predictFolds(data, folds, train, (fold) => part(1 + fold));
    ({ calibrator, candidates } = chooseCalibrator(calibration, probabilities, data, folds));
  }
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
      note: noteOf(calibration, folds),
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

/** The search for parameters that the request asks for. */
function search(request: FitRequest): Searched | null {
  const { data, modelType, params, tuning, groups, seed, signal, onProgress } = request;
  if (tuning === undefined || tuning === false) return null;
  const fixed = Object.fromEntries(
    Object.entries(params ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  return searchParameters(data, modelType, { ...tuning, params: fixed, groups }, seed, {
    signal,
    ...resourcesOf(request),
    onProgress: (share, step) => onProgress?.(share / 2, step),
  });
}

const marksOf = (params: NonNullable<FitRequest["params"]>, columnCount: number, owner: string): Uint8Array | null =>
  Array.isArray(params.categoricalFeatures) ? categoricalMarks(params.categoricalFeatures, columnCount, owner) : null;

export function countClasses({ labels, classCount }: Targets): number[] {
  const rows = new Array<number>(classCount).fill(0);
  for (const label of labels) rows[label] += 1;
  return rows;
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
    putRows(predicted, inside, classCount, probabilities);
  }
  return probabilities;
}

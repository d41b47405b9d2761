import { numberCategorical } from "./categorical-columns.ts";
import { type Calibration, checkCalibration, chooseCalibrator, dealFolds, type Folds, noteOf } from "./choose-calibrator.ts";
import { checkNaming, countClasses, type FittedClassifier, type Naming } from "./fit-classifier.ts";
import { LEARNERS } from "./learners.ts";
import { predictProbabilities, type TreeModel } from "./model.ts";
import { findElectorate, firstTrees, type HeldOutBy, OutOfBagVotes } from "./out-of-bag.ts";
import type { ParameterValue } from "./parameters.ts";
import { rowsOfFold } from "./split-folds.ts";
import {
  checkStreamed,
  readRows,
  type StreamedData,
  type StreamedFold,
  type StreamedLearner,
  trainStreamedFold,
} from "./train-streamed.ts";
import { putRows, resourcesOf, type TrainingData, type Watch } from "./training-data.ts";

export interface StreamedRequest extends Watch, Partial<Naming> {
  readonly data: StreamedData;
  readonly modelType: StreamedLearner;
  /** Parameters of the learner; see `PARAMETERS`. `seed` is given below, not here. */
  readonly params?: Readonly<Record<string, ParameterValue | undefined>>;
  /** Rows for the early stopping of gradient_boosting. */
  readonly validation?: TrainingData;
  /** As of `fitClassifier`; default: "none". */
  readonly calibration?: Calibration;
  /** As of `fitClassifier`. */
  readonly heldOut?: HeldOutBy;
  /** uint32 [n]. Rows of one group are never split between folds. */
  readonly groups?: Uint32Array;
  readonly seed: number;
}

/** Votes are read in at most so many passes: the rows of one, as float32, then take no more than the training did. */
const MOST_VOTING_PASSES = 2;
/** Numbers that a pass of votes holds in any case. */
const LEAST_VOTING_VALUES = 2 ** 18;

/**
 * As `fitClassifier` without a search, for columns that are read one after the other (see `trainStreamed`): the same model file, byte for byte.
 * Memory of a calibration by folds: as of `trainStreamed`, and the rows of one fold as float32; by votes: half of the rows, after the training.
 * Cost: one training and one pass over the source; with calibration by folds six of each, by votes one training of twice the trees and two or three
 * passes.
 * @throws as trainStreamed; bad_parameter when names or calibration do not fit; bad_data when a calibrator asked for by name has too few rows.
 */
export async function fitStreamed(request: StreamedRequest): Promise<FittedClassifier> {
  const { data, modelType, seed, signal, onProgress, validation, groups, calibration = "none" } = request;
  const { labels, classCount, source } = data;
  checkCalibration(calibration, classCount);
  const naming = checkNaming(request, classCount, source.columnCount);
  const numbered = { ...numberCategorical(request.params ?? {}, naming.featureNames), seed };
  checkStreamed(modelType, data);
  const own = LEARNERS[modelType].prepare(numbered, modelType).params;
  const folds = dealFolds(calibration, data, seed, groups);
  const foldCount = folds?.foldCount ?? 0;
  const electorate = folds === null ? null : findElectorate(request, data, own);
  const trainings = electorate === null ? foldCount + 1 : 1;
  let done = 0;
  const train = async (params: typeof own, fold: StreamedFold | null): Promise<{ model: TreeModel; columns: Float32Array[] }> => {
    const watch: Watch = {
      signal,
      ...resourcesOf(request),
      onProgress: (share, step) => onProgress?.(Math.min(1, (done + share) / trainings), step),
    };
    const trained = await trainStreamedFold(modelType, data, params, fold, watch, validation);
    done += 1;
    return trained;
  };
  const { model: grown } = await train(electorate ?? own, null);
  // the trees that were grown to vote only stand behind those of the model
  const model = electorate === null ? grown : firstTrees(grown, own);
  const fitted: FittedClassifier = {
    ...naming,
    model,
    calibrator: { kind: "none" },
    classCount,
    featureCount: source.columnCount,
    trainingReport: {
      rowCount: labels.length,
      classRows: countClasses(data),
      seed,
      folds: foldCount,
      heldOut: "none",
      grouped: groups !== undefined,
      candidates: [],
      tuning: null,
      note: noteOf(calibration, folds),
    },
  };
  if (folds === null) return fitted;
  const votes = electorate === null ? null : await readVotes(grown, data, request);
  const probabilities = votes ?? (await predictFolds(data, folds, (fold) => train(own, fold)));
  const { calibrator, candidates } = chooseCalibrator(calibration, probabilities, data, folds);
  const heldOut = votes === null ? "folds" : "out_of_bag";
  return { ...fitted, calibrator, trainingReport: { ...fitted.trainingReport, heldOut, candidates } };
}

/** As `predictOutOfBag`, of rows that are read some at a time. */
async function readVotes(model: TreeModel, data: StreamedData, watch: Watch): Promise<Float64Array | null> {
  const { rowCount, columnCount } = data.source;
  const rowsAtATime = Math.max(Math.ceil(rowCount / MOST_VOTING_PASSES), Math.floor(LEAST_VOTING_VALUES / columnCount));
  const votes = new OutOfBagVotes(model, data);
  for (let first = 0; first < rowCount; first += rowsAtATime) {
    votes.add(await readRows(data.source, first, Math.min(rowCount, first + rowsAtATime), watch), first);
  }
  return votes.finish();
}

/** Probabilities of every row by a model that did not see its fold. */
async function predictFolds(
  { labels, classCount }: StreamedData,
  { foldOf, foldCount }: Folds,
  train: (fold: StreamedFold) => Promise<{ model: TreeModel; columns: Float32Array[] }>,
): Promise<Float64Array> {
  const probabilities = new Float64Array(labels.length * classCount);
  for (let index = 0; index < foldCount; index++) {
    const fold = rowsOfFold(foldOf, index);
    const { model, columns } = await train(fold);
    putRows(predictProbabilities(model, columns), fold.inside, classCount, probabilities);
  }
  return probabilities;
}

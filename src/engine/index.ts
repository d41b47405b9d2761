export { type ArrowData, type ArrowTable, arrowColumns } from "./arrow-columns.ts";
export { trainBoosting } from "./boosting.ts";
export { applyCalibrator, type Calibrator, type CalibratorKind, LEAST_ROWS } from "./calibrate.ts";
export {
  type BinOptions,
  calibrationErrorInterval,
  classCalibrationErrorIntervals,
  classCalibrationErrors,
  expectedCalibrationError,
  type Interval,
  type IntervalOptions,
  type ReliabilityBin,
  reliabilityBins,
} from "./calibration-error.ts";
export { LARGEST_CATEGORY, numberCategorical } from "./categorical-columns.ts";
export { type Conformal, type ConformalOptions, fitConformal, predictionSets, reviewRequired } from "./conformal.ts";
export { type CostPoint, costCurve, type LiftPoint, liftCurve, type SliceScores, scoreSlices } from "./decision-curves.ts";
export {
  type Explainer,
  makeExplainer,
  partialDependence,
  permutationImportance,
  shapImportance,
  splitImportance,
} from "./explain.ts";
export type { Explanation } from "./explain-network.ts";
export { type CalibrationData, fitCalibrator } from "./fit-calibrator.ts";
export {
  type FitRequest,
  type FittedClassifier,
  fitClassifier,
  type Naming,
  type TrainingReport,
} from "./fit-classifier.ts";
export { dismissHelper, type FitHelpers, type FitTicket, inviteHelper, reportLostHelper } from "./fit-helpers.ts";
export { fitStreamed, type StreamedRequest } from "./fit-streamed.ts";
export { trainExtraTrees, trainForest } from "./forest.ts";
export { helpFit } from "./help-fit.ts";
export { type ProbabilityInterval, vennAbersInterval } from "./isotonic.ts";
export { trainLogistic } from "./logistic.ts";
export {
  type AverageScores,
  brierScore,
  type ClassScores,
  confusionMatrix,
  type DecisionScores,
  logLoss,
  prAuc,
  rocAuc,
  rowBrierScores,
  rowLogLosses,
  scoreDecisions,
} from "./metrics.ts";
export {
  type LinearModel,
  type Model,
  type ModelType,
  mostLikely,
  type NetworkModel,
  type Predictor,
  predictProbabilities,
  predictRow,
  type TreeModel,
} from "./model.ts";
export { decodeModel, encodeModel } from "./model-file.ts";
export { trainNetwork } from "./network.ts";
export { encodeOnnx } from "./onnx.ts";
export { type BoostingParams, type ForestParams, type LogisticParams, PARAMETERS } from "./parameter-tables.ts";
export { describeRange, type ParameterSpec, type ParameterTable, type ParameterValue, resolveParameters } from "./parameters.ts";
export { ORIGINAL_PRESETS, ORIGINAL_SEED } from "./presets.ts";
export { deriveSeed, mix32, SeededRandom } from "./seeded-random.ts";
export { rowsOfFold, splitFolds, splitTemporal, type Turn, turnsOfFolds } from "./split-folds.ts";
export { type ColumnSource, type StreamedData, type StreamedLearner, trainStreamed } from "./train-streamed.ts";
export { type Column, LIMITS, type TrainingData, type Watch } from "./training-data.ts";
export type { TreeEnsemble } from "./tree-ensemble.ts";
export {
  type Grid,
  type Params,
  scoreTrials,
  separateTrials,
  type Trial,
  type Tuning,
  type TuningOptions,
  tuneClassifier,
} from "./tune.ts";
export { TUNING_METRICS, type TuningMetric } from "./tuning-metrics.ts";

import { numberCategorical } from "./categorical-columns.ts";
import { checkNaming, countClasses, type FittedClassifier, type Naming } from "./fit-classifier.ts";
import type { ParameterValue } from "./parameters.ts";
import { type StreamedData, type StreamedLearner, trainStreamed } from "./train-streamed.ts";
import type { TrainingData, Watch } from "./training-data.ts";

export interface StreamedRequest extends Watch, Partial<Naming> {
  readonly data: StreamedData;
  readonly modelType: StreamedLearner;
  /** Parameters of the learner; see `PARAMETERS`. `seed` is given below, not here. */
  readonly params?: Readonly<Record<string, ParameterValue | undefined>>;
  /** Rows for the early stopping of gradient_boosting. */
  readonly validation?: TrainingData;
  readonly seed: number;
}

/**
 * As `fitClassifier` with calibration "none", for columns that are read one after the other (see `trainStreamed`): the same model file, byte for byte.
 * @throws as trainStreamed; bad_parameter when names do not fit.
 */
export async function fitStreamed(request: StreamedRequest): Promise<FittedClassifier> {
  const { data, modelType, params, validation, seed } = request;
  const { labels, classCount, source } = data;
  const naming = checkNaming(request, classCount, source.columnCount);
  const numbered = numberCategorical(params ?? {}, naming.featureNames);
  const model = await trainStreamed(modelType, data, { ...numbered, seed }, request, validation);
  return {
    ...naming,
    model,
    calibrator: { kind: "none" },
    classCount,
    featureCount: source.columnCount,
    trainingReport: {
      rowCount: labels.length,
      classRows: countClasses(data),
      seed,
      folds: 0,
      heldOut: "none",
      grouped: false,
      candidates: [],
      tuning: null,
      note: "",
    },
  };
}

import {
  decodeModel,
  encodeModel,
  encodeOnnx,
  fitClassifier,
  mostLikely,
  predictProbabilities,
  SeededRandom,
  scoreDecisions,
  type TrainingData,
} from "../../../src/engine/index.ts";

export interface Answer {
  readonly modelType: string;
  /** The native file, as numbers that cross to Node. */
  readonly model: readonly number[];
  /** On new rows, by the model that was read back from its file. */
  readonly accuracy: number;
}

/** 300 rows of three columns, one value in 20 missing; the class is 1 where the first two sum to more than 1. */
function makeRows(seed: number): TrainingData {
  const random = new SeededRandom(seed);
  const columns = [0, 1, 2].map(() =>
    Float64Array.from({ length: 300 }, () => (random.next() < 0.05 ? Number.NaN : 2 * random.next() - 0.5)),
  );
  const at = (column: number, row: number): number => columns[column]?.[row] || 0;
  const labels = Uint8Array.from({ length: 300 }, (_, row) => (at(0, row) + at(1, row) > 1 ? 1 : 0));
  return { columns, labels, classCount: 2 };
}

/** Every learner with its calibrator, by the same calls in a page, in a worker and in Node. */
export function trainAll(): Answer[] {
  const held = makeRows(2);
  const types = ["random_forest", "extra_trees", "gradient_boosting", "logistic_regression", "neural_network"] as const;
  return types.map((modelType) => {
    const fitted = fitClassifier({ data: makeRows(1), modelType, calibration: "auto", seed: 7 });
    const model = encodeModel(fitted);
    if (encodeOnnx(fitted).length < 100) throw new Error(`${modelType} has no ONNX form`);
    const called = mostLikely(predictProbabilities(decodeModel(model), held.columns), 2);
    return { modelType, model: Array.from(model), accuracy: scoreDecisions(held.labels, called, 2).accuracy };
  });
}

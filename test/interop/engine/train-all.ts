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

/** The third column as categories. */
const coded = ({ columns, ...rest }: TrainingData): TrainingData => ({
  ...rest,
  columns: columns.map((column, j) => (j < 2 ? column : column.map((value) => Math.floor(Math.abs(value) * 8)))),
});

/** Every learner with its calibrator, by the same calls in a page, in a worker and in Node. */
export function trainAll(): Answer[] {
  const trees = ["random_forest", "extra_trees", "gradient_boosting"] as const;
  const others = ["logistic_regression", "neural_network"] as const;
  const learners = [
    ...[...trees, ...others].map((modelType) => ({ name: modelType as string, modelType, params: {} })),
    ...trees.map((modelType) => ({ name: `${modelType} with categories`, modelType, params: { categoricalFeatures: [2] } })),
  ];
  return learners.map(({ name, modelType, params }) => {
    const rowsOf = (seed: number): TrainingData => ("categoricalFeatures" in params ? coded(makeRows(seed)) : makeRows(seed));
    const held = rowsOf(2);
    const fitted = fitClassifier({ data: rowsOf(1), modelType, params, calibration: "auto", seed: 7 });
    const model = encodeModel(fitted);
    if (encodeOnnx(fitted).length < 100) throw new Error(`${modelType} has no ONNX form`);
    const called = mostLikely(predictProbabilities(decodeModel(model), held.columns), 2);
    return { modelType: name, model: Array.from(model), accuracy: scoreDecisions(held.labels, called, 2).accuracy };
  });
}

import { RequeenError } from "../core/errors.ts";
import type { Calibrator } from "./calibrate.ts";
import { type CategorySets, columnAskedBothWays } from "./category-sets.ts";
import { checkNaming, type FittedClassifier, HELD_OUT, type Naming, type TrainingReport } from "./fit-classifier.ts";
import type { Model, TreeModel } from "./model.ts";
import { decodeBlob, encodeBlob, type NamedArrays, type ReadArrays } from "./model-blob.ts";
import { PARAMETERS } from "./parameter-tables.ts";
import { modelParameters, type ParameterValue, resolveParameters } from "./parameters.ts";
import { countInputs, type Scaler } from "./standardise.ts";
import { LIMITS } from "./training-data.ts";
import type { TreeEnsemble } from "./tree-ensemble.ts";

/** Version of the file's form; a reader refuses others. Trees that ask for categories need the second, all else is as in the first. */
const FORMS = { thresholds: 1, categories: 2 } as const;

/**
 * A fitted classifier as bytes: one JSON header and the model's arrays (see model-blob.ts). Same classifier, same bytes.
 * @param naming replaces names that the classifier was fitted with.
 */
export function encodeModel(fitted: FittedClassifier, naming: Partial<Naming> = {}): Uint8Array {
  const { model, calibrator, classCount, featureCount } = fitted;
  const arrays: NamedArrays = {};
  const names = checkNaming({ ...pickNaming(fitted), ...naming }, classCount, featureCount);
  const header = {
    form: hasCategories(model) ? FORMS.categories : FORMS.thresholds,
    ...names,
    classCount,
    featureCount,
    modelType: model.modelType,
    params: model.params,
    calibrator: { kind: calibrator.kind, ...(calibrator.kind === "temperature" ? { inverse: calibrator.inverse } : {}) },
    ...(model.kind === "trees" ? { leafWidth: model.trees.width } : { iterations: model.iterations, converged: model.converged }),
    trainingReport: fitted.trainingReport,
  };
  if (calibrator.kind === "dirichlet") Object.assign(arrays, { classMatrix: calibrator.matrix, offsets: calibrator.offsets });
  if (calibrator.kind === "platt" || calibrator.kind === "vector")
    Object.assign(arrays, { slopes: calibrator.slopes, offsets: calibrator.offsets });
  if (calibrator.kind === "beta") Object.assign(arrays, { betaA: calibrator.a, betaB: calibrator.b, betaC: calibrator.c });
  if (calibrator.kind === "isotonic")
    Object.assign(arrays, { knotX: calibrator.x, knotY: calibrator.y, knotStarts: calibrator.starts });
  if (model.kind === "trees") {
    const { feature, threshold, left, missingLeft, cover, values, roots, categories } = model.trees;
    Object.assign(arrays, { feature, threshold, left, missingLeft, cover, values, roots });
    if (categories !== null)
      Object.assign(arrays, { setOf: categories.setOf, setStarts: categories.starts, setWords: categories.words });
    if (model.baseline !== null) arrays.baseline = model.baseline;
  } else {
    const { means, scales, indicatorOf } = model;
    Object.assign(arrays, { means, scales, indicatorOf });
    if (model.kind === "linear") arrays.coefficients = model.coefficients;
    else Object.assign(arrays, { layerSizes: model.layerSizes, weights: model.weights });
  }
  return encodeBlob(header, arrays);
}

/**
 * Reads what `encodeModel` wrote. Every length, index and number is checked before it is used, so that no file can make prediction
 * read outside its arrays, loop for ever or answer NaN. Nothing in a file is executed.
 * @throws bad_model
 */
export function decodeModel(bytes: Uint8Array): FittedClassifier {
  const { header, arrays } = decodeBlob(bytes);
  if (header.form !== FORMS.thresholds && header.form !== FORMS.categories)
    refuse(`the model file has form ${JSON.stringify(header.form)}; this Requeen reads forms 1 and 2`);
  const classCount = readCount(header.classCount, 2, LIMITS.classes, "classCount");
  const featureCount = readCount(header.featureCount, 1, LIMITS.columns, "featureCount");
  const naming = readNaming(header, classCount, featureCount);
  const model = readModel(header, arrays, classCount, featureCount);
  const calibrator = readCalibrator(header.calibrator, arrays, classCount);
  const trainingReport = readReport(header.trainingReport);
  return { ...naming, model, calibrator, classCount, featureCount, trainingReport };
}

const hasCategories = (model: Model): boolean => model.kind === "trees" && model.trees.categories !== null;

const pickNaming = ({ classes, featureNames, featureSchema }: Naming): Naming => ({ classes, featureNames, featureSchema });

function refuse(message: string): never {
  throw new RequeenError("bad_model", message);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function readCount(value: unknown, least: number, most: number, name: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  return refuse(`${name} of the model file must be an integer in [${least}, ${most}]; got ${JSON.stringify(value)}`);
}

function readNaming(header: Record<string, unknown>, classCount: number, featureCount: number): Naming {
  const readNames = (name: string, count: number): string[] => {
    const list = header[name];
    if (
      Array.isArray(list) &&
      list.length === count &&
      list.every((item) => typeof item === "string") &&
      new Set(list).size === count
    )
      return list;
    return refuse(`${name} of the model file must be ${count} different strings`);
  };
  if (typeof header.featureSchema !== "string") refuse("featureSchema of the model file must be a string");
  return {
    classes: readNames("classes", classCount),
    featureNames: readNames("featureNames", featureCount),
    featureSchema: String(header.featureSchema),
  };
}

function readParams(header: Record<string, unknown>, modelType: Model["modelType"]): Record<string, ParameterValue> {
  if (!isRecord(header.params)) return refuse("params of the model file must be an object");
  try {
    return modelParameters(PARAMETERS[modelType], resolveParameters(PARAMETERS[modelType], header.params, modelType));
  } catch (cause) {
    throw new RequeenError("bad_model", `params of the model file are not those of ${modelType}`, {}, { cause });
  }
}

function readModel(header: Record<string, unknown>, arrays: ReadArrays, classCount: number, featureCount: number): Model {
  const { modelType } = header;
  const outputs = classCount === 2 ? 1 : classCount;
  if (modelType === "logistic_regression" || modelType === "neural_network") {
    const scaler = readScaler(arrays, featureCount);
    const iterations = readCount(header.iterations, 0, 1e9, "iterations");
    if (typeof header.converged !== "boolean") refuse("converged of the model file must be true or false");
    const converged = header.converged === true;
    const common = { featureCount, classCount, params: readParams(header, modelType), ...scaler, iterations, converged };
    const inputs = countInputs(scaler);
    if (modelType === "logistic_regression") {
      const coefficients = finite(arrays.float64("coefficients", outputs * (inputs + 1)), "coefficients");
      return { kind: "linear", modelType, ...common, coefficients };
    }
    return { kind: "network", modelType, ...common, ...readLayers(arrays, inputs, outputs) };
  }
  if (modelType === "random_forest" || modelType === "extra_trees" || modelType === "gradient_boosting") {
    const boosted = modelType === "gradient_boosting";
    const width = boosted ? 1 : outputs;
    if (header.leafWidth !== width)
      refuse(`leafWidth of the model file must be ${width}; got ${JSON.stringify(header.leafWidth)}`);
    const trees = readTrees(arrays, width, featureCount, !boosted, header.form === FORMS.categories);
    if (boosted && trees.roots.length % outputs !== 0)
      refuse(`the model file has ${trees.roots.length} trees, not a multiple of its ${outputs} outputs`);
    const baseline = boosted ? finite(arrays.float64("baseline", outputs), "baseline") : null;
    const model: TreeModel = {
      kind: "trees",
      modelType,
      featureCount,
      classCount,
      params: readParams(header, modelType),
      trees,
      baseline,
    };
    return model;
  }
  return refuse(
    `modelType of the model file must be one of ${Object.keys(PARAMETERS).join(", ")}; got ${JSON.stringify(modelType)}`,
  );
}

function readScaler(arrays: ReadArrays, featureCount: number): Scaler {
  const means = finite(arrays.float64("means", featureCount), "means");
  const scales = finite(arrays.float64("scales", featureCount), "scales");
  const indicatorOf = arrays.int32("indicatorOf", featureCount);
  let next = featureCount;
  for (const index of indicatorOf)
    if (index !== -1 && index !== next++) refuse("indicatorOf of the model file is not -1 or the next input");
  if (scales.some((scale) => !(scale >= 1e-45))) refuse("scales of the model file must be above 0");
  return { means, scales, indicatorOf };
}

function readLayers(arrays: ReadArrays, inputs: number, outputs: number): { layerSizes: Int32Array; weights: Float32Array } {
  const layerSizes = arrays.int32("layerSizes");
  const last = layerSizes.length - 1;
  // at most three hidden layers: with more, products of the largest float32 could overflow
  if (last < 2 || last > 4 || layerSizes[0] !== inputs || layerSizes[last] !== outputs)
    refuse("layerSizes of the model file do not fit its inputs and classes");
  let count = 0;
  for (let layer = 1; layer <= last; layer++) {
    if (layerSizes[layer] < 1 || layerSizes[layer] > 8192) refuse("layerSizes of the model file must be in [1, 8192]");
    count += (layerSizes[layer - 1] + 1) * layerSizes[layer];
  }
  return { layerSizes, weights: finite(arrays.float32("weights", count), "weights") };
}

/** Trees whose every child index points forwards inside its own tree, so that each walk ends at a leaf that exists. */
function readTrees(
  arrays: ReadArrays,
  width: number,
  featureCount: number,
  shares: boolean,
  withCategories: boolean,
): TreeEnsemble {
  const feature = arrays.int16("feature");
  const nodeCount = feature.length;
  const threshold = finite(arrays.float32("threshold", nodeCount), "threshold");
  const left = arrays.int32("left", nodeCount);
  const missingLeft = arrays.uint8("missingLeft", nodeCount);
  const cover = finite(arrays.float32("cover", nodeCount), "cover");
  const values = finite(arrays.float32("values"), "values");
  const roots = arrays.int32("roots");
  if (values.length % width !== 0) refuse(`values of the model file must be rows of ${width}; got ${values.length} numbers`);
  const leafCount = values.length / width;
  if (roots.length === 0 || roots[0] !== 0) refuse("roots of the model file must begin with node 0");
  for (let tree = 0; tree < roots.length; tree++) {
    const end = tree + 1 < roots.length ? roots[tree + 1] : nodeCount;
    if (end <= roots[tree]) refuse("roots of the model file must ascend and lie inside the nodes");
    for (let node = roots[tree]; node < end; node++) {
      if (feature[node] >= featureCount || feature[node] < -1)
        refuse(`node ${node} of the model file asks feature ${feature[node]} of ${featureCount}`);
      const inside = feature[node] < 0 ? left[node] >= 0 && left[node] < leafCount : left[node] > node && left[node] + 1 < end;
      if (!inside) refuse(`node ${node} of the model file points outside its tree`);
      if (missingLeft[node] > 1) refuse(`missingLeft of node ${node} of the model file must be 0 or 1`);
      if (!(cover[node] >= 0)) refuse(`cover of node ${node} of the model file must be 0 or greater`);
    }
  }
  // a forest's leaves are shares of classes; sums of zeros could not be normalised
  if (shares) {
    for (let leaf = 0; leaf < leafCount; leaf++) {
      let sum = 0;
      for (let i = 0; i < width; i++) {
        const value = values[leaf * width + i];
        if (value < 0 || value > 1) refuse(`leaf ${leaf} of the model file must hold shares in [0, 1]`);
        sum += value;
      }
      if (width > 1 && Math.abs(sum - 1) > 1e-4) refuse(`leaf ${leaf} of the model file must hold shares that sum to 1`);
    }
  }
  const categories = withCategories ? readCategories(arrays, feature) : null;
  return { feature, threshold, left, missingLeft, cover, values, width, roots, categories };
}

/** Sets whose words are there, of nodes that are splits; a column that is asked for categories is asked for nothing else. */
function readCategories(arrays: ReadArrays, feature: Int16Array): CategorySets {
  const setOf = arrays.int32("setOf", feature.length);
  const starts = arrays.int32("setStarts");
  const words = arrays.int32("setWords");
  if (starts.length === 0 || starts[0] !== 0 || starts[starts.length - 1] !== words.length)
    refuse("setStarts of the model file must cover all words of its sets");
  for (let set = 1; set < starts.length; set++)
    if (!(starts[set] >= starts[set - 1])) refuse("setStarts of the model file must ascend");
  for (let node = 0; node < setOf.length; node++) {
    const set = setOf[node];
    if (set < -1 || set >= starts.length - 1 || (set >= 0 && feature[node] < 0))
      refuse(`node ${node} of the model file asks set ${set} of ${starts.length - 1}`);
  }
  const column = columnAskedBothWays(feature, { setOf, starts, words });
  if (column >= 0) refuse(`feature ${column} of the model file is asked for thresholds and for categories`);
  return { setOf, starts, words };
}

function readCalibrator(value: unknown, arrays: ReadArrays, classCount: number): Calibrator {
  const kind = isRecord(value) ? value.kind : undefined;
  const outputs = classCount === 2 ? 1 : classCount;
  // beyond these bounds a row of probabilities could sum to 0
  const bounded = (name: string, most: number): Float64Array => {
    const numbers = arrays.float64(name, outputs);
    if (!numbers.every((number) => Math.abs(number) <= most)) refuse(`${name} of the model file must be within ${most} of 0`);
    return numbers;
  };
  if (kind === "none") return { kind };
  if (kind === "temperature" && isRecord(value)) {
    const { inverse } = value;
    if (typeof inverse === "number" && inverse > 0 && inverse < 1e6) return { kind, inverse };
    return refuse("the temperature of the model file must be a positive number");
  }
  if (kind === "platt") return { kind, slopes: bounded("slopes", 1e6), offsets: bounded("offsets", 600) };
  if (kind === "beta") return { kind, a: bounded("betaA", 1e6), b: bounded("betaB", 1e6), c: bounded("betaC", 600) };
  // softmax takes any finite score: only two classes have no such form
  if (kind === "vector" && classCount > 2) return { kind, slopes: bounded("slopes", 1e6), offsets: bounded("offsets", 1e6) };
  if (kind === "dirichlet" && classCount > 2) {
    const matrix = arrays.float64("classMatrix", classCount * classCount);
    if (!matrix.every((number) => Math.abs(number) <= 1e6)) refuse("classMatrix of the model file must be within 1000000 of 0");
    return { kind, matrix, offsets: bounded("offsets", 1e6) };
  }
  if (kind === "isotonic") {
    const x = arrays.float64("knotX");
    const y = arrays.float64("knotY", x.length);
    const starts = arrays.int32("knotStarts", outputs + 1);
    if (starts[0] !== 0 || starts[outputs] !== x.length) refuse("knotStarts of the model file must cover all knots");
    for (let k = 0; k < outputs; k++) {
      if (starts[k + 1] <= starts[k]) refuse("knotStarts of the model file must ascend");
      for (let i = starts[k]; i < starts[k + 1]; i++) {
        const rises = i === starts[k] || (x[i] > x[i - 1] && y[i] >= y[i - 1]);
        if (!(rises && x[i] >= 0 && x[i] <= 1 && y[i] >= 0 && y[i] <= 1))
          refuse(`knot ${i} of the model file must rise within [0, 1]`);
      }
    }
    return { kind, x, y, starts };
  }
  return refuse(`calibrator of the model file must be one that this Requeen knows; got ${JSON.stringify(kind)}`);
}

function readReport(value: unknown): TrainingReport {
  if (!isRecord(value) || !Array.isArray(value.candidates) || !Array.isArray(value.classRows))
    return refuse("trainingReport of the model file cannot be read");
  const { rowCount, classRows, seed, folds, grouped, candidates, tuning, note } = value;
  // files from before out-of-bag calibration do not say: their folds were it
  const heldOut = HELD_OUT.find((way) => way === (value.heldOut ?? (folds === 0 ? "none" : "folds")));
  const readable =
    [rowCount, seed, folds, ...classRows].every((item) => typeof item === "number") &&
    heldOut !== undefined &&
    typeof grouped === "boolean" &&
    typeof note === "string" &&
    (tuning === null || isTuning(tuning)) &&
    candidates.every((item) => isRecord(item) && typeof item.kind === "string" && typeof item.logLoss === "number");
  if (!readable) return refuse("trainingReport of the model file cannot be read");
  // every field was checked above
  return { rowCount, classRows, seed, folds, heldOut, grouped, candidates, tuning, note } as TrainingReport;
}

const isTuning = (value: unknown): boolean =>
  isRecord(value) &&
  isRecord(value.best) &&
  typeof value.metric === "string" &&
  typeof value.outOfTime === "boolean" &&
  Array.isArray(value.trials) &&
  value.trials.every(
    (trial: unknown) =>
      isRecord(trial) &&
      isRecord(trial.params) &&
      typeof trial.score === "number" &&
      typeof trial.rowShare === "number" &&
      Array.isArray(trial.turnScores),
  );

/** Far beyond what training gives; with it no product of a float32, a coefficient and 1 / scale overflows. */
const LARGEST = 1e60;

function finite<T extends Float32Array | Float64Array>(values: T, name: string): T {
  for (const value of values) if (!(Math.abs(value) <= LARGEST)) refuse(`${name} of the model file must be finite numbers`);
  return values;
}

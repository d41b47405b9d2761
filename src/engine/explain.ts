import { RequeenError } from "../core/errors.ts";
import { type Explanation, explainNetwork } from "./explain-network.ts";
import { rowLogLosses } from "./metrics.ts";
import { type LinearModel, type Model, type Predictor, predictProbabilities, type TreeModel } from "./model.ts";
import { deriveSeed, SeededRandom } from "./seeded-random.ts";
import type { Column, TrainingData } from "./training-data.ts";
import { nodeMeans } from "./tree-shap.ts";
import { shapOf } from "./tree-shap-kernel.ts";

/** Explains single rows of one model. */
export interface Explainer {
  /** @param values float64 [d], NaN = missing. */
  explain(values: Float64Array): Explanation;
}

/**
 * Prepares explanations: exact path-dependent Shapley values for trees, coefficient x (value - mean) for logistic regression (its
 * Shapley values when features are independent), integrated gradients from the mean row for networks. Prepare once, explain many rows.
 */
export function makeExplainer(model: Model): Explainer {
  const checked = (values: Float64Array): Float64Array => {
    if (values.length !== model.featureCount) {
      throw new RequeenError("bad_data", `values must be the ${model.featureCount} features of the model; got ${values.length}`);
    }
    return values.map(Math.fround);
  };
  if (model.kind === "linear") return { explain: (values) => explainLinear(model, checked(values)) };
  if (model.kind === "network") return { explain: (values) => explainNetwork(model, checked(values)) };
  return treeExplainer(model, checked);
}

function treeExplainer(model: TreeModel, checked: (values: Float64Array) => Float64Array): Explainer {
  const { trees, baseline, featureCount } = model;
  const outputs = model.classCount === 2 ? 1 : model.classCount;
  const shap = shapOf(trees, outputs, featureCount);
  const scale = baseline === null ? 1 / trees.roots.length : 1;
  const means = nodeMeans(trees);
  const base = new Float64Array(outputs);
  trees.roots.forEach((root, tree) => {
    for (let k = 0; k < trees.width; k++) base[((tree * trees.width) % outputs) + k] += means[root * trees.width + k] * scale;
  });
  if (baseline !== null) for (let k = 0; k < outputs; k++) base[k] += baseline[k];
  return {
    explain: (values) => {
      const parts = new Float64Array(featureCount * outputs);
      shap.add(checked(values), parts);
      for (let i = 0; i < parts.length; i++) parts[i] *= scale;
      return { unit: baseline === null ? "probability" : "score", outputs, base: base.slice(), parts };
    },
  };
}

function explainLinear(model: LinearModel, values: Float64Array): Explanation {
  const { means, scales, indicatorOf, coefficients, classCount, featureCount } = model;
  const outputs = classCount === 2 ? 1 : classCount;
  const width = coefficients.length / outputs;
  const base = Float64Array.from({ length: outputs }, (_, k) => coefficients[k * width + width - 1]);
  const parts = new Float64Array(featureCount * outputs);
  for (let j = 0; j < featureCount; j++) {
    for (let k = 0; k < outputs; k++) {
      const missing = indicatorOf[j] >= 0 ? coefficients[k * width + indicatorOf[j]] : 0;
      parts[j * outputs + k] = Number.isNaN(values[j])
        ? missing
        : ((values[j] - means[j]) / scales[j]) * coefficients[k * width + j];
    }
  }
  return { unit: "score", outputs, base, parts };
}

/**
 * How much the splits on each feature part the training rows: the fall of the squared node means, weighted with the rows (for forests
 * this is the mean decrease of Gini impurity, each tree counting the same). @returns float64 [d], sums to 1, or all 0 without splits.
 */
export function splitImportance(model: TreeModel): Float64Array {
  const { trees, featureCount } = model;
  const { feature, left, cover, width, roots } = trees;
  const means = nodeMeans(trees);
  const square = (node: number): number => {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += means[node * width + k] ** 2;
    return sum * cover[node];
  };
  const total = new Float64Array(featureCount);
  roots.forEach((root, tree) => {
    const end = roots[tree + 1] ?? feature.length;
    const ofTree = new Float64Array(featureCount);
    for (let node = root; node < end; node++) {
      if (feature[node] >= 0) ofTree[feature[node]] += square(left[node]) + square(left[node] + 1) - square(node);
    }
    const sum = model.baseline === null ? ofTree.reduce((all, value) => all + value, 0) : 1;
    if (sum > 0) for (let j = 0; j < featureCount; j++) total[j] += ofTree[j] / sum;
  });
  return toShares(total);
}

/** Mean absolute part of each feature over rows, all outputs together. @returns float64 [d], sums to 1, or all 0. */
export function shapImportance(model: Model, columns: readonly Column[]): Float64Array {
  const explainer = makeExplainer(model);
  const total = new Float64Array(model.featureCount);
  const values = new Float64Array(columns.length);
  for (let row = 0; row < columns[0].length; row++) {
    for (let j = 0; j < columns.length; j++) values[j] = columns[j][row];
    const { parts, outputs } = explainer.explain(values);
    for (let i = 0; i < parts.length; i++) total[Math.floor(i / outputs)] += Math.abs(parts[i]);
  }
  return toShares(total);
}

function toShares(total: Float64Array): Float64Array {
  const sum = total.reduce((all, value) => all + Math.max(0, value), 0);
  return sum > 0 ? total.map((value) => Math.max(0, value) / sum) : total.fill(0);
}

/**
 * How much the log loss rises when one column is shuffled, on rows that the model was not trained on.
 * @param repeats shuffles a column. @returns mean rise of each column and its standard deviation over the repeats.
 */
export function permutationImportance(
  predictor: Predictor,
  data: TrainingData,
  seed: number,
  repeats = 5,
): { readonly mean: Float64Array; readonly deviation: Float64Array } {
  const { columns, labels, classCount } = data;
  const lossOf = (changed: readonly Column[]): number => {
    const losses = rowLogLosses(predictProbabilities(predictor, changed), labels, classCount);
    return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  };
  const before = lossOf(columns);
  const mean = new Float64Array(columns.length);
  const deviation = new Float64Array(columns.length);
  for (let j = 0; j < columns.length; j++) {
    const rises = Float64Array.from({ length: repeats }, (_, repeat) => {
      const shuffled = new SeededRandom(deriveSeed(seed, j, repeat)).shuffle(columns[j].slice());
      return lossOf(columns.map((column, other) => (other === j ? shuffled : column))) - before;
    });
    mean[j] = rises.reduce((sum, rise) => sum + rise, 0) / repeats;
    deviation[j] = Math.sqrt(rises.reduce((sum, rise) => sum + (rise - mean[j]) ** 2, 0) / Math.max(1, repeats - 1));
  }
  return { mean, deviation };
}

/**
 * Mean probabilities over the rows when one column is set to each of `values`.
 * @returns float64 [values x classes], row-major. Cost: values x one prediction of all rows.
 */
export function partialDependence(
  predictor: Predictor,
  columns: readonly Column[],
  column: number,
  values: readonly number[],
): Float64Array {
  if (!Number.isInteger(column) || column < 0 || column >= columns.length) {
    throw new RequeenError("bad_parameter", `column must be an integer in [0, ${columns.length - 1}]; got ${column}`);
  }
  const rowCount = columns[0].length;
  const answers: number[] = [];
  for (const value of values) {
    const fixed = new Float64Array(rowCount).fill(value);
    const probabilities = predictProbabilities(
      predictor,
      columns.map((other, j) => (j === column ? fixed : other)),
    );
    const classCount = probabilities.length / rowCount;
    for (let k = 0; k < classCount; k++) {
      let sum = 0;
      for (let row = 0; row < rowCount; row++) sum += probabilities[row * classCount + k];
      answers.push(sum / rowCount);
    }
  }
  return Float64Array.from(answers);
}

import { type Calibrator, type CalibratorKind, clipProbability, logOdds } from "./calibrate.ts";
import { exp, log, log1p } from "./exact-math.ts";
import { fitClassScaling } from "./fit-class-scaling.ts";
import { fitIsotonic, knotsOf } from "./isotonic.ts";
import { type CurvedObjective, minimiseNewton } from "./minimise-newton.ts";

/** What a calibrator is fitted on: probabilities of rows that the model was not trained on. */
export interface CalibrationData {
  /** float64 [n x classes]. */
  readonly probabilities: Float64Array;
  readonly labels: Uint8Array;
  readonly weights: Float64Array;
  readonly classCount: number;
}

/** Fits one kind of calibrator. Deterministic. */
export function fitCalibrator(kind: CalibratorKind, data: CalibrationData): Calibrator {
  if (kind === "none") return { kind };
  if (kind === "temperature") return { kind, inverse: fitTemperature(data) };
  if (kind === "vector" || kind === "dirichlet") return fitClassScaling(kind, data);
  const problems =
    data.classCount === 2 ? [againstRest(data, 1)] : Array.from({ length: data.classCount }, (_, k) => againstRest(data, k));
  if (kind === "isotonic") return joinKnots(problems);
  const fits = problems.map((problem) => (kind === "platt" ? fitPlatt(problem) : fitBeta(problem)));
  const column = (index: number): Float64Array => Float64Array.from(fits, (fit) => fit[index]);
  return kind === "platt" ? { kind, slopes: column(0), offsets: column(1) } : { kind, a: column(0), b: column(1), c: column(2) };
}

/** One class against the rest. */
interface Problem {
  /** float64 [n]. Probability of the class. */
  readonly p: Float64Array;
  readonly isClass: Uint8Array;
  readonly weights: Float64Array;
}

// loops: typed arrays made with a function take several times as long, half of what a fit of some hundred rows takes
function againstRest({ probabilities, labels, weights, classCount }: CalibrationData, positive: number): Problem {
  const p = new Float64Array(labels.length);
  const isClass = new Uint8Array(labels.length);
  for (let row = 0; row < labels.length; row++) {
    p[row] = probabilities[row * classCount + positive];
    isClass[row] = labels[row] === positive ? 1 : 0;
  }
  return { p, isClass, weights };
}

function mapped(values: Float64Array, change: (value: number) => number): Float64Array {
  const out = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = change(values[i]);
  return out;
}

/**
 * The inverse temperature in [0.02, 50] of least log loss: the loss is convex in it, so Newton's method finds where its derivative is 0, held
 * between the points known to lie on either side. Source: Guo et al. 2017, section 4.2. Cost: some 6 passes over n x classes, 60 at most.
 */
function fitTemperature({ probabilities, labels, weights, classCount }: CalibrationData): number {
  const logs = mapped(probabilities, (p) => log(clipProbability(p)));
  const slopeAt = (inverse: number): { slope: number; bend: number } => {
    let slope = 0;
    let bend = 0;
    for (let row = 0; row < labels.length; row++) {
      const from = row * classCount;
      let greatest = Number.NEGATIVE_INFINITY;
      for (let k = 0; k < classCount; k++) greatest = Math.max(greatest, logs[from + k]);
      let sum = 0;
      let first = 0;
      let second = 0;
      for (let k = 0; k < classCount; k++) {
        const away = logs[from + k] - greatest;
        const share = exp(inverse * away);
        sum += share;
        first += share * away;
        second += share * away * away;
      }
      const mean = first / sum;
      slope += weights[row] * (mean + greatest - logs[from + labels[row]]);
      bend += weights[row] * (second / sum - mean * mean);
    }
    return { slope, bend };
  };
  let [low, high]: [number, number] = [...INVERSE_TEMPERATURES];
  let inverse = 1;
  for (let step = 0; step < 60; step++) {
    const { slope, bend } = slopeAt(inverse);
    if (slope > 0) high = inverse;
    else low = inverse;
    const newton = inverse - slope / bend;
    const next = newton > low && newton < high ? newton : Math.sqrt(low * high);
    // the error of the next point is about the square of this step
    if (Math.abs(next - inverse) <= 1e-9 * inverse) return next;
    inverse = next;
  }
  return inverse;
}
const INVERSE_TEMPERATURES = [0.02, 50] as const;

/** [slope, offset]. The slope is kept at 0 or above: a calibrator may flatten a model's order, never turn it round. */
function fitPlatt(problem: Problem): number[] {
  const targets = smoothTargets(problem);
  const fit = fitLogistic([mapped(problem.p, logOdds)], targets, problem.weights, [1, 0]);
  return fit[0] >= 0 ? fit : [0, ...fitLogistic([], targets, problem.weights, [0])];
}

/** [a, b, c], a and b kept at 0 or above by leaving out what would be negative. Source: Kull et al. 2017, section 4. */
function fitBeta(problem: Problem): number[] {
  const targets = smoothTargets(problem);
  const { weights } = problem;
  const first = mapped(problem.p, (p) => log(clipProbability(p)));
  const second = mapped(problem.p, (p) => -log(1 - clipProbability(p)));
  const [a, b, c] = fitLogistic([first, second], targets, weights, [1, 1, 0]);
  if (a >= 0 && b >= 0) return [a, b, c];
  if (a < 0) {
    const [onlyB, offset] = fitLogistic([second], targets, weights, [1, 0]);
    if (onlyB >= 0) return [0, onlyB, offset];
  } else {
    const [onlyA, offset] = fitLogistic([first], targets, weights, [1, 0]);
    if (onlyA >= 0) return [onlyA, 0, offset];
  }
  return [0, 0, ...fitLogistic([], targets, weights, [0])];
}

/** Platt's targets: as if each side had seen one more row of the other. Source: Platt 1999, section 2.2. */
function smoothTargets({ isClass, weights }: Problem): Float64Array {
  let positives = 0;
  let total = 0;
  for (let row = 0; row < isClass.length; row++) {
    total += weights[row];
    if (isClass[row] === 1) positives += weights[row];
  }
  const yes = (positives + 1) / (positives + 2);
  const no = 1 / (total - positives + 2);
  const targets = new Float64Array(isClass.length);
  for (let row = 0; row < isClass.length; row++) targets[row] = isClass[row] === 1 ? yes : no;
  return targets;
}

/**
 * Weighted logistic regression of few inputs on targets in [0, 1], by Newton's method.
 * @param start [coefficients, intercept]. @returns the same, fitted. Source: Lin, Lin and Weng 2007, algorithm 1.
 * Cost: one exponential and one logarithm a row and evaluation.
 */
function fitLogistic(
  inputs: readonly Float64Array[],
  targets: Float64Array,
  weights: Float64Array,
  start: readonly number[],
): number[] {
  const size = inputs.length + 1;
  let total = 0;
  for (const weight of weights) total += weight;
  // a row's inputs and the intercept's 1 stand together
  const rows = new Float64Array(targets.length * size).fill(1);
  for (const [j, input] of inputs.entries()) for (let row = 0; row < input.length; row++) rows[row * size + j] = input[row];
  const logLossAt: CurvedObjective = (point, gradient, curvature) => {
    let loss = 0;
    for (let row = 0; row < targets.length; row++) {
      const from = row * size;
      let score = point[size - 1];
      for (let j = 0; j < size - 1; j++) score += point[j] * rows[from + j];
      const weight = weights[row];
      const small = exp(-Math.abs(score));
      const share = (score >= 0 ? 1 : small) / (1 + small);
      loss += weight * (log1p(small) + Math.max(score, 0) - targets[row] * score);
      const residual = weight * (share - targets[row]);
      const bend = weight * share * (1 - share);
      for (let j = 0; j < size; j++) {
        gradient[j] += residual * rows[from + j];
        for (let i = 0; i <= j; i++) curvature[j * size + i] += bend * rows[from + j] * rows[from + i];
      }
    }
    return loss;
  };
  return [...minimiseNewton(logLossAt, Float64Array.from(start), 1e-9 * total, 1e-10 * total)];
}

function joinKnots(problems: readonly Problem[]): Calibrator {
  const x: number[] = [];
  const y: number[] = [];
  const starts = [0];
  for (const { p, isClass, weights } of problems) {
    const knots = knotsOf(fitIsotonic(p, Float64Array.from(isClass), weights));
    x.push(...knots.x);
    y.push(...knots.y);
    starts.push(x.length);
  }
  return { kind: "isotonic", x: Float64Array.from(x), y: Float64Array.from(y), starts: Int32Array.from(starts) };
}

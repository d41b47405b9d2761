import { type Calibrator, type CalibratorKind, clipProbability, logOdds } from "./calibrate.ts";
import { exp, log, log1p } from "./exact-math.ts";
import { fitClassScaling } from "./fit-class-scaling.ts";
import { fitIsotonic, knotsOf } from "./isotonic.ts";

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

function againstRest({ probabilities, labels, weights, classCount }: CalibrationData, positive: number): Problem {
  return {
    p: Float64Array.from(labels, (_, row) => probabilities[row * classCount + positive]),
    isClass: Uint8Array.from(labels, (label) => (label === positive ? 1 : 0)),
    weights,
  };
}

/**
 * The inverse temperature in [0.02, 50] of least log loss: the loss is convex in it, so Newton's method finds where its derivative is 0, held
 * between the points known to lie on either side. Source: Guo et al. 2017, section 4.2. Cost: some 6 passes over n x classes, 60 at most.
 */
function fitTemperature({ probabilities, labels, weights, classCount }: CalibrationData): number {
  const logs = probabilities.map((p) => log(clipProbability(p)));
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
  const fit = fitLogistic([Float64Array.from(problem.p, logOdds)], targets, problem.weights, [1, 0]);
  return fit[0] >= 0 ? fit : [0, ...fitLogistic([], targets, problem.weights, [0])];
}

/** [a, b, c], a and b kept at 0 or above by leaving out what would be negative. Source: Kull et al. 2017, section 4. */
function fitBeta(problem: Problem): number[] {
  const targets = smoothTargets(problem);
  const { weights } = problem;
  const first = Float64Array.from(problem.p, (p) => log(clipProbability(p)));
  const second = Float64Array.from(problem.p, (p) => -log(1 - clipProbability(p)));
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
  return Float64Array.from(isClass, (is) => (is === 1 ? yes : no));
}

/**
 * Weighted logistic regression of few inputs on targets in [0, 1], by Newton's method with halved steps.
 * @param start [coefficients, intercept]. @returns the same, fitted. Source: Lin, Lin and Weng 2007, algorithm 1.
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
  let here = logisticAt(inputs, targets, weights, start);
  for (let step = 0; step < 100; step++) {
    if (here.gradient.every((value) => Math.abs(value) < 1e-9 * total)) break;
    for (let j = 0; j < size; j++) here.curvature[j][j] += 1e-10 * total;
    const direction = solve(here.curvature, here.gradient);
    let share = 1;
    const moved = (): Place =>
      logisticAt(
        inputs,
        targets,
        weights,
        here.point.map((value, j) => value - share * direction[j]),
      );
    let next = moved();
    while (next.loss > here.loss && share > 1e-10) {
      share /= 2;
      next = moved();
    }
    if (next.loss >= here.loss) break;
    here = next;
  }
  return [...here.point];
}

interface Place {
  readonly point: readonly number[];
  readonly loss: number;
  readonly gradient: readonly number[];
  /** The lower half. */
  readonly curvature: number[][];
}

/** Log loss of a point with its derivatives, in one pass: one exponential and one logarithm a row. */
function logisticAt(
  inputs: readonly Float64Array[],
  targets: Float64Array,
  weights: Float64Array,
  point: readonly number[],
): Place {
  const size = inputs.length + 1;
  const gradient = new Float64Array(size);
  const curvature = new Float64Array(size * size);
  const values = new Float64Array(size).fill(1);
  let loss = 0;
  for (let row = 0; row < targets.length; row++) {
    let score = point[size - 1];
    for (let j = 0; j < size - 1; j++) {
      values[j] = inputs[j][row];
      score += point[j] * values[j];
    }
    const weight = weights[row];
    const small = exp(-Math.abs(score));
    const share = (score >= 0 ? 1 : small) / (1 + small);
    loss += weight * (log1p(small) + Math.max(score, 0) - targets[row] * score);
    const residual = weight * (share - targets[row]);
    const bend = weight * share * (1 - share);
    for (let j = 0; j < size; j++) {
      gradient[j] += residual * values[j];
      for (let i = 0; i <= j; i++) curvature[j * size + i] += bend * values[j] * values[i];
    }
  }
  return {
    point,
    loss,
    gradient: [...gradient],
    curvature: Array.from({ length: size }, (_, j) => [...curvature.subarray(j * size, (j + 1) * size)]),
  };
}

/** Solves the symmetric system whose lower half is given, by Cholesky's factorisation. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const size = right.length;
  const factor = matrix.map((row) => [...row]);
  for (let j = 0; j < size; j++) {
    for (let i = 0; i <= j; i++) {
      let sum = matrix[j][i];
      for (let k = 0; k < i; k++) sum -= factor[j][k] * factor[i][k];
      factor[j][i] = i === j ? Math.sqrt(Math.max(sum, 1e-300)) : sum / factor[i][i];
    }
  }
  const solution = [...right];
  for (let j = 0; j < size; j++) {
    for (let k = 0; k < j; k++) solution[j] -= factor[j][k] * solution[k];
    solution[j] /= factor[j][j];
  }
  for (let j = size - 1; j >= 0; j--) {
    for (let k = j + 1; k < size; k++) solution[j] -= factor[k][j] * solution[k];
    solution[j] /= factor[j][j];
  }
  return solution;
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

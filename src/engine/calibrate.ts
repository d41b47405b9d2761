import { exp, log } from "./exact-math.ts";
import { interpolate } from "./isotonic.ts";

/** What turns a model's probabilities into calibrated ones. Log odds and logarithms are of probabilities clipped at 1e-6. */
export type Calibrator =
  | { readonly kind: "none" }
  /** p ~ p^inverse, normalised. `inverse` = 1 / temperature. */
  | { readonly kind: "temperature"; readonly inverse: number }
  /** Logistic of slope x log odds + offset: of class 1 for two classes (length 1), else of each class against the rest, normalised. */
  | { readonly kind: "platt"; readonly slopes: Float64Array; readonly offsets: Float64Array }
  /** Logistic of a x log p - b x log(1 - p) + c, a and b 0 or greater; classes as in "platt". Source: Kull et al. 2017. */
  | { readonly kind: "beta"; readonly a: Float64Array; readonly b: Float64Array; readonly c: Float64Array }
  /** Softmax of slope x log p + offset, one of each a class, slopes 0 or greater; three classes or more. Source: Guo et al. 2017. */
  | { readonly kind: "vector"; readonly slopes: Float64Array; readonly offsets: Float64Array }
  /** Softmax of matrix x log p + offsets; matrix [classes x classes], row-major; three classes or more. Source: Kull et al. 2019. */
  | { readonly kind: "dirichlet"; readonly matrix: Float64Array; readonly offsets: Float64Array }
  /**
   * Straight lines between knots, level outside them; classes as in "platt". The knots of output k are
   * x[starts[k]] to x[starts[k + 1] - 1], rising; y never falls.
   */
  | { readonly kind: "isotonic"; readonly x: Float64Array; readonly y: Float64Array; readonly starts: Int32Array };

export type CalibratorKind = Calibrator["kind"];

/** Probabilities nearer to 0 or 1 than this count as this: a forest says 0 where it merely saw no case. */
export const PROBABILITY_FLOOR = 1e-6;

/** Fewest rows with which a calibrator is tried. Source: decision-methods.md 2.2 (our own simulation). */
export const LEAST_ROWS: Readonly<Record<CalibratorKind, number>> = {
  none: 0,
  temperature: 0,
  platt: 50,
  beta: 500,
  isotonic: 1001,
  vector: 50,
  dirichlet: 500,
};

/** Rows for each number that "dirichlet" fits, classes x (classes + 1) of them. */
const DIRICHLET_ROWS = 10;

/** Whether the choice among calibrators tries one: enough rows, and for the forms over all classes at least three classes. */
export function isTried(kind: CalibratorKind, rowCount: number, classCount: number): boolean {
  if (rowCount < LEAST_ROWS[kind]) return false;
  if (kind === "dirichlet") return classCount > 2 && rowCount >= DIRICHLET_ROWS * classCount * (classCount + 1);
  return kind !== "vector" || classCount > 2;
}

export const clipProbability = (p: number): number => Math.min(1 - PROBABILITY_FLOOR, Math.max(PROBABILITY_FLOOR, p));
export const logOdds = (p: number): number => log(clipProbability(p) / (1 - clipProbability(p)));
export const logistic = (score: number): number => 1 / (1 + exp(-score));

/**
 * Replaces probabilities by calibrated ones.
 * @param probabilities IN/OUT float64 [n x classes], rows sum to 1 before and after.
 */
export function applyCalibrator(calibrator: Calibrator, probabilities: Float64Array, classCount: number): void {
  if (calibrator.kind === "none") return;
  for (let from = 0; from < probabilities.length; from += classCount) {
    if (classCount === 2) {
      const share = shareOf(calibrator, 0, probabilities[from + 1]);
      probabilities[from] = 1 - share;
      probabilities[from + 1] = share;
    } else if (calibrator.kind === "temperature" || calibrator.kind === "vector" || calibrator.kind === "dirichlet")
      allClasses(calibrator, probabilities, from, classCount);
    else oneAgainstRest(calibrator, probabilities, from, classCount);
  }
}

/** Calibrated probability of one class against the rest. @param output 0 for two classes, else the class. */
function shareOf(calibrator: Exclude<Calibrator, { kind: "none" }>, output: number, p: number): number {
  switch (calibrator.kind) {
    case "vector":
    case "dirichlet":
      throw new Error(`${calibrator.kind} scaling is over all classes at once`);
    case "temperature":
      return logistic(calibrator.inverse * logOdds(p));
    case "platt":
      return logistic(calibrator.slopes[output] * logOdds(p) + calibrator.offsets[output]);
    case "beta": {
      const clipped = clipProbability(p);
      return logistic(calibrator.a[output] * log(clipped) - calibrator.b[output] * log(1 - clipped) + calibrator.c[output]);
    }
    case "isotonic":
      return interpolate(calibrator.x, calibrator.y, calibrator.starts[output], calibrator.starts[output + 1], p);
  }
}

function oneAgainstRest(
  calibrator: Exclude<Calibrator, { kind: "none" }>,
  probabilities: Float64Array,
  from: number,
  classCount: number,
): void {
  let sum = 0;
  for (let k = 0; k < classCount; k++) {
    // an isotonic share can be 0 for every class at once: the floor keeps the sum above 0
    const share = Math.max(PROBABILITY_FLOOR, shareOf(calibrator, k, probabilities[from + k]));
    probabilities[from + k] = share;
    sum += share;
  }
  for (let k = 0; k < classCount; k++) probabilities[from + k] /= sum;
}

type OverAllClasses = Extract<Calibrator, { kind: "temperature" | "vector" | "dirichlet" }>;

/** Softmax of an affine map of the logarithms. */
function allClasses(calibrator: OverAllClasses, probabilities: Float64Array, from: number, classCount: number): void {
  const logs = new Float64Array(classCount);
  for (let k = 0; k < classCount; k++) logs[k] = log(clipProbability(probabilities[from + k]));
  let greatest = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < classCount; k++) {
    const score = scoreOf(calibrator, logs, k);
    probabilities[from + k] = score;
    greatest = Math.max(greatest, score);
  }
  let sum = 0;
  for (let k = 0; k < classCount; k++) sum += probabilities[from + k] = exp(probabilities[from + k] - greatest);
  for (let k = 0; k < classCount; k++) probabilities[from + k] /= sum;
}

function scoreOf(calibrator: OverAllClasses, logs: Float64Array, k: number): number {
  if (calibrator.kind === "temperature") return calibrator.inverse * logs[k];
  if (calibrator.kind === "vector") return calibrator.slopes[k] * logs[k] + calibrator.offsets[k];
  let score = calibrator.offsets[k];
  for (let j = 0; j < logs.length; j++) score += calibrator.matrix[k * logs.length + j] * logs[j];
  return score;
}

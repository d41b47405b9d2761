import { type Calibrator, clipProbability } from "./calibrate.ts";
import { exp, log } from "./exact-math.ts";
import type { CalibrationData } from "./fit-calibrator.ts";
import { minimise, type Objective } from "./minimise.ts";

/**
 * Vector and Dirichlet scaling: the softmax of an affine map of the logarithms of the class probabilities. "vector" has one slope and one
 * offset a class, "dirichlet" a whole matrix, which also moves probability from one class to another. Both minimise the sum of the weighted
 * log losses plus half the squared distance from the identity, so that few rows change little.
 * Source: Guo et al. 2017, section 4.2 (vector and matrix scaling); Kull et al. 2019 (Dirichlet calibration, ODIR).
 */
export function fitClassScaling(kind: "vector" | "dirichlet", data: CalibrationData): Calibrator {
  const { classCount } = data;
  const free = freeEntries(kind, classCount);
  for (;;) {
    const found = minimise(scalingLoss(data, free), identity(free, classCount), 1e-7, 500, () => undefined);
    const { matrix, offsets } = spread(found.point, free, classCount);
    if (kind === "dirichlet") return { kind, matrix, offsets };
    const slopes = Float64Array.from(offsets, (_, k) => matrix[k * classCount + k]);
    const negative = slopes.findIndex((slope) => slope < 0);
    if (negative < 0) return { kind, slopes, offsets };
    // a class whose order would turn round keeps none: flattened, and the others fitted again
    free.splice(free.indexOf(negative * classCount + negative), 1);
  }
}

/** Indices into the matrix that are fitted; the others are 0. */
function freeEntries(kind: "vector" | "dirichlet", classCount: number): number[] {
  const all = Array.from({ length: classCount * classCount }, (_, i) => i);
  return kind === "dirichlet" ? all : all.filter((i) => i % (classCount + 1) === 0);
}

/** Free entries of the identity matrix, then offsets of 0. */
const identity = (free: readonly number[], classCount: number): Float64Array =>
  Float64Array.from({ length: free.length + classCount }, (_, i) =>
    i < free.length && free[i] % (classCount + 1) === 0 ? 1 : 0,
  );

function spread(
  point: Float64Array,
  free: readonly number[],
  classCount: number,
): { matrix: Float64Array; offsets: Float64Array } {
  const matrix = new Float64Array(classCount * classCount);
  free.forEach((entry, i) => {
    matrix[entry] = point[i];
  });
  return { matrix, offsets: point.slice(free.length) };
}

/** Mean weighted log loss and penalty of the free entries and the offsets. Cost: 2 x n x classes^2 multiplications a call. */
function scalingLoss({ probabilities, labels, weights, classCount }: CalibrationData, free: readonly number[]): Objective {
  const logs = probabilities.map((p) => log(clipProbability(p)));
  const start = identity(free, classCount);
  const shares = new Float64Array(classCount);
  let total = 0;
  for (const weight of weights) total += weight;
  return (point, gradient) => {
    const { matrix, offsets } = spread(point, free, classCount);
    const matrixGradient = new Float64Array(matrix.length);
    gradient.fill(0);
    let loss = 0;
    for (let row = 0; row < labels.length; row++) {
      const from = row * classCount;
      let greatest = Number.NEGATIVE_INFINITY;
      for (let k = 0; k < classCount; k++) {
        let score = offsets[k];
        for (let j = 0; j < classCount; j++) score += matrix[k * classCount + j] * logs[from + j];
        shares[k] = score;
        greatest = Math.max(greatest, score);
      }
      let sum = 0;
      const given = shares[labels[row]];
      for (let k = 0; k < classCount; k++) {
        shares[k] = exp(shares[k] - greatest);
        sum += shares[k];
      }
      loss += weights[row] * (log(sum) + greatest - given);
      for (let k = 0; k < classCount; k++) {
        const residual = weights[row] * (shares[k] / sum - (labels[row] === k ? 1 : 0));
        gradient[free.length + k] += residual;
        for (let j = 0; j < classCount; j++) matrixGradient[k * classCount + j] += residual * logs[from + j];
      }
    }
    free.forEach((entry, i) => {
      gradient[i] = matrixGradient[entry];
    });
    let squares = 0;
    for (let i = 0; i < point.length; i++) {
      const away = point[i] - start[i];
      squares += away * away;
      gradient[i] = (gradient[i] + away) / total;
    }
    return (loss + 0.5 * squares) / total;
  };
}

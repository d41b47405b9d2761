import { addScaled, CurvatureMemory, dot, greatestAbsolute } from "./curvature-memory.ts";
import type { Minimum, Objective } from "./minimise.ts";

/**
 * Minimises a convex smooth function plus a weighted sum of absolute values, whose minimum has exact zeros, by OWL-QN: L-BFGS within the
 * orthant in which the point stands or towards which it moves.
 * @param penalties float64 [d], 0 or greater: factor of each coordinate's absolute value; 0 = free.
 * @param start float64 [d]; not changed.
 * @param tolerance greatest absolute component of the pseudo-gradient at which the search ends.
 * @param beforeStep called before each step; may throw to cancel.
 * Source: Andrew and Gao 2007.
 */
export function minimiseSparse(
  objective: Objective,
  penalties: Float64Array,
  start: Float64Array,
  tolerance: number,
  maxSteps: number,
  beforeStep: () => void,
): Minimum {
  const size = start.length;
  const memory = new CurvatureMemory();
  const direction = new Float64Array(size);
  const slope = new Float64Array(size);
  let point = Float64Array.from(start);
  let gradient = new Float64Array(size);
  let value = objective(point, gradient) + penaltyOf(point, penalties);
  let iterations = 0;
  for (;;) {
    pseudoGradient(point, gradient, penalties, slope);
    if (greatestAbsolute(slope) <= tolerance) return { point, value, iterations, converged: true };
    if (iterations >= maxSteps) return { point, value, iterations, converged: false };
    beforeStep();
    memory.direction(slope, direction);
    // what would climb is left out
    for (let i = 0; i < size; i++) if (direction[i] * slope[i] >= 0) direction[i] = 0;
    const firstLength = memory.isEmpty ? Math.min(1, 1 / Math.sqrt(dot(slope, slope))) : 1;
    const found = searchOrthant(objective, penalties, point, value, slope, direction, firstLength);
    iterations++;
    // rounding leaves no better point
    if (found === null) return { point, value, iterations, converged: greatestAbsolute(slope) <= tolerance * 100 };
    memory.remember(point, found.point, gradient, found.gradient);
    ({ point, gradient, value } = found);
  }
}

function penaltyOf(point: Float64Array, penalties: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < point.length; i++) sum += penalties[i] * Math.abs(point[i]);
  return sum;
}

/** The steepest one-sided slope at the point; 0 where neither side descends. */
function pseudoGradient(point: Float64Array, gradient: Float64Array, penalties: Float64Array, out: Float64Array): void {
  for (let i = 0; i < out.length; i++) {
    const right = gradient[i] + penalties[i];
    const left = gradient[i] - penalties[i];
    out[i] = point[i] > 0 ? right : point[i] < 0 ? left : right < 0 ? right : left > 0 ? left : 0;
  }
}

interface Found {
  point: Float64Array<ArrayBuffer>;
  gradient: Float64Array<ArrayBuffer>;
  value: number;
}

/** Halves the step until it descends enough; a coordinate that would leave its orthant stops at 0. */
function searchOrthant(
  objective: Objective,
  penalties: Float64Array,
  from: Float64Array,
  value: number,
  slope: Float64Array,
  direction: Float64Array,
  firstLength: number,
): Found | null {
  const size = from.length;
  const moved = new Float64Array(size);
  let length = firstLength;
  for (let tries = 0; tries < 60; tries++, length /= 2) {
    const point = Float64Array.from(from);
    addScaled(point, direction, length);
    for (let i = 0; i < size; i++) {
      const orthant = from[i] !== 0 ? Math.sign(from[i]) : -Math.sign(slope[i]);
      if (penalties[i] > 0 && Math.sign(point[i]) !== orthant) point[i] = 0;
      moved[i] = point[i] - from[i];
    }
    const gradient = new Float64Array(size);
    const trial = objective(point, gradient) + penaltyOf(point, penalties);
    // near the minimum the values are equal up to rounding
    if (trial <= value + 1e-4 * dot(slope, moved) + 1e-15 * Math.abs(value)) return { point, gradient, value: trial };
  }
  return null;
}

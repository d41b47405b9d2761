/** A convex function: writes its gradient at `point` and the lower half of its second derivatives ([d x d], row-major), and returns its value. */
export type CurvedObjective = (point: Float64Array, gradient: Float64Array, curvature: Float64Array) => number;

const MOST_STEPS = 100;

/**
 * Minimises a convex function of few numbers by Newton's method with halved steps.
 * @param start float64 [d]; not changed. @param tolerance greatest absolute gradient component at which the search ends.
 * @param ridge added to the second derivatives, so that a flat direction has a step. @returns float64 [d].
 * Cost: some six evaluations and d^3 / 6 operations each. Source: Boyd and Vandenberghe 2004, section 9.5.
 */
export function minimiseNewton(objective: CurvedObjective, start: Float64Array, tolerance: number, ridge: number): Float64Array {
  const size = start.length;
  let here = placeAt(objective, Float64Array.from(start));
  for (let step = 0; step < MOST_STEPS; step++) {
    if (here.gradient.every((value) => Math.abs(value) < tolerance)) break;
    for (let j = 0; j < size; j++) here.curvature[j * size + j] += ridge;
    const direction = solve(here.curvature, here.gradient);
    const { point } = here;
    const moved = (share: number): Place =>
      placeAt(
        objective,
        point.map((value, j) => value - share * direction[j]),
      );
    let share = 1;
    let next = moved(share);
    // NaN, too, is a step too far
    while (!(next.value <= here.value) && share > 1e-10) {
      share /= 2;
      next = moved(share);
    }
    if (!(next.value < here.value)) break;
    here = next;
  }
  return here.point;
}

interface Place {
  readonly point: Float64Array;
  readonly value: number;
  readonly gradient: Float64Array;
  readonly curvature: Float64Array;
}

function placeAt(objective: CurvedObjective, point: Float64Array): Place {
  const gradient = new Float64Array(point.length);
  const curvature = new Float64Array(point.length * point.length);
  return { point, value: objective(point, gradient, curvature), gradient, curvature };
}

/** Solves the symmetric system whose lower half is given, by Cholesky's factorisation. @returns float64 [d]. */
function solve(matrix: Float64Array, right: Float64Array): Float64Array {
  const size = right.length;
  const factor = matrix.slice();
  for (let j = 0; j < size; j++) {
    for (let i = 0; i <= j; i++) {
      let sum = matrix[j * size + i];
      for (let k = 0; k < i; k++) sum -= factor[j * size + k] * factor[i * size + k];
      factor[j * size + i] = i === j ? Math.sqrt(Math.max(sum, 1e-300)) : sum / factor[i * size + i];
    }
  }
  const solution = right.slice();
  for (let j = 0; j < size; j++) {
    for (let k = 0; k < j; k++) solution[j] -= factor[j * size + k] * solution[k];
    solution[j] /= factor[j * size + j];
  }
  for (let j = size - 1; j >= 0; j--) {
    for (let k = j + 1; k < size; k++) solution[j] -= factor[k * size + j] * solution[k];
    solution[j] /= factor[j * size + j];
  }
  return solution;
}

/** How many steps the curvature is remembered for. */
const MEMORY = 10;

/**
 * What L-BFGS remembers of the last steps, and the quasi-Newton direction that follows from it.
 * Source: Nocedal and Wright 2006, algorithm 7.4.
 */
export class CurvatureMemory {
  private readonly steps: Float64Array[] = [];
  private readonly changes: Float64Array[] = [];
  private readonly curvatures: number[] = [];

  get isEmpty(): boolean {
    return this.steps.length === 0;
  }

  /** Remembers a step and how the gradient changed over it; a step without positive curvature is left out. */
  remember(fromPoint: Float64Array, toPoint: Float64Array, fromGradient: Float64Array, toGradient: Float64Array): void {
    const { steps, changes, curvatures } = this;
    const size = fromPoint.length;
    const step = new Float64Array(size);
    const change = new Float64Array(size);
    for (let i = 0; i < size; i++) {
      step[i] = toPoint[i] - fromPoint[i];
      change[i] = toGradient[i] - fromGradient[i];
    }
    const curvature = dot(step, change);
    if (!(curvature > 1e-16 * dot(change, change))) return;
    if (steps.length === MEMORY) {
      steps.shift();
      changes.shift();
      curvatures.shift();
    }
    steps.push(step);
    changes.push(change);
    curvatures.push(curvature);
  }

  /** The direction of descent, written into `out`. */
  direction(gradient: Float64Array, out: Float64Array): void {
    const { steps, changes, curvatures } = this;
    for (let i = 0; i < out.length; i++) out[i] = -gradient[i];
    const shares = new Float64Array(steps.length);
    for (let k = steps.length - 1; k >= 0; k--) {
      shares[k] = dot(steps[k], out) / curvatures[k];
      addScaled(out, changes[k], -shares[k]);
    }
    const last = steps.length - 1;
    if (last >= 0) {
      const scale = curvatures[last] / dot(changes[last], changes[last]);
      for (let i = 0; i < out.length; i++) out[i] *= scale;
    }
    for (let k = 0; k < steps.length; k++) addScaled(out, steps[k], shares[k] - dot(changes[k], out) / curvatures[k]);
  }
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

export function addScaled(into: Float64Array, what: Float64Array, factor: number): void {
  for (let i = 0; i < into.length; i++) into[i] += factor * what[i];
}

export function greatestAbsolute(values: Float64Array): number {
  let greatest = 0;
  for (const value of values) greatest = Math.max(greatest, Math.abs(value));
  return greatest;
}

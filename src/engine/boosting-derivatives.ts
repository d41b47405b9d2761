/**
 * Derivatives of the log loss as integers: their sums are exact whatever the order, so that any number of threads gives the same trees.
 * The functions here are the truth that kernels/boosting.as must equal bit for bit: float32 at each step.
 */
export interface FixedPoint {
  /** Powers of two that gradients and hessians are multiplied with. */
  readonly gradientScale: number;
  readonly hessianScale: number;
  /**
   * A cell of a histogram is one 64-bit integer. Up to `MOST_COUNTED_ROWS` it holds 24 bits gradient, 24 hessian and 16 rows. With more rows
   * it holds 32 and 32, and a split search estimates rows by hessians, as LightGBM does; a chosen split that keeps too few is searched anew.
   */
  readonly counted: boolean;
  /** Largest weight; with a large one, or few rows, derivatives do not fit 16 bits. */
  readonly mostWeight: number;
}

export const MOST_COUNTED_ROWS = 16_384;
const MOST_NARROW_WEIGHT = 16;

/** @param weights float32 [n] with mean 1; null = all 1. */
export function fixedPointOf(rowCount: number, weights: Float32Array | null): FixedPoint {
  let sum = rowCount;
  let mostWeight = 1;
  if (weights !== null) {
    sum = 0;
    for (const weight of weights) {
      sum += weight;
      mostWeight = Math.max(mostWeight, weight);
    }
  }
  const counted = rowCount <= MOST_COUNTED_ROWS;
  const narrow = !counted && mostWeight <= MOST_NARROW_WEIGHT;
  // a row's rounding adds at most a half to a gradient; a hessian is a quarter at most, and one unit at least
  const gradientRoom = Math.min((counted ? 2 ** 23 : 2 ** 31) - rowCount, narrow ? (32_767 / mostWeight) * sum : 2 ** 53);
  const hessianRoom = Math.min(
    (counted ? 2 ** 24 : 2 ** 31) - 2 * rowCount,
    narrow ? (65_535 / 4 / mostWeight) * sum * 4 : 2 ** 53,
  );
  return {
    gradientScale: powerBelow(gradientRoom / sum),
    hessianScale: powerBelow((4 * hessianRoom) / sum),
    counted,
    mostWeight,
  };
}

/** How a record holds its derivatives: in 16 and 16 bits where they fit, else as a cell does. */
export function derivativeForm({ counted, mostWeight, gradientScale, hessianScale }: FixedPoint): "counted" | "narrow" | "wide" {
  if (gradientScale * mostWeight <= 32_767 && (hessianScale / 4) * mostWeight <= 65_535) return "narrow";
  return counted ? "counted" : "wide";
}

/** The greatest power of two at most `value`, within [2^-20, 2^20]. */
function powerBelow(value: number): number {
  let power = 2 ** -20;
  while (power < 2 ** 20 && power * 2 <= value) power *= 2;
  return power;
}

const f = Math.fround;
const LOG2_E = f(Math.LOG2E);
const LN2_HIGH = f(0.693359375);
const LN2_LOW = f(-2.1219444e-4);
const POLYNOMIAL = [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1].map(f);

/** e^x in float32, within [-87, 88]. Source: Cephes expf. */
export function exp32(value: number): number {
  const x = Math.max(-87, Math.min(88, value));
  const n = roundHalfEven(f(x * LOG2_E));
  const r = f(f(x - f(n * LN2_HIGH)) - f(n * LN2_LOW));
  let p = POLYNOMIAL[0];
  for (let i = 1; i < POLYNOMIAL.length; i++) p = f(f(p * r) + POLYNOMIAL[i]);
  p = f(f(f(p * f(r * r)) + r) + 1);
  return f(p * 2 ** n);
}

/** To the nearest integer, halves to the even one. */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}

/** Probability of class 1. */
export const logistic32 = (score: number): number => f(1 / f(1 + exp32(-score)));

/** Gradient and hessian of one row in one output. @param target 1 where the row is of the output's class, else 0. */
export function derivativesOf(share: number, target: number, weight: number, point: FixedPoint): [number, number] {
  const g = f(f(f(share - target) * point.gradientScale) * weight);
  const h = f(f(f(share * f(1 - share)) * point.hessianScale) * weight);
  // at least one unit, so that a leaf of certain rows still has a curvature
  return [roundHalfEven(g), Math.max(1, roundHalfEven(h))];
}

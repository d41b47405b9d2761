/**
 * The special functions that the tests stand on. Pure, no allocation; accuracy is held to SciPy by test/unit/decide/special-functions.test.ts
 * (relative error under 1e-10 on the vectors in test/fixtures/decide/).
 */

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
] as const;

/** Natural logarithm of the gamma function, x > 0. Source: Lanczos 1964, g = 7, n = 9. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  let sum: number = LANCZOS[0];
  for (let i = 1; i < LANCZOS.length; i++) sum += (LANCZOS[i] ?? 0) / (x - 1 + i);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

/**
 * Regularised incomplete beta function I_x(a, b), a, b > 0, x in [0, 1].
 * Cost: O(sqrt(max(a, b))) steps. Source: continued fraction DLMF 8.17.22, by the modified Lentz method.
 */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a;
  const tiny = 1e-300;
  let c = 1;
  let d = 1 - ((a + b) * x) / (a + 1);
  d = 1 / (Math.abs(d) < tiny ? tiny : d);
  let fraction = d;
  for (let m = 1; m < 20_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 + even * d;
    c = 1 + even / c;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    if (Math.abs(c) < tiny) c = tiny;
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 + odd * d;
    c = 1 + odd / c;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    if (Math.abs(c) < tiny) c = tiny;
    const step = d * c;
    fraction *= step;
    if (Math.abs(step - 1) < 1e-15) break;
  }
  return Math.min(1, front * fraction);
}

/** ln B(a, b); Stirling differences keep it exact where the gammas are huge. */
export function logBeta(a: number, b: number): number {
  const small = Math.min(a, b);
  const large = Math.max(a, b);
  if (small < 20) return logGamma(small) + (large < 20 ? logGamma(large) - logGamma(small + large) : logGammaDrop(large, small));
  return (
    -0.5 * Math.log(large) +
    0.5 * Math.log(2 * Math.PI) +
    stirlingRest(small) +
    stirlingRest(large) -
    stirlingRest(small + large) +
    (small - 0.5) * Math.log(small / (small + large)) -
    large * Math.log1p(small / large)
  );
}

/** ln Gamma(x) - ln Gamma(x + d) for x >= 20. */
function logGammaDrop(x: number, d: number): number {
  return stirlingRest(x) - stirlingRest(x + d) - (x - 0.5) * Math.log1p(d / x) - d * Math.log(x + d) + d;
}

/** ln Gamma(x) minus Stirling's leading terms, x >= 20. Source: DLMF 5.11.1. */
function stirlingRest(x: number): number {
  const r = 1 / (x * x);
  return (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r / 1188)))) / x;
}

/** Regularised lower incomplete gamma function P(a, x), a > 0, x >= 0. Source: DLMF 8.11.4 (series) and 8.9.2 (fraction). */
export function incompleteGamma(a: number, x: number): number {
  return x <= 0 ? 0 : x < a + 1 ? gammaSeries(a, x) : 1 - gammaFraction(a, x);
}

/** The complement Q(a, x) = 1 - P(a, x), without loss of digits in the far tail. */
export function incompleteGammaTail(a: number, x: number): number {
  return x <= 0 ? 1 : x < a + 1 ? 1 - gammaSeries(a, x) : gammaFraction(a, x);
}

function gammaSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < 100_000; n++) {
    term *= x / (a + n);
    sum += term;
    if (term < sum * 1e-16) break;
  }
  return sum * Math.exp(a * Math.log(x) - x - logGamma(a));
}

function gammaFraction(a: number, x: number): number {
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let h = d;
  for (let n = 1; n < 100_000; n++) {
    const an = -n * (n - a);
    b += 2;
    d = an * d + b;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    c = b + an / c;
    if (Math.abs(c) < tiny) c = tiny;
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return h * Math.exp(a * Math.log(x) - x - logGamma(a));
}

/** P(X > x) of the chi-squared distribution with `degrees` > 0 degrees of freedom. */
export const chiSquaredTail = (x: number, degrees: number): number => incompleteGammaTail(degrees / 2, x / 2);

/** P(Z <= z) of the standard normal distribution. */
export function normalCdf(z: number): number {
  if (Number.isNaN(z)) return Number.NaN;
  const half = 0.5 * incompleteGammaTail(0.5, (z * z) / 2);
  return z < 0 ? half : 1 - half;
}

/** The z with P(Z <= z) = p, 0 < p < 1; infinite at 0 and 1. Source: Acklam's rational start, then two Halley steps on normalCdf. */
export function normalQuantile(p: number): number {
  if (p <= 0) return -Infinity;
  if (p >= 1) return Infinity;
  if (p > 0.5) return -normalQuantile(1 - p);
  let z: number;
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    z =
      (((((-7.784894002430293e-3 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) * q +
        4.374664141464968) *
        q +
        2.938163982698783) /
      ((((7.784695709041462e-3 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1);
  } else {
    const q = p - 0.5;
    const r = q * q;
    z =
      ((((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.357751867269) * r -
        30.66479806614716) *
        r +
        2.506628277459239) *
        q) /
      (((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r -
        13.28068155288572) *
        r +
        1);
  }
  for (let step = 0; step < 2; step++) {
    const error = (normalCdf(z) - p) * Math.sqrt(2 * Math.PI) * Math.exp((z * z) / 2);
    z -= error / (1 + (z * error) / 2);
  }
  return z;
}

/** P(X >= k) for X ~ Binomial(n, p); k may be any number. */
export function binomialTail(k: number, n: number, p: number): number {
  const least = Math.ceil(k);
  if (least <= 0) return 1;
  if (least > n) return 0;
  return incompleteBeta(p, least, n - least + 1);
}

/** P(X = k) for X ~ Binomial(n, p), k an integer. */
export function binomialMass(k: number, n: number, p: number): number {
  if (k < 0 || k > n) return 0;
  if (p <= 0) return k === 0 ? 1 : 0;
  if (p >= 1) return k === n ? 1 : 0;
  return Math.exp(k * Math.log(p) + (n - k) * Math.log1p(-p) - Math.log(n + 1) - logBeta(k + 1, n - k + 1));
}

/** The x with I_x(a, b) = p, by bisection to the last bit: the quantile of the Beta(a, b) distribution. */
export function betaQuantile(p: number, a: number, b: number): number {
  if (p <= 0) return 0;
  if (p >= 1) return 1;
  let low = 0;
  let high = 1;
  for (let step = 0; step < 80; step++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (incompleteBeta(middle, a, b) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

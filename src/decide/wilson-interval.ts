import { RequeenError } from "../core/errors.ts";

/** Standard normal quantile of 0.975: a two-sided interval of 95 %. */
const Z_95 = 1.959963984540054;

/**
 * Interval of 95 % for a share from counts. Holds its level also for few rows and shares near 0 or 1, where the normal interval leaves [0, 1].
 * Source: Wilson 1927, without continuity correction.
 * @throws bad_parameter unless 0 <= successes <= trials and trials > 0.
 */
export function wilsonInterval(successes: number, trials: number): { low: number; high: number } {
  if (!(trials > 0 && successes >= 0 && successes <= trials))
    throw new RequeenError(
      "bad_parameter",
      `wilsonInterval takes 0 <= successes <= trials, trials > 0; got ${successes} of ${trials}`,
    );
  const share = successes / trials;
  const z2 = Z_95 * Z_95;
  const centre = (share + z2 / (2 * trials)) / (1 + z2 / trials);
  const half = (Z_95 / (1 + z2 / trials)) * Math.sqrt((share * (1 - share)) / trials + z2 / (4 * trials * trials));
  return { low: successes === 0 ? 0 : centre - half, high: successes === trials ? 1 : centre + half };
}

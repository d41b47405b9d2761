import { RequeenError } from "../core/errors.ts";
import { exp, log, log1p } from "./exact-math.ts";

/** Prediction sets that hold the true class with a promised frequency. */
export interface Conformal {
  /** Least frequency with which the set holds the true class. */
  readonly coverage: number;
  /** How sure it is that the calibration rows give at least that. */
  readonly confidence: number;
  /** float64 [classes]. A class is in the set when 1 - its probability is at most this; Infinity = always. */
  readonly limits: Float64Array;
}

export interface ConformalOptions {
  /** In (0, 1). Default 0.9. */
  readonly coverage?: number;
  /** In [0, 1). Default 0.95; 0 = the usual promise, on average over calibration sets only. */
  readonly confidence?: number;
  /** Each class gets its own limit, so that the promise holds for each class; needs more rows. Default false. */
  readonly byClass?: boolean;
}

/**
 * Limits of split conformal prediction with the correction for few rows: with the k-th smallest of n nonconformities as limit, the
 * coverage of new rows is Beta(k, n + 1 - k); the least k is taken with which it is `coverage` or more with probability `confidence`.
 * Source: Vovk 2012; the correction as in arXiv 2509.15349; decision-methods.md 2.4.
 * @param probabilities float64 [n x classes], of rows that neither model nor calibrator was fitted on.
 * @throws bad_parameter, bad_data
 */
export function fitConformal(
  probabilities: Float64Array,
  labels: Uint8Array,
  classCount: number,
  options: ConformalOptions = {},
): Conformal {
  const { coverage = 0.9, confidence = 0.95, byClass = false } = options;
  if (!(coverage > 0 && coverage < 1)) throw new RequeenError("bad_parameter", `coverage must be in (0, 1); got ${coverage}`);
  if (!(confidence >= 0 && confidence < 1))
    throw new RequeenError("bad_parameter", `confidence must be in [0, 1); got ${confidence}`);
  if (labels.length === 0 || probabilities.length !== labels.length * classCount) {
    throw new RequeenError(
      "bad_data",
      `probabilities must have ${labels.length} rows of ${classCount}, and at least one; got ${probabilities.length} numbers`,
    );
  }
  const nonconformity = Float64Array.from(labels, (label, row) => 1 - probabilities[row * classCount + label]);
  const limits = new Float64Array(classCount);
  const shared = byClass ? 0 : limitOf(nonconformity, coverage, confidence);
  for (let k = 0; k < classCount; k++) {
    limits[k] = byClass
      ? limitOf(
          nonconformity.filter((_, row) => labels[row] === k),
          coverage,
          confidence,
        )
      : shared;
  }
  return { coverage, confidence, limits };
}

function limitOf(values: Float64Array, coverage: number, confidence: number): number {
  const rank = rankFor(values.length, coverage, confidence);
  return rank > values.length ? Number.POSITIVE_INFINITY : values.slice().sort()[rank - 1];
}

/** Least rank of n whose coverage is high enough; n + 1 when none is. */
export function rankFor(n: number, coverage: number, confidence: number): number {
  if (confidence === 0) return Math.min(n + 1, Math.ceil((n + 1) * coverage));
  // P(Beta(k, n + 1 - k) >= coverage) = P(Binomial(n, coverage) <= k - 1)
  let cumulated = 0;
  let logTerm = n * log1p(-coverage);
  for (let k = 1; k <= n; k++) {
    cumulated += exp(logTerm);
    if (cumulated >= confidence) return k;
    logTerm += log((n - k + 1) / k) + log(coverage) - log1p(-coverage);
  }
  return n + 1;
}

/**
 * The classes of each row's set. @returns uint8 [n x classes], 1 = in the set. A set of other than one class is a case for review:
 * none fits, or several do.
 */
export function predictionSets(conformal: Conformal, probabilities: Float64Array): Uint8Array {
  const classCount = conformal.limits.length;
  return Uint8Array.from(probabilities, (p, i) => (1 - p <= conformal.limits[i % classCount] ? 1 : 0));
}

/** Whether each row needs a person: 1 where its set has other than one class. @returns uint8 [n]. */
export function reviewRequired(conformal: Conformal, probabilities: Float64Array): Uint8Array {
  const classCount = conformal.limits.length;
  const sets = predictionSets(conformal, probabilities);
  const required = new Uint8Array(sets.length / classCount);
  for (let row = 0; row < required.length; row++) {
    let size = 0;
    for (let k = 0; k < classCount; k++) size += sets[row * classCount + k];
    required[row] = size === 1 ? 0 : 1;
  }
  return required;
}

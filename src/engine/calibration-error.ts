import { RequeenError } from "../core/errors.ts";
import { deriveSeed, SeededRandom } from "./seeded-random.ts";

/** One bin of a reliability diagram of the most likely class. */
export interface ReliabilityBin {
  /** Bounds of the confidence: low < confidence <= high in equal-width bins, the bin's extremes in equal-mass ones. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
  readonly meanConfidence: number;
  readonly accuracy: number;
}

export interface BinOptions {
  readonly bins?: number;
  /** "width": bins of equal width over [0, 1]; "mass": bins of (nearly) equal counts. */
  readonly by?: "width" | "mass";
}

/** The bins that have rows, by rising confidence. @param probabilities float64 [n x classes]. */
export function reliabilityBins(
  probabilities: Float64Array,
  labels: Uint8Array,
  classCount: number,
  options: BinOptions = {},
): ReliabilityBin[] {
  const { confidence, right } = topLabels(probabilities, labels, classCount);
  return binRows(confidence, right, checkBins(options.bins), options.by ?? "width");
}

/**
 * Expected calibration error of the most likely class: mean over rows of |accuracy - mean confidence| of the row's bin.
 * Biased upwards on few rows: report it with `calibrationErrorInterval` below 500.
 */
export function expectedCalibrationError(
  probabilities: Float64Array,
  labels: Uint8Array,
  classCount: number,
  options: BinOptions = {},
): number {
  const { confidence, right } = topLabels(probabilities, labels, classCount);
  return errorOf(binRows(confidence, right, checkBins(options.bins), options.by ?? "width"), labels.length);
}

/**
 * Calibration error of each class: mean over rows of |share of the class - mean probability of it| of the row's bin.
 * @returns float64 [classes].
 */
export function classCalibrationErrors(
  probabilities: Float64Array,
  labels: Uint8Array,
  classCount: number,
  options: BinOptions = {},
): Float64Array {
  checkShape(probabilities, labels, classCount);
  return Float64Array.from({ length: classCount }, (_, k) => {
    const p = Float64Array.from(labels, (_label, row) => probabilities[row * classCount + k]);
    const isClass = Uint8Array.from(labels, (label) => (label === k ? 1 : 0));
    return errorOf(binRows(p, isClass, checkBins(options.bins), options.by ?? "width"), labels.length);
  });
}

export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface IntervalOptions extends BinOptions {
  /** Default 0.95. */
  readonly level?: number;
  /** Default 1,000. */
  readonly resamples?: number;
}

/** The calibration error of the most likely class with a percentile bootstrap interval over rows. */
export function calibrationErrorInterval(
  probabilities: Float64Array,
  labels: Uint8Array,
  classCount: number,
  seed: number,
  options: IntervalOptions = {},
): Interval {
  const { confidence, right } = topLabels(probabilities, labels, classCount);
  return intervalOf(confidence, right, seed, options);
}

/** The calibration error of each class with its interval, one a class; the classes are drawn with the same rows. */
export function classCalibrationErrorIntervals(
  probabilities: Float64Array,
  labels: Uint8Array,
  classCount: number,
  seed: number,
  options: IntervalOptions = {},
): Interval[] {
  checkShape(probabilities, labels, classCount);
  return Array.from({ length: classCount }, (_, k) => {
    const p = Float64Array.from(labels, (_label, row) => probabilities[row * classCount + k]);
    const isClass = Uint8Array.from(labels, (label) => (label === k ? 1 : 0));
    return intervalOf(p, isClass, seed, options);
  });
}

function intervalOf(confidence: Float64Array, right: Uint8Array, seed: number, options: IntervalOptions): Interval {
  const bins = checkBins(options.bins);
  const by = options.by ?? "width";
  const resamples = options.resamples ?? 1000;
  const level = options.level ?? 0.95;
  const rowCount = right.length;
  const random = new SeededRandom(deriveSeed(seed, 0x656365));
  const errors = new Float64Array(resamples);
  const drawnConfidence = new Float64Array(rowCount);
  const drawnRight = new Uint8Array(rowCount);
  for (let sample = 0; sample < resamples; sample++) {
    for (let i = 0; i < rowCount; i++) {
      const row = random.nextInt(rowCount);
      drawnConfidence[i] = confidence[row];
      drawnRight[i] = right[row];
    }
    errors[sample] = errorOf(binRows(drawnConfidence, drawnRight, bins, by), rowCount);
  }
  errors.sort();
  const at = (share: number): number => errors[Math.min(resamples - 1, Math.max(0, Math.round(share * (resamples - 1))))];
  return { value: errorOf(binRows(confidence, right, bins, by), rowCount), low: at((1 - level) / 2), high: at((1 + level) / 2) };
}

function checkBins(bins = 15): number {
  if (!Number.isInteger(bins) || bins < 1 || bins > 1000) {
    throw new RequeenError("bad_parameter", `bins of the calibration error must be an integer in [1, 1000]; got ${bins}`);
  }
  return bins;
}

function checkShape(probabilities: Float64Array, labels: Uint8Array, classCount: number): void {
  if (labels.length === 0) throw new RequeenError("bad_data", "metrics need at least one row; got 0");
  if (probabilities.length !== labels.length * classCount) {
    throw new RequeenError("bad_data", `probabilities must have ${labels.length} rows; got ${probabilities.length / classCount}`);
  }
}

function topLabels(
  probabilities: Float64Array,
  labels: Uint8Array,
  classCount: number,
): { confidence: Float64Array; right: Uint8Array } {
  checkShape(probabilities, labels, classCount);
  const confidence = new Float64Array(labels.length);
  const right = new Uint8Array(labels.length);
  for (let row = 0; row < labels.length; row++) {
    let best = 0;
    for (let k = 1; k < classCount; k++)
      if (probabilities[row * classCount + k] > probabilities[row * classCount + best]) best = k;
    confidence[row] = probabilities[row * classCount + best];
    right[row] = best === labels[row] ? 1 : 0;
  }
  return { confidence, right };
}

function binRows(confidence: Float64Array, right: Uint8Array, bins: number, by: "width" | "mass"): ReliabilityBin[] {
  const rowCount = confidence.length;
  const counts = new Float64Array(bins);
  const confidences = new Float64Array(bins);
  const rights = new Float64Array(bins);
  const lows = new Float64Array(bins);
  const highs = new Float64Array(bins);
  const add = (bin: number, row: number): void => {
    if (counts[bin] === 0) lows[bin] = confidence[row];
    highs[bin] = confidence[row];
    counts[bin] += 1;
    confidences[bin] += confidence[row];
    rights[bin] += right[row];
  };
  if (by === "mass") {
    const order = Uint32Array.from(confidence, (_, row) => row).sort((a, b) => confidence[a] - confidence[b] || a - b);
    let bin = 0;
    for (let i = 0; i < rowCount; i++) {
      // equal confidences stay in one bin
      if (i > 0 && confidence[order[i]] !== confidence[order[i - 1]]) bin = Math.max(bin, Math.floor((i * bins) / rowCount));
      add(bin, order[i]);
    }
  } else {
    for (let row = 0; row < rowCount; row++) add(Math.min(bins - 1, Math.max(0, Math.ceil(confidence[row] * bins) - 1)), row);
    for (let bin = 0; bin < bins; bin++) {
      lows[bin] = bin / bins;
      highs[bin] = (bin + 1) / bins;
    }
  }
  const filled: ReliabilityBin[] = [];
  for (let bin = 0; bin < bins; bin++) {
    if (counts[bin] === 0) continue;
    const count = counts[bin];
    filled.push({
      low: lows[bin],
      high: highs[bin],
      count,
      meanConfidence: confidences[bin] / count,
      accuracy: rights[bin] / count,
    });
  }
  return filled;
}

function errorOf(bins: readonly ReliabilityBin[], rowCount: number): number {
  let sum = 0;
  for (const bin of bins) sum += (bin.count / rowCount) * Math.abs(bin.accuracy - bin.meanConfidence);
  return sum;
}

import { RequeenError } from "../core/errors.ts";
import { applyCalibrator, type Calibrator, type CalibratorKind, isTried, LEAST_ROWS } from "./calibrate.ts";
import { type CalibrationData, fitCalibrator } from "./fit-calibrator.ts";
import { logLoss } from "./metrics.ts";
import { deriveSeed } from "./seeded-random.ts";
import { rowsOfFold, splitFolds } from "./split-folds.ts";
import { putRows, type Targets } from "./training-data.ts";

/**
 * "auto" chooses by cross-validated log loss, and with too few rows for folds leaves the model as it is; a name fits that one, or is
 * refused; "none" trains the model alone, without folds.
 */
export type Calibration = "auto" | CalibratorKind;

/** Mean log loss of a calibrator on rows that neither model nor calibrator was fitted on. */
export interface ScoredCalibrator {
  readonly kind: CalibratorKind;
  readonly logLoss: number;
}

const FOLDS = 5;
const TOO_FEW = "needs two folds of rows or groups, each leaving two classes to train on";

/** @throws bad_parameter for what is no calibration, or none of so many classes. */
export function checkCalibration(calibration: Calibration, classCount: number): void {
  if (calibration !== "auto" && !Object.hasOwn(LEAST_ROWS, calibration)) {
    throw new RequeenError(
      "bad_parameter",
      `calibration must be auto or one of ${Object.keys(LEAST_ROWS).join(", ")}; got ${String(calibration)}`,
    );
  }
  if ((calibration === "vector" || calibration === "dirichlet") && classCount === 2) {
    throw new RequeenError(
      "bad_parameter",
      `calibration ${calibration} needs three classes or more; of two, platt and beta are its forms`,
    );
  }
}

/**
 * The folds that a calibration needs; null = none, because it is "none" or rows are too few.
 * @param groups uint32 [n]. Rows of one group are never split.
 * @throws bad_data when a calibrator asked for by name has too few rows, or groups are not one a row.
 */
export function dealFolds(calibration: Calibration, data: Targets, seed: number, groups: Uint32Array | undefined): Folds | null {
  if (groups !== undefined && groups.length !== data.labels.length)
    throw new RequeenError("bad_data", `groups must have ${data.labels.length} rows; got ${groups.length}`);
  if (calibration === "none") return null;
  const folds = usableFolds(data, seed, groups);
  if (folds === null && calibration !== "auto")
    throw new RequeenError("bad_data", `calibration ${calibration} ${TOO_FEW}; got ${data.labels.length} rows`);
  return folds;
}

/** What the training report says of a calibration without folds. */
export const noteOf = (calibration: Calibration, folds: Folds | null): string =>
  calibration !== "none" && folds === null ? "too few rows or groups of two classes for cross-validation: not calibrated" : "";

/**
 * Scores the calibrators that are tried and fits the best, or the one asked for, on all rows.
 * @param probabilities float64 [n x classes]. Of models that did not see the row.
 */
export function chooseCalibrator(
  calibration: Calibration,
  probabilities: Float64Array,
  { labels, classCount, weights }: Targets,
  folds: Folds,
): { calibrator: Calibrator; candidates: ScoredCalibrator[] } {
  const heldOut = { probabilities, labels, weights: weights ?? new Float64Array(labels.length).fill(1), classCount };
  const candidates = scoreCalibrators(heldOut, folds, calibration);
  const best = candidates.reduce((least, candidate) => (candidate.logLoss < least.logLoss ? candidate : least));
  return { calibrator: fitCalibrator(calibration === "auto" ? best.kind : calibration, heldOut), candidates };
}

/** Rows dealt into folds. */
export interface Folds {
  readonly foldOf: Uint8Array;
  readonly foldCount: number;
}

/** Five folds, or as many fewer as leave two classes with weight outside every fold; null when not even two folds do. */
function usableFolds(data: Targets, seed: number, groups: Uint32Array | undefined): Folds | null {
  const parts = groups === undefined ? data.labels.length : new Set(groups).size;
  for (let foldCount = Math.min(FOLDS, parts); foldCount >= 2; foldCount--) {
    const foldOf = splitFolds(data.labels, data.classCount, foldCount, deriveSeed(seed, 1), groups);
    let usable = true;
    for (let fold = 0; fold < foldCount && usable; fold++) {
      const seen = new Set<number>();
      let inside = 0;
      for (let row = 0; row < foldOf.length; row++) {
        if (foldOf[row] === fold) inside++;
        else if (data.weights === undefined || data.weights[row] > 0) seen.add(data.labels[row]);
      }
      usable = seen.size >= 2 && inside > 0;
    }
    if (usable) return { foldOf, foldCount };
  }
  return null;
}

/** Scores "none" and each calibrator that the number of rows allows: fitted on four folds, scored on the fifth, over all folds. */
function scoreCalibrators(data: CalibrationData, folds: Folds, calibration: Calibration): ScoredCalibrator[] {
  const kinds = (Object.keys(LEAST_ROWS) as CalibratorKind[]).filter(
    (kind) =>
      kind === "none" || kind === calibration || (calibration === "auto" && isTried(kind, data.labels.length, data.classCount)),
  );
  return kinds.map((kind) => {
    const calibrated = new Float64Array(data.probabilities.length);
    for (let fold = 0; fold < folds.foldCount; fold++) {
      const { inside, outside } = rowsOfFold(folds.foldOf, fold);
      const calibrator = fitCalibrator(kind, takeHeldOut(data, outside));
      const scored = takeHeldOut(data, inside);
      applyCalibrator(calibrator, scored.probabilities, data.classCount);
      putRows(scored.probabilities, inside, data.classCount, calibrated);
    }
    return { kind, logLoss: logLoss(calibrated, data.labels, data.classCount, data.weights) };
  });
}

function takeHeldOut(data: CalibrationData, rows: Uint32Array): CalibrationData {
  const { classCount } = data;
  const taken = {
    probabilities: new Float64Array(rows.length * classCount),
    labels: new Uint8Array(rows.length),
    weights: new Float64Array(rows.length),
    classCount,
  };
  for (let i = 0; i < rows.length; i++) {
    taken.labels[i] = data.labels[rows[i]];
    taken.weights[i] = data.weights[rows[i]];
    for (let k = 0; k < classCount; k++) taken.probabilities[i * classCount + k] = data.probabilities[rows[i] * classCount + k];
  }
  return taken;
}

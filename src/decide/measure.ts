import type { Policy } from "../core/policy.ts";
import type { Interval, ModelScores } from "../core/verdict.ts";
import type { GateInput } from "./gate.ts";
import { effectiveCounts, effectiveSize, midP, type PairedCounts, probabilityBetter } from "./paired-test.ts";
import { resampleMeans } from "./resample.ts";
import {
  type Average,
  type ClassFigures,
  calibrationError,
  classFigures,
  type Linearised,
  linearInterval,
  type RowScores,
  scoreRows,
  standardError,
  summarise,
} from "./row-scores.ts";
import { type MeasuredSlice, measureSlices } from "./slices.ts";
import { normalCdf } from "./special-functions.ts";

/** Level of every two-sided interval that a verdict shows. */
export const INTERVAL_LEVEL = 0.95;

/** All that was measured on the gate rows, before any policy judges it. */
export interface Measurements {
  readonly comparedWith: "champion" | "prevalence";
  readonly rows: number;
  readonly effectiveRows: number;
  readonly groups: number;
  readonly classRows: Float64Array;
  readonly pairs: {
    readonly bothRight: number;
    readonly challengerOnly: number;
    readonly championOnly: number;
    readonly bothWrong: number;
  };
  readonly counts: PairedCounts;
  readonly midP: number;
  readonly midPWorse: number;
  readonly better: number;
  readonly models: { readonly champion: ModelScores | null; readonly challenger: ModelScores; readonly prevalence: ModelScores };
  readonly differences: Readonly<Record<DifferenceName, Interval>>;
  readonly harm: { readonly log_loss: number; readonly brier: number; readonly ece: number };
  /** Interval of the challenger's own precision, recall and F1, for the floors. */
  readonly figures: Readonly<Record<"precision" | "recall" | "f1", Interval>>;
  readonly slices: readonly MeasuredSlice[];
}
type DifferenceName = "accuracy" | "precision" | "recall" | "f1" | "log_loss" | "brier" | "ece";

/** Group numbers 0..count-1 in order of first appearance. */
export function numberGroups(groups: ArrayLike<number | string>): { groupOf: Uint32Array; count: number } {
  const numbers = new Map<number | string, number>();
  const groupOf = new Uint32Array(groups.length);
  for (let i = 0; i < groups.length; i++) {
    const group = groups[i] ?? "";
    let number = numbers.get(group);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(group, number);
    }
    groupOf[i] = number;
  }
  return { groupOf, count: numbers.size };
}

/** The same row for each opinion: the class shares, so that the baseline needs no features. */
export function prevalenceProbabilities(shares: ArrayLike<number>, rows: number): Float64Array {
  const probabilities = new Float64Array(rows * shares.length);
  for (let i = 0; i < rows; i++) for (let k = 0; k < shares.length; k++) probabilities[i * shares.length + k] = shares[k] ?? 0;
  return probabilities;
}

/** `scoreRows` of the class shares, computed once a class instead of once a row. */
function scoreConstant(labels: Uint8Array, shares: ArrayLike<number>): RowScores {
  const c = shares.length;
  const each = scoreRows(
    Uint8Array.from({ length: c }, (_, k) => k),
    prevalenceProbabilities(shares, c),
    c,
  );
  const spread = (values: Float64Array): Float64Array => {
    const rows = new Float64Array(labels.length);
    for (let i = 0; i < rows.length; i++) rows[i] = values[labels[i] ?? 0] ?? 0;
    return rows;
  };
  return {
    decided: new Uint8Array(labels.length).fill(each.decided[0] ?? 0),
    confidence: spread(each.confidence),
    logLoss: spread(each.logLoss),
    brier: spread(each.brier),
  };
}

/** @param input checked: shapes fit, at least one row, probabilities are probabilities. */
export function measure(input: GateInput, policy: Policy): Measurements {
  const { labels, classes, seed } = input;
  const n = labels.length;
  const c = classes.length;
  const weights =
    input.weights === undefined || input.weights.every((weight, _, all) => weight === all[0]) ? null : input.weights;
  const grouped = input.groups === undefined ? null : numberGroups(input.groups);
  const groupOf = grouped === null || grouped.count === n ? null : grouped.groupOf;
  const groupCount = grouped?.count ?? n;
  const average = averageOf(policy, classes);

  const classRows = new Float64Array(c);
  const classWeight = new Float64Array(c);
  let totalWeight = 0;
  for (let i = 0; i < n; i++) {
    const label = labels[i] ?? 0;
    const weight = weights === null ? 1 : (weights[i] ?? 0);
    classRows[label] = (classRows[label] ?? 0) + 1;
    classWeight[label] = (classWeight[label] ?? 0) + weight;
    totalWeight += weight;
  }
  const shares = input.prevalence ?? classWeight.map((each) => each / totalWeight);
  const prevalence = scoreConstant(labels, shares);
  const challenger = scoreRows(labels, input.challenger, c);
  const champion = input.champion === null ? null : scoreRows(labels, input.champion, c);
  const rival = champion ?? prevalence;

  const outcome = new Int8Array(n);
  const pairs = { bothRight: 0, challengerOnly: 0, championOnly: 0, bothWrong: 0 };
  for (let i = 0; i < n; i++) {
    const wins = challenger.decided[i] === labels[i];
    const loses = rival.decided[i] === labels[i];
    outcome[i] = (wins ? 1 : 0) - (loses ? 1 : 0);
    if (wins) pairs[loses ? "bothRight" : "challengerOnly"]++;
    else pairs[loses ? "championOnly" : "bothWrong"]++;
  }
  const counts = effectiveCounts(outcome, weights, groupOf);

  const [accuracy, logLoss, brier] = resampleMeans({
    columns: [new Float64Array(outcome), minus(challenger.logLoss, rival.logLoss), minus(challenger.brier, rival.brier)],
    margins: [0, policy.no_harm.log_loss, policy.no_harm.brier],
    weights,
    groupOf,
    groupCount,
    draws: policy.bootstrap_draws,
    level: INTERVAL_LEVEL,
    seed,
  });
  if (accuracy === undefined || logLoss === undefined || brier === undefined) throw new Error("resampleMeans lost a column");
  const bca = (of: { value: number; low: number; high: number }): Interval => ({
    value: of.value,
    low: of.low,
    high: of.high,
    level: INTERVAL_LEVEL,
    method: "bca",
  });
  const errorOf = (influence: Float64Array): number => standardError(influence, weights, groupOf, groupCount);
  const paired = (mine: Linearised, other: Linearised): Interval =>
    linearInterval(mine.value - other.value, errorOf(minus(mine.influence, other.influence)), INTERVAL_LEVEL, -1, 1);
  const figuresOf = (scores: RowScores): ClassFigures => classFigures(labels, scores.decided, c, weights, average);
  const own = figuresOf(challenger);
  const others = figuresOf(rival);
  const ownError = calibrationError(labels, challenger, weights);
  const rivalError = calibrationError(labels, rival, weights);
  const ece = paired(ownError, rivalError);
  const floorInterval = (figure: Linearised): Interval =>
    linearInterval(figure.value, errorOf(figure.influence), INTERVAL_LEVEL, 0, 1);

  return {
    comparedWith: champion === null ? "prevalence" : "champion",
    rows: n,
    effectiveRows: weights === null ? n : effectiveSize(weights),
    groups: groupCount,
    classRows,
    pairs,
    counts,
    midP: midP(counts),
    midPWorse: midP({ wins: counts.losses, losses: counts.wins }),
    better: probabilityBetter(counts),
    models: {
      champion: champion === null ? null : summarise(labels, champion, classes, weights, average),
      challenger: summarise(labels, challenger, classes, weights, average),
      prevalence: summarise(labels, prevalence, classes, weights, average),
    },
    differences: {
      accuracy: bca(accuracy),
      precision: paired(own.precision, others.precision),
      recall: paired(own.recall, others.recall),
      f1: paired(own.f1, others.f1),
      log_loss: bca(logLoss),
      brier: bca(brier),
      ece,
    },
    harm: {
      log_loss: logLoss.shareAbove,
      brier: brier.shareAbove,
      ece: shareAbove(ece.value ?? 0, errorOf(minus(ownError.influence, rivalError.influence)), policy.no_harm.calibration),
    },
    figures: { precision: floorInterval(own.precision), recall: floorInterval(own.recall), f1: floorInterval(own.f1) },
    slices: measureSlices(input.slices ?? {}, outcome, weights, groupOf, policy),
  };
}

export function averageOf(policy: Policy, classes: readonly string[]): Average {
  if (policy.floors.average !== "positive") return { kind: policy.floors.average };
  return { kind: "positive", classIndex: classes.indexOf(policy.floors.positive_class ?? "") };
}

function shareAbove(value: number, error: number, margin: number): number {
  if (!Number.isFinite(error) || error === 0) return value > margin ? 1 : 0;
  return normalCdf((value - margin) / error);
}

function minus(left: Float64Array, right: Float64Array): Float64Array {
  const difference = new Float64Array(left.length);
  for (let i = 0; i < left.length; i++) difference[i] = (left[i] ?? 0) - (right[i] ?? 0);
  return difference;
}

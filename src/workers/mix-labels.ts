import { isHuman, type Tier } from "../core/tiers.ts";
import { chooseSourceWeights, type MachineSource, type WeightChoice } from "../decide/label-weights.ts";
import { type FitRequest, fitClassifier, predictProbabilities, rowLogLosses, splitFolds } from "../engine/index.ts";

/** Rows to train on: labels of people and of machine tiers mixed. */
export interface MixedRows {
  readonly columns: readonly Float64Array[];
  readonly labels: Uint8Array;
  readonly tiers: readonly Tier[];
  /** Weight of each human row; machine rows get theirs from the choice. */
  readonly weights: Float64Array;
  readonly groups: Uint32Array;
  readonly classCount: number;
}

const FOLDS = 3;
/** With this many human rows, machine labels have nothing to add that is worth their trainings. */
const ENOUGH_HUMAN_ROWS = 5_000;

/**
 * Weights of all rows, the machine tiers' chosen by cross-validated log loss on the human rows given here and on no others: the rows that
 * judge the challenger are not among them. Zero is always tried; without a clear gain it stays.
 * Cost: up to 7 x tiers + 1 trainings of 3 folds, without calibration.
 */
export async function weighRows(
  rows: MixedRows,
  how: Pick<FitRequest, "modelType" | "params" | "seed" | "signal">,
): Promise<{ weights: Float64Array; choice: WeightChoice | null }> {
  const human = indicesWhere(rows.tiers, isHuman);
  const sources = machineSources(rows.tiers);
  // with no label of a person there is nothing to choose by: the rows weigh as the dataset says
  if (sources.length === 0 || human.length === 0) return { weights: rows.weights, choice: null };
  const weigh = (weightOf: (tier: Tier) => number): Float64Array =>
    Float64Array.from(rows.tiers, (tier, row) => (isHuman(tier) ? (rows.weights[row] ?? 0) : weightOf(tier)));
  if (human.length >= ENOUGH_HUMAN_ROWS || human.length < 2 * FOLDS) return { weights: weigh(() => 0), choice: null };

  const humanLabels = Uint8Array.from(human, (row) => rows.labels[row] ?? 0);
  const humanGroups = Uint32Array.from(human, (row) => rows.groups[row] ?? 0);
  const foldOf = splitFolds(humanLabels, rows.classCount, FOLDS, how.seed, humanGroups);
  const choice = await chooseSourceWeights(human.length, sources, (weights) => {
    const all = weigh((tier) => weights[tier] ?? 0);
    const losses = new Float64Array(human.length);
    for (let fold = 0; fold < FOLDS; fold += 1) {
      const held = human.flatMap((row, at) => (foldOf[at] === fold ? [{ row, at }] : []));
      const heldGroups = new Set(held.map(({ row }) => rows.groups[row]));
      const train = indicesWhere(rows.tiers, (_, row) => (all[row] ?? 0) > 0 && !heldGroups.has(rows.groups[row]));
      const fitted = fitClassifier({ ...how, data: take(rows, train, all), calibration: "none" });
      const heldRows = held.map(({ row }) => row);
      const probabilities = predictProbabilities(
        fitted,
        rows.columns.map((column) => pick(column, heldRows)),
      );
      const labels = Uint8Array.from(heldRows, (row) => rows.labels[row] ?? 0);
      rowLogLosses(probabilities, labels, rows.classCount).forEach((loss, index) => {
        losses[held[index]?.at ?? 0] = loss;
      });
    }
    return losses;
  });
  return { weights: weigh((tier) => choice.weights[tier] ?? 0), choice };
}

function machineSources(tiers: readonly Tier[]): MachineSource[] {
  const counts = new Map<Tier, number>();
  for (const tier of tiers) if (!isHuman(tier)) counts.set(tier, (counts.get(tier) ?? 0) + 1);
  return [...counts].map(([name, rows]) => ({ name, rows }));
}

function indicesWhere<T>(items: readonly T[], wanted: (item: T, index: number) => boolean): number[] {
  return items.flatMap((item, index) => (wanted(item, index) ? [index] : []));
}

function pick(column: Float64Array, rows: readonly number[]): Float64Array {
  const picked = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i += 1) picked[i] = column[rows[i] ?? 0] ?? Number.NaN;
  return picked;
}

/** The rows with a weight above 0, as the engine takes them. */
export function take(
  { columns, labels, classCount }: MixedRows,
  rows: readonly number[],
  weights: Float64Array,
): FitRequest["data"] {
  return {
    columns: columns.map((column) => pick(column, rows)),
    labels: Uint8Array.from(rows, (row) => labels[row] ?? 0),
    classCount,
    weights: pick(weights, rows),
    // a feature of a fixed schema may not vary in this dataset, and in the next it may
    constantColumns: "allow",
  };
}

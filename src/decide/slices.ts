import type { Policy } from "../core/policy.ts";
import { effectiveCounts, midP, rowsNeeded } from "./paired-test.ts";

/** One value of one slicing column, for example domain = "security". */
export interface MeasuredSlice {
  readonly column: string;
  readonly value: string;
  readonly rows: number;
  readonly wins: number;
  readonly losses: number;
  /** Gain of accuracy in the slice, challenger minus champion. */
  readonly difference: number;
  /** One-sided mid-p of the losses: chance of so many if both were equally good here. */
  readonly pHarm: number;
  /** Holm-adjusted over all tested slices; null for slices too small to test. */
  readonly pHarmAdjusted: number | null;
  /** Further labels until a loss of `policy.slices.relevant_loss` would be seen. */
  readonly labelsNeeded: number;
}

/** Slices beyond this many values of a column are left out, smallest first. */
const MOST_VALUES = 100;

/**
 * Tests each slice with enough rows for harm, error held over all of them (Holm 1979).
 * @param slices column -> value of each row; null = the row is in no slice of this column.
 * @param outcome int8 [n]: +1 challenger alone right, -1 champion alone right, 0 tie.
 * @returns slices by column in the given order, then by rows, then by name.
 */
export function measureSlices(
  slices: Readonly<Record<string, readonly (string | null)[]>>,
  outcome: Int8Array,
  weights: Float64Array | null,
  groupOf: Uint32Array | null,
  policy: Policy,
): MeasuredSlice[] {
  const { min_rows, relevant_loss, level } = policy.slices;
  const measured: (Omit<MeasuredSlice, "pHarmAdjusted"> & { readonly tested: boolean })[] = [];
  for (const [column, values] of Object.entries(slices)) {
    const rowsOf = new Map<string, number[]>();
    for (let row = 0; row < values.length; row++) {
      const value = values[row];
      if (value === null || value === undefined) continue;
      const rows = rowsOf.get(value);
      if (rows === undefined) rowsOf.set(value, [row]);
      else rows.push(row);
    }
    const largest = [...rowsOf].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1)).slice(0, MOST_VALUES);
    for (const [value, list] of largest) {
      const rows = Uint32Array.from(list);
      const counts = effectiveCounts(outcome, weights, groupOf, rows);
      let wins = 0;
      let losses = 0;
      for (const row of rows) {
        if (outcome[row] === 1) wins++;
        else if (outcome[row] === -1) losses++;
      }
      const discordance = Math.max((wins + losses + 1) / (rows.length + 2), relevant_loss);
      const needed = rowsNeeded({ gain: relevant_loss, discordance, level: level > 0 ? level : 0.05 }, policy.power.power);
      measured.push({
        column,
        value,
        rows: rows.length,
        wins,
        losses,
        difference: (wins - losses) / rows.length,
        pHarm: midP({ wins: counts.losses, losses: counts.wins }),
        labelsNeeded: Math.max(0, min_rows - rows.length, (needed ?? 0) - rows.length),
        tested: rows.length >= min_rows,
      });
    }
  }
  const adjusted = holm(measured.filter((slice) => slice.tested).map((slice) => slice.pHarm));
  let at = 0;
  return measured.map(({ tested, ...slice }) => ({ ...slice, pHarmAdjusted: tested ? (adjusted[at++] ?? null) : null }));
}

/** Holm's step-down adjustment: reject where the answer is at most the level, and the family-wise error is held. */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, index) => index).sort((a, b) => (pValues[a] ?? 0) - (pValues[b] ?? 0));
  const adjusted = new Array<number>(pValues.length).fill(1);
  let running = 0;
  order.forEach((index, rank) => {
    running = Math.max(running, Math.min(1, (pValues.length - rank) * (pValues[index] ?? 1)));
    adjusted[index] = running;
  });
  return adjusted;
}

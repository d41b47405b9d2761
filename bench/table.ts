import { cpus } from "node:os";

/** One line of a bench. `ratio` = how many times better than the peer or the budget; `must` = the least that is accepted, or null. */
export interface BenchRow {
  readonly work: string;
  readonly unit: string;
  readonly ours: number;
  readonly peer: number | null;
  readonly peerName: string | null;
  readonly ratio: number | null;
  readonly must: number | null;
}

/** A figure held against a budget: lower is better. */
export const againstBudget = (work: string, unit: string, ours: number, budget: number, must: number | null = 1): BenchRow => ({
  work,
  unit,
  ours: Number(ours.toPrecision(4)),
  peer: budget,
  peerName: "budget",
  ratio: Number((budget / ours).toPrecision(3)),
  must,
});

/** Prints a table, or with `--json` the rows. */
export function printRows(rows: readonly BenchRow[], json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(rows)}\n`);
    return;
  }
  const cells = rows.map((row) => [
    row.work,
    `${row.ours} ${row.unit}`,
    row.peer === null ? "" : `${row.peer} (${row.peerName})`,
    row.ratio === null ? "" : `${row.ratio}x`,
    row.must === null ? "" : `>= ${row.must}x`,
  ]);
  const lines = [["work", "ours", "peer", "ratio", "must"], ...cells];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  process.stdout.write(`${machineName()}\n\n`);
  for (const line of lines)
    process.stdout.write(
      `${line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()}\n`,
    );
}

export const machineName = (): string =>
  `${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores, Node ${process.version}`;

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

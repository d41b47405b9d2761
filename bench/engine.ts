import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { TrainingData } from "../src/engine/index.ts";
import { makeTask, toColumns, toRows } from "./data.ts";
import { measureWork } from "./engine/measure.ts";
import { measureParity } from "./engine/parity.ts";
import { measureSingleRow } from "./engine/single-row.ts";
import { LARGE_ROWS, measureHive, measureMemory } from "./engine/whole-process.ts";
import { WORKS } from "./engine/works.ts";
import { findPython, PythonPeer } from "./peers/python.ts";
import { type BenchRow, printRows } from "./table.ts";

/**
 * `npm run bench:engine -- [--peers] [--parity] [--large] [--json] [--rounds N] [--only WORDS]`: the whole table of the engine in one run.
 *
 * --peers   beside scikit-learn, LightGBM and XGBoost, which are installed once into a venv (about 600 MB from PyPI)
 * --parity  quality instead of speed: ours against the same peers over ten seeds of six data sets
 * --large   also 10,000,000 rows (needs 8 GiB)
 * --only    works whose name holds these words
 *
 * Ours and the peers' fits take turns; the figures are medians. Binning is included on both sides, reading of files on neither. Ends with
 * exit code 1 when a ratio is below what is asked of it.
 */
const { values: flags } = parseArgs({
  options: {
    peers: { type: "boolean", default: false },
    parity: { type: "boolean", default: false },
    large: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    rounds: { type: "string" },
    only: { type: "string", default: "" },
    seeds: { type: "string", default: "10" },
  },
});
const TEST_ROWS = 20_000;
const MEMORY_ROWS = 1_000_000;

const note = (text: string): void => {
  if (!flags.json) process.stderr.write(`${text}\n`);
};
const python = flags.peers || flags.parity ? findPython(join(import.meta.dirname, "..")) : null;
const folder = mkdtempSync(join(tmpdir(), "requeen-bench-"));
try {
  const rows =
    flags.parity && python !== null
      ? await measureParity({ folder, python, seeds: Number(flags.seeds), only: flags.only, note })
      : await run();
  printRows(rows, flags.json);
  if (rows.some((row) => row.must !== null && row.ratio !== null && row.ratio < row.must)) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}

async function run(): Promise<BenchRow[]> {
  const wants = (name: string): boolean => name.includes(flags.only);
  const rounds = flags.rounds === undefined ? null : Number(flags.rounds);
  const works = WORKS.filter(({ name }) => wants(name));
  const test = makeTask(TEST_ROWS, 4);
  writeTask("test", test);
  const table: BenchRow[] = [];
  let data: { rows: number; task: TrainingData } | null = null;
  const taskOf = (rows: number): TrainingData => {
    if (data?.rows === rows) return data.task;
    data = { rows, task: makeTask(rows, 1) };
    writeTask(`train${rows}`, data.task);
    return data.task;
  };
  for (const work of works) {
    for (const measure of work.measures) {
      note(`${work.name} (${measure}) ...`);
      const peer = python === null ? null : (threads: number) => openPeer(python, threads);
      const rows = await measureWork(work, measure, { data: taskOf(work.rows), test, peer, rounds, note });
      table.push(...rows);
      // at once, since the whole takes a while
      for (const { unit, ours, peer: other, peerName, ratio } of rows) note(`  ${ours} ${unit}; ${peerName} ${other}: ${ratio}x`);
    }
  }
  if (wants("one row")) {
    note("one row ...");
    const small = taskOf(1200);
    await using peer = python === null ? null : await openPeer(python, 1);
    table.push(...(await measureSingleRow(small, peer)));
  }
  for (const rows of flags.large ? [MEMORY_ROWS, LARGE_ROWS] : [MEMORY_ROWS]) {
    if (!wants("memory")) continue;
    note(`memory at ${rows.toLocaleString("en")} rows ...`);
    taskOf(rows);
    data = null;
    table.push(measureMemory(folder, rows, python));
  }
  if (wants("hive")) {
    note("hive example ...");
    table.push(measureHive(rounds ?? 3));
  }
  return table;
}

/** The rows as the other processes read them: row after row for Python, column after column for ours. */
function writeTask(name: string, { columns, labels }: TrainingData): void {
  if (columns.length * labels.length < 2 ** 29 / 4) writeFileSync(join(folder, `${name}.x`), toRows(columns));
  writeFileSync(join(folder, `${name}.c`), "");
  for (const column of toColumns(columns)) writeFileSync(join(folder, `${name}.c`), column, { flag: "a" });
  writeFileSync(join(folder, `${name}.y`), labels);
}

async function openPeer(program: string, threads: number): Promise<PythonPeer> {
  const peer = new PythonPeer(program, join(import.meta.dirname, "peers", "engine.py"), [folder, String(threads), "serve"]);
  note(`  ${JSON.stringify(await peer.read())}, ${threads} thread${threads === 1 ? "" : "s"}`);
  return peer;
}

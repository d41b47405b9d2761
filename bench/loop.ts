/**
 * `npm run bench:loop [-- --json --rows 1000000 --skip-examples]`: start-up of `requeen status`, a large import with a snapshot, and the
 * examples as whole processes. Every answer is checked before its time counts.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { againstBudget, type BenchRow, median, printRows } from "./table.ts";

const { values: flags } = parseArgs({
  options: { json: { type: "boolean" }, rows: { type: "string", default: "1000000" }, "skip-examples": { type: "boolean" } },
});
const launcher = join(import.meta.dirname, "..", "bin", "requeen.mjs");
const folder = mkdtempSync(join(tmpdir(), "requeen-bench-"));
const rows: BenchRow[] = [];

function run(dataDir: string, ...words: string[]): { seconds: number; stdout: string } {
  const startedAt = performance.now();
  const child = spawnSync(process.execPath, [launcher, ...words, "--data-dir", join(folder, dataDir)], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (child.status !== 0) throw new Error(`requeen ${words.join(" ")} ended with ${child.status}: ${child.stderr.slice(-2000)}`);
  return { seconds: (performance.now() - startedAt) / 1000, stdout: child.stdout };
}

function runHive(dataDir: string, ...words: string[]): number {
  const { seconds, stdout } = run(dataDir, "example", "hive", "--json", ...words);
  const { runs } = JSON.parse(stdout) as { runs: { state: string }[] };
  if (runs.length !== 5 || runs.some(({ state }) => state !== "finished"))
    throw new Error("the hive example did not finish five runs");
  return seconds;
}

try {
  if (!flags["skip-examples"]) {
    const hive = runHive("hive");
    rows.push(againstBudget("hive example, whole process", "s", hive, 5));
    rows.push(
      againstBudget(
        "hive example with the original grid in every fit, whole process",
        "s",
        runHive("hive-grid", "--tune"),
        2,
        null,
      ),
    );

    const status = Array.from({ length: 9 }, () => run("hive", "status", "--json"));
    const answer = JSON.parse(status[0]?.stdout ?? "") as { totals: { human_labels: number } };
    if (answer.totals.human_labels !== 1002) throw new Error(`status counts ${answer.totals.human_labels} labels`);
    rows.push(againstBudget("start-up of requeen status, median of 9", "s", median(status.map(({ seconds }) => seconds)), 0.3));

    const spambase = run("spambase", "example", "spambase", "--json");
    const played = JSON.parse(spambase.stdout) as { runs: unknown[] };
    if (played.runs.length < 40) throw new Error(`the spambase example made ${played.runs.length} runs`);
    rows.push({
      work: `spambase example, ${played.runs.length} runs, whole process`,
      unit: "s",
      ours: Number(spambase.seconds.toPrecision(4)),
      peer: null,
      peerName: null,
      ratio: null,
      must: null,
    });
  }

  const child = spawnSync(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      // as bin/requeen.mjs starts every command
      "--min-semi-space-size=16",
      join(import.meta.dirname, "loop-import.ts"),
      join(folder, "import"),
      flags.rows,
    ],
    { encoding: "utf8", maxBuffer: 1 << 28 },
  );
  if (child.status !== 0) throw new Error(`the import ended with ${child.status}: ${child.stderr.slice(-2000)}`);
  const figures = JSON.parse(child.stdout) as { importSeconds: number; snapshotSeconds: number; peakMiB: number; labels: number };
  const size = `${Number(flags.rows).toLocaleString("en")} opinions with feedback`;
  rows.push(
    againstBudget(
      `import of ${size}, and a snapshot of ${figures.labels.toLocaleString("en")} labels`,
      "s",
      figures.importSeconds + figures.snapshotSeconds,
      60,
    ),
  );
  rows.push({
    work: "of these, the snapshot",
    unit: "s",
    ours: Number(figures.snapshotSeconds.toPrecision(3)),
    peer: null,
    peerName: null,
    ratio: null,
    must: null,
  });
  rows.push(againstBudget("peak memory of that process", "MiB", figures.peakMiB, 1024));
  printRows(rows, flags.json === true);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

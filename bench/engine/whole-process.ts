import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { againstBudget, type BenchRow, median } from "../table.ts";
import { rowOf } from "./measure.ts";

/** The most rows that the engine takes: within 8 GiB, without a peer. */
export const LARGE_ROWS = 10_000_000;
const root = join(import.meta.dirname, "..", "..");

/** Greatest resident memory of a fresh process that reads the file of training rows and fits once; LightGBM's from a fresh Python. */
export function measureMemory(folder: string, rows: number, python: string | null): BenchRow {
  const ours = child(process.execPath, [
    "--disable-warning=ExperimentalWarning",
    join(import.meta.dirname, "memory-child.ts"),
    folder,
    String(rows),
  ]);
  const size = `memory of a whole process, boosting, ${rows.toLocaleString("en")} x 26`;
  if (rows === LARGE_ROWS) return againstBudget(size, "MiB", ours, 8192);
  if (python === null) return rowOf(size, "MiB", ours, null, null, null);
  const peer = child(python, [join(root, "bench", "peers", "engine.py"), folder, "1", "memory", String(rows)]);
  return rowOf(size, "MiB", ours, peer, "LightGBM in Python", 1);
}

/** @returns the number that the program prints. */
function child(program: string, words: readonly string[]): number {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${words.join(" ")} ended with ${status}: ${stderr.slice(-2000)}`);
  return Number(stdout);
}

/** `requeen example hive` in an empty folder: five specialists over the original grid, calibrated, judged, registered. Budget of the issue: 2 s. */
export function measureHive(rounds: number): BenchRow {
  const seconds = Array.from({ length: rounds }, () => {
    const folder = mkdtempSync(join(tmpdir(), "requeen-bench-hive-"));
    try {
      const startedAt = performance.now();
      const words = [join(root, "bin", "requeen.mjs"), "example", "hive", "--json", "--tune", "--data-dir", join(folder, "hive")];
      const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: "utf8", maxBuffer: 1 << 28 });
      const taken = (performance.now() - startedAt) / 1000;
      if (status !== 0) throw new Error(`requeen example hive ended with ${status}: ${stderr.slice(-2000)}`);
      const { runs } = JSON.parse(stdout) as { runs: { state: string }[] };
      if (runs.length !== 5 || runs.some(({ state }) => state !== "finished"))
        throw new Error("the hive example did not finish five runs");
      return taken;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
  return againstBudget("hive example, whole process", "s wall", median(seconds), 2);
}

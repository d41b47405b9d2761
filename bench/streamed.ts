import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type FittedClassifier, fitClassifier, fitStreamed } from "../src/engine/index.ts";
import { openTrainingFile, readParquet, writeParquet } from "../src/store/index.ts";
import { makeTask } from "./data.ts";
import { type BenchRow, median, printRows } from "./table.ts";

/**
 * `npm run bench -- streamed [--rows N] [--rounds N] [--json]`: boosting and a forest from a Parquet file of N x 26 (default 1,000,000), read whole into
 * memory and column by column, without a calibrator and with one: the greatest resident memory and the processor time of a process each, in turn.
 * Both must make the same trees.
 */
const { values: flags, positionals } = parseArgs({
  options: {
    rows: { type: "string", default: "1000000" },
    rounds: { type: "string", default: "3" },
    json: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const FEATURES = Array.from({ length: 26 }, (_, column) => `x${column}`);
/** So few trees that reading and binning are a good part of the time; a forest's votes need some for every row. */
const WORKS = {
  boosting: { modelType: "gradient_boosting", params: { nEstimators: 20 }, calibration: "none" },
  forest: { modelType: "random_forest", params: { nEstimators: 4, maxDepth: 10 }, calibration: "none" },
  "boosting, calibrated by folds": { modelType: "gradient_boosting", params: { nEstimators: 20 }, calibration: "temperature" },
  "forest, calibrated by votes": {
    modelType: "random_forest",
    params: { nEstimators: 60, maxDepth: 10 },
    calibration: "temperature",
  },
} as const;
type Work = keyof typeof WORKS | "none";

interface Measured {
  readonly mib: number;
  readonly cpuMs: number;
  readonly trees: number;
}

if (positionals[0] === "child") await child();
else await parent(Number(flags.rows), Number(flags.rounds));

async function parent(rowCount: number, rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "requeen-streamed-"));
  try {
    const path = join(folder, "table.parquet");
    const { columns, labels } = makeTask(rowCount, 1);
    await writeParquet(
      path,
      [...FEATURES.map((name) => ({ name, kind: "double" }) as const), { name: "label", kind: "integer" }],
      [
        {
          rows: rowCount,
          columns: {
            ...Object.fromEntries(FEATURES.map((name, column) => [name, Float64Array.from(columns[column] ?? [])])),
            label: Float64Array.from(labels),
          },
        },
      ],
    );
    const rows: BenchRow[] = [];
    process.stderr.write(`${rowCount} x 26, a file of ${Math.round(statSync(path).size / 2 ** 20)} MiB\n`);
    const run = (how: "memory" | "streamed", work: Work): Measured => {
      const words = ["--disable-warning=ExperimentalWarning", import.meta.filename, "child", how, work, path];
      const { stdout, stderr, status } = spawnSync(process.execPath, words, { encoding: "utf8" });
      if (status !== 0) throw new Error(`${how} ${work}: ${stderr}`);
      return JSON.parse(stdout) as Measured;
    };
    const empty = run("streamed", "none").mib;
    process.stderr.write(`a process with the engine and nothing else: ${Math.round(empty)} MiB\n`);
    for (const work of Object.keys(WORKS) as (keyof typeof WORKS)[]) {
      const all = { memory: [] as Measured[], streamed: [] as Measured[] };
      for (let round = 0; round < rounds; round++)
        for (const how of round % 2 === 0 ? (["memory", "streamed"] as const) : (["streamed", "memory"] as const))
          all[how].push(run(how, work));
      if (new Set([...all.memory, ...all.streamed].map(({ trees }) => trees)).size !== 1)
        throw new Error(`${work}: other trees when streamed`);
      for (const [unit, field] of [
        ["MiB", "mib"],
        ["ms CPU", "cpuMs"],
      ] as const) {
        const [streamed, memory] = [all.streamed, all.memory].map((list) => median(list.map((each) => each[field])));
        const ratio = Number(((memory ?? 0) / (streamed ?? 1)).toPrecision(3));
        rows.push({
          work: `${work} from Parquet`,
          unit,
          ours: Math.round(streamed ?? 0),
          peer: Math.round(memory ?? 0),
          peerName: "read whole",
          ratio,
          must: null,
        });
      }
    }
    printRows(rows, flags.json);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** MiB. Linux carries the parent's greatest size over to a new process, but for the mark of the memory itself. */
function mostResident(): number {
  const mark = process.platform === "linux" ? /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8")) : null;
  return Number(mark?.[1] ?? process.resourceUsage().maxRSS) / 1024;
}

function isWork(work: string | undefined): work is keyof typeof WORKS {
  return work !== undefined && Object.hasOwn(WORKS, work);
}

/** A number that another tree or temperature would change. */
function sumOf({ model, calibrator }: FittedClassifier): number {
  if (model.kind !== "trees") throw new Error(`a streamed learner gave a model of kind ${model.kind}`);
  const { trees } = model;
  const sum = trees.threshold.reduce((total, value) => total + value, trees.values.length);
  return calibrator.kind === "temperature" ? sum + calibrator.inverse : sum;
}

async function child(): Promise<void> {
  const [, how, work, path = ""] = positionals;
  let fitted: FittedClassifier | null = null;
  if (isWork(work)) {
    const request = { ...WORKS[work], seed: 1 };
    if (how === "streamed") {
      await using file = await openTrainingFile(path, { label: "label", features: FEATURES });
      fitted = await fitStreamed({ ...request, data: file });
    } else {
      const table = await readParquet(path, { columns: [...FEATURES, "label"] });
      const data = {
        columns: FEATURES.map((name) => table.numbers(name)),
        labels: Uint8Array.from(table.numbers("label")),
        classCount: 2,
      };
      fitted = fitClassifier({ ...request, data });
    }
  }
  const { user, system } = process.cpuUsage();
  const trees = fitted === null ? 0 : sumOf(fitted);
  const measured: Measured = { mib: mostResident(), cpuMs: (user + system) / 1000, trees };
  process.stdout.write(JSON.stringify(measured));
}

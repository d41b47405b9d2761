import { parseArgs } from "node:util";
import {
  brierScore,
  expectedCalibrationError,
  type FitRequest,
  fitClassifier,
  logLoss,
  ORIGINAL_PRESETS,
  predictProbabilities,
  type TrainingData,
} from "../src/engine/index.ts";
import { extractFeatures, featureNames } from "../src/features/index.ts";
import { DECISIONS, SIMULATED_SPECIALISTS, simulatePlans, simulateReviewers } from "../src/loop/simulate.ts";
import { makeTask } from "./data.ts";
import { openSets } from "./engine/sets.ts";

/**
 * `node bench/calibration.ts [--seeds 10] [--only WORDS] [--tuned [--votes]]`: forests whose calibrator was fitted without refits against
 * those whose calibrator was fitted on five: log loss, Brier score and calibration error on rows that neither saw, mean and standard error
 * of the difference over cuts, and the processor time of both. Without refits means out-of-bag votes, or with --tuned, where each fit
 * searches the original grid, what the search's models said of rows held out; --votes compares that with out-of-bag votes.
 */
const { values: flags } = parseArgs({
  options: {
    seeds: { type: "string", default: "10" },
    only: { type: "string", default: "" },
    tuned: { type: "boolean", default: false },
    votes: { type: "boolean", default: false },
  },
});
const seeds = Number(flags.seeds);

interface Cut {
  readonly train: TrainingData;
  readonly held: TrainingData;
}
interface Study {
  readonly name: string;
  readonly cuts: () => Cut[];
}

const PLAN_SCHEMA = "plan/2";

/** Plans of the hive's simulator and what its reviewers say: some to train on, and 2,000 to judge by. */
function hiveCut(specialist: (typeof SIMULATED_SPECIALISTS)[number], rows: number, seed: number): Cut {
  const plans = simulatePlans({ seed: 1000 + seed, count: rows + 2000 });
  const opinions = plans.map((plan) => ({ opinionId: plan.plan_id, plan, recommendation: null }));
  const labels = new Map(
    simulateReviewers({ seed, specialist, opinions, startMs: 0 }).map(({ opinionId, recommendation }) => [
      opinionId,
      DECISIONS.indexOf(recommendation),
    ]),
  );
  const judged = plans.filter(({ plan_id }) => labels.has(plan_id));
  const vectors = judged.map((plan) => extractFeatures(PLAN_SCHEMA, plan));
  const part = (from: number, to: number): TrainingData => ({
    columns: featureNames(PLAN_SCHEMA).map((_, column) =>
      Float64Array.from(vectors.slice(from, to), (row) => row[column] ?? Number.NaN),
    ),
    labels: Uint8Array.from(judged.slice(from, to), ({ plan_id }) => labels.get(plan_id) ?? 0),
    classCount: DECISIONS.length,
    constantColumns: "allow",
  });
  return { train: part(0, rows), held: part(rows, judged.length) };
}

const firstRows = ({ columns, labels, classCount }: TrainingData, count: number): TrainingData => ({
  columns: columns.map((column) => column.slice(0, count)),
  labels: labels.slice(0, count),
  classCount,
  constantColumns: "allow",
});

async function openStudies(): Promise<Study[]> {
  const real = (await openSets("", null)).filter(({ name }) => name === "spambase" || name === "german-credit");
  const sizes: Readonly<Record<string, readonly number[]>> = { spambase: [200, 400, 1200], "german-credit": [200, 750] };
  const everySeed = <T>(make: (seed: number) => T): T[] => Array.from({ length: seeds }, (_, seed) => make(seed));
  const held = makeTask(8_000, 999);
  return [
    ...real.flatMap(({ name, cut }) =>
      (sizes[name] ?? []).map((rows) => ({
        name: `${name}, ${rows} rows`,
        cuts: () => everySeed(cut).map(({ train, held }) => ({ train: firstRows(train, rows), held })),
      })),
    ),
    ...[1_000, 3_000].map((rows) => ({
      name: `synthetic, ${rows} rows`,
      cuts: () => everySeed((seed) => ({ train: makeTask(rows, seed + 1), held })),
    })),
    ...[200, 1_000].map((rows) => ({
      name: `hive, ${rows} rows`,
      cuts: () => SIMULATED_SPECIALISTS.flatMap((name) => everySeed((seed) => hiveCut(name, rows, seed))),
    })),
  ];
}

interface Scores {
  readonly logLoss: number;
  readonly brier: number;
  readonly calibrationError: number;
  readonly cpuMs: number;
}

type Way = "none" | "folds" | "out_of_bag" | "search";

/** A search calibrates its model by itself, unless it is told otherwise. */
const requestOf = (way: Way): Pick<FitRequest, "calibration" | "heldOut"> =>
  way === "none" ? { calibration: "none" } : { calibration: "auto", heldOut: way === "search" ? "auto" : way };

const { params, grid } = ORIGINAL_PRESETS.random_forest;

function score({ train, held }: Cut, way: Way, seed: number): Scores {
  const before = process.cpuUsage();
  const fitted = fitClassifier({
    data: train,
    modelType: "random_forest",
    params: flags.tuned ? params : { maxDepth: 10 },
    tuning: flags.tuned ? { method: "grid", grid } : false,
    seed,
    ...requestOf(way),
  });
  const { user, system } = process.cpuUsage(before);
  const { heldOut } = fitted.trainingReport;
  if (heldOut !== way) throw new Error(`calibrated on ${heldOut}, not on ${way}`);
  const p = predictProbabilities(fitted, held.columns);
  return {
    logLoss: logLoss(p, held.labels, held.classCount),
    brier: brierScore(p, held.labels, held.classCount),
    calibrationError: expectedCalibrationError(p, held.labels, held.classCount),
    cpuMs: (user + system) / 1000,
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const standardError = (values: readonly number[]): number =>
  Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1) / values.length);

const tried: Way = flags.tuned ? "search" : "out_of_bag";
const other: Way = flags.tuned && flags.votes ? "out_of_bag" : "folds";
const words = (way: Way): string => way.replaceAll("_", " ");
process.stdout.write(
  `| set | | uncalibrated | ${words(other)} | ${words(tried)} | ${words(tried)} - ${words(other)} |\n|---|---|---|---|---|---|\n`,
);
for (const { name, cuts } of await openStudies()) {
  if (!name.includes(flags.only)) continue;
  const scored = cuts().map((cut, index) => ({
    none: score(cut, "none", index),
    other: score(cut, other, index),
    tried: score(cut, tried, index),
  }));
  for (const [field, title, digits] of [
    ["logLoss", "log loss", 4],
    ["brier", "Brier", 4],
    ["calibrationError", "ECE", 4],
    ["cpuMs", "ms a fit", 0],
  ] as const) {
    const of = (which: "none" | "other" | "tried"): string => mean(scored.map((each) => each[which][field])).toFixed(digits);
    const differences = scored.map((each) => each.tried[field] - each.other[field]);
    const error = field === "cpuMs" ? "" : ` +- ${standardError(differences).toFixed(4)}`;
    process.stdout.write(
      `| ${name} | ${title} | ${of("none")} | ${of("other")} | ${of("tried")} | ${mean(differences).toFixed(digits)}${error} |\n`,
    );
  }
}

/**
 * What verdicts cost, and what gates do. `npm run bench:decide` prints a table of costs, with `--json` the same as rows; `--simulate` prints the tables
 * of docs/guide/decisions.md as Markdown (some minutes). Seeded; every answer is checked before the clock runs.
 */
import {
  examineLabels,
  type GateInput,
  gate,
  midP,
  pairedPower,
  planEvidence,
  probabilityBetter,
  readPolicy,
} from "../src/decide/index.ts";
import { SeededRandom } from "../src/engine/seeded-random.ts";
import { honestReviews } from "../test/unit/decide/honest-reviewers.ts";
import { simulateCounts, simulateGate, simulateWalk } from "../test/unit/decide/simulated-gates.ts";
import { simulateRetraining } from "../test/unit/decide/simulated-retraining.ts";
import { againstBudget, type BenchRow, median, printRows } from "./table.ts";

const ROUNDS = 5;
const classes = ["approve", "reject", "review_required", "conditional"];

/** Two models of four classes that are right in 74 % and 78 % of the rows. */
function models(rows: number, seed: number): Pick<GateInput, "labels" | "champion" | "challenger" | "slices"> {
  const random = new SeededRandom(seed);
  const labels = Uint8Array.from({ length: rows }, () => random.nextInt(4));
  const model = (accuracy: number): Float64Array => {
    const probabilities = new Float64Array(rows * 4);
    labels.forEach((label, row) => {
      const decided = random.next() < accuracy ? label : (label + 1 + random.nextInt(3)) % 4;
      const p = 0.5 + 0.4 * random.next();
      for (let k = 0; k < 4; k++) probabilities[row * 4 + k] = k === decided ? p : (1 - p) / 3;
    });
    return probabilities;
  };
  const domains = ["security", "performance", "feature", "bugfix", "business"];
  return {
    labels,
    champion: model(0.74),
    challenger: model(0.78),
    slices: { domain: Array.from(labels, (_, row) => domains[row % 5] ?? null) },
  };
}

/** Median milliseconds of `work`, after one round that is not counted. */
function medianMs(work: () => void): number {
  work();
  return median(
    Array.from({ length: ROUNDS }, () => {
      const start = performance.now();
      work();
      return performance.now() - start;
    }),
  );
}

function costs(): BenchRow[] {
  const policy = readPolicy({ bootstrap_draws: 10_000 });
  const thousand = models(1_000, 1);
  const million = models(1_000_000, 2);
  const verdict = gate({ ...thousand, classes, policy, seed: 1 });
  if (verdict.rows.count !== 1_000 || verdict.differences === null) throw new Error("the verdict on 1,000 rows is not whole");
  const reviews = honestReviews({
    seed: 1,
    count: 2_000,
    noise: 0.1,
    reviewers: 5,
    modelAccuracy: 0.7,
    classes: classes.slice(0, 3),
    ratingDigits: 1,
    overlap: 0.2,
  });
  const evidence = Array.from({ length: 200_000 }, (_, i) => ({
    timeMs: i,
    group: i >> 1,
    tier: "informed" as const,
    seenByChampion: i < 50_000,
    label: i % 4,
  }));
  const planned = planEvidence({ rows: evidence, policy, nowMs: 1e9, seed: 1 });
  if (planned.kind !== "holdout" || planned.missing.gate > 0) throw new Error("the plan of 200,000 rows is no hold-out");
  return [
    againstBudget(
      "verdict, 1,000 rows, 10,000 draws, 5 slices",
      "ms",
      medianMs(() => gate({ ...thousand, classes, policy, seed: 1 })),
      150,
    ),
    againstBudget(
      "verdict, 1,000,000 rows, 10,000 draws, 5 slices",
      "ms",
      medianMs(() => gate({ ...million, classes, policy, seed: 1 })),
      3_000,
    ),
    againstBudget(
      "forensics, 2,000 judgements of 5 reviewers",
      "ms",
      medianMs(() => examineLabels(reviews, { classes: classes.slice(0, 3), seed: 1 })),
      100,
    ),
    againstBudget(
      "evidence plan, 200,000 rows",
      "ms",
      medianMs(() => planEvidence({ rows: evidence, policy, nowMs: 1e9, seed: 1 })),
      1_000,
    ),
  ];
}

/** P(promote) of gates by rule, rows and true gain, then 26 retrainings by rule: what the guide shows. */
function simulate(): string {
  const runs = 4_000;
  const random = new SeededRandom(2026);
  const share = (count: number): string => (count / runs).toFixed(2);
  const policy = readPolicy({ bootstrap_draws: 200, floors: { precision: 0, recall: 0, f1: 0 } });
  const lines = [
    "| gate rows | true gain | `>=` | `+2 points` | `evidence` promotes | theory | candidate or better |",
    "|---|---|---|---|---|---|---|",
  ];
  for (const [rows, gain] of [
    [30, 0],
    [50, 0],
    [50, 0.1],
    [100, -0.02],
    [100, 0],
    [100, 0.05],
    [100, 0.1],
    [200, 0],
    [200, 0.05],
    [400, 0],
    [400, 0.05],
    [1_000, 0.03],
  ] as const) {
    const counts = { notWorse: 0, twoPoints: 0, promoted: 0, candidate: 0 };
    for (let run = 0; run < runs; run++) {
      const { wins, losses } = simulateCounts(random, { rows, gain, discordance: 0.2 });
      const evidence = Math.min(probabilityBetter({ wins, losses }), 1 - midP({ wins, losses }));
      if (wins >= losses) counts.notWorse++;
      if ((wins - losses) / rows >= 0.02 - 1e-12) counts.twoPoints++;
      if (evidence >= 0.95) counts.promoted++;
      if (evidence >= 0.8) counts.candidate++;
    }
    const theory = pairedPower({ rows, gain, discordance: 0.2, level: 0.05 });
    lines.push(
      `| ${rows} | ${gain === 0 ? "none" : `${gain > 0 ? "+" : ""}${gain * 100} points`} | ${share(counts.notWorse)} | ${share(counts.twoPoints)} | ${share(counts.promoted)} | ${theory.toFixed(2)} | ${share(counts.candidate)} |`,
    );
  }
  lines.push("", "| 26 retrainings, 100 gate rows each | accuracy gained | harmful promotions |", "|---|---|---|");
  const walks = 2_000;
  const table = (name: string, count: number, promotes: Parameters<typeof simulateWalk>[2]): void => {
    let gain = 0;
    let harmful = 0;
    for (let walk = 0; walk < count; walk++) {
      const done = simulateWalk(random, 100, promotes);
      gain += done.gain / count;
      harmful += done.harmful / count;
    }
    lines.push(`| ${name} | +${(gain * 100).toFixed(1)} points | ${harmful.toFixed(2)} |`);
  };
  table("promote when `>=`", walks, (challenger) => {
    const { wins, losses } = simulateCounts(random, challenger);
    return wins >= losses;
  });
  table("promote at `+2 points`", walks, (challenger) => {
    const { wins, losses } = simulateCounts(random, challenger);
    return (wins - losses) / challenger.rows >= 0.02 - 1e-12;
  });
  table("candidate level, P(better) >= 0.8", walks, (challenger) => probabilityBetter(simulateCounts(random, challenger)) >= 0.8);
  table("`evidence`, decisions alone", walks, (challenger) => {
    const counts = simulateCounts(random, challenger);
    return probabilityBetter(counts) >= 0.95 && midP(counts) <= 0.05;
  });
  table(
    "`evidence`, whole verdict with no-harm checks",
    200,
    (challenger) =>
      gate({ ...simulateGate(random, challenger), classes: ["approve", "reject"], policy, seed: 1 }).decision === "promote",
  );
  lines.push("", ...retrainings());
  return lines.join("\n");
}

/** Gates over learners that really learn; each line with its own seed, so that it can be told alone. */
function retrainings(): string[] {
  const policy = readPolicy({ bootstrap_draws: 200, floors: { precision: 0, recall: 0, f1: 0 } });
  const runs = 1_000;
  const share = (count: number, of: number): string => (of === 0 ? "-" : (count / of).toFixed(3));
  const lines = [
    "| champion learnt from | challenger learnt from | true gain | truly no better | of those promoted by `>=` | by `evidence` | of all promoted by `evidence` |",
    "|---|---|---|---|---|---|---|",
  ];
  for (const { champion, challenger, shape } of [
    {
      champion: "300 rows",
      challenger: "300 other rows, 100 of them judge",
      shape: { championRows: 300, olderRows: 200, newRows: 100, noiseColumns: 0 },
    },
    {
      champion: "100 rows",
      challenger: "100 other rows, all judge",
      shape: { championRows: 100, olderRows: 0, newRows: 100, noiseColumns: 0 },
    },
    {
      champion: "300 rows",
      challenger: "300 other rows, 100 judge; 12 columns of noise besides",
      shape: { championRows: 300, olderRows: 200, newRows: 100, noiseColumns: 12 },
    },
    {
      champion: "25 rows",
      challenger: "600 other rows, 200 judge",
      shape: { championRows: 25, olderRows: 400, newRows: 200, noiseColumns: 0 },
    },
  ]) {
    const random = new SeededRandom(5);
    const seen = { promoted: 0, noBetter: 0, harmful: 0, notWorse: 0, gain: 0 };
    for (let run = 0; run < runs; run++) {
      const { verdict, gain } = simulateRetraining(random, shape, policy);
      seen.gain += gain / runs;
      if (verdict.decision === "promote") seen.promoted++;
      if (gain > 0) continue;
      seen.noBetter++;
      if (verdict.decision === "promote") seen.harmful++;
      if (verdict.pairs.challenger_only >= verdict.pairs.champion_only) seen.notWorse++;
    }
    const gain = `${seen.gain > 0 ? "+" : ""}${(seen.gain * 100).toFixed(1)} points`;
    lines.push(
      `| ${champion} | ${challenger} | ${gain} | ${share(seen.noBetter, runs)} | ${share(seen.notWorse, seen.noBetter)} | ${share(seen.harmful, seen.noBetter)} | ${share(seen.promoted, runs)} |`,
    );
  }
  return lines;
}

const flags = process.argv.slice(2);
if (flags.includes("--simulate")) process.stdout.write(`${simulate()}\n`);
else printRows(costs(), flags.includes("--json"));

/**
 * `node bench/synthetic.ts [--json --seeds 3]`: when synthetic rows help and when they hurt. Models are trained as a run trains them: people's
 * rows and synthetic rows through the same choice of weights, zero among them, and scored on people's rows that nobody trained on.
 *
 * Three kinds of synthetic labels, on the hive (specialist technical, reviewers with noise) and on spambase (real mails):
 * - good: hive, by the rule that the reviewers follow; spambase, real mails of the file that were held back, labels kept.
 * - half: the same, a third of the labels drawn anew.
 * - bad: the same, every label replaced by the next class.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "csv-parse/sync";
import type { Tier } from "../src/core/evidence.ts";
import { fitClassifier, logLoss, predictProbabilities, SeededRandom } from "../src/engine/index.ts";
import { extractFeatures } from "../src/features/index.ts";
import { generateByRule } from "../src/loop/generate.ts";
import { DECISIONS, simulatePlans, simulateReviewers } from "../src/loop/simulate.ts";
import { take, weighRows } from "../src/workers/mix-labels.ts";
import { machineName } from "./table.ts";

interface Example {
  readonly vector: ArrayLike<number>;
  readonly label: number;
}
interface Data {
  readonly name: string;
  readonly classCount: number;
  readonly people: readonly Example[];
  readonly synthetic: readonly Example[];
  readonly judging: readonly Example[];
}

const HUMAN_ROWS = [40, 100, 400] as const;
const SYNTHETIC_ROWS = 600;
const JUDGING_ROWS = 1_000;
const KINDS = { good: 0, half: 1 / 3, bad: 1 } as const;

const { values: flags } = parseArgs({
  options: { json: { type: "boolean", default: false }, seeds: { type: "string", default: "3" } },
});
const classes: readonly string[] = DECISIONS;
const seeds = Array.from({ length: Number(flags.seeds) }, (_, index) => index + 1);

function hive(seed: number): Data {
  const count = Math.max(...HUMAN_ROWS) + JUDGING_ROWS;
  const plans = simulatePlans({ seed, count });
  const judged = simulateReviewers({
    seed,
    specialist: "technical",
    opinions: plans.map((plan) => ({ opinionId: plan.plan_id, plan, recommendation: null })),
  });
  const labelOf = new Map(judged.map(({ opinionId, recommendation }) => [opinionId, DECISIONS.indexOf(recommendation)]));
  const rows = plans.map((plan): Example => ({ vector: extractFeatures("plan/2", plan), label: labelOf.get(plan.plan_id) ?? 0 }));
  const generated = generateByRule({
    specialist: "technical",
    featureSchema: "plan/2",
    count: SYNTHETIC_ROWS,
    seed: 1000 + seed,
    createdAtMs: 0,
  });
  const synthetic = generated.rows.map(({ vector, decision }): Example => ({ vector, label: classes.indexOf(decision) }));
  return {
    name: "hive",
    classCount: DECISIONS.length,
    people: rows.slice(JUDGING_ROWS),
    synthetic,
    judging: rows.slice(0, JUDGING_ROWS),
  };
}

async function spambase(seed: number): Promise<Data> {
  const file = join(import.meta.dirname, "../examples/spambase/spambase.csv");
  const [head = [], ...lines]: string[][] = parse(await readFile(file));
  const at = head.indexOf("label");
  const all = lines.map(
    (line): Example => ({ vector: line.filter((_, column) => column !== at).map(Number), label: Number(line[at] === "spam") }),
  );
  const rows = new SeededRandom(seed).shuffle(all);
  const people = rows.slice(JUDGING_ROWS, JUDGING_ROWS + Math.max(...HUMAN_ROWS));
  return {
    name: "spambase",
    classCount: 2,
    people,
    synthetic: rows.slice(-SYNTHETIC_ROWS),
    judging: rows.slice(0, JUDGING_ROWS),
  };
}

/** Log loss and accuracy on the judging rows, and the weight that the synthetic rows got. */
async function measure(
  data: Data,
  people: readonly Example[],
  synthetic: readonly Example[],
  seed: number,
  forced: number | null,
) {
  const all = [...people, ...synthetic];
  const width = all[0]?.vector.length ?? 0;
  const tiers = all.map((_, row): Tier => (row < people.length ? "blind" : "synthetic"));
  const rows = {
    columns: columnsOf(all, width),
    labels: Uint8Array.from(all, ({ label }) => label),
    tiers,
    weights: Float64Array.from(tiers, (tier) => (tier === "blind" ? 1 : 0)),
    groups: Uint32Array.from(all, (_, row) => row),
    classCount: data.classCount,
  };
  const how = { modelType: "random_forest", seed } as const;
  const chosen = forced === null ? await weighRows(rows, how) : null;
  const weights = chosen?.weights ?? Float64Array.from(tiers, (tier) => (tier === "blind" ? 1 : (forced ?? 0)));
  const used = tiers.flatMap((_, row) => ((weights[row] ?? 0) > 0 ? [row] : []));
  const fitted = fitClassifier({ ...how, data: take(rows, used, weights), calibration: "none" });
  const probabilities = predictProbabilities(fitted, columnsOf(data.judging, width));
  const labels = Uint8Array.from(data.judging, ({ label }) => label);
  const right = labels.filter((label, row) => {
    const own = probabilities.subarray(row * data.classCount, (row + 1) * data.classCount);
    return own.indexOf(Math.max(...own)) === label;
  }).length;
  return {
    loss: logLoss(probabilities, labels, data.classCount),
    accuracy: right / labels.length,
    weight: chosen?.choice?.weights.synthetic ?? forced ?? 0,
  };
}

const columnsOf = (rows: readonly Example[], width: number): Float64Array[] =>
  Array.from({ length: width }, (_, column) => Float64Array.from(rows, ({ vector }) => vector[column] ?? Number.NaN));

function spoil(rows: readonly Example[], share: number, classCount: number, random: SeededRandom): Example[] {
  return rows.map((row) => {
    if (share === 1) return { ...row, label: (row.label + 1) % classCount };
    return random.next() < share ? { ...row, label: random.nextInt(classCount) } : row;
  });
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const table: Record<string, string | number>[] = [];
for (const open of [hive, spambase])
  for (const humanRows of HUMAN_ROWS)
    for (const [kind, share] of Object.entries(KINDS)) {
      const measured: Record<"without" | "full" | "chosen", Awaited<ReturnType<typeof measure>>>[] = [];
      for (const seed of seeds) {
        const data = await open(seed);
        const people = data.people.slice(0, humanRows);
        const synthetic = spoil(data.synthetic, share, data.classCount, new SeededRandom(seed));
        measured.push({
          without: await measure(data, people, [], seed, 0),
          full: await measure(data, people, synthetic, seed, 1),
          chosen: await measure(data, people, synthetic, seed, null),
        });
      }
      const of = (name: "without" | "full" | "chosen", figure: "loss" | "accuracy" | "weight"): number =>
        mean(measured.map((one) => one[name][figure]));
      table.push({
        data: open.name,
        people: humanRows,
        synthetic: kind,
        loss_without: of("without", "loss"),
        loss_full_weight: of("full", "loss"),
        loss_chosen: of("chosen", "loss"),
        weight: of("chosen", "weight"),
        accuracy_without: of("without", "accuracy"),
        accuracy_chosen: of("chosen", "accuracy"),
      });
      if (!flags.json) process.stdout.write(`${rowOf(table.at(-1) ?? {})}\n`);
    }
if (flags.json) process.stdout.write(`${JSON.stringify({ machine: machineName(), seeds: seeds.length, table })}\n`);

function rowOf(row: Readonly<Record<string, string | number>>): string {
  const head =
    table.length === 1
      ? `| ${Object.keys(row).join(" | ")} |\n|${Object.keys(row)
          .map(() => "---|")
          .join("")}\n`
      : "";
  return `${head}| ${Object.values(row)
    .map((cell) => (typeof cell === "number" && !Number.isInteger(cell) ? cell.toFixed(3) : cell))
    .join(" | ")} |`;
}

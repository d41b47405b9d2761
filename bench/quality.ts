import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  logLoss,
  type Model,
  predictProbabilities,
  rocAuc,
  type TrainingData,
  trainBoosting,
  trainForest,
} from "../src/engine/index.ts";
import { openSets } from "./engine/sets.ts";
import { findPython, PythonPeer } from "./peers/python.ts";

/**
 * `npm run bench -- quality [--seeds 10] [--only WORDS] [--variants WORDS] [--peers]`: what other bins and other defaults would do to AUC and log loss at
 * 1,200 rows: mean and standard error of the difference from the defaults over ten seeds, on the synthetic task, spambase and german credit. The
 * defaults of maxBins rest on this.
 *
 * --only      sets whose name holds these words
 * --variants  variants whose name holds these words
 * --peers     also on the three sets that scikit-learn brings, from the venv of bench:engine
 */
const { values: flags } = parseArgs({
  options: {
    seeds: { type: "string", default: "10" },
    only: { type: "string", default: "" },
    variants: { type: "string", default: "" },
    peers: { type: "boolean", default: false },
  },
});
const folder = mkdtempSync(join(tmpdir(), "requeen-quality-"));

interface Variant {
  readonly name: string;
  readonly train: (data: TrainingData, seed: number) => Model;
}
const boosting = (params: Parameters<typeof trainBoosting>[1]) => (data: TrainingData, seed: number) =>
  trainBoosting(data, { seed, ...params });
const forest = (params: Parameters<typeof trainForest>[1]) => (data: TrainingData, seed: number) =>
  trainForest(data, { maxDepth: 10, seed, ...params });

/** The first of each list is the default that the others are compared with. */
const STUDIES: readonly (readonly Variant[])[] = [
  [
    { name: "boosting, defaults", train: boosting({}) },
    { name: "boosting, 32 bins", train: boosting({ maxBins: 32 }) },
    { name: "boosting, 128 bins", train: boosting({ maxBins: 128 }) },
    { name: "boosting, 255 bins", train: boosting({ maxBins: 255 }) },
    { name: "boosting, l2Regularization 0.1", train: boosting({ l2Regularization: 0.1 }) },
    { name: "boosting, l2Regularization 1", train: boosting({ l2Regularization: 1 }) },
    { name: "boosting, l2Regularization 1, minChildWeight 1", train: boosting({ l2Regularization: 1, minChildWeight: 1 }) },
    { name: "boosting, l2Regularization 10", train: boosting({ l2Regularization: 10 }) },
    { name: "boosting, minSamplesLeaf 10", train: boosting({ minSamplesLeaf: 10 }) },
    { name: "boosting, 15 leaves", train: boosting({ maxLeafNodes: 15 }) },
    { name: "boosting, 8 leaves", train: boosting({ maxLeafNodes: 8 }) },
    { name: "boosting, learningRate 0.05", train: boosting({ learningRate: 0.05 }) },
  ],
  [
    { name: "forest, defaults, depth 10", train: forest({}) },
    { name: "forest, 32 bins", train: forest({ maxBins: 32 }) },
    { name: "forest, 255 bins", train: forest({ maxBins: 255 }) },
    { name: "forest, no limit of depth", train: forest({ maxDepth: null }) },
    { name: "forest, minSamplesLeaf 2", train: forest({ minSamplesLeaf: 2 }) },
  ],
];

type Score = readonly [auc: number, loss: number];

function score(variant: Variant, { train, held }: { train: TrainingData; held: TrainingData }, seed: number): Score {
  const p = predictProbabilities(variant.train(train, seed), held.columns);
  const clipped = p.map((value) => Math.min(1 - 1e-6, Math.max(1e-6, value)));
  return [rocAuc(p, held.labels, held.classCount) ?? Number.NaN, logLoss(clipped, held.labels, held.classCount)];
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function describe(values: readonly number[]): string {
  const centre = mean(values);
  const error = Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1) / values.length);
  return `${centre >= 0 ? "+" : ""}${centre.toFixed(4)} +- ${error.toFixed(4)}`;
}

const root = join(import.meta.dirname, "..");
await using peer = flags.peers
  ? new PythonPeer(findPython(root), join(root, "bench", "peers", "engine.py"), [folder, "1", "serve"])
  : null;
await peer?.read();
const sets = await openSets(folder, peer);
rmSync(folder, { recursive: true });
for (const set of sets) {
  if (!set.name.includes(flags.only)) continue;
  const cuts = Array.from({ length: Number(flags.seeds) }, (_, seed) => set.cut(seed));
  for (const [base, ...rest] of STUDIES) {
    const others = rest.filter(({ name }) => name.includes(flags.variants));
    if (base === undefined || others.length === 0) continue;
    const before = cuts.map((cut, seed) => score(base, cut, seed));
    const line = (name: string, auc: string, loss: string): boolean =>
      process.stdout.write(`${set.name.padEnd(14)} ${name.padEnd(48)} AUC ${auc}, log loss ${loss}\n`);
    line(base.name, mean(before.map(([auc]) => auc)).toFixed(4), mean(before.map(([, loss]) => loss)).toFixed(4));
    for (const variant of others) {
      const after = cuts.map((cut, seed) => score(variant, cut, seed));
      const difference = (index: 0 | 1): string =>
        describe(after.map((of, seed) => of[index] - (before[seed]?.[index] ?? Number.NaN)));
      line(variant.name, difference(0), difference(1));
    }
  }
}

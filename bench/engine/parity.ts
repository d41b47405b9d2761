import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  logLoss,
  type Model,
  predictProbabilities,
  rocAuc,
  type TrainingData,
  trainBoosting,
  trainForest,
  trainNetwork,
} from "../../src/engine/index.ts";
import { toRows } from "../data.ts";
import { PythonPeer } from "../peers/python.ts";
import type { BenchRow } from "../table.ts";
import { openSets, type QualitySet } from "./sets.ts";

/** A learner and a peer at equal settings. */
interface Comparison {
  readonly name: string;
  /** Name of engine.py's work. */
  readonly work: string;
  readonly peer: string;
  readonly train: (data: TrainingData, seed: number) => Model;
}

/** What a boosting peer sets otherwise than we do, and cannot set as we do. */
interface BoostingPeer {
  readonly work: string;
  readonly peer: string;
  readonly minSamplesLeaf: number;
  readonly minChildWeight: number;
  /** What its second derivatives of three classes or more are multiplied with: p (1 - p) is ours. */
  readonly curvature: (classCount: number) => number;
}

const BOOSTING_PEERS: readonly BoostingPeer[] = [
  // Friedman's K / (K - 1). Source: LightGBM's MulticlassSoftmax
  {
    work: "lightgbm",
    peer: "LightGBM",
    minSamplesLeaf: 20,
    minChildWeight: 1e-3,
    curvature: (classes) => classes / (classes - 1),
  },
  // its own limit is min_child_weight; it has none of rows. Source: XGBoost's SoftmaxMultiClassObj
  { work: "xgboost", peer: "XGBoost", minSamplesLeaf: 1, minChildWeight: 1, curvature: () => 2 },
  { work: "hist_gradient_boosting", peer: "HistGradientBoosting", minSamplesLeaf: 20, minChildWeight: 1e-3, curvature: () => 1 },
];

/** The settings of the speed table, with each peer's limits of a leaf. @param maxBins of both sides; null = each side's own. */
const boosting = (maxBins: number | null): Comparison[] =>
  BOOSTING_PEERS.map(({ work, peer, minSamplesLeaf, minChildWeight, curvature }) => ({
    name: maxBins === null ? "boosting" : `boosting, ${maxBins} bins`,
    work: maxBins === null ? work : `${work}_${maxBins}`,
    peer,
    train: (data, seed) => {
      const times = data.classCount === 2 ? 1 : curvature(data.classCount);
      // a leaf is -rate x gradients / (times x hessians)
      const params = { minSamplesLeaf, minChildWeight: minChildWeight / times, learningRate: 0.1 / times };
      return trainBoosting(data, { ...params, maxBins, seed });
    },
  }));

const COMPARISONS: readonly Comparison[] = [
  ...boosting(null),
  ...boosting(64),
  {
    name: "forest",
    work: "random_forest",
    peer: "scikit-learn",
    train: (data, seed) => trainForest(data, { maxDepth: 10, seed }),
  },
  {
    name: "perceptron",
    work: "perceptron",
    peer: "scikit-learn",
    train: (data, seed) => trainNetwork(data, { hiddenLayerSizes: [100, 50], maxIter: 100, tol: 0, nIterNoChange: 1000, seed }),
  },
];

export interface ParityRequest {
  readonly folder: string;
  readonly python: string;
  readonly seeds: number;
  /** Names of sets to take; "" = all. */
  readonly only: string;
  readonly note: (text: string) => void;
}

/**
 * AUC and log loss on rows that nobody trained on, ours and the peers' on the same cuts. Of each pair two rows: `ratio` tells how much
 * better ours is (AUC ours / peer, log loss peer / ours), `must` is where the peer's mean lies two standard errors of the paired
 * difference worse: of forty such pairs about one is so by chance. (Cuts of one data set share rows, so the standard error is somewhat too small: the test is stricter than it says.)
 */
export async function measureParity(request: ParityRequest): Promise<BenchRow[]> {
  const { folder, python, note } = request;
  await using peer = new PythonPeer(python, join(import.meta.dirname, "..", "peers", "engine.py"), [folder, "1", "serve"]);
  note(JSON.stringify(await peer.read()));
  const table: BenchRow[] = [];
  for (const set of await openSets(folder, peer)) {
    if (set.name.includes(request.only)) table.push(...(await compareOn(set, peer, request)));
  }
  return table;
}

interface Scores {
  readonly auc: number[];
  readonly loss: number[];
}

async function compareOn(set: QualitySet, peer: PythonPeer, { folder, seeds, note }: ParityRequest): Promise<BenchRow[]> {
  const ours = COMPARISONS.map((): Scores => ({ auc: [], loss: [] }));
  const theirs = COMPARISONS.map((): Scores => ({ auc: [], loss: [] }));
  for (let seed = 0; seed < seeds; seed++) {
    const { train, held } = set.cut(seed);
    for (const [name, data] of [
      ["cut", train],
      ["held", held],
    ] as const) {
      writeFileSync(join(folder, `${name}.x`), toRows(data.columns));
      writeFileSync(join(folder, `${name}.y`), data.labels);
    }
    for (const [i, { work, train: trainOurs }] of COMPARISONS.entries()) {
      addScores(ours[i], predictProbabilities(trainOurs(train, seed), held.columns), held);
      await peer.ask({ work, predict: true, columns: train.columns.length, classes: train.classCount, seed });
      const bytes = readFileSync(join(folder, "held.p"));
      addScores(theirs[i], new Float64Array(new Uint8Array(bytes).buffer), held);
    }
  }
  return COMPARISONS.flatMap(({ name, peer: label }, i) => {
    const [mine, other] = [ours[i], theirs[i]];
    if (mine === undefined || other === undefined) return [];
    const work = `${set.name}, ${name}`;
    const auc = pair(mine.auc, other.auc);
    const loss = pair(mine.loss, other.loss);
    note(`${work} - ${label}: AUC ${describe(auc)}, log loss ${describe(loss)}`);
    return [
      row(work, "AUC", auc, label, auc.ours / auc.peer, (auc.peer - 2 * auc.error) / auc.peer),
      row(work, "log loss", loss, label, loss.peer / loss.ours, loss.peer / (loss.peer + 2 * loss.error)),
    ];
  });
}

function addScores(scores: Scores | undefined, probabilities: Float64Array, held: TrainingData): void {
  const clipped = probabilities.map((p) => Math.min(1 - 1e-6, Math.max(1e-6, p)));
  scores?.auc.push(rocAuc(probabilities, held.labels, held.classCount) ?? Number.NaN);
  scores?.loss.push(logLoss(clipped, held.labels, held.classCount));
}

interface Pair {
  readonly ours: number;
  readonly peer: number;
  /** Standard error of the mean difference over the seeds. */
  readonly error: number;
}

function pair(ours: readonly number[], peer: readonly number[]): Pair {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const differences = ours.map((value, seed) => value - (peer[seed] ?? Number.NaN));
  const centre = mean(differences);
  const variance = differences.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (differences.length - 1);
  return { ours: mean(ours), peer: mean(peer), error: Math.sqrt(variance / differences.length) };
}

const describe = ({ ours, peer, error }: Pair): string =>
  `${ours.toFixed(4)} - ${peer.toFixed(4)} = ${(ours - peer).toFixed(4)} +- ${error.toFixed(4)}`;

function row(work: string, unit: string, { ours, peer }: Pair, peerName: string, ratio: number, must: number): BenchRow {
  const round = (value: number): number => Number(value.toPrecision(5));
  return { work, unit, ours: round(ours), peer: round(peer), peerName, ratio: round(ratio), must: round(must) };
}

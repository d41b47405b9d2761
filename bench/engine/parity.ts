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

interface Learner {
  readonly name: string;
  readonly train: (data: TrainingData, seed: number) => Model;
  readonly peers: readonly { readonly work: string; readonly label: string }[];
}

/** The settings of the speed table. */
const LEARNERS: readonly Learner[] = [
  {
    name: "boosting",
    train: (data, seed) => trainBoosting(data, { seed }),
    peers: [
      { work: "lightgbm", label: "LightGBM" },
      { work: "xgboost", label: "XGBoost" },
      { work: "hist_gradient_boosting", label: "HistGradientBoosting" },
    ],
  },
  {
    name: "forest",
    train: (data, seed) => trainForest(data, { maxDepth: 10, seed }),
    peers: [{ work: "random_forest", label: "scikit-learn" }],
  },
  {
    name: "perceptron",
    train: (data, seed) => trainNetwork(data, { hiddenLayerSizes: [100, 50], maxIter: 100, tol: 0, nIterNoChange: 1000, seed }),
    peers: [{ work: "perceptron", label: "scikit-learn" }],
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
 * difference worse. (Cuts of one data set share rows, so the standard error is somewhat too small: the test is stricter than it says.)
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
  const ours = LEARNERS.map((): Scores => ({ auc: [], loss: [] }));
  const theirs = LEARNERS.map(({ peers }) => peers.map((): Scores => ({ auc: [], loss: [] })));
  for (let seed = 0; seed < seeds; seed++) {
    const { train, held } = set.cut(seed);
    for (const [name, data] of [
      ["cut", train],
      ["held", held],
    ] as const) {
      writeFileSync(join(folder, `${name}.x`), toRows(data.columns));
      writeFileSync(join(folder, `${name}.y`), data.labels);
    }
    for (const [i, learner] of LEARNERS.entries()) {
      addScores(ours[i], predictProbabilities(learner.train(train, seed), held.columns), held);
      for (const [k, { work }] of learner.peers.entries()) {
        await peer.ask({ work, predict: true, columns: train.columns.length, classes: train.classCount, seed });
        const bytes = readFileSync(join(folder, "held.p"));
        const p = new Float64Array(new Uint8Array(bytes).buffer);
        addScores(theirs[i]?.[k], p, held);
      }
    }
  }
  return LEARNERS.flatMap((learner, i) =>
    learner.peers.flatMap(({ label }, k) => {
      const [mine, other] = [ours[i], theirs[i]?.[k]];
      if (mine === undefined || other === undefined) return [];
      const work = `${set.name}, ${learner.name}`;
      const auc = pair(mine.auc, other.auc);
      const loss = pair(mine.loss, other.loss);
      note(`${work} - ${label}: AUC ${describe(auc)}, log loss ${describe(loss)}`);
      return [
        row(work, "AUC", auc, label, auc.ours / auc.peer, (auc.peer - 2 * auc.error) / auc.peer),
        row(work, "log loss", loss, label, loss.peer / loss.ours, loss.peer / (loss.peer + 2 * loss.error)),
      ];
    }),
  );
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

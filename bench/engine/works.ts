import {
  type Model,
  ORIGINAL_PRESETS,
  type TrainingData,
  trainBoosting,
  trainForest,
  trainNetwork,
  tuneClassifier,
  type Watch,
} from "../../src/engine/index.ts";

/** A fit that is measured, and who is measured beside it. */
export interface Work {
  readonly name: string;
  readonly rows: number;
  readonly train: (data: TrainingData, watch?: Watch) => Model | null;
  /** Names of engine.py's works. `must` = the least ratio that is accepted, null = for information; `times` = how often the peer's work is ours. */
  readonly peers: readonly Peer[];
  /** "cpu": processor time of one thread. "wall": time on the clock, both sides free to use two threads. */
  readonly measures: readonly Measure[];
  /** Repetitions when the caller names none. */
  readonly rounds: number;
}
export interface Peer {
  readonly work: string;
  readonly label: string;
  readonly must: number | null;
  readonly times?: number;
}
export type Measure = "cpu" | "wall";

const boosting = (data: TrainingData, watch?: Watch): Model => trainBoosting(data, {}, watch);
const forest = (data: TrainingData, watch?: Watch): Model => trainForest(data, { maxDepth: 10 }, watch);
const boostingPeers = (musts: readonly [number, number, number] | null): Peer[] => [
  { work: "lightgbm", label: "LightGBM", must: musts?.[0] ?? null },
  { work: "xgboost", label: "XGBoost", must: musts?.[1] ?? null },
  { work: "hist_gradient_boosting", label: "HistGradientBoosting", must: musts?.[2] ?? null },
];

/** All fits of the table, at equal settings: 100 trees or rounds, 31 leaves, rate 0.1; depth 10 for forests. */
export const WORKS: readonly Work[] = [
  {
    name: "boosting, 1,200 rows",
    rows: 1200,
    train: boosting,
    peers: boostingPeers([6, 10, 10]),
    measures: ["cpu", "wall"],
    rounds: 15,
  },
  {
    // the peers' default is 255; ours is 64 at this size, by the study of bench/quality.ts
    name: "boosting, 1,200 rows, 64 bins on both sides",
    rows: 1200,
    train: (data) => trainBoosting(data, { maxBins: 64 }),
    peers: boostingPeers(null).map((peer) => ({ ...peer, work: `${peer.work}_64` })),
    measures: ["cpu"],
    rounds: 15,
  },
  {
    name: "forest, 1,200 rows",
    rows: 1200,
    train: forest,
    peers: [{ work: "random_forest", label: "scikit-learn", must: 20 }],
    measures: ["cpu", "wall"],
    rounds: 30,
  },
  {
    name: "perceptron, 1,200 rows, 100 passes",
    rows: 1200,
    train: (data) => trainNetwork(data, { hiddenLayerSizes: [100, 50], maxIter: 100, tol: 0, nIterNoChange: 1000 }),
    peers: [{ work: "perceptron", label: "scikit-learn", must: 3 }],
    measures: ["cpu", "wall"],
    rounds: 15,
  },
  {
    name: "forest grid 27 x 3 folds, 1,200 rows",
    rows: 1200,
    train: (data) => {
      tuneClassifier(data, "random_forest", { method: "grid", grid: ORIGINAL_PRESETS.random_forest.grid }, 42);
      return null;
    },
    peers: [{ work: "grid", label: "GridSearchCV, 2 processes", must: 50 }],
    measures: ["wall"],
    rounds: 3,
  },
  {
    name: "boosting, 100,000 rows",
    rows: 100_000,
    train: boosting,
    peers: boostingPeers([2.4, 2.4, 3]),
    measures: ["cpu", "wall"],
    rounds: 3,
  },
  {
    name: "forest, 100,000 rows",
    rows: 100_000,
    train: forest,
    peers: [{ work: "random_forest_20", label: "scikit-learn (20 trees x 5)", must: 20, times: 5 }],
    measures: ["cpu", "wall"],
    rounds: 3,
  },
  {
    name: "boosting, 1,000,000 rows",
    rows: 1_000_000,
    train: boosting,
    peers: boostingPeers([2.2, 1.8, 2.2]),
    measures: ["cpu", "wall"],
    rounds: 3,
  },
];

import { RequeenError } from "../core/errors.ts";
import { markDrawn } from "./draw-rows.ts";
import type { TreeModel } from "./model.ts";
import { FOREST_PARAMETERS } from "./parameter-tables.ts";
import type { ParameterValue } from "./parameters.ts";
import { deriveSeed } from "./seeded-random.ts";
import type { Column, Targets, TrainingData } from "./training-data.ts";
import { copyTrees } from "./tree-ensemble.ts";
import { openTreeRows } from "./tree-rows.ts";

type Params = Readonly<Record<string, ParameterValue>>;

const MOST_TREES = FOREST_PARAMETERS.nEstimators.max;
/** Below, votes calibrate worse than folds do, and folds are cheap. */
const LEAST_ROWS = 500;
/** A row's voters are a third of the trees: of a forest twice as large they are nearly as many as the model's trees, and spread as little. */
const TIMES = 2;
/** Fewer trees that did not draw a row say too little about it. */
const LEAST_VOTERS = 10;

/**
 * On whose predictions a calibrator is fitted: "folds" = models trained without the row; "out_of_bag" = the trees of a forest that did not
 * draw it; "auto" = the latter where it is as good.
 */
export type HeldOutBy = "auto" | "folds" | "out_of_bag";

/** Who votes, as far as the request says. */
interface Election {
  readonly modelType: string;
  readonly heldOut?: HeldOutBy;
  readonly groups?: Uint32Array;
}

/**
 * Parameters of the forest whose votes hold rows out; null = folds do.
 * @param params of the model itself. @throws bad_parameter where votes are asked for and cannot be.
 */
export function findElectorate({ groups, modelType, heldOut = "auto" }: Election, data: Targets, params: Params): Params | null {
  if (heldOut === "folds" || (heldOut === "auto" && !isVotingGood(data))) return null;
  // a tree that drew one row of a group has seen the others' like: then only folds by group hold rows out
  const isOneRowEach = groups === undefined || new Set(groups).size === groups.length;
  const electorate = isOneRowEach ? electorateOf(params) : null;
  if (electorate === null && heldOut === "out_of_bag")
    throw new RequeenError(
      "bad_parameter",
      `heldOut out_of_bag needs a forest with bootstrap and one row a group; got ${modelType}${isOneRowEach ? "" : " and groups of several rows"}`,
    );
  return electorate;
}

/** Whether votes calibrate as well as five refits do: the table in docs/benchmarks.md shows both. */
const isVotingGood = ({ labels, classCount }: Targets): boolean => classCount === 2 && labels.length >= LEAST_ROWS;

/** Parameters of the forest that votes; its first trees are the forest of `params`. Null: another learner, or every tree sees every row. */
function electorateOf(params: Params): Params | null {
  const { bootstrap, nEstimators } = params;
  if (bootstrap !== true || typeof nEstimators !== "number") return null;
  return { ...params, nEstimators: Math.min(TIMES * nEstimators, MOST_TREES) };
}

/** The forest of `params` out of its electorate, byte for byte as if trained alone. */
export function firstTrees(grown: TreeModel, params: Params): TreeModel {
  const treeCount = Number(params.nEstimators);
  if (treeCount === grown.trees.roots.length) return grown;
  return { ...grown, params: { ...grown.params, nEstimators: treeCount }, trees: copyTrees(grown.trees, treeCount) };
}

/**
 * Probabilities of each training row by the trees of the forest that did not draw it: held out as by cross-validation, without another
 * training. Source: Breiman 1996, Out-of-bag estimation; Boström 2008, Calibrating random forests.
 * Rows of one group must not be given: a tree that drew one of them has seen the others' like.
 * @param model a forest as it was grown on `data`; which rows a tree drew follows from its seed.
 * @returns float64 [n x classes]; null where the trees did not leave every row out often enough, or drew no rows at all.
 * Cost: a walk down a third of the trees a row, about a tenth of the training.
 */
export function predictOutOfBag(model: TreeModel, data: TrainingData): Float64Array | null {
  const votes = new OutOfBagVotes(model, data);
  votes.add(data.columns, 0);
  return votes.finish();
}

/** As `predictOutOfBag`, for rows that come some at a time. */
export class OutOfBagVotes {
  private readonly model: TreeModel;
  /** uint8 [n]. 1 = the row has weight. */
  private readonly weighted: Uint8Array;
  /** uint8 [n], scratch. 1 = the tree drew the row. */
  private readonly drawn: Uint8Array;
  private readonly sums: Float64Array;
  private readonly voters: Uint32Array;

  constructor(model: TreeModel, { labels, weights }: Targets) {
    this.model = model;
    this.weighted =
      weights === undefined ? new Uint8Array(labels.length).fill(1) : Uint8Array.from(weights, (weight) => (weight > 0 ? 1 : 0));
    this.drawn = new Uint8Array(labels.length);
    this.sums = new Float64Array(labels.length * model.trees.width);
    this.voters = new Uint32Array(labels.length);
  }

  /** Counts the votes on some rows. @param columns [d][m]. @param first number of the first of them. */
  add(columns: readonly Column[], first: number): void {
    const { weighted, drawn, sums, voters } = this;
    const { params, trees } = this.model;
    if (params.bootstrap !== true || typeof params.seed !== "number") return;
    const { values, width, roots, left } = trees;
    const ends = [...roots.subarray(1), trees.feature.length];
    const mostNodes = ends.reduce((most, end, tree) => Math.max(most, end - roots[tree]), 0);
    const rows = openTreeRows(columns, mostNodes, trees.categories !== null);
    for (let tree = 0; tree < roots.length; tree++) {
      markDrawn(weighted, deriveSeed(params.seed, tree), drawn);
      const ended = rows.endsOf(trees, roots[tree], ends[tree]);
      for (let i = 0; i < columns[0].length; i++) {
        const row = first + i;
        if (drawn[row] === 1) continue;
        const from = left[roots[tree] + ended[i]] * width;
        for (let k = 0; k < width; k++) sums[row * width + k] += values[from + k];
        voters[row] += 1;
      }
    }
    rows.release();
  }

  /** As `predictOutOfBag` answers, once every row was added. */
  finish(): Float64Array | null {
    const { sums, voters } = this;
    const { width } = this.model.trees;
    if (voters.some((count) => count < LEAST_VOTERS)) return null;
    if (width > 1) return sums.map((sum, at) => sum / voters[Math.floor(at / width)]);
    // of two classes a leaf says the share of class 1
    return Float64Array.from({ length: voters.length * 2 }, (_, at) => {
      const share = sums[at >> 1] / voters[at >> 1];
      return at % 2 === 1 ? share : 1 - share;
    });
  }
}

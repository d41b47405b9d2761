import type { ModelType } from "./model.ts";
import type { ParameterTable, Resolved } from "./parameters.ts";

/** The parameters of every learner. Names follow scikit-learn's, in camel case; `peer` names what other libraries call it. */

const seed = {
  kind: "integer",
  min: 0,
  max: Number.MAX_SAFE_INTEGER,
  default: 0,
  peer: "random_state",
  meaning: "same seed, same data, same parameters: same bytes",
} as const;

const classWeight = {
  kind: "choice",
  choices: ["none", "balanced"],
  default: "none",
  peer: "class_weight",
  meaning: "balanced: each class gets the same total weight in training",
} as const;

const maxBins = {
  kind: "integer",
  min: 2,
  max: 255,
  default: null,
  orNull: true,
  peer: "max_bins, max_bin",
  meaning: "bins of a feature's present values (missing has one of its own); null = 64 below 3,000 rows, else 255",
} as const;

const categoricalFeatures = {
  kind: "features",
  max: 4095,
  default: [],
  peer: "categorical_features, categorical_feature",
  meaning: "columns whose values are categories, integers in [0, 254] in no order; names where fitClassifier is given them",
  onlyIfSet: true,
} as const;

const maxDepth = {
  kind: "integer",
  min: 1,
  max: 64,
  default: null,
  orNull: true,
  peer: "max_depth",
  meaning: "deepest leaf; null = 64",
} as const;

export const FOREST_PARAMETERS = {
  nEstimators: { kind: "integer", min: 1, max: 10_000, default: 100, peer: "n_estimators", meaning: "trees" },
  maxDepth,
  minSamplesSplit: {
    kind: "integer",
    min: 2,
    max: 10_000_000,
    default: 2,
    peer: "min_samples_split",
    meaning: "distinct rows that a node needs to be split",
  },
  minSamplesLeaf: {
    kind: "integer",
    min: 1,
    max: 10_000_000,
    default: 1,
    peer: "min_samples_leaf",
    meaning: "distinct rows that each child keeps",
  },
  maxFeatures: {
    kind: "choiceOrNumber",
    choices: ["sqrt", "log2", "all"],
    min: 0,
    max: 4096,
    default: "sqrt",
    peer: "max_features",
    meaning: "features tried at each node: a share below 1, a count from 1",
  },
  bootstrap: { kind: "boolean", default: true, peer: "bootstrap", meaning: "each tree sees n rows drawn with replacement" },
  categoricalFeatures,
  classWeight,
  maxBins,
  seed,
} as const satisfies ParameterTable;

export const EXTRA_TREES_PARAMETERS = {
  ...FOREST_PARAMETERS,
  bootstrap: { ...FOREST_PARAMETERS.bootstrap, default: false },
} as const satisfies ParameterTable;

export const BOOSTING_PARAMETERS = {
  nEstimators: {
    kind: "integer",
    min: 1,
    max: 10_000,
    default: 100,
    peer: "n_estimators, max_iter, num_iterations",
    meaning: "rounds; a round is one tree, or one a class from three classes",
  },
  learningRate: {
    kind: "number",
    min: 1e-6,
    max: 1,
    default: 0.1,
    peer: "learning_rate, eta",
    meaning: "share of each tree's step that is taken",
  },
  maxLeafNodes: {
    kind: "integer",
    min: 2,
    max: 255,
    default: 31,
    peer: "max_leaf_nodes, num_leaves",
    meaning: "leaves of a tree",
  },
  growPolicy: {
    kind: "choice",
    choices: ["lossguide", "depthwise"],
    default: "lossguide",
    peer: "grow_policy (XGBoost)",
    meaning: "lossguide: always the split that saves most loss; depthwise: all leaves of a depth before the next depth",
  },
  maxDepth,
  minSamplesLeaf: {
    kind: "integer",
    min: 1,
    max: 10_000_000,
    default: 20,
    peer: "min_samples_leaf, min_data_in_leaf",
    meaning: "rows that each child keeps",
  },
  minChildWeight: {
    kind: "number",
    min: 0,
    max: 1e9,
    default: 1e-3,
    peer: "min_sum_hessian_in_leaf, min_child_weight",
    meaning: "sum of second derivatives that each child keeps",
  },
  l1Regularization: {
    kind: "number",
    min: 0,
    max: 1e9,
    default: 0,
    peer: "reg_alpha, lambda_l1",
    meaning: "taken off each leaf's sum of gradients",
  },
  l2Regularization: {
    kind: "number",
    min: 0,
    max: 1e9,
    default: 0,
    peer: "l2_regularization, reg_lambda",
    meaning: "added to each leaf's sum of second derivatives",
  },
  minSplitGain: {
    kind: "number",
    min: 0,
    max: 1e9,
    default: 0,
    peer: "min_split_gain, gamma",
    meaning: "loss that a split must save",
  },
  subsample: {
    kind: "number",
    min: 0.01,
    max: 1,
    default: 1,
    peer: "subsample, bagging_fraction",
    meaning: "share of rows that each round sees",
  },
  columnSample: {
    kind: "number",
    min: 0.01,
    max: 1,
    default: 1,
    peer: "colsample_bytree, feature_fraction",
    meaning: "share of features that each round sees",
  },
  nIterNoChange: {
    kind: "integer",
    min: 1,
    max: 10_000,
    default: null,
    orNull: true,
    peer: "n_iter_no_change, early_stopping_rounds",
    meaning: "rounds without a better validation loss after which training ends, back at the best one; null = all rounds",
  },
  validationFraction: {
    kind: "number",
    min: 0.01,
    max: 0.5,
    default: 0.1,
    peer: "validation_fraction",
    meaning: "share of rows held back for nIterNoChange when no validation data is given",
  },
  monotonicCst: {
    kind: "sizes",
    min: -1,
    max: 1,
    shortest: 0,
    longest: 4096,
    default: [],
    peer: "monotonic_cst, monotone_constraints",
    meaning:
      "for each feature 1 = a greater value never lowers the probability of class 1, -1 = never raises it, 0 = free; two classes only",
  },
  categoricalFeatures,
  maxCatToOnehot: {
    kind: "integer",
    min: 0,
    max: 256,
    default: 4,
    peer: "max_cat_to_onehot (LightGBM)",
    meaning: "a node with so many categories or fewer (missing counts as one) parts one of them from the others",
    onlyIfSet: true,
  },
  catSmooth: {
    kind: "number",
    min: 0,
    max: 1e9,
    default: 10,
    peer: "cat_smooth (LightGBM)",
    meaning: "added to a category's second derivatives when categories are ordered; with fewer rows than this it is not moved",
    onlyIfSet: true,
  },
  catL2: {
    kind: "number",
    min: 0,
    max: 1e9,
    default: 10,
    peer: "cat_l2 (LightGBM)",
    meaning: "added to l2Regularization of both sides when more than maxCatToOnehot categories are split",
    onlyIfSet: true,
  },
  maxCatThreshold: {
    kind: "integer",
    min: 1,
    max: 256,
    default: 32,
    peer: "max_cat_threshold (LightGBM)",
    meaning: "most categories that a split sends left",
    onlyIfSet: true,
  },
  minDataPerGroup: {
    kind: "integer",
    min: 1,
    max: 10_000_000,
    // over ten cuts of two data sets of 175 to 3,000 rows never worse than LightGBM's 100, and able to split a few hundred rows
    default: 20,
    peer: "min_data_per_group (LightGBM: 100)",
    meaning: "rows of categories in a row of the order that are looked at as one, and rows that stay on the right",
    onlyIfSet: true,
  },
  classWeight,
  maxBins,
  seed,
} as const satisfies ParameterTable;

export const LOGISTIC_PARAMETERS = {
  C: {
    kind: "number",
    min: 1e-12,
    max: 1e12,
    default: 1,
    peer: "C",
    meaning: "weight of the data against the penalty on standardised coefficients",
  },
  l1Ratio: {
    kind: "number",
    min: 0,
    max: 1,
    default: 0,
    peer: "l1_ratio (penalty l2 = 0, l1 = 1)",
    meaning: "share of the penalty that is on absolute values, the rest on squares; above 0 some coefficients become exactly 0",
  },
  maxIter: {
    kind: "integer",
    min: 1,
    max: 100_000,
    default: 1000,
    peer: "max_iter",
    meaning: "steps of L-BFGS (OWL-QN with l1Ratio)",
  },
  tol: {
    kind: "number",
    min: 1e-15,
    max: 1,
    default: 1e-7,
    peer: "tol",
    meaning: "greatest absolute gradient of the mean loss at the end",
  },
  classWeight,
  seed,
} as const satisfies ParameterTable;

export const NETWORK_PARAMETERS = {
  hiddenLayerSizes: {
    kind: "sizes",
    min: 1,
    max: 2048,
    shortest: 1,
    longest: 3,
    default: [100],
    peer: "hidden_layer_sizes",
    meaning: "units of each hidden layer (rectified linear)",
  },
  alpha: { kind: "number", min: 0, max: 1e6, default: 1e-4, peer: "alpha", meaning: "L2 penalty on the weights" },
  l1Regularization: {
    kind: "number",
    min: 0,
    max: 1e6,
    default: 0,
    peer: "regularizers.L1 (Keras)",
    meaning: "L1 penalty on the weights, divided by the rows of a step as alpha is; above 0 some weights become exactly 0",
  },
  batchSize: {
    kind: "integer",
    min: 1,
    max: 1_000_000,
    default: 200,
    peer: "batch_size",
    meaning: "rows of a step; all rows when there are fewer",
  },
  learningRateInit: {
    kind: "number",
    min: 1e-9,
    max: 10,
    default: 1e-3,
    peer: "learning_rate_init",
    meaning: "step size of Adam",
  },
  maxIter: { kind: "integer", min: 1, max: 100_000, default: 200, peer: "max_iter", meaning: "passes over the rows" },
  tol: { kind: "number", min: 0, max: 1, default: 1e-4, peer: "tol", meaning: "fall of the loss that counts as better" },
  nIterNoChange: {
    kind: "integer",
    min: 1,
    max: 10_000,
    default: 10,
    peer: "n_iter_no_change",
    meaning: "passes without a better loss after which training ends",
  },
  earlyStopping: {
    kind: "boolean",
    default: false,
    peer: "early_stopping",
    meaning: "the loss of nIterNoChange is that of rows held back, and training ends with the weights of the best pass",
  },
  validationFraction: {
    kind: "number",
    min: 0.01,
    max: 0.5,
    default: 0.1,
    peer: "validation_fraction",
    meaning: "share of rows held back for earlyStopping when no validation data is given",
  },
  classWeight,
  seed,
} as const satisfies ParameterTable;

export type NetworkParams = Resolved<typeof NETWORK_PARAMETERS>;
export type ForestParams = Resolved<typeof FOREST_PARAMETERS>;
export type ExtraTreesParams = Resolved<typeof EXTRA_TREES_PARAMETERS>;
export type BoostingParams = Resolved<typeof BOOSTING_PARAMETERS>;
export type LogisticParams = Resolved<typeof LOGISTIC_PARAMETERS>;

/** The parameter table of each learner: names, meaning, range, default, and the peer's name. */
export const PARAMETERS = {
  random_forest: FOREST_PARAMETERS,
  extra_trees: EXTRA_TREES_PARAMETERS,
  gradient_boosting: BOOSTING_PARAMETERS,
  logistic_regression: LOGISTIC_PARAMETERS,
  neural_network: NETWORK_PARAMETERS,
} as const satisfies Record<ModelType, ParameterTable>;

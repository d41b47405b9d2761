import type { ModelType } from "./model.ts";
import type { Grid, Params } from "./tune.ts";

/** Fixed parameters and the grid that the original system searched with three folds; null = it searched none. Source: original-system.md, section 2.11. */
export const ORIGINAL_PRESETS = {
  random_forest: {
    params: { nEstimators: 100, maxDepth: 10 },
    grid: { nEstimators: [50, 100, 200], maxDepth: [5, 10, 20], minSamplesSplit: [2, 5, 10] },
  },
  gradient_boosting: {
    params: { nEstimators: 100, learningRate: 0.1, maxDepth: 3 },
    grid: { nEstimators: [50, 100, 200], learningRate: [0.01, 0.1, 0.2], maxDepth: [3, 5, 7] },
  },
  neural_network: { params: { hiddenLayerSizes: [100, 50], maxIter: 500 }, grid: null },
} as const satisfies Partial<Record<ModelType, { params: Params; grid: Grid | null }>>;

/** Seed of every training of the original system. */
export const ORIGINAL_SEED = 42;

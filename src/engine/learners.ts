import { growBoosting } from "./boosting.ts";
import { growExtraTrees, growForest } from "./forest.ts";
import { fitLogistic } from "./logistic.ts";
import type { Model, ModelType } from "./model.ts";
import { fitNetwork } from "./network.ts";
import {
  BOOSTING_PARAMETERS,
  EXTRA_TREES_PARAMETERS,
  FOREST_PARAMETERS,
  LOGISTIC_PARAMETERS,
  NETWORK_PARAMETERS,
} from "./parameter-tables.ts";
import { type ParameterTable, type ParameterValue, type Resolved, resolveParameters } from "./parameters.ts";
import type { TrainingData, Watch } from "./training-data.ts";

/** One learner: its parameters and how it is trained on checked arguments. */
const learner = <T extends ParameterTable>(
  table: T,
  train: (data: TrainingData, params: Resolved<T>, watch?: Watch) => Model,
) => ({
  prepare: (given: object, owner: string) => {
    const resolved = resolveParameters(table, given, owner);
    const params: Readonly<Record<string, ParameterValue>> = resolved;
    return { params, train: (data: TrainingData, watch?: Watch): Model => train(data, resolved, watch) };
  },
});

/** How each learner is trained on checked data. */
export const LEARNERS = {
  random_forest: learner(FOREST_PARAMETERS, growForest),
  extra_trees: learner(EXTRA_TREES_PARAMETERS, growExtraTrees),
  gradient_boosting: learner(BOOSTING_PARAMETERS, growBoosting),
  logistic_regression: learner(LOGISTIC_PARAMETERS, fitLogistic),
  neural_network: learner(NETWORK_PARAMETERS, fitNetwork),
} as const satisfies Record<ModelType, unknown>;

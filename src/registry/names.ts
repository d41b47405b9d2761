/**
 * Every name that Requeen writes into MLflow, in one place. The original pods look models up by `{type}-evaluator` and by stage, so these
 * stay; newer ones look up by alias. A specialist's configuration may replace the names of its model and experiment.
 */
import type { Stage } from "./registry.ts";

export const modelNameOf = (specialist: string): string => `${specialist}-evaluator`;
export const experimentNameOf = (specialist: string): string => `${specialist}-specialist`;

export const CHAMPION_ALIAS = "champion";
export const CHALLENGER_ALIAS = "challenger";

/** The stage that goes with each alias, for pods that still ask for stages. */
export const STAGE_OF_ALIAS = { champion: "Production", challenger: "Staging" } as const satisfies Record<string, Stage>;
export const RETIRED_STAGE = "Archived" satisfies Stage;

/** Where a run keeps its model directory on servers without logged models, and the logged model's name on those that have them. */
export const MODEL_ARTIFACT_NAME = "model";

/** Tags that Requeen sets on model versions; values are ids, so that a reader can find the evidence behind a version. */
export const VERSION_TAGS = {
  specialist: "requeen.specialist",
  run: "requeen.run_id",
  verdict: "requeen.verdict_id",
  dataset: "requeen.dataset_id",
  policy: "requeen.policy",
  approver: "requeen.approver",
  digest: "requeen.model_sha256",
  tombstone: "requeen.tombstone",
} as const;

/** Stand-ins on servers that lack the feature itself: an alias as a tag of the registered model, a stage as a tag of the version. */
export const aliasTagOf = (alias: string): string => `requeen.alias.${alias}`;
export const STAGE_TAG = "requeen.stage";

/** MLflow cuts a dataset's digest at 36 characters; the whole SHA-256 stands in the input's tag `requeen.dataset_sha256`. */
export const inputDigestOf = (sha256: string): string => sha256.slice(0, 36);
export const INPUT_TAGS = { context: "mlflow.data.context", sha256: "requeen.dataset_sha256" } as const;

/** The files of a registered model's directory. */
export const MODEL_FILES = {
  mlmodel: "MLmodel",
  onnx: "model.onnx",
  native: "model.requeen",
  about: "requeen.json",
  schema: "feature_schema.json",
  example: "input_example.json",
  servingExample: "serving_input_example.json",
  requirements: "requirements.txt",
  conda: "conda.yaml",
  pythonEnv: "python_env.yaml",
  digests: "digests.json",
} as const;

/**
 * The texts of a registered model's directory that MLflow and Python read: the MLmodel file with its flavors and signature, and what an
 * environment needs to run it. Source: mlflow-protocol.md 3.
 */
import { stringify } from "yaml";
import { MODEL_FILES } from "./names.ts";

export interface MlmodelFacts {
  readonly classes: readonly string[];
  readonly featureNames: readonly string[];
  readonly featureSchema: string;
  readonly specialist: string;
  readonly runId: string;
  /** Of a logged model; "" on servers without them. */
  readonly modelId: string;
  readonly createdAtMs: number;
  /** Of all files but MLmodel itself and the digests. */
  readonly sizeBytes: number;
  /** Hex SHA-256 of the native and the ONNX file. */
  readonly nativeSha256: string;
  readonly onnxSha256: string;
}

/** The versions that the interop suite runs; MLflow warns when what is installed does not fit. */
const REQUIREMENTS = ["mlflow>=2.9,<4", "numpy>=1.24", "onnx>=1.16", "onnxruntime>=1.17"] as const;
/** Of the original pods; MLflow warns under another one, and works. */
const PYTHON = "3.11";

const PYTHON_FLAVORS = {
  onnx: {
    code: null,
    data: MODEL_FILES.onnx,
    onnx_session_options: null,
    onnx_version: "1.16.0",
    providers: ["CPUExecutionProvider"],
  },
  python_function: {
    data: MODEL_FILES.onnx,
    env: { conda: MODEL_FILES.conda, virtualenv: MODEL_FILES.pythonEnv },
    loader_module: "mlflow.onnx",
    python_version: PYTHON,
  },
} as const;

export function mlmodelText(facts: MlmodelFacts): string {
  const columns = facts.featureNames.length;
  const document = {
    flavors: {
      ...PYTHON_FLAVORS,
      requeen: { data: MODEL_FILES.native },
    },
    metadata: {
      classes: facts.classes,
      feature_names: facts.featureNames,
      feature_schema: facts.featureSchema,
      specialist: facts.specialist,
      output: "calibrated probabilities, one column a class, in the order of `classes`",
      missing: "NaN",
      sha256: { [MODEL_FILES.native]: facts.nativeSha256, [MODEL_FILES.onnx]: facts.onnxSha256 },
    },
    model_size_bytes: facts.sizeBytes,
    ...(facts.modelId === "" ? {} : { model_id: facts.modelId, model_uuid: facts.modelId }),
    ...(facts.runId === "" ? {} : { run_id: facts.runId }),
    saved_input_example_info: {
      artifact_path: MODEL_FILES.example,
      serving_input_path: MODEL_FILES.servingExample,
      type: "ndarray",
    },
    signature: { inputs: tensor(columns), outputs: tensor(facts.classes.length), params: null },
    utc_time_created: utcText(facts.createdAtMs),
  };
  return yaml(document);
}

export const requirementsText = (): string => `${REQUIREMENTS.join("\n")}\n`;

export const condaText = (): string =>
  yaml({ channels: ["conda-forge"], dependencies: [`python=${PYTHON}`, "pip", { pip: [...REQUIREMENTS] }], name: "mlflow-env" });

export const pythonEnvText = (): string =>
  yaml({ python: PYTHON, build_dependencies: ["pip", "setuptools", "wheel"], dependencies: [`-r ${MODEL_FILES.requirements}`] });

/** A schema of one unnamed tensor, as MLflow writes it: JSON inside the YAML. */
const tensor = (columns: number): string =>
  JSON.stringify([{ type: "tensor", "tensor-spec": { dtype: "float32", shape: [-1, columns] } }]);

/** MLflow's form: "2026-11-22 17:35:49.503000", UTC without saying so. */
const utcText = (atMs: number): string => new Date(atMs).toISOString().replace("T", " ").replace("Z", "000");

/** Python reads YAML 1.1, where a bare `no` is false and `1:30` is a number of minutes: texts stand in quotes. */
const yaml = (value: object): string =>
  stringify(value, {
    version: "1.1",
    defaultStringType: "QUOTE_DOUBLE",
    defaultKeyType: "PLAIN",
    aliasDuplicateObjects: false,
    lineWidth: 0,
  });

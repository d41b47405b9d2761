/**
 * The directory of a registered model: what Python loads (MLmodel, ONNX), what Requeen loads (the native model), and the digests that both
 * can be checked against. ONNX, JSON, YAML and one file of plain numbers: nothing in it is ever executed.
 */
import { canonicalJson } from "../core/canonical-json.ts";
import { RequeenError } from "../core/errors.ts";
import { encodeOnnx, type FittedClassifier } from "../engine/index.ts";
import { requireArtifactPath } from "./artifact-path.ts";
import { requireDigest, sha256Of } from "./bytes.ts";
import { condaText, mlmodelText, pythonEnvText, requirementsText } from "./mlmodel.ts";
import { MODEL_FILES } from "./names.ts";
import { keepOnnxOutputs } from "./onnx-outputs.ts";
import type { ArtifactPlace, Registry } from "./registry.ts";

export interface ModelDirectoryInput {
  /** The native file, as `encodeModel` wrote it. */
  readonly bytes: Uint8Array;
  /** The same model, decoded. */
  readonly fitted: FittedClassifier;
  readonly specialist: string;
  /** MLflow's ids of the run and the logged model that this directory belongs to; "" or absent where there is none. */
  readonly runId: string;
  readonly modelId?: string;
  readonly createdAtMs: number;
  /** One row of feature values to show in MLflow; absent: a row of zeros, which shows the form only. NaN stands for missing. */
  readonly example?: ArrayLike<number>;
}

/** Path -> content, in the order of upload: the digests last, so that a directory with them is whole. Same input, same bytes. */
export type ModelDirectory = ReadonlyMap<string, Uint8Array>;

/** @throws RequeenError bad_model when the model cannot be written as ONNX. */
export function buildModelDirectory(input: ModelDirectoryInput): ModelDirectory {
  const { bytes, fitted } = input;
  const onnx = keepOnnxOutputs(encodeOnnx(fitted), ["probabilities"]);
  const nativeSha256 = sha256Of(bytes);
  const files = new Map<string, Uint8Array>();
  const put = (path: string, content: string | Uint8Array) =>
    files.set(path, typeof content === "string" ? new TextEncoder().encode(content) : content);

  put(MODEL_FILES.onnx, onnx);
  put(MODEL_FILES.native, bytes);
  put(MODEL_FILES.about, json(aboutOf(input, nativeSha256)));
  put(MODEL_FILES.schema, json(schemaOf(fitted)));
  const example = [exampleRow(input)];
  put(MODEL_FILES.example, JSON.stringify(example));
  put(MODEL_FILES.servingExample, JSON.stringify({ inputs: example }));
  put(MODEL_FILES.requirements, requirementsText());
  put(MODEL_FILES.conda, condaText());
  put(MODEL_FILES.pythonEnv, pythonEnvText());
  const sizeBytes = [...files.values()].reduce((sum, content) => sum + content.byteLength, 0);
  const { classes, featureNames, featureSchema } = fitted;
  const { specialist, runId, modelId = "", createdAtMs } = input;
  const onnxSha256 = sha256Of(onnx);
  const facts = {
    classes,
    featureNames,
    featureSchema,
    specialist,
    runId,
    modelId,
    createdAtMs,
    sizeBytes,
    nativeSha256,
    onnxSha256,
  };
  put(MODEL_FILES.mlmodel, mlmodelText(facts));
  put(MODEL_FILES.digests, json({ algorithm: "sha256", files: digestsOf(files) }));
  return files;
}

interface FileDigest {
  readonly sha256: string;
  readonly size_bytes: number;
}

const digestsOf = (files: ModelDirectory): Record<string, FileDigest> =>
  Object.fromEntries([...files].map(([path, content]) => [path, { sha256: sha256Of(content), size_bytes: content.byteLength }]));

const json = (value: object): string => `${canonicalJson(JSON.parse(JSON.stringify(value)))}\n`;

function aboutOf({ bytes, fitted, specialist }: ModelDirectoryInput, sha256: string): object {
  const { model, calibrator, classes, featureNames, featureSchema, trainingReport } = fitted;
  return {
    form: "requeen-model/1",
    file: MODEL_FILES.native,
    sha256,
    size_bytes: bytes.byteLength,
    specialist,
    model_type: model.modelType,
    params: model.params,
    calibrator: calibrator.kind,
    classes,
    feature_schema: featureSchema,
    feature_names: featureNames,
    training_report: trainingReport,
  };
}

const schemaOf = ({ classes, featureNames, featureSchema }: FittedClassifier): object => ({
  schema: featureSchema,
  classes,
  features: featureNames.map((name, index) => ({ index, name, type: "float32", missing: "NaN" })),
});

/** JSON has no NaN; Python's reader takes null for a missing number of an example. */
function exampleRow({ example, fitted }: ModelDirectoryInput): Array<number | null> {
  const { featureCount } = fitted;
  if (example !== undefined && example.length !== featureCount) {
    throw new RequeenError(
      "bad_parameter",
      `example of the model directory must have ${featureCount} values; got ${example.length}`,
    );
  }
  return Array.from({ length: featureCount }, (_, index) => {
    const value = example?.[index] ?? 0;
    return Number.isFinite(value) ? Math.fround(value) : null;
  });
}

/** Only what was checked: every file that the digests name, with the bytes that they promise. */
export interface CheckedModelDirectory {
  readonly files: ModelDirectory;
  readonly native: Uint8Array;
  /** Of digests.json: one number that stands for the whole directory. */
  readonly sha256: string;
}

/**
 * Downloads a registered model's directory and checks every file.
 * @param expect the SHA-256 of digests.json, where it was kept apart from the directory.
 * @throws RequeenError digest_mismatch, bad_model when digests.json or the native file is absent or unreadable, not_found, model_not_found
 */
export async function readModelDirectory(
  registry: Registry,
  place: ArtifactPlace,
  expect?: { readonly sha256: string },
): Promise<CheckedModelDirectory> {
  const listing = await registry.downloadArtifact(place, MODEL_FILES.digests, expect);
  const digests = readDigests(listing);
  const files = new Map<string, Uint8Array>();
  for (const [path, { sha256 }] of digests) files.set(path, await registry.downloadArtifact(place, path, { sha256 }));
  return checkedDirectory(files, listing);
}

/** The same for a directory that is at hand already, `digests.json` included. */
export function checkModelDirectory(directory: ModelDirectory): CheckedModelDirectory {
  const listing = directory.get(MODEL_FILES.digests);
  if (listing === undefined) throw badDirectory(`has no ${MODEL_FILES.digests}`);
  const files = new Map<string, Uint8Array>();
  for (const [path, { sha256 }] of readDigests(listing)) {
    const content = directory.get(path);
    if (content === undefined) throw badDirectory(`has no ${path}, which its digests name`);
    requireDigest(sha256Of(content), sha256, `file ${path} of the model directory`);
    files.set(path, content);
  }
  return checkedDirectory(files, listing);
}

function checkedDirectory(files: Map<string, Uint8Array>, listing: Uint8Array): CheckedModelDirectory {
  const native = files.get(MODEL_FILES.native);
  if (native === undefined) throw badDirectory(`has no ${MODEL_FILES.native}`);
  files.set(MODEL_FILES.digests, listing);
  return { files, native, sha256: sha256Of(listing) };
}

function readDigests(listing: Uint8Array): Array<[path: string, FileDigest]> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(listing));
  } catch (cause) {
    throw badDirectory(`has a ${MODEL_FILES.digests} that is not JSON`, cause);
  }
  const files = isRecord(value) && value.algorithm === "sha256" && isRecord(value.files) ? value.files : null;
  if (files === null) throw badDirectory(`has a ${MODEL_FILES.digests} that is not { algorithm: "sha256", files }`);
  return Object.entries(files).map(([path, entry]) => {
    if (!isRecord(entry) || typeof entry.sha256 !== "string" || !/^[0-9a-f]{64}$/.test(entry.sha256))
      throw badDirectory(`has no SHA-256 for ${path}`);
    return [requireArtifactPath(path), { sha256: entry.sha256, size_bytes: Number(entry.size_bytes) }];
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const badDirectory = (what: string, cause?: unknown): RequeenError =>
  new RequeenError("bad_model", `the model directory ${what}; register the model again`, {}, { cause });

import { createHash } from "node:crypto";
import { RequeenError } from "../core/errors.ts";
import { importModel, type ModelFormat } from "../engine/import/index.ts";
import { encodeModel } from "../engine/index.ts";
import { buildModelDirectory } from "../registry/model-files.ts";
import { VERSION_TAGS } from "../registry/names.ts";
import { publishModel } from "../registry/publish-model.ts";
import { featureNamesOf } from "./feature-names.ts";
import { type House, registryNames, specialistOf } from "./house.ts";
import { type ShownModel, showModel } from "./present.ts";
import { findOrCreateRegistryRun } from "./registry-run.ts";

/** On a version: the program that wrote the file it was imported from. */
export const IMPORTED_TAG = "requeen.imported_from";
const MOST_BYTES = 512 * 1024 * 1024;

export interface ImportVersionRequest {
  readonly specialist: string;
  readonly bytes: Uint8Array;
  /** Name of the file, for the record. */
  readonly file: string;
  /** Null: told from the first bytes. */
  readonly format: ModelFormat | null;
  /** Reads and checks only. */
  readonly dryRun: boolean;
}

export interface ImportedVersion {
  /** Null in a dry run. */
  readonly version: string | null;
  readonly specialist: string;
  readonly note: string;
  readonly trees: number;
  readonly model: ShownModel | null;
}

/**
 * Registers a tree model that was trained elsewhere as a version of the specialist. The same file again gives the same version. What it
 * was trained on is not known here, so that later gates take only labels that are newer than its registration.
 * @throws RequeenError specialist_not_found, bad_model, payload_too_large, registry_unavailable
 */
export async function importVersion(house: House, request: ImportVersionRequest): Promise<ImportedVersion> {
  const specialist = specialistOf(house, request.specialist);
  if (request.bytes.length > MOST_BYTES)
    throw new RequeenError(
      "payload_too_large",
      `${request.file} has ${request.bytes.length} bytes; at most ${MOST_BYTES} are read`,
    );
  const naming = {
    classes: specialist.classes,
    featureNames: featureNamesOf(specialist),
    featureSchema: specialist.features.schema,
  };
  const fitted = importModel(request.bytes, naming, request.format ?? undefined);
  const { note } = fitted.trainingReport;
  const said = {
    specialist: specialist.name,
    note,
    trees: fitted.model.kind === "trees" ? fitted.model.trees.roots.length : 0,
  };
  if (request.dryRun) return { ...said, version: null, model: null };
  const bytes = encodeModel(fitted);
  const { sha256 } = await house.blobs.put(bytes);
  const source = createHash("sha256").update(request.bytes).digest("hex");
  const runTag = `import-${source.slice(0, 32)}`;
  const startedAtMs = house.now();
  const run = await findOrCreateRegistryRun(house, specialist, {
    id: runTag,
    startedAtMs,
    userId: house.actor,
    tags: { [IMPORTED_TAG]: request.file.slice(0, 250) },
  });
  const { name } = specialist;
  const version = await publishModel(house.registry, {
    name: registryNames(specialist).model,
    experimentId: run.experimentId,
    runId: run.runId,
    build: ({ modelId }) =>
      buildModelDirectory({ bytes, fitted, specialist: name, runId: run.runId, modelId, createdAtMs: startedAtMs }),
    description: `From ${request.file.slice(0, 250)}: ${note}.`,
    modelType: fitted.model.modelType,
    tags: {
      [VERSION_TAGS.specialist]: name,
      [VERSION_TAGS.run]: runTag,
      [VERSION_TAGS.digest]: sha256,
      [IMPORTED_TAG]: note.slice(0, 250),
    },
  });
  await house.registry.updateRun(run.runId, { status: "FINISHED", endedAtMs: house.now() });
  const details = { version: version.version, file: request.file, file_sha256: source, model_sha256: sha256 };
  await house.store.appendAudit([{ at: house.now(), actor: house.actor, action: "model.import", subject: name, details }]);
  return { ...said, version: version.version, model: showModel(name, version) };
}

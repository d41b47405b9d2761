import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { isRequeenError, RequeenError } from "../core/errors.ts";
import type { House } from "./house.ts";

/** Files of a run as they stand with its MLflow run. */
export const RUN_FILES = { dataset: "dataset.parquet", predictions: "gate_predictions.parquet" } as const;

/**
 * Whether a run's file is in this data folder, fetched from its MLflow run where it is not: another machine may have trained. Checked by digest.
 * @param mlflowRunId null: not known, so nothing is fetched
 * @returns false when nobody has it
 * @throws RequeenError registry_unavailable, digest_mismatch, disk_full
 */
export async function haveRunFile(
  { blobs, registry }: Pick<House, "blobs" | "registry">,
  sha256: string,
  mlflowRunId: string | null,
  file: (typeof RUN_FILES)[keyof typeof RUN_FILES],
): Promise<boolean> {
  if (await blobs.has(sha256)) return true;
  if (mlflowRunId === null) return false;
  const path = await blobs.temporaryPath();
  try {
    await pipeline(registry.openArtifact({ runId: mlflowRunId }, file, { sha256 }), createWriteStream(path));
    const adopted = await blobs.adopt(path);
    if (adopted.sha256 === sha256) return true;
    throw new RequeenError(
      "digest_mismatch",
      `${file} of MLflow run ${mlflowRunId} must have the SHA-256 ${sha256}; got ${adopted.sha256}`,
      {
        sha256,
        got: adopted.sha256,
      },
    );
  } catch (error) {
    if (isRequeenError(error, "not_found") || isRequeenError(error, "model_not_found") || isRequeenError(error, "run_not_found"))
      return false;
    throw error;
  } finally {
    await rm(path, { force: true });
  }
}

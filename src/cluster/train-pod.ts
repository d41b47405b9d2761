import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { isRequeenError, RequeenError } from "../core/errors.ts";
import type { Registry } from "../registry/registry.ts";
import type { BlobStore } from "../store/blobs.ts";
import type { Pool } from "../workers/pool.ts";
import { decodeBundle, encodeAnswer, type Task, taskOf } from "../workers/wire.ts";
import { answerFile, answerFolder, answerIndexOf, BUNDLE_FILE, trainFolder } from "./train-files.ts";

export interface PodWork {
  readonly mlflowRunId: string;
  readonly bundleSha256: string;
  /** Which task of the bundle. */
  readonly index: number;
}

export interface PodParts {
  readonly registry: Registry;
  /** A folder of this pod alone. */
  readonly blobs: BlobStore;
  readonly pool: Pool;
  readonly signal: AbortSignal;
  readonly onProgress: (share: number) => void;
}

/** What a pod of a training Job did. */
export interface PodOutcome {
  readonly index: number;
  readonly job: Task["job"];
  readonly answer_sha256: string;
  /** An earlier pod of this index had answered. */
  readonly found: boolean;
}

/**
 * One pod of a training Job: reads the bundle and the dataset from the MLflow run, checks both by digest, trains, and leaves the answer there.
 * An answer that stands there already is the end of it, so that a repeated pod repeats no training.
 * @throws RequeenError digest_mismatch, not_found, bad_parameter, registry_unavailable, and what the training throws
 */
export async function runPod({ registry, blobs, pool, signal, onProgress }: PodParts, work: PodWork): Promise<PodOutcome> {
  const { mlflowRunId: runId, bundleSha256, index } = work;
  const place = { runId };
  const bytes = await registry.downloadArtifact(place, `${trainFolder(bundleSha256)}/${BUNDLE_FILE}`, { sha256: bundleSha256 });
  const bundle = decodeBundle(bytes);
  const answered = await findAnswer(registry, work);
  const kind = bundle.tasks[index]?.job ?? "fit";
  if (answered !== null) return { index, job: kind, answer_sha256: answered, found: true };
  const path = await fetchDataset(registry, blobs, runId, bundle.dataset_id);
  const { job, ask } = taskOf(bundle, index, path);
  const answer = encodeAnswer(await pool.ask(job, ask, { signal, onProgress }));
  const sha256 = createHash("sha256").update(answer).digest("hex");
  await registry.uploadArtifact(place, `${answerFolder(bundleSha256)}/${answerFile(index, sha256)}`, answer);
  return { index, job, answer_sha256: sha256, found: false };
}

async function findAnswer(registry: Registry, { mlflowRunId: runId, bundleSha256, index }: PodWork): Promise<string | null> {
  for (const { path } of await registry.listArtifacts({ runId }, answerFolder(bundleSha256))) {
    const name = answerIndexOf(path);
    if (name?.index !== index) continue;
    const [read] = await Promise.allSettled([registry.downloadArtifact({ runId }, path, { sha256: name.sha256 })]);
    if (read.status === "fulfilled") return name.sha256;
    // half-written by a pod that was lost
    if (!isRequeenError(read.reason, "digest_mismatch")) throw read.reason;
  }
  return null;
}

async function fetchDataset(registry: Registry, blobs: BlobStore, runId: string, datasetId: string): Promise<string> {
  if (!(await blobs.has(datasetId))) {
    const path = await blobs.temporaryPath();
    await pipeline(registry.openArtifact({ runId }, "dataset.parquet", { sha256: datasetId }), createWriteStream(path));
    const { sha256 } = await blobs.adopt(path);
    if (sha256 !== datasetId)
      throw new RequeenError(
        "digest_mismatch",
        `the dataset of MLflow run ${runId} must have the SHA-256 ${datasetId}; got ${sha256}`,
      );
  }
  return blobs.path(datasetId);
}

import { join } from "node:path";
import { z } from "zod";
import { type PodOutcome, runPod } from "../../cluster/train-pod.ts";
import { RequeenError } from "../../core/errors.ts";
import { openFileBlobs } from "../../store/file-blobs.ts";
import { createPool } from "../../workers/pool.ts";
import { defineCommand } from "../command.ts";
import { connectMlflow } from "../house.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "64 lower-case hex digits");

export const trainJob = defineCommand({
  name: "train-job",
  summary: "Train one task of a run: what the pods of a training Job run.",
  details: [
    "Reads tasks and dataset from the MLflow run at MLFLOW_TRACKING_URI, checks both by digest, trains, and leaves the answer there; needs no",
    "store and no cluster. Which task is said by --index, in a pod by JOB_COMPLETION_INDEX. Done twice, it trains once.",
  ].join("\n"),
  arguments: {},
  options: {
    mlflowRun: { summary: "the MLflow run that holds the tasks", value: "<id>", type: z.string().min(1) },
    bundle: { summary: "SHA-256 of the file of tasks", value: "<sha256>", type: sha256 },
    index: { summary: "which task, from 0", value: "<number>", type: z.int().min(0).optional() },
  },
  examples: [
    {
      line: `requeen train-job --mlflow-run 4f1d --bundle ${"0".repeat(64)} --index 2`,
      does: "train the third task of a run by hand",
    },
  ],
  changes: false,
  run: async ({ mlflowRun, bundle, index }, { config, now, signal, terminal, json }): Promise<PodOutcome> => {
    const at = index ?? indexOfPod(process.env.JOB_COMPLETION_INDEX);
    if (config.mlflowTrackingUri === undefined)
      throw new RequeenError("bad_config", "train-job needs the address of an MLflow server: set MLFLOW_TRACKING_URI");
    const registry = await connectMlflow(config, config.mlflowTrackingUri, now, signal);
    const blobs = await openFileBlobs(join(config.dataDir, "blobs"));
    await using pool = createPool(config.trainThreads);
    let last = 0;
    const onProgress = (share: number): void => {
      // a line each twentieth: the controller reads them from the log
      if (!json || share - last < 0.05) return;
      last = share;
      terminal.note(JSON.stringify({ event: "train.progress", share: Number(share.toFixed(3)) }));
    };
    return await runPod(
      { registry, blobs, pool, signal, onProgress },
      { mlflowRunId: mlflowRun, bundleSha256: bundle, index: at },
    );
  },
  render: ({ index, job, found, answer_sha256 }) =>
    `Task ${index} (${job}) ${found ? "was answered before" : "is done"}; its answer is ${answer_sha256.slice(0, 12)}.`,
});

function indexOfPod(text: string | undefined): number {
  if (text !== undefined && /^\d+$/.test(text)) return Number(text);
  throw new RequeenError(
    "bad_parameter",
    `--index or JOB_COMPLETION_INDEX must be a whole number of at least 0; got ${JSON.stringify(text ?? null)}`,
  );
}

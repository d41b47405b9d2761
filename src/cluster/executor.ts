import { createHash } from "node:crypto";
import { isRequeenError, RequeenError } from "../core/errors.ts";
import type { Run } from "../core/run.ts";
import type { Executor, TaskContext } from "../loop/executor.ts";
import type { House } from "../loop/house.ts";
import { findOrCreateRun } from "../loop/register.ts";
import { type Answer, decodeAnswer, encodeBundle } from "../workers/wire.ts";
import type { ClusterApi } from "./api.ts";
import { type JobState, readJobState } from "./job-state.ts";
import type { Job, Pod } from "./kinds.ts";
import { followLogs } from "./pod-logs.ts";
import { answerFolder, answerIndexOf, BUNDLE_FILE, type Place, trainFolder } from "./train-files.ts";
import { BUNDLE_ANNOTATION, RUN_LABEL, type TrainJobSettings, trainJob, trainJobName } from "./train-job.ts";

export interface ExecutorSettings extends Omit<TrainJobSettings, "namespace"> {
  /** How long a Job may wait for its image or for room before the run gives up for now. */
  readonly startTimeoutMs: number;
  /** How long the API server may be away before the run gives up for now. */
  readonly awayTimeoutMs: number;
  /** The longest wait between two looks, when no watch wakes us. */
  readonly lookEveryMs: number;
}

export interface ExecutorParts {
  readonly house: Pick<House, "registry" | "blobs" | "leaseNow">;
  /** The API server and the namespace of the Jobs; asked for at the first training. */
  readonly connect: () => Promise<{ readonly api: ClusterApi; readonly namespace: string }>;
  readonly settings: ExecutorSettings;
}

/**
 * Trains by Indexed Jobs. Everything that a controller knows of a Job can be found again by another one: its name follows from run and
 * tasks, its answers stand with the MLflow run under their digests, its state is read from the API server at every look. So a controller
 * that dies is replaced by one that adopts the Job, and a run's own record, written under the fence of its lease, decides who goes on.
 */
export function onKubernetes({ house, connect, settings }: ExecutorParts): Executor {
  return {
    width: settings.parallelism,
    async execute(tasks, context) {
      const { run, specialist, signal } = context;
      const { api: cluster, namespace } = await connect();
      const bundle = encodeBundle(run.dataset_id ?? "", tasks);
      const bundleSha256 = createHash("sha256").update(bundle).digest("hex");
      const registryRun = await findOrCreateRun(house, specialist, run);
      const place = { runId: registryRun.runId };
      await upload(house, place, run, bundle, bundleSha256);
      const work = { run, mlflowRunId: registryRun.runId, bundleSha256, tasks: tasks.length };
      const name = trainJobName(work);
      await ensureJob(cluster, namespace, name, trainJob({ ...settings, namespace }, work), context);
      const logs = followLogs(cluster, namespace, context);
      try {
        await untilComplete({ cluster, namespace, house, settings, name, context, onPods: logs.follow });
      } catch (error) {
        // a Job that cannot begin would stand in the way of the next try; one that failed has nothing left to do
        if (isRequeenError(error) && !signal.aborted && error.code !== "cluster_unavailable")
          await cluster.remove("jobs", namespace, name);
        throw error;
      } finally {
        const lines = await logs.close();
        if (lines.length > 0 && !signal.aborted)
          await house.registry.uploadArtifact(place, `${trainFolder(bundleSha256)}/log.jsonl`, new TextEncoder().encode(lines));
      }
      return collect(house, place, bundleSha256, tasks.length, context.log);
    },

    async discard(run, log) {
      const { api: cluster, namespace } = await connect();
      const { items } = await cluster.list("jobs", namespace, { labelSelector: `${RUN_LABEL}=${run.run_id}` });
      for (const { metadata } of items) {
        await cluster.remove("jobs", namespace, metadata.name);
        log("job.deleted", { run_id: run.run_id, job: metadata.name });
      }
    },
  };
}

/** What the pods need: the dataset, where the run's other reports will stand too, and the tasks. */
async function upload(house: ExecutorParts["house"], place: Place, run: Run, bundle: Uint8Array, sha256: string): Promise<void> {
  const datasetId = run.dataset_id ?? "";
  await house.registry.uploadArtifact(place, "dataset.parquet", { filePath: await house.blobs.path(datasetId) });
  await house.registry.uploadArtifact(place, `${trainFolder(sha256)}/${BUNDLE_FILE}`, bundle);
}

const LOOKS_FOR_DELETION = 60;

/** Creates the Job, or adopts the one that is there for the same work. A failed or dying one makes room first. */
async function ensureJob(
  cluster: ClusterApi,
  namespace: string,
  name: string,
  manifest: object,
  { run, signal, log }: TaskContext,
): Promise<void> {
  for (let look = 0; look < LOOKS_FOR_DELETION; look += 1) {
    try {
      await cluster.create("jobs", namespace, manifest);
      log("job.created", { run_id: run.run_id, job: name, namespace });
      return;
    } catch (error) {
      if (!isRequeenError(error, "already_exists")) throw error;
    }
    const found = await cluster.get("jobs", namespace, name);
    if (found === null) continue;
    if (!isFailed(found) && found.metadata.deletionTimestamp === undefined) {
      log("job.adopted", { run_id: run.run_id, job: name, namespace, bundle: found.metadata.annotations?.[BUNDLE_ANNOTATION] });
      return;
    }
    if (found.metadata.deletionTimestamp === undefined) await cluster.remove("jobs", namespace, name);
    const resourceVersion = found.metadata.resourceVersion ?? "";
    await cluster.untilChange("jobs", namespace, {
      fieldSelector: `metadata.name=${name}`,
      resourceVersion,
      timeoutMs: 1_000,
      signal,
    });
    signal.throwIfAborted();
  }
  throw new RequeenError(
    "conflict",
    `the failed Job ${name} in ${namespace} is still being deleted; the run makes it again when it resumes`,
    { job: name },
  );
}

const isFailed = (job: Job): boolean =>
  job.status?.conditions?.some(({ type, status }) => type === "Failed" && status === "True") ?? false;

interface Watched {
  readonly cluster: ClusterApi;
  readonly namespace: string;
  readonly house: ExecutorParts["house"];
  readonly settings: ExecutorSettings;
  readonly name: string;
  readonly context: TaskContext;
  readonly onPods: (pods: readonly Pod[]) => void;
}

/** Looks at the Job until it is complete. @throws RequeenError by what it ended or could not begin; cancelled */
async function untilComplete({ cluster, namespace, house, settings, name, context, onPods }: Watched): Promise<void> {
  const { run, signal, log, onState } = context;
  const { lookEveryMs } = settings;
  const say = async (state: string, message: string): Promise<void> => {
    const words = message === "" ? state : `${state}: ${message}`;
    if (words === said) return;
    said = words;
    log("job.state", { run_id: run.run_id, job: name, state, message });
    await onState(`its Job ${name} is ${words}`);
  };
  const selections = {
    jobs: { fieldSelector: `metadata.name=${name}` },
    pods: { labelSelector: `batch.kubernetes.io/job-name=${name}` },
  };
  let awaySinceMs: number | null = null;
  let said = "";
  for (;;) {
    signal.throwIfAborted();
    let look: { state: JobState; jobs: string; pods: string };
    try {
      look = await lookAt(cluster, namespace, name, selections, onPods);
      awaySinceMs = null;
    } catch (error) {
      if (!isRequeenError(error, "cluster_unavailable")) throw error;
      // the pods train on while the API server is away
      awaySinceMs ??= house.leaseNow();
      if (house.leaseNow() - awaySinceMs > settings.awayTimeoutMs) throw error;
      await say("unknown", error.message);
      continue;
    }
    const { state } = look;
    const message = state.state === "complete" ? "" : "error" in state ? state.error.message : state.message;
    await say(state.state, message);
    if (state.state === "complete") return;
    if (state.state === "failed") throw state.error;
    if (state.state === "blocked" && house.leaseNow() - state.sinceMs > settings.startTimeoutMs) throw state.error;
    await untilEither(cluster, namespace, selections, look, lookEveryMs, signal);
  }
}

type Selections = { readonly jobs: { readonly fieldSelector: string }; readonly pods: { readonly labelSelector: string } };

async function lookAt(cluster: ClusterApi, namespace: string, name: string, selections: Selections, onPods: Watched["onPods"]) {
  const [jobs, pods] = [
    await cluster.list("jobs", namespace, selections.jobs),
    await cluster.list("pods", namespace, selections.pods),
  ];
  onPods(pods.items);
  // only a Job without pods leaves the reason in its events
  const events =
    pods.items.length > 0
      ? []
      : (await cluster.list("events", namespace, { fieldSelector: `involvedObject.kind=Job,involvedObject.name=${name}` })).items;
  const state = readJobState(jobs.items[0] ?? null, pods.items, events);
  return { state, jobs: jobs.resourceVersion, pods: pods.resourceVersion };
}

async function untilEither(
  cluster: ClusterApi,
  namespace: string,
  selections: Selections,
  versions: { readonly jobs: string; readonly pods: string },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const woken = new AbortController();
  const stop = AbortSignal.any([signal, woken.signal]);
  const wait = (resourceVersion: string) => ({ resourceVersion, timeoutMs, signal: stop });
  const watches = [
    cluster.untilChange("jobs", namespace, { ...selections.jobs, ...wait(versions.jobs) }),
    cluster.untilChange("pods", namespace, { ...selections.pods, ...wait(versions.pods) }),
  ];
  await Promise.race(watches);
  woken.abort();
  await Promise.all(watches);
}

/** The answers of all tasks, each checked against the digest in its name. A repeated task may have answered twice; either holds. */
async function collect(
  house: ExecutorParts["house"],
  place: Place,
  bundleSha256: string,
  tasks: number,
  log: TaskContext["log"],
): Promise<Answer[]> {
  const entries = await house.registry.listArtifacts(place, answerFolder(bundleSha256));
  const answers = Array.from({ length: tasks }, async (_, index) => {
    const files = entries.map(({ path }) => ({ path, name: answerIndexOf(path) })).filter(({ name }) => name?.index === index);
    for (const { path, name } of files) {
      const sha256 = name?.sha256 ?? "";
      const [read] = await Promise.allSettled([house.registry.downloadArtifact(place, path, { sha256 })]);
      if (read.status === "fulfilled") return decodeAnswer(read.value);
      if (!isRequeenError(read.reason, "digest_mismatch")) throw read.reason;
      log("job.answer_damaged", { path, sha256 });
    }
    throw new RequeenError("job_lost", `the pods are done, and the answer of task ${index} is not in MLflow run ${place.runId}`, {
      index,
      mlflow_run_id: place.runId,
    });
  });
  return Promise.all(answers);
}

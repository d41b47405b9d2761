import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { OpenedHouse } from "../../src/cli/house.ts";
import { createClusterApi } from "../../src/cluster/api.ts";
import { type ExecutorSettings, onKubernetes } from "../../src/cluster/executor.ts";
import { runPod } from "../../src/cluster/train-pod.ts";
import type { House } from "../../src/loop/house.ts";
import { cancelRun, resumeRun, retrain, startRun } from "../../src/loop/retrain.ts";
import { readStatus } from "../../src/loop/status.ts";
import { openFileBlobs } from "../../src/store/file-blobs.ts";
import { type ClusterDouble, openClusterDouble, type StoredObject } from "./support/cluster-double.ts";
import { addToyLabels, openToyHouse } from "./support/open-house.ts";

const NOW_MS = Date.parse("2026-03-11T00:00:00Z");
const SETTINGS: ExecutorSettings = {
  image: "requeen:test",
  imagePullPolicy: "IfNotPresent",
  serviceAccount: "requeen-worker",
  imagePullSecrets: ["pull"],
  secrets: ["mlflow-extra"],
  mlflowToken: { secret: "mlflow", key: "token" },
  mlflowTrackingUri: "http://mlflow.mlflow:5000",
  resources: { cpu: "1", memory: "1Gi", cpuLimit: "2", memoryLimit: "2Gi" },
  threads: 2,
  parallelism: 2,
  backoffLimit: 4,
  deadlineSeconds: 600,
  keepSeconds: 600,
  startTimeoutMs: 60_000,
  awayTimeoutMs: 60_000,
  lookEveryMs: 50,
};

let folder = "";
let opened: OpenedHouse;
let cluster: ClusterDouble;
/** How far the executor's clock is ahead of the machine's. */
let laterMs = 0;

beforeEach(async () => {
  laterMs = 0;
  folder = mkdtempSync(join(tmpdir(), "requeen-executor-"));
  opened = await openToyHouse(folder, () => NOW_MS);
  await addToyLabels(opened.house, { from: 0, count: 120, noise: 0.02, startMs: NOW_MS - 86_400_000 });
  cluster = openClusterDouble();
});
afterEach(async () => {
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});

function houseOf(settings: Partial<ExecutorSettings> = {}): House {
  const api = createClusterApi({ address: "double", transport: cluster.transport, pauseMs: () => 5 });
  const executor = onKubernetes({
    house: { ...opened.house, leaseNow: () => Date.now() + laterMs },
    connect: async () => ({ api, namespace: "requeen" }),
    settings: { ...SETTINGS, ...settings },
  });
  return { ...opened.house, executor };
}

/** Plays Job controller and kubelet: runs the pods of each Job in this process, and says how the Job ended. */
async function playJobs(house: House, signal: AbortSignal): Promise<void> {
  const done = new Set<string>();
  while (!signal.aborted) {
    for (const job of cluster.objects("jobs")) {
      if (done.has(job.metadata.name)) continue;
      done.add(job.metadata.name);
      await playJob(house, job);
    }
    await pause(10);
  }
}

async function playJob(house: House, job: StoredObject): Promise<void> {
  const { name } = job.metadata;
  const { args } = job.spec.template.spec.containers[0];
  const word = (flag: string): string => args[args.indexOf(flag) + 1];
  for (let index = 0; index < job.spec.completions; index += 1) {
    const labels = { "batch.kubernetes.io/job-name": name, "batch.kubernetes.io/job-completion-index": String(index) };
    cluster.add("pods", { metadata: { name: `${name}-${index}`, labels }, status: { phase: "Pending" } });
    const blobs = await openFileBlobs(join(folder, "pods", String(index)));
    const parts = {
      registry: house.registry,
      blobs,
      pool: house.pool(),
      signal: new AbortController().signal,
      onProgress: () => undefined,
    };
    await runPod(parts, { mlflowRunId: word("--mlflow-run"), bundleSha256: word("--bundle"), index });
    cluster.change("pods", `${name}-${index}`, (pod) => {
      pod.status = { phase: "Succeeded" };
    });
  }
  cluster.change("jobs", name, (each) => {
    each.status = { succeeded: job.spec.completions, conditions: [{ type: "Complete", status: "True" }] };
  });
}

type RunRequest = Parameters<typeof startRun>[1];

/** Runs in the cluster, and again on threads over a copy of everything. */
async function expectSameAsOnThreads(settings: Partial<ExecutorSettings>, options: Partial<RunRequest>): Promise<void> {
  const request: RunRequest = { specialist: "toy", by: "test", reason: "person", ...options };
  await opened.close();
  const twin = mkdtempSync(join(tmpdir(), "requeen-executor-"));
  cpSync(folder, twin, { recursive: true });
  opened = await openToyHouse(folder, () => NOW_MS);
  const house = houseOf(settings);
  const stop = new AbortController();
  const playing = playJobs(house, stop.signal);
  const run = await startRun(house, request);
  const ended = await resumeRun(house, run.run_id);
  stop.abort();
  await playing;
  expect(ended).toMatchObject({ state: "finished", promoted: true });

  const threads = await openToyHouse(twin, () => NOW_MS);
  const local = await retrain(threads.house, request);
  await threads.close();
  rmSync(twin, { recursive: true });
  const trained = ({ steps }: typeof ended) => {
    const result = steps.find(({ step }) => step === "train")?.result;
    return { model: result?.model_sha256, report: result?.report };
  };
  expect(trained(ended).model).toMatch(/^[0-9a-f]{64}$/);
  expect(trained(ended)).toEqual(trained(local));
}

test("a run whose tasks are trained elsewhere makes the model that threads make", async () => {
  await expectSameAsOnThreads({}, {});

  // the pods get no token of the API server, no secret in the open, and no way to write their file system
  const [job] = cluster.objects("jobs");
  const pod = job?.spec.template.spec;
  expect(pod).toMatchObject({
    automountServiceAccountToken: false,
    restartPolicy: "Never",
    securityContext: { runAsNonRoot: true },
  });
  expect(pod.containers[0].securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
  expect(JSON.stringify(pod.containers[0].env)).not.toMatch(/PASSWORD|MONGODB/);
  const token = { name: "MLFLOW_TRACKING_TOKEN", valueFrom: { secretKeyRef: { name: "mlflow", key: "token" } } };
  expect(pod.containers[0].env).toContainEqual(token);
  expect(job?.metadata.name.length).toBeLessThanOrEqual(52);
});

test("with more pods than fits, the trials of a search fan out into a Job of their own, and the model stays the same", async () => {
  await expectSameAsOnThreads({ parallelism: 13 }, { modelType: "gradient_boosting", hyperparameterTuning: true });
  const jobs = cluster.objects("jobs");
  // five folds and the model itself: three parts each; then those fits
  expect(jobs.map(({ spec }) => spec.completions)).toEqual([18, 6]);
  expect(new Set(jobs.map(({ metadata }) => metadata.labels?.["requeen/run"])).size).toBe(1);
}, 180_000);

test("an interrupted controller leaves the Job for its heir; a cancelled run does not", async () => {
  const house = houseOf();
  const run = await startRun(house, { specialist: "toy", by: "test", reason: "person" });
  const stop = new AbortController();
  const driving = resumeRun(house, run.run_id, { signal: stop.signal }).catch((error: unknown) => error);
  while (cluster.objects("jobs").length === 0) await pause(10);
  stop.abort(new Error("SIGTERM"));
  expect(await driving).toMatchObject({ code: "cancelled" });
  expect(cluster.objects("jobs")).toHaveLength(1);
  expect(await cancelRun(house, run.run_id, "test")).toMatchObject({ state: "cancelled" });
  expect(cluster.objects("jobs")).toHaveLength(0);
});

test("a run that one server drives is cancelled by another process, and its Job is deleted", async () => {
  const server: House = { ...houseOf(), owner: "machine-a:1:server" };
  const person: House = { ...houseOf(), owner: "machine-b:1:person" };
  const run = await startRun(server, { specialist: "toy", by: "test", reason: "person" });
  const driving = resumeRun(server, run.run_id);
  while (cluster.objects("jobs").length === 0) await pause(10);
  expect(await cancelRun(person, run.run_id, "ana")).toMatchObject({
    state: "cancelled",
    error: { message: "cancelled by ana" },
  });
  expect(await driving).toMatchObject({ state: "cancelled", promoted: false });
  expect(cluster.objects("jobs")).toHaveLength(0);
});

test("a Job that waits for its image too long is deleted, and the run says why and stays resumable", async () => {
  const house = houseOf();
  const run = await startRun(house, { specialist: "toy", by: "test", reason: "person" });
  const driving = resumeRun(house, run.run_id).catch((error: unknown) => error);
  while (cluster.objects("jobs").length === 0) await pause(10);
  const [job] = cluster.objects("jobs");
  const waiting = { reason: "ImagePullBackOff", message: "no such image" };
  cluster.add("pods", {
    metadata: { name: "p", labels: { "batch.kubernetes.io/job-name": job?.metadata.name ?? "" } },
    status: { phase: "Pending", containerStatuses: [{ name: "train", ready: false, state: { waiting } }] },
  });
  const told = async (): Promise<string> => (await readStatus(house)).specialists[0]?.why ?? "";
  while (!(await told()).includes("ImagePullBackOff")) await pause(10);
  expect(await told()).toMatch(/ at train: its Job requeen-toy-[0-9a-f]{16} is blocked: image_unavailable: pod p cannot start/);
  laterMs = SETTINGS.startTimeoutMs + 60_000;
  expect(await driving).toMatchObject({ code: "image_unavailable" });
  expect(cluster.objects("jobs")).toHaveLength(0);
  expect(await house.store.getRun(run.run_id)).toMatchObject({ state: "running", error: { code: "image_unavailable" } });
});

test("an API server that stays away stops the waiting, not the Job", async () => {
  let away = false;
  const { transport } = cluster;
  cluster = {
    ...cluster,
    transport: async (request) => {
      if (away) throw new Error("connect ECONNREFUSED");
      return transport(request);
    },
  };
  const house = houseOf({ awayTimeoutMs: 20 });
  const run = await startRun(house, { specialist: "toy", by: "test", reason: "person" });
  const driving = resumeRun(house, run.run_id).catch((error: unknown) => error);
  while (cluster.objects("jobs").length === 0) await pause(10);
  away = true;
  expect(await driving).toMatchObject({ code: "cluster_unavailable", message: expect.stringContaining("ECONNREFUSED") });
  expect(cluster.objects("jobs")).toHaveLength(1);
  expect(await house.store.getRun(run.run_id)).toMatchObject({ state: "running", error: { code: "cluster_unavailable" } });
});

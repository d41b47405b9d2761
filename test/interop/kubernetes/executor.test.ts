import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { isEnded, type Run, stepResult } from "../../../src/core/run.ts";
import { cancelRun, resumeRun } from "../../../src/loop/retrain.ts";
import { type RealCluster, startCluster } from "./cluster.ts";
import { status } from "./faults.ts";
import { type Fate, type Kubelet, startKubelet } from "./kubelet.ts";
import { beginRun, type Controller, type ControllerOptions, openTraining, TRAIN, type Training } from "./training.ts";

const programs = process.env.REQUEEN_INTEROP_KUBERNETES ?? "";
let cluster: RealCluster;
let kubelet: Kubelet;
let training: Training;
let namespace = "";
/** What happens to the pods of this test; `turn` counts them from 0. */
let fate: (turn: number) => Fate = () => TRAIN;
let turn = 0;
const open: Controller[] = [];

beforeAll(async () => {
  cluster = await startCluster(programs);
  kubelet = await startKubelet(cluster, () => fate(turn++));
});
afterAll(async () => {
  await kubelet?.close();
  await cluster?.close();
});

beforeEach(async () => {
  namespace = `t-${randomBytes(4).toString("hex")}`;
  await cluster.call("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  // pods are refused until the namespace has its account
  await until(async () => (await cluster.call("GET", `/api/v1/namespaces/${namespace}/serviceaccounts/default`)).status === 200);
  fate = () => TRAIN;
  turn = 0;
  training = await openTraining();
});
afterEach(async () => {
  for (const controller of open.splice(0)) await controller.close();
  await cluster.call("DELETE", `/api/v1/namespaces/${namespace}`);
  await training.close();
});

async function controller(options?: ControllerOptions): Promise<Controller> {
  const opened = await training.controller(cluster, namespace, options);
  open.push(opened);
  return opened;
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await pause(100);
}

// biome-ignore lint/suspicious/noExplicitAny: Jobs as the API gives them
const jobs = async (): Promise<any[]> => (await cluster.call("GET", `/apis/batch/v1/namespaces/${namespace}/jobs`)).body.items;

/** A run that ended well, with one champion and the model that threads would have made. */
async function expectChampion({ house }: Controller, run: Run): Promise<void> {
  expect(run).toMatchObject({ state: "finished", promoted: true, error: null });
  const versions = await house.registry.listModelVersions("toy-evaluator");
  expect(versions.filter(({ stage }) => stage === "Production").map(({ version }) => version)).toEqual([run.challenger_version]);
  expect(versions).toHaveLength(2);
}

test("a run trains in the cluster, in one pod a task, and makes the model that threads make", async () => {
  const here = await controller();
  const begun = await beginRun(here.house);
  const run = await resumeRun(here.house, begun.run_id);
  await expectChampion(here, run);
  const [job] = await jobs();
  // five folds, the model itself, and the champion's scores
  expect(job.status).toMatchObject({ succeeded: 7, completedIndexes: "0-6" });
  expect(job.metadata.labels).toMatchObject({ "requeen/run": run.run_id, "requeen/specialist": "toy" });
  expect(here.events("job.log").length).toBeGreaterThan(0);
  const kept = await here.house.registry.listArtifactTree({ runId: run.mlflow?.run_id ?? "" }, "train");
  expect(kept.some(({ path }) => path.endsWith("/log.jsonl"))).toBe(true);

  const threads = await training.onThreads();
  expect(stepResult(threads, "train")?.model_sha256).toBe(stepResult(run, "train")?.model_sha256);
});

test("a controller that dies is replaced by one that adopts the Job, and no second Job or champion comes of it", async () => {
  const dying = await controller();
  const begun = await beginRun(dying.house);
  const death = new AbortController();
  const first = resumeRun(dying.house, begun.run_id, { signal: death.signal }).catch((error: unknown) => error);
  await until(() => kubelet.running().length > 0);
  death.abort(new Error("the controller is gone"));
  await first;
  const heir = await controller();
  const run = await resumeRun(heir.house, begun.run_id);
  await expectChampion(heir, run);
  expect(heir.events("job.created")).toEqual([]);
  expect(heir.events("job.adopted")).toHaveLength(1);
  expect(await jobs()).toHaveLength(1);
});

test("the API server is killed in mid-run and comes back: the pods train on, and the run ends well", async () => {
  const here = await controller();
  const begun = await beginRun(here.house);
  const ending = resumeRun(here.house, begun.run_id);
  await until(() => kubelet.running().length > 0);
  await cluster.stopApiServer();
  await until(() => here.logged.some(({ event, details }) => event === "job.state" && details.state === "unknown"));
  await cluster.startApiServer();
  await expectChampion(here, await ending);
});

test("pods that are lost and evicted are replaced, and do not count as failures of the training", async () => {
  const here = await controller({ settings: { backoffLimit: 1 } });
  const begun = await beginRun(here.house);
  const ending = resumeRun(here.house, begun.run_id);
  for (const take of [kubelet.lose, kubelet.evict, kubelet.evict]) {
    await until(() => kubelet.running().length > 0);
    await take(kubelet.running()[0] ?? "");
  }
  await expectChampion(here, await ending);
  expect(here.events("job.pod_lost").map(({ details }) => details.reason)).toEqual(
    expect.arrayContaining(["TerminationByKubelet"]),
  );
  expect(kubelet.started()).toBeGreaterThan(7);
});

describe("what keeps a Job from beginning has a name, and the run goes on when it is mended", () => {
  const cases: Readonly<
    Record<string, { readonly code: string; readonly bad: () => Promise<void>; readonly mend: () => Promise<void> }>
  > = {
    "an image that cannot be pulled": {
      code: "image_unavailable",
      bad: async () => {
        fate = () => ({ kind: "wait", reason: "ImagePullBackOff" });
      },
      mend: async () => {
        fate = () => TRAIN;
      },
    },
    "no node that fits": {
      code: "no_capacity",
      bad: async () => {
        fate = () => ({ kind: "unschedulable" });
      },
      mend: async () => {
        fate = () => TRAIN;
      },
    },
    "a quota": {
      code: "no_capacity",
      bad: async () => {
        const metadata = { name: "tight" };
        const path = `/api/v1/namespaces/${namespace}/resourcequotas`;
        await cluster.call("POST", path, { apiVersion: "v1", kind: "ResourceQuota", metadata, spec: { hard: { pods: "0" } } });
        await until(async () => (await cluster.call("GET", `${path}/tight`)).body.status?.hard?.pods === "0");
      },
      mend: async () => {
        await cluster.call("DELETE", `/api/v1/namespaces/${namespace}/resourcequotas/tight`);
      },
    },
  };
  for (const [name, { code, bad, mend }] of Object.entries(cases))
    test(name, async () => {
      await bad();
      const here = await controller({ settings: { startTimeoutMs: 1_500 } });
      const begun = await beginRun(here.house);
      await expect(resumeRun(here.house, begun.run_id)).rejects.toMatchObject({ code });
      const stopped = await here.house.store.getRun(begun.run_id);
      expect(stopped).toMatchObject({ state: "running", error: { code } });
      await until(async () => (await jobs()).length === 0);
      await mend();
      const patient = await controller();
      await expectChampion(patient, await resumeRun(patient.house, begun.run_id));
    });
});

test("an error of the training itself comes through the pod with its code, at once and without a second try", async () => {
  const problem = JSON.stringify({ code: "bad_data", detail: "bad_data: the labels are of one class" });
  fate = () => ({ kind: "run", command: ["/bin/sh", "-c", `echo '${problem}' >&2; exit 3`] });
  const here = await controller({ settings: { parallelism: 1 } });
  const begun = await beginRun(here.house);
  const run = await resumeRun(here.house, begun.run_id);
  expect(run).toMatchObject({ state: "failed", promoted: false, error: { code: "bad_data" } });
  expect(turn).toBe(1);
});

test("pods that crash again and again fail the run with their last words", async () => {
  fate = () => ({ kind: "run", command: ["/bin/sh", "-c", "echo out of ideas >&2; exit 1"] });
  const here = await controller({ settings: { backoffLimit: 1 } });
  const begun = await beginRun(here.house);
  const run = await resumeRun(here.house, begun.run_id);
  expect(run).toMatchObject({ state: "failed", error: { code: "job_failed" } });
  expect(run.error?.message).toContain("out of ideas");
});

test("a Job that somebody deletes under a run is job_lost; the next try repeats no answered task", async () => {
  const here = await controller({ settings: { parallelism: 1 } });
  const begun = await beginRun(here.house);
  const ending = resumeRun(here.house, begun.run_id).catch((error: unknown) => error);
  await until(async () => (await jobs())[0]?.status?.succeeded >= 1);
  const [job] = await jobs();
  await cluster.call("DELETE", `/apis/batch/v1/namespaces/${namespace}/jobs/${job.metadata.name}?propagationPolicy=Background`);
  expect(await ending).toMatchObject({ code: "job_lost" });
  await expectChampion(here, await resumeRun(here.house, begun.run_id));
  expect(here.logged.some(({ event, details }) => event === "job.log" && String(details.line).includes('"found": true'))).toBe(
    true,
  );
});

test("cancelling a run deletes its Job and its pods", async () => {
  const here = await controller();
  const begun = await beginRun(here.house);
  const stop = new AbortController();
  const driving = resumeRun(here.house, begun.run_id, { signal: stop.signal }).catch(() => undefined);
  await until(() => kubelet.running().length > 0);
  stop.abort(new Error("Ctrl-C"));
  await driving;
  expect(isEnded(await cancelRun(here.house, begun.run_id, "test"))).toBe(true);
  await until(async () => (await jobs()).length === 0 && kubelet.running().length === 0);
});

test("events that come late, doubled, expired or not at all change nothing", async () => {
  let calls = 0;
  const here = await controller({
    faults: {
      watchDelayMs: 300,
      watchCopies: 3,
      answer: ({ path, method }) => {
        calls += 1;
        if (path.includes("watch=1")) {
          if (calls % 3 === 0) return status(410, "Expired", "too old resource version");
          // an expiry in the middle of a stream comes as an event
          if (calls % 3 === 1) return { status: 200, body: { type: "ERROR", object: status(410, "Expired").body } };
          return null;
        }
        if (calls % 5 === 0) return status(429, "TooManyRequests");
        // the creation arrived, its answer did not: the repeated one meets itself
        return method === "POST" && calls % 7 === 0 ? status(500, "InternalError") : null;
      },
    },
  });
  const begun = await beginRun(here.house);
  await expectChampion(here, await resumeRun(here.house, begun.run_id));
  expect(await jobs()).toHaveLength(1);
});

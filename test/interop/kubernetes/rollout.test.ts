import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createClusterApi } from "../../../src/cluster/api.ts";
import { createRollout, type RolloutSettings } from "../../../src/cluster/rollout.ts";
import { championVersion } from "../../../src/loop/champion.ts";
import { type House, specialistOf } from "../../../src/loop/house.ts";
import { pauseAll, resumeAll } from "../../../src/loop/pause.ts";
import { resumeRun } from "../../../src/loop/retrain.ts";
import { rollback } from "../../../src/loop/rollback.ts";
import { readRollout, rollOut, settleRollouts, showRollout } from "../../../src/loop/rollout.ts";
import { watchOnce } from "../../../src/loop/watch.ts";
import { type RealCluster, startCluster } from "./cluster.ts";
import { type Faults, faulty, status } from "./faults.ts";
import { type Fate, type Kubelet, startKubelet } from "./kubelet.ts";
import { beginRun, type Controller, openTraining, type Training } from "./training.ts";

const programs = process.env.REQUEEN_INTEROP_KUBERNETES ?? "";
const NAMESPACE = "semantic-translation";
const NAME = "specialist-toy";
const PORT = 18_471;
let cluster: RealCluster;
let kubelet: Kubelet;
let training: Training;
/** What a pod of the deployment that starts now becomes. */
let fate: () => Fate = () => ({ kind: "idle" });
const open: Controller[] = [];

beforeAll(async () => {
  cluster = await startCluster(programs);
  kubelet = await startKubelet(cluster, () => fate());
  await cluster.call("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
  const accounts = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/default`;
  while ((await cluster.call("GET", accounts)).status !== 200) await pause(100);
});
afterAll(async () => {
  await kubelet?.close();
  await cluster?.close();
});

beforeEach(async () => {
  training = await openTraining();
});
afterEach(async () => {
  for (const controller of open.splice(0)) await controller.close();
  await cluster.call("DELETE", `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${NAME}?propagationPolicy=Foreground`);
  while ((await cluster.call("GET", `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${NAME}`)).status !== 404)
    await pause(100);
  await training.close();
});

const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: NAME },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: NAME } },
    template: { metadata: { labels: { app: NAME } }, spec: { containers: [{ name: "specialist", image: "specialist:1" }] } },
  },
};

/** A house whose promotions restart the deployment and ask its pods; training goes on threads. */
async function house(settings: Partial<RolloutSettings> = {}, faults: Faults = {}): Promise<House> {
  const controller = await training.local();
  open.push(controller);
  const api = createClusterApi({ address: cluster.address, transport: faulty(cluster.transport, faults), pauseMs: () => 50 });
  const rollout = createRollout({
    settings: {
      strategy: "restart",
      namespace: NAMESPACE,
      deployment: "specialist-{type}",
      timeoutMs: 60_000,
      verifyUrl: `http://{pod_ip}:${PORT}/status`,
      verifyMs: 20_000,
      takesBack: true,
      lookEveryMs: 300,
      ...settings,
    },
    connect: async () => ({ api, namespace: "default" }),
    notify: null,
    now: Date.now,
    clock: () => performance.now(),
  });
  return { ...controller.house, rollout };
}

const champion = async (of: House): Promise<string | null> =>
  (await championVersion(of, specialistOf(of, "toy")))?.version ?? null;

/** Pods load the champion of the moment in which they start, as the original serving pods do. */
function judgesBy(of: House, say: (version: string | null) => object): void {
  fate = () => {
    let loaded: string | null = null;
    void champion(of).then((version) => {
      loaded = version;
    });
    return { kind: "judge", port: PORT, status: () => say(loaded) };
  };
}

async function deploy(of: House): Promise<void> {
  judgesBy(of, (version) => ({ model_loaded: version !== null, model_version: version }));
  await cluster.call("POST", `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`, deployment);
  while (
    (await cluster.call("GET", `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${NAME}`)).body.status?.availableReplicas !== 2
  )
    await pause(100);
}

const forever = new AbortController().signal;

test("a promotion restarts the deployment, and counts when every pod reports its version", async () => {
  const here = await house();
  await deploy(here);
  const run = await resumeRun(here, (await beginRun(here)).run_id);
  expect(run).toMatchObject({ state: "finished", promoted: true, challenger_version: "2" });
  expect(run.steps.find(({ step }) => step === "rollout")?.result).toMatchObject({ strategy: "restart", state: "verified" });
  const shown = await showRollout(here, "toy");
  expect(shown).toMatchObject({ champion: "2", state: "verified", error: null });
  expect(shown.pods.map(({ version, model_loaded }) => ({ version, model_loaded }))).toEqual([
    { version: "2", model_loaded: true },
    { version: "2", model_loaded: true },
  ]);
  const { body } = await cluster.call("GET", `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${NAME}`);
  expect(body.spec.template.metadata.annotations["kubectl.kubernetes.io/restartedAt"]).toMatch(/^\d{4}-/);
  // carried out once: neither the server's next look nor a second command restarts again
  await settleRollouts(here, forever, "test");
  const after = await cluster.call("GET", `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${NAME}`);
  expect(after.body.metadata.generation).toBe(body.metadata.generation);
});

test("pods that report another version take the promotion back: registry, deployment and audit log", async () => {
  const here = await house({ verifyMs: 1_500 });
  await deploy(here);
  // the new pods never get version 2, whatever the registry says
  judgesBy(here, () => ({ details: { model_loaded: true, model_version: "1" }, version: "9.9.9" }));
  const run = await resumeRun(here, (await beginRun(here)).run_id);
  expect(run).toMatchObject({ state: "finished", promoted: false, challenger_version: "2" });
  expect(run.steps.find(({ step }) => step === "rollout")?.result).toMatchObject({
    state: "rolled_back",
    error: { code: "rollout_failed" },
  });
  expect(await champion(here)).toBe("1");
  const versions = await here.registry.listModelVersions("toy-evaluator");
  expect(versions.filter(({ stage }) => stage === "Production").map(({ version }) => version)).toEqual(["1"]);
  const { items } = await here.store.listAudit({ subject: "toy" }, { limit: 1_000 });
  const actions = items.map(({ action }) => action).filter((action) => /^(model|rollout)\./.test(action));
  expect(actions.slice(-5)).toEqual([
    "model.promote",
    "rollout.failed",
    "model.rollback",
    "rollout.verified",
    "rollout.rolled_back",
  ]);
  // tombstoned: the same version does not come back by itself
  expect(await readRollout(here, "toy")).toMatchObject({ version: "1", state: "rolled_back" });
  await watchOnce(here);
  expect(await champion(here)).toBe("1");
});

test("pods that never become ready take the promotion back", async () => {
  const here = await house({ timeoutMs: 2_000 });
  await deploy(here);
  fate = () => ({ kind: "wait", reason: "CreateContainerConfigError" });
  const ending = resumeRun(here, (await beginRun(here)).run_id);
  while ((await champion(here)) !== "2") await pause(50);
  while ((await champion(here)) !== "1") await pause(50);
  judgesBy(here, (version) => ({ model_loaded: true, model_version: version }));
  await ending;
  expect(await champion(here)).toBe("1");
  expect(await readRollout(here, "toy")).toMatchObject({ error: { code: "rollout_failed" } });
});

test("a storm of conflicts and an API server that restarts in the middle hold a rollout up and do not break it", async () => {
  let storms = 0;
  const here = await house(
    {},
    { answer: ({ method }) => (method === "PATCH" && ++storms <= 8 ? status(409, "Conflict") : null) },
  );
  await deploy(here);
  judgesBy(here, (version) => ({ model: { loaded: true, version: `v${version}` } }));
  const ending = resumeRun(here, (await beginRun(here)).run_id);
  while ((await champion(here)) !== "2") await pause(50);
  await cluster.stopApiServer();
  await cluster.startApiServer();
  expect(await ending).toMatchObject({ state: "finished", promoted: true });
  expect(storms).toBeGreaterThanOrEqual(8);
  expect(await showRollout(here, "toy")).toMatchObject({ state: "verified" });
});

test("a pause stops a run before its promotion and lets a rollback through; afterwards the run goes on", async () => {
  const here = await house();
  await deploy(here);
  const begun = await beginRun(here);
  await pauseAll(here, { by: "operator", reason: "incident" });
  await expect(resumeRun(here, begun.run_id)).rejects.toMatchObject({ code: "paused" });
  expect(await champion(here)).toBe("1");
  expect((await watchOnce(here)).runs).toEqual([]);
  await resumeAll(here, "operator");
  expect(await resumeRun(here, begun.run_id)).toMatchObject({ state: "finished", promoted: true });

  await pauseAll(here, { by: "operator", reason: "another incident" });
  await rollback(here, { specialist: "toy", by: "operator", reason: "worse" });
  // a server carries out what was changed by hand
  expect(await settleRollouts(here, forever, "server")).toMatchObject([{ version: "1", state: "verified" }]);
});

test("one specialist at a time, also in one process", async () => {
  const here = await house({ verifyUrl: null });
  await deploy(here);
  let inside = 0;
  let most = 0;
  const slow: House = {
    ...here,
    rollout: {
      strategy: "restart",
      verifies: false,
      takesBack: false,
      deploy: async () => {
        most = Math.max(most, ++inside);
        await pause(100);
        inside -= 1;
      },
      verify: async () => [],
    },
  };
  await Promise.all([1, 2, 3].map(() => rollOut(slow, "toy", { signal: forever, by: "test", again: true })));
  expect(most).toBe(1);
});

test("a service's address is asked in place of the pods", async () => {
  const server = createServer((_request, response) =>
    response.end(JSON.stringify({ status: { model_loaded: true }, model_version: "v1" })),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const here = await house({ strategy: "pull", verifyUrl: `http://127.0.0.1:${port}/{type}/status` });
  const record = await rollOut(here, "toy", { signal: forever, by: "test" });
  server.close();
  expect(record).toMatchObject({ state: "verified", strategy: "pull", pods: [{ version: "1", model_loaded: true }] });
});

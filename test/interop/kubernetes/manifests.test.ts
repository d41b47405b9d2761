import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Manifest } from "../../../src/cluster/manifest.ts";
import { type ManifestInput, manifestOptionsSchema } from "../../../src/cluster/manifest-options.ts";
import { PARTS, type Part, renderManifests } from "../../../src/cluster/manifests.ts";
import { CONFIG_TEXT } from "../../integration/support/open-house.ts";
import { type RealCluster, startCluster } from "./cluster.ts";
import { type Fate, type Kubelet, startKubelet } from "./kubelet.ts";
import { COMMAND, IMAGE, openTraining, type Training } from "./training.ts";

const programs = process.env.REQUEEN_INTEROP_KUBERNETES ?? "";
const SERVING = "semantic-translation";
const PORT = 18_472;
const run = promisify(execFile);

let cluster: RealCluster;
let kubelet: Kubelet;
let training: Training;
/** Credentials of the set's own account, as a pod of it gets them. */
let account = "";
let champion: () => Promise<string | null> = async () => null;

beforeAll(async () => {
  training = await openTraining();
  cluster = await startCluster(programs);
  kubelet = await startKubelet(cluster, fateOf);
});
afterAll(async () => {
  await kubelet?.close();
  await cluster?.close();
  await training?.close();
});

/** Programs of one-off Jobs and of training pods run for real; the service stands ready; pods that judge load the champion as they start. */
function fateOf(pod: {
  metadata: { labels?: Record<string, string>; namespace: string };
  spec: { containers: { command?: string[] }[] };
}): Fate {
  const { labels = {}, namespace } = pod.metadata;
  // that the API server takes and starts everything is what is asked there
  if (namespace.startsWith("set-")) return { kind: "idle" };
  if (labels.app === "specialist-toy") {
    let loaded: string | null = null;
    void champion().then((version) => {
      loaded = version;
    });
    return { kind: "judge", port: PORT, status: () => ({ model_loaded: loaded !== null, model_version: loaded }) };
  }
  if (labels["app.kubernetes.io/component"] === "serve") return { kind: "idle" };
  // in the image, `requeen` is on the path
  const own = pod.spec.containers[0]?.command;
  const command = own === undefined ? COMMAND : [...own];
  if (labels["requeen/run"] !== undefined) return { kind: "run", command };
  const folder = join(training.dataDir, "..");
  return {
    kind: "run",
    command,
    env: {
      PATH: `${join(folder, "bin")}:${process.env.PATH}`,
      REQUEEN_DATA_DIR: training.dataDir,
      REQUEEN_CONFIG: join(folder, "pod.config.yaml"),
      KUBECONFIG: account,
    },
  };
}

/** Server-side apply with every unknown or doubled field refused. */
async function apply(manifests: readonly Manifest[], namespace?: string): Promise<void> {
  for (const manifest of manifests) {
    const path = await pathOf(manifest, namespace);
    const url = `${path}?fieldManager=requeen&force=true&fieldValidation=Strict`;
    const { status, body } = await cluster.call("PATCH", url, manifest, "application/apply-patch+yaml");
    if (status >= 300)
      throw new Error(`${manifest.kind} ${manifest.metadata.name}: ${status} ${JSON.stringify(body).slice(0, 800)}`);
  }
}

async function pathOf({ apiVersion, kind, metadata }: Manifest, namespace = metadata.namespace): Promise<string> {
  const base = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { body } = await cluster.call("GET", base);
  const found = body.resources?.find(
    (resource: { kind: string; name: string }) => resource.kind === kind && !resource.name.includes("/"),
  );
  if (found === undefined) throw new Error(`the API server has no ${apiVersion} ${kind}`);
  return `${base}${found.namespaced ? `/namespaces/${namespace}` : ""}/${found.name}/${metadata.name}`;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let look = 0; !(await holds()); look += 1) {
    if (look > 500) throw new Error(`never: ${what}`);
    await pause(200);
  }
}

const render = (input: ManifestInput, parts?: readonly Part[]): Manifest[] =>
  renderManifests(manifestOptionsSchema.parse(input), parts, Buffer.from("a program"));

describe("the rendered set applies to a real API server, no field unknown, and converges", () => {
  const sets: Readonly<Record<string, { readonly input: Partial<ManifestInput>; readonly replicas: number }>> = {
    alone: { input: {}, replicas: 1 },
    "with MongoDB, MLflow, node port, executor and rollout": {
      input: {
        mongodb: { secret: "mongodb-secret", key: "uri" },
        mlflow: { uri: "http://mlflow.mlflow:5000", token: { secret: "mlflow", key: "token" } },
        nodePort: 30_080,
        executor: "kubernetes",
        rolloutNamespace: SERVING,
        autoFeedback: true,
      },
      replicas: 2,
    },
  };
  for (const [name, { input, replicas }] of Object.entries(sets))
    test(name, async () => {
      const namespace = `set-${randomBytes(3).toString("hex")}`;
      await cluster.call("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: SERVING } });
      const manifests = render({ image: IMAGE, namespace, restore: "backup-20260301T020000Z", ...input }, PARTS);
      await apply(manifests);
      // a second time changes nothing
      await apply(manifests);
      const deployment = `/apis/apps/v1/namespaces/${namespace}/deployments/requeen`;
      await until(`${replicas} replicas`, async () => {
        const { status, spec } = (await cluster.call("GET", deployment)).body;
        return spec.replicas === replicas && status?.availableReplicas === replicas && status.updatedReplicas === replicas;
      });
      await until(`${replicas} endpoints of the service`, async () => {
        const { body } = await cluster.call("GET", `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`);
        return body.items[0]?.endpoints?.length === replicas;
      });
      const { body: pods } = await cluster.call("GET", `/api/v1/namespaces/${namespace}/pods`);
      expect(pods.items.length).toBeGreaterThan(replicas);
      // Pod Security lets every pod of the set in under the profile `restricted`
      const { body: events } = await cluster.call("GET", `/api/v1/namespaces/${namespace}/events`);
      expect(
        events.items
          .filter(({ reason }: { reason: string }) => reason === "FailedCreate")
          .map(({ message }: { message: string }) => message),
      ).toEqual([]);
      await cluster.call("DELETE", `/api/v1/namespaces/${namespace}`);
    });
});

test("the operators' six steps, by the set's own account: train one in Jobs, look, promote, update the deployment, train all", async () => {
  const namespace = "requeen";
  const folder = join(training.dataDir, "..");
  const config = `${CONFIG_TEXT}
rollout:
  verifyUrl: http://{pod_ip}:${PORT}/status
`;
  const input: ManifestInput = {
    image: IMAGE,
    namespace,
    specialists: ["toy"],
    specialist: "toy",
    config,
    mlflow: { uri: training.mlflowUrl(), token: null },
    executor: "kubernetes",
    rolloutNamespace: SERVING,
  };
  writeFileSync(join(folder, "pod.config.yaml"), config);
  await run("mkdir", ["-p", join(folder, "bin")]);
  writeFileSync(join(folder, "bin", "requeen"), `#!/bin/sh\nexec ${COMMAND.map((word) => `"${word}"`).join(" ")} "$@"\n`, {
    mode: 0o755,
  });
  await cluster.call("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: SERVING } });
  await until(
    "the serving namespace's account",
    async () => (await cluster.call("GET", `/api/v1/namespaces/${SERVING}/serviceaccounts/default`)).status === 200,
  );

  // 1: the image is in the registry (test/interop/image builds it); the set that stays
  await apply(render(input));
  account = await credentialsOf("requeen-controller", namespace);
  const requeen = async (...words: string[]) => {
    const env = {
      PATH: process.env.PATH,
      REQUEEN_DATA_DIR: training.dataDir,
      REQUEEN_CONFIG: join(folder, "pod.config.yaml"),
      MLFLOW_TRACKING_URI: training.mlflowUrl(),
      KUBECONFIG: account,
      REQUEEN_ROLLOUT_STRATEGY: "restart",
      REQUEEN_ROLLOUT_NAMESPACE: SERVING,
      REQUEEN_CLUSTER_NAMESPACE: namespace,
    };
    const [program = "", ...rest] = COMMAND;
    return JSON.parse((await run(program, [...rest, ...words, "--json"], { env })).stdout);
  };
  champion = async () => {
    const local = await training.local();
    const version = await local.house.registry.getModelVersionByAlias("toy-evaluator", "champion");
    await local.close();
    return version?.version ?? null;
  };
  const judging = { kind: "Deployment", apiVersion: "apps/v1", metadata: { name: "specialist-toy", namespace: SERVING } };
  const template = {
    metadata: { labels: { app: "specialist-toy" } },
    spec: { containers: [{ name: "specialist", image: "specialist:1" }] },
  };
  await apply([{ ...judging, spec: { replicas: 2, selector: { matchLabels: template.metadata.labels }, template } }]);
  const deployment = `/apis/apps/v1/namespaces/${SERVING}/deployments/specialist-toy`;
  await until("pods that judge", async () => (await cluster.call("GET", deployment)).body.status?.availableReplicas === 2);

  const finished = async (job: string): Promise<string> => {
    let state = "";
    await until(`the end of ${job}`, async () => {
      const { body } = await cluster.call("GET", `/apis/batch/v1/namespaces/${namespace}/jobs/${job}`);
      state =
        body.status?.conditions?.find(
          ({ status, type }: { status: string; type: string }) => status === "True" && ["Complete", "Failed"].includes(type),
        )?.type ?? "";
      return state !== "";
    });
    return state;
  };

  // 2: test with one specialist
  await apply(render(input, ["check-status"]));
  expect(await finished("requeen-check-status")).toBe("Complete");
  await apply(render(input, ["job"]));
  expect(await finished("requeen-train-toy")).toBe("Complete");
  const { body: jobs } = await cluster.call(
    "GET",
    `/apis/batch/v1/namespaces/${namespace}/jobs?labelSelector=requeen/specialist=toy`,
  );
  expect(jobs.items).toMatchObject([{ status: { succeeded: 7 } }]);

  // 3: validate the new model's metrics
  const { runs } = await requeen("runs", "list", "--limit", "1");
  const verdict = await requeen("verdict", "show", runs[0].run_id);
  expect(verdict).toMatchObject({ decision: "promote" });

  // 4: it is in production
  expect(runs[0]).toMatchObject({ state: "finished", promoted: true, challenger_version: "2" });
  expect(await champion()).toBe("2");

  // 5: the deployment was restarted, and its pods say version 2
  const { rollouts } = await requeen("rollout", "status");
  expect(rollouts).toMatchObject([
    { specialist: "toy", champion: "2", state: "verified", pods: [{ version: "2" }, { version: "2" }] },
  ]);
  const { body: restarted } = await cluster.call("GET", deployment);
  expect(restarted.spec.template.metadata.annotations["kubectl.kubernetes.io/restartedAt"]).toBeDefined();

  // 6: train all; nothing new came in, which is an answer and no failure of the machine: exit code 9 of the one index
  await apply(render(input, ["job-all"]));
  expect(await finished("requeen-train-all")).toBe("Failed");
  const { body: all } = await cluster.call("GET", `/apis/batch/v1/namespaces/${namespace}/jobs/requeen-train-all`);
  expect(all.status).toMatchObject({ failedIndexes: "0" });

  // and back again, all of them
  const back = await requeen("rollback", "--all", "--reason", "a drill");
  expect(back).toMatchObject({ deployments: [{ specialist: "toy", version: "1" }], refused: [] });
  expect((await requeen("rollout", "status")).rollouts).toMatchObject([{ champion: "1", state: "verified" }]);
});

test("the set's account may do what executor and rollout need, and no more", async () => {
  const allowed = async (verb: string, group: string, resource: string, namespace: string, name?: string): Promise<boolean> => {
    const [base, subresource] = resource.split("/");
    const { body } = await cluster.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: {
        user: "system:serviceaccount:requeen:requeen-controller",
        resourceAttributes: { verb, group, resource: base, subresource, namespace, name },
      },
    });
    return body.status.allowed;
  };
  for (const verb of ["get", "list", "watch", "create", "delete"])
    expect([verb, await allowed(verb, "batch", "jobs", "requeen")]).toEqual([verb, true]);
  for (const verb of ["get", "create", "update"])
    expect([verb, await allowed(verb, "coordination.k8s.io", "leases", "requeen")]).toEqual([verb, true]);
  expect(await allowed("get", "", "pods/log", "requeen")).toBe(true);
  expect(await allowed("patch", "apps", "deployments", SERVING, "specialist-toy")).toBe(true);
  expect(await allowed("patch", "apps", "deployments", SERVING, "something-else")).toBe(false);
  expect(await allowed("patch", "batch", "jobs", "requeen")).toBe(false);
  expect(await allowed("get", "", "secrets", "requeen")).toBe(false);
  expect(await allowed("create", "", "pods", "requeen")).toBe(false);
  expect(await allowed("create", "", "pods/exec", "requeen")).toBe(false);
  expect(await allowed("create", "batch", "jobs", SERVING)).toBe(false);
  expect(await allowed("create", "batch", "jobs", "default")).toBe(false);
});

/** A kubeconfig with a token of the account, as the kubelet mounts one. */
async function credentialsOf(name: string, namespace: string): Promise<string> {
  const { body } = await cluster.call("POST", `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds: 3_600 },
  });
  const file = join(cluster.folder, `${name}.kubeconfig`);
  const server = { server: cluster.address, "certificate-authority": join(cluster.folder, "certificates", "apiserver.crt") };
  writeFileSync(
    file,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "pod",
      clusters: [{ name: "test", cluster: server }],
      users: [{ name, user: { token: body.status.token } }],
      contexts: [{ name: "pod", context: { cluster: "test", user: name, namespace } }],
    }),
  );
  return file;
}

import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { CONFIG_TEXT } from "../../integration/support/open-house.ts";
import { type RealCluster, startCluster } from "./cluster.ts";
import { type Fate, type Kubelet, startKubelet } from "./kubelet.ts";
import { COMMAND, openTraining, ROOT, type Training } from "./training.ts";

/**
 * The commands of docs/guide/kubernetes.md as they stand there, through a shell, with the real kubectl, against a real API server. Three
 * things differ: the specialist (`toy`, which trains in milliseconds, stands for `business`), `docker buildx`, which is only written down
 * (test/interop/image builds the same Dockerfile), and `kubectl exec`, whose words run on this machine, since no container runs here.
 */
const programs = process.env.REQUEEN_INTEROP_KUBERNETES ?? "";
const SERVING = "semantic-translation";
const PORT = 18_473;
const run = promisify(execFile);
const guide = readFileSync(join(ROOT, "docs/guide/kubernetes.md"), "utf8");

let cluster: RealCluster;
let kubelet: Kubelet;
let training: Training;
let folder = "";

beforeAll(async () => {
  training = await openTraining();
  folder = join(training.dataDir, "..");
  cluster = await startCluster(programs);
  kubelet = await startKubelet(cluster, fateOf);
  prepare();
});
afterAll(async () => {
  await kubelet?.close();
  await cluster?.close();
  await training?.close();
});

const section = (heading: string): string => guide.split(/^## /m).find((text) => text.startsWith(heading)) ?? "";
/** The section's blocks of commands, in order, over our names. */
const blocksOf = (heading: string): string[] =>
  [...section(heading).matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)].map((match) =>
    (match[1] ?? "").replaceAll("business", "toy").replaceAll(/^ {3}/gm, ""),
  );

/** What a shell of an operator has: `requeen`, `kubectl` with its context, `docker`, `k`, and the file of values. */
function prepare(): void {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  const program = (name: string, text: string): void => writeFileSync(join(bin, name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  const requeen = COMMAND.map((word) => `"${word}"`).join(" ");
  program("requeen", `exec ${requeen} "$@"`);
  program("docker", `echo "$@" >> "${folder}/docker.log"`);
  const inPod = Object.entries(podEnvironment()).map(([name, value]) => `${name}="${value}"`);
  program(
    "kubectl",
    `if [ "\${3:-}" = exec ] && [ "$4 $5" = "deployment/requeen --" ]; then shift 5; exec env ${inPod.join(" ")} "$@"; fi
exec "${join(programs, "kubectl")}" --kubeconfig "${cluster.kubeconfig}" "$@"`,
  );
  // MongoDB stays out: the pods of this machine share one SQLite file
  const { mongodb: _, ...printed } = parse(/^```yaml\n([\s\S]*?)^```$/m.exec(section("The operators' six steps"))?.[1] ?? "");
  const values = {
    ...printed,
    specialists: ["toy"],
    config: `${CONFIG_TEXT}\nrollout:\n  verifyUrl: http://{pod_ip}:${PORT}/status\n`,
    mlflow: { uri: training.mlflowUrl(), token: null },
  };
  writeFileSync(join(folder, "requeen-values.yaml"), stringify(values));
  writeFileSync(join(folder, "pod.config.yaml"), values.config);
}

/** Where a pod's volume and Secrets are on this machine. */
const podEnvironment = (): Record<string, string> => ({
  REQUEEN_DATA_DIR: training.dataDir,
  REQUEEN_CONFIG: join(folder, "pod.config.yaml"),
  MLFLOW_TRACKING_URI: training.mlflowUrl(),
  KUBECONFIG: cluster.kubeconfig,
  REQUEEN_ACTOR: "requeen-serve",
  REQUEEN_CLUSTER_NAMESPACE: "requeen",
  REQUEEN_ROLLOUT_STRATEGY: "restart",
  REQUEEN_ROLLOUT_NAMESPACE: SERVING,
});

// biome-ignore lint/suspicious/noExplicitAny: pods as the API gives them
function fateOf(pod: any): Fate {
  const { labels = {} } = pod.metadata;
  if (labels.app === "specialist-toy") {
    let loaded: string | null = null;
    void champion().then((version) => {
      loaded = version;
    });
    return { kind: "judge", port: PORT, status: () => ({ model_loaded: loaded !== null, model_version: loaded }) };
  }
  const component = labels["app.kubernetes.io/component"];
  if (component === "serve") return { kind: "idle" };
  const env = { PATH: `${join(folder, "bin")}:${process.env.PATH}`, ...podEnvironment() };
  const own: string[] | undefined = pod.spec.containers[0].command;
  if (pod.spec.initContainers !== undefined) return { kind: "run", command: unpacked(pod, own ?? []), env };
  return { kind: "run", command: own ?? COMMAND, env };
}

/** Does what the first container of the ConfigMap variant does, over what the API server kept; gives the second one's program. */
// biome-ignore lint/suspicious/noExplicitAny: pods as the API gives them
function unpacked(pod: any, command: readonly string[]): string[] {
  const [code, program] = [join(folder, "code"), join(folder, "program")];
  for (const made of [code, program]) mkdirSync(made, { recursive: true });
  const { sources } = pod.spec.volumes.find(({ name }: { name: string }) => name === "code").projected;
  for (const { configMap } of sources) {
    const words = ["--kubeconfig", cluster.kubeconfig, "-n", "requeen", "get", "configmap", configMap.name, "-o", "json"];
    const { stdout } = spawnSync(join(programs, "kubectl"), words, { encoding: "utf8", maxBuffer: 1 << 24 });
    const { binaryData }: { binaryData: Record<string, string> } = JSON.parse(stdout);
    for (const [name, text] of Object.entries(binaryData)) writeFileSync(join(code, name), Buffer.from(text, "base64"));
  }
  const here = (word: string): string => word.replaceAll("/code/", `${code}/`).replaceAll("/opt/requeen", program);
  const { command: shell, args } = pod.spec.initContainers[0];
  const [first = "", ...words] = [...shell, ...args].map(here);
  const unpacking = spawnSync(first, words, { encoding: "utf8" });
  if (unpacking.status !== 0) throw new Error(`the program does not unpack: ${unpacking.stderr}`);
  // `node` of the image is that of the tests
  return command.map((word) => (word === "node" ? process.execPath : here(word)));
}

async function champion(): Promise<string | null> {
  const local = await training.local();
  const version = await local.house.registry.getModelVersionByAlias("toy-evaluator", "champion");
  await local.close();
  return version?.version ?? null;
}

/** Runs one block; gives what it printed. @throws with all its output when a command of it fails. */
async function shell(block: string): Promise<string> {
  const script = `set -euo pipefail\nk() { kubectl -n requeen "$@"; }\n${block}`;
  const env = { PATH: `${join(folder, "bin")}:${process.env.PATH}`, HOME: folder };
  const [ended] = await Promise.allSettled([run("bash", ["-c", script], { cwd: folder, env, maxBuffer: 1 << 26 })]);
  if (ended.status === "fulfilled") return ended.value.stdout;
  const { stdout = "", stderr = "" } = ended.reason as { stdout?: string; stderr?: string };
  throw new Error(`${block}\n${stdout}\n${stderr}`);
}

test("the operators' six steps, command by command", async () => {
  const [build = "", one = "", look = "", promote = "", update = "", all = "", ...more] = blocksOf("The operators' six steps");
  expect(more).toEqual([]);
  // the pods that judge, which are the team's own
  await shell(`kubectl create namespace ${SERVING}
kubectl -n ${SERVING} create deployment specialist-toy --image specialist:1 --replicas 2
until [ "$(kubectl -n ${SERVING} get deployment specialist-toy -o jsonpath='{.status.availableReplicas}')" = 2 ]; do sleep 0.2; done`);

  expect(await shell(build)).toContain('deployment "requeen" successfully rolled out');
  const built = readFileSync(join(folder, "docker.log"), "utf8");
  expect(built).toContain("buildx build -f deploy/docker/Dockerfile");

  const trained = await shell(one);
  expect(trained).toMatch(/^toy /m);
  expect(trained).toContain("promote");

  // what was built is what runs, everywhere
  const images = await shell("k get pods -o jsonpath='{.items[*].spec.containers[*].image}'");
  for (const image of images.trim().split(" ")) expect(built).toContain(`-t ${image} `);

  const { runs } = JSON.parse(await shell("k exec deployment/requeen -- requeen runs list --limit 1 --json"));
  expect(runs[0]).toMatchObject({ specialist: "toy", state: "finished", promoted: true, challenger_version: "2" });
  const seen = await shell(look.replaceAll("RUN", runs[0].run_id));
  expect(seen).toContain("promote");
  expect(seen).toMatch(/same|identical|equal/i);

  expect(await shell(promote.replace(" 12 ", " 2 "))).toContain("2");
  expect(await champion()).toBe("2");

  const updated = await shell(update);
  expect(updated).toMatch(/toy +v2 +verified/);
  expect(await champion()).toBe("1");

  // the version that was taken back stays back; its labels count again
  const last = await shell(all);
  expect(last).toContain("[pod/requeen-train-all-");
  expect(last).toMatch(/^toy /m);
  expect(await shell("k get job requeen-train-all -o jsonpath='{.status.completedIndexes}'")).toBe("0");
  expect(await champion()).toBe("3");
});

test("option 2: the program out of ConfigMaps, as the API server kept them, trains on the set's volume", async () => {
  await shell("k exec deployment/requeen -- requeen rollback toy --reason 'its labels shall count again'");
  const [block = ""] = blocksOf("Three ways to train");
  await shell(block);
  // ended, whatever the end is
  await shell("k wait --for=jsonpath='{.status.conditions[-1:].type}' job/requeen-train-toy-code --timeout=180s");
  expect(await shell("k logs job/requeen-train-toy-code")).toMatch(/toy +finished +promote/);
  expect(await champion()).toBe("4");
});

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Called, RealCluster } from "./cluster.ts";

/** What happens to a pod: decided by the test when the pod has a node. */
export type Fate =
  /** The container's own program, as a process of this machine. */
  | { readonly kind: "run"; readonly command: readonly string[]; readonly env?: Readonly<Record<string, string>> }
  /** A pod that judges: answers GET /status. Ready at once. */
  | { readonly kind: "judge"; readonly port: number; readonly status: () => object }
  /** Stays Pending with this reason of a waiting container. */
  | { readonly kind: "wait"; readonly reason: string }
  /** Gets no node. */
  | { readonly kind: "unschedulable" }
  /** Is there and ready; nothing runs. */
  | { readonly kind: "idle" };

interface Instance {
  readonly namespace: string;
  readonly name: string;
  child: ChildProcess | null;
  server: Server | null;
  log: string;
  ended: boolean;
  /** Somebody reads the log as it grows. */
  readonly readers: Set<() => void>;
}

/**
 * Scheduler and kubelet of one node: gives every pod a node, starts what it shall be, reports its status, serves its log. kwok, which the
 * module proxy has too, moves pods through their phases and runs nothing in them; here the container's own program trains, ends with its own
 * exit code and writes its own log.
 */
export interface Kubelet {
  /** Pods that run now, by name. */
  running(): string[];
  /** How many containers were started, ever. */
  started(): number;
  /** Kills the process and takes the pod away, as a node that is gone. */
  lose(name: string): Promise<void>;
  /** As a node under pressure: kills, and says that the cluster disrupted the pod. */
  evict(name: string): Promise<void>;
  close(): Promise<void>;
}

const NODE = "node-1";

// biome-ignore lint/suspicious/noExplicitAny: pods as the API gives them
type AnyPod = any;

export async function startKubelet(cluster: RealCluster, fateOf: (pod: AnyPod) => Fate): Promise<Kubelet> {
  const instances = new Map<string, Instance>();
  let startedCount = 0;
  let nextAddress = 2;
  const stop = new AbortController();

  const tls = {
    cert: readFileSync(join(cluster.folder, "certificates", "apiserver.crt")),
    key: readFileSync(join(cluster.folder, "certificates", "apiserver.key")),
  };
  // the API server fetches logs here: /containerLogs/NAMESPACE/POD/CONTAINER
  const logServer = createHttpsServer(tls, (request, response) => {
    const [, , , name = ""] = (request.url ?? "").split("?")[0]?.split("/") ?? [];
    const instance = instances.get(name);
    if (instance === undefined) return void response.writeHead(404).end();
    const follow = (request.url ?? "").includes("follow=true");
    let sent = 0;
    const send = (): void => {
      response.write(instance.log.slice(sent));
      sent = instance.log.length;
      if (!follow || instance.ended) response.end();
    };
    response.writeHead(200, { "content-type": "text/plain" });
    instance.readers.add(send);
    request.on("close", () => instance.readers.delete(send));
    send();
  });
  await new Promise<void>((resolve) => logServer.listen(0, "127.0.0.1", resolve));
  const address = logServer.address();
  const logPort = typeof address === "object" && address !== null ? address.port : 0;

  await cluster.call("POST", "/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name: NODE } });
  await patchStatus(cluster, `/api/v1/nodes/${NODE}`, {
    capacity: { cpu: "64", memory: "256Gi", pods: "500" },
    allocatable: { cpu: "64", memory: "256Gi", pods: "500" },
    addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
    daemonEndpoints: { kubeletEndpoint: { Port: logPort } },
    conditions: [
      { type: "Ready", status: "True", reason: "KubeletReady", lastHeartbeatTime: stamp(), lastTransitionTime: stamp() },
    ],
  });

  const pathOf = ({ namespace, name }: { namespace: string; name: string }): string =>
    `/api/v1/namespaces/${namespace}/pods/${name}`;
  const say = async (instance: Instance, status: object): Promise<Called> => patchStatus(cluster, pathOf(instance), status);

  async function advance(pod: AnyPod): Promise<void> {
    const { name, namespace } = pod.metadata;
    if (pod.metadata.deletionTimestamp !== undefined) return finish(name, namespace);
    if (instances.has(name) || ["Succeeded", "Failed"].includes(pod.status?.phase)) return;
    const fate = fateOf(pod);
    if (fate.kind === "unschedulable") {
      if (pod.status?.conditions?.some(({ reason }: { reason?: string }) => reason === "Unschedulable")) return;
      const condition = {
        type: "PodScheduled",
        status: "False",
        reason: "Unschedulable",
        message: "0/1 nodes are available: insufficient memory.",
      };
      await patchStatus(cluster, pathOf({ name, namespace }), { conditions: [{ ...condition, lastTransitionTime: stamp() }] });
      return;
    }
    const instance: Instance = { namespace, name, child: null, server: null, log: "", ended: false, readers: new Set() };
    instances.set(name, instance);
    try {
      await bring(instance, pod, fate);
    } catch (error) {
      // the API server went away in the middle: begun again when it is back
      instances.delete(name);
      end(instance);
      throw error;
    }
  }

  async function bring(instance: Instance, pod: AnyPod, fate: Exclude<Fate, { kind: "unschedulable" }>): Promise<void> {
    const { name } = instance;
    if (!pod.spec.nodeName) {
      const target = { apiVersion: "v1", kind: "Node", name: NODE };
      await cluster.call("POST", `${pathOf(instance)}/binding`, {
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name },
        target,
      });
    }
    const container = pod.spec.containers[0];
    // who is asked must be reachable here; a service takes no loopback address for an endpoint
    const podIP = `${fate.kind === "judge" ? "127.1" : "10.244"}.${nextAddress >> 8}.${nextAddress++ & 255}`;
    const base = { name: container.name, image: container.image, imageID: "", restartCount: 0 };
    if (fate.kind === "wait") {
      const waiting = { reason: fate.reason, message: `image ${container.image} cannot be had` };
      await say(instance, { phase: "Pending", containerStatuses: [{ ...base, ready: false, state: { waiting } }] });
      return;
    }
    const runningState = { startedAt: stamp() };
    if (fate.kind === "judge") {
      instance.server = createHttpServer((_request, response) => {
        response.setHeader("content-type", "application/json").end(JSON.stringify(fate.status()));
      });
      await new Promise<void>((resolve) => instance.server?.listen(fate.port, podIP, resolve));
    }
    startedCount += 1;
    await say(instance, {
      phase: "Running",
      podIP,
      podIPs: [{ ip: podIP }],
      startTime: stamp(),
      conditions: ["Initialized", "ContainersReady", "Ready"].map((type) => ({
        type,
        status: "True",
        lastTransitionTime: stamp(),
      })),
      containerStatuses: [{ ...base, ready: true, started: true, state: { running: runningState } }],
    });
    if (fate.kind === "run") start(instance, pod, fate, base);
  }

  function start(instance: Instance, pod: AnyPod, fate: Extract<Fate, { kind: "run" }>, base: object): void {
    const container = pod.spec.containers[0];
    const env: Record<string, string> = {
      PATH: process.env.PATH ?? "",
      JOB_COMPLETION_INDEX: pod.metadata.annotations?.["batch.kubernetes.io/job-completion-index"] ?? "",
    };
    for (const { name, value } of container.env ?? []) if (value !== undefined) env[name] = value;
    const [program = "", ...words] = [...fate.command, ...(container.args ?? [])];
    const child = spawn(program, words, { env: { ...env, ...fate.env }, stdio: ["ignore", "pipe", "pipe"] });
    instance.child = child;
    const hear = (chunk: Buffer): void => {
      instance.log += chunk.toString("utf8");
      for (const reader of instance.readers) reader();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("close", async (code, signal) => {
      instance.ended = true;
      for (const reader of instance.readers) reader();
      if (instances.get(instance.name) !== instance || stop.signal.aborted) return;
      const exitCode = code ?? 128 + (signal === "SIGKILL" ? 9 : 15);
      const terminated = {
        exitCode,
        reason: exitCode === 0 ? "Completed" : "Error",
        startedAt: stamp(),
        finishedAt: stamp(),
        ...(exitCode === 0 ? {} : { message: instance.log.slice(-2_048) }),
      };
      await sayUntilHeard(instance, {
        phase: exitCode === 0 ? "Succeeded" : "Failed",
        conditions: [{ type: "Ready", status: "False", reason: "PodCompleted", lastTransitionTime: stamp() }],
        containerStatuses: [{ ...base, ready: false, state: { terminated } }],
      });
    });
  }

  /** A kubelet reports again until the API server is back. */
  async function sayUntilHeard(instance: Instance, status: object): Promise<void> {
    while (!stop.signal.aborted) {
      const [said] = await Promise.allSettled([say(instance, status)]);
      if (said.status === "fulfilled" && said.value.status < 500) return;
      await pause(200);
    }
  }

  function end(instance: Instance): void {
    instance.child?.kill("SIGKILL");
    instance.server?.close();
    instance.server?.closeAllConnections();
  }

  async function finish(name: string, namespace: string): Promise<void> {
    const instance = instances.get(name);
    if (instance !== undefined) {
      instances.delete(name);
      end(instance);
      // a kubelet says how the containers ended before it lets the pod go
      await say(instance, { phase: "Failed" });
    }
    await cluster.call("DELETE", pathOf({ name, namespace }), { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 0 });
  }

  async function loop(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        const { body } = await cluster.call("GET", "/api/v1/pods");
        for (const pod of body.items ?? []) await advance(pod);
        const known = new Set((body.items ?? []).map(({ metadata }: AnyPod) => metadata.name));
        for (const [name, instance] of instances)
          if (body.items !== undefined && !known.has(name)) {
            instances.delete(name);
            end(instance);
          }
      } catch {
        // the API server is away: the node goes on without it
        await pause(200);
      }
      await pause(150);
    }
  }
  const looping = loop();

  const found = (name: string): Instance => {
    const instance = instances.get(name);
    if (instance === undefined) throw new Error(`no pod ${name} runs`);
    return instance;
  };

  return {
    running: () => [...instances.values()].filter(({ child, ended }) => child !== null && !ended).map(({ name }) => name),
    started: () => startedCount,
    async lose(name) {
      const instance = found(name);
      instances.delete(name);
      end(instance);
      // what the pod garbage collector does to pods of a node that is gone
      await patchStatus(cluster, pathOf(instance), { phase: "Failed", conditions: [disrupted("DeletionByPodGC")] });
      await cluster.call("DELETE", pathOf(instance), { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds: 0 });
    },
    async evict(name) {
      const instance = found(name);
      instances.delete(name);
      end(instance);
      await patchStatus(cluster, pathOf(instance), {
        phase: "Failed",
        reason: "Evicted",
        message: "The node was low on resource: memory.",
        conditions: [disrupted("TerminationByKubelet")],
      });
    },
    async close() {
      stop.abort();
      await looping;
      for (const instance of instances.values()) end(instance);
      logServer.closeAllConnections();
      await new Promise((resolve) => logServer.close(resolve));
    },
  };
}

const disrupted = (reason: string) => ({ type: "DisruptionTarget", status: "True", reason, lastTransitionTime: stamp() });
const stamp = (): string => `${new Date().toISOString().slice(0, 19)}Z`;

async function patchStatus(cluster: RealCluster, path: string, status: object): Promise<Called> {
  return cluster.call("PATCH", `${path}/status`, { status }, "application/strategic-merge-patch+json");
}

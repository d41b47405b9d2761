import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createClusterApi } from "../../../src/cluster/api.ts";
import { leadUntilStopped } from "../../../src/cluster/leader.ts";
import { type RealCluster, startCluster } from "./cluster.ts";
import { type Faults, faulty, status } from "./faults.ts";
import { COMMAND, IMAGE } from "./training.ts";

const programs = process.env.REQUEEN_INTEROP_KUBERNETES ?? "";
let cluster: RealCluster;
/** Who believes to lead now, in the order of election, and how many at once at the most. */
let leading: string[] = [];
let elected: string[] = [];
let mostAtOnce = 0;
let lease = "";
let count = 0;
const replicas: { readonly stop: AbortController; readonly done: Promise<void> }[] = [];

const children: ChildProcess[] = [];

beforeAll(async () => {
  cluster = await startCluster(programs);
});
afterAll(async () => {
  await cluster?.close();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const { stop } of replicas) stop.abort();
  await Promise.all(replicas.splice(0).map(({ done }) => done));
  leading = [];
  elected = [];
  mostAtOnce = 0;
});

const DURATION_MS = 3_000;

function replica(identity: string, faults: Faults = {}): AbortController {
  const stop = new AbortController();
  const api = createClusterApi({
    address: cluster.address,
    transport: faulty(cluster.transport, faults),
    attempts: 2,
    pauseMs: () => 20,
  });
  const options = {
    api,
    namespace: "default",
    name: lease,
    identity,
    now: Date.now,
    clock: () => performance.now(),
    signal: stop.signal,
    log: () => undefined,
    durationMs: DURATION_MS,
  };
  const done = leadUntilStopped(options, async (signal) => {
    leading.push(identity);
    elected.push(identity);
    mostAtOnce = Math.max(mostAtOnce, leading.length);
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    leading = leading.filter((name) => name !== identity);
  });
  replicas.push({ stop, done });
  return stop;
}

const newLease = (): void => {
  count += 1;
  lease = `lease-${count}`;
};
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await pause(20);
};

test("of two replicas one leads; when it stops, the other need not wait", async () => {
  newLease();
  const a = replica("a");
  await until(() => leading.length === 1);
  replica("b");
  await pause(DURATION_MS);
  expect(leading).toEqual(["a"]);
  a.abort();
  await until(() => leading.includes("b"));
  const { body } = await cluster.call("GET", `/apis/coordination.k8s.io/v1/namespaces/default/leases/${lease}`);
  expect(body.spec).toMatchObject({ holderIdentity: "b", leaseTransitions: 1 });
  expect({ elected, mostAtOnce }).toEqual({ elected: ["a", "b"], mostAtOnce: 1 });
});

test("a leader that is cut off stops by itself before the other starts", async () => {
  newLease();
  const cut: Faults = {};
  replica("a", cut);
  await until(() => leading.includes("a"));
  replica("b");
  cut.answer = () => status(503, "ServiceUnavailable");
  await until(() => leading.includes("b"));
  expect({ elected, mostAtOnce }).toEqual({ elected: ["a", "b"], mostAtOnce: 1 });
  // it may come back, as a follower
  delete cut.answer;
  await pause(DURATION_MS);
  expect(leading).toEqual(["b"]);
});

test("conflicts by the dozen and an API server that restarts leave one leader", async () => {
  newLease();
  let calls = 0;
  const storm: Faults = { answer: ({ method }) => (method === "PUT" && ++calls % 2 === 0 ? status(409, "Conflict") : null) };
  for (const name of ["a", "b", "c"]) replica(name, storm);
  await until(() => leading.length === 1);
  await pause(DURATION_MS);
  await cluster.stopApiServer();
  await until(() => leading.length === 0);
  await cluster.startApiServer();
  await until(() => leading.length === 1);
  await pause(DURATION_MS);
  expect(leading).toHaveLength(1);
  expect(mostAtOnce).toBe(1);
});

test("two `requeen serve`: one holds the Lease; killed, the other takes over, and gives it back when it is stopped", async () => {
  newLease();
  const folder = mkdtempSync(join(tmpdir(), "requeen-leader-"));
  const serve = (): ChildProcess => {
    const [program, ...words] = COMMAND;
    const env = {
      PATH: process.env.PATH,
      REQUEEN_DATA_DIR: folder,
      REQUEEN_EXECUTOR: "kubernetes",
      REQUEEN_CLUSTER_KUBECONFIG: cluster.kubeconfig,
      REQUEEN_CLUSTER_IMAGE: IMAGE,
      REQUEEN_CLUSTER_LEASE: lease,
      REQUEEN_CLUSTER_MLFLOW_TRACKING_URI: "http://127.0.0.1:1",
    };
    const child = spawn(program, [...words, "serve", "--port", "0", "--json"], { env, cwd: folder, stdio: "ignore" });
    children.push(child);
    return child;
  };
  const holder = async (): Promise<number | null> => {
    const { body } = await cluster.call("GET", `/apis/coordination.k8s.io/v1/namespaces/default/leases/${lease}`);
    const identity: string = body.spec?.holderIdentity ?? "";
    return identity === "" ? null : Number(identity.split(":")[1]);
  };
  const untilHolder = async (pid: number | null): Promise<void> => {
    while ((await holder()) !== pid) await pause(200);
  };
  const first = serve();
  await untilHolder(first.pid ?? 0);
  const second = serve();
  await pause(DURATION_MS);
  expect(await holder()).toBe(first.pid);
  first.kill("SIGKILL");
  await untilHolder(second.pid ?? 0);
  const ended = new Promise((resolve) => second.once("exit", resolve));
  second.kill("SIGTERM");
  await ended;
  expect(await holder()).toBeNull();
  rmSync(folder, { recursive: true, force: true });
});

import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openHouse } from "../../../src/cli/house.ts";
import { createClusterApi } from "../../../src/cluster/api.ts";
import { type ExecutorSettings, onKubernetes } from "../../../src/cluster/executor.ts";
import { readConfig } from "../../../src/config/read-config.ts";
import type { Run } from "../../../src/core/run.ts";
import type { House } from "../../../src/loop/house.ts";
import { promote } from "../../../src/loop/promote.ts";
import { retrain, startRun } from "../../../src/loop/retrain.ts";
import { type MlflowServer, serveMlflow } from "../../../src/mlflow/serve.ts";
import { addToyLabels, CONFIG_TEXT } from "../../integration/support/open-house.ts";
import type { RealCluster } from "./cluster.ts";
import { type Faults, faulty } from "./faults.ts";
import type { Fate } from "./kubelet.ts";

const DAY_MS = 86_400_000;
export const IMAGE = "requeen.test/requeen:1";
export const ROOT = new URL("../../../", import.meta.url).pathname;

/** `requeen` as the image has it: here, the command line from the sources. */
export const COMMAND = [process.execPath, "--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/main.ts")] as const;
/** What the container of a training pod is on this machine. */
export const TRAIN: Fate = { kind: "run", command: COMMAND };

export interface Logged {
  readonly event: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** A controller: one process's house over the shared data folder and MLflow server. */
export interface Controller {
  readonly house: House;
  readonly logged: Logged[];
  events(name: string): Logged[];
  close(): Promise<void>;
}

/** A data folder with a champion and 120 good labels to learn from, and the MLflow server that controllers and pods share. */
export interface Training {
  /** Where the store and the files are. */
  readonly dataDir: string;
  readonly mlflowUrl: () => string;
  controller(cluster: RealCluster, namespace: string, options?: ControllerOptions): Promise<Controller>;
  /** A controller that trains on threads. */
  local(): Promise<Controller>;
  /** The next run on threads, over a copy of everything: what the cluster must come to as well. */
  onThreads(): Promise<Run>;
  close(): Promise<void>;
}

export interface ControllerOptions {
  readonly settings?: Partial<ExecutorSettings>;
  readonly faults?: Faults;
}

export async function openTraining(): Promise<Training> {
  const folder = mkdtempSync(join(tmpdir(), "requeen-training-"));
  const dataDir = join(folder, "data");
  const serveIn = (at: string): Promise<MlflowServer> =>
    serveMlflow({ dataDir: join(at, "mlflow"), host: "127.0.0.1", port: 0, now: Date.now });
  let mlflow = await serveIn(folder);
  const startMs = Date.now() - 10 * DAY_MS;
  let nowMs: number | null = startMs + DAY_MS;
  const now = (): number => nowMs ?? Date.now();

  async function open(at = folder, registry = mlflow.url): Promise<Controller> {
    writeFileSync(join(at, "requeen.config.yaml"), CONFIG_TEXT);
    const { config } = await readConfig({
      workingDirectory: at,
      environment: { REQUEEN_DATA_DIR: join(at, "data"), REQUEEN_TRAIN_THREADS: "2", MLFLOW_TRACKING_URI: registry },
    });
    const logged: Logged[] = [];
    const opened = await openHouse({ config, now, log: (event, details) => void logged.push({ event, details }) });
    // each controller stands for a process of its own, on a machine of its own
    const house: House = { ...opened.house, owner: `machine-${Math.random()}:1:test` };
    return { house, logged, events: (name) => logged.filter(({ event }) => event === name), close: () => opened.close() };
  }

  const first = await open();
  await addToyLabels(first.house, { from: 0, count: 110, noise: 0.4, startMs });
  const run = await retrain(first.house, { specialist: "toy", by: "test", reason: "evidence" });
  if (!run.promoted) {
    const version = run.challenger_version ?? "";
    await promote(first.house, { specialist: "toy", version, by: "test", reason: "a weak first champion", force: true });
  }
  nowMs = startMs + 5 * DAY_MS;
  await addToyLabels(first.house, { from: 1_000, count: 120, noise: 0.02, startMs: startMs + 4 * DAY_MS });
  await first.close();
  nowMs = null;
  await mlflow.close();
  const twin = join(folder, "twin");
  cpSync(dataDir, join(twin, "data"), { recursive: true });
  cpSync(join(folder, "mlflow"), join(twin, "mlflow"), { recursive: true });
  mlflow = await serveIn(folder);

  return {
    dataDir,
    mlflowUrl: () => mlflow.url,
    local: () => open(),
    async onThreads() {
      const server = await serveIn(twin);
      const { house, close } = await open(twin, server.url);
      const run = await retrain(house, { specialist: "toy", by: "test", reason: "person" });
      await close();
      await server.close();
      return run;
    },
    async controller(cluster, namespace, { settings = {}, faults = {} } = {}) {
      const base = await open();
      const api = createClusterApi({ address: cluster.address, transport: faulty(cluster.transport, faults), pauseMs: () => 50 });
      const executor = onKubernetes({
        house: base.house,
        connect: async () => ({ api, namespace }),
        settings: {
          image: IMAGE,
          imagePullPolicy: "IfNotPresent",
          serviceAccount: null,
          imagePullSecrets: [],
          secrets: [],
          mlflowToken: null,
          mlflowTrackingUri: mlflow.url,
          resources: { cpu: "100m", memory: "64Mi", cpuLimit: "1", memoryLimit: "1Gi" },
          threads: 1,
          parallelism: 2,
          backoffLimit: 4,
          deadlineSeconds: 600,
          keepSeconds: 600,
          startTimeoutMs: 120_000,
          awayTimeoutMs: 120_000,
          lookEveryMs: 1_000,
          ...settings,
        },
      });
      return { ...base, house: { ...base.house, executor } };
    },
    async close() {
      await mlflow.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Begins the second run, as a person who may look at the same labels again. */
export const beginRun = (house: House): Promise<Run> => startRun(house, { specialist: "toy", by: "test", reason: "person" });

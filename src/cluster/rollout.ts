import { setTimeout as pause } from "node:timers/promises";
import { isRequeenError, RequeenError } from "../core/errors.ts";
import type { PodReport, Rollout, RolloutChange } from "../loop/rollout-strategy.ts";
import { type ClusterApi, retryConflicts } from "./api.ts";
import type { Deployment, Pod } from "./kinds.ts";
import { askPod } from "./pod-status.ts";
import type { Notify } from "./webhook.ts";

export interface RolloutSettings {
  readonly strategy: Rollout["strategy"];
  /** Where the deployments are; null: the namespace of the credentials. */
  readonly namespace: string | null;
  /** With `{type}` for the specialist. */
  readonly deployment: string;
  readonly timeoutMs: number;
  /** With `{type}`, `{namespace}` and, to ask every pod, `{pod_ip}` or `{pod}`; null: nothing is verified. */
  readonly verifyUrl: string | null;
  readonly verifyMs: number;
  readonly takesBack: boolean;
  /** Between two looks, when no watch wakes us. */
  readonly lookEveryMs: number;
}

export interface RolloutParts {
  readonly settings: RolloutSettings;
  /** Asked for when pods or deployments are looked at. */
  readonly connect: () => Promise<{ readonly api: ClusterApi; readonly namespace: string }>;
  /** Of strategy notify. */
  readonly notify: Notify | null;
  readonly now: () => number;
  /** The clock by which deadlines are kept. */
  readonly clock: () => number;
}

/** The configured way to the pods. */
export function createRollout({ settings, connect, notify, now, clock }: RolloutParts): Rollout {
  const { strategy, verifyUrl } = settings;
  const deploymentOf = ({ specialist }: RolloutChange): string => settings.deployment.replaceAll("{type}", specialist);
  const open = async (): Promise<{ api: ClusterApi; namespace: string }> => {
    const { api, namespace } = await connect();
    return { api, namespace: settings.namespace ?? namespace };
  };
  return {
    strategy,
    verifies: verifyUrl !== null,
    takesBack: settings.takesBack,
    async deploy(change, signal) {
      if (strategy === "restart") await restart(await open(), deploymentOf(change), change, settings, { now, clock, signal });
      if (strategy === "notify" && notify !== null) await notify(change, signal);
    },
    async verify(change, signal) {
      if (verifyUrl === null) return [];
      if (/\{pod(_ip)?\}/.test(verifyUrl)) {
        const { api, namespace } = await open();
        return untilAllReport(
          () => podsToAsk(api, namespace, deploymentOf(change), verifyUrl, change),
          change,
          settings,
          clock,
          signal,
        );
      }
      const namespace = verifyUrl.includes("{namespace}") ? (await open()).namespace : "";
      const url = fill(verifyUrl, change, namespace);
      return untilAllReport(async () => [{ pod: url, url }], change, settings, clock, signal);
    },
  };
}

const fill = (pattern: string, { specialist, version }: RolloutChange, namespace: string, pod?: Pod): string =>
  pattern
    .replaceAll("{type}", specialist)
    .replaceAll("{namespace}", namespace)
    .replaceAll("{version}", version)
    .replaceAll("{pod_ip}", hostOf(pod?.status?.podIP ?? ""))
    .replaceAll("{pod}", pod?.metadata.name ?? "");
const hostOf = (ip: string): string => (ip.includes(":") ? `[${ip}]` : ip);

const CONFLICTS = 20;
/** As `kubectl rollout restart` writes it. */
const RESTARTED_AT = "kubectl.kubernetes.io/restartedAt";
const ROLLED_OUT = "requeen/deployment-id";

interface Clocks {
  readonly now: () => number;
  readonly clock: () => number;
  readonly signal: AbortSignal;
}

/** Restarts the deployment's pods as `kubectl rollout restart` does, and waits as `kubectl rollout status` does. */
async function restart(
  { api, namespace }: { readonly api: ClusterApi; readonly namespace: string },
  name: string,
  change: RolloutChange,
  { timeoutMs, lookEveryMs }: RolloutSettings,
  { now, clock, signal }: Clocks,
): Promise<void> {
  const beganMs = clock();
  const leftMs = (): number => timeoutMs - (clock() - beganMs);
  const restartOnce = () =>
    retryConflicts(
      CONFLICTS,
      async () => {
        const found = await api.get("deployments", namespace, name);
        if (found === null)
          throw new RequeenError(
            "not_found",
            `there is no deployment ${name} in namespace ${namespace}; check rollout.deployment`,
            { namespace, name },
          );
        // a restart that a crash interrupted goes on instead of beginning again
        if (found.spec?.template?.metadata?.annotations?.[ROLLED_OUT] === change.deploymentId) return found;
        const annotations = { [RESTARTED_AT]: new Date(now()).toISOString(), [ROLLED_OUT]: change.deploymentId };
        return api.patch("deployments", namespace, name, { spec: { template: { metadata: { annotations } } } });
      },
      signal,
    );
  const changed = await whileAway(restartOnce, leftMs, lookEveryMs, signal);
  const generation = changed.metadata.generation ?? 0;
  const selection = { fieldSelector: `metadata.name=${name}` };
  for (;;) {
    signal.throwIfAborted();
    const { items, resourceVersion } = await whileAway(
      () => api.list("deployments", namespace, selection),
      leftMs,
      lookEveryMs,
      signal,
    );
    const state = readiness(items[0] ?? null, generation);
    if (state.ready) return;
    if (state.hopeless || leftMs() <= 0)
      throw new RequeenError("rollout_failed", `deployment ${name} in ${namespace} is not ready: ${state.why}`, {
        namespace,
        name,
      });
    const wait = { resourceVersion, timeoutMs: Math.max(1, Math.min(lookEveryMs, leftMs())), signal };
    await api.untilChange("deployments", namespace, { ...selection, ...wait });
  }
}

/** An API server that is away says nothing about the pods: asked again until the time is over, and then it is what it is. */
async function whileAway<T>(work: () => Promise<T>, leftMs: () => number, everyMs: number, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isRequeenError(error, "cluster_unavailable") || leftMs() <= 0) throw error;
      await pause(everyMs, undefined, { signal });
    }
  }
}

/** Whether every pod of a deployment is of its newest template and available. */
export function readiness(
  deployment: Deployment | null,
  generation: number,
): { readonly ready: boolean; readonly hopeless: boolean; readonly why: string } {
  if (deployment === null) return { ready: false, hopeless: true, why: "somebody deleted it" };
  const {
    observedGeneration = 0,
    replicas = 0,
    updatedReplicas = 0,
    availableReplicas = 0,
    conditions = [],
  } = deployment.status ?? {};
  const wanted = deployment.spec?.replicas ?? 1;
  const no = (why: string, hopeless = false) => ({ ready: false, hopeless, why });
  if (observedGeneration < generation) return no("the controller has not seen the change yet");
  const stuck = conditions.find(({ type, reason }) => type === "Progressing" && reason === "ProgressDeadlineExceeded");
  if (stuck !== undefined) return no(`${stuck.message ?? "its progress deadline is over"}`, true);
  if (updatedReplicas < wanted) return no(`${updatedReplicas} of ${wanted} pods are new`);
  if (replicas > updatedReplicas) return no(`${replicas - updatedReplicas} old pods still end`);
  if (availableReplicas < updatedReplicas) return no(`${availableReplicas} of ${updatedReplicas} new pods are available`);
  return { ready: true, hopeless: false, why: "" };
}

interface Target {
  readonly pod: string;
  /** Null: it has no address yet. */
  readonly url: string | null;
}

async function podsToAsk(
  api: ClusterApi,
  namespace: string,
  name: string,
  pattern: string,
  change: RolloutChange,
): Promise<Target[]> {
  const deployment = await api.get("deployments", namespace, name);
  if (deployment === null)
    throw new RequeenError("not_found", `there is no deployment ${name} in namespace ${namespace}; check rollout.deployment`, {
      namespace,
      name,
    });
  const labels = Object.entries(deployment.spec?.selector?.matchLabels ?? {});
  const { items } = await api.list("pods", namespace, {
    labelSelector: labels.map(([key, value]) => `${key}=${value}`).join(","),
  });
  return items
    .filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined && status?.phase !== "Failed" && status?.phase !== "Succeeded",
    )
    .map((pod) => ({
      pod: pod.metadata.name,
      url: pattern.includes("{pod_ip}") && !pod.status?.podIP ? null : fill(pattern, change, namespace, pod),
    }));
}

const ASK_MS = 5_000;

/** Asks all until all report the version, or the deadline is over. */
async function untilAllReport(
  targets: () => Promise<Target[]>,
  { specialist, version }: RolloutChange,
  { verifyMs, lookEveryMs }: RolloutSettings,
  clock: () => number,
  signal: AbortSignal,
): Promise<PodReport[]> {
  const beganMs = clock();
  const leftMs = (): number => verifyMs - (clock() - beganMs);
  for (;;) {
    signal.throwIfAborted();
    const asked = await whileAway(targets, leftMs, lookEveryMs, signal);
    const reports = await reportsOf(asked, version, signal);
    if (reports.length > 0 && reports.every(({ problem }) => problem === "")) return reports;
    if (leftMs() <= 0) {
      const wrong = reports.filter(({ problem }) => problem !== "");
      const what =
        reports.length === 0 ? "there is no pod to ask" : wrong.map(({ pod, problem }) => `${pod}: ${problem}`).join("; ");
      throw new RequeenError(
        "rollout_failed",
        `${specialist} version ${version} is not what its pods judge by: ${what}`.slice(0, 1_500),
        { pods: reports },
      );
    }
    await pause(Math.min(lookEveryMs, Math.max(1, leftMs())), undefined, { signal });
  }
}

async function reportsOf(asked: readonly Target[], version: string, signal: AbortSignal): Promise<PodReport[]> {
  const timed = AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]);
  return Promise.all(
    asked.map(({ pod, url }) =>
      url === null
        ? { pod, version: null, model_loaded: false, problem: "has no address yet" }
        : askPod(pod, url, version, timed),
    ),
  );
}

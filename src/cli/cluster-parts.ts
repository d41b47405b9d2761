import { type ConnectedCluster, connectCluster } from "../cluster/connect.ts";
import { onKubernetes } from "../cluster/executor.ts";
import { createRollout } from "../cluster/rollout.ts";
import { createWebhook } from "../cluster/webhook.ts";
import type { Config } from "../config/read-config.ts";
import { RequeenError } from "../core/errors.ts";
import type { House } from "../loop/house.ts";
import type { ClusterHouse } from "./uses-cluster.ts";

const LOOK_EVERY_MS = 5_000;

/** The cluster that the configuration names. @throws RequeenError bad_config */
export const clusterOf = ({ cluster }: Config): Promise<ConnectedCluster> =>
  connectCluster({ kubeconfig: cluster.kubeconfig, context: cluster.context });

/**
 * Executor and rollout as the configuration wants them; the cluster is connected when first asked for.
 * @throws RequeenError bad_config naming the key that is missing
 */
export function openClusterParts(config: Config, house: ClusterHouse): Pick<House, "executor" | "rollout"> {
  let connected: Promise<ConnectedCluster> | null = null;
  const connect = async (): Promise<ConnectedCluster> => {
    connected ??= clusterOf(config);
    const { api, namespace } = await connected;
    return { api, namespace: config.cluster.namespace ?? namespace };
  };
  return {
    ...(config.executor === "kubernetes" ? { executor: onKubernetes({ house, connect, settings: trainSettings(config) }) } : {}),
    rollout: createRollout({
      settings: rolloutSettings(config),
      connect,
      notify: notifyOf(config, house.now),
      now: house.now,
      clock: () => performance.now(),
    }),
  };
}

function trainSettings(config: Config): Parameters<typeof onKubernetes>[0]["settings"] {
  const { cluster } = config;
  const mlflowTrackingUri = cluster.mlflowTrackingUri ?? config.mlflowTrackingUri;
  if (cluster.image === undefined) throw missing("cluster.image", "the image of the training pods");
  if (mlflowTrackingUri === undefined)
    throw missing("mlflowTrackingUri or cluster.mlflowTrackingUri", "the MLflow server that the training pods reach");
  const { cpu, cpuLimit, memory, memoryLimit, imagePullPolicy, imagePullSecrets, secrets } = cluster;
  const { parallelism, backoffLimit, deadlineSeconds, keepSeconds } = cluster;
  return {
    image: cluster.image,
    imagePullPolicy,
    imagePullSecrets,
    secrets,
    mlflowToken: secretKeyOf(cluster.mlflowToken),
    serviceAccount: cluster.serviceAccount ?? null,
    mlflowTrackingUri,
    resources: { cpu, cpuLimit, memory, memoryLimit },
    threads: Math.max(1, Math.floor(cpuLimit.endsWith("m") ? Number(cpuLimit.slice(0, -1)) / 1_000 : Number(cpuLimit))),
    parallelism,
    backoffLimit,
    deadlineSeconds,
    keepSeconds,
    startTimeoutMs: cluster.startTimeoutSeconds * 1_000,
    awayTimeoutMs: cluster.awayTimeoutSeconds * 1_000,
    lookEveryMs: LOOK_EVERY_MS,
  };
}

function secretKeyOf(text: string | undefined): { secret: string; key: string } | null {
  const [secret, key] = text?.split("/") ?? [];
  return secret === undefined || key === undefined ? null : { secret, key };
}

const missing = (key: string, what: string): RequeenError =>
  new RequeenError("bad_config", `executor kubernetes needs ${key}: ${what}`, { key });

function rolloutSettings({ rollout }: Config): Parameters<typeof createRollout>[0]["settings"] {
  return {
    strategy: rollout.strategy,
    namespace: rollout.namespace ?? null,
    deployment: rollout.deployment,
    timeoutMs: rollout.timeoutSeconds * 1_000,
    verifyUrl: rollout.verifyUrl ?? null,
    verifyMs: rollout.verifySeconds * 1_000,
    takesBack: rollout.rollback,
    lookEveryMs: LOOK_EVERY_MS,
  };
}

function notifyOf({ rollout }: Config, now: () => number): Parameters<typeof createRollout>[0]["notify"] {
  if (rollout.strategy !== "notify") return null;
  if (rollout.notifyUrl === undefined)
    throw new RequeenError("bad_config", "rollout.strategy notify needs rollout.notifyUrl: the webhook", {
      key: "rollout.notifyUrl",
    });
  return createWebhook({
    url: rollout.notifyUrl,
    secret: rollout.notifySecret?.reveal() ?? null,
    timeoutMs: rollout.notifySeconds * 1_000,
    attempts: rollout.notifyAttempts,
    linkLocal: rollout.notifyLinkLocal,
    now,
  });
}

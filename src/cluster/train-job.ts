import { createHash } from "node:crypto";
import type { Run } from "../core/run.ts";
import { labelsOf, type Manifest } from "./manifest.ts";
import { CONTAINER_SECURITY, containerResources, RUN_AS } from "./pod.ts";

/** What the configuration says of training Jobs. */
export interface TrainJobSettings {
  readonly namespace: string;
  readonly image: string;
  readonly imagePullPolicy: "Always" | "IfNotPresent" | "Never";
  /** Null: the namespace's default account. No token is mounted in either case. */
  readonly serviceAccount: string | null;
  readonly imagePullSecrets: readonly string[];
  /** Secrets whose keys become environment variables of the pods, such as MLFLOW_TRACKING_TOKEN. */
  readonly secrets: readonly string[];
  /** What MLFLOW_TRACKING_TOKEN of the pods comes from; null: nothing. */
  readonly mlflowToken: { readonly secret: string; readonly key: string } | null;
  /** The MLflow server as the pods reach it. */
  readonly mlflowTrackingUri: string;
  readonly resources: { readonly cpu: string; readonly memory: string; readonly cpuLimit: string; readonly memoryLimit: string };
  readonly threads: number;
  /** Pods of one Job at a time, at most. */
  readonly parallelism: number;
  /** Failed pods of one Job until it fails; pods that the cluster itself disrupts do not count. */
  readonly backoffLimit: number;
  readonly deadlineSeconds: number;
  /** How long a finished Job stays to be looked at. */
  readonly keepSeconds: number;
}

/** What the pods of a Job are asked to do. */
export interface TrainJobWork {
  readonly run: Run;
  readonly mlflowRunId: string;
  /** SHA-256 of the bundle, which stands with the MLflow run. */
  readonly bundleSha256: string;
  readonly tasks: number;
}

export const RUN_LABEL = "requeen/run";
export const FENCE_LABEL = "requeen/fence";
const SPECIALIST_LABEL = "requeen/specialist";
export const BUNDLE_ANNOTATION = "requeen/bundle-sha256";
const CONTAINER = "train";
/** A second try of the same container cannot mend these: the call, the data, the permission or the stored file is wrong. */
const HOPELESS_EXITS = [2, 3, 4, 6, 8];
/** The pods' host names are the Job's name and an index, 63 characters together. */
const MOST_NAME = 52;

/** The same for the same run and tasks, whoever asks: a second creation meets the first. */
export function trainJobName({ run, bundleSha256 }: Pick<TrainJobWork, "run" | "bundleSha256">): string {
  const tail = createHash("sha256").update(`${run.run_id}\n${bundleSha256}`).digest("hex").slice(0, 16);
  const head = `requeen-${run.specialist}`.slice(0, MOST_NAME - tail.length - 1).replace(/-+$/, "");
  return `${head}-${tail}`;
}

/**
 * One Indexed Job of `batch/v1`: the pod of index i runs task i of the bundle and leaves its answer with the MLflow run. The pods reach
 * MLflow and nothing else: no store, no API server.
 */
export function trainJob(settings: TrainJobSettings, work: TrainJobWork): Manifest {
  const { run, mlflowRunId, bundleSha256, tasks } = work;
  const labels = {
    ...labelsOf(CONTAINER),
    [RUN_LABEL]: run.run_id,
    // a label must not end in a hyphen, a specialist's name may
    [SPECIALIST_LABEL]: run.specialist.replace(/-+$/, ""),
    [FENCE_LABEL]: String(run.fence),
  };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: trainJobName(work),
      namespace: settings.namespace,
      labels,
      annotations: { [BUNDLE_ANNOTATION]: bundleSha256 },
    },
    spec: {
      completionMode: "Indexed",
      completions: tasks,
      parallelism: Math.min(tasks, settings.parallelism),
      backoffLimit: settings.backoffLimit,
      activeDeadlineSeconds: settings.deadlineSeconds,
      ttlSecondsAfterFinished: settings.keepSeconds,
      podFailurePolicy: {
        rules: [
          // the cluster took the pod away: evicted, preempted, its node drained or lost
          { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
          { action: "FailJob", onExitCodes: { containerName: CONTAINER, operator: "In", values: HOPELESS_EXITS } },
        ],
      },
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: "Never",
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          ...(settings.serviceAccount === null ? {} : { serviceAccountName: settings.serviceAccount }),
          ...(settings.imagePullSecrets.length === 0
            ? {}
            : { imagePullSecrets: settings.imagePullSecrets.map((name) => ({ name })) }),
          securityContext: {
            runAsNonRoot: true,
            runAsUser: RUN_AS,
            runAsGroup: RUN_AS,
            fsGroup: RUN_AS,
            seccompProfile: { type: "RuntimeDefault" },
          },
          containers: [
            {
              name: CONTAINER,
              image: settings.image,
              imagePullPolicy: settings.imagePullPolicy,
              args: ["train-job", "--mlflow-run", mlflowRunId, "--bundle", bundleSha256, "--json"],
              env: [
                { name: "HOME", value: "/tmp" },
                { name: "REQUEEN_ACTOR", value: "requeen-train" },
                { name: "REQUEEN_DATA_DIR", value: "/tmp/requeen" },
                { name: "REQUEEN_TRAIN_THREADS", value: String(settings.threads) },
                { name: "MLFLOW_TRACKING_URI", value: settings.mlflowTrackingUri },
                ...(settings.mlflowToken === null ? [] : [tokenVariable(settings.mlflowToken)]),
              ],
              ...(settings.secrets.length === 0 ? {} : { envFrom: settings.secrets.map((name) => ({ secretRef: { name } })) }),
              resources: containerResources(settings.resources),
              securityContext: CONTAINER_SECURITY,
              // its last words say why it ended
              terminationMessagePolicy: "FallbackToLogsOnError",
              volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
            },
          ],
          volumes: [{ name: "tmp", emptyDir: {} }],
        },
      },
    },
  };
}

const tokenVariable = ({ secret, key }: NonNullable<TrainJobSettings["mlflowToken"]>) => ({
  name: "MLFLOW_TRACKING_TOKEN",
  valueFrom: { secretKeyRef: { name: secret, key } },
});

import { z } from "zod";
import { secret } from "./secret-setting.ts";

const label = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "a name of Kubernetes: lower-case letters, digits and hyphens");
const quantity = z.string().regex(/^\d+(\.\d+)?(m|Ki|Mi|Gi|Ti)?$/, "a quantity of Kubernetes: 500m, 2, 1Gi");
const seconds = z.number().positive().max(31_536_000);

export const executorSchema = z
  .enum(["local", "kubernetes"])
  .default("local")
  .meta({ description: "where runs train: on this process's threads, or as Jobs of a Kubernetes cluster" });

/** How to reach the cluster, and what its training Jobs look like. */
export const clusterSchema = z.strictObject({
  kubeconfig: z.string().min(1).optional().meta({
    description: "kubeconfig file; without it the pod's own credentials, KUBECONFIG or ~/.kube/config",
  }),
  context: z.string().min(1).optional().meta({ description: "context of the kubeconfig; without it, its current one" }),
  namespace: label
    .optional()
    .meta({ description: "where Jobs and the leader's Lease stand; by default that of the credentials" }),
  lease: label.default("requeen").meta({
    description: "name of the Lease by which replicas of `requeen serve` choose the one that trains, with executor kubernetes",
  }),
  image: z.string().min(1).optional().meta({ description: "image of the training pods, with tag or digest" }),
  imagePullPolicy: z
    .enum(["Always", "IfNotPresent", "Never"])
    .default("IfNotPresent")
    .meta({ description: "when nodes pull it" }),
  imagePullSecrets: z.array(label).default([]).meta({ description: "Secrets with the registry's credentials" }),
  serviceAccount: label.optional().meta({ description: "account of the training pods; no token is mounted" }),
  secrets: z.array(label).default([]).meta({
    description: "Secrets whose keys become environment variables of the training pods, such as MLFLOW_TRACKING_TOKEN",
  }),
  mlflowTrackingUri: z
    .string()
    .regex(/^https?:\/\//, "the address of an MLflow server, http:// or https://")
    .optional()
    .meta({ description: "the MLflow server as the training pods reach it; by default `mlflowTrackingUri`", uri: true }),
  mlflowToken: z
    .string()
    .regex(/^[a-z0-9][-a-z0-9.]*\/[-._a-zA-Z0-9]+$/, "a Secret and its key: mlflow/token")
    .optional()
    .meta({ description: "Secret and key that hold MLFLOW_TRACKING_TOKEN of the training pods, as `mlflow/token`" }),
  cpu: quantity.default("500m").meta({ description: "CPU that a training pod asks for" }),
  cpuLimit: quantity.default("2").meta({ description: "CPU that it gets at most; also its number of threads" }),
  memory: quantity.default("1Gi").meta({ description: "memory that a training pod asks for" }),
  memoryLimit: quantity.default("2Gi").meta({ description: "memory at which it is ended" }),
  parallelism: z.int().min(1).max(1_000).default(4).meta({ description: "pods of one run at a time, at most" }),
  backoffLimit: z.int().min(0).max(100).default(4).meta({
    description: "failed pods of one run until it fails; pods that the cluster itself takes away do not count",
  }),
  deadlineSeconds: z.int().min(1).max(604_800).default(14_400).meta({ description: "the longest that one Job may take" }),
  keepSeconds: z.int().min(0).default(86_400).meta({ description: "how long a finished Job stays to be looked at" }),
  startTimeoutSeconds: seconds.default(600).meta({
    description: "how long a Job may wait for its image or for room until the run gives up for now",
  }),
  awayTimeoutSeconds: seconds.default(300).meta({
    description: "how long the API server may be away until the run gives up for now; its pods train on",
  }),
});

/** How a promotion reaches the pods that judge. */
export const rolloutSchema = z.strictObject({
  strategy: z.enum(["pull", "notify", "restart"]).default("pull").meta({
    description: "pull: pods follow the alias; notify: a signed webhook is called; restart: deployments are restarted",
  }),
  namespace: label.optional().meta({
    description: "namespace of the deployments that are restarted, such as semantic-translation; by default cluster.namespace",
  }),
  deployment: z
    .string()
    .regex(/^[a-z0-9{][a-z0-9{}-]*$/, "a name with {type} for the specialist")
    .default("specialist-{type}")
    .meta({
      description: "name of a specialist's deployment",
    }),
  timeoutSeconds: seconds.default(600).meta({ description: "how long a restarted deployment may take to be ready" }),
  verifyUrl: z
    .string()
    .regex(/^https?:\/\//, "an address, http:// or https://")
    .optional()
    .meta({
      description:
        "where a pod reports its model, such as http://{pod_ip}:8000/status (every pod of the deployment) or http://specialist-{type}.{namespace}.svc:8000/status; without it nothing is verified",
      uri: true,
    }),
  verifySeconds: seconds.default(300).meta({ description: "how long until everyone must report the version in production" }),
  rollback: z.boolean().default(true).meta({ description: "take a promotion back by itself when its rollout fails" }),
  notifyUrl: z
    .string()
    .regex(/^https?:\/\//, "an address, http:// or https://")
    .optional()
    .meta({
      description: "the webhook of strategy notify",
      uri: true,
    }),
  notifySecret: secret(
    "key of the webhook's signature (Standard Webhooks; whsec_ and base64, or any text)",
    "REQUEEN_ROLLOUT_NOTIFY_SECRET",
  ),
  notifySeconds: seconds.default(10).meta({ description: "the longest that one call of the webhook may take" }),
  notifyAttempts: z.int().min(1).max(20).default(5).meta({ description: "calls of the webhook until the rollout fails" }),
  notifyLinkLocal: z.boolean().default(false).meta({
    description: "let the webhook stand at a link-local address; cloud metadata services do, so it is refused else",
  }),
});

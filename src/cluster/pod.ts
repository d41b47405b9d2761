import { selectorOf } from "./manifest.ts";
import type { ManifestOptions, Resources, SecretKey } from "./manifest-options.ts";

/** The user of the image; no group or user of any node. */
export const RUN_AS = 10_001;
export const DATA_DIR = "/var/lib/requeen";
export const BACKUP_DIR = "/var/lib/requeen-backup";
export const CONFIG_DIR = "/etc/requeen";
export const CONFIG_FILE = "requeen.config.yaml";
export const SERVE_PORT = 8080;

/** The component that runs while the service does not. */
export const RESTORE = "restore";

export const NAMES = {
  serve: "requeen",
  config: "requeen-config",
  data: "requeen-data",
  backup: "requeen-backup",
  controller: "requeen-controller",
  worker: "requeen-worker",
} as const;

export interface PodParts {
  readonly component: string;
  /** Words after `requeen`, or with `command` a whole program. */
  readonly args: readonly string[];
  readonly command?: readonly string[];
  readonly resources: Resources;
  /** Jobs: whether a container that ended in an error is started again in its pod. */
  readonly restartPolicy?: "Never" | "OnFailure";
  readonly serviceAccount: string;
  /** Whether the program talks to the API server; without it no token is mounted. */
  readonly needsApi?: boolean;
  readonly mountsBackup?: boolean;
  readonly container?: Readonly<Record<string, unknown>>;
  readonly pod?: Readonly<Record<string, unknown>>;
  readonly env?: readonly EnvironmentVariable[];
  readonly initContainers?: readonly Readonly<Record<string, unknown>>[];
  readonly volumes?: readonly Readonly<Record<string, unknown>>[];
  readonly volumeMounts?: readonly Readonly<Record<string, unknown>>[];
  readonly image?: string;
}

export interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: Readonly<Record<string, unknown>>;
}

const fromSecret = (name: string, { secret, key }: SecretKey): EnvironmentVariable => ({
  name,
  valueFrom: { secretKeyRef: { name: secret, key } },
});

/** What every pod of the set gets from outside. Secrets are named, never written. */
export function environmentOf(
  options: ManifestOptions,
  { component, resources, needsApi = false }: Pick<PodParts, "component" | "resources" | "needsApi">,
): EnvironmentVariable[] {
  const { mongodb, mlflow, config, environment } = options;
  const threads = Math.max(1, Math.floor(cores(resources.cpuLimit)));
  const variables: EnvironmentVariable[] = [
    { name: "ENVIRONMENT", value: environment },
    { name: "HOME", value: "/tmp" },
    { name: "REQUEEN_ACTOR", value: `requeen-${component}` },
    { name: "REQUEEN_DATA_DIR", value: DATA_DIR },
    { name: "REQUEEN_TRAIN_THREADS", value: String(threads) },
  ];
  if (config !== null) variables.push({ name: "REQUEEN_CONFIG", value: `${CONFIG_DIR}/${CONFIG_FILE}` });
  if (mongodb !== null) variables.push(fromSecret("MONGODB_URI", mongodb));
  if (mongodb?.database != null) variables.push({ name: "MONGODB_DATABASE", value: mongodb.database });
  if (mlflow !== null) variables.push({ name: "MLFLOW_TRACKING_URI", value: mlflow.uri });
  if (mlflow?.token != null) variables.push(fromSecret("MLFLOW_TRACKING_TOKEN", mlflow.token));
  if (needsApi) variables.push(...clusterEnvironment(options));
  return [...variables, ...options.secretEnvironment.map(({ name, ...place }) => fromSecret(name, place))];
}

/** Where training runs and what a promotion restarts, for pods that talk to the API server. */
function clusterEnvironment({
  executor,
  namespace,
  image,
  imagePullPolicy,
  mlflow,
  rolloutNamespace,
  resources: { train },
}: ManifestOptions) {
  const variables: EnvironmentVariable[] = [{ name: "REQUEEN_CLUSTER_NAMESPACE", value: namespace }];
  const add = (name: string, value: string): void => void variables.push({ name, value });
  if (executor === "kubernetes") {
    add("REQUEEN_EXECUTOR", "kubernetes");
    add("REQUEEN_CLUSTER_IMAGE", image);
    add("REQUEEN_CLUSTER_IMAGE_PULL_POLICY", imagePullPolicy);
    add("REQUEEN_CLUSTER_SERVICE_ACCOUNT", NAMES.worker);
    add("REQUEEN_CLUSTER_CPU", train.cpu);
    add("REQUEEN_CLUSTER_CPU_LIMIT", train.cpuLimit);
    add("REQUEEN_CLUSTER_MEMORY", train.memory);
    add("REQUEEN_CLUSTER_MEMORY_LIMIT", train.memoryLimit);
    if (mlflow?.token != null) add("REQUEEN_CLUSTER_MLFLOW_TOKEN", `${mlflow.token.secret}/${mlflow.token.key}`);
  }
  if (rolloutNamespace !== null) {
    add("REQUEEN_ROLLOUT_STRATEGY", "restart");
    add("REQUEEN_ROLLOUT_NAMESPACE", rolloutNamespace);
  }
  return variables;
}

const cores = (quantity: string): number => (quantity.endsWith("m") ? Number(quantity.slice(0, -1)) / 1_000 : Number(quantity));

export const containerResources = ({ cpu, memory, cpuLimit, memoryLimit }: Resources) => ({
  requests: { cpu, memory },
  limits: { cpu: cpuLimit, memory: memoryLimit },
});

/** What the profile `restricted` of Pod Security asks of a container, and a root file system that nobody writes. */
export const CONTAINER_SECURITY = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  readOnlyRootFilesystem: true,
} as const;

/** A pod template: one container that runs `requeen` with the data volume, its configuration, and a /tmp of its own. */
export function podTemplate(options: ManifestOptions, parts: PodParts) {
  const { component, args, command, resources, restartPolicy, serviceAccount, needsApi = false, mountsBackup = false } = parts;
  const volumes: Readonly<Record<string, unknown>>[] = [
    { name: "data", persistentVolumeClaim: { claimName: NAMES.data } },
    { name: "tmp", emptyDir: { sizeLimit: "1Gi" } },
  ];
  const mounts: Readonly<Record<string, unknown>>[] = [
    { name: "data", mountPath: DATA_DIR },
    { name: "tmp", mountPath: "/tmp" },
  ];
  if (options.config !== null) {
    volumes.push({ name: "config", configMap: { name: NAMES.config } });
    mounts.push({ name: "config", mountPath: CONFIG_DIR, readOnly: true });
  }
  if (mountsBackup) {
    volumes.push({ name: "backup", persistentVolumeClaim: { claimName: NAMES.backup } });
    mounts.push({ name: "backup", mountPath: BACKUP_DIR });
  }
  return {
    metadata: { labels: { ...selectorOf(component), "app.kubernetes.io/part-of": "requeen" } },
    spec: {
      serviceAccountName: serviceAccount,
      automountServiceAccountToken: needsApi,
      enableServiceLinks: false,
      ...(restartPolicy === undefined ? {} : { restartPolicy }),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: RUN_AS,
        runAsGroup: RUN_AS,
        fsGroup: RUN_AS,
        // "Always" would open files that only their owner may read, such as the admin token, to the group at every start
        fsGroupChangePolicy: "OnRootMismatch",
        seccompProfile: { type: "RuntimeDefault" },
      },
      ...besideServe(options, component),
      ...parts.pod,
      ...(parts.initContainers === undefined ? {} : { initContainers: parts.initContainers }),
      containers: [
        {
          name: "requeen",
          image: parts.image ?? options.image,
          imagePullPolicy: options.imagePullPolicy,
          ...(command === undefined ? {} : { command }),
          args,
          env: [...environmentOf(options, parts), ...(parts.env ?? [])],
          resources: containerResources(resources),
          securityContext: CONTAINER_SECURITY,
          ...parts.container,
          volumeMounts: [...mounts, ...(parts.volumeMounts ?? [])],
        },
      ],
      volumes: [...volumes, ...(parts.volumes ?? [])],
    },
  };
}

/** SQLite's locks hold on one machine: jobs go where the data volume is mounted. */
function besideServe({ mongodb }: ManifestOptions, component: string) {
  if (mongodb !== null || component === "serve" || component === RESTORE) return {};
  return {
    affinity: {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: { matchLabels: selectorOf("serve") }, topologyKey: "kubernetes.io/hostname" },
        ],
      },
    },
  };
}

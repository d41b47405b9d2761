import { type Manifest, object, selectorOf } from "./manifest.ts";
import type { ManifestOptions } from "./manifest-options.ts";
import { CONFIG_FILE, NAMES, podTemplate, SERVE_PORT } from "./pod.ts";

/** Whether several replicas may run: SQLite is one file on one node. */
export const isScalable = ({ mongodb }: ManifestOptions): boolean => mongodb !== null;

/** Whether pods talk to the API server. */
export const needsApi = ({ executor, rolloutNamespace }: ManifestOptions): boolean =>
  executor === "kubernetes" || rolloutNamespace !== null;

/** Whether the network policy lets everyone call the service. */
export const isOpenToAll = ({ nodePort, callers }: ManifestOptions): boolean => nodePort !== null || callers.includes("*");

/** The Host headers of pods that call the service; without wildcards, which a name of somebody else's could fit. */
const serviceHosts = ({ namespace }: ManifestOptions): string[] =>
  ["", `.${namespace}`, `.${namespace}.svc`, `.${namespace}.svc.cluster.local`].map(
    (rest) => `${NAMES.serve}${rest}:${SERVE_PORT}`,
  );

const probe = (path: string, fields: Readonly<Record<string, number>>) => ({ httpGet: { path, port: "http" }, ...fields });

/** The feedback service: API, pages and, without a server of the team's, the embedded MLflow. */
export function deployment(options: ManifestOptions): Manifest {
  const scalable = isScalable(options);
  return object(options, ["apps/v1", "Deployment"], NAMES.serve, "serve", {
    spec: {
      // with an autoscaler the number is its own
      ...(scalable ? {} : { replicas: 1 }),
      selector: { matchLabels: selectorOf("serve") },
      strategy: scalable ? { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } : { type: "Recreate" },
      template: podTemplate(options, {
        component: "serve",
        // with --json it does not print the admin token
        args: ["serve", "--json"],
        resources: options.resources.serve,
        serviceAccount: NAMES.controller,
        needsApi: needsApi(options),
        env: [
          { name: "REQUEEN_ALLOW_REMOTE", value: "1" },
          { name: "REQUEEN_SERVER_HOST", value: "0.0.0.0" },
          { name: "REQUEEN_SERVER_PORT", value: String(SERVE_PORT) },
          { name: "REQUEEN_SERVER_ALLOWED_HOSTS", value: serviceHosts(options).join(",") },
          ...(options.publicUrl === null ? [] : [{ name: "REQUEEN_SERVER_PUBLIC_URL", value: options.publicUrl }]),
          // the network policy says who reads them; where everyone gets in, a token does
          ...(isOpenToAll(options) ? [] : [{ name: "REQUEEN_METRICS_OPEN", value: "true" }]),
        ],
        pod: {
          // longer than a request may last, so that what was begun is answered
          terminationGracePeriodSeconds: 60,
          ...(scalable
            ? {
                topologySpreadConstraints: [
                  {
                    maxSkew: 1,
                    topologyKey: "kubernetes.io/hostname",
                    whenUnsatisfiable: "ScheduleAnyway",
                    labelSelector: { matchLabels: selectorOf("serve") },
                  },
                ],
              }
            : {}),
        },
        container: {
          ports: [{ name: "http", containerPort: SERVE_PORT }],
          startupProbe: probe("/health", { periodSeconds: 2, failureThreshold: 60 }),
          livenessProbe: probe("/health", { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }),
          // feedback is taken while MLflow is away
          readinessProbe: probe("/ready?for=feedback", { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 }),
        },
      }),
    },
  });
}

export const service = (options: ManifestOptions): Manifest =>
  object(options, ["v1", "Service"], NAMES.serve, "serve", {
    spec: {
      type: options.nodePort === null ? "ClusterIP" : "NodePort",
      selector: selectorOf("serve"),
      ports: [
        {
          name: "http",
          port: SERVE_PORT,
          targetPort: "http",
          protocol: "TCP",
          ...(options.nodePort === null ? {} : { nodePort: options.nodePort }),
        },
      ],
    },
  });

export const dataClaim = (options: ManifestOptions): Manifest =>
  claim(
    options,
    NAMES.data,
    "serve",
    options.data.size,
    options.data.accessMode ?? (isScalable(options) ? "ReadWriteMany" : "ReadWriteOnce"),
  );

export const backupClaim = (options: ManifestOptions): Manifest =>
  claim(options, NAMES.backup, "backup", options.backup.size, "ReadWriteOnce");

const claim = (options: ManifestOptions, name: string, component: string, size: string, accessMode: string): Manifest =>
  object(options, ["v1", "PersistentVolumeClaim"], name, component, {
    spec: {
      accessModes: [accessMode],
      ...(options.data.storageClass === null ? {} : { storageClassName: options.data.storageClass }),
      resources: { requests: { storage: size } },
    },
  });

/** The configuration file of the pods; nothing where there is none. */
export const configMap = (options: ManifestOptions): Manifest[] =>
  options.config === null
    ? []
    : [object(options, ["v1", "ConfigMap"], NAMES.config, "serve", { data: { [CONFIG_FILE]: options.config } })];

/** Autoscaler and disruption budget; none with SQLite, where a second replica would be a second writer of one file. */
export function scaling(options: ManifestOptions): Manifest[] {
  if (!isScalable(options)) return [];
  const { min, max, cpuPercent } = options.replicas;
  return [
    object(options, ["autoscaling/v2", "HorizontalPodAutoscaler"], NAMES.serve, "serve", {
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: NAMES.serve },
        minReplicas: min,
        maxReplicas: max,
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: cpuPercent } } },
        ],
        behavior: { scaleDown: { stabilizationWindowSeconds: 300 } },
      },
    }),
    object(options, ["policy/v1", "PodDisruptionBudget"], NAMES.serve, "serve", {
      spec: { maxUnavailable: 1, selector: { matchLabels: selectorOf("serve") } },
    }),
  ];
}

/** The namespace, with the strictest profile of Pod Security enforced. */
export const namespaceManifest = ({ namespace }: ManifestOptions): Manifest => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: {
    name: namespace,
    labels: {
      "pod-security.kubernetes.io/enforce": "restricted",
      "pod-security.kubernetes.io/warn": "restricted",
    },
  },
});

import { APP_LABELS, type Manifest, object, selectorOf } from "./manifest.ts";
import type { ManifestOptions } from "./manifest-options.ts";
import { NAMES, SERVE_PORT } from "./pod.ts";
import { isOpenToAll, needsApi } from "./service-manifests.ts";

const RBAC = "rbac.authorization.k8s.io/v1";

/** Two accounts: the service's, which may do what the options ask for, and that of jobs, which may do nothing at all. */
export const serviceAccounts = (options: ManifestOptions): Manifest[] =>
  [NAMES.controller, NAMES.worker].map((name) =>
    object(options, ["v1", "ServiceAccount"], name, "access", { automountServiceAccountToken: false }),
  );

/** Roles and bindings; none where nothing talks to the API server. */
export function roles(options: ManifestOptions): Manifest[] {
  if (!needsApi(options)) return [];
  const { executor, rolloutNamespace, specialists } = options;
  const own = [
    // one replica of `requeen serve` leads
    { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["get", "create", "update"] },
    ...(executor === "local"
      ? []
      : [
          { apiGroups: ["batch"], resources: ["jobs"], verbs: ["get", "list", "watch", "create", "delete"] },
          { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] },
          { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
          { apiGroups: [""], resources: ["events"], verbs: ["list"] },
        ]),
  ];
  const set = roleAndBinding(options, NAMES.controller, options.namespace, own);
  if (rolloutNamespace === null) return set;
  const deployments = specialists.map((specialist) => `specialist-${specialist}`);
  const rollout = [
    // `list` and `watch` cannot be narrowed to names; changing one can
    { apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "list", "watch"] },
    { apiGroups: ["apps"], resources: ["deployments"], resourceNames: deployments, verbs: ["patch"] },
    { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] },
  ];
  return [...set, ...roleAndBinding(options, "requeen-rollout", rolloutNamespace, rollout)];
}

function roleAndBinding(options: ManifestOptions, name: string, namespace: string, rules: readonly object[]): Manifest[] {
  const metadata = { name, namespace, labels: { ...APP_LABELS, "app.kubernetes.io/component": "access" } };
  return [
    { apiVersion: RBAC, kind: "Role", metadata, rules },
    {
      apiVersion: RBAC,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
      subjects: [{ kind: "ServiceAccount", name: NAMES.controller, namespace: options.namespace }],
    },
  ];
}

const inNamespace = (name: string) => ({ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } } });
const tcp = (port: number | string) => ({ protocol: "TCP", port });

/** Who reaches the service, and whom its pods reach: names, MongoDB, MLflow, the API server where it is needed; nothing else. */
export function networkPolicies(options: ManifestOptions): Manifest[] {
  const { callers, monitoringNamespace, mongodb, mlflow, rolloutNamespace, egressPorts } = options;
  const from = [{ podSelector: {} }, ...[...new Set([...callers, monitoringNamespace])].map(inNamespace)];
  const egress: object[] = [
    {
      to: [inNamespace("kube-system")],
      ports: [
        { protocol: "UDP", port: 53 },
        { protocol: "TCP", port: 53 },
      ],
    },
    // jobs and replicas among themselves
    { to: [{ podSelector: { matchLabels: { "app.kubernetes.io/name": "requeen" } } }], ports: [tcp(SERVE_PORT)] },
  ];
  if (mongodb !== null) egress.push({ ports: [tcp(mongodb.port)] });
  if (mlflow !== null) {
    const port = tcp(portOf(mlflow.uri));
    egress.push(mlflow.namespace === null ? { ports: [port] } : { to: [inNamespace(mlflow.namespace)], ports: [port] });
  }
  // the API server has no pod that a selector could name
  if (needsApi(options)) egress.push({ ports: [tcp(443), tcp(6443)] });
  if (rolloutNamespace !== null) egress.push({ to: [inNamespace(rolloutNamespace)] });
  if (egressPorts.length > 0) egress.push({ ports: egressPorts.map(tcp) });
  return [
    object(options, ["networking.k8s.io/v1", "NetworkPolicy"], NAMES.serve, "access", {
      spec: {
        podSelector: { matchLabels: { "app.kubernetes.io/name": "requeen" } },
        policyTypes: ["Ingress", "Egress"],
        egress,
      },
    }),
    object(options, ["networking.k8s.io/v1", "NetworkPolicy"], `${NAMES.serve}-callers`, "access", {
      spec: {
        podSelector: { matchLabels: selectorOf("serve") },
        policyTypes: ["Ingress"],
        ingress: [{ ...(isOpenToAll(options) ? {} : { from }), ports: [tcp(SERVE_PORT)] }],
      },
    }),
  ];
}

const portOf = (uri: string): number => {
  const { port, protocol } = new URL(uri);
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
};

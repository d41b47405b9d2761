import { expect, test } from "vitest";
import type { Manifest } from "../../../src/cluster/manifest.ts";
import { type ManifestInput, manifestOptionsSchema } from "../../../src/cluster/manifest-options.ts";
import { PARTS, renderManifests } from "../../../src/cluster/manifests.ts";
import { isAllowedHost } from "../../../src/mlflow/request-guard.ts";

const CODE = new Uint8Array(2_100_000);
const MONGODB = { secret: "mongodb-secret", key: "uri" } as const;
const SETS: Readonly<Record<string, ManifestInput>> = {
  alone: { image: "requeen:1" },
  team: {
    image: "requeen:1",
    mongodb: MONGODB,
    mlflow: { uri: "http://mlflow.mlflow.svc:5000", token: { secret: "mlflow", key: "token" } },
    executor: "kubernetes",
    rolloutNamespace: "neural-hive",
    nodePort: 30_080,
    autoFeedback: true,
    config: "dataDir: /var/lib/requeen\n",
  },
};

const everything = (input: ManifestInput): Manifest[] =>
  renderManifests(manifestOptionsSchema.parse({ restore: "requeen-1", ...input }), PARTS, CODE);
const find = (manifests: readonly Manifest[], kind: string, name: string): Manifest | undefined =>
  manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);

// the shapes stand beside the test: the manifests are plain data
interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly { name: string; value?: string; valueFrom?: unknown }[];
  readonly resources: { requests?: object; limits?: object };
  readonly securityContext: {
    readOnlyRootFilesystem?: boolean;
    allowPrivilegeEscalation?: boolean;
    capabilities?: { drop: string[] };
  };
}
interface PodSpec {
  readonly serviceAccountName: string;
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: { runAsNonRoot?: boolean; seccompProfile?: { type: string } };
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly affinity?: object;
}

/** The pod of a workload, wherever its kind keeps it. */
function podOf(manifest: Manifest): PodSpec | null {
  const spec = manifest.spec as
    | { template?: { spec: PodSpec }; jobTemplate?: { spec: { template: { spec: PodSpec } } } }
    | undefined;
  return spec?.template?.spec ?? spec?.jobTemplate?.spec.template.spec ?? null;
}

test.each(Object.keys(SETS))(
  "every container of the set %s passes the restricted profile, is bounded and has a tagged image",
  (name) => {
    const pods = everything(SETS[name] ?? { image: "" }).flatMap((manifest) => podOf(manifest) ?? []);
    expect(pods.length).toBeGreaterThan(7);
    for (const pod of pods) {
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
      for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          capabilities: { drop: ["ALL"] },
          readOnlyRootFilesystem: true,
        });
        expect(Object.keys({ ...container.resources.requests, ...container.resources.limits })).toEqual(["cpu", "memory"]);
        expect(container.image).toMatch(/:[^:]+$/);
        expect(container.image).not.toMatch(/:latest$/);
      }
    }
  },
);

test("no secret stands in a manifest: what is secret is named", () => {
  const pods = everything({ ...SETS.team, image: "requeen:1" }).flatMap((manifest) => podOf(manifest) ?? []);
  const secrets = pods
    .flatMap(({ containers }) => containers.flatMap(({ env = [] }) => env))
    .filter(({ name }) => /URI$|TOKEN$/.test(name));
  expect(
    secrets.filter(
      ({ name, value }) => !/^(MLFLOW_TRACKING_URI|REQUEEN_CLUSTER_MLFLOW_TOKEN)$/.test(name) && value !== undefined,
    ),
  ).toEqual([]);
  expect(secrets).toContainEqual({ name: "MONGODB_URI", valueFrom: { secretKeyRef: { name: "mongodb-secret", key: "uri" } } });
  const withPassword = { image: "requeen:1", mlflow: { uri: "http://ana:secret@mlflow:5000" } };
  expect(manifestOptionsSchema.safeParse(withPassword).success).toBe(false);
});

test("SQLite has one writer: one replica, no autoscaler, every job on the service's node", () => {
  const manifests = everything({ image: "requeen:1" });
  expect(find(manifests, "Deployment", "requeen")).toMatchObject({ spec: { replicas: 1, strategy: { type: "Recreate" } } });
  expect(find(manifests, "HorizontalPodAutoscaler", "requeen")).toBeUndefined();
  const jobs = manifests.filter(({ kind }) => kind === "Job" || kind === "CronJob");
  // all but the one that runs while the service does not
  expect(jobs.filter((job) => podOf(job)?.affinity === undefined).map(({ metadata }) => metadata.name)).toEqual([
    "requeen-restore",
  ]);
  expect(() => everything({ image: "requeen:1", data: { accessMode: "ReadWriteMany" } })).toThrow(/ReadWriteOnce with SQLite/);
  const team = everything({ image: "requeen:1", mongodb: MONGODB });
  expect(find(team, "HorizontalPodAutoscaler", "requeen")).toMatchObject({ spec: { minReplicas: 2, maxReplicas: 5 } });
  expect(find(team, "Deployment", "requeen")?.spec).not.toHaveProperty("replicas");
});

test("a token of the API server is mounted only where one is used, and no role allows more than that", () => {
  const alone = everything({ image: "requeen:1" });
  expect(alone.filter(({ kind }) => /Role/.test(kind))).toEqual([]);
  expect(alone.flatMap((manifest) => podOf(manifest) ?? []).some((pod) => pod.automountServiceAccountToken)).toBe(false);
  const rules = everything({ ...SETS.team, image: "requeen:1" })
    .filter(({ kind }) => kind === "Role")
    .flatMap((role) => role.rules as { apiGroups: string[]; resources: string[]; verbs: string[]; resourceNames?: string[] }[]);
  expect(rules.flatMap(({ resources, verbs }) => [...resources, ...verbs])).not.toContain("*");
  expect(rules.some(({ resources }) => resources.includes("secrets"))).toBe(false);
  const patching = rules.filter(({ resources, verbs }) => resources.includes("deployments") && verbs.includes("patch"));
  expect(patching.map(({ resourceNames }) => resourceNames?.length)).toEqual([5]);
});

test("pods may call the service by its names, and no page of another name may", () => {
  const [container] =
    podOf(find(everything({ image: "requeen:1", namespace: "hive" }), "Deployment", "requeen") as Manifest)?.containers ?? [];
  const hosts = container?.env?.find(({ name }) => name === "REQUEEN_SERVER_ALLOWED_HOSTS")?.value?.split(",") ?? [];
  const options = { allowedHosts: hosts };
  for (const host of ["requeen:8080", "requeen.hive:8080", "requeen.hive.svc:8080", "requeen.hive.svc.cluster.local:8080"])
    expect(isAllowedHost(host, options)).toBe(true);
  for (const host of ["requeen.evil.example:8080", "requeen.hive.svc.evil.example:8080"])
    expect(isAllowedHost(host, options)).toBe(false);
});

test("CronJobs never overlap; exit codes that no retry changes end a Job", () => {
  const crons = everything({ image: "requeen:1" }).filter(({ kind }) => kind === "CronJob");
  expect(crons.map((cron) => (cron.spec as { schedule: string }).schedule)).toEqual([
    "0 3 * * 0",
    "0 */6 * * *",
    "30 4 * * 0",
    "0 2 * * *",
  ]);
  for (const cron of crons)
    expect(cron.spec).toMatchObject({
      concurrencyPolicy: "Forbid",
      timeZone: "Etc/UTC",
      jobTemplate: { spec: { podFailurePolicy: { rules: [{ action: "Ignore" }, { action: "FailJob" }] } } },
    });
});

test("code of any size fits: no ConfigMap holds more than its 1 MiB, and joined they are the archive", () => {
  const bytes = Uint8Array.from({ length: 2_100_000 }, (_, index) => index % 251);
  const maps = renderManifests(manifestOptionsSchema.parse({ image: "requeen:1" }), ["configmap"], bytes).filter(
    ({ kind }) => kind === "ConfigMap",
  );
  const parts = maps.map((map) => Object.entries(map.binaryData as Record<string, string>));
  expect(parts.map((entries) => entries.length)).toEqual([1, 1, 1]);
  const sorted = parts.flat().sort(([left], [right]) => (left < right ? -1 : 1)); // as the shell sorts part-*
  const joined = Buffer.concat(sorted.map(([, base64]) => Buffer.from(base64, "base64")));
  expect(joined.equals(bytes)).toBe(true);
  for (const [, base64] of sorted) expect(Buffer.from(base64, "base64").byteLength).toBeLessThan(1024 ** 2);
});

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import type { Manifest } from "../../../src/cluster/manifest.ts";
import { type ManifestInput, manifestOptionsSchema } from "../../../src/cluster/manifest-options.ts";
import { type Part, renderManifests } from "../../../src/cluster/manifests.ts";

const HELM = process.env.REQUEEN_INTEROP_HELM ?? "helm";
const CHART = "deploy/helm/requeen";
const PARTS: readonly Part[] = ["rbac", "network", "service", "cronjobs", "backup"];
const MONGODB = { secret: "mongodb-secret", key: "uri" };

/** What the chart makes of these values. */
function template(values: Readonly<Record<string, unknown>>): Manifest[] {
  const folder = mkdtempSync(join(tmpdir(), "requeen-helm-"));
  try {
    const file = join(folder, "values.yaml");
    writeFileSync(file, stringify(values));
    const text = execFileSync(
      HELM,
      ["template", "requeen", CHART, "--namespace", "requeen", "--kube-version", "v1.33.0", "--values", file],
      {
        encoding: "utf8",
      },
    );
    return parseAllDocuments(text, { version: "1.1" }).flatMap((document) => (document.toJSON() as Manifest | null) ?? []);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** By name; the lists whose order means nothing, in one order; without Helm's own annotation. */
const comparable = (manifests: readonly Manifest[]): unknown =>
  Object.fromEntries(
    manifests.map((manifest) => {
      const { annotations: _, ...metadata } = manifest.metadata;
      return [`${manifest.kind}/${metadata.namespace}/${metadata.name}`, { ...manifest, metadata }];
    }),
  );

test.each<[string, ManifestInput & { jobs?: object }, readonly Part[]]>([
  ["the defaults", { image: "requeen:0.1.0" }, []],
  ["a node port and a configuration", { image: "hub/requeen:2", nodePort: 30_080, config: 'specialists: []\n# ü: "q"\n' }, []],
  [
    "MongoDB, MLflow, executor and rollout",
    {
      image: `hub:5000/requeen@sha256:${"a".repeat(64)}`,
      mongodb: { ...MONGODB, database: "neural_hive", port: 27_018 },
      mlflow: { uri: "https://mlflow.example", namespace: null, token: { secret: "mlflow", key: "token" } },
      executor: "kubernetes",
      rolloutNamespace: "neural-hive",
      callers: ["gateway"],
      publicUrl: "https://requeen.example",
      egressPorts: [443, 8443],
      secretEnvironment: [{ name: "REQUEEN_ROLLOUT_NOTIFY_SECRET", secret: "webhook", key: "secret" }],
      specialists: ["loan", "mail"],
      specialist: "mail",
      schedules: { trigger: "0 4 * * 1" },
      replicas: { min: 3, max: 9, cpuPercent: 50 },
      data: { size: "100Gi", storageClass: "fast" },
      resources: { serve: { cpu: "1", memory: "1Gi", cpuLimit: "3500m", memoryLimit: "4Gi" } },
      autoFeedback: true,
      jobs: { trainAll: true, checkStatus: true },
    },
    ["job-all", "check-status"],
  ],
  [
    "rollout without executor",
    { image: "requeen:1", mongodb: MONGODB, mlflow: { uri: "http://m:5000" }, rolloutNamespace: "a" },
    [],
  ],
])("the chart gives what the functions give: %s", (_, values, more) => {
  const { jobs: __, ...input } = values;
  expect(comparable(template(values))).toEqual(
    comparable(renderManifests(manifestOptionsSchema.parse(input), [...PARTS, ...more])),
  );
});

test("the chart refuses a shared volume for SQLite, and passes helm lint", () => {
  expect(() => template({ data: { accessMode: "ReadWriteMany" } })).toThrow(/ReadWriteOnce with SQLite/);
  expect(execFileSync(HELM, ["lint", "--strict", "--kube-version", "v1.33.0", CHART], { encoding: "utf8" })).toContain(
    "0 chart(s) failed",
  );
});

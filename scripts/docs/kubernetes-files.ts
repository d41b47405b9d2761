import { stringify } from "yaml";
import type { Manifest } from "../../src/cluster/manifest.ts";
import { type ManifestInput, manifestOptionsSchema } from "../../src/cluster/manifest-options.ts";
import { manifestYaml } from "../../src/cluster/manifest-yaml.ts";
import { type Part, renderManifests, STANDING_PARTS } from "../../src/cluster/manifests.ts";

/** The image of the shipped files; an overlay of the team's names its own registry and tag. */
const IMAGE = "requeen:0.1.0";

export const BASE: ManifestInput = { image: IMAGE };
/** What the overlay `dev` changes: the original node port, small volumes. */
export const DEV: ManifestInput = {
  image: IMAGE,
  nodePort: 30_080,
  environment: "development",
  data: { size: "1Gi" },
  backup: { size: "1Gi" },
};
/** What the overlay `production` changes: the team's MongoDB and MLflow, so replicas; promotions restart the specialists' pods. */
export const PRODUCTION: ManifestInput = {
  image: IMAGE,
  mongodb: { secret: "mongodb-secret", key: "uri" },
  mlflow: { uri: "http://mlflow.mlflow.svc.cluster.local:5000" },
  rolloutNamespace: "semantic-translation",
};

const HEADER =
  "# Written by `npm run docs` from src/cluster/manifests.ts; `requeen k8s render` prints the same for other options.\n";

const render = (input: ManifestInput, parts?: readonly Part[]): Manifest[] =>
  renderManifests(manifestOptionsSchema.parse(input), parts);

/** Every file of deploy/kubernetes by its path: a kustomize base, two overlays, and the jobs that run when they are applied. */
export function kubernetesFiles(): Readonly<Record<string, () => string>> {
  const files: Record<string, () => string> = {};
  const base = "deploy/kubernetes/base";
  for (const part of STANDING_PARTS) files[`${base}/${part}.yaml`] = () => HEADER + manifestYaml(render(BASE, [part]));
  files[`${base}/kustomization.yaml`] = () => kustomization({ resources: STANDING_PARTS.map((part) => `${part}.yaml`) });
  for (const part of ["check-status", "job", "job-all", "auto-feedback"] as const)
    files[`deploy/kubernetes/jobs/${part}.yaml`] = () => HEADER + manifestYaml(render(BASE, [part]));
  for (const [name, options] of Object.entries({ dev: DEV, production: PRODUCTION }))
    Object.assign(files, overlay(`deploy/kubernetes/overlays/${name}`, options));
  return files;
}

const identity = ({ kind, metadata }: Manifest): string => `${kind}/${metadata.namespace ?? ""}/${metadata.name}`;

/** A kustomization that turns the base into the set of the options: patches for objects that differ, a file for those that are new. */
function overlay(folder: string, options: ManifestInput): Record<string, () => string> {
  const before = new Map(render(BASE).map((manifest) => [identity(manifest), manifest]));
  const after = render(options);
  const added = after.filter((manifest) => !before.has(identity(manifest)));
  const patches = after.flatMap((manifest) => {
    const old = before.get(identity(manifest));
    if (old === undefined) return [];
    const operations = replacements(old, manifest, "");
    const { kind, metadata } = manifest;
    return operations.length === 0
      ? []
      : [{ target: { kind, name: metadata.name }, patch: stringify(operations, { lineWidth: 0 }) }];
  });
  const resources = ["../../base", ...(added.length === 0 ? [] : ["added.yaml"])];
  return {
    [`${folder}/kustomization.yaml`]: () => kustomization({ resources, patches }),
    ...(added.length === 0 ? {} : { [`${folder}/added.yaml`]: () => HEADER + manifestYaml(added) }),
  };
}

/** JSON patch operations (RFC 6902) between two objects: fields one by one, arrays whole. */
function replacements(before: unknown, after: unknown, path: string): { op: string; path: string; value?: unknown }[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (!isFields(before) || !isFields(after)) return [{ op: "replace", path, value: after }];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) => {
    const at = `${path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (!(key in after)) return [{ op: "remove", path: at }];
    if (!(key in before)) return [{ op: "add", path: at, value: after[key] }];
    return replacements(before[key], after[key], at);
  });
}

const isFields = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const kustomization = (fields: Readonly<Record<string, unknown>>): string =>
  HEADER + stringify({ apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization", ...fields }, { lineWidth: 0 });

import { RequeenError } from "../core/errors.ts";
import { networkPolicies, roles, serviceAccounts } from "./access-manifests.ts";
import {
  autoFeedbackJob,
  backupCron,
  checkStatusJob,
  configMapJob,
  driftCron,
  pruneCron,
  restoreJob,
  trainAllJob,
  trainJob,
  triggerCron,
} from "./job-manifests.ts";
import type { Manifest } from "./manifest.ts";
import type { ManifestOptions } from "./manifest-options.ts";
import { backupClaim, configMap, dataClaim, deployment, namespaceManifest, scaling, service } from "./service-manifests.ts";

/** What `--what` may name, in the order in which it must be applied. */
export const PARTS = [
  "namespace",
  "rbac",
  "network",
  "service",
  "cronjobs",
  "backup",
  "check-status",
  "job",
  "job-all",
  "configmap",
  "auto-feedback",
  "restore",
] as const;
export type Part = (typeof PARTS)[number];

/** What `all` means: the set that stays. Jobs that run once, at the moment when they are applied, are named when they are wanted. */
export const STANDING_PARTS: readonly Part[] = ["namespace", "rbac", "network", "service", "cronjobs", "backup"];

/**
 * The objects of the parts, in the order in which they may be applied. Pure: the same options give the same objects.
 * @param code what the part `configmap` mounts: see configMapJob.
 * @throws RequeenError bad_parameter for the part `configmap` without code, `restore` without a backup, and for two writers of one SQLite file.
 */
export function renderManifests(
  options: ManifestOptions,
  parts: readonly Part[] = STANDING_PARTS,
  code?: Uint8Array,
): Manifest[] {
  if (options.mongodb === null && options.data.accessMode === "ReadWriteMany")
    throw new RequeenError(
      "bad_parameter",
      "data.accessMode must be ReadWriteOnce with SQLite, whose locks hold on one node; got ReadWriteMany. Give a MongoDB to share the volume",
    );
  if (options.executor === "kubernetes" && options.mlflow === null)
    throw new RequeenError(
      "bad_parameter",
      "executor kubernetes needs mlflow: training pods leave their models with an MLflow server",
    );
  if (options.replicas.max < options.replicas.min)
    throw new RequeenError(
      "bad_parameter",
      `replicas.max must be at least replicas.min, ${options.replicas.min}; got ${options.replicas.max}`,
    );
  const wanted = new Set<Part>(options.autoFeedback ? [...parts, "auto-feedback"] : parts);
  const makers: Readonly<Record<Part, () => Manifest[]>> = {
    namespace: () => [namespaceManifest(options)],
    rbac: () => [...serviceAccounts(options), ...roles(options)],
    network: () => networkPolicies(options),
    service: () => [...configMap(options), dataClaim(options), deployment(options), service(options), ...scaling(options)],
    cronjobs: () => [triggerCron(options), driftCron(options), pruneCron(options)],
    backup: () => [backupClaim(options), backupCron(options)],
    "check-status": () => [checkStatusJob(options)],
    job: () => [trainJob(options)],
    "job-all": () => [trainAllJob(options)],
    configmap: () => {
      if (code === undefined) throw new RequeenError("bad_parameter", "the part configmap needs the archive of the program");
      return configMapJob(options, code);
    },
    "auto-feedback": () => [autoFeedbackJob(options)],
    restore: () => [restoreJob(options)],
  };
  return PARTS.filter((part) => wanted.has(part)).flatMap((part) => makers[part]());
}

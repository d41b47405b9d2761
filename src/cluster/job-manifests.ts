import { RequeenError } from "../core/errors.ts";
import { type Manifest, object } from "./manifest.ts";
import type { ManifestOptions } from "./manifest-options.ts";
import { BACKUP_DIR, NAMES, type PodParts, podTemplate, RESTORE } from "./pod.ts";
import { needsApi } from "./service-manifests.ts";

interface JobParts extends Omit<PodParts, "serviceAccount" | "restartPolicy"> {
  readonly backoffLimit: number;
  readonly deadlineSeconds: number;
  readonly keepSeconds?: number;
  /** Beside the fields of every Job. */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** What a hopeless end does: the whole Job, or one index of it. */
  readonly onHopeless?: "FailJob" | "FailIndex";
}

/** Exit codes that no retry changes: the call, the data or the evidence is wrong. */
const HOPELESS = [2, 3, 4, 6, 9];

/** The part of a Job that CronJobs share. */
function jobSpec(options: ManifestOptions, parts: JobParts) {
  const { backoffLimit, deadlineSeconds, keepSeconds, spec, onHopeless = "FailJob", ...pod } = parts;
  const needs = parts.needsApi === true;
  return {
    ...(onHopeless === "FailIndex" ? {} : { backoffLimit }),
    activeDeadlineSeconds: deadlineSeconds,
    ...(keepSeconds === undefined ? {} : { ttlSecondsAfterFinished: keepSeconds }),
    // an eviction counts as no try; the program's exit code says whether another try could help
    podFailurePolicy: {
      rules: [
        { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
        { action: onHopeless, onExitCodes: { containerName: "requeen", operator: "In", values: HOPELESS } },
      ],
    },
    ...spec,
    template: podTemplate(options, {
      ...pod,
      restartPolicy: "Never",
      serviceAccount: needs ? NAMES.controller : NAMES.worker,
    }),
  };
}

const job = (options: ManifestOptions, name: string, parts: JobParts): Manifest =>
  object(options, ["batch/v1", "Job"], name, parts.component, { spec: jobSpec(options, parts) });

interface CronParts extends JobParts {
  readonly schedule: string;
}

const cronJob = (options: ManifestOptions, name: string, { schedule, ...parts }: CronParts): Manifest =>
  object(options, ["batch/v1", "CronJob"], name, parts.component, {
    spec: {
      schedule,
      timeZone: "Etc/UTC",
      concurrencyPolicy: "Forbid",
      startingDeadlineSeconds: 600,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      jobTemplate: { spec: jobSpec(options, parts) },
    },
  });

/** Looks for specialists that are READY, and runs them. */
export const triggerCron = (options: ManifestOptions): Manifest =>
  cronJob(options, "requeen-trigger-check", {
    component: "trigger-check",
    schedule: options.schedules.trigger,
    args: ["trigger", "check", "--all"],
    resources: options.executor === "kubernetes" ? options.resources.check : options.resources.train,
    needsApi: needsApi(options),
    backoffLimit: 2,
    deadlineSeconds: 14_400,
  });

/** Compares what is judged with what the champions learnt from; drift starts a run. */
export const driftCron = (options: ManifestOptions): Manifest =>
  cronJob(options, "requeen-drift-check", {
    component: "drift-check",
    schedule: options.schedules.drift,
    args: ["drift", "check", "--all", "--trigger"],
    resources: options.resources.drift,
    needsApi: needsApi(options),
    backoffLimit: 1,
    deadlineSeconds: 7_200,
  });

/** Copies store, registry and files while they are used, and removes the oldest copies. */
export const backupCron = (options: ManifestOptions): Manifest =>
  cronJob(options, "requeen-backup", {
    component: "backup",
    schedule: options.schedules.backup,
    args: ["backup", "create", BACKUP_DIR, "--keep", String(options.backup.keep)],
    resources: options.resources.drift,
    mountsBackup: true,
    backoffLimit: 2,
    deadlineSeconds: 7_200,
  });

/**
 * Brings a backup back into the data volume, which must be empty, with the service scaled to 0.
 * @throws RequeenError bad_parameter when no backup is named
 */
export function restoreJob(options: ManifestOptions): Manifest {
  if (options.restore === null)
    throw new RequeenError("bad_parameter", "the part restore needs a backup: --restore NAME, as `requeen backup list` shows it");
  return job(options, "requeen-restore", {
    component: RESTORE,
    args: ["backup", "restore", `${BACKUP_DIR}/${options.restore}`],
    resources: options.resources.drift,
    mountsBackup: true,
    backoffLimit: 2,
    deadlineSeconds: 7_200,
    keepSeconds: 3_600,
  });
}

/** Removes files of old runs that nothing refers to. */
export const pruneCron = (options: ManifestOptions): Manifest =>
  cronJob(options, "requeen-prune", {
    component: "prune",
    schedule: options.schedules.prune,
    args: ["prune"],
    resources: options.resources.check,
    backoffLimit: 1,
    deadlineSeconds: 3_600,
  });

const TRAINING = { backoffLimit: 2, deadlineSeconds: 7_200, keepSeconds: 3_600 } as const;

/** Retrains one specialist, once, with the flags of the original training script. */
export const trainJob = (options: ManifestOptions): Manifest =>
  job(options, `requeen-train-${options.specialist}`, {
    component: "train",
    args: trainArgs(options.specialist),
    resources: options.resources.train,
    needsApi: needsApi(options),
    ...TRAINING,
  });

const trainArgs = (specialist: string): string[] => ["train", "--specialist-type", specialist, "--promote-if-better", "true"];

/** Retrains all: one index a specialist, so that one that fails leaves the others alone. */
export const trainAllJob = (options: ManifestOptions): Manifest =>
  job(options, "requeen-train-all", {
    component: "train",
    ...indexed(options, 'exec requeen train --specialist-type "$1" --promote-if-better true'),
    resources: options.resources.train,
    needsApi: needsApi(options),
    ...TRAINING,
    onHopeless: "FailIndex",
    spec: {
      completionMode: "Indexed",
      completions: options.specialists.length,
      // SQLite: one node, so one at a time leaves the service its cores
      parallelism: options.mongodb === null ? 1 : options.specialists.length,
      backoffLimitPerIndex: TRAINING.backoffLimit,
    },
  });

/** A shell line in which $1 is the specialist of the pod's index. */
function indexed({ specialists }: ManifestOptions, line: string): Pick<PodParts, "command" | "args"> {
  const script = `shift "$JOB_COMPLETION_INDEX"; ${line}`;
  return { command: ["/bin/sh", "-euc"], args: [script, "requeen", ...specialists] };
}

/** Prints the table of `requeen status`; `kubectl logs job/requeen-check-status` shows it. */
export const checkStatusJob = (options: ManifestOptions): Manifest =>
  job(options, "requeen-check-status", {
    component: "check-status",
    args: ["status"],
    resources: options.resources.check,
    backoffLimit: 0,
    deadlineSeconds: 300,
    keepSeconds: 3_600,
  });

/** Rules judge what no person has judged: tier `rule`, so they neither start a run nor judge a model. */
export const autoFeedbackJob = (options: ManifestOptions): Manifest =>
  job(options, "requeen-auto-feedback", {
    component: "auto-feedback",
    args: ["feedback", "auto", "--all"],
    resources: options.resources.check,
    backoffLimit: 3,
    deadlineSeconds: 1_800,
    keepSeconds: 3_600,
  });

/** An image with Node alone, for the variant without an image of ours. */
export const NODE_IMAGE = "node:24-slim";
/** A ConfigMap holds 1 MiB in all; the rest is for its names. */
const PART_BYTES = 1_000_000;
const CODE = "requeen-code";

/**
 * The variant that needs no image: the program, with everything that it imports, in ConfigMaps, and a Job of a plain Node image that
 * unpacks and runs it.
 * @param archive a gzipped tar whose `bin/requeen.mjs` is the program.
 */
export function configMapJob(options: ManifestOptions, archive: Uint8Array): Manifest[] {
  const parts = Array.from({ length: Math.ceil(archive.byteLength / PART_BYTES) }, (_, index) =>
    archive.subarray(index * PART_BYTES, (index + 1) * PART_BYTES),
  );
  const names = parts.map((_, index) => `part-${String(index).padStart(3, "0")}`);
  const maps = parts.map((bytes, index) =>
    object(options, ["v1", "ConfigMap"], `${CODE}-${index}`, "train", {
      binaryData: { [names[index] ?? ""]: Buffer.from(bytes).toString("base64") },
    }),
  );
  // who has no image of ours has none for Jobs of the executor; a promotion restarts the deployments from here as from any other Job
  const inPod: ManifestOptions = { ...options, executor: "local" };
  return [
    ...maps,
    job(inPod, `requeen-train-${options.specialist}-code`, {
      component: "train",
      image: NODE_IMAGE,
      command: ["node", "/opt/requeen/bin/requeen.mjs"],
      args: trainArgs(options.specialist),
      resources: options.resources.train,
      needsApi: needsApi(inPod),
      ...TRAINING,
      initContainers: [unpack()],
      volumes: [
        { name: "code", projected: { sources: maps.map(({ metadata }) => ({ configMap: { name: metadata.name } })) } },
        { name: "program", emptyDir: { sizeLimit: "256Mi" } },
      ],
      volumeMounts: [{ name: "program", mountPath: "/opt/requeen", readOnly: true }],
    }),
  ];
}

const unpack = () => ({
  name: "unpack",
  image: NODE_IMAGE,
  imagePullPolicy: "IfNotPresent",
  command: ["/bin/sh", "-euc"],
  args: ["cat /code/part-* | tar -xz -C /opt/requeen"],
  resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { cpu: "500m", memory: "128Mi" } },
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] }, readOnlyRootFilesystem: true },
  volumeMounts: [
    { name: "code", mountPath: "/code", readOnly: true },
    { name: "program", mountPath: "/opt/requeen" },
  ],
});

import { z } from "zod";

const name = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "a DNS label: lower-case letters, digits and hyphens");
const cron = z.string().regex(/^(\S+\s+){4}\S+$/, "five fields of cron, in UTC");
const quantity = z.string().regex(/^\d+(\.\d+)?(m|Ki|Mi|Gi|Ti)?$/, "a quantity of Kubernetes: 500m, 2, 1Gi");

/** A value in a Secret that stands in the namespace already: manifests name it, they never hold it. */
const secretKey = z.strictObject({ secret: name, key: z.string().min(1) });
export type SecretKey = z.output<typeof secretKey>;

/** Requests and limits of one container. */
const resources = z.strictObject({ cpu: quantity, memory: quantity, cpuLimit: quantity, memoryLimit: quantity });
export type Resources = z.output<typeof resources>;

/** What the manifests depend on; everything has a default, so that `requeen k8s render` without options gives a set that runs. */
export const manifestOptionsSchema = z.strictObject({
  namespace: name.default("requeen"),
  /** With its tag: what runs must not change by itself. */
  image: z.string().regex(/^[^\s@]+(:[\w][\w.-]*|@sha256:[0-9a-f]{64})$/, "an image with a tag or digest"),
  imagePullPolicy: z.enum(["Always", "IfNotPresent", "Never"]).default("IfNotPresent"),
  /** Node port of the service; null: ClusterIP. */
  nodePort: z.int().min(30_000).max(32_767).nullable().default(null),
  /** The connection string of MongoDB; null: SQLite in the data volume, so one replica. */
  mongodb: z
    .strictObject({
      ...secretKey.shape,
      database: z.string().min(1).nullable().default(null),
      /** Where egress is let through. */
      port: z.int().min(1).max(65_535).default(27_017),
    })
    .nullable()
    .default(null),
  /** The team's MLflow server; null: the embedded one, in the data volume. */
  mlflow: z
    .strictObject({
      uri: z.string().regex(/^https?:\/\/[^@\s]+$/, "an address of http:// or https:// without a password: give it as `token`"),
      token: secretKey.nullable().default(null),
      namespace: name.nullable().default("mlflow"),
    })
    .nullable()
    .default(null),
  /** Text of requeen.config.yaml for the pods; null: defaults and environment alone. */
  config: z.string().nullable().default(null),
  environment: z.string().min(1).default("production"),
  specialists: z.array(name).min(1).default(["architecture", "behavior", "business", "evolution", "technical"]),
  /** The specialist of the Job for one. */
  specialist: name.default("technical"),
  /** `kubernetes`: a run trains in Jobs of its own, which reach the MLflow server. */
  executor: z.enum(["local", "kubernetes"]).default("local"),
  /** Where the pods `specialist-{type}` run, when promotions restart them; null: nothing is restarted from here. */
  rolloutNamespace: name.nullable().default(null),
  schedules: z
    .strictObject({
      trigger: cron.default("0 3 * * 0"),
      drift: cron.default("0 */6 * * *"),
      backup: cron.default("0 2 * * *"),
      prune: cron.default("30 4 * * 0"),
    })
    .prefault({}),
  /** Whether the Job that lets rules give feedback stands in the set: tier `rule`, which never judges. */
  autoFeedback: z.boolean().default(false),
  data: z
    .strictObject({
      size: quantity.default("10Gi"),
      storageClass: z.string().min(1).nullable().default(null),
      /** null: ReadWriteOnce with SQLite, ReadWriteMany with MongoDB, where several nodes mount it. */
      accessMode: z.enum(["ReadWriteOnce", "ReadWriteMany"]).nullable().default(null),
    })
    .prefault({}),
  /** The backup that the Job `restore` brings back: the name of its folder in the backup volume. */
  restore: z
    .string()
    .regex(/^[\w-]+$/, "the name of a backup's folder")
    .nullable()
    .default(null),
  backup: z.strictObject({ size: quantity.default("20Gi"), keep: z.int().min(1).default(14) }).prefault({}),
  replicas: z
    .strictObject({
      min: z.int().min(1).default(2),
      max: z.int().min(1).default(5),
      cpuPercent: z.int().min(1).max(100).default(70),
    })
    .prefault({}),
  /** Environment variables from Secrets, for every pod: keys of tokens, of webhooks, of a language model. */
  secretEnvironment: z.array(z.strictObject({ name: z.string().regex(/^[A-Z][A-Z0-9_]*$/), ...secretKey.shape })).default([]),
  /** The address by which people reach the service through a proxy. */
  publicUrl: z
    .string()
    .regex(/^https?:\/\/[^/]+$/)
    .nullable()
    .default(null),
  /** Ports by which pods may reach any address besides: 443 for webhooks and for the keys of an identity provider. */
  egressPorts: z.array(z.int().min(1).max(65_535)).default([]),
  /** Namespaces whose pods may call the service, besides its own; ["*"]: everyone. A node port lets everyone in. */
  callers: z.array(z.union([name, z.literal("*")])).default([]),
  /** The namespace of Prometheus, which may read /metrics. */
  monitoringNamespace: name.default("monitoring"),
  resources: z
    .strictObject({
      serve: resources.prefault({ cpu: "250m", memory: "512Mi", cpuLimit: "2", memoryLimit: "2Gi" }),
      train: resources.prefault({ cpu: "500m", memory: "1Gi", cpuLimit: "2", memoryLimit: "2Gi" }),
      check: resources.prefault({ cpu: "100m", memory: "256Mi", cpuLimit: "500m", memoryLimit: "512Mi" }),
      drift: resources.prefault({ cpu: "500m", memory: "1Gi", cpuLimit: "1", memoryLimit: "2Gi" }),
    })
    .prefault({}),
});

export type ManifestOptions = z.output<typeof manifestOptionsSchema>;
export type ManifestInput = z.input<typeof manifestOptionsSchema>;

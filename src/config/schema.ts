import { z } from "zod";
import { builtInSpecialists, specialistSchema } from "../core/specialist.ts";
import { PII_STRATEGIES } from "../loop/redact/redactor.ts";
import { authSchema } from "./auth-schema.ts";
import { clusterSchema, executorSchema, rolloutSchema } from "./cluster-schema.ts";
import { serverLimits } from "./limits-schema.ts";
import { mongodbSchema } from "./mongodb-schema.ts";
import { driftSchema, metricsSchema, retentionSchema } from "./operations-schema.ts";
import { secret } from "./secret-setting.ts";

/**
 * The whole configuration; parser, type, defaults, docs/config.md and `requeen config show` come from it.
 * `env` names the environment names besides the regular one (`server.port` is REQUEEN_SERVER_PORT); a regular name wins over them.
 */
export const configSchema = z.strictObject({
  dataDir: z.string().min(1).default(".requeen").meta({ description: "folder of the embedded store, registry and model files" }),
  environment: z
    .string()
    .min(1)
    .default("development")
    .meta({ description: "where this runs; `production` forbids synthetic rows unless allowed by name", env: ["ENVIRONMENT"] }),
  mongodbUri: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\//, "a connection string that begins with mongodb:// or mongodb+srv://")
    .optional()
    .meta({
      description: "keep opinions, feedback and runs in this MongoDB instead of the data folder",
      env: ["MONGODB_URI", "MONGO_URI"],
      uri: true,
    }),
  mongodbDatabase: z
    .string()
    .min(1)
    .optional()
    .meta({
      description: "database in that MongoDB; without it, the one that the address names, else neural_hive",
      env: ["MONGODB_DATABASE", "MONGODB_DB"],
    }),
  mongodb: mongodbSchema.prefault({}),
  mlflowTrackingUri: z
    .string()
    .regex(
      /^https?:\/\//,
      "the address of an MLflow server, http:// or https://; without it the registry that is built in is used (file: and sqlite: name stores of the Python client: start `mlflow server` on them)",
    )
    .optional()
    .meta({ description: "use this MLflow server instead of the embedded one", env: ["MLFLOW_TRACKING_URI"], uri: true }),
  mlflowTrackingUsername: secret("user for basic authentication at the MLflow server", "MLFLOW_TRACKING_USERNAME"),
  mlflowTrackingPassword: secret("password for basic authentication at the MLflow server", "MLFLOW_TRACKING_PASSWORD"),
  mlflowTrackingToken: secret("bearer token for the MLflow server", "MLFLOW_TRACKING_TOKEN"),
  trainThreads: z
    .int()
    .min(1)
    .max(1024)
    .optional()
    .meta({ description: "worker threads for training; by default the number of cores" }),
  executor: executorSchema,
  cluster: clusterSchema.prefault({}),
  rollout: rolloutSchema.prefault({}),
  server: z
    .strictObject({
      host: z.string().min(1).default("127.0.0.1").meta({ description: "address that `requeen serve` listens on" }),
      port: z.int().min(0).max(65_535).default(8080).meta({ description: "its port; 0 takes a free one" }),
      publicUrl: z
        .string()
        .regex(/^https?:\/\/[^/]+$/, "an address without path, such as https://requeen.example.com")
        .optional()
        .meta({ description: "address by which browsers and clients reach it through a proxy: its host and origin are let in" }),
      allowedHosts: z
        .array(z.string().min(1))
        .default([])
        .meta({
          description:
            "further names in the Host header that are let in besides this machine, private addresses and `publicUrl`; `*` stands for anything",
          env: ["REQUEEN_SERVER_ALLOWED_HOSTS"],
        }),
      ...serverLimits,
    })
    .prefault({}),
  auth: authSchema.prefault({}),
  metrics: metricsSchema.prefault({}),
  drift: driftSchema.prefault({}),
  retention: retentionSchema.prefault({}),
  training: z
    .strictObject({
      seed: z
        .int()
        .min(0)
        .default(42)
        .meta({ description: "seed of every random choice in a run", env: ["TRAINING_RANDOM_SEED"] }),
      windowDays: z
        .number()
        .positive()
        .nullable()
        .default(null)
        .meta({
          description: "only labels given within this many days before the run; without it, all",
          env: ["RETRAINING_FEEDBACK_WINDOW_DAYS", "FEEDBACK_WINDOW_DAYS"],
        }),
      minFeedbackQuality: z
        .number()
        .min(0)
        .max(1)
        .nullable()
        .default(null)
        .meta({
          description: "recorded with a run; never filters, since a low rating is a negative and not noise",
          env: ["RETRAINING_MIN_FEEDBACK_QUALITY", "MIN_FEEDBACK_QUALITY"],
        }),
      hyperparameterTuning: z
        .boolean()
        .default(false)
        .meta({
          description: "search the grid of the model type instead of using its defaults",
          env: ["TRAINING_HYPERPARAMETER_TUNING"],
        }),
      allowSyntheticFallback: z
        .enum(["auto", "true", "false"])
        .default("auto")
        .meta({
          description:
            "whether synthetic rows may train when people's labels are few; auto: not in `production`. They never judge a model",
          env: ["ALLOW_SYNTHETIC_FALLBACK"],
        }),
    })
    .prefault({}),
  review: z
    .strictObject({
      randomShare: z.number().min(0.1).max(1).default(0.5).meta({
        description:
          "share of the review queue's picks that are left to plain chance; the rest prefers opinions that are uncertain or disputed",
      }),
      leaseMinutes: z
        .number()
        .positive()
        .max(1_440)
        .default(15)
        .meta({ description: "how long a claimed opinion is held for its reviewer" }),
      undoSeconds: z
        .number()
        .min(0)
        .max(3_600)
        .default(60)
        .meta({ description: "how long a submitted judgement can be taken back through its claim" }),
      skipCooldownDays: z
        .number()
        .min(0)
        .max(3_650)
        .default(30)
        .meta({ description: "how long a reviewer does not get again what he skipped" }),
    })
    .prefault({}),
  pii: z
    .strictObject({
      strategy: z.enum(PII_STRATEGIES).default("replace").meta({
        description:
          "what takes the place of personal data in notes and plan texts before they are stored: its kind, asterisks, a keyed digest, [redacted]; `off` stores texts as they come",
      }),
      hashKey: secret("key of the digests of the strategy `hash`", "REQUEEN_PII_HASH_KEY"),
    })
    .prefault({}),
  overrides: z
    .strictObject({
      triggerEnabled: z
        .boolean()
        .optional()
        .meta({ description: "trigger.enabled of every policy", env: ["ENABLE_RETRAINING_TRIGGER"] }),
      triggerThreshold: z
        .int()
        .min(1)
        .optional()
        .meta({
          description: "trigger.threshold of every policy: new human judgements that start a run",
          env: ["RETRAINING_FEEDBACK_THRESHOLD"],
        }),
      floorPrecision: z
        .number()
        .min(0)
        .max(1)
        .optional()
        .meta({ description: "floors.precision of every policy", env: ["TRAINING_PROMOTION_PRECISION_THRESHOLD"] }),
      floorRecall: z
        .number()
        .min(0)
        .max(1)
        .optional()
        .meta({ description: "floors.recall of every policy", env: ["TRAINING_PROMOTION_RECALL_THRESHOLD"] }),
      floorF1: z.number().min(0).max(1).optional().meta({ description: "floors.f1 of every policy" }),
      minF1Gain: z
        .number()
        .min(-1)
        .max(1)
        .optional()
        .meta({
          description: "improvement.min_f1_gain of every policy; counts only where the policy's rule is `point`",
          env: ["MODEL_IMPROVEMENT_THRESHOLD"],
        }),
    })
    .prefault({}),
  specialists: z.array(specialistSchema).min(1).default(builtInSpecialists).meta({
    description: "the judges; without it, the five of the hive: architecture, behavior, business, evolution, technical",
  }),
  policies: z
    .record(
      z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, "lower-case letters, digits and hyphens"),
      z.record(z.string(), z.unknown()),
    )
    .default({})
    .meta({ description: "own policies by name: `preset` and what differs from it; specialists name them" }),
});

/** The configuration as the file, environment and flags gave it, checked, with defaults. */
export type CheckedConfig = z.output<typeof configSchema>;

import { readFileSync } from "node:fs";
import { z } from "zod";
import { RequeenError } from "../core/errors.ts";
import { innerType, type Leaf, leavesOf } from "./describe-type.ts";
import { nearest } from "./nearest.ts";
import { configSchema } from "./schema.ts";
import { Secret } from "./secret.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment set: values by configuration key, the name each came from, and what should be said about the rest. */
export interface EnvironmentLayer {
  readonly values: ReadonlyMap<string, unknown>;
  readonly names: ReadonlyMap<string, string>;
  /** Names of the original system that are set and set nothing here. */
  readonly ignored: readonly string[];
  readonly warnings: readonly string[];
}

/** Names with REQUEEN_ that are no configuration keys. */
export const OTHER_NAMES: Readonly<Record<string, string>> = {
  REQUEEN_ACTOR: "who acts, in the audit log; by default the user of the operating system",
  REQUEEN_ALLOW_REMOTE: "1 = `requeen serve` does not warn when it listens on an address that others reach",
  REQUEEN_CONFIG: "path of the configuration file",
  REQUEEN_DEBUG: "1 = show the stack of an error",
};

/** Names of the original system that set nothing here: accepted, so that old manifests start, and reported, so that nobody waits for them. */
export const IGNORED_NAMES: Readonly<Record<string, string>> = {
  RETRAINING_TRIGGER_SCHEDULE_CRON:
    "when to look is up to cron or the CronJob; `requeen serve` looks by itself, and starts runs by the policy's `trigger.schedule`",
  RETRAINING_MLFLOW_PROJECT_URI: "runs train in Requeen's own threads",
  TRAINING_DATASET_PATH: "a dataset is snapshotted from the store",
  TRAINING_VALIDATION_SPLIT: "the policy's `evidence` part says which rows train and which judge",
  TRAINING_TEST_SPLIT: "the policy's `evidence` part says which rows train and which judge",
  TRAINING_MODEL_TYPES: "each specialist names its `model_types`",
  OPINIONS_COLLECTION: "the collection is specialist_opinions",
  FEEDBACK_COLLECTION: "the collection is specialist_feedback",
  FEEDBACK_MONGODB_COLLECTION: "the collection is specialist_feedback",
  MONGODB_OPINIONS_COLLECTION: "the collection is specialist_opinions",
  DATASET_DIR: "datasets stand in the data folder (REQUEEN_DATA_DIR)",
  MODEL_OUTPUT_DIR: "models stand in the registry",
  ENABLE_FEEDBACK_COLLECTION: "feedback is always taken",
  FEEDBACK_API_ENABLED: "`requeen serve` always offers the feedback API",
  FEEDBACK_RATING_MIN: "ratings lie in [0, 1]",
  FEEDBACK_RATING_MAX: "ratings lie in [0, 1]",
  FEEDBACK_REQUIRE_AUTHENTICATION: "a token is always required",
  FEEDBACK_ALLOWED_ROLES: "what a role may do is fixed; `auth.roles` maps the names in your tokens to roles",
  ENABLE_JWT_AUTH: "a token is always required",
  DATA_QUALITY_MAX_MISSING_PCT: "quality checks have fixed thresholds",
  DATA_QUALITY_MAX_SPARSITY_PCT: "quality checks have fixed thresholds",
  DATA_QUALITY_MAX_OUTLIER_PCT: "quality checks have fixed thresholds",
  DATA_QUALITY_MIN_CLASS_PCT: "quality checks have fixed thresholds",
  DATA_QUALITY_MAX_CORRELATION: "quality checks have fixed thresholds",
  DATA_QUALITY_MIN_SCORE: "quality checks have no score",
  AB_TESTING_ENABLED: "a challenger is judged on labelled rows, not on live traffic",
  ENABLE_AB_TESTING: "a challenger is judged on labelled rows, not on live traffic",
  ENABLE_DRIFT_MONITORING: "the setting `drift.everyHours` says whether and how often `requeen serve` looks for drift",
  DRIFT_CHECK_INTERVAL_MINUTES: "the setting `drift.everyHours` says how often `requeen serve` looks for drift",
  PUSHGATEWAY_URL: "metrics are not pushed",
  PROMETHEUS_PUSHGATEWAY_URL: "metrics are not pushed",
  SLACK_WEBHOOK_URL: "no notifications are sent",
  ONLINE_LEARNING_ENABLED: "there is no online learning",
  ML_GRADUAL_ROLLOUT_ENABLED: "a promotion changes the alias at once; `requeen rollback` takes it back",
};

/** `server.port` -> `REQUEEN_SERVER_PORT`. */
export const environmentNameOf = (key: string): string =>
  `REQUEEN_${key
    .replaceAll(/[A-Z]/g, (letter) => `_${letter}`)
    .replaceAll(".", "_")
    .toUpperCase()}`;

/** All names that may set a leaf, the strongest first. */
export function environmentNamesOf(leaf: Leaf): string[] {
  const others = Array.isArray(leaf.meta.env) ? leaf.meta.env.map(String) : [];
  if (leaf.meta.secret === true) return others;
  return isScalar(leaf) ? [environmentNameOf(leaf.key), ...others] : others;
}

/**
 * Reads what the environment sets. An empty value counts as not set.
 * @throws bad_config when the file that a `..._FILE` name points at cannot be read, or two names set a secret.
 */
export function readEnvironment(environment: Environment): EnvironmentLayer {
  const values = new Map<string, unknown>();
  const names = new Map<string, string>();
  const warnings: string[] = [];
  const known = new Set(Object.keys(OTHER_NAMES));
  for (const leaf of leavesOf(configSchema)) {
    for (const name of environmentNamesOf(leaf)) {
      known.add(name);
      if (values.has(leaf.key)) continue;
      const text = leaf.meta.secret === true ? secretText(name, environment) : environment[name];
      if (text === undefined || text === "") continue;
      if (isServiceLink(name, text)) {
        warnings.push(`${name}=${text} was set by Kubernetes for a service of this name, not by a person: not used`);
        continue;
      }
      if (isStoreOfMlflowRun(name, text, environment)) {
        warnings.push(
          `${name}=${text} is the store of \`mlflow run\` itself, no server: not used. Runs and models go to the registry in the data folder; to have them in MLflow, start \`mlflow server\` and name its address`,
        );
        continue;
      }
      values.set(leaf.key, leaf.meta.secret === true ? new Secret(text) : convert(text, leaf.type));
      names.set(leaf.key, name);
    }
  }
  const ignored: string[] = [];
  for (const [name, text] of Object.entries(environment)) {
    if (text === undefined || text === "") continue;
    if (Object.hasOwn(IGNORED_NAMES, name)) ignored.push(name);
    else if (name.startsWith("REQUEEN_") && !known.has(name) && !isServiceLink(name, text)) {
      const meant = nearest(name, known);
      warnings.push(`${name} is set and is no name of the configuration${meant === null ? "" : `; did you mean ${meant}?`}`);
    }
  }
  return { values, names, ignored, warnings };
}

/** Kubernetes gives each pod NAME_SERVICE_HOST, NAME_PORT=tcp://... and more for each service NAME. */
const isServiceLink = (name: string, text: string): boolean =>
  /_PORT(_[0-9]+_(TCP|UDP|SCTP)(_[A-Z]+)?)?$|_SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?$/.test(name) &&
  (/^(tcp|udp|sctp):\/\//.test(text) || !/_PORT$/.test(name) || name.endsWith("_SERVICE_PORT"));

/** Without a server `mlflow run` keeps runs in a file, and hands its place on to every command of the project. */
const isStoreOfMlflowRun = (name: string, text: string, environment: Environment): boolean =>
  name === "MLFLOW_TRACKING_URI" && Boolean(environment.MLFLOW_RUN_ID) && /^(file|sqlite):|^[^:]*$/.test(text);

function secretText(name: string, environment: Environment): string | undefined {
  const path = environment[`${name}_FILE`];
  if (path === undefined || path === "") return environment[name];
  if (environment[name]) throw new RequeenError("bad_config", `${name} and ${name}_FILE are both set; set one`, { name });
  try {
    return readFileSync(path, "utf8").trimEnd();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RequeenError("bad_config", `${name}_FILE names a file that cannot be read: ${reason}`, { name, path }, { cause });
  }
}

const isScalar = (leaf: Leaf): boolean =>
  !(innerType(leaf.type) instanceof z.ZodArray || innerType(leaf.type) instanceof z.ZodRecord);

const SWITCHES: Readonly<Record<string, boolean>> = {
  true: true,
  false: false,
  "1": true,
  "0": false,
  yes: true,
  no: false,
  on: true,
  off: false,
};

/** Text of the environment or of a flag as the type wants it; what cannot be converted stays text, and the check names it. */
export function convert(text: string, outer: z.core.$ZodType): unknown {
  const type = innerType(outer);
  if (type instanceof z.ZodNumber) return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
  if (type instanceof z.ZodBoolean) return SWITCHES[text.toLowerCase()] ?? text;
  if (type instanceof z.ZodArray)
    return text
      .split(/[\s,]+/)
      .filter((part) => part !== "")
      .map((part) => convert(part, type.element));
  if (type instanceof z.ZodEnum) return type.options.includes(text) ? text : text.toLowerCase();
  return text;
}

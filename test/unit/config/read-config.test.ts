import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EXAMPLE_CONFIG } from "../../../scripts/docs/config-page.ts";
import { OTHER_NAMES } from "../../../src/config/environment.ts";
import { policyOf } from "../../../src/config/policy-of.ts";
import { type ConfigInput, type LoadedConfig, readConfig } from "../../../src/config/read-config.ts";
import { isRequeenError } from "../../../src/core/errors.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "requeen-config-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const read = (text: string | null, rest: Partial<ConfigInput> = {}): Promise<LoadedConfig> => {
  if (text !== null) writeFileSync(join(folder, "requeen.config.yaml"), text);
  return readConfig({ workingDirectory: folder, environment: {}, ...rest });
};

async function messageOf(reading: Promise<unknown>): Promise<string> {
  const error: unknown = await reading.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!isRequeenError(error, "bad_config")) throw new Error(`expected bad_config, got ${inspect(error)}`);
  return error.message;
}

test("without file and environment every key has its default, and no source", async () => {
  const { config, file, sources, warnings } = await read(null);
  expect(file).toBeNull();
  expect(sources.size).toBe(0);
  expect(warnings).toEqual([]);
  expect(config.dataDir).toBe(".requeen");
  expect(config.server).toMatchObject({ host: "127.0.0.1", port: 8080 });
  expect(config.specialists.map(({ name }) => name)).toEqual(["architecture", "behavior", "business", "evolution", "technical"]);
  expect(config.trainThreads).toBeGreaterThanOrEqual(1);
});

test("a flag wins over the environment, the environment over the file, and each says so", async () => {
  const text = "dataDir: from-file\nserver:\n  port: 1000\n  host: 0.0.0.0\n";
  const { config, sources, file } = await read(text, {
    environment: { REQUEEN_SERVER_PORT: "2000", REQUEEN_DATA_DIR: "from-environment" },
    flags: new Map([["server.port", { flag: "--port", value: "3000" }]]),
  });
  expect(config.dataDir).toBe("from-environment");
  expect(config.server).toMatchObject({ host: "0.0.0.0", port: 3000 });
  expect(sources.get("dataDir")).toBe("REQUEEN_DATA_DIR");
  expect(sources.get("server.port")).toBe("--port");
  expect(sources.get("server.host")).toBe(file);
});

test("the configuration is frozen to its depth", async () => {
  const { config } = await read(null);
  expect(() => Reflect.apply(Array.prototype.push, config.specialists[0].classes, ["x"])).toThrow(TypeError);
  expect(Object.isFrozen(config.server)).toBe(true);
});

test("an unknown key names file, line and the nearest key", async () => {
  const message = await messageOf(read("# comment\n\nserver:\n  prot: 80\n"));
  expect(message).toContain(`server.prot in ${join(folder, "requeen.config.yaml")} line 4 is unknown. Did you mean "port"?`);
});

test("every finding is reported at once, each with what is allowed and what came", async () => {
  const message = await messageOf(read("server: { port: -1 }\ntrainThreads: many\nspecialists: []\n"));
  expect(message).toMatch(/server\.port in .* line 1 must be an integer in \[0, 65535\]; got -1/);
  expect(message).toMatch(/trainThreads in .* line 2 must be an integer in \[1, 1024\]; got "many"/);
  expect(message).toMatch(/specialists in .* line 3 must be a list of at least 1; got \[\]/);
});

test("a bad value from the environment names the variable", async () => {
  const message = await messageOf(read(null, { environment: { TRAINING_HYPERPARAMETER_TUNING: "maybe" } }));
  expect(message).toContain('training.hyperparameterTuning in TRAINING_HYPERPARAMETER_TUNING must be true or false; got "maybe"');
});

test("a column set with a misspelt key is compared with column sets, not with plan schemas", async () => {
  const message = await messageOf(read("specialists:\n  - name: mail\n    features: { schema: mail/1, colums: [] }\n"));
  expect(message).toContain("specialists[0].features.colums");
  expect(message).toContain('Did you mean "columns"?');
  expect(message).not.toContain("plan/1");
});

test("parameters and grids of a specialist are checked when the configuration is read", async () => {
  const specialist = (training: string) => read(`specialists:\n  - name: technical\n    training: ${training}\n`);
  const { config } = await specialist(
    "{ params: { random_forest: { nEstimators: 50 } }, search: { method: halving, by: time } }",
  );
  expect(config.specialists[0].training).toMatchObject({
    params: { random_forest: { nEstimators: 50 } },
    search: { method: "halving", by: "time", folds: 3, metric: "log_loss", trials: 20, grid: {} },
  });
  expect(await messageOf(specialist("{ params: { random_forest: { depth: 5 } } }"))).toContain(
    "specialists[0].training.params.random_forest in",
  );
  expect(await messageOf(specialist("{ params: { random_forest: { depth: 5 } } }"))).toContain(
    "random_forest has no parameter depth",
  );
  expect(await messageOf(specialist("{ search: { grid: { gradient_boosting: { maxDepth: [3, 0] } } } }"))).toContain(
    "maxDepth of gradient_boosting must be an integer in [1, 64] or null; got 0",
  );
  expect(await messageOf(specialist("{ params: { forest: {} } }"))).toContain("must name model types, of random_forest");
  expect(await messageOf(specialist("{ params: { random_forest: { seed: 1 } } }"))).toContain("must not set seed");
});

test("text that is no YAML names line and column", async () => {
  expect(await messageOf(read("a: 1\nb: [1, 2\nc: 3\n"))).toMatch(/line \d+ column \d+ is not readable YAML/);
  expect(await messageOf(read("a: 1\na: 2\n"))).toMatch(/line 2 column 1 is not readable YAML: .*unique/);
});

test("a list at the top is refused; an empty file is an empty configuration", async () => {
  expect(await messageOf(read("- a\n"))).toContain("must be a mapping of keys to values");
  expect((await read("# nothing yet\n")).config.dataDir).toBe(".requeen");
});

test("a named file that does not exist is an error, by flag and by environment", async () => {
  expect(await messageOf(read(null, { file: "other.yaml" }))).toContain(`--config names the file ${join(folder, "other.yaml")}`);
  expect(await messageOf(read(null, { environment: { REQUEEN_CONFIG: "/nowhere.yaml" } }))).toContain(
    "REQUEEN_CONFIG names the file /nowhere.yaml",
  );
});

test("two specialists of one name are refused", async () => {
  expect(await messageOf(read("specialists:\n  - name: a\n  - name: b\n  - name: a\n"))).toMatch(
    /specialists\[2\]\.name in .* line 4 must differ/,
  );
});

test("a secret in the file is refused without being repeated", async () => {
  const message = await messageOf(read("mlflowTrackingToken: hunter2\n"));
  expect(message).toContain("mlflowTrackingToken");
  expect(message).toContain("MLFLOW_TRACKING_TOKEN_FILE");
  expect(message).not.toContain("hunter2");
});

test("a secret comes from its variable or its file, not from both, and is never shown", async () => {
  writeFileSync(join(folder, "token"), "s3cret\n");
  const { config } = await read(null, { environment: { MLFLOW_TRACKING_TOKEN_FILE: join(folder, "token") } });
  expect(config.mlflowTrackingToken?.reveal()).toBe("s3cret");
  expect(JSON.stringify(config)).not.toContain("s3cret");
  expect(inspect(config, { depth: 9, showHidden: true })).not.toContain("s3cret");
  expect(`${config.mlflowTrackingToken}`).toBe("[secret]");
  const both = { MLFLOW_TRACKING_TOKEN_FILE: join(folder, "token"), MLFLOW_TRACKING_TOKEN: "x" };
  expect(await messageOf(read(null, { environment: both }))).toContain("are both set");
  expect(await messageOf(read(null, { environment: { MLFLOW_TRACKING_TOKEN_FILE: join(folder, "none") } }))).toContain(
    "cannot be read",
  );
});

test("the original names are read, the regular name wins", async () => {
  const environment = {
    MONGO_URI: "mongodb://a/x",
    MONGODB_DB: "old",
    RETRAINING_FEEDBACK_THRESHOLD: "150",
    RETRAINING_FEEDBACK_WINDOW_DAYS: "7",
    TRAINING_PROMOTION_RECALL_THRESHOLD: "0.65",
    ALLOW_SYNTHETIC_FALLBACK: "True",
    TRAINING_RANDOM_SEED: "1",
    REQUEEN_TRAINING_SEED: "2",
    MLFLOW_TRACKING_URI: "",
  };
  const { config } = await read(null, { environment });
  expect(config.mongodbUri).toBe("mongodb://a/x");
  expect(config.mongodbDatabase).toBe("old");
  expect(config.mlflowTrackingUri).toBeUndefined();
  expect(config.training).toMatchObject({ windowDays: 7, allowSyntheticFallback: "true", seed: 2 });
  const policy = policyOf(config, config.specialists[0]);
  expect(policy.trigger.threshold).toBe(150);
  expect(policy.floors.recall).toBe(0.65);
});

test("names without effect are reported, and so are misspelt REQUEEN_ names", async () => {
  const { ignored, warnings } = await read(null, { environment: { DATASET_DIR: "x", REQUEEN_DATADIR: "y", PATH: "/bin" } });
  expect(ignored).toEqual(["DATASET_DIR"]);
  expect(warnings).toEqual(["REQUEEN_DATADIR is set and is no name of the configuration; did you mean REQUEEN_DATA_DIR?"]);
});

test("what Kubernetes sets for a service named requeen-server is no port of ours", async () => {
  const environment = {
    REQUEEN_SERVER_PORT: "tcp://10.0.0.7:80",
    REQUEEN_SERVER_PORT_80_TCP_ADDR: "10.0.0.7",
    REQUEEN_SERVER_SERVICE_HOST: "10.0.0.7",
    REQUEEN_SERVER_SERVICE_PORT: "80",
  };
  const { config, warnings } = await read(null, { environment });
  expect(config.server.port).toBe(8080);
  expect(warnings).toEqual([expect.stringContaining("was set by Kubernetes")]);
});

test("the store that `mlflow run` hands on is not used, and said; a person's own file: address is refused with what to do", async () => {
  for (const store of ["file:///w/mlruns", "sqlite:////w/mlflow.db", "./mlruns"]) {
    const handedOn = await read(null, { environment: { MLFLOW_TRACKING_URI: store, MLFLOW_RUN_ID: "1".repeat(32) } });
    expect(handedOn.config.mlflowTrackingUri).toBeUndefined();
    expect(handedOn.warnings).toEqual([expect.stringContaining(`${store} is the store of \`mlflow run\` itself`)]);
    const message = await messageOf(read(null, { environment: { MLFLOW_TRACKING_URI: store } }));
    expect(message).toContain("mlflowTrackingUri in MLFLOW_TRACKING_URI");
    expect(message).toContain("start `mlflow server` on them");
  }
  const server = await read(null, { environment: { MLFLOW_TRACKING_URI: "http://mlflow:5000", MLFLOW_RUN_ID: "1" } });
  expect(server.config.mlflowTrackingUri).toBe("http://mlflow:5000");
});

test("an override that contradicts the policy names the variable and the contradiction", async () => {
  const message = await messageOf(read(null, { environment: { RETRAINING_FEEDBACK_THRESHOLD: "5" } }));
  expect(message).toContain("overrides (RETRAINING_FEEDBACK_THRESHOLD) is refused");
  expect(message).toContain("evidence.min_gate_rows 30 is more than trigger.threshold 5 brings");
});

test("a policy that no one defined is named with the nearest", async () => {
  const message = await messageOf(read("specialists:\n  - name: a\n    policy: strickt\n"));
  expect(message).toMatch(
    /specialists\[0\]\.policy in .* line 3 is refused: there is no policy "strickt"\. Did you mean "strict"\?/,
  );
});

test("an own policy takes the rest from its preset", async () => {
  const { config } = await read(
    "policies:\n  careful: { preset: strict, trigger: { threshold: 300 } }\nspecialists:\n  - { name: a, policy: careful }\n",
  );
  expect(policyOf(config, config.specialists[0])).toMatchObject({
    name: "careful",
    requires_approval: true,
    trigger: { threshold: 300 },
    improvement: { rule: "significance" },
  });
});

test("the example of docs/config.md is a good configuration", async () => {
  const { config } = await read(EXAMPLE_CONFIG);
  expect(config.specialists.map(({ name }) => name)).toEqual(["technical", "mail-triage"]);
  expect(policyOf(config, config.specialists[1]).improvement.promote_at).toBe(0.99);
});

test("every REQUEEN_ name that the sources read by themselves is documented", () => {
  const root = join(import.meta.dirname, "..", "..", "..");
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const read = files.flatMap((name) =>
    [...readFileSync(join(root, "src", name), "utf8").matchAll(/\benv(?:ironment)?\.(REQUEEN_[A-Z_]+)/g)].map(
      (match) => match[1],
    ),
  );
  expect(read).toContain("REQUEEN_DEBUG");
  for (const name of read) expect(Object.keys(OTHER_NAMES)).toContain(name);
});

test("a specialist's policy is read once for a configuration, and two configurations do not share it", async () => {
  const first = await read(null);
  const second = await read(null, { environment: { RETRAINING_FEEDBACK_THRESHOLD: "250" } });
  const policies = [first, second].map(({ config }) => policyOf(config, config.specialists[0]));
  expect(policies.map(({ trigger }) => trigger.threshold)).toEqual([100, 250]);
  expect(policyOf(first.config, first.config.specialists[1])).toBe(policies[0]);
});

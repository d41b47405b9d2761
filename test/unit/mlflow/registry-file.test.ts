import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { openMlflow } from "../../../src/mlflow/index.ts";
import { SCHEMA_REVISION } from "../../../src/mlflow/schema.ts";
import { openServer } from "./open-server.ts";

/** The file itself: MLflow's own tables, older releases' files, and files that are not ours. test/interop/mlflow does it with real MLflow. */
async function folder(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), "requeen-mlflow-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  return dataDir;
}

/** A folder with the file that MLflow 2.22 wrote (test/fixtures/mlflow/make_older_file.py). */
async function olderFile(change = ""): Promise<string> {
  const dataDir = await folder();
  const sql = await readFile(new URL("../../fixtures/mlflow/mlflow-2.22-file.sql", import.meta.url), "utf8");
  const db = new DatabaseSync(join(dataDir, "registry.db"), { enableForeignKeyConstraints: false });
  db.exec(sql + change);
  db.close();
  return dataDir;
}

const rowsOf = (path: string, sql: string): Record<string, unknown>[] => {
  const db = new DatabaseSync(path, { readOnly: true });
  const rows = db.prepare(sql).all();
  db.close();
  return rows;
};

/** Definitions without spacing, and without what the order of creation decides. */
const definitions = (path: string): string[] =>
  rowsOf(path, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
    .map((row) => String(row.sql).replace(/["\s]/g, ""))
    .sort();

test("a new file has MLflow's tables and its experiment 0", async () => {
  const server = await openServer();
  const path = join(server.dataDir, "registry.db");
  expect(rowsOf(path, "SELECT version_num FROM alembic_version")).toEqual([{ version_num: SCHEMA_REVISION }]);
  const { json } = await server.call("GET", "experiments/get", { experiment_id: "0" });
  expect(json.experiment).toMatchObject({ name: "Default", artifact_location: "mlflow-artifacts:/0", lifecycle_stage: "active" });
  expect(rowsOf(path, "SELECT count(*) AS n FROM sqlite_master WHERE type = 'table'")[0]?.n).toBe(46);
});

test("a file of MLflow 2 opens with all that was in it, becomes a file of today, and stays beside it as it was", async () => {
  const dataDir = await olderFile();
  const server = await openServer({ dataDir });
  const { upgrade } = server.service;
  expect(upgrade?.backupPath).toBe(join(dataDir, `registry.db.${upgrade?.fromRevision}.bak`));
  const { json: experiment } = await server.call("GET", "experiments/get-by-name", { experiment_name: "theirs" });
  expect(experiment.experiment).toMatchObject({
    artifact_location: "mlflow-artifacts:/1",
    tags: [{ key: "owner", value: "mlflow" }],
  });
  const found = await server.call("POST", "runs/search", {
    experiment_ids: ["1"],
    run_view_type: "ALL",
    order_by: ["start_time"],
  });
  expect(
    found.json.runs.map((run: { info: { run_name: string; lifecycle_stage: string } }) => [
      run.info.run_name,
      run.info.lifecycle_stage,
    ]),
  ).toEqual([
    ["run-0", "active"],
    ["run-1", "active"],
    ["run-2", "deleted"],
  ]);
  const [{ info, data, inputs }] = found.json.runs;
  expect(data).toMatchObject({ metrics: [{ key: "loss", value: 0.2, step: 4 }], params: [{ key: "lr", value: "0" }] });
  expect(inputs.dataset_inputs).toMatchObject([
    { dataset: { name: "d", digest: "x1" }, tags: [{ key: "mlflow.data.context", value: "train" }] },
  ]);
  const history = await server.call("GET", "metrics/get-history", { run_id: info.run_id, metric_key: "loss" });
  expect(history.json.metrics.map((metric: { value: number | string }) => metric.value)).toEqual([1, 0.5, "NaN", 0.25, 0.2]);
  const champion = await server.call("GET", "registered-models/alias", { name: "m", alias: "champion" });
  expect(champion.json.model_version).toMatchObject({
    version: "2",
    current_stage: "Production",
    tags: [{ key: "i", value: "1" }],
  });
  expect((await server.call("POST", "model-versions/create", { name: "m", source: "s3://a/b" })).json.model_version.version).toBe(
    "4",
  );

  const fresh = await openServer();
  expect(definitions(join(dataDir, "registry.db"))).toEqual(definitions(join(fresh.dataDir, "registry.db")));
  const backup = String(upgrade?.backupPath);
  expect(rowsOf(backup, "SELECT version_num FROM alembic_version")).toEqual([{ version_num: upgrade?.fromRevision }]);
  expect(rowsOf(backup, "SELECT count(*) AS n FROM metrics")).toEqual([{ n: 15 }]);
});

test("our indexes are made where they are missing, and those of an earlier release removed", async () => {
  const indexes = (path: string) => rowsOf(path, "SELECT sql FROM sqlite_master WHERE name LIKE 'requeen%' ORDER BY name");
  const server = await openServer();
  const path = join(server.dataDir, "registry.db");
  const before = indexes(path);
  server.service.close();
  const db = new DatabaseSync(path);
  db.exec("DROP INDEX requeen_runs_order; CREATE INDEX requeen_former ON runs (name)");
  db.close();
  await openServer({ dataDir: server.dataDir });
  expect(indexes(path)).toEqual(before);
});

test("a converted file is converted once", async () => {
  const dataDir = await olderFile();
  (await openMlflow({ dataDir, now: Date.now })).close();
  const second = await openMlflow({ dataDir, now: Date.now });
  onTestFinished(() => second.close());
  expect(second.upgrade).toBeUndefined();
});

test("an older file whose rows contradict each other is left as it was", async () => {
  const dataDir = await olderFile("INSERT INTO params VALUES ('lost', '1', 'no-such-run');");
  await expect(openMlflow({ dataDir, now: Date.now })).rejects.toThrow(/^store_corrupt: .*mlflow db upgrade/);
  const path = join(dataDir, "registry.db");
  expect(rowsOf(path, "SELECT count(*) AS n FROM pragma_table_info('experiments') WHERE name = 'workspace'")).toEqual([{ n: 0 }]);
  expect(rowsOf(path, "SELECT count(*) AS n FROM metrics")).toEqual([{ n: 15 }]);
});

test("other files are refused and not touched", async () => {
  const dataDir = await folder();
  const path = join(dataDir, "registry.db");
  const other = new DatabaseSync(path);
  other.exec("CREATE TABLE invoices (id)");
  other.close();
  await expect(openMlflow({ dataDir, now: Date.now })).rejects.toThrow(
    /^store_corrupt: .* holds tables, but not those of MLflow/,
  );
  expect(rowsOf(path, "SELECT name FROM sqlite_master")).toEqual([{ name: "invoices" }]);

  await rm(path);
  await writeFile(path, "no database at all, but longer than a header would be ".repeat(50));
  await expect(openMlflow({ dataDir, now: Date.now })).rejects.toThrow(/^store_corrupt: /);
  expect(await readFile(path, "utf8")).toMatch(/^no database/);
  expect((await readdir(dataDir)).filter((name) => name.endsWith(".bak"))).toEqual([]);
});

test("a destination that is no folder is refused by name", async () => {
  await expect(openMlflow({ dataDir: await folder(), artifactsDestination: "s3://bucket", now: Date.now })).rejects.toThrow(
    /^bad_parameter: artifactsDestination/,
  );
});

import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { openMlflow } from "../../src/mlflow/index.ts";

/** Several processes on one data folder: `requeen serve` and the command line at once. */
const WRITER = new URL("./mlflow-writer.ts", import.meta.url);

async function folder(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), "requeen-mlflow-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  return dataDir;
}

const write = (dataDir: string, name: string, count: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = fork(WRITER, [dataDir, name, String(count)], { execArgv: [], stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code, signal) => (code === null ? reject(new Error(`writer ended by ${signal}`)) : resolve(code)));
  });

test("four processes that make the file, an experiment and versions at the same time get different numbers", async () => {
  const dataDir = await folder();
  const codes = await Promise.all([0, 1, 2, 3].map((i) => write(dataDir, `writer-${i}`, 25)));
  expect(codes).toEqual([0, 0, 0, 0]);
  const db = new DatabaseSync(join(dataDir, "registry.db"), { readOnly: true });
  onTestFinished(() => db.close());
  expect(db.prepare("SELECT count(*) AS n, max(version) AS last FROM model_versions").get()).toEqual({ n: 100, last: 100 });
  expect(db.prepare("SELECT count(*) AS n, count(DISTINCT experiment_id) AS ids FROM experiments").get()).toEqual({
    n: 5,
    ids: 5,
  });
  expect(db.prepare("SELECT count(*) AS n FROM registered_model_aliases").get()).toEqual({ n: 1 });
  expect(db.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
});

test("what was answered survives kill -9", async () => {
  const dataDir = await folder();
  const answered: number[] = [];
  const child = fork(WRITER, [dataDir, "killed", "100000"], { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
  await new Promise<void>((resolve) => {
    child.on("message", (version) => {
      answered.push(Number(version));
      if (answered.length === 40) child.kill("SIGKILL");
    });
    child.on("exit", () => resolve());
  });
  const service = await openMlflow({ dataDir, now: Date.now });
  onTestFinished(() => service.close());
  const response = await service.transport({
    method: "GET",
    path: "/api/2.0/mlflow/model-versions/search",
    query: [["filter", "name = 'shared'"]],
  });
  const found = JSON.parse(Buffer.from(response.body as Uint8Array).toString()).model_versions.map((v: { version: string }) =>
    Number(v.version),
  );
  expect(answered.length).toBeGreaterThanOrEqual(40);
  expect(found).toEqual(expect.arrayContaining(answered));
});

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openMlflow } from "../src/mlflow/index.ts";

/**
 * A registry file with one experiment of `count` runs, each with 3 metrics, 5 params and 4 tags: what mlflow/mlflow#2730 and its kin report.
 * Same count, same rows. Written below the REST interface, because 200,000 calls would take longer than the bench.
 */
export async function fillRuns(dataDir: string, count: number): Promise<void> {
  const service = await openMlflow({ dataDir, now: () => 1_700_000_000_000 });
  const body = Buffer.from(JSON.stringify({ name: "big" }));
  const made = await service.transport({
    method: "POST",
    path: "/api/2.0/mlflow/experiments/create",
    headers: { "content-type": "application/json" },
    body,
  });
  if (made.status !== 200) throw new Error(`experiments/create answered ${made.status}`);
  service.close();
  const db = new DatabaseSync(join(dataDir, "registry.db"));
  // Nobody else reads it yet: no journal, room for the pages, indexes made at the end.
  db.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000");
  for (const { name } of db
    .prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND name LIKE 'requeen%'")
    .all()) {
    db.exec(`DROP INDEX "${name}"`);
  }
  const run = db.prepare(
    `INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, source_version, lifecycle_stage, artifact_uri, experiment_id)
     VALUES (?, ?, 'UNKNOWN', '', '', 'u', 'FINISHED', ?, '', 'active', ?, 1)`,
  );
  const metric = db.prepare(`INSERT INTO metrics ("key", value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, 1, ?, 0, 0)`);
  const latest = db.prepare(
    `INSERT INTO latest_metrics ("key", value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, 1, 0, 0, ?)`,
  );
  const param = db.prepare(`INSERT INTO params ("key", value, run_uuid) VALUES (?, ?, ?)`);
  const tag = db.prepare(`INSERT INTO tags ("key", value, run_uuid) VALUES (?, ?, ?)`);
  db.exec("BEGIN");
  for (let i = 0; i < count; i += 1) {
    // Ids as random as real ones, so that no index gets them in order.
    const id = `${((i * 2_654_435_761) % 4_294_967_296).toString(16).padStart(8, "0")}${i.toString(16).padStart(24, "0")}`;
    run.run(id, `run-${i}`, 1_700_000_000_000 + i, `mlflow-artifacts:/1/${id}/artifacts`);
    for (const [key, value] of [
      ["acc", Math.sin(i)],
      ["loss", (i * 7919) % 1000],
      ["f1", i / count],
    ] as const) {
      metric.run(key, value, id);
      latest.run(key, value, id);
    }
    for (const [key, value] of [
      ["lr", (i % 10) / 10],
      ["depth", i % 5],
      ["seed", i],
      ["p4", "x"],
      ["p5", "y"],
    ] as const)
      param.run(key, String(value), id);
    for (const [key, value] of [
      ["team", `t${i % 7}`],
      ["a", "b"],
      ["mlflow.source.name", "x.py"],
      ["mlflow.runName", `run-${i}`],
    ] as const)
      tag.run(key, value, id);
  }
  db.exec("COMMIT");
  db.close();
  (await openMlflow({ dataDir, now: () => 1_700_000_000_000 })).close();
}

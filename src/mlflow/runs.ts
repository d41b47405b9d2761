import { type Context, joinUri, lastByKey, readKeyValues } from "./context.ts";
import { type Endpoint, rpc } from "./endpoint.ts";
import { findActiveExperiment } from "./experiments.ts";
import { int64, keyValue, type Message, many, required, runStatus, text } from "./message-fields.ts";
import { cutTo, LIMITS } from "./names.ts";
import { invalid, missing } from "./protocol-error.ts";
import { infoAnswer, RUN_COLUMNS, type RunRow, runAnswers } from "./run-answer.ts";
import { nameFrom } from "./run-names.ts";

export const RUN_NAME_TAG = "mlflow.runName";

const newRun = { experiment_id: text, user_id: text, run_name: text, start_time: int64, tags: many(keyValue) } as const;
const runUpdate = { run_id: required(text), status: runStatus, end_time: int64, run_name: text } as const;

export const runEndpoints: readonly Endpoint[] = [
  rpc(["POST"], "runs/create", newRun, createRun),
  rpc(["GET"], "runs/get", { run_id: required(text) }, (context, request) => ({
    run: runAnswers(context, [findRun(context, request.run_id)], "fetched")[0],
  })),
  rpc(["POST"], "runs/update", runUpdate, updateRun),
  rpc(["POST"], "runs/delete", { run_id: required(text) }, (context, request) => setStage(context, request.run_id, "deleted")),
  rpc(["POST"], "runs/restore", { run_id: required(text) }, (context, request) => setStage(context, request.run_id, "active")),
];

/** @throws MlflowError RESOURCE_DOES_NOT_EXIST */
export function findRun(context: Context, runId: string): RunRow {
  const row = context.db.get<RunRow>(`SELECT ${RUN_COLUMNS} FROM runs r WHERE r.run_uuid = ?`, runId);
  if (row === undefined) throw missing(`Run with id=${runId} not found`);
  return row;
}

/** The experiment of a run that may be written. */
export function findActiveRun(context: Context, runId: string): { experiment_id: number } {
  const row = context.db.get<{ experiment_id: number; lifecycle_stage: string }>(
    "SELECT experiment_id, lifecycle_stage FROM runs WHERE run_uuid = ?",
    runId,
  );
  if (row === undefined) throw missing(`Run with id=${runId} not found`);
  if (row.lifecycle_stage !== "active") {
    throw invalid(`The run ${runId} must be in the 'active' state. Current state is ${row.lifecycle_stage}.`);
  }
  return row;
}

function createRun(context: Context, request: Message<typeof newRun>): object {
  const { db } = context;
  const tags = lastByKey(readKeyValues(request.tags));
  const asked = request.run_name ?? "";
  const tagged = tags.find((tag) => tag.key === RUN_NAME_TAG)?.value ?? "";
  return db.write(() => {
    const experiment = findActiveExperiment(context, request.experiment_id ?? "");
    if (asked !== "" && tagged !== "" && asked !== tagged) {
      throw invalid(
        `Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='${asked}', mlflow.runName='${tagged}').`,
      );
    }
    const runId = context.newId();
    const name = asked || tagged || nameFrom(context.newId());
    db.run(
      `INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, source_version, lifecycle_stage, artifact_uri, experiment_id)
       VALUES (?, ?, 'UNKNOWN', '', '', ?, 'RUNNING', ?, '', 'active', ?, ?)`,
      runId,
      name,
      request.user_id ?? "",
      request.start_time ?? 0,
      joinUri(experiment.artifact_location ?? "", runId, "artifacts"),
      experiment.experiment_id,
    );
    // As in MLflow, tags given at creation are not held to the naming rules.
    for (const tag of tags)
      writeRunTag(context, runId, tag.key, tag.key === RUN_NAME_TAG ? name : cutTo(LIMITS.runTagValue, tag.value));
    if (!tags.some((tag) => tag.key === RUN_NAME_TAG)) writeRunTag(context, runId, RUN_NAME_TAG, name);
    return { run: runAnswers(context, [findRun(context, runId)], "created")[0] };
  });
}

export function writeRunTag(context: Context, runId: string, key: string, value: string): void {
  context.db.run(
    `INSERT INTO tags ("key", value, run_uuid) VALUES (?, ?, ?) ON CONFLICT ("key", run_uuid) DO UPDATE SET value = excluded.value`,
    key,
    value,
    runId,
  );
}

/** Sets the name column and the name tag, which MLflow keeps equal. */
export function renameRun(context: Context, runId: string, name: string): void {
  context.db.run("UPDATE runs SET name = ? WHERE run_uuid = ?", name, runId);
  writeRunTag(context, runId, RUN_NAME_TAG, name);
}

function updateRun(context: Context, request: Message<typeof runUpdate>): object {
  const { db } = context;
  return db.write(() => {
    findActiveRun(context, request.run_id);
    if (request.status !== undefined) db.run("UPDATE runs SET status = ? WHERE run_uuid = ?", request.status, request.run_id);
    if (request.end_time !== undefined)
      db.run("UPDATE runs SET end_time = ? WHERE run_uuid = ?", request.end_time, request.run_id);
    if (request.run_name) renameRun(context, request.run_id, request.run_name);
    return { run_info: infoAnswer(findRun(context, request.run_id)) };
  });
}

function setStage(context: Context, runId: string, stage: "active" | "deleted"): object {
  const changed = context.db.write(() =>
    context.db.run(
      "UPDATE runs SET lifecycle_stage = ?, deleted_time = ? WHERE run_uuid = ?",
      stage,
      stage === "deleted" ? context.now() : null,
      runId,
    ),
  );
  if (changed === 0) throw missing(`Run with id=${runId} not found`);
  return {};
}

import { isAbsolute, join } from "node:path";
import {
  type Context,
  checkArtifactLocationLength,
  cutPage,
  joinUri,
  type KeyValue,
  lastByKey,
  readKeyValues,
  readPageToken,
} from "./context.ts";
import { allIn } from "./database.ts";
import { type Endpoint, READ, rpc } from "./endpoint.ts";
import { int64, keyValue, many, required, text, type ViewType, viewType } from "./message-fields.ts";
import { checkExperimentName, checkExperimentTag, cutTo, LIMITS } from "./names.ts";
import { invalid, MlflowError, missing } from "./protocol-error.ts";
import { experimentFilter, experimentOrder } from "./search-experiments.ts";
import { isLocalUri, localPath, schemeOf } from "./uri.ts";

export interface ExperimentRow {
  readonly experiment_id: number;
  readonly name: string;
  readonly artifact_location: string | null;
  readonly lifecycle_stage: string;
  readonly creation_time: number | null;
  readonly last_update_time: number | null;
}

const COLUMNS = "e.experiment_id, e.name, e.artifact_location, e.lifecycle_stage, e.creation_time, e.last_update_time";
const SEARCH_LIMIT = 50_000;

/** SQL for the lifecycle stages that a view shows. */
export const stagesOf = (view: ViewType | undefined): string =>
  view === "ALL" ? "('active', 'deleted')" : view === "DELETED_ONLY" ? "('deleted')" : "('active')";

export const experimentEndpoints: readonly Endpoint[] = [
  rpc(
    ["POST"],
    "experiments/create",
    { name: required(text), artifact_location: text, tags: many(keyValue) },
    (context, request) => ({
      experiment_id: createExperiment(context, request.name, request.artifact_location ?? "", readKeyValues(request.tags)),
    }),
  ),
  rpc(["GET"], "experiments/get", { experiment_id: required(text) }, (context, request) => ({
    experiment: experimentAnswer(context, findExperiment(context, request.experiment_id, "ALL")),
  })),
  rpc(["GET"], "experiments/get-by-name", { experiment_name: required(text) }, (context, request) => {
    const row = context.db.get<ExperimentRow>(
      `SELECT ${COLUMNS} FROM experiments e WHERE workspace = 'default' AND name = ?`,
      request.experiment_name,
    );
    if (row === undefined) throw missing(`Could not find experiment with name '${request.experiment_name}'`);
    return { experiment: experimentAnswer(context, row) };
  }),
  rpc(
    ["POST", "GET"],
    "experiments/search",
    { max_results: int64, page_token: text, filter: text, order_by: many(text), view_type: viewType },
    (context, request) => searchExperiments(context, { ...request, max_results: Number(request.max_results ?? 0) }),
    READ,
  ),
  rpc(["POST"], "experiments/delete", { experiment_id: required(text) }, (context, request) =>
    setStage(context, request.experiment_id, "deleted"),
  ),
  rpc(["POST"], "experiments/restore", { experiment_id: required(text) }, (context, request) =>
    setStage(context, request.experiment_id, "active"),
  ),
  rpc(["POST"], "experiments/update", { experiment_id: required(text), new_name: required(text) }, (context, request) =>
    renameExperiment(context, request.experiment_id, request.new_name),
  ),
  rpc(
    ["POST"],
    "experiments/set-experiment-tag",
    { experiment_id: required(text), key: required(text), value: text },
    (context, request) => setExperimentTag(context, request.experiment_id, { key: request.key, value: request.value ?? "" }),
  ),
  rpc(["POST"], "experiments/delete-experiment-tag", { experiment_id: required(text), key: required(text) }, (context, request) =>
    deleteExperimentTag(context, request.experiment_id, request.key),
  ),
];

/** @throws MlflowError when the id is no integer or no experiment of that view has it. */
export function findExperiment(context: Context, id: string, view: ViewType): ExperimentRow {
  const text = id === "" ? "0" : id;
  if (!/^\s*[+-]?\d+\s*$/.test(text)) throw invalid(`Invalid experiment ID '${id}'. Experiment ID must be a valid integer.`);
  const number = BigInt(text.trim());
  const row = context.db.get<ExperimentRow>(
    `SELECT ${COLUMNS} FROM experiments e WHERE experiment_id = ? AND lifecycle_stage IN ${stagesOf(view)}`,
    number > 9_223_372_036_854_775_807n ? -1n : number,
  );
  if (row === undefined) throw missing(`No Experiment with id=${number} exists`);
  return row;
}

export function findActiveExperiment(context: Context, id: string): ExperimentRow {
  const row = findExperiment(context, id, "ALL");
  if (row.lifecycle_stage !== "active") {
    throw invalid(`The experiment ${row.experiment_id} must be in the 'active' state. Current state is ${row.lifecycle_stage}.`);
  }
  return row;
}

function createExperiment(context: Context, name: string, askedLocation: string, tags: readonly KeyValue[]): string {
  const { db, now } = context;
  const location = askedLocation === "" ? "" : checkLocation(context, askedLocation);
  checkExperimentName(name);
  return db.write(() => {
    if (db.get("SELECT 1 AS found FROM experiments WHERE workspace = 'default' AND name = ?", name) !== undefined)
      throw taken(name);
    const time = now();
    const id = db.get<{ id: number }>("SELECT coalesce(max(experiment_id), 0) + 1 AS id FROM experiments")?.id ?? 1;
    db.run(
      `INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time, workspace)
       VALUES (?, ?, ?, 'active', ?, ?, 'default')`,
      id,
      name,
      location === "" ? joinUri(context.artifactRoot, String(id)) : location,
      time,
      time,
    );
    for (const tag of lastByKey(tags)) writeTag(context, id, tag);
    return String(id);
  });
}

const taken = (name: string): MlflowError =>
  new MlflowError(
    "RESOURCE_ALREADY_EXISTS",
    `Experiment(name=${name}) already exists. Error: UNIQUE constraint failed: experiments.workspace, experiments.name`,
  );

/** Where an experiment's artifacts may lie. A folder of this machine is refused unless the server was told to allow it. */
function checkLocation(context: Context, asked: string): string {
  const { fragment, parameters, query } = splitUri(asked);
  if (fragment || parameters) throw invalid("'artifact_location' URL can't include fragments or params.");
  if (decodeFully(query).includes("..")) throw invalid("Invalid query string");
  if (asked.startsWith("runs:")) throw invalid(`Artifact location cannot be a runs:/ URI. Given: '${asked}'`);
  checkArtifactLocationLength(asked);
  if (decodeFully(asked).split(/[\\/]/).includes("..") || asked.includes("\0")) {
    throw invalid(`Invalid artifact location: '${asked}'. It must not contain '..' segments.`);
  }
  if (!isLocalUri(asked)) return asked;
  if (!context.allowLocalArtifactRoots) {
    throw invalid(
      `Invalid artifact location: '${asked}'. This server does not keep artifacts at local paths that a client names; leave ` +
        "'artifact_location' out, or start the server with --allow-local-artifact-roots.",
    );
  }
  const path = localPath(asked);
  const absolute = isAbsolute(path) ? path : join(context.workingDirectory, path);
  if (!asked.startsWith("file:")) return absolute;
  return isAbsolute(path) ? asked : `file://${absolute}`;
}

/** Schemes whose last path segment may carry ";parameters", as Python's urlparse knows them; elsewhere ";" is a plain character. */
const WITH_PARAMETERS = new Set([
  "",
  "ftp",
  "http",
  "https",
  "sftp",
  "hdl",
  "prospero",
  "shttp",
  "rtsp",
  "rtspu",
  "sip",
  "sips",
  "mms",
  "tel",
]);

function splitUri(uri: string): { fragment: boolean; parameters: boolean; query: string } {
  const [beforeFragment = "", ...fragments] = uri.split("#");
  const [path = "", ...query] = beforeFragment.split("?");
  return {
    fragment: fragments.join("") !== "",
    parameters: WITH_PARAMETERS.has(schemeOf(uri)) && path.slice(path.lastIndexOf("/") + 1).includes(";"),
    query: query.join("?"),
  };
}

function decodeFully(value: string): string {
  let current = value;
  for (let round = 0; round < 10; round += 1) {
    let next: string;
    try {
      next = decodeURIComponent(current);
    } catch {
      return current;
    }
    if (next === current) return current;
    current = next;
  }
  return current;
}

function setStage(context: Context, id: string, stage: "active" | "deleted"): object {
  const { db, now } = context;
  return db.write(() => {
    const row = findExperiment(context, id, stage === "deleted" ? "ACTIVE_ONLY" : "DELETED_ONLY");
    const time = now();
    db.run(
      "UPDATE experiments SET lifecycle_stage = ?, last_update_time = ? WHERE experiment_id = ?",
      stage,
      time,
      row.experiment_id,
    );
    db.run(
      "UPDATE runs SET lifecycle_stage = ?, deleted_time = ? WHERE experiment_id = ?",
      stage,
      stage === "deleted" ? time : null,
      row.experiment_id,
    );
    return {};
  });
}

function renameExperiment(context: Context, id: string, newName: string): object {
  const { db, now } = context;
  return db.write(() => {
    const row = findExperiment(context, id, "ALL");
    if (row.lifecycle_stage !== "active") throw new MlflowError("INVALID_STATE", "Cannot rename a non-active experiment.");
    checkExperimentName(newName);
    const holder = db.get<{ experiment_id: number }>(
      "SELECT experiment_id FROM experiments WHERE workspace = 'default' AND name = ?",
      newName,
    );
    if (holder !== undefined && holder.experiment_id !== row.experiment_id) throw taken(newName);
    db.run("UPDATE experiments SET name = ?, last_update_time = ? WHERE experiment_id = ?", newName, now(), row.experiment_id);
    return {};
  });
}

function setExperimentTag(context: Context, id: string, tag: KeyValue): object {
  checkExperimentTag(tag.key, tag.value);
  return context.db.write(() => {
    writeTag(context, findActiveExperiment(context, id).experiment_id, tag);
    return {};
  });
}

function writeTag(context: Context, experimentId: number, tag: KeyValue): void {
  context.db.run(
    `INSERT INTO experiment_tags ("key", value, experiment_id) VALUES (?, ?, ?)
     ON CONFLICT ("key", experiment_id) DO UPDATE SET value = excluded.value`,
    tag.key,
    cutTo(LIMITS.runTagValue, tag.value),
    experimentId,
  );
}

function deleteExperimentTag(context: Context, id: string, key: string): object {
  return context.db.write(() => {
    const row = findActiveExperiment(context, id);
    const removed = context.db.run(`DELETE FROM experiment_tags WHERE experiment_id = ? AND "key" = ?`, row.experiment_id, key);
    if (removed === 0) throw missing(`No tag with name: ${key} in experiment with id ${id}`);
    return {};
  });
}

/** @throws MlflowError INVALID_PARAMETER_VALUE unless the page size lies in [1, 50000]. */
export function checkPageSize(pageSize: number): void {
  if (pageSize < 1)
    throw invalid(`Invalid value ${pageSize} for parameter 'max_results' supplied. It must be a positive integer`);
  if (pageSize > SEARCH_LIMIT) {
    throw invalid(`Invalid value ${pageSize} for parameter 'max_results' supplied. It must be at most ${SEARCH_LIMIT}`);
  }
}

interface ExperimentSearch {
  readonly max_results: number;
  readonly page_token: string | undefined;
  readonly filter: string | undefined;
  readonly order_by: readonly string[];
  readonly view_type: ViewType | undefined;
}

function searchExperiments(context: Context, search: ExperimentSearch): object {
  checkPageSize(search.max_results);
  const filter = experimentFilter(search.filter ?? "");
  const order = experimentOrder(search.order_by);
  const offset = readPageToken(search.page_token);
  const found = context.db.all<ExperimentRow>(
    `SELECT ${COLUMNS} FROM experiments e WHERE e.lifecycle_stage IN ${stagesOf(search.view_type)} ${filter.sql} ORDER BY ${order} LIMIT ? OFFSET ?`,
    ...filter.values,
    search.max_results + 1,
    offset,
  );
  const { rows, next } = cutPage(found, search.max_results, offset);
  const tags = tagsOf(context, rows);
  return { experiments: rows.length === 0 ? undefined : rows.map((row) => toAnswer(row, tags)), next_page_token: next };
}

const experimentAnswer = (context: Context, row: ExperimentRow): object => toAnswer(row, tagsOf(context, [row]));

function tagsOf(context: Context, rows: readonly ExperimentRow[]): Map<number, KeyValue[]> {
  const tags = new Map<number, KeyValue[]>();
  const found = allIn<{ experiment_id: number; key: string; value: string | null }>(
    context.db,
    rows.map((row) => row.experiment_id),
    (ids) => `SELECT experiment_id, "key", value FROM experiment_tags WHERE experiment_id IN (${ids})`,
  );
  for (const { experiment_id, key, value } of found) {
    const list = tags.get(experiment_id);
    if (list === undefined) tags.set(experiment_id, [{ key, value: value ?? "" }]);
    else list.push({ key, value: value ?? "" });
  }
  return tags;
}

const toAnswer = (row: ExperimentRow, tags: Map<number, KeyValue[]>): object => ({
  experiment_id: String(row.experiment_id),
  name: row.name,
  artifact_location: row.artifact_location ?? "",
  lifecycle_stage: row.lifecycle_stage,
  last_update_time: row.last_update_time ?? undefined,
  creation_time: row.creation_time ?? undefined,
  tags: tags.get(row.experiment_id),
});

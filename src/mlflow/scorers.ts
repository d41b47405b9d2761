import type { Context } from "./context.ts";
import { type Int64Column, int64, jsonInt64 } from "./database.ts";
import { type Endpoint, rpc, V3, V3_READ } from "./endpoint.ts";
import { findActiveExperiment } from "./experiments.ts";
import { int32, type Message, required, text } from "./message-fields.ts";
import { checkLength } from "./names.ts";
import { invalid, missing } from "./protocol-error.ts";
import { readPythonJson, writePythonJson } from "./python-json.ts";
import { someOrNone } from "./some-or-none.ts";
import { uuidOf } from "./uuid.ts";

const NAME_LIMIT = 256;

interface ScorerRow {
  readonly experiment_id: number;
  readonly scorer_name: string;
  readonly scorer_version: number;
  readonly serialized_scorer: string;
  readonly creation_time: Int64Column;
  readonly scorer_id: string;
}

const SELECT = `SELECT s.experiment_id, s.scorer_name, v.scorer_version, v.serialized_scorer, ${int64("v.creation_time")} AS creation_time, s.scorer_id
  FROM scorers s JOIN scorer_versions v ON v.scorer_id = s.scorer_id`;
const registration = { experiment_id: required(text), name: required(text), serialized_scorer: required(text) } as const;
const named = { experiment_id: required(text), name: required(text) } as const;
const oneVersion = { ...named, version: int32 } as const;

export const scorerEndpoints: readonly Endpoint[] = [
  rpc(["POST"], "scorers/register", registration, register, V3),
  rpc(
    ["GET"],
    "scorers/list",
    { experiment_id: text },
    (context, request) => ({ scorers: someOrNone(latestOf(context, request.experiment_id).map((row) => answer(row))) }),
    V3_READ,
  ),
  rpc(
    ["GET"],
    "scorers/versions",
    named,
    (context, request) => ({ scorers: versionsOf(context, request.experiment_id, request.name).map((row) => answer(row)) }),
    V3_READ,
  ),
  rpc(
    ["GET"],
    "scorers/get",
    oneVersion,
    (context, request) => ({ scorer: asRegistered(findScorer(context, request)) }),
    V3_READ,
  ),
  rpc(["DELETE"], "scorers/delete", oneVersion, remove, V3),
];

/** What was registered; lists show it as Python writes JSON, as MLflow's do. */
const asRegistered = (row: ScorerRow): object => ({ ...row, creation_time: jsonInt64(row.creation_time ?? 0) });
const answer = (row: ScorerRow): object => ({
  ...asRegistered(row),
  serialized_scorer: writePythonJson(readPythonJson(row.serialized_scorer)),
});

function register(context: Context, request: Message<typeof registration>): object {
  const { db } = context;
  checkLength("name", NAME_LIMIT, request.name);
  if (!isJson(request.serialized_scorer)) throw invalid("serialized_scorer must be valid JSON");
  const time = context.now();
  return db.write(() => {
    const experimentId = findActiveExperiment(context, request.experiment_id).experiment_id;
    const known = db.get<{ scorer_id: string }>(
      "SELECT scorer_id FROM scorers WHERE experiment_id = ? AND scorer_name = ?",
      experimentId,
      request.name,
    );
    const scorerId = known?.scorer_id ?? uuidOf(context.newId());
    if (known === undefined)
      db.run(
        "INSERT INTO scorers (experiment_id, scorer_name, scorer_id) VALUES (?, ?, ?)",
        experimentId,
        request.name,
        scorerId,
      );
    const version =
      db.get<{ next: number }>(
        "SELECT coalesce(max(scorer_version), 0) + 1 AS next FROM scorer_versions WHERE scorer_id = ?",
        scorerId,
      )?.next ?? 1;
    db.run(
      "INSERT INTO scorer_versions (scorer_id, scorer_version, serialized_scorer, creation_time) VALUES (?, ?, ?, ?)",
      scorerId,
      version,
      request.serialized_scorer,
      time,
    );
    const { name, serialized_scorer } = request;
    return { version, scorer_id: scorerId, experiment_id: String(experimentId), name, serialized_scorer, creation_time: time };
  });
}

function isJson(source: string): boolean {
  try {
    JSON.parse(source);
    return true;
  } catch {
    return false;
  }
}

/** The newest version of each scorer of an experiment, or of all that are active, by name. */
function latestOf(context: Context, experimentId: string | undefined): ScorerRow[] {
  const newest = "v.scorer_version = (SELECT max(scorer_version) FROM scorer_versions WHERE scorer_id = s.scorer_id)";
  if (experimentId === undefined) {
    return context.db.all<ScorerRow>(
      `${SELECT} JOIN experiments e ON e.experiment_id = s.experiment_id AND e.lifecycle_stage = 'active'
       WHERE ${newest} ORDER BY s.scorer_name, s.experiment_id`,
    );
  }
  return context.db.all<ScorerRow>(
    `${SELECT} WHERE s.experiment_id = ? AND ${newest} ORDER BY s.scorer_name`,
    findActiveExperiment(context, experimentId).experiment_id,
  );
}

/** @throws MlflowError RESOURCE_DOES_NOT_EXIST for a scorer without versions. */
function versionsOf(context: Context, experimentId: string, name: string): ScorerRow[] {
  const id = findActiveExperiment(context, experimentId).experiment_id;
  const rows = context.db.all<ScorerRow>(
    `${SELECT} WHERE s.experiment_id = ? AND s.scorer_name = ? ORDER BY v.scorer_version`,
    id,
    name,
  );
  if (rows.length === 0) throw missing(`Scorer with name '${name}' not found for experiment ${id}.`);
  return rows;
}

function findScorer(context: Context, request: Message<typeof oneVersion>): ScorerRow {
  const rows = versionsOf(context, request.experiment_id, request.name);
  const row = request.version === undefined ? rows.at(-1) : rows.find(({ scorer_version }) => scorer_version === request.version);
  if (row === undefined) {
    throw missing(
      `Scorer with name '${request.name}' and version ${request.version} not found for experiment ${rows[0]?.experiment_id}.`,
    );
  }
  return row;
}

/** One version, or the scorer with all; a scorer that lost its last version goes too. */
function remove(context: Context, request: Message<typeof oneVersion>): object {
  const { db } = context;
  return db.write(() => {
    const { scorer_id, scorer_version } = findScorer(context, request);
    if (request.version === undefined) db.run("DELETE FROM scorer_versions WHERE scorer_id = ?", scorer_id);
    else db.run("DELETE FROM scorer_versions WHERE scorer_id = ? AND scorer_version = ?", scorer_id, scorer_version);
    if (db.get("SELECT 1 AS found FROM scorer_versions WHERE scorer_id = ?", scorer_id) === undefined) {
      db.run("DELETE FROM online_scoring_configs WHERE scorer_id = ?", scorer_id);
      db.run("DELETE FROM scorers WHERE scorer_id = ?", scorer_id);
    }
    return {};
  });
}

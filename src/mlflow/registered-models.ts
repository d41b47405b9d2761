import { type Context, cutPage, type KeyValue, lastByKey, readKeyValues, readPageToken } from "./context.ts";
import { allIn } from "./database.ts";
import { type Endpoint, PROMOTE, READ, rpc } from "./endpoint.ts";
import { findModel, findVersion } from "./find-version.ts";
import { atMost, int64, keyValue, many, required, text } from "./message-fields.ts";
import { type ModelVersionRow, VERSION_COLUMNS, versionAnswers } from "./model-version-answer.ts";
import {
  checkAlias,
  checkAliasFree,
  checkEntityName,
  checkModelName,
  checkNewModelName,
  checkRegistryTag,
  readVersion,
} from "./names.ts";
import { invalid, MlflowError, missing } from "./protocol-error.ts";
import { isPrompt, modelFilter, modelOrder, PROMPT_TAG } from "./registry-grammar.ts";
import { canonicalStage, STAGES } from "./stages.ts";

export interface RegisteredModelRow {
  readonly name: string;
  readonly creation_time: number | null;
  readonly last_updated_time: number | null;
  readonly description: string | null;
}
const COLUMNS = "m.name, m.creation_time, m.last_updated_time, m.description";
const named = { name: required(text) } as const;
const aliased = { name: required(text), alias: required(text) } as const;

export const registeredModelEndpoints: readonly Endpoint[] = [
  rpc(
    ["POST"],
    "registered-models/create",
    { name: required(text), tags: many(keyValue), description: text },
    (context, request) => createModel(context, request.name, readKeyValues(request.tags), request.description ?? ""),
  ),
  rpc(["GET"], "registered-models/get", named, (context, request) => ({ registered_model: findAnswer(context, request.name) })),
  rpc(["PATCH"], "registered-models/update", { name: required(text), description: text }, (context, request) =>
    context.db.writeDurably(() => {
      findModel(context, request.name);
      context.db.run(
        "UPDATE registered_models SET description = ?, last_updated_time = ? WHERE workspace = 'default' AND name = ?",
        request.description ?? "",
        context.now(),
        request.name,
      );
      return { registered_model: findAnswer(context, request.name) };
    }),
  ),
  rpc(
    ["POST"],
    "registered-models/rename",
    { name: required(text), new_name: required(text) },
    (context, request) => renameModel(context, request.name, request.new_name),
    PROMOTE,
  ),
  rpc(["DELETE"], "registered-models/delete", named, (context, request) => deleteModel(context, request.name), PROMOTE),
  rpc(
    ["GET"],
    "registered-models/search",
    { filter: text, max_results: atMost(1_000, int64), order_by: many(text), page_token: text },
    (context, request) =>
      searchModels(context, request.filter ?? "", Number(request.max_results ?? 100), request.order_by, request.page_token),
  ),
  rpc(
    ["POST", "GET"],
    "registered-models/get-latest-versions",
    { name: required(text), stages: many(text) },
    (context, request) => {
      findModel(context, request.name);
      const stages = new Set(request.stages.length === 0 ? STAGES : request.stages.map(canonicalStage));
      const latest = latestVersions(context, [request.name]).filter((row) =>
        stages.has(canonicalStage(row.current_stage ?? "None")),
      );
      return { model_versions: latest.length === 0 ? undefined : versionAnswers(context, latest) };
    },
    READ,
  ),
  rpc(["POST"], "registered-models/set-tag", { name: required(text), key: required(text), value: text }, (context, request) => {
    checkModelName(request.name);
    checkRegistryTag(request.key, request.value ?? "");
    return context.db.writeDurably(() => {
      findModel(context, request.name);
      writeTag(context, request.name, { key: request.key, value: request.value ?? "" });
      return {};
    });
  }),
  rpc(["DELETE"], "registered-models/delete-tag", { name: required(text), key: required(text) }, (context, request) => {
    checkEntityName(request.key, "key");
    return context.db.writeDurably(() => {
      findModel(context, request.name);
      context.db.run(
        `DELETE FROM registered_model_tags WHERE workspace = 'default' AND "key" = ? AND name = ?`,
        request.key,
        request.name,
      );
      return {};
    });
  }),
  rpc(
    ["POST"],
    "registered-models/alias",
    { ...aliased, version: required(text) },
    (context, request) => setAlias(context, request.name, request.alias, request.version),
    PROMOTE,
  ),
  rpc(
    ["DELETE"],
    "registered-models/alias",
    aliased,
    (context, request) => {
      checkAlias(request.alias);
      return context.db.writeDurably(() => {
        findModel(context, request.name);
        context.db.run(
          "DELETE FROM registered_model_aliases WHERE workspace = 'default' AND name = ? AND alias = ?",
          request.name,
          request.alias,
        );
        return {};
      });
    },
    PROMOTE,
  ),
  rpc(["GET"], "registered-models/alias", aliased, (context, request) => byAlias(context, request.name, request.alias)),
];

function createModel(context: Context, name: string, tags: readonly KeyValue[], description: string): object {
  checkModelName(name);
  for (const tag of tags) checkRegistryTag(tag.key, tag.value);
  const { db } = context;
  return db.writeDurably(() => {
    const existing = db.get("SELECT 1 AS found FROM registered_models WHERE workspace = 'default' AND name = ?", name);
    if (existing !== undefined) throw taken(context, name, tags);
    const time = context.now();
    db.run(
      "INSERT INTO registered_models (name, creation_time, last_updated_time, description, workspace) VALUES (?, ?, ?, ?, 'default')",
      name,
      time,
      time,
      description,
    );
    for (const tag of lastByKey(tags)) writeTag(context, name, tag);
    return { registered_model: findAnswer(context, name) };
  });
}

/** Models and prompts share their names; the message says which kind holds the name. */
function taken(context: Context, name: string, tags: readonly KeyValue[]): MlflowError {
  const old = isPrompt(context, name) ? "Prompt" : "Registered Model";
  const fresh = tags.some((tag) => tag.key === PROMPT_TAG && tag.value.toLowerCase() === "true") ? "Prompt" : "Registered Model";
  const message =
    old === fresh
      ? `${fresh} (name=${name}) already exists.`
      : `Tried to create a ${fresh.toLowerCase()} with name '${name}', but the name is already taken by a ${old.toLowerCase()}. MLflow does not ` +
        "allow creating a model and a prompt with the same name.";
  return new MlflowError("RESOURCE_ALREADY_EXISTS", message);
}

function writeTag(context: Context, name: string, tag: KeyValue): void {
  context.db.run(
    `INSERT INTO registered_model_tags ("key", value, name, workspace) VALUES (?, ?, ?, 'default')
     ON CONFLICT (workspace, "key", name) DO UPDATE SET value = excluded.value`,
    tag.key,
    tag.value,
    name,
  );
}

function renameModel(context: Context, name: string, newName: string): object {
  checkNewModelName(newName);
  const { db } = context;
  return db.writeDurably(() => {
    findModel(context, name);
    if (
      newName !== name &&
      db.get("SELECT 1 AS found FROM registered_models WHERE workspace = 'default' AND name = ?", newName) !== undefined
    ) {
      throw new MlflowError(
        "RESOURCE_ALREADY_EXISTS",
        `Registered Model (name=${newName}) already exists. Error: UNIQUE constraint failed: registered_models.workspace, registered_models.name`,
      );
    }
    const time = context.now();
    db.run(
      "UPDATE registered_models SET name = ?, last_updated_time = ? WHERE workspace = 'default' AND name = ?",
      newName,
      time,
      name,
    );
    for (const table of ["model_versions", "registered_model_tags", "model_version_tags", "registered_model_aliases"])
      db.run(`UPDATE ${table} SET name = ? WHERE workspace = 'default' AND name = ?`, newName, name);
    db.run("UPDATE model_versions SET last_updated_time = ? WHERE workspace = 'default' AND name = ?", time, newName);
    return { registered_model: findAnswer(context, newName) };
  });
}

function deleteModel(context: Context, name: string): object {
  return context.db.writeDurably(() => {
    findModel(context, name);
    for (const table of [
      "registered_model_aliases",
      "model_version_tags",
      "model_versions",
      "registered_model_tags",
      "registered_models",
    ]) {
      context.db.run(`DELETE FROM ${table} WHERE workspace = 'default' AND name = ?`, name);
    }
    return {};
  });
}

function setAlias(context: Context, name: string, alias: string, version: string): object {
  checkModelName(name);
  checkAlias(alias);
  checkAliasFree(alias);
  const number = readVersion(version);
  return context.db.writeDurably(() => {
    findVersion(context, name, number);
    context.db.run(
      `INSERT INTO registered_model_aliases (alias, version, name, workspace) VALUES (?, ?, ?, 'default')
       ON CONFLICT (workspace, name, alias) DO UPDATE SET version = excluded.version`,
      alias,
      number,
      name,
    );
    return {};
  });
}

/** The alias "latest", which nobody may set, stands for the highest version. */
function byAlias(context: Context, name: string, alias: string): object {
  checkModelName(name);
  checkAlias(alias);
  if (alias.toLowerCase() === "latest") {
    findModel(context, name);
    const highest = latestVersions(context, [name]).sort((a, b) => b.version - a.version)[0];
    if (highest === undefined) throw missing(`Latest version not found for model ${name}.`);
    return { model_version: versionAnswers(context, [highest])[0] };
  }
  findModel(context, name);
  const row = context.db.get<{ version: number }>(
    "SELECT version FROM registered_model_aliases WHERE workspace = 'default' AND name = ? AND alias = ?",
    name,
    alias,
  );
  if (row === undefined) throw invalid(`Registered model alias ${alias} not found.`);
  return { model_version: versionAnswers(context, [findVersion(context, name, row.version)])[0] };
}

/** The highest version of each stage of each model; stages in the order of their first versions, as MLflow lists them. */
function latestVersions(context: Context, names: readonly string[]): ModelVersionRow[] {
  return allIn<ModelVersionRow>(
    context.db,
    names,
    (list) => `SELECT ${VERSION_COLUMNS} FROM model_versions v
      JOIN (SELECT name, max(version) AS version, min(version) AS first FROM model_versions
            WHERE workspace = 'default' AND name IN (${list}) AND current_stage != 'Deleted_Internal' GROUP BY name, current_stage) latest
        ON latest.name = v.name AND latest.version = v.version
      WHERE v.workspace = 'default' ORDER BY v.name, latest.first`,
  );
}

function findAnswer(context: Context, name: string): object {
  const { db } = context;
  checkModelName(name);
  const row = db.get<RegisteredModelRow>(
    `SELECT ${COLUMNS} FROM registered_models m WHERE workspace = 'default' AND name = ?`,
    name,
  );
  if (row === undefined) throw missing(`Registered Model with name=${name} not found`);
  return modelAnswers(context, [row])[0] ?? {};
}

function searchModels(
  context: Context,
  filter: string,
  pageSize: number,
  order: readonly string[],
  token: string | undefined,
): object {
  if (pageSize < 1) throw invalid(`Invalid value for max_results. It must be a positive integer, but got ${pageSize}`);
  const part = modelFilter(filter);
  const offset = readPageToken(token);
  const found = context.db.all<RegisteredModelRow>(
    `SELECT ${COLUMNS} FROM registered_models m WHERE m.workspace = 'default' ${part.sql} ORDER BY ${modelOrder(order)} LIMIT ? OFFSET ?`,
    ...part.values,
    pageSize + 1,
    offset,
  );
  const { rows, next } = cutPage(found, pageSize, offset);
  return { registered_models: rows.length === 0 ? undefined : modelAnswers(context, rows), next_page_token: next };
}

function modelAnswers(context: Context, rows: readonly RegisteredModelRow[]): object[] {
  const { db } = context;
  const names = rows.map((row) => row.name);
  const latest = latestVersions(context, names);
  const answers = versionAnswers(context, latest);
  const tags = allIn<KeyValue & { name: string }>(
    db,
    names,
    (list) => `SELECT name, "key", value FROM registered_model_tags WHERE workspace = 'default' AND name IN (${list})`,
  );
  const aliases = allIn<{ name: string; alias: string; version: number }>(
    db,
    names,
    (list) =>
      `SELECT name, alias, version FROM registered_model_aliases WHERE workspace = 'default' AND name IN (${list}) ORDER BY name, alias`,
  );
  return rows.map((row) => {
    const mine = <T extends { name: string }>(items: readonly T[]): T[] => items.filter((item) => item.name === row.name);
    const versions = answers.filter((_, index) => latest[index]?.name === row.name);
    const ownTags = mine(tags).map(({ key, value }) => ({ key, value: value ?? "" }));
    const ownAliases = mine(aliases).map(({ alias, version }) => ({ alias, version: String(version) }));
    return {
      name: row.name,
      creation_timestamp: row.creation_time ?? undefined,
      last_updated_timestamp: row.last_updated_time ?? undefined,
      description: row.description || undefined,
      latest_versions: versions.length === 0 ? undefined : versions,
      tags: ownTags.length === 0 ? undefined : ownTags,
      aliases: ownAliases.length === 0 ? undefined : ownAliases,
    };
  });
}

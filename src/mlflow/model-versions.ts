import { type Context, cutPage, type KeyValue, lastByKey, readKeyValues, readPageToken } from "./context.ts";
import { type Endpoint, PROMOTE, rpc } from "./endpoint.ts";
import { askedVersion, DELETED_STAGE, downloadUri, findModel, findVersion } from "./find-version.ts";
import { noteModelVersion } from "./logged-models.ts";
import { atMost, bool, int64, keyValue, type Message, many, required, text } from "./message-fields.ts";
import { type ModelVersionRow, VERSION_COLUMNS, versionAnswers } from "./model-version-answer.ts";
import { checkModelSource, resolveModelSource } from "./model-version-source.ts";
import { checkEntityName, checkModelName, checkRegistryTag, readVersion } from "./names.ts";
import { invalid, MlflowError } from "./protocol-error.ts";
import { PROMPT_TAG, versionFilter, versionOrder } from "./registry-grammar.ts";
import { canonicalStage } from "./stages.ts";

const ACTIVE_STAGES = ["Staging", "Production"];

const newVersion = {
  name: required(text),
  source: required(text),
  run_id: text,
  tags: many(keyValue),
  run_link: text,
  description: text,
  model_id: text,
} as const;
const named = { name: required(text), version: required(text) } as const;
const transition = { ...named, stage: required(text), archive_existing_versions: bool } as const;

export const modelVersionEndpoints: readonly Endpoint[] = [
  rpc(["POST"], "model-versions/create", newVersion, createVersion),
  rpc(["GET"], "model-versions/get", named, (context, request) => ({
    model_version: versionAnswers(context, [askedVersion(context, request.name, request.version)])[0],
  })),
  rpc(["PATCH"], "model-versions/update", { ...named, description: text }, (context, request) =>
    context.db.writeDurably(() => {
      const row = askedVersion(context, request.name, request.version);
      context.db.run(
        "UPDATE model_versions SET description = ?, last_updated_time = ? WHERE workspace = 'default' AND name = ? AND version = ?",
        request.description ?? null,
        context.now(),
        row.name,
        row.version,
      );
      return answer(context, row);
    }),
  ),
  rpc(["POST"], "model-versions/transition-stage", transition, transitionStage, PROMOTE),
  rpc(["DELETE"], "model-versions/delete", named, deleteVersion, PROMOTE),
  rpc(["GET"], "model-versions/get-download-uri", { name: text, version: text }, (context, request) => ({
    artifact_uri: downloadUri(context, request.name ?? "", request.version ?? ""),
  })),
  rpc(
    ["GET"],
    "model-versions/search",
    { filter: text, max_results: atMost(200_000, int64), order_by: many(text), page_token: text },
    (context, request) =>
      searchVersions(context, request.filter ?? "", Number(request.max_results ?? 200_000), request.order_by, request.page_token),
  ),
  rpc(["POST"], "model-versions/set-tag", { ...named, key: required(text), value: text }, (context, request) => {
    checkModelName(request.name);
    readVersion(request.version);
    checkRegistryTag(request.key, request.value ?? "");
    return context.db.writeDurably(() => {
      const row = askedVersion(context, request.name, request.version);
      writeTag(context, row, { key: request.key, value: request.value ?? "" });
      return {};
    });
  }),
  rpc(["DELETE"], "model-versions/delete-tag", { ...named, key: required(text) }, (context, request) => {
    checkEntityName(request.key, "key");
    return context.db.writeDurably(() => {
      const row = askedVersion(context, request.name, request.version);
      context.db.run(
        `DELETE FROM model_version_tags WHERE workspace = 'default' AND "key" = ? AND name = ? AND version = ?`,
        request.key,
        row.name,
        row.version,
      );
      return {};
    });
  }),
];

const answer = (context: Context, row: ModelVersionRow): object => ({
  model_version: versionAnswers(context, [findVersion(context, row.name, row.version)])[0],
});

function touchModel(context: Context, name: string, time: number): void {
  context.db.run("UPDATE registered_models SET last_updated_time = ? WHERE workspace = 'default' AND name = ?", time, name);
}

/** The next version is one more than any ever made, deleted ones included; it is ready at once. */
function createVersion(context: Context, request: Message<typeof newVersion>): object {
  const { db } = context;
  const { name, source } = request;
  const tags = readKeyValues(request.tags);
  const isPrompt = tags.some((tag) => tag.key === PROMPT_TAG);
  const modelId = request.model_id ?? "";
  checkModelSource(context, source, request.run_id ?? "", modelId, isPrompt);
  checkModelName(name);
  for (const tag of tags) checkRegistryTag(tag.key, tag.value);
  return db.writeDurably(() => {
    const { storageLocation, runId } = resolveModelSource(context, source, request.run_id ?? "", modelId);
    findModel(context, name);
    const time = context.now();
    const version =
      db.get<{ next: number }>(
        "SELECT coalesce(max(version), 0) + 1 AS next FROM model_versions WHERE workspace = 'default' AND name = ?",
        name,
      )?.next ?? 1;
    db.run(
      `INSERT INTO model_versions (name, version, creation_time, last_updated_time, description, current_stage, source, run_id, status, run_link, storage_location, workspace)
       VALUES (?, ?, ?, ?, ?, 'None', ?, ?, 'READY', ?, ?, 'default')`,
      name,
      version,
      time,
      time,
      request.description ?? "",
      source,
      runId,
      request.run_link ?? "",
      storageLocation,
    );
    touchModel(context, name, time);
    const row = findVersion(context, name, version);
    for (const tag of lastByKey(tags)) writeTag(context, row, tag);
    if (!isPrompt && modelId !== "") noteModelVersion(context, modelId, name, version);
    return answer(context, row);
  });
}

function writeTag(context: Context, row: ModelVersionRow, tag: KeyValue): void {
  context.db.run(
    `INSERT INTO model_version_tags ("key", value, name, version, workspace) VALUES (?, ?, ?, ?, 'default')
     ON CONFLICT (workspace, "key", name, version) DO UPDATE SET value = excluded.value`,
    tag.key,
    tag.value,
    row.name,
    row.version,
  );
}

/** Moves a version to a stage and, when asked, all others of that stage to Archived, in one transaction. */
function transitionStage(context: Context, request: Message<typeof transition>): object {
  const { db } = context;
  const stage = canonicalStage(request.stage);
  const archive = request.archive_existing_versions ?? false;
  if (archive && !ACTIVE_STAGES.includes(stage)) {
    // MLflow answers 500 here, and its client retries for minutes; the code stays, the status is a caller's mistake.
    throw new MlflowError(
      "INTERNAL_ERROR",
      `Model version transition cannot archive existing model versions because '${request.stage}' is not an Active stage. Valid stages are ` +
        "['Staging', 'Production']",
      400,
    );
  }
  return db.writeDurably(() => {
    const row = askedVersion(context, request.name, request.version);
    const time = context.now();
    if (archive) {
      db.run(
        `UPDATE model_versions SET current_stage = 'Archived', last_updated_time = ?
         WHERE workspace = 'default' AND name = ? AND version != ? AND current_stage = ?`,
        time,
        row.name,
        row.version,
        stage,
      );
    }
    db.run(
      "UPDATE model_versions SET current_stage = ?, last_updated_time = ? WHERE workspace = 'default' AND name = ? AND version = ?",
      stage,
      time,
      row.name,
      row.version,
    );
    touchModel(context, row.name, time);
    return answer(context, row);
  });
}

/** Keeps the row so that its number is never given again, but removes what it said, and the aliases that named it. */
function deleteVersion(context: Context, request: Message<typeof named>): object {
  const { db } = context;
  return db.writeDurably(() => {
    const row = askedVersion(context, request.name, request.version);
    const time = context.now();
    db.run(
      "DELETE FROM registered_model_aliases WHERE workspace = 'default' AND name = ? AND version = ?",
      row.name,
      row.version,
    );
    db.run(
      `UPDATE model_versions SET current_stage = '${DELETED_STAGE}', last_updated_time = ?, description = NULL, user_id = NULL,
         source = 'REDACTED-SOURCE-PATH', run_id = 'REDACTED-RUN-ID', run_link = 'REDACTED-RUN-LINK', status_message = NULL
       WHERE workspace = 'default' AND name = ? AND version = ?`,
      time,
      row.name,
      row.version,
    );
    touchModel(context, row.name, time);
    return {};
  });
}

function searchVersions(
  context: Context,
  filter: string,
  pageSize: number,
  order: readonly string[],
  token: string | undefined,
): object {
  if (pageSize < 1) throw invalid(`Invalid value for max_results. It must be a positive integer, but got ${pageSize}`);
  const part = versionFilter(filter);
  const offset = readPageToken(token);
  const found = context.db.all<ModelVersionRow>(
    `SELECT ${VERSION_COLUMNS} FROM model_versions v WHERE v.workspace = 'default' AND v.current_stage != '${DELETED_STAGE}' ${part.sql}
     ORDER BY ${versionOrder(order)} LIMIT ? OFFSET ?`,
    ...part.values,
    pageSize + 1,
    offset,
  );
  const { rows, next } = cutPage(found, pageSize, offset);
  return { model_versions: rows.length === 0 ? undefined : versionAnswers(context, rows), next_page_token: next };
}

import { createHash } from "node:crypto";
import { type Context, cutPage, readPageToken } from "./context.ts";
import { allIn, type Int64Column, int64, jsonInt64, placeholders } from "./database.ts";
import { type Endpoint, rpc, V3, V3_READ } from "./endpoint.ts";
import { checkPageSize } from "./experiments.ts";
import {
  andAll,
  bareKey,
  type Comparison,
  compare,
  listed,
  parseFilter,
  parseOrder,
  quotedText,
  type SqlPart,
} from "./filter.ts";
import { int32, type Message, many, required, text } from "./message-fields.ts";
import { checkLength } from "./names.ts";
import { invalid, missing } from "./protocol-error.ts";
import { readPythonJson, writePythonJson } from "./python-json.ts";
import { isObject } from "./read-request.ts";
import { someOrNone } from "./some-or-none.ts";

/** MLflow's evaluation datasets: named sets of inputs and what is expected of them. Their records are in evaluation-records.ts. */

const NAME_LIMIT = 255;
const TAG_LIMIT = 5_000;
const DEFAULT_PAGE = 1_000;
const USER_TAG = "mlflow.user";

export interface DatasetRow {
  readonly dataset_id: string;
  readonly name: string;
  readonly schema: string | null;
  readonly profile: string | null;
  readonly digest: string | null;
  readonly created_time: Int64Column;
  readonly last_update_time: Int64Column;
  readonly created_by: string | null;
  readonly last_updated_by: string | null;
}
const COLUMNS = `d.dataset_id, d.name, d.schema, d.profile, d.digest, ${int64("d.created_time")} AS created_time,
  ${int64("d.last_update_time")} AS last_update_time, d.created_by, d.last_updated_by`;

const creation = {
  name: required(text),
  experiment_ids: many(text),
  source_type: text,
  source: text,
  schema: text,
  profile: text,
  created_by: text,
  tags: text,
} as const;
const one = { dataset_id: required(text) } as const;
const paging = {
  experiment_ids: many(text),
  filter_string: text,
  max_results: int32,
  order_by: many(text),
  page_token: text,
} as const;
const membership = { ...one, experiment_ids: many(text) } as const;

export const datasetEndpoints: readonly Endpoint[] = [
  rpc(["POST"], "datasets/create", creation, create, V3),
  rpc(["POST", "GET"], "datasets/search", paging, search, V3_READ),
  rpc(
    ["GET"],
    "datasets/{dataset_id}",
    { ...one, page_token: text },
    (context, { dataset_id }) => ({ dataset: answerOf(context, dataset_id) }),
    V3_READ,
  ),
  rpc(["DELETE"], "datasets/{dataset_id}", one, (context, { dataset_id }) => remove(context, dataset_id), V3),
  rpc(
    ["PATCH"],
    "datasets/{dataset_id}/tags",
    { ...one, tags: required(text) },
    (context, request) => setTags(context, request.dataset_id, readTags(request.tags)),
    V3,
  ),
  rpc(
    ["DELETE"],
    "datasets/{dataset_id}/tags/{key}",
    { ...one, key: required(text) },
    (context, request) => {
      context.db.write(() =>
        context.db.run(`DELETE FROM evaluation_dataset_tags WHERE dataset_id = ? AND "key" = ?`, request.dataset_id, request.key),
      );
      return {};
    },
    V3,
  ),
  rpc(
    ["GET"],
    "datasets/{dataset_id}/experiment-ids",
    one,
    (context, { dataset_id }) => ({ experiment_ids: someOrNone(experimentsOf(context, dataset_id)) }),
    V3_READ,
  ),
  rpc(["POST"], "datasets/{dataset_id}/add-experiments", membership, addExperiments, V3),
  rpc(["POST"], "datasets/{dataset_id}/remove-experiments", membership, removeExperiments, V3),
];

/** @throws MlflowError RESOURCE_DOES_NOT_EXIST */
export function findDataset(context: Context, id: string): DatasetRow {
  const row = context.db.get<DatasetRow>(`SELECT ${COLUMNS} FROM evaluation_datasets d WHERE d.dataset_id = ?`, id);
  if (row === undefined) throw missing(`Evaluation dataset with id '${id}' not found`);
  return row;
}

function answersOf(context: Context, rows: readonly DatasetRow[]): object[] {
  const tags = new Map<string, Record<string, string>>();
  const found = allIn<{ dataset_id: string; key: string; value: string | null }>(
    context.db,
    rows.map((row) => row.dataset_id),
    (list) => `SELECT dataset_id, "key", value FROM evaluation_dataset_tags WHERE dataset_id IN (${list}) ORDER BY "key"`,
  );
  for (const { dataset_id, key, value } of found) tags.set(dataset_id, { ...tags.get(dataset_id), [key]: value ?? "" });
  return rows.map((row) => ({
    dataset_id: row.dataset_id,
    name: row.name,
    tags: writePythonJson(tags.get(row.dataset_id) ?? {}),
    schema: row.schema ?? undefined,
    profile: row.profile ?? undefined,
    digest: row.digest ?? undefined,
    created_time: jsonInt64(row.created_time ?? 0),
    last_update_time: jsonInt64(row.last_update_time ?? 0),
    created_by: row.created_by ?? undefined,
    last_updated_by: row.last_updated_by ?? undefined,
  }));
}

const answerOf = (context: Context, id: string): object => answersOf(context, [findDataset(context, id)])[0] ?? {};

/** Tags travel as the JSON text of an object. */
function readTags(source: string): Record<string, string> {
  const parsed = parseOr(source, "tags");
  if (!isObject(parsed)) throw invalid("Invalid value of tags: it must be the JSON text of an object");
  const texts = Object.entries(parsed)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => [key, typeof value === "string" ? value : writePythonJson(value)] as const);
  for (const [key, value] of texts) {
    checkLength("key", NAME_LIMIT, key);
    checkLength("value", TAG_LIMIT, value);
  }
  return Object.fromEntries(texts);
}

/** @throws MlflowError INVALID_PARAMETER_VALUE for what is no JSON. */
export function parseOr(source: string, name: string): unknown {
  try {
    return readPythonJson(source);
  } catch {
    throw invalid(`Invalid value of ${name}: it must be JSON`);
  }
}

/** Eight digits that change with every change of the dataset. */
export const digestOf = (id: string, timeMs: number, records: number): string =>
  createHash("sha256").update(`${id} ${timeMs} ${records}`).digest("hex").slice(0, 8);

function create(context: Context, request: Message<typeof creation>): object {
  const { db } = context;
  checkLength("name", NAME_LIMIT, request.name);
  const tags = readTags(request.tags || "{}");
  const id = `d-${context.newId()}`;
  const time = context.now();
  const user = tags[USER_TAG] ?? null;
  return db.write(() => {
    db.run(
      `INSERT INTO evaluation_datasets (dataset_id, name, schema, profile, digest, created_time, last_update_time, created_by, last_updated_by, workspace)
       VALUES (?, ?, NULL, NULL, ?, ?, ?, ?, ?, 'default')`,
      id,
      request.name,
      digestOf(id, time, 0),
      time,
      time,
      user,
      user,
    );
    setTags(context, id, tags);
    const experiments = [...new Set(request.experiment_ids)];
    for (const experimentId of experiments) associate(context, id, experimentId, time);
    return { dataset: { ...answerOf(context, id), experiment_ids: someOrNone(experiments) } };
  });
}

function setTags(context: Context, id: string, tags: Readonly<Record<string, string>>): object {
  const { db } = context;
  return db.write(() => {
    if (db.get("SELECT 1 AS found FROM evaluation_datasets WHERE dataset_id = ?", id) === undefined)
      throw missing(`Could not find evaluation dataset with ID ${id}`);
    for (const [key, value] of Object.entries(tags)) {
      db.run(
        `INSERT INTO evaluation_dataset_tags (dataset_id, "key", value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`,
        id,
        key,
        value,
      );
    }
    return {};
  });
}

/** As in MLflow, one that is not there is no error. */
function remove(context: Context, id: string): object {
  const { db } = context;
  return db.write(() => {
    for (const table of ["evaluation_dataset_tags", "evaluation_dataset_records", "evaluation_datasets"])
      db.run(`DELETE FROM ${table} WHERE dataset_id = ?`, id);
    db.run("DELETE FROM entity_associations WHERE source_type = 'evaluation_dataset' AND source_id = ?", id);
    return {};
  });
}

const experimentsOf = (context: Context, id: string): string[] =>
  context.db
    .all<{ destination_id: string }>(
      `SELECT destination_id FROM entity_associations
       WHERE source_type = 'evaluation_dataset' AND source_id = ? AND destination_type = 'experiment' ORDER BY destination_id`,
      id,
    )
    .map((row) => row.destination_id);

function associate(context: Context, id: string, experimentId: string, time: number): void {
  context.db.run(
    `INSERT INTO entity_associations (association_id, source_type, source_id, destination_type, destination_id, created_time)
     VALUES (?, 'evaluation_dataset', ?, 'experiment', ?, ?) ON CONFLICT DO NOTHING`,
    `a-${context.newId()}`,
    id,
    experimentId,
    time,
  );
}

const touch = (context: Context, id: string, time: number): void => {
  context.db.run("UPDATE evaluation_datasets SET last_update_time = ? WHERE dataset_id = ?", time, id);
};

function checkDataset(context: Context, id: string): void {
  if (context.db.get("SELECT 1 AS found FROM evaluation_datasets WHERE dataset_id = ?", id) === undefined)
    throw missing(`Dataset '${id}' not found`);
}

function addExperiments(context: Context, request: Message<typeof membership>): object {
  const { db } = context;
  const time = context.now();
  return db.write(() => {
    checkDataset(context, request.dataset_id);
    for (const id of request.experiment_ids) {
      const known = /^\d{1,15}$/.test(id) && db.get("SELECT 1 AS found FROM experiments WHERE experiment_id = ?", Number(id));
      if (!known) throw missing(`No Experiment with id=${id}`);
      associate(context, request.dataset_id, id, time);
    }
    touch(context, request.dataset_id, time);
    return { dataset: answerOf(context, request.dataset_id) };
  });
}

function removeExperiments(context: Context, request: Message<typeof membership>): object {
  const { db } = context;
  return db.write(() => {
    checkDataset(context, request.dataset_id);
    for (const id of request.experiment_ids) {
      db.run(
        `DELETE FROM entity_associations
         WHERE source_type = 'evaluation_dataset' AND source_id = ? AND destination_type = 'experiment' AND destination_id = ?`,
        request.dataset_id,
        id,
      );
    }
    touch(context, request.dataset_id, context.now());
    return { dataset: answerOf(context, request.dataset_id) };
  });
}

const TEXT_KEYS = ["name", "created_by", "last_updated_by"];
const TIME_KEYS = ["created_time", "last_update_time"];
const ORDER_KEYS = ["name", ...TIME_KEYS];
const NUMERIC_OPERATORS = [">", ">=", "!=", "=", "<", "<="];
const TEXT_OPERATORS = [...NUMERIC_OPERATORS, "LIKE", "ILIKE"];
const TAG_OPERATORS = ["=", "!=", "LIKE", "ILIKE"];

function search(context: Context, request: Message<typeof paging>): object {
  const pageSize = request.max_results ?? DEFAULT_PAGE;
  if (pageSize === 0) throw invalid("Invalid value None for parameter 'max_results' supplied. It must be a positive integer");
  checkPageSize(pageSize);
  const conditions = andAll([
    ...inExperiments(request.experiment_ids),
    ...parseFilter(request.filter_string ?? "").map(condition),
  ]);
  const order = orderTerms(request.order_by);
  const offset = readPageToken(request.page_token);
  const found = context.db.all<DatasetRow>(
    `SELECT ${COLUMNS} FROM evaluation_datasets d WHERE d.workspace = 'default' ${conditions.sql} ORDER BY ${order} LIMIT ? OFFSET ?`,
    ...conditions.values,
    pageSize + 1,
    offset,
  );
  const { rows, next } = cutPage(found, pageSize, offset);
  return { datasets: someOrNone(answersOf(context, rows)), next_page_token: next };
}

function inExperiments(ids: readonly string[]): SqlPart[] {
  if (ids.length === 0) return [];
  return [
    {
      sql: `EXISTS (SELECT 1 FROM entity_associations x WHERE x.source_type = 'evaluation_dataset' AND x.source_id = d.dataset_id
        AND x.destination_type = 'experiment' AND x.destination_id IN (${placeholders(ids.length)}))`,
      values: ids,
    },
  ];
}

function condition({ identifier, operator, value }: Comparison): SqlPart {
  const dot = identifier.indexOf(".");
  const token = dot < 0 ? "attribute" : identifier.slice(0, dot);
  if (token !== "tags" && token !== "attribute") throw invalid(`Invalid identifier token '${token}' specified`);
  const key = bareKey(identifier.slice(dot + 1));
  if (token === "tags") {
    if (!TAG_OPERATORS.includes(operator)) throw invalid(`Invalid comparator for tag: ${operator}`);
    const test = compare("x.value", operator, quoted(value, "tag"));
    return {
      sql: `EXISTS (SELECT 1 FROM evaluation_dataset_tags x WHERE x.dataset_id = d.dataset_id AND x."key" = ? AND ${test.sql})`,
      values: [key, ...test.values],
    };
  }
  if (!TEXT_KEYS.includes(key) && !TIME_KEYS.includes(key))
    throw invalid(`Invalid attribute key '${key}' specified. Valid keys are: ${listed([...TEXT_KEYS, ...TIME_KEYS])}`);
  if (value?.kind === "list")
    throw invalid("Only the 'run_id' attribute supports comparison with a list of quoted string values.");
  if (TIME_KEYS.includes(key)) {
    if (value?.kind !== "number")
      throw invalid(`Expected numeric value type for numeric attribute: ${key}. Found ${value?.source ?? operator}`);
    if (!NUMERIC_OPERATORS.includes(operator)) throw invalid(`Invalid comparator for attribute: ${operator}`);
    return compare(`d.${key}`, operator, Number(value.source));
  }
  if (!TEXT_OPERATORS.includes(operator)) throw invalid(`Invalid comparator for attribute: ${operator}`);
  return compare(`d.${key}`, operator, quoted(value, "attributes"));
}

const quoted = (value: Comparison["value"], what: string): string =>
  quotedText(value, (source) => `Expected a quoted string value for ${what}. Got value ${source}`);

function orderTerms(clauses: readonly string[]): string {
  const terms = clauses.map((clause) => {
    const { key, ascending } = parseOrder(clause);
    if (!ORDER_KEYS.includes(bareKey(key)))
      throw invalid(`Invalid attribute key '${bareKey(key)}' specified. Valid keys are: ${listed(ORDER_KEYS)}`);
    return `d.${bareKey(key)} ${ascending ? "ASC" : "DESC"}`;
  });
  return [...(terms.length === 0 ? ["d.created_time DESC"] : terms), "d.dataset_id"].join(", ");
}

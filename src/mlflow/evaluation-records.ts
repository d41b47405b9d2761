import { createHash } from "node:crypto";
import type { Context } from "./context.ts";
import { allIn, type Int64Column, int64, type SqlValue } from "./database.ts";
import { type Endpoint, rpc, V3, V3_READ } from "./endpoint.ts";
import { type DatasetRow, digestOf, findDataset, parseOr } from "./evaluation-datasets.ts";
import { int32, type Message, many, required, text } from "./message-fields.ts";
import { invalid } from "./protocol-error.ts";
import { jsonTypeOf, PythonFloat, readPythonJson, writePythonJson } from "./python-json.ts";
import { pythonRepr } from "./python-text.ts";
import { isObject } from "./read-request.ts";

/** The records of evaluation datasets: inputs, which identify a record, outputs, expectations, tags and where they come from. */

const DEFAULT_PAGE = 1_000;
const USER_TAG = "mlflow.user";
const SOURCE_TYPES = ["UNSPECIFIED", "TRACE", "HUMAN", "DOCUMENT", "CODE"];
/** MLflow stores outputs inside an object, because its column takes no bare texts. */
const WRAPPER = "mlflow_wrapped";

const upsert = { dataset_id: required(text), records: required(text), updated_by: text } as const;

export const recordEndpoints: readonly Endpoint[] = [
  rpc(["POST"], "datasets/{dataset_id}/records", upsert, upsertRecords, V3),
  rpc(
    ["GET"],
    "datasets/{dataset_id}/records",
    { dataset_id: required(text), max_results: int32, page_token: text },
    (context, request) => readRecords(context, request.dataset_id, request.max_results || DEFAULT_PAGE, request.page_token),
    V3_READ,
  ),
  rpc(
    ["DELETE"],
    "datasets/{dataset_id}/records",
    { dataset_id: required(text), dataset_record_ids: many(text) },
    (context, request) => deleteRecords(context, request.dataset_id, request.dataset_record_ids),
    V3,
  ),
];

type Fields = Readonly<Record<string, unknown>>;

interface NewRecord {
  readonly inputs: Fields;
  readonly outputs: unknown;
  readonly hasOutputs: boolean;
  readonly expectations: Fields | undefined;
  readonly tags: Fields;
  readonly source: Fields | undefined;
}

function readRecord(value: unknown): NewRecord {
  if (!isFields(value)) throw invalid("Invalid record: it must be an object");
  const { inputs, outputs, expectations, tags, source } = value;
  if (inputs === null) throw invalid("inputs must be provided");
  if (inputs !== undefined && !isFields(inputs)) throw invalid("Invalid inputs of a record: they must be an object");
  if (expectations !== undefined && expectations !== null && !isFields(expectations))
    throw invalid("Invalid expectations of a record: they must be an object");
  if (tags !== undefined && tags !== null && !isFields(tags)) throw invalid("Invalid tags of a record: they must be an object");
  if (source !== undefined && source !== null && !isFields(source))
    throw invalid("Invalid source of a record: it must be an object");
  if (isFields(source) && !SOURCE_TYPES.includes(String(source.source_type))) {
    throw invalid(
      `Invalid dataset record source type: ${String(source.source_type)}. Valid source types: ${pythonRepr(SOURCE_TYPES)}`,
    );
  }
  return {
    inputs: inputs ?? {},
    outputs,
    hasOutputs: outputs !== undefined,
    expectations: expectations ?? undefined,
    tags: tags ?? {},
    source: source ?? undefined,
  };
}

const isFields = (value: unknown): value is Fields => isObject(value) && !(value instanceof PythonFloat);

interface StoredRecord {
  readonly dataset_record_id: string;
  readonly expectations: string | null;
  readonly tags: string | null;
  readonly outputs: string | null;
}

/** A record whose inputs are there already is added to: expectations and tags by name, outputs as a whole. */
function upsertRecords(context: Context, request: Message<typeof upsert>): object {
  const { db } = context;
  const parsed = parseOr(request.records, "records");
  if (!Array.isArray(parsed) && !isFields(parsed)) throw invalid("Invalid value of records: it must be the JSON text of a list");
  const records = (Array.isArray(parsed) ? parsed : []).map(readRecord);
  if (records.length === 0) return { inserted_count: 0, updated_count: 0 };
  const time = context.now();
  let inserted = 0;
  return db.write(() => {
    const dataset = findDataset(context, request.dataset_id);
    for (const record of records) {
      const hash = createHash("sha256")
        .update(writePythonJson(record.inputs, { sortKeys: true }))
        .digest("hex");
      const old = db.get<StoredRecord>(
        "SELECT dataset_record_id, expectations, tags, outputs FROM evaluation_dataset_records WHERE dataset_id = ? AND input_hash = ?",
        request.dataset_id,
        hash,
      );
      if (old === undefined) {
        insertRecord(context, request.dataset_id, record, hash, time);
        inserted += 1;
      } else updateRecord(context, old, record, time);
    }
    describe(context, dataset, records, time);
    return { inserted_count: inserted, updated_count: records.length - inserted };
  });
}

const userOf = (record: NewRecord): string | null => {
  const user = record.tags[USER_TAG];
  return typeof user === "string" ? user : null;
};

function insertRecord(context: Context, datasetId: string, record: NewRecord, hash: string, time: number): void {
  const { source } = record;
  const data = isFields(source?.source_data) ? source.source_data : {};
  const traceId = source?.source_type === "TRACE" && typeof data.trace_id === "string" ? data.trace_id : null;
  const values: SqlValue[] = [
    `dr-${context.newId()}`,
    datasetId,
    writePythonJson(record.inputs),
    record.expectations === undefined ? "null" : writePythonJson(record.expectations),
    writePythonJson(record.tags),
    source === undefined ? "null" : writePythonJson({ source_type: source.source_type, source_data: data }),
    traceId,
    source === undefined ? null : String(source.source_type),
    time,
    time,
    userOf(record),
    userOf(record),
    hash,
    record.outputs === null ? "null" : writePythonJson({ [WRAPPER]: record.outputs ?? {} }),
  ];
  context.db.run(
    `INSERT INTO evaluation_dataset_records (dataset_record_id, dataset_id, inputs, expectations, tags, source, source_id, source_type,
       created_time, last_update_time, created_by, last_updated_by, input_hash, outputs)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...values,
  );
}

function storedFields(source: string | null): Fields {
  const value = source === null ? null : readPythonJson(source);
  return isFields(value) ? value : {};
}

function updateRecord(context: Context, old: StoredRecord, record: NewRecord, time: number): void {
  const expectations = { ...storedFields(old.expectations), ...record.expectations };
  const outputs = record.outputs === null ? "null" : writePythonJson({ [WRAPPER]: record.outputs });
  context.db.run(
    `UPDATE evaluation_dataset_records SET expectations = ?, tags = ?, outputs = ?, last_update_time = ?,
       last_updated_by = coalesce(?, last_updated_by) WHERE dataset_record_id = ?`,
    Object.keys(expectations).length === 0 ? "null" : writePythonJson(expectations),
    writePythonJson({ ...storedFields(old.tags), ...record.tags }),
    record.hasOutputs ? outputs : old.outputs,
    time,
    userOf(record),
    old.dataset_record_id,
  );
}

/** What fields of which types the records of a dataset have, and how many there are. */
function describe(context: Context, dataset: DatasetRow, records: readonly NewRecord[], time: number): void {
  const known = storedFields(dataset.schema);
  const inputs = { ...(isFields(known.inputs) ? known.inputs : {}) };
  const expectations = { ...(isFields(known.expectations) ? known.expectations : {}) };
  let outputs: unknown = known.outputs ?? {};
  for (const record of records) {
    for (const [key, value] of Object.entries(record.inputs)) inputs[key] ??= jsonTypeOf(value);
    for (const [key, value] of Object.entries(record.expectations ?? {})) expectations[key] ??= jsonTypeOf(value);
    if (record.outputs === undefined || record.outputs === null) continue;
    if (isFields(record.outputs) && isFields(outputs)) {
      const types = Object.fromEntries(Object.entries(record.outputs).map(([key, value]) => [key, jsonTypeOf(value)]));
      outputs = { ...types, ...outputs };
    } else if (isFields(outputs) && Object.keys(outputs).length === 0) outputs = jsonTypeOf(record.outputs);
  }
  context.db.run(
    "UPDATE evaluation_datasets SET schema = ?, last_update_time = ?, last_updated_by = ? WHERE dataset_id = ?",
    writePythonJson({ inputs, outputs, expectations, version: "1.0" }),
    time,
    records.map(userOf).findLast((user) => user !== null) ?? null,
    dataset.dataset_id,
  );
  count(context, dataset.dataset_id, time);
}

function count(context: Context, datasetId: string, time: number): void {
  const { n = 0 } =
    context.db.get<{ n: number }>("SELECT count(*) AS n FROM evaluation_dataset_records WHERE dataset_id = ?", datasetId) ?? {};
  context.db.run(
    "UPDATE evaluation_datasets SET profile = ?, digest = ? WHERE dataset_id = ?",
    writePythonJson({ num_records: n }),
    digestOf(datasetId, time, n),
    datasetId,
  );
}

interface RecordRow extends StoredRecord {
  readonly dataset_id: string;
  readonly inputs: string;
  readonly source: string | null;
  readonly source_id: string | null;
  readonly source_type: string | null;
  readonly created_time: Int64Column;
  readonly last_update_time: Int64Column;
  readonly created_by: string | null;
  readonly last_updated_by: string | null;
}

/** Records as JSON text, in the order of their creation. A token names the last one of its page. */
function readRecords(context: Context, datasetId: string, pageSize: number, token: string | undefined): object {
  if (pageSize < 0)
    throw invalid(`Invalid value ${pageSize} for parameter 'max_results' supplied. It must be a positive integer`);
  const after = readToken(token);
  const rows = context.db.all<RecordRow>(
    `SELECT dataset_record_id, dataset_id, inputs, expectations, tags, source, source_id, source_type, ${int64("created_time")} AS created_time,
       ${int64("last_update_time")} AS last_update_time, created_by, last_updated_by, outputs
     FROM evaluation_dataset_records r WHERE dataset_id = ? AND (r.created_time, dataset_record_id) > (?, ?)
     ORDER BY r.created_time, dataset_record_id LIMIT ?`,
    datasetId,
    after.time,
    after.id,
    pageSize + 1,
  );
  const page = rows.slice(0, pageSize);
  const last = page.at(-1);
  return {
    records: `[${page.map((row) => writePythonJson(recordAnswer(row))).join(", ")}]`,
    next_page_token:
      rows.length > pageSize && last !== undefined
        ? Buffer.from(`${last.created_time}:${last.dataset_record_id}`).toString("base64")
        : undefined,
  };
}

function readToken(token: string | undefined): { time: number; id: string } {
  if (!token) return { time: -1, id: "" };
  const [, time, id] = /^(\d{1,15}):(.+)$/.exec(Buffer.from(token, "base64").toString()) ?? [];
  if (time === undefined || id === undefined) throw invalid(`Invalid page token: ${token.slice(0, 100)}`);
  return { time: Number(time), id };
}

function recordAnswer(row: RecordRow): object {
  const parse = (source: string | null): unknown => (source === null ? undefined : (readPythonJson(source) ?? undefined));
  const outputs = parse(row.outputs);
  return {
    dataset_record_id: row.dataset_record_id,
    dataset_id: row.dataset_id,
    inputs: parse(row.inputs),
    expectations: parse(row.expectations),
    tags: parse(row.tags),
    source: parse(row.source),
    source_id: row.source_id ?? undefined,
    source_type: row.source_type ?? undefined,
    created_time: row.created_time ?? undefined,
    last_update_time: row.last_update_time ?? undefined,
    created_by: row.created_by ?? undefined,
    last_updated_by: row.last_updated_by ?? undefined,
    outputs: isFields(outputs) && WRAPPER in outputs ? outputs[WRAPPER] : outputs,
  };
}

function deleteRecords(context: Context, datasetId: string, ids: readonly string[]): object {
  const { db } = context;
  return db.write(() => {
    const rows = allIn<{ dataset_record_id: string }>(
      db,
      ids,
      (list) => `SELECT dataset_record_id FROM evaluation_dataset_records WHERE dataset_record_id IN (${list})`,
    );
    let deleted = 0;
    for (const { dataset_record_id } of rows) {
      deleted += db.run(
        "DELETE FROM evaluation_dataset_records WHERE dataset_record_id = ? AND dataset_id = ?",
        dataset_record_id,
        datasetId,
      );
    }
    if (deleted > 0) count(context, datasetId, context.now());
    return { deleted_count: deleted };
  });
}

import type { Context } from "./context.ts";
import { placeholders } from "./database.ts";
import { type Endpoint, READ, rpc } from "./endpoint.ts";
import { bareKey, type Comparison, compare, parseFilter, type SqlPart, textList } from "./filter.ts";
import { LOGGED_MODEL_COLUMNS, type LoggedModelRow, modelAnswers } from "./logged-models.ts";
import { bool, int32, type Message, MODEL_STATUSES, many, message, required, text } from "./message-fields.ts";
import { invalid } from "./protocol-error.ts";
import { pythonRepr } from "./python-text.ts";

const orderField = message({ field_name: text, ascending: bool, dataset_name: text, dataset_digest: text });
const search = {
  experiment_ids: required(many(text)),
  filter: text,
  datasets: many(message({ dataset_name: text, dataset_digest: text })),
  max_results: int32,
  order_by: many(orderField),
  page_token: text,
} as const;
type Search = Message<typeof search>;
type Order = Message<(typeof orderField)["fields"]>;
type Dataset = Search["datasets"][number];

/** What a request without max_results gets: the proto's own default. */
const DEFAULT_PAGE = 50;
const LARGEST_PAGE = 50_000;
const ALIASES: Readonly<Record<string, string>> = {
  creation_time: "creation_timestamp_ms",
  creation_timestamp: "creation_timestamp_ms",
  last_updated_timestamp: "last_updated_timestamp_ms",
};
const COLUMNS = [
  "model_id",
  "experiment_id",
  "name",
  "artifact_location",
  "creation_timestamp_ms",
  "last_updated_timestamp_ms",
  "status",
  "lifecycle_stage",
  "model_type",
  "source_run_id",
  "status_message",
];
const NUMERIC_COLUMNS = ["creation_timestamp_ms", "last_updated_timestamp_ms"];
const NUMERIC_OPERATORS = ["<", "<=", ">", ">=", "=", "!="];
const TEXT_OPERATORS = ["=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"];

export const searchLoggedModelsEndpoint: Endpoint = rpc(["POST"], "logged-models/search", search, searchModels, READ);

function searchModels(context: Context, request: Search): object {
  if (request.datasets.some((dataset) => !dataset.dataset_name)) {
    throw invalid("`dataset_name` in the `datasets` clause must be specified.");
  }
  const offset = readToken(request);
  const pageSize = request.max_results || DEFAULT_PAGE;
  if (pageSize < 1 || pageSize > LARGEST_PAGE) {
    throw invalid(`Invalid value ${pageSize} for parameter 'max_results' supplied. It must be in [1, ${LARGEST_PAGE}]`);
  }
  const conditions = filterConditions(request.filter ?? "", request.datasets);
  const order = orderTerms(request.order_by);
  const ids = request.experiment_ids.map((id) => {
    if (!/^-?\d+$/.test(id)) throw invalid(`Invalid experiment ID '${id}'. Experiment ID must be a valid integer.`);
    return Number(id);
  });
  const rows = context.db.all<LoggedModelRow>(
    `SELECT ${LOGGED_MODEL_COLUMNS} FROM logged_models l
     WHERE l.lifecycle_stage != 'deleted' AND l.experiment_id IN (${placeholders(ids.length)}) ${conditions.map((part) => `AND ${part.sql}`).join(" ")}
     ORDER BY ${order.sql} LIMIT ? OFFSET ?`,
    ...ids,
    ...conditions.flatMap((part) => part.values),
    ...order.values,
    pageSize + 1,
    offset,
  );
  const more = rows.length > pageSize;
  const page = more ? rows.slice(0, pageSize) : rows;
  return {
    models: page.length === 0 ? undefined : modelAnswers(context, page),
    next_page_token: more ? writeToken(request, offset + pageSize) : undefined,
  };
}

interface Entity {
  readonly type: "attributes" | "metrics" | "params" | "tags";
  readonly key: string;
}

function identify(identifier: string): Entity {
  const match = /^([a-z]+)\.(.+)$/s.exec(identifier);
  if (match === null) return { type: "attributes", key: column(bareKey(identifier)) };
  const [, type = "", key = ""] = match;
  if (type !== "attributes" && type !== "metrics" && type !== "params" && type !== "tags") {
    throw invalid(`Invalid entity type: '${type}'. Expected one of ['attributes', 'metrics', 'params', 'tags'].`);
  }
  return { type, key: type === "attributes" ? column(bareKey(key)) : bareKey(key) };
}

function column(name: string): string {
  const translated = ALIASES[name] ?? name;
  if (!COLUMNS.includes(translated))
    throw invalid(`Invalid attribute key '${name}' specified. Valid keys are ${pythonRepr(COLUMNS)}`);
  return translated;
}

function filterConditions(filter: string, datasets: readonly Dataset[]): SqlPart[] {
  const comparisons = readFilter(filter);
  const parts = comparisons.map(({ entity, comparison }) => condition(entity, comparison, datasets));
  if (datasets.length > 0 && !comparisons.some(({ entity }) => entity.type === "metrics")) {
    const any = datasetCondition(datasets);
    parts.push({
      sql: `EXISTS (SELECT 1 FROM logged_model_metrics x WHERE x.model_id = l.model_id AND ${any.sql})`,
      values: any.values,
    });
  }
  return parts;
}

function readFilter(filter: string): { entity: Entity; comparison: Comparison }[] {
  let comparisons: Comparison[];
  try {
    comparisons = parseFilter(filter, false, true);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("Invalid clause(s)")) {
      throw invalid(
        `Invalid filter string: ${pythonRepr(filter)}. Expected a list of comparisons separated by 'AND' (e.g. 'metrics.loss > 0.1 AND params.lr = 0.01').`,
      );
    }
    if (error instanceof Error && error.message.startsWith("Search filter contained multiple"))
      throw invalid(`Invalid filter string: ${pythonRepr(filter)}. Expected a single SQL expression.`);
    throw error;
  }
  return comparisons.map((comparison) => {
    const { identifier, operator, value } = comparison;
    if (value === undefined) throw invalid(`Invalid comparison: ${identifier}${operator}. Expected a comparison with 3 tokens.`);
    return { entity: identify(identifier), comparison };
  });
}

function condition(entity: Entity, comparison: Comparison, datasets: readonly Dataset[]): SqlPart {
  const { operator, value } = comparison;
  const numeric = entity.type === "metrics" || (entity.type === "attributes" && NUMERIC_COLUMNS.includes(entity.key));
  if (value === undefined || !(numeric ? NUMERIC_OPERATORS : TEXT_OPERATORS).includes(operator)) {
    throw invalid(
      `Invalid comparison operator for ${entity.type}.${entity.key}: '${operator}'. Expected one of ('=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN').`,
    );
  }
  const operand = numeric
    ? readNumber(value.source)
    : value.kind === "list"
      ? textList(value)
      : statusNumber(entity, unquote(value.source));
  if (Array.isArray(operand) !== (operator === "IN" || operator === "NOT IN")) {
    throw invalid(`Invalid comparison: ${comparison.identifier} ${operator} ${value.source}.`);
  }
  if (entity.type === "attributes") return compare(`l.${entity.key}`, operator, operand);
  const [table, keyColumn, valueColumn] = {
    metrics: ["logged_model_metrics", "metric_name", "metric_value"],
    params: ["logged_model_params", "param_key", "param_value"],
    tags: ["logged_model_tags", "tag_key", "tag_value"],
  }[entity.type];
  const test = compare(`x.${valueColumn}`, operator, operand);
  const scope = entity.type === "metrics" && datasets.length > 0 ? datasetCondition(datasets) : { sql: "1", values: [] };
  return {
    sql: `EXISTS (SELECT 1 FROM ${table} x WHERE x.model_id = l.model_id AND x.${keyColumn} = ? AND ${test.sql} AND ${scope.sql})`,
    values: [entity.key, ...test.values, ...scope.values],
  };
}

function readNumber(source: string): number {
  const value = Number(unquote(source));
  if (Number.isNaN(value)) throw invalid(`Invalid comparison: ${source} is not a number.`);
  return value;
}

/** The table holds a model's status as a number; its name is taken as well. */
function statusNumber(entity: Entity, value: string): string | number {
  if (entity.type !== "attributes" || entity.key !== "status") return value;
  const index = MODEL_STATUSES.findIndex((name) => name === value || name === `LOGGED_MODEL_${value}`);
  return index >= 0 ? index : value;
}

const unquote = (source: string): string => (/^(['"]).*\1$/s.test(source) && source.length >= 2 ? source.slice(1, -1) : source);

function datasetCondition(datasets: readonly Dataset[]): SqlPart {
  const parts = datasets.map((dataset) => ({
    sql: `x.dataset_name = ?${dataset.dataset_digest ? " AND x.dataset_digest = ?" : ""}`,
    values: dataset.dataset_digest ? [dataset.dataset_name ?? "", dataset.dataset_digest] : [dataset.dataset_name ?? ""],
  }));
  return { sql: `(${parts.map((part) => part.sql).join(" OR ")})`, values: parts.flatMap((part) => part.values) };
}

/** A metric counts by its latest value; models without the field come last. */
function orderTerms(order: readonly Order[]): SqlPart {
  const terms: SqlPart[] = [];
  let byCreation = false;
  for (const { field_name: field = "", ascending = true, dataset_name: name, dataset_digest: digest } of order) {
    const direction = ascending ? "ASC" : "DESC";
    const dot = field.indexOf(".");
    if (dot < 0) {
      const key = ALIASES[field] ?? field;
      if (!COLUMNS.includes(key)) throw invalid(`Invalid order by field name: ${field}`);
      byCreation ||= key === "creation_timestamp_ms";
      terms.push({ sql: `l.${key} IS NULL, l.${key} ${direction}`, values: [] });
      continue;
    }
    if (field.slice(0, dot) !== "metrics") throw invalid(`Invalid order by field name: ${field}. Only metrics are supported.`);
    const scope = `${name ? " AND x.dataset_name = ?" : ""}${digest ? " AND x.dataset_digest = ?" : ""}`;
    const latest = `(SELECT x.metric_value FROM logged_model_metrics x WHERE x.model_id = l.model_id AND x.metric_name = ?${scope}
      ORDER BY x.metric_timestamp_ms DESC, x.metric_step DESC LIMIT 1)`;
    const values = [field.slice(dot + 1), ...(name ? [name] : []), ...(digest ? [digest] : [])];
    terms.push({ sql: `${latest} IS NULL, ${latest} ${direction}`, values: [...values, ...values] });
  }
  if (!byCreation) terms.push({ sql: "l.creation_timestamp_ms DESC", values: [] });
  return { sql: `${terms.map((term) => term.sql).join(", ")}, l.rowid`, values: terms.flatMap((term) => term.values) };
}

const plainOrder = (order: readonly Order[]): object[] | null =>
  order.length === 0
    ? null
    : order.map((term) => ({
        field_name: term.field_name ?? "",
        ascending: term.ascending ?? true,
        dataset_name: term.dataset_name || null,
        dataset_digest: term.dataset_digest || null,
      }));

const writeToken = (request: Search, offset: number): string =>
  Buffer.from(
    JSON.stringify({
      experiment_ids: request.experiment_ids,
      filter_string: request.filter || null,
      order_by: plainOrder(request.order_by),
      offset,
    }),
  ).toString("base64");

/** The offset of a token, which belongs to one search only. */
function readToken(request: Search): number {
  if (!request.page_token) return 0;
  let token: unknown;
  try {
    token = JSON.parse(Buffer.from(request.page_token, "base64").toString("utf8"));
  } catch {
    throw invalid(`Invalid page token: ${request.page_token}.`);
  }
  const fields: Record<string, unknown> = typeof token === "object" && token !== null ? { ...token } : {};
  const checks = [
    ["experiment_ids", "Experiment IDs", "experiment IDs", request.experiment_ids],
    ["filter_string", "Filter string", "filter string", request.filter || null],
    ["order_by", "Order by", "order by", plainOrder(request.order_by)],
  ] as const;
  for (const [key, What, what, expected] of checks) {
    if (JSON.stringify(fields[key] ?? null) !== JSON.stringify(expected)) {
      throw invalid(
        `${What} in the page token do${key === "experiment_ids" ? "" : "es"} not match the requested ${what}. Expected: ${printed(expected)}. Found: ${printed(fields[key])}`,
      );
    }
  }
  const offset = fields.offset;
  if (typeof offset !== "number" || !Number.isSafeInteger(offset) || offset < 0)
    throw invalid(`Invalid page token: ${request.page_token}.`);
  return offset;
}

/** As Python's f-string prints it: text bare, the rest by repr. */
const printed = (value: unknown): string => (typeof value === "string" ? value : pythonRepr(value));

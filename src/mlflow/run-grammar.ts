import {
  bareKey,
  type Comparison,
  compare,
  type Literal,
  listed,
  parseFilter,
  parseOrder,
  quotedText,
  type SqlPart,
  textList,
} from "./filter.ts";
import { invalid } from "./protocol-error.ts";
import { RUN_NAME_TAG } from "./runs.ts";
import { INDEXED_VALUE_LENGTH } from "./schema.ts";

const ENTITIES = {
  metric: "metric",
  metrics: "metric",
  parameter: "parameter",
  parameters: "parameter",
  param: "parameter",
  params: "parameter",
  tag: "tag",
  tags: "tag",
  attribute: "attribute",
  attributes: "attribute",
  attr: "attribute",
  run: "attribute",
  dataset: "dataset",
  datasets: "dataset",
} as const;
type Entity = (typeof ENTITIES)[keyof typeof ENTITIES];

const ALIASES: Readonly<Record<string, string>> = {
  created: "start_time",
  Created: "start_time",
  "run name": "run_name",
  "Run name": "run_name",
  "Run Name": "run_name",
};
const SEARCH_KEYS = ["artifact_uri", "end_time", "run_id", "run_name", "start_time", "status", "user_id"];
const ORDER_KEYS = [...SEARCH_KEYS, "created", "Created"];
const DATASET_KEYS = ["name", "digest", "context"];
const NUMERIC_KEYS = ["start_time", "end_time"];
const COLUMNS: Readonly<Record<string, string>> = { run_id: "run_uuid", run_name: "name" };

const NUMERIC_OPERATORS = [">", ">=", "!=", "=", "<", "<="];
const TEXT_OPERATORS = ["!=", "=", "LIKE", "ILIKE"];
const KEYED_OPERATORS = [...TEXT_OPERATORS, "IS NULL", "IS NOT NULL"];
const LIST_OPERATORS = [...TEXT_OPERATORS, "IN", "NOT IN"];

export interface OrderTerm {
  readonly type: "attribute" | "metric" | "parameter" | "tag";
  /** A column of `runs` for attributes, else the key. */
  readonly key: string;
  readonly ascending: boolean;
}

/** A condition on `runs r`, and where an index can answer it alone the query for the ids of all runs that meet it. */
export interface RunCondition extends SqlPart {
  readonly ids?: SqlPart;
}

export const runFilter = (filter: string): RunCondition[] => parseFilter(filter, true).map(condition);

/** @returns the key as MLflow names it, and as it was said, for errors. */
function identify(identifier: string): { type: Entity; key: string; said: string } {
  const dot = identifier.indexOf(".");
  const entity = dot < 0 ? "attribute" : bareKey(identifier.slice(0, dot));
  if (!Object.hasOwn(ENTITIES, entity)) {
    throw invalid(`Invalid entity type '${entity}'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']`);
  }
  const type = ENTITIES[entity as keyof typeof ENTITIES];
  const key = bareKey(identifier.slice(dot + 1));
  if (type === "attribute" && !SEARCH_KEYS.includes(key) && !Object.hasOwn(ALIASES, key)) {
    throw invalid(
      `Invalid attribute key '${key}' specified. Valid keys are '${listed([...SEARCH_KEYS, ...Object.keys(ALIASES)])}'`,
    );
  }
  if (type === "dataset" && !DATASET_KEYS.includes(key)) {
    throw invalid(`Invalid dataset key '${key}' specified. Valid keys are '${listed(DATASET_KEYS)}'`);
  }
  return { type, key: type === "attribute" ? (ALIASES[key] ?? key) : key, said: key };
}

function condition(comparison: Comparison): RunCondition {
  const { type, key, said } = identify(comparison.identifier);
  const { operator, value } = comparison;
  if ((operator === "IS NULL" || operator === "IS NOT NULL") && type !== "tag" && type !== "parameter") {
    throw invalid(`IS NULL / IS NOT NULL is only supported for tags and params, not for '${type}' '${said}'`);
  }
  switch (type) {
    case "metric":
      return metricCondition(key, operator, value);
    case "parameter":
      return keyedCondition("params", type, key, operator, value);
    case "tag":
      return keyedCondition("tags", type, key, operator, value);
    case "dataset":
      return datasetCondition(key, operator, value);
    default:
      return attributeCondition(key, said, operator, value);
  }
}

function checkOperator(operator: string, allowed: readonly string[], quote = ""): void {
  if (!allowed.includes(operator)) throw invalid(`Invalid comparator '${operator}' not one of '${listed(allowed)}${quote}`);
}

const exists = (table: string, key: string, test: SqlPart | undefined): SqlPart => ({
  sql: `EXISTS (SELECT 1 FROM ${table} x WHERE x."key" = ? AND x.run_uuid = r.run_uuid${test === undefined ? "" : ` AND ${test.sql}`})`,
  values: [key, ...(test?.values ?? [])],
});

function metricCondition(key: string, operator: string, value: Literal | undefined): RunCondition {
  if (value?.kind !== "number") throw invalid(`Expected numeric value type for metric. Found ${value?.source}`);
  checkOperator(operator, NUMERIC_OPERATORS);
  // NaN is stored as 0 beside a mark: it differs from every number and compares with none.
  const number = compare("x.value", operator, Number(value.source));
  const unequal = operator === "!=";
  const test = { sql: unequal ? `(x.is_nan = 1 OR ${number.sql})` : `x.is_nan = 0 AND ${number.sql}`, values: number.values };
  const ids = {
    sql: `SELECT x.run_uuid FROM latest_metrics x WHERE x."key" = ? AND ${unequal ? "x.is_nan IN (0, 1) AND " : ""}${test.sql}`,
    values: [key, ...test.values],
  };
  return { ...exists("latest_metrics", key, test), ids };
}

function keyedCondition(table: string, type: string, key: string, operator: string, value: Literal | undefined): RunCondition {
  if (operator === "IS NOT NULL") return exists(table, key, undefined);
  if (operator === "IS NULL") {
    const { sql, values } = exists(table, key, undefined);
    return { sql: `NOT ${sql}`, values };
  }
  const text = quotedText(value, (source) => `Expected a quoted string value for ${type} (e.g. 'my-value'). Got value ${source}`);
  checkOperator(operator, KEYED_OPERATORS, type === "parameter" ? "'" : "");
  return textCondition(table, key, operator, text);
}

function textCondition(table: string, key: string, operator: string, value: string | readonly string[]): RunCondition {
  const condition = exists(table, key, compare("x.value", operator, value));
  if (operator !== "=" || typeof value !== "string" || value.length > INDEXED_VALUE_LENGTH) return condition;
  const indexed = table === "tags" ? ` AND length(x.value) <= ${INDEXED_VALUE_LENGTH}` : "";
  return {
    ...condition,
    ids: {
      sql: `SELECT x.run_uuid FROM ${table} x WHERE x."key" = ? AND x.value = ?${indexed}`,
      values: [key, value],
    },
  };
}

function attributeCondition(key: string, said: string, operator: string, value: Literal | undefined): RunCondition {
  if (NUMERIC_KEYS.includes(key)) {
    if (value?.kind !== "number")
      throw invalid(`Expected numeric value type for numeric attribute: ${said}. Found ${value?.source}`);
    // MLflow's error names the comparators of text attributes here.
    if (!NUMERIC_OPERATORS.includes(operator))
      throw invalid(`Invalid comparator '${operator}' not one of '${listed(LIST_OPERATORS)}`);
    return compare(`r.${key}`, operator, Number(value.source));
  }
  if (value?.kind === "list" && key !== "run_id") {
    throw invalid("Only the 'run_id' attribute supports comparison with a list of quoted string values.");
  }
  const listOperator = operator === "IN" || operator === "NOT IN";
  const operand =
    value?.kind === "list"
      ? textList(value)
      : quotedText(value, (source) => `Expected a quoted string value for attributes. Got value ${source}`);
  checkOperator(operator, LIST_OPERATORS, "'");
  if (Array.isArray(operand) !== listOperator) throw invalid(`Invalid comparator '${operator}' for the value ${value?.source}`);
  // Runs that MLflow 1 wrote have their name in the tag alone.
  if (key === "run_name") return textCondition("tags", RUN_NAME_TAG, operator, operand);
  return compare(`r.${COLUMNS[key] ?? key}`, operator, operand);
}

function datasetCondition(key: string, operator: string, value: Literal | undefined): SqlPart {
  const operand =
    value?.kind === "list"
      ? textList(value)
      : quotedText(value, (source) => `Expected a quoted string value for dataset attributes. Got value ${source}`);
  checkOperator(operator, LIST_OPERATORS);
  if (Array.isArray(operand) !== (operator === "IN" || operator === "NOT IN")) {
    throw invalid(`Invalid comparator '${operator}' for the value ${value?.source}`);
  }
  const inputs = `FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id`;
  const here = `i.destination_type = 'RUN' AND i.destination_id = r.run_uuid AND i.source_type = 'DATASET'`;
  if (key !== "context") {
    const test = compare(`d.${key}`, operator, operand);
    return { sql: `EXISTS (SELECT 1 ${inputs} WHERE ${here} AND ${test.sql})`, values: test.values };
  }
  const test = compare("t.value", operator, operand);
  return {
    sql: `EXISTS (SELECT 1 ${inputs} JOIN input_tags t ON t.input_uuid = i.input_uuid WHERE ${here} AND t.name = 'mlflow.data.context' AND ${test.sql})`,
    values: test.values,
  };
}

/** @throws MlflowError for a clause that cannot be read or a key that comes twice. */
export function runOrder(clauses: readonly string[]): OrderTerm[] {
  const seen = new Set<string>();
  return clauses.map((clause) => {
    const { key: identifier, ascending } = parseOrder(clause);
    const { type, key, said } = identify(identifier);
    if (type === "attribute" && !ORDER_KEYS.includes(said))
      throw invalid(`Invalid attribute key '${said}' specified. Valid keys are '${listed(ORDER_KEYS)}'`);
    if (type === "dataset") throw invalid(`Invalid identifier type '${type}'`);
    const name = `${type}.${key}`;
    if (seen.has(name))
      throw invalid(`\`order_by\` contains duplicate fields: [${clauses.map((text) => `'${text}'`).join(", ")}]`);
    seen.add(name);
    return { type, key: type === "attribute" ? (COLUMNS[key] ?? key) : key, ascending };
  });
}

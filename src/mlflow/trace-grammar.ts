import {
  andAll,
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
import { NAME_TAG } from "./newer-columns.ts";
import { invalid } from "./protocol-error.ts";
import { pythonDumps } from "./python-text.ts";

/**
 * The search language of traces, over `trace_info t`. RLIKE is refused: a pattern of a client's may keep this server's one thread busy for
 * as long as it likes.
 */
const ENTITIES = {
  attribute: "attribute",
  attributes: "attribute",
  trace: "attribute",
  tag: "tag",
  tags: "tag",
  metadata: "request_metadata",
  request_metadata: "request_metadata",
  feedback: "feedback",
  expectation: "expectation",
  span: "span",
} as const;
type Entity = (typeof ENTITIES)[keyof typeof ENTITIES];

const ALIASES: Readonly<Record<string, string>> = {
  timestamp: "timestamp_ms",
  execution_time: "execution_time_ms",
  end_time: "end_time_ms",
};
const NUMERIC: Readonly<Record<string, string>> = {
  timestamp_ms: "t.timestamp_ms",
  execution_time_ms: "t.execution_time_ms",
  end_time_ms: "(t.timestamp_ms + coalesce(t.execution_time_ms, 0))",
};
const TEXTS: Readonly<Record<string, string>> = {
  request_id: "t.request_id",
  client_request_id: "t.client_request_id",
  status: "t.status",
};
/** Attributes that MLflow keeps as a tag or as metadata. */
const RUN_METADATA = "mlflow.sourceRun";

const COMMON_KEYS = [
  "timestamp",
  "end_time",
  "end_time_ms",
  "request_id",
  "name",
  "run_id",
  "execution_time_ms",
  "status",
  "execution_time",
  "timestamp_ms",
];
const SEARCH_KEYS = [...COMMON_KEYS, "prompt", "text", "client_request_id"];
const ORDER_KEYS = [...COMMON_KEYS, "experiment_id"];
const NEVER_ABSENT = ["timestamp_ms", "request_id", "status", "experiment_id"];
const LIST_KEYS = ["run_id", "client_request_id", "status", "name", "request_id"];

const NUMERIC_OPERATORS = [">", ">=", "!=", "=", "<", "<="];
const TEXT_OPERATORS = ["!=", "=", "LIKE", "ILIKE", "IN", "NOT IN"];
const KEYED_OPERATORS = ["!=", "=", "LIKE", "ILIKE", "IS NULL", "IS NOT NULL"];
const CONTENT_OPERATORS = ["LIKE", "ILIKE"];

/**
 * Conditions on `trace_info t`.
 * @param newer whether the name of a trace may stand in its own column; see newer-columns.ts.
 * @throws MlflowError INVALID_PARAMETER_VALUE
 */
export function traceFilter(filter: string, newer: boolean): SqlPart[] {
  const comparisons = parseFilter(filter, true);
  const onSpans = comparisons.filter((comparison) => isSpan(comparison));
  const others = comparisons.filter((comparison) => !isSpan(comparison)).map((one) => condition(one, newer));
  // One span must meet all that is said of spans.
  return onSpans.length === 0 ? others : [...others, anySpan(onSpans.map(spanCondition))];
}

const isSpan = ({ identifier }: Comparison): boolean => /^[`"']?span[`"']?\./.test(identifier);

function identify(identifier: string): { type: Entity; key: string } {
  const dot = identifier.indexOf(".");
  const entity = dot < 0 ? "attribute" : bareKey(identifier.slice(0, dot));
  if (!Object.hasOwn(ENTITIES, entity))
    throw invalid(`Invalid entity type '${entity}'. Valid values are ${listed(Object.keys(ENTITIES))}`);
  return { type: ENTITIES[entity as keyof typeof ENTITIES], key: bareKey(identifier.slice(dot + 1)) };
}

function condition(comparison: Comparison, newer: boolean): SqlPart {
  const { type, key } = identify(comparison.identifier);
  const { operator, value } = comparison;
  switch (type) {
    case "tag":
      return keyedCondition("trace_tags", type, key, operator, value);
    case "request_metadata":
      return keyedCondition("trace_request_metadata", type, key, operator, value);
    case "feedback":
    case "expectation":
      return assessmentCondition(type, key, operator, value);
    default:
      return attributeCondition(key, operator, value, newer);
  }
}

function checkOperator(operator: string, allowed: readonly string[], quote: string): void {
  if (!allowed.includes(operator)) throw invalid(`Invalid comparator '${operator}' not one of '${listed(allowed)}${quote}`);
}

function attributeCondition(said: string, operator: string, value: Literal | undefined, newer: boolean): SqlPart {
  if (!SEARCH_KEYS.includes(said))
    throw invalid(`Invalid attribute key '${said}' specified. Valid keys are '${listed(SEARCH_KEYS)}'`);
  const key = ALIASES[said] ?? said;
  if (key === "prompt") return promptCondition(operator, value);
  if (key === "text") return anySpan([contentCondition(operator, value)]);
  if (value?.kind === "list" && !LIST_KEYS.includes(key)) throw onlyLists();
  if (key === "name") return nameCondition(operator, value, newer);
  if (key === "run_id") return runCondition(operator, value);
  const number = NUMERIC[key];
  if (number !== undefined) {
    if (value?.kind !== "number")
      throw invalid(`Expected numeric value type for numeric attribute: ${said}. Found ${value?.source ?? operator}`);
    checkOperator(operator, NUMERIC_OPERATORS, "'");
    return compare(number, operator, Number(value.source));
  }
  return textCondition(TEXTS[key] ?? "", operator, value, "attributes", (allowed) => checkOperator(operator, allowed, "'"));
}

const onlyLists = () =>
  invalid(`Only attributes in ${listed(LIST_KEYS)} supports comparison with a list of quoted string values.`);

function textCondition(
  column: string,
  operator: string,
  value: Literal | undefined,
  what: string,
  check: (allowed: readonly string[]) => void,
): SqlPart {
  check(TEXT_OPERATORS);
  const operand = value?.kind === "list" ? textList(value) : quoted(value, what);
  if (Array.isArray(operand) !== (operator === "IN" || operator === "NOT IN"))
    throw invalid(`Invalid comparator '${operator}' for the value ${value?.source}`);
  return compare(column, operator, operand);
}

const quoted = (value: Literal | undefined, what: string): string =>
  quotedText(value, (source) => `Expected a quoted string value for ${what} (e.g. 'my-value'). Got value ${source}`);

function keyedCondition(table: string, type: string, key: string, operator: string, value: Literal | undefined): SqlPart {
  const exists = (test: SqlPart | undefined): SqlPart => ({
    sql: `EXISTS (SELECT 1 FROM ${table} x WHERE x."key" = ? AND x.request_id = t.request_id${test === undefined ? "" : ` AND ${test.sql}`})`,
    values: [key, ...(test?.values ?? [])],
  });
  if (operator === "IS NOT NULL") return exists(undefined);
  if (operator === "IS NULL") return negated(exists(undefined));
  if (type === "tag") checkOperator(operator, KEYED_OPERATORS, "");
  const wanted = quoted(value, type);
  checkOperator(operator, KEYED_OPERATORS, "'");
  return exists(compare("x.value", operator, wanted));
}

const negated = ({ sql, values }: SqlPart): SqlPart => ({ sql: `NOT ${sql}`, values });

function nameCondition(operator: string, value: Literal | undefined, newer: boolean): SqlPart {
  const tagged = keyedCondition("trace_tags", "tag", NAME_TAG, operator, value);
  if (!newer) return tagged;
  if (operator === "IS NULL") return { sql: `(${tagged.sql} AND t.trace_name IS NULL)`, values: tagged.values };
  const test =
    operator === "IS NOT NULL"
      ? { sql: "t.trace_name IS NOT NULL", values: [] }
      : compare("t.trace_name", operator, quoted(value, "tag"));
  return { sql: `(${tagged.sql} OR ${test.sql})`, values: [...tagged.values, ...test.values] };
}

/** The run that a trace was made in, or that it was linked to. */
function runCondition(operator: string, value: Literal | undefined): SqlPart {
  checkOperator(operator, KEYED_OPERATORS, "'");
  const made = keyedCondition("trace_request_metadata", "request_metadata", RUN_METADATA, operator, value);
  if (operator !== "=") return made;
  const linked = associated("run", quoted(value, "request_metadata"));
  return { sql: `(${made.sql} OR ${linked.sql})`, values: [...made.values, ...linked.values] };
}

const associated = (type: string, destination: string): SqlPart => ({
  sql: `EXISTS (SELECT 1 FROM entity_associations x WHERE x.source_type = 'trace' AND x.source_id = t.request_id
    AND x.destination_type = '${type}' AND x.destination_id = ?)`,
  values: [destination],
});

function promptCondition(operator: string, value: Literal | undefined): SqlPart {
  if (value?.kind === "list") throw onlyLists();
  if (operator !== "=") {
    throw invalid(
      `Invalid comparator '${operator}' for prompts filter. Only '=' is supported with format: prompt = "name/version"`,
    );
  }
  const prompt = quoted(value, "attributes");
  if (prompt.split("/").length !== 2)
    throw invalid(`Invalid prompts filter value '${prompt}'. Expected format: prompt = "name/version"`);
  return associated("prompt_version", prompt);
}

/**
 * Values are stored as JSON: a text is found with and without its quotes. The plus keeps SQLite from walking all assessments of that type
 * for each trace: over 100,000 traces with 20,000 assessments 110 s.
 */
function assessmentCondition(
  type: "feedback" | "expectation",
  name: string,
  operator: string,
  value: Literal | undefined,
): SqlPart {
  const exists = (test: SqlPart | undefined): SqlPart => ({
    sql: `EXISTS (SELECT 1 FROM assessments x WHERE x.trace_id = t.request_id AND +x.assessment_type = '${type}' AND x.name = ?${
      test === undefined ? "" : ` AND ${test.sql}`
    })`,
    values: [name, ...(test?.values ?? [])],
  });
  if (operator === "IS NOT NULL") return exists(undefined);
  if (operator === "IS NULL") return negated(exists(undefined));
  const wanted = quoted(value, type);
  checkOperator(operator, KEYED_OPERATORS, "'");
  if (operator === "=") return exists({ sql: "x.value IN (?, ?)", values: [wanted, pythonDumps(wanted)] });
  if (operator === "!=") return exists({ sql: "x.value NOT IN (?, ?)", values: [wanted, pythonDumps(wanted)] });
  return exists(compare("x.value", operator, wanted));
}

const anySpan = (tests: readonly SqlPart[]): SqlPart => {
  const { sql, values } = andAll(tests);
  return { sql: `EXISTS (SELECT 1 FROM spans s WHERE s.trace_id = t.request_id ${sql})`, values };
};

const checkSpanOperator = (said: string, operator: string, allowed: readonly string[]): void => {
  if (!allowed.includes(operator)) throw invalid(`${said} comparator '${operator}' not one of '${listed(allowed)}'`);
};

function contentCondition(operator: string, value: Literal | undefined): SqlPart {
  checkSpanOperator("span.content", operator, CONTENT_OPERATORS);
  return compare("s.content", operator, quoted(value, "span"));
}

function spanCondition({ identifier, operator, value }: Comparison): SqlPart {
  const key = bareKey(identifier.slice(identifier.indexOf(".") + 1));
  if (key === "content") return contentCondition(operator, value);
  const check = (allowed: readonly string[]): void => checkSpanOperator(`span.${key}`, operator, allowed);
  if (key === "name" || key === "type" || key === "status") return textCondition(`s.${key}`, operator, value, "span", check);
  if (!key.startsWith("attributes.")) {
    throw invalid(`Invalid span attribute '${key}'. Supported attributes: name, status, type, attributes.<attribute_name>.`);
  }
  const plain = "CASE WHEN json_valid(x.value) AND json_type(x.value) = 'text' THEN json_extract(x.value, '$') ELSE x.value END";
  const test = textCondition(`(${plain})`, operator, value, "span", check);
  return {
    sql: `json_valid(s.content) AND EXISTS (SELECT 1 FROM json_each(s.content, '$.attributes') x WHERE x."key" = ? AND ${test.sql})`,
    values: [bareKey(key.slice("attributes.".length)), ...test.values],
  };
}

/** ORDER BY terms and the joins that they need; absent values last, then the newest, then by id. */
export function traceOrder(clauses: readonly string[], newer: boolean): { joins: SqlPart; terms: string } {
  const joins: string[] = [];
  const values: string[] = [];
  const terms: string[] = [];
  const seen = new Set<string>();
  for (const clause of clauses) {
    const { key: identifier, ascending } = parseOrder(clause);
    const { type, key: said } = identify(identifier);
    const key = ALIASES[said] ?? said;
    if (type === "attribute" && !ORDER_KEYS.includes(said))
      throw invalid(`Invalid attribute key '${said}' specified. Valid keys are '${listed(ORDER_KEYS)}'`);
    if (type !== "attribute" && type !== "tag" && type !== "request_metadata") throw invalid(`Invalid identifier type '${type}'`);
    if (seen.has(`${type}.${key}`))
      throw invalid(`\`order_by\` contains duplicate fields: [${clauses.map((text) => `'${text}'`).join(", ")}]`);
    seen.add(`${type}.${key}`);
    const column = NUMERIC[key] ?? TEXTS[key] ?? `t.${key}`;
    const kept =
      type === "attribute" && key === "name" ? NAME_TAG : type === "attribute" && key === "run_id" ? RUN_METADATA : undefined;
    if (type === "attribute" && kept === undefined) {
      // The index of times serves an order without a test for absence; these columns are never empty.
      if (NEVER_ABSENT.includes(key)) terms.push(`${column} ${ascending ? "ASC" : "DESC"}`);
      else terms.push(...absentLast(column, ascending));
      continue;
    }
    const table = type === "tag" || kept === NAME_TAG ? "trace_tags" : "trace_request_metadata";
    const name = `o${joins.length}`;
    joins.push(`LEFT JOIN ${table} ${name} ON ${name}."key" = ? AND ${name}.request_id = t.request_id`);
    values.push(kept ?? key);
    const value = newer && kept === NAME_TAG ? `coalesce(${name}.value, t.trace_name)` : `${name}.value`;
    terms.push(...absentLast(value, ascending));
  }
  if (!seen.has("attribute.timestamp_ms")) terms.push("t.timestamp_ms DESC");
  terms.push("t.request_id");
  return { joins: { sql: joins.join(" "), values }, terms: terms.join(", ") };
}

const absentLast = (column: string, ascending: boolean): string[] => [
  `${column} IS NULL`,
  `${column} ${ascending ? "ASC" : "DESC"}`,
];

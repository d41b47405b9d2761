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
  textList,
} from "./filter.ts";
import { invalid } from "./protocol-error.ts";

const SEARCH_KEYS = ["name", "experiment_id", "creation_time", "last_update_time"];
const ORDER_KEYS = ["name", "experiment_id", "creation_time", "last_update_time"];
export const NUMERIC_OPERATORS = ["=", "!=", "<", "<=", ">", ">="];
/** What MLflow's error names for names and times alike. */
const NAMED_OPERATORS = ["=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"];
export const TEXT_OPERATORS = ["=", "!=", "LIKE", "ILIKE"];

/** @returns conditions on `experiments e`, each after an AND. */
export const experimentFilter = (filter: string): SqlPart => andAll(parseFilter(filter).map(condition));

function condition(comparison: Comparison): SqlPart {
  const { type, key } = splitIdentifier(comparison.identifier, SEARCH_KEYS);
  const { operator } = comparison;
  const nullTest = operator === "IS NULL" || operator === "IS NOT NULL";
  if (type === "attribute") {
    if (nullTest) throw invalid(`IS NULL / IS NOT NULL is only supported for tags, not for attribute '${key}'`);
    return attributeCondition(key, comparison);
  }
  if (nullTest) {
    const not = operator === "IS NULL" ? "NOT " : "";
    return {
      sql: `${not}EXISTS (SELECT 1 FROM experiment_tags t WHERE t.experiment_id = e.experiment_id AND t."key" = ?)`,
      values: [key],
    };
  }
  const value = quotedText(
    comparison.value,
    (source) => `Expected a quoted string value for tag (e.g. 'my-value'). Got value ${source}`,
  );
  if (!TEXT_OPERATORS.includes(operator)) throw invalid(`Invalid comparator for tag: ${operator}`);
  const test = compare("t.value", operator, value);
  return {
    sql: `EXISTS (SELECT 1 FROM experiment_tags t WHERE t.experiment_id = e.experiment_id AND t."key" = ? AND ${test.sql})`,
    values: [key, ...test.values],
  };
}

function attributeCondition(key: string, { operator, value }: Comparison): SqlPart {
  if (key === "experiment_id") return idCondition(operator, value);
  if (key === "name") {
    if (value?.kind === "list")
      throw invalid("Only the 'run_id' attribute supports comparison with a list of quoted string values.");
    const text = quotedText(value, (source) => `Expected a quoted string value for attributes. Got value ${source}`);
    if (!TEXT_OPERATORS.includes(operator))
      throw invalid(`Invalid comparator '${operator}' not one of '${listed(NAMED_OPERATORS)}'`);
    return compare("e.name", operator, text);
  }
  if (value?.kind !== "number")
    throw invalid(`Expected numeric value type for numeric attribute: ${key}. Found ${value?.source}`);
  if (!NUMERIC_OPERATORS.includes(operator))
    throw invalid(`Invalid comparator '${operator}' not one of '${listed(NAMED_OPERATORS)}`);
  return compare(`e.${key}`, operator, Number(value.source));
}

/** Ids stand in quotes, one or a list; releases from 3.12 on search by them. */
function idCondition(operator: string, value: Comparison["value"]): SqlPart {
  const texts =
    value?.kind === "list"
      ? textList(value)
      : [quotedText(value, (source) => `Expected a quoted string value for attributes. Got value ${source}`)];
  const isList = operator === "IN" || operator === "NOT IN";
  if ((!isList && operator !== "=" && operator !== "!=") || isList !== (value?.kind === "list"))
    throw invalid(`Invalid comparator for experiment_id: ${operator}`);
  for (const text of texts) {
    if (!/^\s*[+-]?\d+\s*$/.test(text)) throw invalid(`Invalid experiment ID '${text}'. Experiment ID must be a valid integer.`);
  }
  const ids = texts.map((text) => Number(text));
  const not = operator === "!=" || operator === "NOT IN" ? "NOT " : "";
  return { sql: `e.experiment_id ${not}IN (${ids.map(() => "?").join(", ")})`, values: ids };
}

/** An identifier of the experiment and registry searches: an attribute, or a tag behind "tag." or "tags.". */
export function splitIdentifier(identifier: string, attributes: readonly string[]): { type: "attribute" | "tag"; key: string } {
  const dot = identifier.indexOf(".");
  const entity = dot < 0 ? "attribute" : identifier.slice(0, dot);
  if (!["attribute", "tag", "tags"].includes(entity)) {
    throw invalid(`Invalid entity type '${entity}'. Valid entity types are ('attribute', 'tag', 'tags')`);
  }
  const key = bareKey(identifier.slice(dot + 1));
  if (entity !== "attribute") return { type: "tag", key };
  if (!attributes.includes(key))
    throw invalid(`Invalid attribute key '${key}' specified. Valid keys are '${listed(attributes)}'`);
  return { type: "attribute", key };
}

/** @returns an ORDER BY list over `experiments e`; newest first when nothing is asked. */
export function experimentOrder(clauses: readonly string[]): string {
  const terms = (clauses.length === 0 ? ["creation_time DESC", "experiment_id ASC"] : clauses).map((clause) => {
    const { key, ascending } = parseOrder(clause);
    const identifier = splitIdentifier(key, ORDER_KEYS);
    if (identifier.type !== "attribute") throw invalid(`Invalid order_by entity: ${identifier.type}`);
    return { key: identifier.key, sql: `e.${identifier.key} ${ascending ? "ASC" : "DESC"}` };
  });
  if (!terms.some((term) => term.key === "experiment_id")) terms.push({ key: "experiment_id", sql: "e.experiment_id DESC" });
  return terms.map((term) => term.sql).join(", ");
}

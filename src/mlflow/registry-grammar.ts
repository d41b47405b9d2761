import type { Context } from "./context.ts";
import {
  andAll,
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
import { NUMERIC_OPERATORS, splitIdentifier, TEXT_OPERATORS } from "./search-experiments.ts";

/** Prompts live in the registry's tables too; this tag tells them apart, and searches leave them out unless they ask for them. */
export const PROMPT_TAG = "mlflow.prompt.is_prompt";

const VERSION_KEYS = ["name", "version_number", "run_id", "source_path"];
const VERSION_COLUMN: Readonly<Record<string, string>> = { version_number: "version", source_path: "source" };
const VERSION_ORDER: Readonly<Record<string, string>> = {
  name: "name",
  version_number: "version",
  creation_timestamp: "creation_time",
  last_updated_timestamp: "last_updated_time",
};
const MODEL_ORDER: Readonly<Record<string, string>> = {
  name: "name",
  timestamp: "last_updated_time",
  last_updated_timestamp: "last_updated_time",
};

export const isPrompt = (context: Context, name: string): boolean =>
  context.db.get(
    `SELECT 1 AS found FROM registered_model_tags WHERE workspace = 'default' AND "key" = ? AND name = ?`,
    PROMPT_TAG,
    name,
  ) !== undefined;

/** @returns conditions on `registered_models m`, each after an AND. */
export const modelFilter = (filter: string): SqlPart =>
  registryFilter(filter, ["name"], modelAttribute, "registered_model_tags", "x.name = m.name", "m.name");

/** @returns conditions on `model_versions v`, each after an AND. */
export const versionFilter = (filter: string): SqlPart =>
  registryFilter(
    filter,
    VERSION_KEYS,
    versionAttribute,
    "model_version_tags",
    "x.name = v.name AND x.version = v.version",
    "v.name",
  );

function registryFilter(
  filter: string,
  keys: readonly string[],
  attribute: (key: string, comparison: Comparison) => SqlPart,
  tagTable: string,
  tagJoin: string,
  nameColumn: string,
): SqlPart {
  const parts: SqlPart[] = [];
  let wantsPrompts = false;
  for (const comparison of parseFilter(filter)) {
    const { type, key } = splitIdentifier(comparison.identifier, keys);
    if (comparison.value === undefined) throw invalid("Invalid comparison clause. Expected 3 tokens found 2");
    if (type === "attribute") {
      parts.push(attribute(key, comparison));
      continue;
    }
    const value = quotedText(
      comparison.value,
      (source) => `Expected a quoted string value for tag (e.g. 'my-value'). Got value ${source}`,
    );
    const { operator } = comparison;
    if (!TEXT_OPERATORS.includes(operator)) throw invalid(`Invalid comparator for tag: ${operator}`);
    if (key === PROMPT_TAG) {
      const word = value.toLowerCase();
      wantsPrompts ||= (operator === "=" && word === "true") || (operator === "!=" && word === "false");
      continue;
    }
    const test = compare("x.value", operator, value);
    parts.push({
      sql: `EXISTS (SELECT 1 FROM ${tagTable} x WHERE x.workspace = 'default' AND x."key" = ? AND ${tagJoin} AND ${test.sql})`,
      values: [key, ...test.values],
    });
  }
  // A model carries no prompt tag at all, so "not a prompt" is the absence of the tag.
  parts.push({
    sql: `${wantsPrompts ? "" : "NOT "}EXISTS (SELECT 1 FROM ${tagTable} p WHERE p.workspace = 'default' AND p."key" = ? AND p.name = ${nameColumn} AND p.value = 'true')`,
    values: [PROMPT_TAG],
  });
  return andAll(parts);
}

const TEXT_EXPECTED = (source: string): string =>
  `Expected a quoted string value or a list of quoted string values for attributes. Got value ${source}`;

function modelAttribute(key: string, { operator, value }: Comparison): SqlPart {
  if (value?.kind === "list")
    throw invalid("Only the 'run_id' attribute supports comparison with a list of quoted string values.");
  const text = quotedText(value, TEXT_EXPECTED);
  if (!TEXT_OPERATORS.includes(operator)) throw invalid(`Invalid comparator for attribute: ${operator}`);
  return compare(`m.${key}`, operator, text);
}

function versionAttribute(key: string, { operator, value }: Comparison): SqlPart {
  const column = `v.${VERSION_COLUMN[key] ?? key}`;
  if (key === "version_number") {
    if (value?.kind === "list")
      throw invalid("Only the 'run_id' attribute supports comparison with a list of quoted string values.");
    // MLflow lets the database read a quoted number.
    const number = value?.kind === "number" ? value.source : quotedText(value, TEXT_EXPECTED);
    if (!NUMERIC_OPERATORS.includes(operator)) throw invalid(`Invalid comparator for attribute ${key}: ${operator}`);
    return compare(column, operator, Number.isNaN(Number(number)) ? number : Number(number));
  }
  if (value?.kind === "number") {
    throw invalid(
      "Only the '{'version_number', 'creation_timestamp', 'last_updated_timestamp'}' attributes support comparison with numeric values.",
    );
  }
  if (value?.kind === "list") {
    if (key !== "run_id") throw invalid("Only the 'run_id' attribute supports comparison with a list of quoted string values.");
    const ids = textList(value);
    if (operator !== "IN") throw invalid(`Invalid comparator for attribute: ${operator}`);
    return compare(column, operator, ids);
  }
  const text = quotedText(value, TEXT_EXPECTED);
  if (!TEXT_OPERATORS.includes(operator)) throw invalid(`Invalid comparator for attribute: ${operator}`);
  return compare(column, operator, text);
}

/** @returns an ORDER BY list over `registered_models m`; by name when nothing is asked. */
export function modelOrder(clauses: readonly string[]): string {
  const terms = orderTerms(clauses, (key) => {
    const column = MODEL_ORDER[key];
    if (column === undefined)
      throw invalid(`Invalid order by key '${key}' specified. Valid keys are '${listed(["name", "timestamp"])}'`);
    return column;
  });
  if (!terms.some((term) => term.column === "name")) terms.push({ column: "name", direction: "ASC" });
  return terms.map((term) => `m.${term.column} ${term.direction}`).join(", ");
}

/** @returns an ORDER BY list over `model_versions v`; latest change first when nothing is asked. */
export function versionOrder(clauses: readonly string[]): string {
  const asked = clauses.length === 0 ? ["last_updated_timestamp DESC", "name ASC", "version_number DESC"] : clauses;
  const terms = orderTerms(asked, (identifier) => {
    const { type, key } = splitIdentifier(identifier, Object.keys(VERSION_ORDER));
    const column = VERSION_ORDER[key];
    if (type !== "attribute" || column === undefined) {
      throw invalid(`Invalid order by key '${key}' specified. Valid keys are ${listed(Object.keys(VERSION_ORDER))}`);
    }
    return column;
  });
  if (!terms.some((term) => term.column === "name")) terms.push({ column: "name", direction: "ASC" });
  if (!terms.some((term) => term.column === "version")) terms.push({ column: "version", direction: "DESC" });
  return terms.map((term) => `v.${term.column} ${term.direction}`).join(", ");
}

function orderTerms(clauses: readonly string[], column: (key: string) => string): { column: string; direction: string }[] {
  const seen = new Set<string>();
  return clauses.map((clause) => {
    const { key, ascending } = parseOrder(clause);
    const name = column(key);
    if (seen.has(name))
      throw invalid(`\`order_by\` contains duplicate fields: [${clauses.map((text) => `'${text}'`).join(", ")}]`);
    seen.add(name);
    return { column: name, direction: ascending ? "ASC" : "DESC" };
  });
}

import type { SqlValue } from "./database.ts";
import { invalid } from "./protocol-error.ts";
import { pythonRepr } from "./python-text.ts";

/**
 * The search language of MLflow: comparisons joined by AND. Keywords in any case; keys may stand in backticks or double quotes, values in
 * single or double quotes. MLflow reads it with a SQL tokenizer; the texts of the errors are its own.
 */
export interface Comparison {
  /** As written: "metrics.loss", "tags.`a b`", "name". */
  readonly identifier: string;
  /** In capitals: "=", "LIKE", "NOT IN", "IS NULL". */
  readonly operator: string;
  /** Absent for IS NULL and IS NOT NULL. */
  readonly value: Literal | undefined;
}

export interface Literal {
  readonly kind: "text" | "name" | "number" | "list" | "other";
  /** As written, quotes and brackets included. */
  readonly source: string;
}

/** A piece of SQL with the values of its placeholders. */
export interface SqlPart {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

interface Token {
  readonly kind: Literal["kind"] | "operation" | "operator" | "word" | "end";
  readonly source: string;
}

const TOKEN =
  /\s*(?:(?<text>'(?:''|\\\\|\\'|[^'])*')|(?<list>\((?:'[^']*'|"[^"]*"|[^()'"])*\))|(?<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))|(?<operation>[\p{L}_][\p{L}\p{N}_$]*\.[\p{L}\p{N}_$]+(?:[-/][\p{L}\p{N}_$]+)+)|(?<name>(?:[\p{L}_][\p{L}\p{N}_$]*|`[^`]*`|"[^"]*")(?:\.(?:[\p{L}\p{N}_$]+|`[^`]*`|"[^"]*"|'[^']*'))*)|(?<operator><=|>=|!=|<>|==|=|<|>|~)|(?<end>;)|(?<other>[^\s]))/uy;

const KEYWORDS = new Set(["AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE", "BETWEEN", "TRUE", "FALSE"]);

function tokenize(filter: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < filter.length) {
    const match = TOKEN.exec(filter);
    if (match === null) break;
    const [kind, source] = Object.entries(match.groups ?? {}).find(([, value]) => value !== undefined) ?? ["other", ""];
    if (source === "") break;
    const keyword = kind === "name" && KEYWORDS.has(source.toUpperCase());
    tokens.push({ kind: keyword ? "word" : (kind as Token["kind"]), source });
  }
  return tokens;
}

/**
 * @param quoted whether the error puts each unexpected word in quotes, as the search of runs does.
 * @param isLenient whether a key may hold "-" and "/" without quotes, as in the search of logged models.
 * @throws MlflowError INVALID_PARAMETER_VALUE
 */
export function parseFilter(filter: string, quoted = false, isLenient = false): Comparison[] {
  const tokens = tokenize(filter).map((token) =>
    isLenient && token.kind === "operation" ? { ...token, kind: "name" as const } : token,
  );
  if (filter !== "" && tokens.length === 0) throw invalid(`Invalid filter ${pythonRepr(filter)}. Could not be parsed.`);
  const end = tokens.findIndex((token) => token.kind === "end");
  if (end >= 0 && end < tokens.length - 1) {
    throw invalid(`Search filter contained multiple expression ${pythonRepr(filter)}. Provide AND-ed expression list.`);
  }
  const comparisons: Comparison[] = [];
  const unexpected: string[] = [];
  for (let i = 0; i < tokens.length; ) {
    const found = comparisonAt(tokens, i);
    if (found !== undefined) {
      comparisons.push(found.comparison);
      i += found.length;
    } else {
      const token = tokens[i];
      if (token !== undefined && !isWord(token, "AND")) unexpected.push(token.source);
      i += 1;
    }
  }
  if (unexpected.length > 0) {
    throw invalid(`Invalid clause(s) in filter string: ${unexpected.map((word) => (quoted ? `'${word}'` : word)).join(", ")}`);
  }
  return comparisons;
}

const isWord = (token: Token | undefined, word: string): boolean => token?.kind === "word" && token.source.toUpperCase() === word;

function comparisonAt(tokens: readonly Token[], at: number): { comparison: Comparison; length: number } | undefined {
  const [left, second, third, fourth] = tokens.slice(at, at + 4);
  if (left === undefined || second === undefined || third === undefined) return undefined;
  if (left.kind === "name") {
    if (isWord(second, "IS") && isWord(third, "NULL")) return unary(left, "IS NULL", 3);
    if (isWord(second, "IS") && isWord(third, "NOT") && isWord(fourth, "NULL")) return unary(left, "IS NOT NULL", 4);
    if (isWord(second, "IN") && third.kind === "list") return binary(left, "IN", third, 3);
    if (isWord(second, "NOT") && isWord(third, "IN") && fourth?.kind === "list") return binary(left, "NOT IN", fourth, 4);
  }
  const like = isWord(second, "LIKE") || isWord(second, "ILIKE");
  if (second.kind !== "operator" && !like) return undefined;
  if (third.kind === "operator" || third.kind === "end" || third.kind === "other" || isWord(third, "AND") || isWord(third, "OR"))
    return undefined;
  if (left.kind !== "name") {
    if (left.kind === "operator" || left.kind === "word" || left.kind === "other") return undefined;
    throw invalid(`Invalid comparison clause. Expected 'Identifier' found '${left.source}'`);
  }
  return binary(left, second.source.toUpperCase(), third, 3);
}

const unary = (left: Token, operator: string, length: number) => ({
  comparison: { identifier: left.source, operator, value: undefined },
  length,
});

const binary = (left: Token, operator: string, right: Token, length: number) => ({
  comparison: {
    identifier: left.source,
    operator,
    value: {
      kind:
        right.kind === "operator" || right.kind === "operation" || right.kind === "word" || right.kind === "end"
          ? "other"
          : right.kind,
      source: right.source,
    } as const,
  },
  length,
});

const isQuoted = (source: string, quote: string): boolean =>
  source.length >= 2 && source.startsWith(quote) && source.endsWith(quote);

/** A key without its quotes. */
export function bareKey(source: string): string {
  const inner = isQuoted(source, "'") || isQuoted(source, '"') ? source.slice(1, -1) : source;
  return isQuoted(inner, "`") ? inner.slice(1, -1) : inner;
}

/**
 * The text of a quoted value.
 * @param otherwise the error for a value that is neither text nor a name.
 */
export function quotedText(value: Literal | undefined, otherwise: (source: string) => string): string {
  const source = value?.source ?? "";
  if (value?.kind !== "text" && value?.kind !== "name") throw invalid(otherwise(source));
  if (!isQuoted(source, "'") && !isQuoted(source, '"')) {
    throw invalid(
      `Parameter value is either not quoted or unidentified quote types used for string value ${source}. Use either single or double quotes.`,
    );
  }
  return source.slice(1, -1);
}

/** The texts of a bracketed list. */
export function textList(value: Literal): string[] {
  const inner = value.source.slice(1, -1).trim();
  if (inner === "") {
    throw invalid("While parsing a list in the query, expected a non-empty list of string values, but got empty list");
  }
  const parts = inner.match(/'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^\s,'"]+|,/g) ?? [];
  const texts: string[] = [];
  parts.forEach((part, index) => {
    const comma = part === ",";
    if (comma !== (index % 2 === 1)) {
      throw invalid("While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.");
    }
    if (comma) return;
    if (!/^['"]/.test(part)) {
      throw invalid(
        `While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in list: (${inner}${parts.length === 1 ? "," : ""})`,
      );
    }
    texts.push(part.slice(1, -1));
  });
  return texts;
}

/** `column operator value` as SQL. LIKE minds case, ILIKE does not (for ASCII letters). */
export function compare(column: string, operator: string, value: SqlValue | readonly string[]): SqlPart {
  if (Array.isArray(value)) {
    const list = value as readonly string[];
    return { sql: `${column} ${operator} (${list.map(() => "?").join(", ")})`, values: list };
  }
  const single = value as SqlValue;
  if (operator === "ILIKE") return { sql: `lower(${column}) LIKE lower(?)`, values: [single] };
  return { sql: `${column} ${operator === "<>" ? "!=" : operator} ?`, values: [single] };
}

/** Parts joined by AND, each after an AND: fits behind a WHERE with a condition. */
export const andAll = (parts: readonly SqlPart[]): SqlPart => ({
  sql: parts.map((part) => `AND ${part.sql}`).join(" "),
  values: parts.flatMap((part) => part.values),
});

/** Comparators as the error names them. */
export const listed = (words: readonly string[]): string => `{${words.map((word) => `'${word}'`).join(", ")}}`;

/** "key [ASC|DESC]" of an order_by entry: the key as written and the direction. */
export function parseOrder(clause: string): { key: string; ascending: boolean } {
  const match = /^\s*((?:`[^`]*`|"[^"]*"|[^\s`"])+)(?:\s+(\S+))?\s*$/u.exec(clause);
  const key = match?.[1];
  if (key === undefined || /^['(\d{[+-]|[,;]$/.test(key) || KEYWORDS.has(key.toUpperCase()))
    throw invalid(`Invalid order_by clause '${clause}'. Could not be parsed.`);
  if (/[,;]$/.test(match?.[2] ?? "")) throw invalid(`Invalid order_by clause '${clause}'. Could not be parsed.`);
  const direction = (match?.[2] ?? "asc").toLowerCase();
  if (direction !== "asc" && direction !== "desc") {
    // An unknown second word is an alias to MLflow's tokenizer.
    throw invalid(`Invalid ordering key in order_by clause '${clause}'.`);
  }
  return { key, ascending: direction === "asc" };
}

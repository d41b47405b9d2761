import { type Context, cutPage, readPageToken } from "./context.ts";
import { allIn, placeholders, type SqlValue } from "./database.ts";
import { type Endpoint, READ, rpc } from "./endpoint.ts";
import { checkPageSize, stagesOf } from "./experiments.ts";
import { andAll, type SqlPart } from "./filter.ts";
import { atMost, int32, type Message, many, text, viewType } from "./message-fields.ts";
import { invalid } from "./protocol-error.ts";
import { RUN_COLUMNS, type RunRow, runAnswers } from "./run-answer.ts";
import { type OrderTerm, type RunCondition, runFilter, runOrder } from "./run-grammar.ts";

const search = {
  experiment_ids: many(text),
  filter: text,
  run_view_type: viewType,
  max_results: atMost(50_000, int32),
  order_by: many(text),
  page_token: text,
} as const;
const DEFAULT_PAGE = 1_000;
const FEW_RUNS = 5_000;

export const searchRunsEndpoint: Endpoint = rpc(["POST"], "runs/search", search, searchRuns, READ);

function searchRuns(context: Context, request: Message<typeof search>): object {
  const pageSize = request.max_results ?? DEFAULT_PAGE;
  checkPageSize(pageSize);
  const conditions = runFilter(request.filter ?? "");
  const order = runOrder(request.order_by);
  const offset = readPageToken(request.page_token);
  const experiments = request.experiment_ids.map((id) => {
    if (!/^\s*-?\d+\s*$/.test(id)) throw invalid(`Invalid experiment ID '${id}'. Experiment ID must be a valid integer.`);
    return Number(id);
  });
  if (experiments.length === 0) return {};
  const scope = {
    sql: `${oneOrMore("r.experiment_id", experiments.length)} AND ${stageCondition(stagesOf(request.run_view_type))} ${andAll(conditions).sql}`,
    values: [...experiments, ...andAll(conditions).values],
  };
  return context.db.read(() => {
    const few = fewIds(context, conditions);
    const first = order[0];
    const ids =
      (first?.type === "metric" || first?.type === "parameter") && few === undefined
        ? walkedIds(context, scope, first, order.slice(1), pageSize + 1, offset)
        : orderedIds(context, scope, few, order, pageSize + 1, offset);
    const { rows, next } = cutPage(ids, pageSize, offset);
    return {
      runs: rows.length === 0 ? undefined : runAnswers(context, rowsOf(context, rows), "searched"),
      next_page_token: next,
    };
  });
}

/** `=` lets SQLite walk the order index where IN makes it sort. */
const oneOrMore = (column: string, count: number): string =>
  count === 1 ? `${column} = ?` : `${column} IN (${placeholders(count)})`;
const stageCondition = (stages: string): string =>
  stages.includes(",") ? `r.lifecycle_stage IN ${stages}` : `r.lifecycle_stage = ${stages.slice(1, -1)}`;

/**
 * The condition that fewest runs meet, when they are few enough to begin with them. A walk along the order ends early where matches are
 * many and is long where they are few; over n runs and a page of p both cost the same at about sqrt(n p) matches: 3,200 at 100,000 and 100.
 */
function fewIds(context: Context, conditions: readonly RunCondition[]): SqlPart | undefined {
  let best: SqlPart | undefined;
  let fewest = FEW_RUNS + 1;
  for (const { ids } of conditions) {
    if (ids === undefined) continue;
    const found = context.db.get<{ n: number }>(`SELECT count(*) AS n FROM (${ids.sql} LIMIT ${fewest})`, ...ids.values)?.n ?? 0;
    if (found < fewest) {
      fewest = found;
      best = ids;
    }
  }
  return best;
}

interface IdRow {
  readonly run_uuid: string;
}

function orderedIds(
  context: Context,
  scope: SqlPart,
  few: SqlPart | undefined,
  order: readonly OrderTerm[],
  limit: number,
  offset: number,
): IdRow[] {
  const { joins, terms, values } = orderSql(order, 0);
  const from = few === undefined ? "runs r" : `(${few.sql}) few CROSS JOIN runs r ON r.run_uuid = few.run_uuid`;
  return context.db.all<IdRow>(
    `SELECT r.run_uuid FROM ${from} ${joins} WHERE ${scope.sql} ORDER BY ${terms} LIMIT ? OFFSET ?`,
    ...(few?.values ?? []),
    ...values,
    ...scope.values,
    limit,
    offset,
  );
}

/**
 * Runs in the order of a metric (numbers, then NaN, then runs without it) or of a param. Each part is a query that walks an index and ends
 * at the page's end; one query with a left join must sort every run of the experiment.
 */
function walkedIds(
  context: Context,
  scope: SqlPart,
  first: OrderTerm,
  rest: readonly OrderTerm[],
  limit: number,
  offset: number,
): IdRow[] {
  const { db } = context;
  const { joins, terms, values } = orderSql(rest, 1);
  const direction = first.ascending ? "ASC" : "DESC";
  const table = first.type === "metric" ? "latest_metrics" : "params";
  const present = `${table} x CROSS JOIN runs r INDEXED BY requeen_runs_scope ON r.run_uuid = x.run_uuid`;
  const numbers = { from: present, where: `x."key" = ? AND x.is_nan = 0`, by: `x.value ${direction}, ` };
  const nans = { from: present, where: `x."key" = ? AND x.is_nan = 1`, by: "" };
  const texts = { from: present, where: `x."key" = ?`, by: `x.value ${direction}, ` };
  const absent = {
    from: "runs r",
    where: `NOT EXISTS (SELECT 1 FROM ${table} x WHERE x."key" = ? AND x.run_uuid = r.run_uuid)`,
    by: "",
  };
  const parts = first.type === "metric" ? [numbers, nans, absent] : [texts, absent];
  const rows: IdRow[] = [];
  let skip = offset;
  for (const { from, where, by } of parts) {
    const found = db.all<IdRow>(
      `SELECT r.run_uuid FROM ${from} ${joins} WHERE ${where} AND ${scope.sql} ORDER BY ${by}${terms} LIMIT ? OFFSET ?`,
      ...values,
      first.key,
      ...scope.values,
      limit - rows.length,
      skip,
    );
    rows.push(...found);
    if (rows.length >= limit) break;
    if (found.length > 0) skip = 0;
    else if (skip > 0) {
      const count = db.get<{ n: number }>(
        `SELECT count(*) AS n FROM ${from} WHERE ${where} AND ${scope.sql}`,
        first.key,
        ...scope.values,
      );
      skip = Math.max(0, skip - (count?.n ?? 0));
    }
  }
  return rows;
}

/** The rows of a page's ids, in their order. */
function rowsOf(context: Context, ids: readonly IdRow[]): RunRow[] {
  const found = allIn<RunRow>(
    context.db,
    ids.map((row) => row.run_uuid),
    (list) => `SELECT ${RUN_COLUMNS} FROM runs r WHERE r.run_uuid IN (${list})`,
  );
  const byId = new Map(found.map((row) => [row.run_uuid, row]));
  return ids.flatMap((row) => byId.get(row.run_uuid) ?? []);
}

/** Joins and ORDER BY terms; absent values come last in both directions, ties by newest start, then by id. */
function orderSql(order: readonly OrderTerm[], firstJoin: number): { joins: string; terms: string; values: SqlValue[] } {
  const joins: string[] = [];
  const terms: string[] = [];
  const values: SqlValue[] = [];
  order.forEach((term, index) => {
    const direction = term.ascending ? "ASC" : "DESC";
    if (term.type === "attribute") {
      // Newest first is the order of the index; a start time is never absent there.
      if (term.key !== "start_time" || term.ascending) terms.push(`r.${term.key} IS NULL`);
      terms.push(`r.${term.key} ${direction}`);
      return;
    }
    const name = `o${firstJoin + index}`;
    const table = { metric: "latest_metrics", parameter: "params", tag: "tags" }[term.type];
    joins.push(`LEFT JOIN ${table} ${name} ON ${name}."key" = ? AND ${name}.run_uuid = r.run_uuid`);
    values.push(term.key);
    const absent =
      term.type === "metric"
        ? `CASE WHEN ${name}.is_nan = 1 THEN 1 WHEN ${name}.value IS NULL THEN 2 ELSE 0 END`
        : `${name}.value IS NULL`;
    terms.push(absent, `${name}.value ${direction}`);
  });
  if (!order.some((term) => term.type === "attribute" && term.key === "start_time")) terms.push("r.start_time DESC");
  terms.push("r.run_uuid");
  return { joins: joins.join(" "), terms: terms.join(", "), values };
}

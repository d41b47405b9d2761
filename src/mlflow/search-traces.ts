import { type Context, cutPage, readPageToken } from "./context.ts";
import { placeholders } from "./database.ts";
import { type Endpoint, READ, rpc, V3_READ } from "./endpoint.ts";
import { checkPageSize } from "./experiments.ts";
import { andAll, type SqlPart } from "./filter.ts";
import { atMost, int32, many, message, required, text } from "./message-fields.ts";
import { hasNewerColumns } from "./newer-columns.ts";
import { someOrNone } from "./some-or-none.ts";
import { oldTraceAnswers, type TraceRow, traceAnswers, traceColumns } from "./trace-answer.ts";
import { traceFilter, traceOrder } from "./trace-grammar.ts";
import { experimentNumber } from "./traces.ts";

const MAX_PAGE = 500;
const DEFAULT_PAGE = 100;
/** Of MLflow's smoothed correlation: added to each of the four counts. */
const SMOOTHING = 0.5;

const paging = {
  filter: text,
  max_results: atMost(MAX_PAGE, int32),
  order_by: many(text),
  page_token: text,
} as const;
const location = message({ type: text, mlflow_experiment: message({ experiment_id: text }) });

export const searchTraceEndpoints: readonly Endpoint[] = [
  rpc(
    ["POST"],
    "traces/search",
    { locations: required(many(location)), ...paging },
    (context, request) => {
      const ids = request.locations.flatMap(({ mlflow_experiment }) => mlflow_experiment?.experiment_id ?? []);
      const { rows, next } = search(context, ids, request);
      return { traces: someOrNone(traceAnswers(context, rows)), next_page_token: next };
    },
    V3_READ,
  ),
  rpc(
    ["GET"],
    "traces",
    { experiment_ids: required(many(text)), ...paging },
    (context, request) => {
      const { rows, next } = search(context, request.experiment_ids, request);
      return { traces: someOrNone(oldTraceAnswers(context, rows)), next_page_token: next };
    },
    READ,
  ),
  rpc(
    ["POST"],
    "traces/calculate-filter-correlation",
    { experiment_ids: required(many(text)), filter_string1: required(text), filter_string2: required(text), base_filter: text },
    (context, request) =>
      correlation(context, request.experiment_ids, request.filter_string1, request.filter_string2, request.base_filter ?? ""),
    V3_READ,
  ),
];

interface Paging {
  readonly filter: string | undefined;
  readonly max_results: number | undefined;
  readonly order_by: readonly string[];
  readonly page_token: string | undefined;
}

function search(
  context: Context,
  experimentIds: readonly string[],
  paging: Paging,
): { rows: TraceRow[]; next: string | undefined } {
  const pageSize = paging.max_results ?? DEFAULT_PAGE;
  checkPageSize(pageSize);
  const offset = readPageToken(paging.page_token);
  const { joins, terms } = traceOrder(paging.order_by, hasNewerColumns(context.db));
  const scope = inExperiments(experimentIds, traceFilter(paging.filter ?? "", hasNewerColumns(context.db)));
  const found = context.db.all<TraceRow>(
    `SELECT ${traceColumns(context.db)} FROM trace_info t ${joins.sql} WHERE ${scope.sql} ORDER BY ${terms} LIMIT ? OFFSET ?`,
    ...joins.values,
    ...scope.values,
    pageSize + 1,
    offset,
  );
  return cutPage(found, pageSize, offset);
}

function inExperiments(ids: readonly string[], conditions: readonly SqlPart[]): SqlPart {
  const numbers = [...new Set(ids.map(experimentNumber))];
  const rest = andAll(conditions);
  // `=` lets SQLite walk the order index where IN makes it sort.
  const scope = numbers.length === 1 ? "t.experiment_id = ?" : `t.experiment_id IN (${placeholders(numbers.length)})`;
  return { sql: `${scope} ${rest.sql}`, values: [...numbers, ...rest.values] };
}

/**
 * How often two filters meet the same traces: normalised pointwise mutual information, in [-1, 1], bare and with 0.5 added to each count.
 * Absent where a filter meets nothing.
 */
function correlation(context: Context, ids: readonly string[], first: string, second: string, base: string): object {
  const [all, one, two] = [base, first, second].map((filter) => traceFilter(filter, hasNewerColumns(context.db))) as [
    SqlPart[],
    SqlPart[],
    SqlPart[],
  ];
  const count = (conditions: readonly SqlPart[]): number => {
    const scope = inExperiments(ids, [...all, ...conditions]);
    return context.db.get<{ n: number }>(`SELECT count(*) AS n FROM trace_info t WHERE ${scope.sql}`, ...scope.values)?.n ?? 0;
  };
  return context.db.read(() => {
    const counts = { total: count([]), first: count(one), second: count(two), joint: count([...one, ...two]) };
    const measures =
      counts.first === 0 || counts.second === 0
        ? {}
        : { npmi: mutualInformation(counts, 0), npmi_smoothed: mutualInformation(counts, SMOOTHING) };
    return {
      ...measures,
      filter1_count: counts.first,
      filter2_count: counts.second,
      joint_count: counts.joint,
      total_count: counts.total,
    };
  });
}

interface Counts {
  readonly total: number;
  readonly first: number;
  readonly second: number;
  readonly joint: number;
}

/** log(p(x,y) / (p(x) p(y))) / -log p(x,y). Source: Bouma 2009, "Normalized (Pointwise) Mutual Information in Collocation Extraction". */
function mutualInformation({ total, first, second, joint }: Counts, added: number): number {
  const all = total + 4 * added;
  const both = (joint + added) / all;
  if (joint === total) return 1;
  if (both === 0) return -1;
  const measure = Math.log(both / (((first + 2 * added) / all) * ((second + 2 * added) / all))) / -Math.log(both);
  return Math.max(-1, Math.min(1, measure));
}

import { type Context, cutPage, readPageToken } from "./context.ts";
import { placeholders } from "./database.ts";
import { type Endpoint, READ, rpc } from "./endpoint.ts";
import { int32, many, required, text } from "./message-fields.ts";
import { invalid } from "./protocol-error.ts";
import { METRIC_COLUMNS, type MetricRow, metricAnswer } from "./run-answer.ts";

const MAX_HISTORY = 25_000;
const MAX_BULK_RUNS = 100;
const MAX_STEPS = 2_500;
/** Rows per run that a sampled history returns at most. */
const MAX_SAMPLED_ROWS = 25_000;

export const metricHistoryEndpoints: readonly Endpoint[] = [
  rpc(
    ["GET"],
    "metrics/get-history",
    { run_id: required(text), metric_key: required(text), page_token: text, max_results: int32 },
    (context, request) => history(context, request.run_id, request.metric_key, request.max_results ?? 0, request.page_token),
  ),
  rpc(
    ["GET"],
    "metrics/get-history-bulk",
    { run_id: many(text), metric_key: text, max_results: int32 },
    (context, request) => bulkHistory(context, request.run_id, request.metric_key, request.max_results),
    { mount: "ajax", access: "read" },
  ),
  rpc(
    ["GET"],
    "metrics/get-history-bulk-interval",
    { run_ids: required(many(text)), metric_key: required(text), start_step: int32, end_step: int32, max_results: int32 },
    (context, request, raw) => {
      checkInterval(raw, request.run_ids.length, request.max_results);
      return sampledHistory(
        context,
        request.run_ids,
        request.metric_key,
        request.start_step,
        request.end_step,
        request.max_results ?? MAX_STEPS,
      );
    },
    READ,
  ),
];

/** Without max_results MLflow pages by 0 rows for ever; here the whole history up to 25,000 rows comes, then a token. */
function history(context: Context, runId: string, key: string, maxResults: number, token: string | undefined): object {
  const pageSize = maxResults > 0 ? maxResults : MAX_HISTORY;
  const offset = readPageToken(token);
  const found = context.db.all<MetricRow>(
    `SELECT ${METRIC_COLUMNS} FROM metrics WHERE run_uuid = ? AND "key" = ? ORDER BY metrics.timestamp, metrics.step, metrics.value LIMIT ? OFFSET ?`,
    runId,
    key,
    pageSize + 1,
    offset,
  );
  const { rows, next } = cutPage(found, pageSize, offset);
  return { metrics: rows.length === 0 ? undefined : rows.map(metricAnswer), next_page_token: next };
}

type RunMetricRow = MetricRow & { run_uuid: string };
const withRun = (row: RunMetricRow): object => ({ ...metricAnswer(row), run_id: row.run_uuid });

function bulkHistory(
  context: Context,
  runIds: readonly string[],
  key: string | undefined,
  maxResults: number | undefined,
): object {
  if (runIds.length === 0) throw invalid("GetMetricHistoryBulk request must specify at least one run_id.");
  if (runIds.length > MAX_BULK_RUNS) {
    throw invalid(
      `GetMetricHistoryBulk request cannot specify more than ${MAX_BULK_RUNS} run_ids. Received ${runIds.length} run_ids.`,
    );
  }
  if (key === undefined) throw invalid("GetMetricHistoryBulk request must specify a metric_key.");
  const rows = context.db.all<RunMetricRow>(
    `SELECT run_uuid, ${METRIC_COLUMNS} FROM metrics WHERE run_uuid IN (${placeholders(runIds.length)}) AND "key" = ?
     ORDER BY run_uuid, metrics.timestamp, metrics.step, metrics.value LIMIT ?`,
    ...runIds,
    key,
    Math.max(0, Math.min(maxResults ?? MAX_HISTORY, MAX_HISTORY)),
  );
  return { metrics: rows.map(withRun) };
}

function checkInterval(raw: Readonly<Record<string, unknown>>, runs: number, maxResults: number | undefined): void {
  const seeDocs = "See the API docs for more information about request parameters.";
  if (runs > MAX_BULK_RUNS) {
    throw invalid(
      `GetMetricHistoryBulkInterval request must specify at most ${MAX_BULK_RUNS} run_ids. Received ${runs} run_ids. ${seeDocs}`,
    );
  }
  if (raw.max_results !== undefined && (maxResults === undefined || maxResults < 1 || maxResults > MAX_STEPS)) {
    throw invalid(`max_results must be between 1 and ${MAX_STEPS}. ${seeDocs}`);
  }
}

/** The history at evenly spaced steps, always with each run's first and last step and the last step of the range. */
function sampledHistory(
  context: Context,
  runIds: readonly string[],
  key: string,
  startStep: number | undefined,
  endStep: number | undefined,
  maxResults: number,
): object {
  if ((startStep === undefined) !== (endStep === undefined)) {
    throw invalid("If either start step or end step are specified, both must be specified.");
  }
  if (startStep !== undefined && endStep !== undefined && startStep > endStep) {
    throw invalid(`end_step must be greater than start_step. Found start_step=${startStep} and end_step=${endStep}.`);
  }
  const { db } = context;
  const runs = placeholders(runIds.length);
  const all = db
    .all<{ step: number }>(
      `SELECT DISTINCT step FROM metrics WHERE run_uuid IN (${runs}) AND "key" = ? ORDER BY step`,
      ...runIds,
      key,
    )
    .map((row) => row.step);
  const last = all.at(-1);
  if (last === undefined) return {};
  const from = startStep ?? 0;
  const to = endStep ?? last;
  const steps = new Set(
    sample(
      all.filter((step) => step >= from && step <= to),
      maxResults,
    ),
  );
  const ends = db.all<{ first: number; last: number }>(
    `SELECT min(step) AS first, max(step) AS last FROM metrics WHERE run_uuid IN (${runs}) AND "key" = ? GROUP BY run_uuid`,
    ...runIds,
    key,
  );
  for (const end of ends) for (const step of [end.first, end.last]) if (step >= from && step <= to) steps.add(step);
  const wanted = [...steps];
  const metrics = runIds.flatMap((runId) =>
    db
      .all<RunMetricRow>(
        `SELECT run_uuid, ${METRIC_COLUMNS} FROM metrics WHERE run_uuid = ? AND "key" = ? AND step IN (${placeholders(wanted.length)})
         ORDER BY metrics.step, metrics.timestamp, metrics.value LIMIT ${MAX_SAMPLED_ROWS}`,
        runId,
        key,
        ...wanted,
      )
      .map(withRun),
  );
  return { metrics: metrics.length === 0 ? undefined : metrics };
}

function sample(steps: readonly number[], count: number): number[] {
  if (steps.length <= count) return [...steps];
  const interval = steps.length / count;
  const chosen = Array.from({ length: count }, (_, i) => steps[Math.trunc(i * interval)] ?? 0);
  return [...chosen, steps.at(-1) ?? 0];
}

import { type Context, joinUri, type KeyValue } from "./context.ts";

/** Where a client keeps the files of a trace. */
export const traceArtifacts = (experimentLocation: string | null, traceId: string): string =>
  joinUri(experimentLocation ?? "", "traces", traceId, "artifacts");

/** Sets tags or metadata of a trace. */
export function writePairs(
  context: Context,
  table: "trace_tags" | "trace_request_metadata",
  traceId: string,
  items: readonly KeyValue[],
): void {
  for (const { key, value } of items) {
    context.db.run(
      `INSERT INTO ${table} ("key", value, request_id) VALUES (?, ?, ?) ON CONFLICT ("key", request_id) DO UPDATE SET value = excluded.value`,
      key,
      value,
      traceId,
    );
  }
}

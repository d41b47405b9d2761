import type { Context, KeyValue } from "./context.ts";
import { isObject } from "./read-request.ts";

/** The metadata in which a client sums up the tokens of a trace. */
export const TOKEN_USAGE = "mlflow.trace.tokenUsage";
const KEYS = ["input_tokens", "output_tokens", "total_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];

/** Counts of tokens by name; nothing for a text that holds none. */
export function readTokenUsage(source: string | undefined): Record<string, number> | undefined {
  if (source === undefined || !source.startsWith("{")) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(source);
  } catch {
    // Not ours to judge: the client's text stays as metadata, without counts beside it.
    return undefined;
  }
  if (!isObject(parsed)) return undefined;
  const counts: Record<string, number> = {};
  for (const key of KEYS) {
    const value = parsed[key];
    if (typeof value === "number") counts[key] = value;
  }
  return Object.keys(counts).length === 0 ? undefined : counts;
}

/** Keeps the counts of a trace's metadata as numbers too, where statistics find them. */
export function writeTokenUsage(context: Context, traceId: string, metadata: readonly KeyValue[]): void {
  const counts = readTokenUsage(metadata.find(({ key }) => key === TOKEN_USAGE)?.value);
  for (const [key, value] of Object.entries(counts ?? {})) {
    context.db.run(
      `INSERT INTO trace_metrics (request_id, "key", value) VALUES (?, ?, ?) ON CONFLICT (request_id, "key") DO UPDATE SET value = excluded.value`,
      traceId,
      key,
      value,
    );
  }
}

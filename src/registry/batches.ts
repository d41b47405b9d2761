import { RequeenError } from "../core/errors.ts";
import type { LogBatch, Metric } from "./registry.ts";
import { pairList, wireMetric } from "./wire.ts";

/** The limits that every server from MLflow 2.9 on keeps. Source: mlflow-protocol.md 2.2; tag values were 5,000 characters before 2.17. */
export const LIMITS = {
  metricsPerBatch: 1_000,
  paramsPerBatch: 100,
  tagsPerBatch: 100,
  entitiesPerBatch: 1_000,
  bytesPerBatch: 1_000_000,
  keyCharacters: 250,
  paramValueCharacters: 6_000,
  tagValueCharacters: 5_000,
  datasetsPerCall: 1_000,
  datasetDigestCharacters: 36,
} as const;

/** The body of one log-batch call, without its run. */
export interface BatchBody {
  readonly metrics: ReadonlyArray<ReturnType<typeof wireMetric>>;
  readonly params: ReadonlyArray<{ readonly key: string; readonly value: string }>;
  readonly tags: ReadonlyArray<{ readonly key: string; readonly value: string }>;
}

type Kind = keyof BatchBody;
const LIMIT_OF = { params: LIMITS.paramsPerBatch, tags: LIMITS.tagsPerBatch, metrics: LIMITS.metricsPerBatch } as const;

/**
 * Splits what is to be logged into bodies that the server takes, in order: params, tags, metrics.
 * MLflow would cut long values without a word; here they are refused, so that nothing is lost silently.
 * @throws RequeenError bad_parameter for a key or value that is too long, or a metric that is not placed in time.
 */
export function splitBatch(batch: LogBatch): BatchBody[] {
  const params = pairList(batch.params);
  const tags = pairList(batch.tags);
  const metrics = batch.metrics ?? [];
  for (const { key, value } of params) requireFits("param", key, value, LIMITS.paramValueCharacters);
  for (const { key, value } of tags) requireFits("tag", key, value, LIMITS.tagValueCharacters);
  for (const metric of metrics) requireMetric(metric);

  const bodies: BatchBody[] = [];
  let open = emptyBody();
  let openBytes = 0;
  const add = <K extends Kind>(kind: K, item: BatchBody[K][number]) => {
    const bytes = 3 * JSON.stringify(item).length + 1;
    const entities = open.params.length + open.tags.length + open.metrics.length;
    if (open[kind].length >= LIMIT_OF[kind] || entities >= LIMITS.entitiesPerBatch || openBytes + bytes > LIMITS.bytesPerBatch) {
      bodies.push(open);
      open = emptyBody();
      openBytes = 0;
    }
    (open[kind] as Array<BatchBody[K][number]>).push(item);
    openBytes += bytes;
  };
  for (const param of params) add("params", param);
  for (const tag of tags) add("tags", tag);
  for (const metric of metrics) add("metrics", wireMetric(metric));
  if (openBytes > 0) bodies.push(open);
  return bodies;
}

const emptyBody = (): BatchBody => ({ metrics: [], params: [], tags: [] });

function requireFits(kind: "param" | "tag", key: string, value: string, most: number): void {
  requireKey(kind, key);
  if (value.length <= most) return;
  throw new RequeenError(
    "bad_parameter",
    `the value of ${kind} ${JSON.stringify(key)} must be at most ${most} characters, MLflow's limit; got ${value.length}`,
    {
      key,
      most,
      length: value.length,
    },
  );
}

function requireKey(kind: string, key: string): void {
  if (key.length > 0 && key.length <= LIMITS.keyCharacters) return;
  throw new RequeenError(
    "bad_parameter",
    `the key of a ${kind} must be 1 to ${LIMITS.keyCharacters} characters; got ${key.length}`,
    { key },
  );
}

function requireMetric(metric: Metric): void {
  requireKey("metric", metric.key);
  if (Number.isSafeInteger(metric.step) && Number.isFinite(metric.timestampMs) && metric.timestampMs >= 0) return;
  throw new RequeenError(
    "bad_parameter",
    `metric ${JSON.stringify(metric.key)} must have a whole step and a time of 0 or more milliseconds; got step ${metric.step}, time ${metric.timestampMs}`,
    { key: metric.key },
  );
}

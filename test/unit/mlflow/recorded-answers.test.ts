import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { openServer } from "./open-server.ts";

/**
 * Some nine hundred calls, most of them wrong in some way, with what the real server said (mlflow 3.11.1; test/fixtures/mlflow/answers-3.11.json):
 * the status, an error's code and text, the names that a search found. "$name" stands for an id that an earlier answer gave.
 */
interface Call {
  readonly m: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  readonly p: string;
  readonly body?: unknown;
  readonly q?: Readonly<Record<string, unknown>>;
  readonly data?: string;
  readonly st: number;
  readonly code?: string;
  readonly msg?: string;
  readonly names?: readonly string[];
  readonly save?: Readonly<Record<string, string>>;
}

const recordings: { title: string; calls: Call[] }[] = JSON.parse(
  await readFile(new URL("../../fixtures/mlflow/answers-3.11.json", import.meta.url), "utf8"),
);

/** Where ours is another answer, and why. Each is the start of `<method> <path> <values>`, and must not have MLflow's answer. */
const ALLOWED: readonly (readonly [call: string, reason: string])[] = [
  ...[
    `runs/create {"start_time":1.5`,
    `runs/create {"experiment_id":"$e","user_id":5`,
    `runs/update {"run_id":"$r","status":"FOO"`,
    `runs/log-metric {"run_id":"$r","key":"m","value":true`,
    `runs/log-metric {"run_id":"$r","key":"m","value":1,"timestamp":1.5`,
    `runs/log-metric {"run_id":"$r","key":"m","value":1,"timestamp":1,"step":1.5`,
    `runs/log-metric {"run_id":"$r","key":"m","value":"nan"`,
    `runs/log-metric {"run_id":"$r","key":"m","value":1,"timestamp":-5.5`,
    `runs/log-batch {"run_id":"$r2","metrics":[{"key":"a","value":"x"`,
    `runs/search {"experiment_ids":[5]`,
    `experiments/search {"max_results":1.5`,
    `experiments/search {"max_results":5,"view_type":"FOO"`,
    `logged-models/search {"experiment_ids":["$e"],"order_by":[5]`,
    `logged-models/search {"experiment_ids":["$e"],"max_results":-1`,
  ].map(
    (call) =>
      [`POST /api/2.0/mlflow/${call}`, "MLflow reads a value that does not fit as absent or 0; here it is named"] as const,
  ),
  [
    `GET /api/2.0/mlflow/metrics/get-history {"run_id":"$r","metric_key":"m","max_results":"x"`,
    "a page size that is no number pages by 0 there",
  ],
  [`GET /api/2.0/mlflow/registered-models/search {"max_results":0`, "a page of 0 pages for ever there"],
  [`GET /api/2.0/mlflow/registered-models/search {"max_results":-1`, "a page of -1 pages for ever there"],
  ...[`metrics.n > -3 and metrics.m < 2"`, `metrics.m > -1.5e-1"`].map(
    (filter) =>
      [
        `POST /api/2.0/mlflow/runs/search {"experiment_ids":["$e"],"filter":"${filter}`,
        "NaN was compared as the 0 that stands for it; releases from 3.12 on compare it with nothing, as here",
      ] as const,
  ),
  [
    `POST /api/2.0/mlflow/experiments/update {"experiment_id":"$e","new_name":"Default"`,
    "a taken name has the code of a taken name",
  ],
  [
    `POST /api/2.0/mlflow/runs/search {"experiment_ids":["$e"],"filter":"run_id IN ('a' 'b')"`,
    "Python joins the two texts to one",
  ],
  [
    `POST /api/2.0/mlflow/runs/search {"experiment_ids":["$e"],"filter":"metrics.m > 0 && `,
    "the unexpected word itself is named",
  ],
  [`POST /api/2.0/mlflow/runs/delete {"run_uuid"`, "the old name of the field counts here too"],
  [`GET /api/2.0/mlflow/registered-models/search {"filter":"version = 1"`, "version is a word of SQL to MLflow's tokenizer"],
  [`GET /api/2.0/mlflow/model-versions/search {"order_by":["version"]`, "version is a word of SQL to MLflow's tokenizer"],
  [`POST /api/2.0/mlflow/artifacts/presigned-upload-url`, "newer releases have it; not offered here"],
];

/** What no two servers print alike: ids, the order of Python's sets, and the database's own words. */
const comparable = (message: string): string =>
  message
    .replace(/[0-9a-f]{32}/g, "ID")
    .replace(/(id=|experiment |id |\['|artifacts\/|File )\d+/g, "$1N")
    .replace(/'?\{[^{}]*\}'?/g, "SET")
    .replace(/\(sqlite3\.IntegrityError\) |\(raised as a result of[^\n]*\n/g, "")
    .replace(/from (mlflow-artifacts:\/|\/\S+):\n/g, "from ROOT:\n");

for (const { title, calls } of recordings) {
  test(`answers as MLflow does: ${title}`, async () => {
    const server = await openServer();
    const saved = new Map<string, string>();
    const fill = (text: string): string => text.replace(/\$(\w+)/g, (name, key: string) => saved.get(key) ?? name);
    const wrong: string[] = [];
    for (const call of calls) {
      const values = JSON.stringify(call.body ?? call.q ?? call.data ?? null);
      const query = Object.entries(call.q ?? {}).flatMap(([name, value]) =>
        (Array.isArray(value) ? value : [value]).map((item): [string, string] => [name, fill(String(item))]),
      );
      const body = call.data ?? (call.body === undefined ? undefined : JSON.stringify(call.body));
      const answer = await server.send({
        method: call.m,
        path: fill(call.p),
        query,
        headers: body !== undefined || call.m === "POST" || call.m === "PUT" ? { "content-type": "application/json" } : {},
        body: body === undefined ? undefined : Buffer.from(fill(body)),
      });
      for (const [name, path] of Object.entries(call.save ?? {})) {
        const found: unknown = path.split(".").reduce((at, key) => at?.[key], answer.json);
        if (typeof found === "string") saved.set(name, found);
      }
      const key = `${call.m} ${call.p} ${values}`;
      const allowed = ALLOWED.some(([start]) => key.startsWith(start));
      const difference = differenceOf(call, answer.status, answer.json, fill);
      if (difference !== undefined && !allowed) wrong.push(`${key}: ${difference}`);
      if (difference === undefined && allowed) wrong.push(`${key}: has MLflow's answer, and stands in the list of others`);
    }
    expect(wrong).toEqual([]);
  });
}

/** 5xx for a caller's mistake costs a Python client four minutes of retries; any 4xx of ours is right there. */
function differenceOf(
  call: Call,
  status: number,
  json: Lists & { error_code?: string; message?: string },
  fill: (text: string) => string,
): string | undefined {
  if (call.st === 500 && status >= 400 && status < 500) return undefined;
  if (status !== call.st) return `${call.st}, ${status} ${json.message ?? ""}`;
  if (call.code !== json.error_code) return `${call.code}, ${json.error_code}`;
  if (call.msg !== undefined && comparable(fill(call.msg)) !== comparable(json.message ?? ""))
    return `\n  ${fill(call.msg)}\n  ${json.message}`;
  const names = call.names?.join();
  return names !== undefined && names !== namesOf(json).join() ? `${names}, ${namesOf(json).join()}` : undefined;
}

interface Lists {
  readonly runs?: { info: { run_name: string } }[];
  readonly models?: { info: { name: string } }[];
  readonly model_versions?: { name: string; version: string }[];
  readonly experiments?: { name: string }[];
  readonly registered_models?: { name: string }[];
}

function namesOf(json: Lists): string[] {
  if (json.runs) return json.runs.map((run) => run.info.run_name);
  if (json.models) return json.models.map((model) => model.info.name);
  if (json.model_versions) return json.model_versions.map((version) => `${version.name}/${version.version}`);
  return (json.experiments ?? json.registered_models ?? []).map((item) => item.name);
}

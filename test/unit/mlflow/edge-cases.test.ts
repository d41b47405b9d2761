import { expect, test } from "vitest";
import { newRun, openServer, type TestServer } from "./open-server.ts";

/**
 * Calls at the edge of MLflow's rules with the answers that its server gave (mlflow 3.11, reference/mlflow/probe_output_3.11.2.txt).
 * Where its answer is a known bug (reference/mlflow-protocol.md 2.4) the case says so and ours is the right one.
 */
type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
/** Status, error code, message; or status and a part of the answer. */
type Expected = readonly [status: number, code: string, message: string] | readonly [status: number, answer?: object];
type Case = readonly [title: string, method: Method, path: string, values: object, expected: Expected];

const INVALID = "INVALID_PARAMETER_VALUE";
const MISSING = "RESOURCE_DOES_NOT_EXIST";
const DOCS = "See the API docs for more information about request parameters.";
const hint = (value: string, name: string, type: string): string =>
  `Invalid value ${value} for parameter '${name}' supplied:  Hint: Value was of type '${type}'. ${DOCS}`;
const missing = (name: string): string => `Missing value for required parameter '${name}'. ${DOCS}`;
const CHARACTERS =
  "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).";

async function check(server: TestServer, [, method, path, values, expected]: Case): Promise<void> {
  const { status, json } = await server.call(method, path, values);
  if (typeof expected[1] === "string") {
    expect({ status, code: json.error_code, message: json.message }).toEqual({
      status: expected[0],
      code: expected[1],
      message: expected[2],
    });
  } else {
    expect({ status, json }).toMatchObject({ status: expected[0], json: expected[1] ?? {} });
  }
}

const experimentCases: readonly Case[] = [
  ["no name", "POST", "experiments/create", {}, [400, INVALID, missing("name")]],
  ["a number as name", "POST", "experiments/create", { name: 5 }, [400, INVALID, hint("5", "name", "int")]],
  ["unknown fields", "POST", "experiments/create", { name: "known", unknown: 1 }, [200]],
  [
    "search without a page size",
    "POST",
    "experiments/search",
    {},
    [400, INVALID, "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer"],
  ],
  [
    "search 0",
    "POST",
    "experiments/search",
    { max_results: 0 },
    [400, INVALID, "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer"],
  ],
  [
    "search 60000",
    "POST",
    "experiments/search",
    { max_results: 60000 },
    [400, INVALID, "Invalid value 60000 for parameter 'max_results' supplied. It must be at most 50000"],
  ],
  [
    "an id that is no number",
    "GET",
    "experiments/get",
    { experiment_id: "abc" },
    [400, INVALID, "Invalid experiment ID 'abc'. Experiment ID must be a valid integer."],
  ],
  [
    "an id of nothing",
    "GET",
    "experiments/get",
    { experiment_id: "99999" },
    [404, MISSING, "No Experiment with id=99999 exists"],
  ],
  [
    "a fragment in the location",
    "POST",
    "experiments/create",
    { name: "l1", artifact_location: "s3://a/b#c" },
    [400, INVALID, "'artifact_location' URL can't include fragments or params."],
  ],
  [
    "dots in the location's query",
    "POST",
    "experiments/create",
    { name: "l2", artifact_location: "s3://a/b?x=../c" },
    [400, INVALID, "Invalid query string"],
  ],
  [
    "a runs: location",
    "POST",
    "experiments/create",
    { name: "l3", artifact_location: "runs:/a" },
    [400, INVALID, "Artifact location cannot be a runs:/ URI. Given: 'runs:/a'"],
  ],
];

test.each(experimentCases)("experiments: %s", async (...edge) => check(await openServer(), edge));

test("experiments: a taken name", async () => {
  const answer = await (await openServer()).call("POST", "experiments/create", { name: "Default" });
  expect(answer.status).toBe(400);
  expect(answer.json.error_code).toBe("RESOURCE_ALREADY_EXISTS");
  expect(answer.json.message).toMatch(/^Experiment\(name=Default\) already exists\. Error: .*UNIQUE constraint failed/);
});

test("experiments: what a deleted one allows", async () => {
  const server = await openServer();
  const { experimentId } = await newRun(server, "gone");
  expect((await server.call("POST", "experiments/delete", { experiment_id: experimentId })).json).toEqual({});
  const cases: readonly Case[] = [
    // MLflow answers 500 and its client retries for four minutes.
    [
      "rename",
      "POST",
      "experiments/update",
      { experiment_id: experimentId, new_name: "x" },
      [400, "INVALID_STATE", "Cannot rename a non-active experiment."],
    ],
    [
      "a run",
      "POST",
      "runs/create",
      { experiment_id: experimentId },
      [400, INVALID, `The experiment ${experimentId} must be in the 'active' state. Current state is deleted.`],
    ],
    [
      "delete again",
      "POST",
      "experiments/delete",
      { experiment_id: experimentId },
      [404, MISSING, `No Experiment with id=${experimentId} exists`],
    ],
    [
      "get by name",
      "GET",
      "experiments/get-by-name",
      { experiment_name: "gone" },
      [200, { experiment: { lifecycle_stage: "deleted" } }],
    ],
  ];
  for (const edge of cases) await check(server, edge);
});

test("runs: batches, params, metrics and tags", async () => {
  const server = await openServer();
  const { runId: run_id } = await newRun(server);
  const items = (count: number, item: object) => Array.from({ length: count }, (_, i) => ({ key: `k${i}`, ...item }));
  const metric = { value: 1, timestamp: 1 };
  const tooMany = (what: string, limit: number): string =>
    `A batch logging request can contain at most ${limit} ${what}. Got ${limit + 1} ${what}. Please split up ${what} across multiple requests and try again.`;
  const cases: readonly Case[] = [
    ["a param", "POST", "runs/log-parameter", { run_id, key: "p", value: "1" }, [200, {}]],
    [
      "another value",
      "POST",
      "runs/log-parameter",
      { run_id, key: "p", value: "2" },
      [
        400,
        INVALID,
        `Changing param values is not allowed. Param with key='p' was already logged with value='1' for run ID='${run_id}'. Attempted logging new value '2'.`,
      ],
    ],
    ["the same value", "POST", "runs/log-parameter", { run_id, key: "p", value: "1" }, [200, {}]],
    [
      "another value in a batch",
      "POST",
      "runs/log-batch",
      { run_id, params: [{ key: "p", value: "3" }] },
      [
        400,
        INVALID,
        `Changing param values is not allowed. Params were already logged='[{'key': 'p', 'old_value': '1', 'new_value': '3'}]' for run ID='${run_id}'.`,
      ],
    ],
    [
      "a param twice",
      "POST",
      "runs/log-batch",
      {
        run_id,
        params: [
          { key: "d", value: "1" },
          { key: "d", value: "1" },
        ],
      },
      [
        400,
        INVALID,
        "Duplicate parameter keys have been submitted: ['d']. Please ensure the request contains only one param value per param key.",
      ],
    ],
    [
      "1001 metrics",
      "POST",
      "runs/log-batch",
      { run_id, metrics: items(1001, metric) },
      [400, INVALID, tooMany("metrics", 1000)],
    ],
    [
      "101 params",
      "POST",
      "runs/log-batch",
      { run_id, params: items(101, { value: "1" }) },
      [400, INVALID, tooMany("params", 100)],
    ],
    [
      "a long metric name",
      "POST",
      "runs/log-metric",
      { run_id, key: "x".repeat(251), ...metric },
      [400, INVALID, "'Metric name' exceeds the maximum length of 250 characters"],
    ],
    ["a long value", "POST", "runs/log-parameter", { run_id, key: "long", value: "x".repeat(6001) }, [200, {}]],
    [
      "a star",
      "POST",
      "runs/log-metric",
      { run_id, key: "a*b", ...metric },
      [400, INVALID, `Invalid value "a*b" for parameter 'name' supplied: ${CHARACTERS}`],
    ],
    [
      "dots",
      "POST",
      "runs/log-metric",
      { run_id, key: "../a", ...metric },
      [
        400,
        INVALID,
        `Invalid value "../a" for parameter 'name' supplied: Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to '../a'`,
      ],
    ],
    [
      "a time before 1970",
      "POST",
      "runs/log-metric",
      { run_id, key: "a", value: 1, timestamp: -1 },
      [
        400,
        INVALID,
        "Invalid value -1 for parameter 'timestamp' supplied: metric 'a' (value=1.0). Timestamp must be a nonnegative long (64-bit integer) ",
      ],
    ],
    [
      "text as value",
      "POST",
      "runs/log-metric",
      { run_id, key: "a", value: "abc", timestamp: 1 },
      [400, INVALID, hint('"abc"', "value", "str")],
    ],
    ["no time", "POST", "runs/log-metric", { run_id, key: "a", value: 1 }, [400, INVALID, missing("timestamp")]],
    ["a step as text", "POST", "runs/log-metric", { run_id, key: "a", value: 1, timestamp: 1, step: "3" }, [200, {}]],
    [
      "no such tag",
      "POST",
      "runs/delete-tag",
      { run_id, key: "nope" },
      [404, MISSING, `No tag with name: nope in run with id ${run_id}`],
    ],
    ["no such run", "GET", "runs/get", { run_id: "0".repeat(32) }, [404, MISSING, `Run with id=${"0".repeat(32)} not found`]],
    ["no run", "GET", "runs/get", {}, [400, INVALID, missing("run_id")]],
  ];
  for (const edge of cases) await check(server, edge);
  const { json } = await server.call("GET", "runs/get", { run_id });
  expect(json.run.data.params.find((param: { key: string }) => param.key === "long").value).toHaveLength(6000);

  expect((await server.call("POST", "runs/delete", { run_id })).json).toEqual({});
  await check(server, [
    "a deleted run",
    "POST",
    "runs/log-parameter",
    { run_id, key: "z", value: "1" },
    [400, INVALID, `The run ${run_id} must be in the 'active' state. Current state is deleted.`],
  ]);
});

test("metrics: history pages, and comes whole when no page size is asked", async () => {
  const server = await openServer();
  const { runId: run_id } = await newRun(server);
  await server.call("POST", "runs/log-batch", {
    run_id,
    metrics: [0, 1, 2].map((i) => ({ key: "m", value: i, timestamp: i, step: i })),
  });
  const first = await server.call("GET", "metrics/get-history", { run_id, metric_key: "m", max_results: 2 });
  expect(first.json.metrics.map((m: { value: number }) => m.value)).toEqual([0, 1]);
  expect(first.json.next_page_token).toBe("eyJvZmZzZXQiOiAyfQ==");
  const second = await server.call("GET", "metrics/get-history", {
    run_id,
    metric_key: "m",
    max_results: 2,
    page_token: first.json.next_page_token,
  });
  expect(second.json).toEqual({ metrics: [{ key: "m", value: 2, timestamp: 2, step: 2 }] });
  // MLflow pages by 0 here, for ever.
  expect((await server.call("GET", "metrics/get-history", { run_id, metric_key: "m" })).json.metrics).toHaveLength(3);
});

test("runs: searches that cannot be read", async () => {
  const server = await openServer();
  const experiment_ids = ["0"];
  const cases: readonly Case[] = [
    [
      "60000 runs",
      "POST",
      "runs/search",
      { experiment_ids, max_results: 60000 },
      [400, INVALID, hint("60000", "max_results", "int")],
    ],
    [
      "half a comparison",
      "POST",
      "runs/search",
      { experiment_ids, filter: "metrics.a >" },
      [400, INVALID, "Invalid clause(s) in filter string: 'metrics.a', '>'"],
    ],
    [
      "or",
      "POST",
      "runs/search",
      { experiment_ids, filter: "metrics.a > 1 or metrics.b > 1" },
      [400, INVALID, "Invalid clause(s) in filter string: 'or'"],
    ],
    [
      "a bad token",
      "POST",
      "runs/search",
      { experiment_ids, page_token: "abc" },
      [400, INVALID, "Invalid page token, could not base64-decode"],
    ],
    ["no experiment", "POST", "runs/search", {}, [200, {}]],
  ];
  for (const edge of cases) await check(server, edge);
});

test("requests: content types, double encoding, methods and unknown paths", async () => {
  const server = await openServer();
  const path = "/api/2.0/mlflow/experiments/create";
  const body = Buffer.from(JSON.stringify(JSON.stringify({ name: "twice" })));
  const none = await server.send({ method: "POST", path, body });
  expect([none.status, none.json.message]).toEqual([400, "Bad Request. Content-Type header is missing."]);
  const plain = await server.send({ method: "POST", path, body, headers: { "content-type": "text/plain" } });
  expect([plain.status, plain.json.message]).toEqual([400, "Bad Request. Content-Type must be one of ['application/json']."]);
  const twice = await server.send({ method: "POST", path, body, headers: { "content-type": "application/json; charset=utf-8" } });
  expect(twice.json).toEqual({ experiment_id: "1" });
  expect((await server.send({ method: "GET", path: "/api/2.0/mlflow/nothing" })).status).toBe(404);
  expect((await server.send({ method: "GET", path })).status).toBe(405);
  expect((await server.send({ method: "GET", path: "/health" })).text).toBe("OK");
  expect((await server.send({ method: "GET", path: "/version" })).text).toMatch(/^3\.\d+\.\d+$/);
  const info = await server.send({ method: "GET", path: "/api/3.0/mlflow/server-info" });
  expect(info.json).toEqual({ store_type: "SqlStore", workspaces_enabled: false });
});

test("a value that does not fit is named by its place in a batch, the first one first", async () => {
  const server = await openServer();
  const { runId: run_id } = await newRun(server);
  const good = { key: "a", value: 1, timestamp: 1, step: 0 };
  const batches: readonly [metrics: unknown, name: string, value: string, type: string][] = [
    [[good, { ...good, value: "much" }, { ...good, step: "later" }], "metrics[1].value", '"much"', "str"],
    [[good, 5], "metrics[1]", "5", "int"],
    [{ key: "a" }, "metrics", '{"key":"a"}', "dict"],
    [[{ ...good, step: 1.5 }], "metrics[0].step", "1.5", "float"],
  ];
  for (const [metrics, name, value, type] of batches) {
    const { status, json } = await server.call("POST", "runs/log-batch", { run_id, metrics });
    expect({ status, message: json.message }).toEqual({ status: 400, message: hint(value, name, type) });
  }
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { traceFilter } from "../../../src/mlflow/trace-grammar.ts";
import { exportRequest } from "./export-request.ts";
import { type Answer, openServer, type TestServer } from "./open-server.ts";

const V3 = "/api/3.0/mlflow/";
const PROTOBUF = { "content-type": "application/x-protobuf", "x-mlflow-experiment-id": "0" };

const json = (
  server: TestServer,
  method: "GET" | "POST" | "PATCH" | "DELETE",
  path: string,
  body: object = {},
): Promise<Answer> =>
  server.send({
    method,
    path: V3 + path,
    ...(method === "GET"
      ? { query: Object.entries(body).map(([key, value]): [string, string] => [key, String(value)]) }
      : { headers: { "content-type": "application/json" }, body: Buffer.from(JSON.stringify(body)) }),
  });

const place = (experiment: string) => ({ type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: experiment } });

const start = (server: TestServer, trace_id: string, info: object = {}): Promise<Answer> =>
  json(server, "POST", "traces", {
    trace: {
      trace_info: { trace_id, trace_location: place("0"), request_time: "2025-01-01T00:00:00.123Z", state: "OK", ...info },
    },
  });

const found = async (server: TestServer, filter: string, more: object = {}): Promise<string[]> => {
  const answer = await json(server, "POST", "traces/search", { locations: [place("0")], filter, ...more });
  if (answer.status !== 200) throw new Error(answer.text);
  return (answer.json.traces ?? []).map((trace: { trace_id: string }) => trace.trace_id);
};

test("a trace reads back as it was started, with where its files go", async () => {
  const server = await openServer();
  const info = {
    execution_duration: "1.5s",
    client_request_id: "c",
    request_preview: "in",
    response_preview: "out",
    trace_metadata: { m: "1" },
    tags: { "mlflow.traceName": "n" },
  };
  const made = await start(server, "tr-1", info);
  expect(made.json.trace.trace_info).toEqual({
    trace_id: "tr-1",
    trace_location: place("0"),
    request_time: "2025-01-01T00:00:00.123Z",
    state: "OK",
    ...info,
    execution_duration: "1.500s",
    tags: { "mlflow.traceName": "n", "mlflow.artifactLocation": "mlflow-artifacts:/0/traces/tr-1/artifacts" },
  });
  expect((await json(server, "GET", "traces/tr-1")).json).toEqual(made.json);
});

test("a second start of one trace adds tags, replaces its state and keeps the preview that it does not name", async () => {
  const server = await openServer();
  await start(server, "tr-1", { request_preview: "in", tags: { a: "1", b: "1" } });
  const { json: again } = await start(server, "tr-1", { state: "ERROR", tags: { a: "2" } });
  expect(again.trace.trace_info).toMatchObject({ state: "ERROR", request_preview: "in", tags: { a: "2", b: "1" } });
});

test("a trace without an experiment, or of one that is not there, is refused", async () => {
  const server = await openServer();
  expect((await json(server, "POST", "traces", { trace: { trace_info: { trace_id: "tr-1" } } })).status).toBe(400);
  const far = await start(server, "tr-1", { trace_location: place("42") });
  expect([far.status, far.json.message]).toEqual([404, "No Experiment with id=42 exists"]);
  expect((await json(server, "GET", "traces/tr-1")).json.message).toBe("Trace with ID 'tr-1' not found.");
});

test("spans over OpenTelemetry's route make a trace: from the first start to the last end, with its root's inputs and outputs", async () => {
  const server = await openServer();
  const trace = "1".padStart(32, "0");
  const body = exportRequest(
    { trace, id: "00000000000000a2", parent: "00000000000000a1", status: 2, endNano: 1_735_689_602_000_000_000n },
    {
      trace,
      id: "00000000000000a1",
      name: "root",
      event: "noted",
      attributes: {
        "mlflow.spanType": "LLM",
        "mlflow.spanInputs": '{"a": 1}',
        "mlflow.spanOutputs": "plain",
        whole: 3n,
        double: 2,
        yes: true,
        list: ["x", 1n],
        map: { inner: "ü" },
        ["__proto__"]: "kept",
      },
    },
  );
  const sent = await server.send({ method: "POST", path: "/v1/traces", headers: PROTOBUF, body });
  expect([sent.status, sent.text]).toEqual([200, ""]);
  const whole = await json(server, "GET", "traces/get", { trace_id: `tr-${trace}` });
  expect(whole.json.trace.trace_info).toMatchObject({
    request_time: "2025-01-01T00:00:00Z",
    execution_duration: "2s",
    state: "OK",
    request_preview: '{"a": 1}',
    response_preview: '"plain"',
    tags: { "mlflow.trace.spansLocation": "TRACKING_STORE" },
  });
  const [root, child] = whole.json.trace.spans;
  expect(child).toMatchObject({ parent_span_id: "AAAAAAAAAKE=", status: { code: "STATUS_CODE_ERROR" } });
  const values = Object.fromEntries(root.attributes.map(({ key, value }: { key: string; value: object }) => [key, value]));
  expect(values).toMatchObject({
    "mlflow.traceRequestId": { string_value: `tr-${trace}` },
    whole: { int_value: 3 },
    double: { double_value: 2 },
    yes: { bool_value: true },
    list: { array_value: { values: [{ string_value: "x" }, { int_value: 1 }] } },
    map: { kvlist_value: { values: [{ key: "inner", value: { string_value: "ü" } }] } },
  });
  expect(Object.getOwnPropertyDescriptor(values, "__proto__")?.value).toEqual({ string_value: "kept" });
  // Nanoseconds are beyond what a number holds: the text of the answer has them all.
  expect(whole.text).toContain('"start_time_unix_nano":1735689600000000000');
  expect(whole.text).toContain('"time_unix_nano":1735689600000000007');
  expect(whole.text).toContain('"double_value":2.0');
  const file = await server.send({
    method: "GET",
    path: "/ajax-api/3.0/mlflow/get-trace-artifact",
    query: [["request_id", `tr-${trace}`]],
  });
  expect(JSON.parse(file.text).spans.map((span: { name: string }) => span.name)).toEqual(["root", "span"]);
});

test("tokens of spans are summed up once, however often a span is sent", async () => {
  const server = await openServer();
  const trace = "2".padStart(32, "0");
  const usage = (n: number) => ({ "mlflow.chat.tokenUsage": `{"input_tokens": ${n}, "total_tokens": ${n}}` });
  for (let i = 0; i < 2; i += 1) {
    const body = exportRequest(
      { trace, id: "00000000000000a1", attributes: usage(1) },
      { trace, id: "00000000000000a2", parent: "00000000000000a1", attributes: usage(10) },
    );
    await server.send({ method: "POST", path: "/v1/traces", headers: PROTOBUF, body });
  }
  const { json: read } = await json(server, "GET", `traces/tr-${trace}`);
  expect(read.trace.trace_info.trace_metadata["mlflow.trace.tokenUsage"]).toBe('{"input_tokens": 11, "total_tokens": 11}');
});

test("an export that is packed is read, one that is cut off, nests too deep or bursts its limit is refused", async () => {
  const server = await openServer();
  const trace = "3".padStart(32, "0");
  const body = exportRequest({ trace, id: "00000000000000a1" });
  const send = (bytes: Uint8Array, headers: object = {}) =>
    server.send({ method: "POST", path: "/v1/traces", headers: { ...PROTOBUF, ...headers }, body: bytes });
  expect((await send(gzipSync(body), { "content-encoding": "gzip" })).status).toBe(200);
  expect((await send(body.subarray(0, -3))).json.detail).toBe("Invalid OpenTelemetry protobuf format");
  let deep: readonly unknown[] = [];
  for (let i = 0; i < 100; i += 1) deep = [deep];
  const nested = exportRequest({ trace, id: "00000000000000a1", attributes: { deep: deep as never } });
  expect((await send(nested)).status).toBe(400);
  const bomb = gzipSync(Buffer.alloc(65 * 1024 * 1024));
  expect((await send(bomb, { "content-encoding": "gzip" })).status).toBe(400);
  expect((await send(new Uint8Array())).json.detail).toBe("Invalid OpenTelemetry protobuf format - no spans found");
});

test("traces are found by attribute, tag, metadata, assessment, span and run, and what is not there never matches", async () => {
  const server = await openServer();
  const judged = (value: unknown) => [{ assessment_name: "ok", source: { source_type: "HUMAN" }, feedback: { value } }];
  await start(server, "tr-a", { tags: { k: "v" }, trace_metadata: { "mlflow.sourceRun": "r1" }, assessments: judged(true) });
  await start(server, "tr-b", { state: "ERROR", request_time: "2025-01-02T00:00:00Z", assessments: judged("yes") });
  const trace = "4".padStart(32, "0");
  const body = exportRequest(
    { trace, id: "00000000000000a1", name: "one", attributes: { "mlflow.spanType": "LLM", 'odd "name"': "x" } },
    { trace, id: "00000000000000a2", parent: "00000000000000a1", name: "two" },
  );
  await server.send({ method: "POST", path: "/v1/traces", headers: PROTOBUF, body });
  await server.call("POST", "traces/link-to-run", { trace_ids: ["tr-b"], run_id: "r2" });
  expect(await found(server, "status = 'ERROR'")).toEqual(["tr-b"]);
  expect(await found(server, "tags.k = 'v' AND timestamp_ms > 0")).toEqual(["tr-a"]);
  expect(await found(server, "tags.k != 'w'")).toEqual(["tr-a"]);
  expect(await found(server, "run_id = 'r1'")).toEqual(["tr-a"]);
  expect(await found(server, "run_id = 'r2'")).toEqual(["tr-b"]);
  expect(await found(server, "feedback.ok = 'true'")).toEqual(["tr-a"]);
  expect(await found(server, "feedback.ok = 'yes'")).toEqual(["tr-b"]);
  expect(await found(server, "span.name = 'one' AND span.type = 'LLM'")).toEqual([`tr-${trace}`]);
  expect(await found(server, "span.name = 'two' AND span.type = 'LLM'")).toEqual([]);
  expect(await found(server, "span.attributes.`odd \"name\"` = 'x'")).toEqual([`tr-${trace}`]);
  expect(await found(server, "", { order_by: ["timestamp_ms ASC"] })).toEqual([`tr-${trace}`, "tr-a", "tr-b"]);
});

test("a filter with a pattern of its own is refused, and the pattern is not run", async () => {
  const server = await openServer();
  const answer = await json(server, "POST", "traces/search", { locations: [place("0")], filter: "tags.k RLIKE '(a+)+$'" });
  expect(answer.status).toBe(400);
});

test("pages follow one another without a gap", async () => {
  const server = await openServer();
  for (let i = 0; i < 5; i += 1) await start(server, `tr-${i}`, { request_time: `2025-01-0${i + 1}T00:00:00Z` });
  const seen: string[] = [];
  let page_token: string | undefined;
  do {
    const page = await json(server, "POST", "traces/search", { locations: [place("0")], max_results: 2, page_token });
    seen.push(...page.json.traces.map((trace: { trace_id: string }) => trace.trace_id));
    page_token = page.json.next_page_token;
  } while (page_token !== undefined);
  expect(seen).toEqual(["tr-4", "tr-3", "tr-2", "tr-1", "tr-0"]);
});

test("deleting the oldest traces up to a time takes what hangs on them and leaves the rest", async () => {
  const server = await openServer();
  for (let i = 0; i < 3; i += 1)
    await start(server, `tr-${i}`, { request_time: `2025-01-0${i + 1}T00:00:00Z`, tags: { k: "v" } });
  const until = { experiment_id: "0", max_timestamp_millis: Date.parse("2025-01-02T00:00:00Z"), max_traces: 1 };
  expect((await json(server, "POST", "traces/delete-traces", until)).json).toEqual({ traces_deleted: 1 });
  expect(await found(server, "tags.k = 'v'")).toEqual(["tr-2", "tr-1"]);
  await start(server, "tr-0");
  expect((await json(server, "GET", "traces/tr-0")).json.trace.trace_info.tags.k).toBeUndefined();
  const both = { experiment_id: "0", max_timestamp_millis: 1, request_ids: ["tr-1"] };
  expect((await json(server, "POST", "traces/delete-traces", both)).json.message).toBe(
    "Only one of `max_timestamp_millis` and `trace_ids` can be specified.",
  );
});

test("an assessment that overrides another makes it invalid, and valid again when it goes", async () => {
  const server = await openServer();
  await start(server, "tr-1");
  const judge = async (more: object) => {
    const assessment = { assessment_name: "n", source: { source_type: "HUMAN", source_id: "me" }, ...more };
    return (await json(server, "POST", "traces/tr-1/assessments", { assessment })).json.assessment;
  };
  const first = await judge({ feedback: { value: 3 } });
  const second = await judge({ feedback: { value: [1] }, overrides: first.assessment_id });
  const read = async (id: string) => (await json(server, "GET", `traces/tr-1/assessments/${id}`)).json.assessment;
  expect(await read(first.assessment_id)).toMatchObject({ valid: false, feedback: { value: 3 } });
  await json(server, "DELETE", `traces/tr-1/assessments/${second.assessment_id}`);
  expect(await read(first.assessment_id)).toMatchObject({ valid: true });
  const wrong = await json(server, "PATCH", `traces/tr-1/assessments/${first.assessment_id}`, {
    assessment: { expectation: { value: 1 } },
    update_mask: "expectation",
  });
  expect(wrong.json.message).toBe("Cannot update expectation value on a Feedback assessment.");
  const changed = await json(server, "PATCH", `traces/tr-1/assessments/${first.assessment_id}`, {
    assessment: { assessment_name: "m", metadata: { b: "2" } },
    update_mask: "assessmentName,metadata",
  });
  expect(changed.json.assessment).toMatchObject({ assessment_name: "m", metadata: { b: "2" }, feedback: { value: 3 } });
});

test("protocol 2 starts, ends and searches traces that protocol 3 reads", async () => {
  const server = await openServer();
  const made = await server.call("POST", "traces", { experiment_id: "0", timestamp_ms: 100, tags: [{ key: "t", value: "1" }] });
  const { request_id } = made.json.trace_info;
  await server.call("PATCH", `traces/${request_id}`, { timestamp_ms: 350, status: "ERROR" });
  const { json: listed } = await server.call("GET", "traces", { experiment_ids: ["0"] });
  expect(listed.traces).toMatchObject([{ request_id, execution_time_ms: 250, status: "ERROR" }]);
  const read = await json(server, "GET", `traces/${request_id}`);
  expect(read.json.trace.trace_info).toMatchObject({ execution_duration: "0.250s", state: "ERROR", tags: { t: "1" } });
});

test("a filter by an assessment looks at each trace's own assessments, not at all of its type for each trace", async () => {
  const server = await openServer();
  const file = new DatabaseSync(join(server.dataDir, "registry.db"));
  for (const filter of ["feedback.x = 'y'", "expectation.x LIKE 'y%'", "feedback.x IS NULL"]) {
    const [condition] = traceFilter(filter, false);
    const plan = file
      .prepare(`EXPLAIN QUERY PLAN SELECT 1 FROM trace_info t WHERE ${condition?.sql}`)
      .all(...(condition?.values ?? []))
      .map((row) => String(row.detail));
    expect(plan.filter((line) => line.includes(" x ")).join()).toMatch(
      /index_assessments_trace_id_created_timestamp \(trace_id=\?\)/,
    );
  }
  file.close();
});

// What `mlflow db upgrade` to 3.17 does to the tables of traces; the real one is run by test/interop/mlflow.
test("in a file that a newer MLflow upgraded, a trace has its name in the column and under the tag, whoever wrote it", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "requeen-mlflow-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  (await openServer({ dataDir })).service.close();
  const file = new DatabaseSync(join(dataDir, "registry.db"));
  const columns = ["trace_name VARCHAR(4096)", "session_id VARCHAR(250)"];
  for (const kind of ["input", "output", "total", "cache_read_input", "cache_creation_input"])
    columns.push(`${kind}_tokens BIGINT`);
  for (const column of columns) file.exec(`ALTER TABLE trace_info ADD COLUMN ${column}`);
  file.exec("ALTER TABLE spans DROP COLUMN dimension_attributes");
  file.exec(
    "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status, trace_name, total_tokens) VALUES ('tr-theirs', 0, 1, 'OK', 'theirs', 7)",
  );
  const server = await openServer({ dataDir });
  await start(server, "tr-ours", { tags: { "mlflow.traceName": "ours" } });
  const trace = "9".padStart(32, "0");
  const body = exportRequest({ trace, id: "00000000000000a1", attributes: { "session.id": "s" } });
  expect((await server.send({ method: "POST", path: "/v1/traces", headers: PROTOBUF, body })).status).toBe(200);
  expect(file.prepare("SELECT request_id, trace_name, session_id FROM trace_info ORDER BY request_id").all()).toMatchObject([
    { request_id: `tr-${trace}`, trace_name: null, session_id: "s" },
    { request_id: "tr-ours", trace_name: "ours" },
    { request_id: "tr-theirs", trace_name: "theirs" },
  ]);
  file.close();
  expect(await found(server, "name = 'theirs'")).toEqual(["tr-theirs"]);
  expect(await found(server, "name LIKE '%s'", { order_by: ["name"] })).toEqual(["tr-ours", "tr-theirs"]);
  const { trace_info } = (await json(server, "GET", "traces/tr-theirs")).json.trace;
  expect(trace_info).toMatchObject({
    tags: { "mlflow.traceName": "theirs" },
    trace_metadata: { "mlflow.trace.tokenUsage": '{"total_tokens": 7}' },
  });
  await json(server, "DELETE", "traces/tr-theirs/tags", { key: "mlflow.traceName" });
  expect(await found(server, "name IS NULL")).toEqual(["tr-theirs", `tr-${trace}`].sort());
  server.service.close();
});

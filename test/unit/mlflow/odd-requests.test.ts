import { expect, test } from "vitest";
import { newRun, openServer } from "./open-server.ts";

/** What test/interop/mlflow/differential.sh found against the real server, kept where no Python is needed. */

test("a semicolon in an object store's location is a plain character, in a web address it begins parameters", async () => {
  const server = await openServer();
  const create = (name: string, artifact_location: string) =>
    server.call("POST", "experiments/create", { name, artifact_location });
  expect((await create("s3", "s3://bucket/a;b")).status).toBe(200);
  expect((await create("http", "http://host/a;b")).json.message).toBe(
    "'artifact_location' URL can't include fragments or params.",
  );
});

test("a required integer that is empty has the wrong type, an empty field of a metric is missing", async () => {
  const server = await openServer();
  const { runId: run_id } = await newRun(server);
  const metric = await server.call("POST", "runs/log-metric", { run_id, key: "m", value: 1, timestamp: "" });
  expect(metric.json.message).toMatch(/^Invalid value "" for parameter 'timestamp' supplied: {2}Hint: Value was of type 'str'/);
  const batch = await server.call("POST", "runs/log-batch", { run_id, metrics: [{ key: "m", value: "", timestamp: 1 }] });
  expect(batch.json.message).toMatch(/^Missing value for required parameter 'metrics\[0\].value'/);
});

test("a page token is read as Python's decoder reads it", async () => {
  const server = await openServer();
  const search = async (page_token: string) =>
    (await server.call("POST", "experiments/search", { max_results: 1, page_token })).json.message;
  expect(await search("abc")).toBe("Invalid page token, could not base64-decode");
  expect(await search("!!!!")).toBe("Invalid page token, decoded value=b''");
  expect(await search("true")).toBe("Invalid page token, decoded value=b'\\xb6\\xbb\\x9e'");
});

test("a path that no file system holds lists nothing", async () => {
  const server = await openServer();
  const { runId: run_id } = await newRun(server);
  const { status, json } = await server.call("GET", "artifacts/list", { run_id, path: "x".repeat(6001) });
  expect([status, json.files]).toEqual([200, undefined]);
});

test("what a run of MLflow 2 says of its models is written as Python writes JSON", async () => {
  const server = await openServer();
  const { runId: run_id } = await newRun(server);
  const model = { artifact_path: "ü", flavors: { f: { x: 1 } }, utc_time_created: "t", run_id };
  await server.call("POST", "runs/log-model", { run_id, model_json: JSON.stringify(model) });
  const { json } = await server.call("GET", "runs/get", { run_id });
  const tags: { key: string; value: string }[] = json.run.data.tags;
  expect(tags.find((tag) => tag.key === "mlflow.log-model.history")?.value).toBe(
    `[{"run_id": "${run_id}", "artifact_path": "\\u00fc", "utc_time_created": "t", "model_uuid": null, "flavors": {"f": {"x": 1}}}]`,
  );
});

test("a metric logged again for its model keeps the dataset that came first, a new value replaces it", async () => {
  const server = await openServer();
  const { runId: run_id } = await newRun(server);
  const made = await server.call("POST", "logged-models", { experiment_id: "0", name: "m" });
  const { model_id } = made.json.model.info;
  const log = (value: number, dataset_digest: string) =>
    server.call("POST", "runs/log-metric", {
      run_id,
      key: "k",
      value,
      timestamp: 1,
      step: 1,
      model_id,
      dataset_name: "d",
      dataset_digest,
    });
  const read = async () => (await server.call("GET", `logged-models/${model_id}`, {})).json.model.data.metrics;
  await log(1, "first");
  await log(1, "second");
  expect(await read()).toMatchObject([{ value: 1, dataset_digest: "first" }]);
  await log(2, "third");
  expect(await read()).toMatchObject([{ value: 2, dataset_digest: "third" }]);
});

test("a batch of more rows than one statement holds, and of a rest, is written whole", async () => {
  const server = await openServer();
  const { runId: run_id } = await newRun(server);
  const metrics = Array.from({ length: 123 }, (_, i) => ({ key: `k${i % 2}`, value: i / 7, timestamp: i, step: i }));
  await server.call("POST", "runs/log-batch", { run_id, metrics: [...metrics, ...metrics.slice(0, 60)] });
  const history = await server.call("GET", "metrics/get-history", { run_id, metric_key: "k1", max_results: "1000" });
  expect(history.json.metrics.map((metric: { value: number }) => metric.value)).toEqual(
    metrics.filter((metric) => metric.key === "k1").map((metric) => metric.value),
  );
});

test("renaming a model takes its versions, tags and aliases along", async () => {
  const server = await openServer();
  await server.call("POST", "registered-models/create", { name: "old", tags: [{ key: "a", value: "b" }] });
  await server.call("POST", "model-versions/create", { name: "old", source: "s3://b/c", tags: [{ key: "v", value: "1" }] });
  await server.call("POST", "registered-models/alias", { name: "old", alias: "best", version: "1" });
  await server.call("POST", "registered-models/rename", { name: "old", new_name: "new" });
  const { json } = await server.call("GET", "registered-models/get", { name: "new" });
  expect(json.registered_model).toMatchObject({
    tags: [{ key: "a", value: "b" }],
    aliases: [{ alias: "best", version: "1" }],
    latest_versions: [{ version: "1", tags: [{ key: "v", value: "1" }] }],
  });
  await server.call("POST", "registered-models/create", { name: "old" });
  expect((await server.call("GET", "registered-models/get", { name: "old" })).json.registered_model.aliases).toBeUndefined();
});

test("an upload never turns a run's folder into a file, and one below a file is refused", async () => {
  const server = await openServer();
  const { runId: run_uuid } = await newRun(server);
  const upload = (path: string) =>
    server.send({
      method: "POST",
      path: "/ajax-api/2.0/mlflow/upload-artifact",
      query: [
        ["run_uuid", run_uuid],
        ["path", path],
      ],
      body: Buffer.from("x"),
    });
  for (const path of [".", "a/..", "./"]) expect([path, (await upload(path)).status]).toEqual([path, 400]);
  expect((await upload("a")).status).toBe(200);
  expect((await upload("a/b")).json.message).toBe(
    `Invalid path: '1/${run_uuid}/artifacts/a/b' is a directory or lies below a file`,
  );
  const long = await server.send({ method: "DELETE", path: `/api/2.0/mlflow-artifacts/artifacts/${"x".repeat(300)}` });
  expect([long.status, long.json]).toEqual([200, {}]);
});

test("a metric that is NaN compares with no number, and differs from each", async () => {
  const server = await openServer();
  const { experimentId, runId: run_id } = await newRun(server);
  await server.call("POST", "runs/log-metric", { run_id, key: "loss", value: "NaN", timestamp: 1 });
  const found = async (filter: string) => {
    const { json } = await server.call("POST", "runs/search", { experiment_ids: [experimentId], filter });
    return json.runs?.length ?? 0;
  };
  for (const operator of ["<", "<=", ">", ">=", "="])
    expect([operator, await found(`metrics.loss ${operator} 0`)]).toEqual([operator, 0]);
  expect(await found("metrics.loss != 0")).toBe(1);
});

test("experiments are found by their ids, in quotes, one or a list", async () => {
  const server = await openServer();
  for (const name of ["one", "two", "three"]) await server.call("POST", "experiments/create", { name });
  const search = async (filter: string) => (await server.call("POST", "experiments/search", { max_results: 9, filter })).json;
  const names = async (filter: string) => (await search(filter)).experiments?.map(({ name }: { name: string }) => name).sort();
  expect(await names("experiment_id = '2'")).toEqual(["two"]);
  expect(await names("experiment_id IN ('1', '3')")).toEqual(["one", "three"]);
  expect(await names("experiment_id NOT IN ('0', '1') AND experiment_id != '2'")).toEqual(["three"]);
  expect((await search("experiment_id = 2")).message).toBe("Expected a quoted string value for attributes. Got value 2");
  expect((await search("experiment_id > '2'")).message).toBe("Invalid comparator for experiment_id: >");
  expect((await search("experiment_id = 'x'")).message).toBe("Invalid experiment ID 'x'. Experiment ID must be a valid integer.");
});

test("a large whole metric goes as a double, not as digits that a reader takes for an integer", async () => {
  const server = await openServer();
  const { runId: run_id } = await newRun(server);
  await server.call("POST", "runs/log-metric", { run_id, key: "m", value: 2 ** 60, timestamp: 1 });
  const { text, json } = await server.call("GET", "runs/get", { run_id });
  expect(text).toContain('"value":1.152921504606847e+18');
  expect(json.run.data.metrics[0].value).toBe(2 ** 60);
});

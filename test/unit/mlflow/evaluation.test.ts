import { expect, test } from "vitest";
import { type Answer, openServer, type TestServer } from "./open-server.ts";

const call = (
  server: TestServer,
  method: "GET" | "POST" | "PATCH" | "DELETE",
  path: string,
  body: object = {},
): Promise<Answer> =>
  server.send({
    method,
    path: `/api/3.0/mlflow/${path}`,
    ...(method === "GET"
      ? { query: Object.entries(body).map(([key, value]): [string, string] => [key, String(value)]) }
      : { headers: { "content-type": "application/json" }, body: Buffer.from(JSON.stringify(body)) }),
  });

test("a record with the same inputs in another order is added to, not doubled", async () => {
  const server = await openServer();
  const { dataset_id } = (await call(server, "POST", "datasets/create", { name: "d" })).json.dataset;
  const upsert = async (...records: object[]) =>
    (await call(server, "POST", `datasets/${dataset_id}/records`, { records: JSON.stringify(records) })).json;
  expect(await upsert({ inputs: { a: 1, b: "x" }, expectations: { e: 1 } })).toEqual({ inserted_count: 1, updated_count: 0 });
  expect(await upsert({ inputs: { b: "x", a: 1 }, expectations: { f: 2 } })).toEqual({ inserted_count: 0, updated_count: 1 });
  const { records } = (await call(server, "GET", `datasets/${dataset_id}/records`)).json;
  expect(JSON.parse(records)).toMatchObject([{ inputs: { a: 1, b: "x" }, expectations: { e: 1, f: 2 } }]);
  const { dataset } = (await call(server, "GET", `datasets/${dataset_id}`)).json;
  expect(JSON.parse(dataset.schema)).toMatchObject({ inputs: { a: "integer", b: "string" } });
  expect(dataset.profile).toBe('{"num_records": 1}');
});

test("1 and 1.0 are different inputs, and each reads back as it was written", async () => {
  const server = await openServer();
  const { dataset_id } = (await call(server, "POST", "datasets/create", { name: "d" })).json.dataset;
  const records = '[{"inputs": {"x": 1}}, {"inputs": {"x": 1.0}}]';
  const { json } = await call(server, "POST", `datasets/${dataset_id}/records`, { records });
  expect(json.inserted_count).toBe(2);
  const read = (await call(server, "GET", `datasets/${dataset_id}/records`)).json.records;
  expect([...read.matchAll(/"inputs": (\{[^}]*\})/g)].map(([, inputs]) => inputs).sort()).toEqual(['{"x": 1.0}', '{"x": 1}']);
});

test("records come in pages without a gap, though many were written in one millisecond", async () => {
  const server = await openServer({ now: () => 1_700_000_000_000 });
  const { dataset_id } = (await call(server, "POST", "datasets/create", { name: "d" })).json.dataset;
  const records = JSON.stringify(Array.from({ length: 7 }, (_, i) => ({ inputs: { i } })));
  await call(server, "POST", `datasets/${dataset_id}/records`, { records });
  const seen: number[] = [];
  let page_token = "";
  do {
    const { json } = await call(server, "GET", `datasets/${dataset_id}/records`, { max_results: 3, page_token });
    seen.push(...JSON.parse(json.records).map((record: { inputs: { i: number } }) => record.inputs.i));
    page_token = json.next_page_token ?? "";
  } while (page_token !== "");
  expect(seen.sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test("a record that is none is refused and nothing of its batch is written", async () => {
  const server = await openServer();
  const { dataset_id } = (await call(server, "POST", "datasets/create", { name: "d" })).json.dataset;
  for (const bad of [{ inputs: "text" }, { inputs: null }, "text", { inputs: {}, source: { source_type: "NOPE" } }]) {
    const records = JSON.stringify([{ inputs: { good: 1 } }, bad]);
    expect((await call(server, "POST", `datasets/${dataset_id}/records`, { records })).status).toBe(400);
  }
  expect((await call(server, "GET", `datasets/${dataset_id}/records`)).json.records).toBe("[]");
  expect((await call(server, "POST", `datasets/${dataset_id}/records`, { records: "no JSON" })).status).toBe(400);
});

test("datasets are found by name, tag and experiment; a deleted one takes its records along", async () => {
  const server = await openServer();
  const tags = JSON.stringify({ k: "v", "mlflow.user": "bob" });
  const made = await call(server, "POST", "datasets/create", { name: "alpha", tags, experiment_ids: ["0"] });
  expect(made.json.dataset).toMatchObject({ created_by: "bob", experiment_ids: ["0"] });
  await call(server, "POST", "datasets/create", { name: "beta" });
  const names = async (body: object) =>
    ((await call(server, "POST", "datasets/search", body)).json.datasets ?? []).map((dataset: { name: string }) => dataset.name);
  expect(await names({ filter_string: "tags.k = 'v'" })).toEqual(["alpha"]);
  expect(await names({ experiment_ids: ["0"] })).toEqual(["alpha"]);
  expect(await names({ order_by: ["name DESC"] })).toEqual(["beta", "alpha"]);
  const { dataset_id } = made.json.dataset;
  await call(server, "DELETE", `datasets/${dataset_id}`);
  expect((await call(server, "GET", `datasets/${dataset_id}`)).status).toBe(404);
  expect(await names({ experiment_ids: ["0"] })).toEqual([]);
});

test("each registration of a scorer is its next version, and a scorer goes with its last version", async () => {
  const server = await openServer();
  const scorer = { experiment_id: "0", name: "s" };
  for (const n of [1, 2]) {
    const { json } = await call(server, "POST", "scorers/register", { ...scorer, serialized_scorer: `{"n":${n}}` });
    expect(json.version).toBe(n);
  }
  expect((await call(server, "GET", "scorers/get", { ...scorer, version: 1 })).json.scorer.serialized_scorer).toBe('{"n":1}');
  expect((await call(server, "GET", "scorers/list", { experiment_id: "0" })).json.scorers).toMatchObject([
    { scorer_version: 2, serialized_scorer: '{"n": 2}' },
  ]);
  for (const version of [1, 2]) await call(server, "DELETE", "scorers/delete", { ...scorer, version });
  expect((await call(server, "GET", "scorers/list", { experiment_id: "0" })).json).toEqual({});
  expect((await call(server, "GET", "scorers/get", scorer)).json.message).toBe(
    "Scorer with name 's' not found for experiment 0.",
  );
});

import { afterAll, beforeAll, expect, test } from "vitest";
import type { Role } from "../../src/core/identity.ts";
import { createToken } from "../../src/loop/tokens.ts";
import { exportRequest } from "../unit/mlflow/export-request.ts";
import { type GuardedApi, HOST, openGuardedApi } from "./support/open-guarded-api.ts";

/** What the keys of programs may do at the embedded registry: training jobs write, deployments promote, everything else reads. */
let api: GuardedApi;
const keys = new Map<Role, string>();
beforeAll(async () => {
  api = await openGuardedApi();
  await api.app.ready();
  for (const role of ["registry_reader", "registry_writer", "registry_promoter"] as const) {
    const name = role.replace("_", "-");
    const wanted = { name, roles: [role], specialists: null, tier: "rule", vouchedBy: null, expiresIn: "1h" } as const;
    keys.set(role, (await createToken(api.opened.house, wanted)).token);
  }
});
afterAll(() => api[Symbol.asyncDispose]());

type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
/** @returns the answer's status and what MLflow's client reads of it. */
async function ask(role: Role, method: Method, path: string, body?: object | string) {
  const answer = await api.app.inject({
    method,
    url: path.startsWith("/") ? path : `/api/2.0/mlflow/${path}`,
    headers: { host: HOST, authorization: `Bearer ${keys.get(role)}` },
    ...(body === undefined ? {} : { payload: body }),
  });
  const isJson = String(answer.headers["content-type"]).includes("json");
  return { status: answer.statusCode, json: isJson ? answer.json() : {}, text: answer.payload };
}
const refused = { status: 403, json: { error_code: "PERMISSION_DENIED" } };

test("a writer logs and registers, moves no alias and no stage; a promoter does; a reader changes nothing and sees all", async () => {
  const run = (await ask("registry_writer", "POST", "runs/create", { experiment_id: "0", start_time: 1 })).json.run.info.run_id;
  const artifact = `/api/2.0/mlflow-artifacts/artifacts/0/${run}/artifacts/model/model.onnx`;
  const name = "technical-evaluator";
  const writes: readonly (readonly [Method, string, (object | string)?])[] = [
    ["POST", "runs/log-batch", { run_id: run, metrics: [{ key: "f1", value: 1, timestamp: 1, step: 0 }] }],
    ["POST", "runs/set-tag", { run_id: run, key: "k", value: "v" }],
    ["PUT", artifact, "bytes"],
    ["POST", "registered-models/create", { name }],
    ["POST", "model-versions/create", { name, source: `runs:/${run}/model`, run_id: run }],
    ["POST", "model-versions/create", { name, source: `runs:/${run}/model`, run_id: run }],
    ["PATCH", "model-versions/update", { name, version: "1", description: "d" }],
    ["POST", "model-versions/set-tag", { name, version: "1", key: "k", value: "v" }],
  ];
  for (const [method, path, body] of writes) {
    expect([path, await ask("registry_reader", method, path, body)]).toMatchObject([path, refused]);
    expect([path, (await ask("registry_writer", method, path, body)).status]).toEqual([path, 200]);
  }
  const promotions: readonly (readonly [Method, string, object])[] = [
    ["POST", "registered-models/alias", { name, alias: "champion", version: "1" }],
    ["POST", "model-versions/transition-stage", { name, version: "1", stage: "Production", archive_existing_versions: true }],
    ["DELETE", "registered-models/alias", { name, alias: "champion" }],
    ["POST", "registered-models/rename", { name, new_name: "other" }],
    ["POST", "registered-models/rename", { name: "other", new_name: name }],
    ["DELETE", "model-versions/delete", { name, version: "2" }],
  ];
  for (const [method, path, body] of promotions) {
    for (const role of ["registry_reader", "registry_writer"] as const)
      expect([path, role, await ask(role, method, path, body)]).toMatchObject([path, role, refused]);
    expect([path, (await ask("registry_promoter", method, path, body)).status]).toEqual([path, 200]);
  }
  // the pages' own paths are the same doors
  const ajax = "/ajax-api/2.0/mlflow/registered-models/alias";
  expect(await ask("registry_writer", "POST", ajax, { name, alias: "champion", version: "1" })).toMatchObject(refused);
  const reads: readonly (readonly [Method, string, object?])[] = [
    ["GET", `runs/get?run_id=${run}`],
    ["POST", "runs/search", { experiment_ids: ["0"] }],
    ["GET", `registered-models/get?name=${name}`],
    ["GET", "model-versions/search"],
    ["GET", artifact],
  ];
  for (const [method, path, body] of reads)
    expect([path, (await ask("registry_reader", method, path, body)).status]).toEqual([path, 200]);
  expect((await ask("registry_reader", "GET", `registered-models/get?name=${name}`)).json.registered_model).toMatchObject({
    latest_versions: [{ version: "1", current_stage: "Production", description: "d" }],
  });
});

test("what is loaded when first asked for stands behind the same doors: traces, spans, datasets, GraphQL", async () => {
  const v3 = "/api/3.0/mlflow/";
  const place = { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: "0" } };
  const trace_info = { trace_id: "tr-1", trace_location: place, request_time: "2025-01-01T00:00:00Z", state: "OK" };
  const writes: readonly (readonly [Method, string, object])[] = [
    ["POST", `${v3}traces`, { trace: { trace_info } }],
    ["POST", `${v3}traces/tr-1/assessments`, { assessment: { assessment_name: "a", feedback: { value: 1 } } }],
    ["PATCH", `${v3}traces/tr-1/tags`, { key: "k", value: "v" }],
    ["POST", "traces/delete-traces", { experiment_id: "0", request_ids: ["none"] }],
    ["POST", `${v3}datasets/create`, { name: "d" }],
    ["POST", `${v3}scorers/register`, { experiment_id: "0", name: "s", serialized_scorer: "{}" }],
  ];
  for (const [method, path, body] of writes) {
    expect([path, await ask("registry_reader", method, path, body)]).toMatchObject([path, refused]);
    expect([path, (await ask("registry_writer", method, path, body)).status]).toEqual([path, 200]);
  }
  const reads: readonly (readonly [Method, string, object?])[] = [
    ["POST", `${v3}traces/search`, { locations: [place] }],
    ["GET", `${v3}traces/tr-1`],
    ["POST", `${v3}datasets/search`, {}],
    ["POST", "/graphql", { query: '{ mlflowGetExperiment(input: {experimentId: "0"}) { experiment { name } } }' }],
  ];
  for (const [method, path, body] of reads)
    expect([path, (await ask("registry_reader", method, path, body)).status]).toEqual([path, 200]);
  const send = (role: Role | undefined) =>
    api.app.inject({
      method: "POST",
      url: "/v1/traces",
      headers: {
        host: HOST,
        "content-type": "application/x-protobuf",
        "x-mlflow-experiment-id": "0",
        ...(role === undefined ? {} : { authorization: `Bearer ${keys.get(role)}` }),
      },
      payload: Buffer.from(exportRequest({ trace: "5".padStart(32, "0"), id: "00000000000000a1" })),
    });
  expect((await send(undefined)).statusCode).toBe(401);
  expect((await send("registry_reader")).statusCode).toBe(403);
  expect((await send("registry_writer")).statusCode).toBe(200);
});

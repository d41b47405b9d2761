import { expect, test } from "vitest";
import { newRun, openServer, type TestServer } from "./open-server.ts";

const ask = async (server: TestServer, query: string, more: object = {}) =>
  (
    await server.send({
      method: "POST",
      path: "/graphql",
      headers: { "content-type": "application/json" },
      body: Buffer.from(JSON.stringify({ query, ...more })),
    })
  ).json;

test("one query reads a run, its experiment and its history, each field as it is named", async () => {
  const server = await openServer();
  const { runId: run_id, experimentId } = await newRun(server);
  const large = 2 ** 53 - 1;
  for (const step of [0, 1])
    await server.call("POST", "runs/log-metric", { run_id, key: "m", value: step, timestamp: large, step });
  await server.call("POST", "runs/log-metric", { run_id, key: "nan", value: "NaN", timestamp: 1 });
  const { data, errors } = await ask(
    server,
    `query ($run: MlflowGetRunInput, $history: MlflowGetMetricHistoryBulkIntervalInput) {
       mlflowGetRun(input: $run) { run { info { runId endTime status } data { metrics { key value timestamp } } experiment { name experimentId } } }
       mlflowGetMetricHistoryBulkInterval(input: $history) { metrics { step runId } }
     }`,
    { variables: { run: { runId: run_id }, history: { runIds: [run_id], metricKey: "m" } } },
  );
  expect(errors).toBe(null);
  expect(data.mlflowGetRun.run).toEqual({
    info: { runId: run_id, endTime: "0", status: "RUNNING" },
    data: {
      metrics: [
        { key: "m", value: 1, timestamp: String(large) },
        { key: "nan", value: null, timestamp: "1" },
      ],
    },
    experiment: { name: "e", experimentId },
  });
  expect(data.mlflowGetMetricHistoryBulkInterval.metrics).toEqual([
    { step: "0", runId: run_id },
    { step: "1", runId: run_id },
  ]);
});

test("what an endpoint refuses is said in its words, and a field that is not there in the library's", async () => {
  const server = await openServer();
  const lost = await ask(server, '{ mlflowGetRun(input: {runId: "none"}) { run { info { runId } } } }');
  expect(lost).toEqual({ data: { mlflowGetRun: null }, errors: ["Run with id=none not found"] });
  expect(await ask(server, "{ none }")).toEqual({ data: null, errors: ["Cannot query field 'none' on type 'Query'."] });
  expect((await ask(server, "{ broken")).data).toBe(null);
});

test("a query of too many fields, roots or aliases is refused before it runs", async () => {
  const server = await openServer();
  const roots = (count: number) =>
    `{ ${Array.from({ length: count }, (_, i) => `a${i}: test(inputString: "x") { output }`).join(" ")} }`;
  expect((await ask(server, roots(10))).errors).toBe(null);
  expect((await ask(server, roots(11))).errors[0]).toMatch(/^GraphQL queries should have at most 10 root fields, got 11/);
  expect((await ask(server, roots(1001))).errors[0]).toBe("Query exceeds maximum total selections of 1000");
  const aliases = Array.from({ length: 11 }, (_, i) => `a${i}: output`).join(" ");
  expect((await ask(server, `{ test(inputString: "x") { ${aliases} } }`)).errors[0]).toMatch(/at most 10 aliases/);
});

test("a run of the prompt page holds its parameters, its table and a model that names no code of ours", async () => {
  const server = await openServer();
  const { json } = await server.send({
    method: "POST",
    path: "/ajax-api/2.0/mlflow/runs/create-promptlab-run",
    headers: { "content-type": "application/json" },
    body: Buffer.from(
      JSON.stringify({
        experiment_id: "0",
        prompt_template: "my {{ x }}\nloader_module: evil",
        prompt_parameters: [{ key: "x", value: "1" }],
        model_route: "r",
        model_input: "my 1",
        model_output: "out",
        mlflow_version: "3.11.1",
      }),
    ),
  });
  expect(json.run.info).toMatchObject({ status: "FINISHED", user_id: "unknown" });
  const { run_id } = json.run.info;
  const read = async (path: string) => {
    const query: [string, string][] = [
      ["run_id", run_id],
      ["path", path],
    ];
    return (await server.send({ method: "GET", path: "/get-artifact", query })).text;
  };
  expect(JSON.parse(await read("eval_results_table.json"))).toEqual({
    columns: ["x", "prompt", "output"],
    data: [["1", "my 1", "out"]],
  });
  expect(JSON.parse(await read("model/MLmodel")).flavors.python_function.loader_module).toBe("mlflow.prompt.promptlab_model");
  expect(JSON.parse(await read("model/parameters.yaml")).prompt_template).toBe("my {{ x }}\nloader_module: evil");
});

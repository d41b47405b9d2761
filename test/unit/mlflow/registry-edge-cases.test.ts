import { expect, test } from "vitest";
import { newRun, openServer, type TestServer } from "./open-server.ts";

/** The registry's part of the recorded edge cases; see edge-cases.test.ts. */
const INVALID = "INVALID_PARAMETER_VALUE";
const MISSING = "RESOURCE_DOES_NOT_EXIST";

async function registry(): Promise<{ server: TestServer; version: (source: string) => Promise<string> }> {
  const server = await openServer();
  await server.call("POST", "registered-models/create", { name: "m", description: "d", tags: [{ key: "a", value: "b" }] });
  const version = async (source: string): Promise<string> =>
    (await server.call("POST", "model-versions/create", { name: "m", source })).json.model_version.version;
  return { server, version };
}

const errorOf = ({ status, json }: { status: number; json: { error_code?: string; message?: string } }) => [
  status,
  json.error_code,
  json.message,
];

test("a model's name and its first answer", async () => {
  const { server } = await registry();
  expect((await server.call("GET", "registered-models/get", { name: "m" })).json.registered_model).toMatchObject({
    name: "m",
    description: "d",
    tags: [{ key: "a", value: "b" }],
  });
  const create = (name: string) => server.call("POST", "registered-models/create", { name });
  expect(errorOf(await create("m"))).toEqual([400, "RESOURCE_ALREADY_EXISTS", "Registered Model (name=m) already exists."]);
  expect(errorOf(await create("a/b"))).toEqual([400, INVALID, "Invalid model name 'a/b'. Names cannot contain '/' or ':'."]);
});

test("a version's source", async () => {
  const { server } = await registry();
  const create = (source: string, name = "m") => server.call("POST", "model-versions/create", { name, source });
  const local = (source: string): string =>
    `Invalid model version source: '${source}'. To use a local path as a model version source, the run_id request parameter has to be specified and the local path has to be contained within the artifact directory of the run specified by the run_id.`;
  expect(errorOf(await create("/etc"))).toEqual([400, INVALID, local("/etc")]);
  expect(errorOf(await create("mlflow-artifacts:/../../etc"))).toEqual([
    400,
    INVALID,
    "Invalid model version source: 'mlflow-artifacts:/../../etc'. If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references present. Please provide an absolute path.",
  ]);
  expect((await create("http://x/y")).json.model_version).toMatchObject({
    name: "m",
    version: "1",
    current_stage: "None",
    description: "",
    source: "http://x/y",
    run_id: "",
    status: "READY",
    run_link: "",
  });
  expect(errorOf(await create("s3://a/b", "nomodel"))).toEqual([404, MISSING, "Registered Model with name=nomodel not found"]);
  expect((await create("models:/m-unknown")).status).toBe(404);
});

test("stages, in any case, with archiving in the same step", async () => {
  const { server, version } = await registry();
  await version("s3://a/1");
  await version("s3://a/2");
  const move = (id: string, stage: string, archive = false) =>
    server.call("POST", "model-versions/transition-stage", { name: "m", version: id, stage, archive_existing_versions: archive });
  expect(errorOf(await move("1", "Prod"))).toEqual([
    400,
    INVALID,
    "Invalid Model Version stage: Prod. Value must be one of None, Staging, Production, Archived.",
  ]);
  // MLflow answers 500 and its client retries for four minutes; code and text stay.
  expect(errorOf(await move("1", "None", true))).toEqual([
    400,
    "INTERNAL_ERROR",
    "Model version transition cannot archive existing model versions because 'None' is not an Active stage. Valid stages are ['Staging', 'Production']",
  ]);
  expect((await move("1", "production")).json.model_version.current_stage).toBe("Production");
  expect((await move("2", "Production", true)).json.model_version.current_stage).toBe("Production");
  expect((await server.call("GET", "model-versions/get", { name: "m", version: "1" })).json.model_version.current_stage).toBe(
    "Archived",
  );
  expect(errorOf(await move("99", "None"))).toEqual([404, MISSING, "Model Version (name=m, version=99) not found"]);
  const latest = await server.call("POST", "registered-models/get-latest-versions", { name: "m" });
  expect(latest.json.model_versions.map((v: { version: string; current_stage: string }) => [v.version, v.current_stage])).toEqual(
    [
      ["1", "Archived"],
      ["2", "Production"],
    ],
  );
  expect(errorOf(await server.call("POST", "registered-models/get-latest-versions", { name: "zz" }))).toEqual([
    404,
    MISSING,
    "Registered Model with name=zz not found",
  ]);
});

test("aliases", async () => {
  const { server, version } = await registry();
  await version("s3://a/1");
  await version("s3://a/2");
  const set = (alias: string, id = "1") => server.call("POST", "registered-models/alias", { name: "m", alias, version: id });
  const get = (alias: string) => server.call("GET", "registered-models/alias", { name: "m", alias });
  expect(errorOf(await set("v1"))).toEqual([400, INVALID, "Version alias name 'v1' is reserved."]);
  expect(errorOf(await set("latest"))).toEqual([400, INVALID, "'latest' alias name (case insensitive) is reserved."]);
  expect(errorOf(await set("a b"))).toEqual([
    400,
    INVALID,
    "Invalid alias name: 'a b'. Names may only contain alphanumerics, underscores (_), and dashes (-).",
  ]);
  expect((await set("champion")).json).toEqual({});
  expect(errorOf(await get("nope"))).toEqual([400, INVALID, "Registered model alias nope not found."]);
  expect(errorOf(await set("other", "9"))).toEqual([404, MISSING, "Model Version (name=m, version=9) not found"]);
  // MLflow answers the first stage's version; the highest is what the word says.
  expect((await get("latest")).json.model_version.version).toBe("2");
  expect((await set("champion", "2")).json).toEqual({});
  expect((await get("champion")).json.model_version).toMatchObject({ version: "2", aliases: ["champion"] });
  // MLflow leaves the alias pointing at the deleted version.
  await server.call("DELETE", "model-versions/delete", { name: "m", version: "2" });
  expect(errorOf(await get("champion"))).toEqual([400, INVALID, "Registered model alias champion not found."]);
});

test("a number is never given twice, and a rename carries everything", async () => {
  const { server, version } = await registry();
  await version("s3://a/1");
  await server.call("DELETE", "model-versions/delete", { name: "m", version: "1" });
  expect(errorOf(await server.call("GET", "model-versions/get", { name: "m", version: "1" }))).toEqual([
    404,
    MISSING,
    "Model Version (name=m, version=1) not found",
  ]);
  expect(await version("s3://a/b")).toBe("2");
  await server.call("POST", "registered-models/alias", { name: "m", alias: "champion", version: "2" });
  await server.call("POST", "model-versions/set-tag", { name: "m", version: "2", key: "k", value: "v" });
  const renamed = await server.call("POST", "registered-models/rename", { name: "m", new_name: "mx" });
  expect(renamed.json.registered_model).toMatchObject({
    name: "mx",
    description: "d",
    tags: [{ key: "a", value: "b" }],
    aliases: [{ alias: "champion", version: "2" }],
    latest_versions: [{ name: "mx", version: "2", tags: [{ key: "k", value: "v" }], aliases: ["champion"] }],
  });
  expect((await server.call("GET", "registered-models/get", { name: "m" })).status).toBe(404);
});

test("logged models", async () => {
  const server = await openServer();
  const { experimentId: experiment_id } = await newRun(server);
  expect(errorOf(await server.call("POST", "logged-models", { experiment_id, name: "a/b" }))).toEqual([
    400,
    INVALID,
    `Invalid model name ('a/b') provided. Model name must be a non-empty string and cannot contain the following characters: ('/', ':', '.', '%', '"', "'")`,
  ]);
  const made = await server.call("POST", "logged-models", { experiment_id, name: "ab" });
  const id: string = made.json.model.info.model_id;
  expect(id).toMatch(/^m-[0-9a-f]{32}$/);
  expect(made.json.model.info).toMatchObject({
    name: "ab",
    status: "LOGGED_MODEL_PENDING",
    artifact_uri: `mlflow-artifacts:/${experiment_id}/models/${id}/artifacts`,
  });
  expect((await server.call("GET", `logged-models/${id}/artifacts/directories`)).json).toEqual({
    root_uri: `mlflow-artifacts:/${experiment_id}/models/${id}/artifacts`,
  });
  expect((await server.call("DELETE", `logged-models/${id}`)).json).toEqual({});
  expect(errorOf(await server.call("GET", `logged-models/${id}`))).toEqual([
    404,
    MISSING,
    `Logged model with ID '${id}' not found.`,
  ]);
  expect((await server.call("GET", `logged-models/${id}`, { allow_deleted: true })).json.model.info.name).toBe("ab");
  expect(errorOf(await server.call("GET", "logged-models/m-x"))).toEqual([404, MISSING, "Logged model with ID 'm-x' not found."]);
  expect((await server.call("POST", "logged-models/search", { experiment_ids: [experiment_id] })).json).toEqual({});
});

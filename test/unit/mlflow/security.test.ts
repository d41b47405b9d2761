import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isAllowedHost, isBlockedOrigin } from "../../../src/mlflow/request-guard.ts";
import { newRun, openServer, type TestServer } from "./open-server.ts";

/** Each class of MLflow's published vulnerabilities, tried here; reference/mlflow-protocol.md 2.8 lists the numbers. */
const ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts";

/** A server with a secret file beside its artifact folder. */
async function withSecret(): Promise<{ server: TestServer; artifacts: string }> {
  const server = await openServer();
  const artifacts = join(server.dataDir, "artifacts");
  await mkdir(join(artifacts, "0"), { recursive: true });
  await writeFile(join(server.dataDir, "secret.txt"), "secret");
  return { server, artifacts };
}

// CVE-2023-1177, 2023-2780, 2023-6831, 2023-6909, 2023-6977, 2024-1483, 2024-1558, 2024-1593, 2024-2928, 2024-3573, 2024-3848
const escapes = [
  "../secret.txt",
  "%2e%2e/secret.txt",
  "..%2fsecret.txt",
  "%252e%252e%252fsecret.txt",
  "%25252e%25252e/secret.txt",
  "0/../../secret.txt",
  "0/%2e%2e/%2e%2e/secret.txt",
  "0/..%252f..%252fsecret.txt",
  "C:%5csecret.txt",
  "%5c%5chost%5cshare",
  "a%23/../secret.txt",
  "file:///etc/passwd",
  "file:%2f%2f%2fetc/passwd",
];

test.each(escapes)("artifact path %s neither reads, writes, removes nor lists outside the folder", async (path) => {
  const { server } = await withSecret();
  for (const method of ["GET", "PUT", "DELETE"] as const) {
    const answer = await server.send({ method, path: `${ARTIFACTS}/${path}`, body: Buffer.from("changed") });
    expect([method, answer.status, answer.json.message]).toEqual([method, 400, "Invalid path"]);
  }
  const listed = await server.send({ method: "GET", path: ARTIFACTS, query: [["path", decodeURIComponent(path)]] });
  expect(listed.status).toBe(400);
  expect(await readFile(join(server.dataDir, "secret.txt"), "utf8")).toBe("secret");
});

test.each(["%2fetc/passwd", "/etc/passwd", "0/..%5c..%5csecret.txt", "0/%00secret.txt"])(
  "artifact path %s is a name inside the folder, where nothing lies",
  async (path) => {
    const { server } = await withSecret();
    const answer = await server.send({ method: "GET", path: `${ARTIFACTS}/${path}` });
    expect(answer.status).toBe(404);
    expect(answer.text).not.toContain(server.dataDir);
  },
);

test("a link that leads out of the folder is neither followed nor listed", async () => {
  const { server, artifacts } = await withSecret();
  await symlink(server.dataDir, join(artifacts, "0", "out"));
  await symlink(join(server.dataDir, "secret.txt"), join(artifacts, "0", "file"));
  for (const path of ["0/out/secret.txt", "0/file"]) {
    for (const method of ["GET", "PUT", "DELETE"] as const) {
      expect((await server.send({ method, path: `${ARTIFACTS}/${path}`, body: Buffer.from("x") })).status).toBe(400);
    }
  }
  expect((await server.send({ method: "GET", path: ARTIFACTS, query: [["path", "0/out"]] })).status).toBe(400);
  expect((await server.send({ method: "GET", path: ARTIFACTS, query: [["path", "0"]] })).json).toEqual({});
  expect(await readFile(join(server.dataDir, "secret.txt"), "utf8")).toBe("secret");
});

test("the whole store cannot be removed, nor written as a file", async () => {
  const { server, artifacts } = await withSecret();
  await writeFile(join(artifacts, "0", "kept"), "kept");
  for (const path of [`${ARTIFACTS}/.`, `${ARTIFACTS}/0/%2e`]) {
    await server.send({ method: "PUT", path, body: Buffer.from("x") });
  }
  expect((await server.send({ method: "DELETE", path: `${ARTIFACTS}/.` })).status).toBe(400);
  expect(await readdir(join(artifacts, "0"))).toEqual(["kept"]);
});

// CVE-2024-1560, 2024-8859, 2023-6909: a location that a client names, then read through run or model
test.each(["/etc", "file:///etc", "relative", "file:relative", "s3://a/../b", "mlflow-artifacts:/../..", "http://h/%2e%2e/x"])(
  "an experiment cannot be placed at %s",
  async (artifact_location) => {
    const answer = await (await openServer()).call("POST", "experiments/create", { name: "e", artifact_location });
    expect([answer.status, answer.json.error_code]).toEqual([400, "INVALID_PARAMETER_VALUE"]);
  },
);

// CVE-2025-11201, 2023-6977, 2024-2928: sources of model versions; CVE-2026-2614: the prompt tag as a way around
const sources = [
  "/etc/passwd",
  "file:///etc/passwd",
  "file:/etc/passwd",
  "../../etc",
  "mlflow-artifacts:/../../etc",
  "mlflow-artifacts://host:1/a/..%2f..%2fetc",
  "s3://bucket/a/%252e%252e/b",
  "http://host/a/..%255c..%255cb",
  "http://host/a%00b",
  "models:/../etc",
  "dbfs:/a/./b",
];
test.each(sources)("a model version cannot come from %s, with or without the prompt tag", async (source) => {
  const server = await openServer();
  await server.call("POST", "registered-models/create", { name: "m" });
  for (const tags of [[], [{ key: "mlflow.prompt.is_prompt", value: "true" }]]) {
    const answer = await server.call("POST", "model-versions/create", { name: "m", source, tags });
    expect([answer.status, answer.json.error_code]).toEqual([400, "INVALID_PARAMETER_VALUE"]);
  }
});

test("a local source lies in its own run's folder, links followed", async () => {
  const server = await openServer({ allowLocalArtifactRoots: true });
  const root = join(server.dataDir, "local");
  const made = await server.call("POST", "experiments/create", { name: "local", artifact_location: root });
  const run = async () =>
    (await server.call("POST", "runs/create", { experiment_id: made.json.experiment_id })).json.run.info as {
      run_id: string;
      artifact_uri: string;
    };
  const [mine, other] = [await run(), await run()];
  await server.call("POST", "registered-models/create", { name: "m" });
  const create = async (source: string, run_id: string) =>
    (await server.call("POST", "model-versions/create", { name: "m", source, run_id })).status;
  await mkdir(join(mine.artifact_uri, "model"), { recursive: true });
  await symlink("/etc", join(mine.artifact_uri, "link"));
  expect(await create(join(mine.artifact_uri, "model"), mine.run_id)).toBe(200);
  expect(await create(`file://${mine.artifact_uri}/model`, mine.run_id)).toBe(200);
  expect(await create(join(mine.artifact_uri, "model"), other.run_id)).toBe(400);
  expect(await create(`${mine.artifact_uri}/../x`, mine.run_id)).toBe(400);
  expect(await create(join(mine.artifact_uri, "link"), mine.run_id)).toBe(400);
});

test("the pattern for sources holds for every version", async () => {
  const server = await openServer({ modelSourcePattern: /^mlflow-artifacts:/ });
  await server.call("POST", "registered-models/create", { name: "m" });
  expect((await server.call("POST", "model-versions/create", { name: "m", source: "s3://a/b" })).status).toBe(400);
  expect((await server.call("POST", "model-versions/create", { name: "m", source: "mlflow-artifacts:/a/b" })).status).toBe(200);
});

// CVE-2023-6568 and its kin: nothing that the server gives back is interpreted by a browser; CVE-2024-0520: nor names a path
test("every artifact is an attachment under a harmless name", async () => {
  const server = await openServer();
  const { runId, experimentId } = await newRun(server);
  const path = `${experimentId}/${runId}/artifacts/x%22%0d%0aSet-Cookie: a=b.html`;
  await server.send({ method: "PUT", path: `${ARTIFACTS}/${path}`, body: Buffer.from("<script>") });
  const answer = await server.send({ method: "GET", path: `${ARTIFACTS}/${path}` });
  expect(answer.status).toBe(200);
  expect(answer.headers["x-content-type-options"]).toBe("nosniff");
  expect(answer.headers["content-disposition"]).toMatch(/^attachment; filename="[ \w.+-]*"; filename\*=UTF-8''[\w.%+-]+$/);
});

// CVE-2025-14279 (DNS rebinding): MLflow lets names through that only begin like a private address
test.each([
  ["localhost:5000", true],
  ["127.0.0.1", true],
  ["[::1]:5000", true],
  ["10.1.2.3:80", true],
  ["192.168.0.9", true],
  ["172.20.0.1:5000", true],
  ["0.0.0.0:5000", true],
  ["registry.hive.example", true],
  ["evil.example", false],
  ["10.evil.example", false],
  ["192.168.evil.example", false],
  ["localhost.evil.example", false],
  ["172.40.0.1", false],
  ["", false],
])("host %s may ask: %s", (host, allowed) => {
  expect(isAllowedHost(host, { allowedHosts: ["*.hive.example"] })).toBe(allowed);
});

// CVE-2023-43472: a page of another site posts to localhost
test.each([
  ["http://localhost:3000", "POST", false],
  ["https://pages.hive.example", "POST", false],
  ["https://evil.example", "POST", true],
  ["https://evil.example", "DELETE", true],
  ["http://localhost.evil.example", "PATCH", true],
  ["null", "PUT", true],
  ["https://evil.example", "GET", false],
])("a page of %s that sends %s is refused: %s", (origin, method, blocked) => {
  expect(isBlockedOrigin(origin, method, { allowedOrigins: ["https://pages.hive.example"] })).toBe(blocked);
});

// CVE-2024-6838: names without end
test("names are bounded", async () => {
  const server = await openServer();
  const long = "x".repeat(100_000);
  const { runId: run_id } = await newRun(server);
  for (const [path, values] of [
    ["experiments/create", { name: long }],
    ["registered-models/create", { name: long }],
    ["runs/log-metric", { run_id, key: long, value: 1, timestamp: 1 }],
    ["runs/set-tag", { run_id, key: long, value: "v" }],
    ["experiments/create", { name: "e2", artifact_location: `s3://${long}` }],
  ] as const) {
    expect([path, (await server.call("POST", path, values)).status]).toEqual([path, 400]);
  }
});

// GHSA-wxj7-3fx5-pp9m and its kin: what would ask an address that a client names. CVE-2025-0453, queries of too much: graphql.test.ts
test.each([
  ["POST", "/api/2.0/mlflow/webhooks"],
  ["POST", "/api/2.0/mlflow/webhooks/w/test"],
  ["GET", "/ajax-api/2.0/mlflow/gateway-proxy"],
  ["POST", "/ajax-api/2.0/mlflow/gateway-proxy"],
  ["POST", "/ajax-api/3.0/mlflow/jobs"],
] as const)("%s %s is not there", async (method, path) => {
  const answer = await (await openServer()).send({
    method,
    path,
    headers: { "content-type": "application/json" },
    body: Buffer.from('{"gateway_path":"http://127.0.0.1:1/","query":"{a}","url":"http://127.0.0.1:1/"}'),
  });
  expect([404, 405]).toContain(answer.status);
});

// CVE-2023-6974: MLflow followed redirects of an http source. Here a source is stored, and never asked
test("a source at an address is never asked, also for its download address", async () => {
  const asked: string[] = [];
  const trap = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(302, { location: "http://169.254.169.254/" }).end();
  });
  await new Promise<void>((resolve) => trap.listen(0, "127.0.0.1", resolve));
  const { port } = trap.address() as AddressInfo;
  const server = await openServer();
  await server.call("POST", "registered-models/create", { name: "m" });
  const made = await server.call("POST", "model-versions/create", { name: "m", source: `http://127.0.0.1:${port}/model` });
  expect(made.status).toBe(200);
  await server.call("GET", "model-versions/get-download-uri", { name: "m", version: "1" });
  await server.send({
    method: "GET",
    path: "/model-versions/get-artifact",
    query: [
      ["path", "x"],
      ["name", "m"],
      ["version", "1"],
    ],
  });
  trap.close();
  expect(asked).toEqual([]);
});

test("a JSON body beyond the limit is refused while it comes, not kept", async () => {
  const server = await openServer();
  let sent = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (; sent < 1024; sent += 1) yield new Uint8Array(1024 * 1024).fill(0x20);
  }
  const path = "/api/2.0/mlflow/runs/create";
  const answer = await server.send({ method: "POST", path, headers: { "content-type": "application/json" }, body: endless() });
  expect([answer.status, answer.json.error_code]).toEqual([413, "RESOURCE_LIMIT_EXCEEDED"]);
  expect(sent).toBeLessThan(70);
});

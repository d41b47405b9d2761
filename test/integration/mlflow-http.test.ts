import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { RequeenError } from "../../src/core/errors.ts";
import { type ServeOptions, serveMlflow } from "../../src/mlflow/serve.ts";

/** The server over real HTTP. */
async function start(options: Partial<ServeOptions> = {}): Promise<{ url: string; dataDir: string; close: () => Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), "requeen-mlflow-"));
  const server = await serveMlflow({ host: "127.0.0.1", port: 0, dataDir, now: Date.now, ...options });
  let closed = false;
  const close = async (): Promise<void> => {
    if (!closed) await server.close();
    closed = true;
  };
  onTestFinished(async () => {
    await close();
    await rm(dataDir, { recursive: true, force: true });
  });
  return { url: server.url, dataDir, close };
}

const api = (url: string, path: string) => `${url}/api/2.0/mlflow/${path}`;
const post = (url: string, path: string, body: object, headers: Record<string, string> = {}, method = "POST") =>
  fetch(api(url, path), { method, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });

test("bodies arrive with POST, PATCH and DELETE; HEAD has GET's headers without a body", async () => {
  const { url } = await start();
  expect(await (await post(url, "registered-models/create", { name: "m" })).json()).toMatchObject({
    registered_model: { name: "m" },
  });
  expect((await post(url, "registered-models/update", { name: "m", description: "d" }, {}, "PATCH")).status).toBe(200);
  expect(await (await fetch(api(url, "registered-models/get?name=m"))).json()).toMatchObject({
    registered_model: { description: "d" },
  });
  expect((await post(url, "registered-models/delete", { name: "m" }, {}, "DELETE")).status).toBe(200);
  expect((await fetch(api(url, "registered-models/get?name=m"))).status).toBe(404);
  const withBody = await rawGet(api(url, "experiments/get"), JSON.stringify({ experiment_id: "0" }));
  expect(JSON.parse(withBody)).toMatchObject({ experiment: { name: "Default" } });
  const head = await fetch(`${url}/health`, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
  expect((await fetch(`${url}/ajax-api/2.0/mlflow/experiments/get?experiment_id=0`)).status).toBe(200);
  expect((await fetch(`${url}//get-artifact?run_id=x&path=a`)).status).toBe(404);
  expect(await (await fetch(`${url}//get-artifact?run_id=x&path=..`)).json()).toMatchObject({ message: "Invalid path" });
  expect((await fetch(`${url}/nothing`)).headers.get("content-type")).toMatch(/^text\/plain/);
});

test("an artifact of 64 MiB goes up and down as a stream, whole and in ranges", async () => {
  const { url } = await start();
  const chunk = randomBytes(1024 * 1024);
  const hash = createHash("sha256");
  for (let i = 0; i < 64; i += 1) hash.update(chunk);
  const digest = hash.digest("hex");
  async function* chunks() {
    for (let i = 0; i < 64; i += 1) yield chunk;
  }
  const at = `${url}/api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/big.bin`;
  const up = await fetch(at, {
    method: "PUT",
    body: Readable.toWeb(Readable.from(chunks())) as ReadableStream,
    duplex: "half",
  } as RequestInit);
  expect([up.status, await up.json()]).toEqual([200, {}]);
  const down = await fetch(at);
  const found = createHash("sha256");
  for await (const part of down.body ?? []) found.update(part);
  expect(found.digest("hex")).toBe(digest);
  const range = await fetch(at, { headers: { range: "bytes=1048570-1048581" } });
  expect(range.status).toBe(206);
  expect(Buffer.from(await range.arrayBuffer())).toEqual(Buffer.concat([chunk.subarray(1048570), chunk.subarray(0, 6)]));
});

test("an upload that is cut leaves nothing behind", async () => {
  const { url, dataDir } = await start();
  const { hostname, port } = new URL(url);
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        `PUT /api/2.0/mlflow-artifacts/artifacts/0/cut.bin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n${"x".repeat(5000)}`,
        () => {
          setTimeout(() => socket.destroy(), 50);
        },
      );
    });
    socket.on("close", () => resolve());
  });
  const folder = join(dataDir, "artifacts", "0");
  await expect.poll(() => readdir(folder), { timeout: 10_000 }).toEqual([]);
  expect((await fetch(`${url}/api/2.0/mlflow-artifacts/artifacts/0/cut.bin`)).status).toBe(404);
});

/** fetch sends no body with GET; this does. */
const rawGet = (url: string, body: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      url,
      { headers: { "content-type": "application/json", "content-length": body.length } },
      (response) => {
        let text = "";
        response.on("data", (chunk) => {
          text += chunk;
        });
        response.on("end", () => resolve(text));
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });

/** fetch sets Host itself; this does not. */
const rawStatus = (url: string, headers: Record<string, string>): Promise<number> =>
  new Promise((resolve, reject) => {
    httpRequest(url, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });

test("foreign hosts and pages are refused, our own machine's are not", async () => {
  const { url } = await start();
  const path = api(url, "experiments/get?experiment_id=0");
  expect(await rawStatus(path, { host: "evil.example" })).toBe(403);
  expect(await rawStatus(`${url}/health`, { host: "evil.example" })).toBe(200);
  const blocked = await post(url, "experiments/create", { name: "x" }, { origin: "https://evil.example" });
  expect([blocked.status, await blocked.text()]).toEqual([403, "Cross-origin request blocked"]);
  const allowed = await post(url, "experiments/create", { name: "x" }, { origin: "http://localhost:3000" });
  expect([allowed.status, allowed.headers.get("access-control-allow-origin")]).toEqual([200, "http://localhost:3000"]);
  const preflight = await fetch(api(url, "experiments/create"), {
    method: "OPTIONS",
    headers: { origin: "http://localhost:3000" },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("x-frame-options")).toBe("SAMEORIGIN");
});

test("tokens come as bearer or as basic password, on every route, with the access that the route needs", async () => {
  const asked: [string | undefined, string][] = [];
  const { url } = await start({
    authorize: (token, access) => {
      asked.push([token, access]);
      if (token === undefined) throw new RequeenError("unauthenticated", "no token");
      if (token === "reader" && access !== "read") throw new RequeenError("forbidden", `the token may not ${access}`);
    },
  });
  const bearer = { authorization: "Bearer reader" };
  const basic = { authorization: `Basic ${Buffer.from("anyone:writer").toString("base64")}` };
  const none = await post(url, "experiments/create", { name: "x" });
  expect([none.status, none.headers.get("www-authenticate")]).toEqual([401, 'Basic realm="mlflow"']);
  expect(await none.json()).toMatchObject({ error_code: "UNAUTHENTICATED" });
  const denied = await post(url, "experiments/create", { name: "x" }, bearer);
  expect(denied.status).toBe(403);
  expect(await denied.json()).toMatchObject({ error_code: "PERMISSION_DENIED" });
  expect((await post(url, "experiments/create", { name: "x" }, basic)).status).toBe(200);
  expect((await post(url, "runs/search", { experiment_ids: ["0"] }, bearer)).status).toBe(200);
  asked.length = 0;
  await post(url, "registered-models/alias", { name: "m", alias: "champion", version: "1" }, basic);
  await post(url, "model-versions/transition-stage", {}, basic);
  // CVE GHSA-8c7q-86fq-vvmh: MLflow's multipart routes were outside its authentication.
  const statuses: number[] = [];
  for (const path of ["artifacts/a", "mpu/create/a", "mpu/complete/a", "presigned/a"]) {
    statuses.push(
      (await fetch(`${url}/api/2.0/mlflow-artifacts/${path}`, { method: path.startsWith("mpu") ? "POST" : "GET" })).status,
    );
  }
  expect(statuses).toEqual([401, 401, 401, 401]);
  expect(asked.slice(0, 2)).toEqual([
    ["writer", "promote"],
    ["writer", "promote"],
  ]);
  expect((await fetch(`${url}/health`)).status).toBe(200);
});

test("an open server binds to the loopback address only", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "requeen-mlflow-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  await expect(serveMlflow({ host: "0.0.0.0", port: 0, dataDir, now: Date.now })).rejects.toThrow(
    /^bad_parameter: host of requeen mlflow/,
  );
});

test("closing ends what is under way and lets the file go", async () => {
  const { url, close } = await start();
  const answers = Promise.all(Array.from({ length: 20 }, (_, i) => post(url, "experiments/create", { name: `e${i}` })));
  await answers;
  await close();
  await expect(fetch(`${url}/health`)).rejects.toThrow();
});

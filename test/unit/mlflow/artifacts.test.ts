import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { newRun, openServer } from "./open-server.ts";

const ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts";

test("an upload is written piece by piece: a piece is asked for when the one before is on the disk", async () => {
  const server = await openServer();
  const drafts = join(server.dataDir, "artifacts", "0");
  const piece = Buffer.alloc(1024 * 1024, "x");
  const sizes: number[] = [];
  async function* pieces() {
    for (let i = 0; i < 8; i += 1) {
      const [draft] = await readdir(drafts);
      sizes.push((await stat(join(drafts, draft ?? ""))).size);
      expect((await server.send({ method: "GET", path: ARTIFACTS, query: [["path", "0"]] })).json).toEqual({});
      yield piece;
    }
  }
  const answer = await server.send({ method: "PUT", path: `${ARTIFACTS}/0/big.bin`, body: pieces() });
  expect(answer.json).toEqual({});
  expect(sizes).toEqual(Array.from({ length: 8 }, (_, i) => i * piece.length));
  expect(await readdir(drafts)).toEqual(["big.bin"]);
});

test("an upload that fails leaves the older file as it was", async () => {
  const server = await openServer();
  const path = `${ARTIFACTS}/0/a.txt`;
  await server.send({ method: "PUT", path, body: Buffer.from("old") });
  async function* broken() {
    yield Buffer.from("ne");
    throw new Error("connection reset");
  }
  await expect(server.send({ method: "PUT", path, body: broken() })).rejects.toThrow("connection reset");
  expect((await server.send({ method: "GET", path })).text).toBe("old");
  expect(await readdir(join(server.dataDir, "artifacts", "0"))).toEqual(["a.txt"]);
});

test("listing names files and folders by name, of a store, a run and a model", async () => {
  const server = await openServer();
  const { runId: run_id, experimentId } = await newRun(server);
  const root = `${experimentId}/${run_id}/artifacts`;
  for (const name of ["b.txt", "a/x.txt", "a/deep/y.txt"]) {
    await server.send({ method: "PUT", path: `${ARTIFACTS}/${root}/${name}`, body: Buffer.from(name) });
  }
  const store = await server.send({ method: "GET", path: ARTIFACTS, query: [["path", `${root}/a`]] });
  expect(store.json).toEqual({
    files: [
      { path: "deep", is_dir: true },
      { path: "x.txt", is_dir: false, file_size: 7 },
    ],
  });
  const run = await server.call("GET", "artifacts/list", { run_id, path: "a" });
  expect(run.json).toEqual({
    root_uri: `mlflow-artifacts:/${root}`,
    files: [
      { path: "a/deep", is_dir: true },
      { path: "a/x.txt", is_dir: false, file_size: 7 },
    ],
  });
  for (const path of ["nothing", "b.txt"]) {
    expect((await server.call("GET", "artifacts/list", { run_id, path })).json).toEqual({
      root_uri: `mlflow-artifacts:/${root}`,
    });
  }
  expect(
    (
      await server.send({
        method: "GET",
        path: "/get-artifact",
        query: [
          ["run_id", run_id],
          ["path", "b.txt"],
        ],
      })
    ).text,
  ).toBe("b.txt");
});

test("a folder is no file to read (MLflow answers 500, and its client asks for minutes), and removing is repeatable", async () => {
  const server = await openServer();
  await server.send({ method: "PUT", path: `${ARTIFACTS}/0/d/a.txt`, body: Buffer.from("x") });
  const folder = await server.send({ method: "GET", path: `${ARTIFACTS}/0/d` });
  expect([folder.status, folder.json.error_code]).toEqual([404, "RESOURCE_DOES_NOT_EXIST"]);
  for (const _ of [1, 2]) expect((await server.send({ method: "DELETE", path: `${ARTIFACTS}/0/d` })).json).toEqual({});
  expect((await server.send({ method: "GET", path: `${ARTIFACTS}/0/d/a.txt` })).status).toBe(404);
});

test("multipart and presigned calls are answered so that MLflow's client falls back", async () => {
  const server = await openServer();
  const send = (method: "POST" | "GET", path: string, body: object = {}) =>
    server.send({
      method,
      path: `/api/2.0/mlflow-artifacts/${path}`,
      headers: { "content-type": "application/json" },
      body: Buffer.from(JSON.stringify(body)),
    });
  for (const step of ["create", "complete", "abort"]) {
    const answer = await send("POST", `mpu/${step}/a`, { path: "p", num_parts: 2, upload_id: "u", parts: [] });
    expect([answer.status, answer.json]).toEqual([
      501,
      { error_code: "NOT_IMPLEMENTED", message: "Multipart upload is not supported for the current artifact repository" },
    ]);
  }
  // What is wrong with a body is said first.
  const bare = await send("POST", "mpu/complete/a", { path: "p" });
  expect([bare.status, bare.json.message.split(".")[0]]).toEqual([400, "Missing value for required parameter 'upload_id'"]);
  const presigned = await send("GET", "presigned/a");
  expect([presigned.status, presigned.json.message]).toEqual([
    501,
    "Multipart download is not supported for the current artifact repository",
  ]);
});

test.each([
  ["MLmodel", "text/plain"],
  ["a.yaml", "text/plain"],
  ["page.html", "text/html"],
  ["model.onnx", "application/octet-stream"],
  ["image.png", "image/png"],
])("%s is given back as %s", async (name, type) => {
  const server = await openServer();
  await server.send({ method: "PUT", path: `${ARTIFACTS}/0/${name}`, body: Buffer.from("x") });
  expect((await server.send({ method: "GET", path: `${ARTIFACTS}/0/${name}` })).headers["content-type"]).toBe(type);
});

test.each([
  ["bytes=2-4", 206, "234", "bytes 2-4/10"],
  ["bytes=7-", 206, "789", "bytes 7-9/10"],
  ["bytes=-2", 206, "89", "bytes 8-9/10"],
  ["bytes=8-99", 206, "89", "bytes 8-9/10"],
  ["bytes=10-", 416, "", "bytes */10"],
  ["lines=1-2", 200, "0123456789", undefined],
])("range %s answers %s", async (range, status, text, contentRange) => {
  const server = await openServer();
  const path = `${ARTIFACTS}/0/digits`;
  await server.send({ method: "PUT", path, body: Buffer.from("0123456789") });
  const answer = await server.send({ method: "GET", path, headers: { range } });
  expect([answer.status, answer.text, answer.headers["content-range"]]).toEqual([status, text, contentRange]);
});

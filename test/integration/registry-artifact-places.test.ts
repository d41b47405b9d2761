/** Artifacts outside the MLflow server: folders, S3, a second server, and large ones in parts. */
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createRegistryClient, type RegistryClientOptions } from "../../src/registry/client.ts";
import { createHttpTransport } from "../../src/registry/http-transport.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { sendJson, startHttpDouble } from "../unit/registry/http-double.ts";
import { startS3Double } from "../unit/registry/s3-double.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "requeen-places-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = async (content: Promise<Uint8Array>): Promise<string> => new TextDecoder().decode(await content);

/** A client of a server that is never asked for anything. */
const offline = (options: Partial<RegistryClientOptions> = {}): Registry =>
  createRegistryClient({
    transport: async () => Promise.reject(new Error("the server was asked")),
    now: Date.now,
    pause: async () => undefined,
    ...options,
  });

describe("a folder of this machine", () => {
  test.each(["file: address", "plain path"])("as a %s: put, list, read", async (kind) => {
    const root = join(folder, "mit Leerzeichen ü");
    const place = { uri: kind === "plain path" ? root : pathToFileURL(root).href };
    const registry = offline();
    expect(await registry.listArtifactTree(place)).toEqual([]);
    await registry.uploadArtifact(place, "model/a b.txt", bytes("hello"));
    await registry.uploadArtifact(place, "model/a b.txt", bytes("hello again"));
    await registry.uploadArtifact(place, "empty", {
      open: async function* () {
        yield new Uint8Array();
      },
    });
    expect(await registry.listArtifactTree(place)).toEqual([
      { path: "empty", isDirectory: false, sizeBytes: 0 },
      { path: "model/a b.txt", isDirectory: false, sizeBytes: 11 },
    ]);
    expect(await text(registry.downloadArtifact(place, "model/a b.txt"))).toBe("hello again");
    await expect(registry.downloadArtifact(place, "model")).rejects.toMatchObject({ code: "not_found" });
    await expect(registry.downloadArtifact(place, "model/b")).rejects.toMatchObject({ code: "not_found" });
  });

  test("a link that leads out of it is neither read, written nor listed", async () => {
    await writeFile(join(folder, "secret"), "s");
    await mkdir(join(folder, "outside"));
    const root = join(folder, "root");
    await mkdir(root);
    await symlink(join(folder, "secret"), join(root, "link"));
    await symlink(join(folder, "outside"), join(root, "dir"));
    const registry = offline();
    await expect(registry.downloadArtifact({ uri: root }, "link")).rejects.toMatchObject({ code: "bad_parameter" });
    await expect(registry.uploadArtifact({ uri: root }, "dir/new", bytes("x"))).rejects.toMatchObject({ code: "bad_parameter" });
    await expect(registry.listArtifacts({ uri: root }, "dir")).rejects.toMatchObject({ code: "bad_parameter" });
    expect(await readdir(join(folder, "outside"))).toEqual([]);
    expect(await registry.listArtifactTree({ uri: root })).toEqual([]);
  });

  test("an upload whose source fails leaves nothing behind", async () => {
    const open = async function* () {
      yield bytes("half");
      throw new Error("the source died");
    };
    await expect(offline().uploadArtifact({ uri: folder }, "a/b", { open })).rejects.toThrow("the source died");
    expect(await readdir(join(folder, "a"))).toEqual([]);
  });

  test("a client that does not trust its server with local folders refuses them", async () => {
    const registry = offline({ localArtifacts: false });
    await expect(registry.uploadArtifact({ uri: pathToFileURL(folder).href }, "a", bytes("x"))).rejects.toMatchObject({
      code: "forbidden",
    });
    await expect(registry.downloadArtifact({ uri: "/etc" }, "hostname")).rejects.toMatchObject({ code: "forbidden" });
  });
});

describe("S3", () => {
  beforeEach(() => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  });
  const place = { uri: "s3://bucket/mlflow/1/run/artifacts" };

  test("small content goes up whole, large and unmeasured content in parts, and all comes back", async () => {
    await using double = await startS3Double();
    const registry = offline({ s3: { endpoint: double.endpoint, partBytes: 5 * 1024 * 1024 } });
    const large = Buffer.alloc(11 * 1024 * 1024 + 3, "abcdefg");
    const filePath = join(folder, "large");
    await writeFile(filePath, large);
    await registry.uploadArtifact(place, "model/a b ü.txt", bytes("hello"));
    await registry.uploadArtifact(place, "large", { filePath });
    const stored = await registry.uploadArtifact(place, "stream", {
      open: async function* () {
        yield large.subarray(0, 6_000_000);
        yield large.subarray(6_000_000);
      },
    });
    expect(stored.sizeBytes).toBe(large.byteLength);
    expect(double.objects.get("bucket/mlflow/1/run/artifacts/large")?.equals(large)).toBe(true);
    expect(double.objects.get("bucket/mlflow/1/run/artifacts/stream")?.equals(large)).toBe(true);
    expect(double.asked.filter(({ path }) => path.includes("partNumber=")).map(({ body }) => body.byteLength)).toEqual([
      5242880, 5242880, 1048579, 5242880, 5242880, 1048579,
    ]);
    expect(await registry.listArtifactTree(place)).toEqual([
      { path: "large", isDirectory: false, sizeBytes: large.byteLength },
      { path: "model/a b ü.txt", isDirectory: false, sizeBytes: 5 },
      { path: "stream", isDirectory: false, sizeBytes: large.byteLength },
    ]);
    expect(
      await text(
        registry.downloadArtifact(place, "model/a b ü.txt", {
          sha256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        }),
      ),
    ).toBe("hello");
    await expect(registry.downloadArtifact(place, "nothing")).rejects.toMatchObject({ code: "not_found" });
  });

  test("a part that fails gives its parts back", async () => {
    await using double = await startS3Double();
    double.refuse = ({ path }) => (path.includes("partNumber=2") ? { status: 400, code: "BadDigest" } : null);
    const registry = offline({ s3: { endpoint: double.endpoint, partBytes: 5 * 1024 * 1024 } });
    const open = async function* () {
      yield new Uint8Array(6 * 1024 * 1024);
    };
    await expect(registry.uploadArtifact(place, "large", { open })).rejects.toMatchObject({
      code: "registry_unavailable",
      details: { reason: "BadDigest" },
    });
    expect([double.openUploads.size, double.objects.size]).toEqual([0, 0]);
  });

  test("a refusal is forbidden, in our words", async () => {
    await using double = await startS3Double();
    double.refuse = () => ({ status: 403, code: "AccessDenied" });
    const registry = offline({ s3: { endpoint: double.endpoint } });
    await expect(registry.uploadArtifact(place, "a", bytes("x"))).rejects.toThrow(
      "forbidden: S3 does not allow this at s3://bucket/mlflow/1/run/artifacts/a (AccessDenied)",
    );
  });
});

describe("parts through the MLflow server", () => {
  const partBytes = 1_000;
  const content = Buffer.from(Array.from({ length: 2_500 }, (_, index) => index % 251));
  let filePath: string;
  beforeEach(async () => {
    filePath = join(folder, "large");
    await writeFile(filePath, content);
  });
  const place = { uri: "mlflow-artifacts:/1/run/artifacts" };
  const clientOf = (baseUrl: string) =>
    createRegistryClient({
      transport: createHttpTransport({ baseUrl, token: "ours" }),
      transportTo: (origin) => createHttpTransport({ baseUrl: origin }),
      multipart: { fromBytes: 2_000, partBytes },
      now: Date.now,
      pause: async () => undefined,
    });

  test("each goes to its own address without our credentials, once more when it fails, and the end names them all", async () => {
    const stored: Buffer[] = [];
    let failures = 1;
    await using storage = await startHttpDouble(({ path, body, headers }, response) => {
      expect(headers.authorization).toBeUndefined();
      const part = Number(new URL(path, "http://x").searchParams.get("part"));
      if (part === 2 && failures-- > 0) return void response.writeHead(503).end();
      stored[part - 1] = body;
      response.writeHead(200, { etag: `"etag-${part}"` }).end();
    });
    await using mlflow = await startHttpDouble(({ path }, response) => {
      if (!path.includes("/create/")) return sendJson(response, 200, {});
      const credentials = [1, 2, 3].map((part) => ({
        url: `${storage.baseUrl}/bucket/key?part=${part}&X-Amz-Signature=s`,
        part_number: part,
        headers: {},
      }));
      sendJson(response, 200, { upload_id: "u1", credentials });
    });
    await clientOf(mlflow.baseUrl).uploadArtifact(place, "model/large", { filePath });
    expect(Buffer.concat(stored).equals(content)).toBe(true);
    expect(stored.map(({ byteLength }) => byteLength)).toEqual([1_000, 1_000, 500]);
    expect(mlflow.asked.map(({ path }) => path)).toEqual(
      ["create", "complete"].map((step) => `/api/2.0/mlflow-artifacts/mpu/${step}/1/run/artifacts/model`),
    );
    expect(JSON.parse(String(mlflow.asked[0].body))).toEqual({ path: "large", num_parts: 3 });
    expect(JSON.parse(String(mlflow.asked[1].body))).toMatchObject({
      path: "large",
      upload_id: "u1",
      parts: [{ part_number: 1, etag: '"etag-1"' }, { part_number: 2 }, { part_number: 3 }],
    });
  });

  test("a part that is refused aborts the whole, and the error is the part's", async () => {
    await using storage = await startHttpDouble((_, response) => void response.writeHead(403).end());
    await using mlflow = await startHttpDouble(({ path }, response) => {
      if (path.includes("/create/"))
        sendJson(response, 200, {
          upload_id: "u1",
          credentials: [1, 2, 3].map((part) => ({ url: `${storage.baseUrl}/k?part=${part}`, part_number: part })),
        });
      else sendJson(response, 200, {});
    });
    await expect(clientOf(mlflow.baseUrl).uploadArtifact(place, "large", { filePath })).rejects.toMatchObject({
      code: "registry_unavailable",
      details: { status: 403 },
    });
    expect(mlflow.asked.at(-1)?.path).toBe("/api/2.0/mlflow-artifacts/mpu/abort/1/run/artifacts");
    expect(storage.asked).toHaveLength(1);
  });

  test("a server whose store takes no parts gets one piece", async () => {
    await using mlflow = await startHttpDouble(({ path }, response) => {
      if (path.includes("/mpu/"))
        sendJson(response, 501, {
          error_code: "NOT_IMPLEMENTED",
          message: "Multipart upload is not supported for the current artifact repository",
        });
      else sendJson(response, 200, {});
    });
    const { sizeBytes } = await clientOf(mlflow.baseUrl).uploadArtifact(place, "large", { filePath });
    expect(sizeBytes).toBe(2_500);
    expect(mlflow.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "POST /api/2.0/mlflow-artifacts/mpu/create/1/run/artifacts",
      "PUT /api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/large",
    ]);
    expect(mlflow.asked[1].body.equals(content)).toBe(true);
  });
});

describe("places that cannot be reached", () => {
  test.each([
    "gs://bucket/x",
    "dbfs:/x",
    "wasbs://c@a/x",
    "ftp://h/x",
    "https://example.com/elsewhere",
    "http://other:5000/api/2.0/mlflow-artifacts/artifacts/1",
  ])("%s says what can be", async (uri) => {
    await expect(offline().uploadArtifact({ uri }, "a", bytes("x"))).rejects.toThrow(
      /not_implemented: artifacts at .* cannot be reached from here; reachable are mlflow-artifacts:/,
    );
  });

  test.each(["models:/a/b/c", "models:/a", "models:/a/latest"])("%s is not an address of one model", async (uri) => {
    await expect(offline().resolveArtifacts({ uri })).rejects.toMatchObject({ code: "bad_parameter" });
  });
});

test("an artifact root that is the server's own proxy address goes over the same connection, with credentials", async () => {
  await using double = await startHttpDouble((_, response) => sendJson(response, 200, {}));
  const registry = createRegistryClient({
    transport: createHttpTransport({ baseUrl: double.baseUrl, token: "ours" }),
    address: double.baseUrl,
    now: Date.now,
  });
  await registry.uploadArtifact(
    { uri: `${double.baseUrl}/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts` },
    "a b",
    bytes("x"),
  );
  expect(double.asked[0]).toMatchObject({ method: "PUT", path: "/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/a%20b" });
  expect(double.asked[0].headers.authorization).toBe("Bearer ours");
});

test.each([
  ["mlflow-artifacts:/1/a b/100%", "/api/2.0/mlflow-artifacts/artifacts/1/a%20b/100%25/f"],
  ["mlflow-artifacts:/1/run/artifacts/", "/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/f"],
  ["mlflow-artifacts://HOST/1/run", "/api/2.0/mlflow-artifacts/artifacts/1/run/f"],
  ["runs:/r1/a%41", "/api/2.0/mlflow-artifacts/artifacts/9/r1/a%2541/f"],
])("%s is taken as it stands", async (uri, path) => {
  await using double = await startHttpDouble((asked, response) => {
    const info = { run_id: "r1", experiment_id: "9", status: "RUNNING", artifact_uri: "mlflow-artifacts:/9/r1" };
    sendJson(response, 200, asked.method === "GET" ? { run: { info } } : {});
  });
  const registry = createRegistryClient({
    transport: createHttpTransport({ baseUrl: double.baseUrl }),
    address: double.baseUrl,
    now: Date.now,
  });
  await registry.uploadArtifact({ uri: uri.replace("HOST", `127.0.0.1:${double.port}`) }, "f", bytes("x"));
  expect(double.asked.at(-1)?.path).toBe(path);
});

test("a second MLflow server named by an artifact address gets no credentials of the first", async () => {
  await using first = await startHttpDouble((_, response) => sendJson(response, 200, {}));
  await using second = await startHttpDouble((_, response) => sendJson(response, 200, {}));
  const registry = createRegistryClient({
    transport: createHttpTransport({ baseUrl: first.baseUrl, token: "ours" }),
    transportTo: (origin) => createHttpTransport({ baseUrl: origin }),
    address: first.baseUrl,
    now: Date.now,
  });
  await registry.uploadArtifact({ uri: `mlflow-artifacts://127.0.0.1:${second.port}/1/run` }, "f", bytes("x"));
  expect([first.asked.length, second.asked.map(({ path, headers }) => [path, headers.authorization])]).toEqual([
    0,
    [["/api/2.0/mlflow-artifacts/artifacts/1/run/f", undefined]],
  ]);
});

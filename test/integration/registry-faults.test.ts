import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { isRequeenError, type RequeenError } from "../../src/core/errors.ts";
import { createRegistryClient } from "../../src/registry/client.ts";
import { addressOf, createHttpTransport, type HttpTransportOptions } from "../../src/registry/http-transport.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { freePort, mlflowError, sendJson, startHttpDouble } from "../unit/registry/http-double.ts";

const folder = await mkdtemp(join(tmpdir(), "requeen-registry-"));
afterAll(() => rm(folder, { recursive: true }));

interface Client {
  readonly registry: Registry;
  /** Pauses that were waited, milliseconds; none of them takes time. */
  readonly pauses: number[];
}

function clientOf(baseUrl: string, options: Partial<HttpTransportOptions> & { callTimeoutMs?: number } = {}): Client {
  const pauses: number[] = [];
  const registry = createRegistryClient({
    transport: createHttpTransport({ baseUrl, ...options }),
    address: addressOf(baseUrl),
    now: () => Date.parse("2026-01-01T00:00:00Z"),
    random: () => 0,
    callTimeoutMs: options.callTimeoutMs,
    pause: async (pauseMs) => {
      pauses.push(pauseMs);
    },
  });
  return { registry, pauses };
}

const failure = async (work: Promise<unknown>): Promise<RequeenError> => {
  try {
    await work;
  } catch (error) {
    if (isRequeenError(error)) return error;
    throw error;
  }
  throw new Error("the call succeeded");
};

const run = {
  info: {
    run_id: "r1",
    run_name: "n",
    experiment_id: "1",
    status: "RUNNING",
    start_time: 5,
    artifact_uri: "mlflow-artifacts:/1/r1/artifacts",
  },
  data: {},
};

describe("a server that is away", () => {
  test("a refused connection is tried again also for calls that must not run twice, and the error names address and tries", async () => {
    const { registry, pauses } = clientOf(`http://127.0.0.1:${await freePort()}`);
    const error = await failure(registry.createRun({ experimentId: "1", runName: "n", startedAtMs: 1 }));
    expect(error.code).toBe("registry_unavailable");
    expect(error.message).toMatch(
      /POST \/api\/2\.0\/mlflow\/runs\/create at http:\/\/127\.0\.0\.1:\d+: no connection \(ECONNREFUSED\); tried 5 times$/,
    );
    expect(error.details).toMatchObject({ reason: "unreachable", sent: false, attempts: 5 });
    expect(pauses).toEqual([125, 250, 500, 1000]);
  });

  test("a name that does not resolve is an unreachable server", async () => {
    const { registry } = clientOf("http://no-such-host.invalid:5000");
    expect((await failure(registry.getRun("r"))).details).toMatchObject({ reason: "unreachable", sent: false });
  });

  test("a server that never answers is given up after the time of one call, and the message says so", async () => {
    await using double = await startHttpDouble(() => undefined);
    const { registry } = clientOf(double.baseUrl, { callTimeoutMs: 50 });
    const error = await failure(registry.getRun("r"));
    expect(error.details).toMatchObject({ reason: "timeout", attempts: 5 });
    expect(error.message).toContain("no whole answer in the time allowed");
    expect(double.asked).toHaveLength(5);
  });

  test("a server that falls silent in the middle of its answer is given up after the longest silence", async () => {
    await using double = await startHttpDouble((_, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "1000" }).write('{"run":');
    });
    const { registry } = clientOf(double.baseUrl, { timeoutMs: 50 });
    expect((await failure(registry.getRun("r"))).message).toContain("nothing was heard for 50 ms");
  });
});

describe("a server that is busy", () => {
  test("429 with Retry-After waits as long as asked, then succeeds", async () => {
    let calls = 0;
    await using double = await startHttpDouble((_, response) => {
      calls++;
      if (calls === 1) sendJson(response, 429, mlflowError("REQUEST_LIMIT_EXCEEDED", "slow down"), { "retry-after": "7" });
      else if (calls === 2) sendJson(response, 429, {}, { "retry-after": "Thu, 01 Jan 2026 00:00:20 GMT" });
      else sendJson(response, 200, { run });
    });
    const { registry, pauses } = clientOf(double.baseUrl);
    expect((await registry.createRun({ experimentId: "1", runName: "n", startedAtMs: 1 })).runId).toBe("r1");
    expect(pauses).toEqual([7_000, 20_000]);
  });

  test("a Retry-After beyond the longest pause ends the call at once and tells how long the server wants", async () => {
    await using double = await startHttpDouble((_, response) => sendJson(response, 429, {}, { "retry-after": "3600" }));
    const { registry, pauses } = clientOf(double.baseUrl);
    expect((await failure(registry.getRun("r"))).details).toMatchObject({ retry_after_ms: 3_600_000, status: 429 });
    expect(pauses).toEqual([]);
  });

  test("503 is tried again for a reading, and not for a creation", async () => {
    await using double = await startHttpDouble(({ method }, response) => {
      if (method === "GET" && double.asked.length === 3) sendJson(response, 200, { run });
      else response.writeHead(503, { "content-type": "text/html" }).end("<html><title>503</title>Service <b>down</b></html>");
    });
    const { registry } = clientOf(double.baseUrl);
    expect((await registry.getRun("r1")).status).toBe("RUNNING");
    const asked = double.asked.length;
    const error = await failure(registry.createRun({ experimentId: "1", runName: "n", startedAtMs: 1 }));
    expect(error.message).toContain("answered 503: 503 Service down");
    expect(double.asked.length - asked).toBe(1);
  });
});

describe("a connection that is cut", () => {
  test("in the middle of an upload: the file is sent again from its start, and its digest is that of the whole", async () => {
    let uploads = 0;
    await using double = await startHttpDouble(
      async ({ method }, response, request) => {
        if (method === "GET") return sendJson(response, 200, { run });
        uploads++;
        let bytes = 0;
        for await (const chunk of request) {
          bytes += (chunk as Buffer).byteLength;
          if (uploads === 1 && bytes > 100_000) return void request.socket.destroy();
        }
        sendJson(response, 200, { bytes });
      },
      { early: true },
    );
    const filePath = join(folder, "large.bin");
    await writeFile(filePath, Buffer.alloc(3_000_000, 7));
    const { registry, pauses } = clientOf(double.baseUrl);
    const stored = await registry.uploadArtifact({ runId: "r1" }, "large.bin", { filePath });
    expect(uploads).toBe(2);
    expect(pauses).toHaveLength(1);
    const sha256 = createHash("sha256").update(Buffer.alloc(3_000_000, 7)).digest("hex");
    expect(stored).toEqual({ path: "large.bin", sizeBytes: 3_000_000, sha256 });
  });

  test("in the middle of a download: it is read again, never handed out short", async () => {
    let downloads = 0;
    await using double = await startHttpDouble(({ path }, response) => {
      if (path.startsWith("/api/2.0/mlflow/runs")) return sendJson(response, 200, { run });
      downloads++;
      response.writeHead(200, { "content-length": "10" });
      if (downloads < 3) response.write("hello", () => response.destroy());
      else response.end("helloworld");
    });
    const { registry } = clientOf(double.baseUrl);
    expect(Buffer.from(await registry.downloadArtifact({ runId: "r1" }, "a.txt")).toString()).toBe("helloworld");
    expect(downloads).toBe(3);
  });

  test("before any answer to a creation: it is not repeated, since the server may have done it", async () => {
    await using double = await startHttpDouble((_, response) => void response.socket?.destroy());
    const { registry, pauses } = clientOf(double.baseUrl);
    const error = await failure(registry.createModelVersion({ name: "m", source: "s" }));
    expect(error.details).toMatchObject({ reason: "cut", sent: true });
    expect(double.asked).toHaveLength(1);
    expect(pauses).toEqual([]);
  });

  test("a source that cannot be read to its end is its own error, not one of the server, and is not tried again", async () => {
    await using double = await startHttpDouble((_, response) => sendJson(response, 200, { run }));
    const { registry, pauses } = clientOf(double.baseUrl);
    const open = async function* () {
      yield new Uint8Array(10);
      throw new Error("the disk died");
    };
    await expect(registry.uploadArtifact({ runId: "r1" }, "a.bin", { open })).rejects.toThrow("the disk died");
    expect(pauses).toEqual([]);
  });
});

describe("a server that refuses", () => {
  test("wrong credentials name the settings to mend, and appear in no message", async () => {
    await using double = await startHttpDouble((_, response) => {
      response.writeHead(401, { "content-type": "text/html" }).end("You are not authenticated.");
    });
    const { registry, pauses } = clientOf(double.baseUrl, { username: "ann", password: "s3cret" });
    const error = await failure(registry.getRun("r"));
    expect(error.code).toBe("unauthenticated");
    expect(error.message).toContain("MLFLOW_TRACKING_TOKEN");
    expect(JSON.stringify([error.message, error.details])).not.toContain("s3cret");
    expect(double.asked[0].headers.authorization).toBe(`Basic ${Buffer.from("ann:s3cret").toString("base64")}`);
    expect(pauses).toEqual([]);
  });

  test("an answer that comes before the whole upload was taken is the answer", async () => {
    await using double = await startHttpDouble(
      ({ path }, response) => {
        if (path.startsWith("/api/2.0/mlflow/runs")) return sendJson(response, 200, { run });
        response.writeHead(413, { "content-type": "text/html" }).end("<h1>413 Request Entity Too Large</h1>");
      },
      { early: true },
    );
    const { registry } = clientOf(double.baseUrl);
    const open = async function* () {
      for (let chunk = 0; chunk < 200; chunk++) yield new Uint8Array(65_536);
    };
    const error = await failure(registry.uploadArtifact({ runId: "r1" }, "big.bin", { open }));
    expect(error.code).toBe("payload_too_large");
    expect(error.message).toContain("413 Request Entity Too Large");
  });

  test("507 is a full disk", async () => {
    await using double = await startHttpDouble((_, response) => sendJson(response, 507, { message: "quota" }));
    expect((await failure(clientOf(double.baseUrl).registry.setRunTag("r", "k", "v"))).code).toBe("disk_full");
  });
});

describe("a server that is not MLflow", () => {
  test("a page with status 200 is told with its content type, once", async () => {
    await using double = await startHttpDouble(
      (_, response) => void response.writeHead(200, { "content-type": "text/html" }).end("<html>Sign in</html>"),
    );
    const error = await failure(clientOf(double.baseUrl).registry.getRun("r"));
    expect(error.message).toContain(
      "answered 200 with text/html where JSON is due; is MLFLOW_TRACKING_URI the address of an MLflow server?",
    );
    expect(double.asked).toHaveLength(1);
  });

  test("JSON of another shape names the field", async () => {
    await using double = await startHttpDouble((_, response) => sendJson(response, 200, { run: { info: { run_id: 5 } } }));
    expect((await failure(clientOf(double.baseUrl).registry.getRun("r"))).message).toMatch(
      /JSON that is not MLflow's: .*run\.info\.run_id/,
    );
  });

  test("a redirect is not followed, and its target is named without query and credentials", async () => {
    await using double = await startHttpDouble(
      (_, response) => void response.writeHead(302, { location: "https://u:p@login.example/oauth?state=abc" }).end(),
    );
    const error = await failure(clientOf(double.baseUrl, { token: "tok" }).registry.getRun("r"));
    expect(error.message).toContain("a redirect to https://login.example/oauth, which is not followed");
    expect(double.asked).toHaveLength(1);
  });

  test("bytes that are no HTTP at all are an unavailable registry", async () => {
    const { createServer } = await import("node:net");
    const server = createServer((socket) => socket.end("SSH-2.0-OpenSSH_9.6\r\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as { port: number };
      expect((await failure(clientOf(`http://127.0.0.1:${port}`).registry.getRun("r"))).code).toBe("registry_unavailable");
    } finally {
      server.close();
    }
  });
});

test("a signal ends a call in its pause with the signal's own reason", async () => {
  const stop = new AbortController();
  const registry = createRegistryClient({
    transport: createHttpTransport({ baseUrl: `http://127.0.0.1:${await freePort()}` }),
    now: Date.now,
    signal: stop.signal,
    pause: async (_, signal) => {
      stop.abort(new Error("the person pressed Ctrl-C"));
      signal?.throwIfAborted();
    },
  });
  await expect(registry.getRun("r")).rejects.toThrow("the person pressed Ctrl-C");
});

import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { OpenedHouse } from "../../src/cli/house.ts";
import { buildApp } from "../../src/http/app.ts";
import { adminToken } from "../../src/http/auth/admin-token.ts";
import { drain } from "../../src/http/limits/drain.ts";
import { DEFAULT_LIMITS, type HttpLimits } from "../../src/http/limits/http-limits.ts";
import type { Store } from "../../src/store/store.ts";
import { openToyHouse } from "./support/open-house.ts";

const TOKEN = "a-token-of-the-test";
const folder = mkdtempSync(join(tmpdir(), "requeen-limits-"));
let opened: OpenedHouse;
let nowMs = 1_750_000_000_000;
const apps: FastifyInstance[] = [];

beforeAll(async () => {
  opened = await openToyHouse(folder, () => nowMs);
});
afterEach(async () => {
  for (const app of apps.splice(0)) await drain(app, 0);
});
afterAll(async () => {
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Started {
  readonly app: FastifyInstance;
  readonly url: string;
  readonly port: number;
}

/** A server on a port of its own. @param store replaces methods of the real store */
async function start(change: Partial<HttpLimits>, store: Partial<Store> = {}): Promise<Started> {
  const app = await buildApp({
    house: { ...opened.house, store: { ...opened.house.store, ...store } },
    authenticate: adminToken(TOKEN, "anna"),
    mlflow: opened.embeddedMlflow,
    logger: false,
    limits: { ...DEFAULT_LIMITS, ...change },
  });
  apps.push(app);
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  return { app, url, port: Number(new URL(url).port) };
}

const authorization = `Bearer ${TOKEN}`;
const get = (url: string, token = authorization): Promise<Response> => fetch(url, { headers: { authorization: token } });
const RUN = "/api/v1/runs/nothing";

/** A way to hold requests inside the store until `open` is called. */
function gate(): { readonly wait: () => Promise<null>; readonly open: () => void; readonly entered: () => Promise<void> } {
  const held = Promise.withResolvers<null>();
  const entered = Promise.withResolvers<void>();
  return {
    wait: () => {
      entered.resolve();
      return held.promise;
    },
    open: () => held.resolve(null),
    entered: () => entered.promise,
  };
}

/** Everything that comes over a socket until it is closed. */
const readAll = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", () => socket.destroy()); // the server cuts lines in these tests
    socket.on("close", () => resolve(text));
  });

describe("rate of one identity", () => {
  test("beyond it 429 with Retry-After in whole seconds; the next second lets as many through again", async () => {
    const { url } = await start({ rateLimit: { requestsPerSecond: 2, burst: 3, failedSignInsPerMinute: 60 } });
    const statuses = async (count: number): Promise<number[]> => {
      const seen = [];
      for (let index = 0; index < count; index += 1) seen.push((await get(url + RUN)).status);
      return seen;
    };
    expect(await statuses(4)).toEqual([404, 404, 404, 429]);
    const refused = await get(url + RUN);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await refused.json()).toMatchObject({ code: "too_many_requests", status: 429, burst: 3 });
    expect((await fetch(`${url}/health`)).status).toBe(200);
    nowMs += 1_000;
    expect(await statuses(3)).toEqual([404, 404, 429]);
  });

  test("the embedded MLflow server counts for the same identity, and answers in MLflow's own form", async () => {
    const { url } = await start({ rateLimit: { requestsPerSecond: 1, burst: 1, failedSignInsPerMinute: 60 } });
    await get(url + RUN);
    const answer = await get(`${url}/api/2.0/mlflow/registered-models/search`);
    expect(answer.status).toBe(429);
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(await answer.json()).toMatchObject({ error_code: "REQUEST_LIMIT_EXCEEDED" });
  });
});

describe("failed sign-ins", () => {
  test("after too many different ones an address waits, also with a token that was never right here; one that was right goes on", async () => {
    const { url } = await start({ rateLimit: { requestsPerSecond: 100, burst: 100, failedSignInsPerMinute: 3 } });
    expect((await get(url + RUN)).status).toBe(404); // right once before the others guess
    for (const guess of ["a", "a", "a", "a", "b", "c"]) expect((await get(url + RUN, `Bearer ${guess}`)).status).toBe(401);
    const refused = await get(url + RUN, "Bearer d");
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBe(20);
    expect((await get(`${url}/api/2.0/mlflow/registered-models/search`, "Bearer d")).status).toBe(429);
    expect((await get(url + RUN)).status).toBe(404);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    nowMs += 20_000;
    expect((await get(url + RUN, "Bearer d")).status).toBe(401);
  });
});

describe("requests under way", () => {
  test("beyond the limit 503 with Retry-After at once, health still answers, and places come back", async () => {
    const { wait, open, entered } = gate();
    const { url } = await start({ maxConcurrentRequests: 1 }, { getRun: wait });
    const first = get(url + RUN);
    await entered();
    const refused = await get(`${url}/api/v1/runs`);
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await refused.json()).toMatchObject({ code: "overloaded", limit: 1 });
    expect((await fetch(`${url}/health`)).status).toBe(200);
    open();
    expect((await first).status).toBe(404);
    expect((await get(`${url}/api/v1/runs`)).status).toBe(200);
  });

  test("a caller that goes away gives its place back", async () => {
    const { wait, open, entered } = gate();
    const { url } = await start({ maxConcurrentRequests: 1 }, { getRun: wait });
    const leaving = new AbortController();
    const first = fetch(url + RUN, { headers: { authorization }, signal: leaving.signal }).catch(() => "gone");
    await entered();
    leaving.abort();
    expect(await first).toBe("gone");
    await expect.poll(async () => (await get(`${url}/api/v1/runs`)).status).toBe(200);
    open();
  });
});

describe("bodies", () => {
  test("larger than the limit is 413", async () => {
    const { url } = await start({ bodyLimitBytes: 1_000 });
    const answer = await fetch(`${url}/api/v1/feedback`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({ opinion_id: "x".repeat(2_000) }),
    });
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: "payload_too_large" });
  });

  const post = (path: string, length: number): string =>
    `POST ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: ${authorization}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;

  test("a client that trickles its body is answered 408 and let go", async () => {
    const { port } = await start({ requestTimeoutMs: 200 });
    const socket = connect(port, "127.0.0.1");
    const answer = readAll(socket);
    socket.write(post("/api/v1/feedback", 5_000));
    const trickle = setInterval(() => socket.write(" "), 20);
    const text = await answer;
    clearInterval(trickle);
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(text).toMatch(/connection: close/i);
    expect(text).toContain('"code":"request_timeout"');
  });

  test("a large body that goes on coming may take longer", async () => {
    const { port } = await start({ requestTimeoutMs: 100 });
    const socket = connect(port, "127.0.0.1");
    const answer = readAll(socket);
    const body = JSON.stringify({ opinion_id: "nobody", human_recommendation: "yes", feedback_notes: "x".repeat(10_000) });
    socket.write(post("/api/v1/feedback", body.length));
    for (let from = 0; from < body.length; from += 1_000) {
      socket.write(body.slice(from, from + 1_000));
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    socket.end();
    expect(await answer).toMatch(/^HTTP\/1\.1 404 .*"code":"opinion_not_found"/s);
  });

  test("a client that never finishes its headers is let go, and others are answered meanwhile", async () => {
    const { port, url } = await start({ headersTimeoutMs: 300 });
    const socket = connect(port, "127.0.0.1");
    const answer = readAll(socket);
    socket.write("GET /health HTTP/1.1\r\nhost: localhost\r\n");
    const trickle = setInterval(() => socket.write("x-more: 1\r\n"), 50);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
    clearInterval(trickle);
  });
});

describe("what is no request, or is refused in its middle", () => {
  const say = async (port: number, text: string): Promise<string> => {
    const socket = connect(port, "127.0.0.1");
    const answer = readAll(socket);
    socket.write(text);
    return answer;
  };
  test.each([
    ["no HTTP", "HELO there\r\n\r\n", 400, "bad_request"],
    ["headers beyond the limit", `GET / HTTP/1.1\r\nx: ${"x".repeat(70_000)}\r\n\r\n`, 431, "headers_too_large"],
  ])("%s is a problem like all others", async (_name, text, status, code) => {
    const { port } = await start({});
    const answer = await say(port, text);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")))).toMatchObject({ status, code });
  });

  test.each(["application/json", "application/vnd.apache.parquet"])(
    "an import that is refused before its %s was read is answered, and names no file of ours",
    async (type) => {
      const { url } = await start({});
      const importing = async (query: string): Promise<Response> =>
        fetch(`${url}/api/v1/opinions/import${query}`, {
          method: "POST",
          headers: { authorization, "content-type": type },
          body: `[${"{},".repeat(1_000_000)}{}]`,
        });
      const gap = await importing("?import_id=here&position=7");
      expect([gap.status, ((await gap.json()) as { code: string }).code]).toEqual([409, "conflict"]);
      if (type === "application/json") return;
      const text = await (await importing("")).text();
      expect(JSON.parse(text)).toMatchObject({ code: "bad_data", status: 422 });
      expect(text).not.toContain(folder);
    },
  );
});

describe("draining", () => {
  test("not ready at once, what is under way is answered, new connections are refused, idle ones are closed", async () => {
    const { wait, open, entered } = gate();
    const { app, port, url } = await start({}, { getRun: wait });
    const first = get(url + RUN);
    await entered();
    const idle = connect(port, "127.0.0.1");
    const idleAnswer = readAll(idle);
    idle.write("GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await new Promise((resolve) => idle.once("data", resolve));
    // open before the drain, its request comes after the begin: it is told that the server ends
    const asking = connect(port, "127.0.0.1");
    const asked = readAll(asking);
    asking.write("GET /ready HTTP/1.1\r\nhost: localhost\r\n");
    await new Promise((resolve) => setTimeout(resolve, 50));

    const drained = drain(app, 10_000);
    asking.write("\r\n");
    const readiness = await asked;
    expect(readiness).toMatch(/^HTTP\/1\.1 503 /);
    expect(readiness).toContain('"status":"draining"');
    expect(readiness).toMatch(/connection: close/i);
    expect(await idleAnswer).toMatch(/200 OK/);
    await expect(fetch(`${url}/health`)).rejects.toThrow();
    open();
    expect((await first).status).toBe(404);
    expect(await drained).toBe(0);
  });

  test("what is not answered by the deadline is cut off", async () => {
    const { wait, open, entered } = gate();
    const { app, url } = await start({}, { getRun: wait });
    const first = get(url + RUN).catch(() => "cut");
    await entered();
    expect(await drain(app, 50)).toBeGreaterThan(0);
    expect(await first).toBe("cut");
    open();
  });
});

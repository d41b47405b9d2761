import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { collectBytes } from "../../src/registry/bytes.ts";
import { addressOf, createHttpTransport, type HttpTransportOptions } from "../../src/registry/http-transport.ts";
import { sendJson, startHttpDouble } from "../unit/registry/http-double.ts";

const pem = (name: string): string => readFileSync(join(import.meta.dirname, "../fixtures/registry/tls", `${name}.pem`), "utf8");

async function get(options: HttpTransportOptions, path = "/version"): Promise<{ status: number; text: string }> {
  const { status, body } = await createHttpTransport(options)({ method: "GET", path });
  return { status, text: new TextDecoder().decode(await collectBytes(body, 1_000_000)) };
}

describe("addresses and credentials", () => {
  test("a path prefix, a query with odd characters and repeated names arrive as sent", async () => {
    await using double = await startHttpDouble((_, response) => sendJson(response, 200, {}));
    const transport = createHttpTransport({ baseUrl: `${double.baseUrl}/team/mlflow/` });
    await transport({
      method: "GET",
      path: "/api/x",
      query: [
        ["filter", "name='a&b' AND x=\"ü\""],
        ["order_by", "a"],
        ["order_by", "b c"],
      ],
    });
    const url = new URL(double.asked[0].path, double.baseUrl);
    expect(url.pathname).toBe("/team/mlflow/api/x");
    expect([...url.searchParams]).toEqual([
      ["filter", "name='a&b' AND x=\"ü\""],
      ["order_by", "a"],
      ["order_by", "b c"],
    ]);
  });

  test.each([
    [{ token: "tok" }, "Bearer tok"],
    [{ token: "tok", username: "ann", password: "p" }, "Bearer tok"],
    [{ username: "ann", password: "pä:ß" }, `Basic ${Buffer.from("ann:pä:ß").toString("base64")}`],
    [{}, undefined],
  ])("%j is sent as %s", async (credentials, header) => {
    await using double = await startHttpDouble((_, response) => sendJson(response, 200, {}));
    await get({ baseUrl: double.baseUrl, ...credentials });
    expect(double.asked[0].headers.authorization).toBe(header);
  });

  test("a user and password in the address count, and are shown to nobody", async () => {
    await using double = await startHttpDouble((_, response) => sendJson(response, 200, {}));
    const baseUrl = double.baseUrl.replace("//", "//ann:s%40fe@");
    await get({ baseUrl });
    expect(double.asked[0].headers.authorization).toBe(`Basic ${Buffer.from("ann:s@fe").toString("base64")}`);
    expect(addressOf(baseUrl)).toBe(double.baseUrl);
  });

  test.each([
    [
      { baseUrl: "databricks://profile" },
      /MLFLOW_TRACKING_URI must be an http:\/\/ or https:\/\/ address; got "databricks:\/\/profile"/,
    ],
    [{ baseUrl: "ftp://ann:secret@host" }, /got "ftp:\/\/\*\*\*@host"/],
    [{ baseUrl: "mlruns" }, /bad_config/],
    [{ baseUrl: "http://h", token: "two\nlines" }, /MLFLOW_TRACKING_TOKEN must be one line of visible ASCII/],
  ])("%j is refused before anything is sent", (options, message) => {
    expect(() => createHttpTransport(options)).toThrow(message);
  });
});

describe("bodies", () => {
  test("bytes have a length, a stream goes in chunks, and both arrive whole", async () => {
    await using double = await startHttpDouble((_, response) => sendJson(response, 200, {}));
    const transport = createHttpTransport({ baseUrl: double.baseUrl });
    await transport({ method: "PUT", path: "/a", body: new Uint8Array([1, 2, 3]) });
    await transport({
      method: "PUT",
      path: "/b",
      body: (async function* () {
        yield new Uint8Array(70_000);
        yield new Uint8Array([9]);
      })(),
    });
    await transport({ method: "DELETE", path: "/c", body: new TextEncoder().encode("{}") });
    expect(double.asked.map(({ body }) => body.byteLength)).toEqual([3, 70_001, 2]);
    expect(double.asked[0].headers["content-length"]).toBe("3");
    expect(double.asked[1].headers["transfer-encoding"]).toBe("chunked");
  });

  test("leaving an answer's body early closes its connection and nothing else", async () => {
    await using double = await startHttpDouble(({ path }, response) => {
      if (path === "/endless") response.writeHead(200).write(new Uint8Array(100_000));
      else sendJson(response, 200, { ok: true });
    });
    const transport = createHttpTransport({ baseUrl: double.baseUrl });
    const { body } = await transport({ method: "GET", path: "/endless" });
    if (body instanceof Uint8Array) throw new Error("a stream is due");
    for await (const chunk of body) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    expect((await transport({ method: "GET", path: "/next" })).status).toBe(200);
  });
});

describe("TLS", () => {
  const server = { cert: pem("server.cert"), key: pem("server.key") };

  test("a certificate of an authority that is not known is refused, one that is known is taken", async () => {
    await using double = await startHttpDouble((_, response) => void response.end("3.11.1"), { tls: server });
    await expect(get({ baseUrl: double.baseUrl })).rejects.toThrow(
      /TLS failed \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\); set MLFLOW_TRACKING_SERVER_CERT_PATH/,
    );
    expect(await get({ baseUrl: double.baseUrl, tls: { ca: pem("ca.cert") } })).toEqual({ status: 200, text: "3.11.1" });
    expect((await get({ baseUrl: double.baseUrl, tls: { verify: false } })).status).toBe(200);
  });

  test("a server that does not speak TLS is told as such, and not tried again", async () => {
    await using double = await startHttpDouble((_, response) => void response.end("plain"));
    const details = { reason: "certificate", permanent: true, sent: false };
    await expect(get({ baseUrl: double.baseUrl.replace("http:", "https:") })).rejects.toMatchObject({
      code: "registry_unavailable",
      details,
    });
  });

  test("a certificate of another name is refused unless that name is asked for", async () => {
    await using double = await startHttpDouble((_, response) => void response.end("ok"), { tls: server });
    const baseUrl = `https://127.0.0.1:${double.port}`;
    await expect(get({ baseUrl, tls: { ca: pem("ca.cert"), serverName: "mlflow.example" } })).rejects.toMatchObject({
      code: "registry_unavailable",
    });
    expect((await get({ baseUrl, tls: { ca: pem("ca.cert"), serverName: "localhost" } })).status).toBe(200);
  });

  test("a server that wants a client certificate gets it", async () => {
    const tls = { ...server, ca: pem("ca.cert"), requestCert: true, rejectUnauthorized: true };
    await using double = await startHttpDouble((_, response) => void response.end("ok"), { tls });
    const withoutOne = get({ baseUrl: double.baseUrl, tls: { ca: pem("ca.cert") } });
    await expect(withoutOne).rejects.toMatchObject({ code: "registry_unavailable" });
    const withOne = { ca: pem("ca.cert"), cert: pem("client.cert"), key: pem("client.key") };
    expect((await get({ baseUrl: double.baseUrl, tls: withOne })).text).toBe("ok");
  });
});

describe("HTTP proxy", () => {
  let proxy: Server | undefined;
  afterEach(() => {
    proxy?.closeAllConnections();
    proxy?.close();
  });

  /** Passes http:// requests on and opens tunnels for https://, as corporate proxies do; keeps what it was asked for. */
  async function startProxy(): Promise<{ address: string; seen: string[] }> {
    const seen: string[] = [];
    proxy = createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers["proxy-authorization"] ?? "-"}`);
      response.end("through the proxy");
    });
    proxy.on("connect", (request: IncomingMessage, socket: Socket) => {
      seen.push(`CONNECT ${request.url} ${request.headers["proxy-authorization"] ?? "-"}`);
      const [host, port] = (request.url ?? "").split(":");
      const onward = connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        onward.pipe(socket).pipe(onward);
      });
      onward.on("error", () => socket.destroy());
      socket.on("error", () => onward.destroy());
    });
    await new Promise<void>((resolve) => proxy?.listen(0, "127.0.0.1", resolve));
    return { address: `127.0.0.1:${(proxy.address() as AddressInfo).port}`, seen };
  }

  test("http:// goes through it with its own credentials", async () => {
    const { address, seen } = await startProxy();
    const answer = await get({ baseUrl: "http://mlflow.example:5000", proxy: { http: `http://ann:pw@${address}` } });
    expect(answer.text).toBe("through the proxy");
    expect(seen).toEqual([`GET http://mlflow.example:5000/version Basic ${Buffer.from("ann:pw").toString("base64")}`]);
  });

  test("https:// goes through a tunnel, in which the server's certificate still counts", async () => {
    const { address, seen } = await startProxy();
    await using double = await startHttpDouble((_, response) => void response.end("through a tunnel"), {
      tls: { cert: pem("server.cert"), key: pem("server.key") },
    });
    const options = { baseUrl: double.baseUrl, proxy: { https: `http://${address}` } };
    expect((await get({ ...options, tls: { ca: pem("ca.cert") } })).text).toBe("through a tunnel");
    expect(seen).toEqual([`CONNECT 127.0.0.1:${double.port} -`]);
    await expect(get(options)).rejects.toMatchObject({ code: "registry_unavailable" });
  });

  test("hosts of noProxy are reached directly", async () => {
    const { address, seen } = await startProxy();
    await using double = await startHttpDouble((_, response) => void response.end("direct"));
    const answer = await get({ baseUrl: double.baseUrl, proxy: { http: `http://${address}`, noProxy: "localhost,127.0.0.1" } });
    expect([answer.text, seen]).toEqual(["direct", []]);
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { connectRegistry } from "../../../src/registry/connect.ts";
import { freePort, sendJson, startHttpDouble } from "./http-double.ts";

const tlsFolder = join(import.meta.dirname, "../../fixtures/registry/tls");
const folder = mkdtempSync(join(tmpdir(), "requeen-connect-"));
afterAll(() => rmSync(folder, { recursive: true }));
const pem = (name: string): string => readFileSync(join(tlsFolder, `${name}.pem`), "utf8");
const experiment = { experiment: { experiment_id: "1", name: "e" } };
const connect = (baseUrl: string, environment: Record<string, string> = {}) =>
  connectRegistry({ baseUrl, environment, now: Date.now, random: () => 0 });

test("certificates of MLflow's own variables are used for both sides", async () => {
  const client = join(folder, "client.pem");
  writeFileSync(client, pem("client.key") + pem("client.cert"));
  const tls = {
    cert: pem("server.cert"),
    key: pem("server.key"),
    ca: pem("ca.cert"),
    requestCert: true,
    rejectUnauthorized: true,
  };
  await using double = await startHttpDouble((_, response) => sendJson(response, 200, experiment), { tls });
  const environment = {
    MLFLOW_TRACKING_SERVER_CERT_PATH: join(tlsFolder, "ca.cert.pem"),
    MLFLOW_TRACKING_CLIENT_CERT_PATH: client,
  };
  expect((await connect(double.baseUrl, environment).findExperiment("e"))?.experimentId).toBe("1");
});

test("any certificate is taken only when that is asked for", async () => {
  await using double = await startHttpDouble((_, response) => sendJson(response, 200, experiment), {
    tls: { cert: pem("server.cert"), key: pem("server.key") },
  });
  await expect(connect(double.baseUrl).findExperiment("e")).rejects.toMatchObject({
    code: "registry_unavailable",
    details: { reason: "certificate" },
  });
  expect((await connect(double.baseUrl, { MLFLOW_TRACKING_INSECURE_TLS: "true" }).findExperiment("e"))?.name).toBe("e");
});

test("the number of retries is MLflow's", async () => {
  const registry = connect(`http://127.0.0.1:${await freePort()}`, { MLFLOW_HTTP_REQUEST_MAX_RETRIES: "1" });
  await expect(registry.findExperiment("e")).rejects.toMatchObject({ details: { attempts: 2 } });
});

test("a proxy of either spelling is used, and noProxy kept", async () => {
  await using proxy = await startHttpDouble((_, response) => sendJson(response, 200, experiment));
  await connect("http://mlflow.example", { HTTP_PROXY: proxy.baseUrl }).findExperiment("e");
  await connect("http://mlflow.example", { http_proxy: proxy.baseUrl }).findExperiment("e");
  expect(proxy.asked.map(({ path }) => path.split("?")[0])).toEqual(
    Array(2).fill("http://mlflow.example/api/2.0/mlflow/experiments/get-by-name"),
  );
  await using direct = await startHttpDouble((_, response) => sendJson(response, 200, experiment));
  await connect(direct.baseUrl, { HTTP_PROXY: proxy.baseUrl, NO_PROXY: "127.0.0.1" }).findExperiment("e");
  expect([proxy.asked.length, direct.asked.length]).toEqual([2, 1]);
});

test.each([
  [{ MLFLOW_HTTP_REQUEST_TIMEOUT: "soon" }, 'MLFLOW_HTTP_REQUEST_TIMEOUT must be a number of at least 0.001; got "soon"'],
  [{ MLFLOW_HTTP_REQUEST_MAX_RETRIES: "-1" }, 'MLFLOW_HTTP_REQUEST_MAX_RETRIES must be a number of at least 0; got "-1"'],
  [{ MLFLOW_TRACKING_INSECURE_TLS: "maybe" }, 'MLFLOW_TRACKING_INSECURE_TLS must be true or false; got "maybe"'],
  [
    { MLFLOW_TRACKING_SERVER_CERT_PATH: "/no/such/file" },
    'MLFLOW_TRACKING_SERVER_CERT_PATH must name a file that can be read; got "/no/such/file"',
  ],
  [{ MLFLOW_TRACKING_INSECURE_TLS: "1", MLFLOW_TRACKING_SERVER_CERT_PATH: join(tlsFolder, "ca.cert.pem") }, "exclude each other"],
])("%j is bad_config", (environment, message) => {
  expect(() => connect("https://mlflow.example", environment)).toThrow(message);
});

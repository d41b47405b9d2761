/** The team's own MLflow server, reached as MLflow's own client would: by the same environment variables. */
import { readFileSync } from "node:fs";
import { RequeenError } from "../core/errors.ts";
import { createRegistryClient } from "./client.ts";
import { addressOf, createHttpTransport, type HttpTransportOptions, type TlsOptions } from "./http-transport.ts";
import type { Registry } from "./registry.ts";

export interface ConnectOptions {
  readonly baseUrl: string;
  readonly username?: string;
  readonly password?: string;
  readonly token?: string;
  readonly now: () => number;
  readonly random?: () => number;
  readonly signal?: AbortSignal;
  /** Usually process.env; see CONNECTION_VARIABLES for what is read. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What is read besides address and credentials, with MLflow's own names and meanings. */
export const CONNECTION_VARIABLES = {
  MLFLOW_TRACKING_SERVER_CERT_PATH: "file with the certificates of the authority that the server's own must come from",
  MLFLOW_TRACKING_CLIENT_CERT_PATH: "file with a client certificate and its key, both PEM",
  MLFLOW_TRACKING_INSECURE_TLS: "true accepts any certificate",
  MLFLOW_HTTP_REQUEST_TIMEOUT: "longest silence and longest JSON call, seconds; default 120",
  MLFLOW_HTTP_REQUEST_MAX_RETRIES: "tries after the first one; default 4",
  MLFLOW_S3_ENDPOINT_URL: "address of an S3 service of your own, for artifacts on s3://",
  HTTP_PROXY: "proxy for http:// servers",
  HTTPS_PROXY: "proxy for https:// servers",
  NO_PROXY: "hosts that are reached without a proxy, comma-separated",
} as const;

/** @throws RequeenError bad_config when a variable cannot be used; nothing is sent yet. */
export function connectRegistry({ environment, now, random, signal, ...server }: ConnectOptions): Registry {
  const seconds = readNumber(environment, "MLFLOW_HTTP_REQUEST_TIMEOUT", 0.001);
  const timeoutMs = seconds === undefined ? undefined : Math.ceil(seconds * 1_000);
  const retries = readNumber(environment, "MLFLOW_HTTP_REQUEST_MAX_RETRIES", 0);
  const common: Omit<HttpTransportOptions, "baseUrl"> = { timeoutMs, tls: tlsOf(environment), proxy: proxyOf(environment) };
  const endpoint = environment.MLFLOW_S3_ENDPOINT_URL;
  return createRegistryClient({
    transport: createHttpTransport({ ...common, ...server }),
    // another origin gets our TLS and proxy settings, and never our credentials
    transportTo: (origin) => createHttpTransport({ ...common, baseUrl: origin }),
    address: addressOf(server.baseUrl),
    attempts: retries === undefined ? undefined : retries + 1,
    callTimeoutMs: timeoutMs,
    s3: endpoint === undefined || endpoint === "" ? {} : { endpoint },
    now,
    random,
    signal,
  });
}

function readNumber(environment: ConnectOptions["environment"], name: string, least: number): number | undefined {
  const text = environment[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value >= least) return value;
  throw new RequeenError("bad_config", `${name} must be a number of at least ${least}; got ${JSON.stringify(text)}`, {
    name,
    value: text,
  });
}

function tlsOf(environment: ConnectOptions["environment"]): TlsOptions {
  const insecure = readFlag(environment, "MLFLOW_TRACKING_INSECURE_TLS");
  const ca = readPem(environment, "MLFLOW_TRACKING_SERVER_CERT_PATH");
  const client = readPem(environment, "MLFLOW_TRACKING_CLIENT_CERT_PATH");
  if (insecure && ca !== undefined) {
    throw new RequeenError(
      "bad_config",
      "MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_TRACKING_SERVER_CERT_PATH exclude each other; unset one",
    );
  }
  return { ca, cert: client, key: client, verify: !insecure };
}

function readFlag(environment: ConnectOptions["environment"], name: string): boolean {
  const text = (environment[name] ?? "").toLowerCase();
  if (["true", "1"].includes(text)) return true;
  if (["", "false", "0"].includes(text)) return false;
  throw new RequeenError("bad_config", `${name} must be true or false; got ${JSON.stringify(environment[name])}`, { name });
}

function readPem(environment: ConnectOptions["environment"], name: string): string | undefined {
  const path = environment[name];
  if (path === undefined || path === "") return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new RequeenError(
      "bad_config",
      `${name} must name a file that can be read; got ${JSON.stringify(path)}`,
      { name, path },
      { cause },
    );
  }
}

/** Both spellings are in use; curl reads the small one first. */
function proxyOf(environment: ConnectOptions["environment"]): HttpTransportOptions["proxy"] {
  const of = (name: string): string | undefined => environment[name.toLowerCase()] || environment[name] || undefined;
  const [http, https, noProxy] = [of("HTTP_PROXY"), of("HTTPS_PROXY"), of("NO_PROXY")];
  return http === undefined && https === undefined ? undefined : { http, https, noProxy };
}

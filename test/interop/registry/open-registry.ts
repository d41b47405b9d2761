import { createRegistryClient } from "../../../src/registry/client.ts";
import { addressOf, createHttpTransport } from "../../../src/registry/http-transport.ts";
import type { Registry } from "../../../src/registry/registry.ts";

/** A client of the server under test, with the credentials and the S3 address of MLflow's own environment variables. */
export function openRegistry(baseUrl: string): Registry {
  const {
    MLFLOW_TRACKING_USERNAME: username,
    MLFLOW_TRACKING_PASSWORD: password,
    MLFLOW_S3_ENDPOINT_URL: endpoint,
  } = process.env;
  return createRegistryClient({
    transport: createHttpTransport({ baseUrl, username, password }),
    transportTo: (origin) => createHttpTransport({ baseUrl: origin }),
    address: addressOf(baseUrl),
    s3: { endpoint },
    now: Date.now,
  });
}

/**
 * The registry over MLflow's REST API: one client for the team's own server (http-transport.ts) and for the embedded one (src/mlflow).
 * Works with MLflow 2.9 and newer; what a server lacks is found out once and worked around: logged models, aliases, stages.
 */
import * as z from "zod";
import { isRequeenError } from "../core/errors.ts";
import { type ArtifactOptions, createArtifactMethods } from "./artifact-client.ts";
import { collectBytes } from "./bytes.ts";
import { type Endpoint, isEndpointMissing } from "./endpoint.ts";
import { createModelMethods } from "./model-client.ts";
import type { Capabilities, Registry } from "./registry.ts";
import { createRestCaller, type RestCaller, type RetryOptions } from "./rest-call.ts";
import { createTrackingMethods } from "./tracking-client.ts";
import type { Transport } from "./transport.ts";

export interface RegistryClientOptions extends RetryOptions, ArtifactOptions {
  readonly transport: Transport;
  readonly now: () => number;
  /** In [0, 1); spreads the pauses between tries. Default Math.random. */
  readonly random?: () => number;
  /** For messages. Default "the embedded registry"; for HTTP give `addressOf(baseUrl)`. */
  readonly address?: string;
  /** The whole of one try of a JSON call, milliseconds. Default 120,000. */
  readonly callTimeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Waits between tries; a test passes its own. Default: a timer. */
  readonly pause?: (pauseMs: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** Nothing is sent before the first method is called. */
export function createRegistryClient(options: RegistryClientOptions): Registry {
  const address = options.address ?? "the embedded registry";
  const callerOptions = { ...options, address, random: options.random ?? Math.random };
  const caller = createRestCaller(callerOptions);
  let known: Promise<Capabilities> | null = null;

  const capabilities = (): Promise<Capabilities> => {
    known ??= probe(caller).catch((error: unknown) => {
      // a server that is away now may be there later
      known = null;
      throw error;
    });
    return known;
  };
  const tracking = createTrackingMethods(caller);
  const models = createModelMethods(caller, capabilities);
  const artifacts = createArtifactMethods(caller, callerOptions, { ...tracking, ...models }, options);
  return { address, capabilities, ...tracking, ...models, ...artifacts };
}

const endpoint = (method: Endpoint["method"], path: string): Endpoint => ({
  method,
  path,
  repeatable: true,
  missing: "not_found",
});

/** Asks for things that do not exist: a server that has the endpoint says so in MLflow's words, one that has not answers as for any address. */
async function probe(caller: RestCaller): Promise<Capabilities> {
  const has = async (
    at: Endpoint,
    message: { query?: ReadonlyArray<readonly [string, string]>; body?: object },
  ): Promise<boolean> => {
    try {
      await caller.json(at, z.unknown(), message);
      return true;
    } catch (error) {
      if (isEndpointMissing(error)) return false;
      if (isRequeenError(error, "not_found") || isRequeenError(error, "bad_request") || isRequeenError(error, "conflict"))
        return true;
      throw error;
    }
  };
  const name = "requeen-capability-probe";
  const [serverVersion, loggedModels, aliases, stages] = await Promise.all([
    versionOf(caller),
    has(endpoint("GET", "/api/2.0/mlflow/logged-models/m-00000000000000000000000000000000"), {}),
    has(endpoint("GET", "/api/2.0/mlflow/registered-models/alias"), {
      query: [
        ["name", name],
        ["alias", "probe"],
      ],
    }),
    has(endpoint("POST", "/api/2.0/mlflow/model-versions/transition-stage"), {
      body: { name, version: "1", stage: "None", archive_existing_versions: false },
    }),
  ]);
  return { serverVersion, loggedModels, aliases, stages };
}

async function versionOf(caller: RestCaller): Promise<string | null> {
  try {
    const bytes = await caller.repeated(true, async () =>
      collectBytes((await caller.once(endpoint("GET", "/version"))).body, 65_536),
    );
    const text = new TextDecoder().decode(bytes).trim();
    return /^\d+\.\d+[\w.+-]*$/.test(text) ? text : null;
  } catch (error) {
    // a gateway may show the API alone
    if (isEndpointMissing(error) || isRequeenError(error, "not_found") || isRequeenError(error, "forbidden")) return null;
    throw error;
  }
}

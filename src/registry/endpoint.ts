import { isRequeenError, type RequeenError } from "../core/errors.ts";
import type { TransportRequest } from "./transport.ts";

/** One call of MLflow's REST API. */
export interface Endpoint {
  readonly method: TransportRequest["method"];
  readonly path: string;
  /** True when a second execution changes nothing: then lost connections and 5xx are tried again. */
  readonly repeatable: boolean;
  /** What a missing resource is called for callers. */
  readonly missing: "not_found" | "model_not_found";
}

/** The server does not know the call at all: what an older, newer or foreign MLflow answers. */
export const isEndpointMissing = (error: unknown): error is RequeenError => isRequeenError(error, "not_implemented");

/**
 * How the registry client reaches an MLflow server: over HTTP, or by a plain call to the embedded server in the same process.
 * Plain data, so that a start of `requeen status` loads no HTTP machinery.
 */
export interface TransportRequest {
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** Begins with "/", already percent-encoded, without query: "/api/2.0/mlflow/runs/create". */
  readonly path: string;
  readonly query?: ReadonlyArray<readonly [name: string, value: string]>;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
}

export interface TransportResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
}

/** @throws RequeenError registry_unavailable when no answer came at all; an answer of any status is returned. */
export type Transport = (request: TransportRequest) => Promise<TransportResponse>;

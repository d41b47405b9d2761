/** What one server takes on at once, and how long it waits for a caller. Times in ms. */
export interface HttpLimits {
  /** Largest body of a request that is not read as a stream. */
  readonly bodyLimitBytes: number;
  /** After this time a body must have come whole, or go on coming at `SLOWEST_BYTES_PER_SECOND`. */
  readonly requestTimeoutMs: number;
  /** The request line and the headers must have come by then; absent: HEADERS_TIMEOUT_MS. */
  readonly headersTimeoutMs?: number;
  readonly maxConcurrentRequests: number;
  readonly maxConnections: number;
  readonly rateLimit: RateLimits;
}

export interface RateLimits {
  /** Of one identity, in the long run. */
  readonly requestsPerSecond: number;
  /** Of one identity, at once. */
  readonly burst: number;
  /** Of one address. */
  readonly failedSignInsPerMinute: number;
}

export const DEFAULT_LIMITS: HttpLimits = {
  bodyLimitBytes: 5 * 1024 * 1024,
  requestTimeoutMs: 30_000,
  maxConcurrentRequests: 512,
  maxConnections: 2_000,
  rateLimit: { requestsPerSecond: 1_000, burst: 2_000, failedSignInsPerMinute: 30 },
};

/** Slower than the slowest line, and faster than a client that only wants to hold a connection. */
export const SLOWEST_BYTES_PER_SECOND = 500;

/** Address and headers together: room for a cursor over names in any script, percent-encoded. */
export const MAX_HEADER_BYTES = 64 * 1024;
export const HEADERS_TIMEOUT_MS = 10_000;
/** A connection on which nothing moves in either direction is closed; longer than the heartbeat of event streams. */
export const SILENCE_TIMEOUT_MS = 120_000;
/** Longer than what load balancers keep idle connections for, so that it is they who close. */
export const KEEP_ALIVE_MS = 72_000;

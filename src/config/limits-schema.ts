import { z } from "zod";

/** What one server takes on at once; fields of the section `server`. */
export const serverLimits = {
  trustedProxies: z
    .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]))
    .default([])
    .meta({ description: "addresses and networks of proxies that are believed when X-Forwarded-For says who the caller is" }),
  bodyLimitBytes: z
    .int()
    .min(1_024)
    .max(1_024 * 1_024 * 1_024)
    .default(5 * 1_024 * 1_024)
    .meta({ description: "largest body of a request that is not read as a stream" }),
  requestTimeoutMs: z
    .int()
    .min(100)
    .default(30_000)
    .meta({ description: "time for a body to come; longer is allowed while 500 bytes a second come" }),
  maxConcurrentRequests: z
    .int()
    .min(1)
    .default(512)
    .meta({ description: "requests under way at once; more are answered 503 with Retry-After" }),
  maxConnections: z.int().min(1).default(2_000).meta({ description: "open connections; more are closed at once" }),
  drainMs: z
    .int()
    .min(0)
    .default(25_000)
    .meta({ description: "after SIGTERM, time for requests under way; what is not answered then is cut off" }),
  rateLimit: z
    .strictObject({
      requestsPerSecond: z
        .number()
        .positive()
        .default(1_000)
        .meta({ description: "requests of one identity a second, in the long run; more are answered 429 with Retry-After" }),
      burst: z.int().min(1).default(2_000).meta({ description: "requests of one identity at once after a pause" }),
      failedSignInsPerMinute: z.number().positive().default(30).meta({
        description: "different tokens that may fail from one address; then it waits, except with one that was right before",
      }),
    })
    .prefault({}),
};

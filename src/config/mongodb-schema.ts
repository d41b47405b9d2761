import { z } from "zod";

const milliseconds = z.int().min(1).optional();

/** How a MongoDB is asked. What is not set here may stand in the connection string, under the driver's own names. */
export const mongodbSchema = z.strictObject({
  maxConnections: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .meta({ description: "connections to the MongoDB at most; by default 20" }),
  serverTimeoutMs: milliseconds.meta({
    description: "how long a call looks for a MongoDB server that can be used; by default 5000",
  }),
  socketTimeoutMs: milliseconds.meta({ description: "how long a call waits for the MongoDB's answer; by default 30000" }),
  waitQueueTimeoutMs: milliseconds.meta({ description: "how long a call waits for a free connection; by default 5000" }),
  breakerFailures: z
    .int()
    .min(1)
    .optional()
    .meta({ description: "failures in a row after which the MongoDB is not asked for a while; by default 3" }),
  breakerPauseMs: milliseconds.meta({ description: "how long it is not asked before one call tries again; by default 2000" }),
});

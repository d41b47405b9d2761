import type { FastifyInstance, FastifyRequest } from "fastify";
import { RequeenError } from "../../core/errors.ts";
import { SLOWEST_BYTES_PER_SECOND } from "./http-limits.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Answered also when the server is full: what tells load balancers how it is. */
    vital?: boolean;
    /** Open for as long as the client wants and idle most of the time, an event stream: takes no place among the concurrent requests. */
    longLived?: boolean;
  }
}

/**
 * Bounds what is under way at once: memory and waiting time stay bounded however many connections are open.
 * @throws RequeenError overloaded from every route that is not vital
 */
export function limitConcurrency(app: FastifyInstance, maxConcurrentRequests: number): void {
  let underWay = 0;
  app.addHook("onRequest", async (request, reply) => {
    const { vital, longLived } = request.routeOptions.config;
    if (vital === true || longLived === true) return;
    if (underWay >= maxConcurrentRequests)
      throw new RequeenError("overloaded", `${maxConcurrentRequests} requests are under way, and no more may be`, {
        limit: maxConcurrentRequests,
        retry_after_seconds: 1,
      });
    underWay += 1;
    // comes once, whether the answer was sent or the connection ended before it
    reply.raw.once("close", () => {
      underWay -= 1;
    });
  });
}

/**
 * Ends requests whose body comes too slowly to be meant: those of a client that trickles bytes to hold a connection. A large body may take
 * as long as it needs while it goes on coming.
 */
export function limitSlowBodies(app: FastifyInstance, requestTimeoutMs: number): void {
  app.addHook("onRequest", async (request, reply) => {
    if (!hasBody(request)) return;
    const bytesBefore = request.raw.socket.bytesRead;
    let waitedMs = 0;
    let timer: NodeJS.Timeout;
    const look = (): void => {
      waitedMs += requestTimeoutMs;
      const bytes = request.raw.socket.bytesRead - bytesBefore;
      if (request.raw.complete || reply.sent) return;
      if (bytes >= (waitedMs / 1_000) * SLOWEST_BYTES_PER_SECOND) return void start();
      reply.header("connection", "close");
      reply.send(
        new RequeenError("request_timeout", `${bytes} bytes of the body came in ${waitedMs / 1_000} s; send it faster`, {
          received_bytes: bytes,
        }),
      );
    };
    const start = (): void => {
      timer = setTimeout(look, requestTimeoutMs).unref();
    };
    start();
    reply.raw.once("close", () => clearTimeout(timer));
  });
}

const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;

import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { RequeenError } from "../../core/errors.ts";
import type { Events, NumberedEvent } from "../../loop/events.ts";

const HEARTBEAT_MS = 15_000;
/** A client that reads slower than this is let go; it comes back with Last-Event-ID and misses nothing that is kept. */
const MOST_WAITING_BYTES = 256 * 1024;
const MOST_CLIENTS = 200;
const RETRY_MS = 3_000;
/** A longer one would fire at once; the client connects again and is asked for its token anew. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Server-sent events: what changes, as it changes. */
export const eventRoutes =
  (events: Events, now: () => number): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    const clients = new Set<() => void>();
    // before the server waits for its connections, which these would hold open for ever
    app.addHook("preClose", async () => {
      for (const end of clients) end();
      events.close();
    });

    app.get(
      "/events",
      {
        config: { permission: "read", problems: ["too_many_requests"], longLived: true },
        schema: {
          summary: "What changes, as it changes (server-sent events)",
          description:
            "Events: `status` (the line of one specialist, as in GET /status), `run` (run_id, specialist, state, step, phase, share), `feedback` " +
            "(counts of labels). A new client is told the present status of every specialist first; one that comes back with `Last-Event-ID` is " +
            "told what it missed. A comment line every 15 seconds keeps the connection. The stream ends when the server drains: connect again.",
          headers: z.object({ "last-event-id": z.string().max(200).optional() }),
          response: { 200: { description: "a stream of events", content: { "text/event-stream": { schema: z.string() } } } },
        },
      },
      (request, reply) => {
        if (clients.size >= MOST_CLIENTS)
          throw new RequeenError("too_many_requests", `at most ${MOST_CLIENTS} clients may listen; all places are taken`);
        const { specialists, expiresAtMs } = request.identity;
        const { raw } = reply.hijack();
        for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
        raw.writeHead(200, {
          "content-type": "text/event-stream; charset=utf-8",
          "cache-control": "no-store",
          // proxies that buffer would hold events back
          "x-accel-buffering": "no",
          "x-request-id": request.id,
          "x-content-type-options": "nosniff",
        });
        raw.write(`retry: ${RETRY_MS}\n\n`);
        const send = (event: NumberedEvent): void => {
          if (specialists !== null && !specialists.includes(event.data.specialist)) return;
          raw.write(`id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event.data)}\n\n`);
          if (raw.writableLength > MOST_WAITING_BYTES) end();
        };
        const heartbeat = setInterval(() => raw.write(": still here\n\n"), HEARTBEAT_MS);
        // a token that ends takes its stream with it
        const leftMs = expiresAtMs === null ? null : Math.max(0, expiresAtMs - now());
        const expiry = leftMs === null ? null : setTimeout(() => end(), Math.min(leftMs, LONGEST_TIMER_MS));
        let stop = (): void => undefined;
        const end = (): void => {
          clearInterval(heartbeat);
          if (expiry !== null) clearTimeout(expiry);
          clients.delete(end);
          stop();
          if (raw.writableLength > MOST_WAITING_BYTES) raw.destroy();
          else raw.end();
        };
        clients.add(end);
        raw.on("close", end);
        stop = events.subscribe(send, request.headers["last-event-id"] ?? null);
      },
    );
    done();
  };

import { createReadStream } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { TransportResponse } from "../registry/transport.ts";
import { FileBody } from "./artifact-store.ts";
import { answerVisit, type DoorOptions, failureAnswer } from "./front-door.ts";
import type { MlflowService } from "./index.ts";

// By name: an import of node:http asks for all that it exports, WebSocket among it, and that loads 10 MB which nobody needs here.
const { createServer } = process.getBuiltinModule("node:http");

/** Longer than the pause of a load balancer's idle connections, so that not we close one that is about to be used. */
const KEEP_ALIVE_MS = 72_000;

/**
 * The service on a bare HTTP server: it has no other routes and no hooks, and without a framework it starts in half the time and stays
 * 20 MB smaller. `requeen serve` mounts the same service on its own app.
 * @param report is told of failures that callers see as a bare 500.
 */
export function createHttpServer(service: MlflowService, options: DoorOptions, report: (error: unknown) => void): Server {
  const server = createServer((request, response) => {
    answer(service, options, request, report)
      .then((found) => send(response, found, request.method === "HEAD"))
      .catch((error: unknown) => {
        // A client that went away is no failure of ours.
        if (!response.destroyed) report(error);
        response.destroy();
      });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  // An upload may take as long as it takes.
  server.requestTimeout = 0;
  return server;
}

async function answer(
  service: MlflowService,
  options: DoorOptions,
  request: IncomingMessage,
  report: (error: unknown) => void,
): Promise<TransportResponse> {
  const { headers, method = "GET", url = "/" } = request;
  const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
  // A body that is refused half-way is not read on, but its connection stays for the answer.
  const body = hasBody ? request.iterator({ destroyOnReturn: false }) : undefined;
  try {
    return await answerVisit(service, options, { method, url, headers, body }, null);
  } catch (error) {
    const found = failureAnswer(error);
    if (found.status === 500) report(error);
    return found;
  }
}

async function send(response: ServerResponse, { status, headers, body }: TransportResponse, isHead: boolean): Promise<void> {
  if (body instanceof Uint8Array) {
    const length = status === 204 ? {} : { "content-length": body.byteLength };
    response.writeHead(status, { ...length, ...headers });
    response.end(isHead ? undefined : body);
    return;
  }
  response.writeHead(status, headers);
  if (isHead) response.end();
  else if (body instanceof FileBody && body.end < body.start) response.end();
  else if (body instanceof FileBody)
    await pipeline(createReadStream(body.path, { start: body.start, end: body.end, highWaterMark: 1024 * 1024 }), response);
  else await pipeline(Readable.from(body, { objectMode: false }), response);
}

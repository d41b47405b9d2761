import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import type { TransportResponse } from "../registry/transport.ts";
import { FileBody } from "./artifact-store.ts";
import { answerVisit, type DoorOptions, failureAnswer, type Visit } from "./front-door.ts";
import type { MlflowService } from "./index.ts";
import { MOUNTS } from "./router.ts";

const METHODS: HTTPMethods[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const ROOT_PATHS = ["/get-artifact", "/model-versions/get-artifact", "/v1/traces", "/graphql"];

/**
 * Serves MLflow's REST interface on a Fastify app, in a scope of its own: bodies reach the service as streams, so memory does not depend
 * on the size of an artifact, and hooks and errors of ours touch no other route. /health and /version stay the caller's own.
 */
export function mountMlflow(app: FastifyInstance, service: MlflowService, options: DoorOptions = {}): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
    scope.setErrorHandler((error, _request, reply) => {
      const answer = failureAnswer(error);
      if (answer.status === 500) scope.log.error(error);
      return send(reply, answer, false);
    });
    const prefixes = [...new Set(Object.values(MOUNTS).flat())].filter((prefix) => prefix !== "/");
    for (const url of [...prefixes.map((prefix) => `${prefix}*`), ...ROOT_PATHS]) {
      const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
        send(reply, await answerVisit(service, options, visitOf(request), request), request.method === "HEAD");
      scope.route({ method: METHODS, url, exposeHeadRoute: false, handler });
      scope.route({ method: "OPTIONS", url, handler });
    }
  });
}

const visitOf = (request: FastifyRequest): Visit => ({
  method: request.method,
  url: request.raw.url ?? "/",
  headers: request.headers,
  // Every body is the stream that our parser passed on, but Fastify leaves that of GET alone, and some clients send one.
  body:
    request.body instanceof Readable
      ? request.body
      : Number(request.headers["content-length"] ?? 0) > 0
        ? request.raw
        : undefined,
});

function send(reply: FastifyReply, response: TransportResponse, isHead: boolean): FastifyReply {
  reply.code(response.status).headers(response.headers);
  if (isHead) return reply.send();
  const { body } = response;
  if (body instanceof Uint8Array) return body.byteLength === 0 ? reply.send() : reply.send(body);
  if (body instanceof FileBody && body.end >= body.start) {
    return reply.send(createReadStream(body.path, { start: body.start, end: body.end, highWaterMark: 256 * 1024 }));
  }
  return reply.send(Readable.from(body, { objectMode: false }));
}

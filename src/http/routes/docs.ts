import type { FastifyPluginCallbackZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { DOCS_POLICY, docsPage } from "../docs-page.ts";
import { type OpenApiDocument, openApiDocument } from "../openapi-document.ts";

/** What the API is, for programs and for people. Open to all: it says nothing of what is stored. */
export const docsRoutes = (): FastifyPluginCallbackZod => (app, _options, done) => {
  // made at the first request: most servers are never asked
  let document: OpenApiDocument | null = null;
  const read = (): OpenApiDocument => {
    document ??= openApiDocument(app);
    return document;
  };

  app.get(
    "/openapi.json",
    {
      config: { permission: "public" },
      schema: {
        summary: "This document, OpenAPI 3.1",
        response: { 200: z.looseObject({ openapi: z.literal("3.1.0") }).meta({ id: "OpenApi" }) },
      },
    },
    async (_request, reply) =>
      reply
        .header("content-type", "application/json; charset=utf-8")
        .header("cache-control", "no-cache")
        .send(JSON.stringify(read()) as never),
  );

  app.get(
    "/docs",
    {
      config: { permission: "public" },
      schema: {
        summary: "This document as a page",
        response: { 200: { description: "a page", content: { "text/html": { schema: z.string() } } } },
      },
    },
    async (_request, reply) =>
      reply
        .header("content-type", "text/html; charset=utf-8")
        .header("content-security-policy", DOCS_POLICY)
        .header("referrer-policy", "no-referrer")
        .send(docsPage(read()) as never),
  );
  done();
};

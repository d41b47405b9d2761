import swagger from "@fastify/swagger";
import type { FastifyInstance, FastifySchema, RouteOptions } from "fastify";
import { createJsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import type { z } from "zod";
import { ERRORS, type ErrorCode } from "../core/errors.ts";
import { PERMISSIONS } from "../core/identity.ts";
import type { RouteAccess } from "./auth/access.ts";
import { problemSchema } from "./schemas/shared.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Problems that this route answers besides those that every route may. */
    problems?: readonly ErrorCode[];
    /** Media types of a body that is read as a stream, or besides JSON. */
    consumes?: readonly string[];
    /** What a JSON body holds, where the handler and not the framework checks it. */
    documents?: z.ZodType;
  }
}

export const API_PREFIX = "/api/v1";
const OUTSIDE = new Set(["/health", "/ready"]);

/**
 * Gathers the routes into one OpenAPI 3.1 document, and adds to each the problems that the hooks before it may answer. Call it before routes
 * are registered; `app.swagger()` gives the document once the app is ready.
 */
export async function installOpenApi(app: FastifyInstance): Promise<void> {
  app.addHook("onRoute", (route) => {
    if (!isDocumented(route.url)) return;
    const own = (route.schema?.response ?? {}) as Readonly<Record<string, unknown>>;
    route.schema = { ...route.schema, response: withProblems(own, problemsOf(route)) } as FastifySchema;
  });
  const transform = createJsonSchemaTransform({});
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Requeen",
        version: "1.0.0",
        description:
          "Turns people's feedback on specialist models into better models. Times are ISO 8601 in UTC; lists have `next`, the cursor of the next page; " +
          "failures are application/problem+json with a `code` of docs/errors.md. Writes take an `Idempotency-Key`: the same key and body " +
          "give the same answer for 24 hours.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      servers: [{ url: "/" }],
      components: { securitySchemes: { token: { type: "http", scheme: "bearer", description: "a token or an API key" } } },
    },
    transform: ({ schema, url, route, ...rest }) => {
      if (!isDocumented(url) || route.method === "HEAD") return { schema: { ...schema, hide: true }, url };
      const { documents, consumes, streams, permission, keyed } = route.config ?? {};
      const asked = documents === undefined ? schema : { ...schema, body: documents };
      const told = transform({ schema: asked, url, route, ...rest } as Parameters<typeof transform>[0]).schema ?? {};
      const isPublic = permission === undefined || permission === "public";
      return {
        schema: {
          ...told,
          ...(streams === true && documents === undefined ? { body: { type: "string", format: "binary" } } : {}),
          ...(consumes === undefined ? {} : { consumes: [...consumes] }),
          ...(keyed === true ? { headers: KEY_HEADER } : {}),
          operationId: operationOf([route.method].flat()[0] ?? "GET", url),
          tags: [OUTSIDE.has(url) ? "health" : (insideApi(url).split("/")[1] ?? "")],
          security: isPublic ? [] : [{ token: [] }],
          description: [schema?.description, accessText(permission)].filter(Boolean).join("\n\n"),
        } as FastifySchema,
        url,
      };
    },
    transformObject: jsonSchemaTransformObject,
  });
}

const KEY_HEADER = {
  type: "object",
  properties: {
    "idempotency-key": {
      type: "string",
      pattern: "^[!-~]{1,255}$",
      description: "the same key and body give the same answer for 24 hours; another body is 409 conflict",
    },
  },
};

const insideApi = (url: string): string => (url.startsWith(API_PREFIX) ? url.slice(API_PREFIX.length) : url);

/** `GET /api/v1/runs/:id/charts` -> `getRunsIdCharts`. */
const operationOf = (method: string, url: string): string =>
  method.toLowerCase() +
  insideApi(url)
    .split(/[^A-Za-z0-9]+/)
    .filter((part) => part !== "")
    .map((part) => part[0]?.toUpperCase() + part.slice(1))
    .join("");

/** A status that a route answers with a body of its own may be a problem too, as 503 of a health check. */
function withProblems(own: Readonly<Record<string, unknown>>, problems: Readonly<Record<string, ProblemAnswer>>) {
  const shared = Object.keys(own).filter((status) => problems[status] !== undefined);
  const both = shared.map((status) => [
    status,
    {
      description: problems[status]?.description ?? "",
      content: { "application/json": { schema: own[status] }, ...problems[status]?.content },
    },
  ]);
  return { ...own, ...problems, ...Object.fromEntries(both) };
}

const isDocumented = (url: string): boolean => url.startsWith(`${API_PREFIX}/`) || OUTSIDE.has(url);

const accessText = (permission: RouteAccess | undefined): string =>
  permission === undefined || permission === "public"
    ? ""
    : permission === "signed_in"
      ? "For whoever has a valid token."
      : `Needs the permission \`${permission}\`: ${PERMISSIONS[permission]}.`;

interface ProblemAnswer {
  readonly description: string;
  readonly content: Readonly<Record<string, { readonly schema: z.ZodType }>>;
}

/** By status, the codes that a route may answer. */
function problemsOf({ url, method, config, schema }: RouteOptions): Record<string, ProblemAnswer> {
  const codes = new Set<ErrorCode>(config?.problems ?? []);
  const isOpen = OUTSIDE.has(url);
  const writes = [method].flat().some((name) => name !== "GET" && name !== "HEAD");
  const common: readonly ErrorCode[] = isOpen
    ? ["internal"]
    : ["bad_request", "forbidden", "too_many_requests", "internal", "overloaded", "store_unavailable"];
  for (const code of common) codes.add(code);
  if (!isOpen && config?.permission !== "public")
    for (const code of ["unauthenticated", "identity_unavailable"] as const) codes.add(code);
  if (writes) for (const code of ["conflict", "disk_full"] as const) codes.add(code);
  if (config?.keyed === true) codes.add("request_in_progress");
  if (schema?.body !== undefined || config?.consumes !== undefined)
    for (const code of ["payload_too_large", "request_timeout", "unsupported_media_type"] as const) codes.add(code);
  const byStatus = Map.groupBy([...codes].sort(), (code) => String(ERRORS[code].http));
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      status,
      {
        description: names.map((code) => `\`${code}\`: ${ERRORS[code].meaning}`).join("\n\n"),
        content: { "application/problem+json": { schema: problemSchema } },
      },
    ]),
  );
}

import { STATUS_CODES } from "node:http";
import type { FastifyInstance } from "fastify";

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
type JsonObject = { readonly [name: string]: Json };

/** What of the OpenAPI document its readers here use; the rest is there all the same. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}
export interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly security: readonly JsonObject[];
  readonly parameters?: readonly {
    readonly in: "path" | "query" | "header";
    readonly name: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema: JsonSchema;
  }[];
  readonly requestBody?: {
    readonly required?: boolean;
    readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>>;
  };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>> }>
  >;
}
export type JsonSchema = { readonly [keyword: string]: Json | undefined };

/** The OpenAPI 3.1 document of an app that is ready: sorted by path, without what nothing refers to. */
export function openApiDocument(app: FastifyInstance): OpenApiDocument {
  const gathered = JSON.parse(JSON.stringify(app.swagger()).replaceAll("{*}", "{path}")) as OpenApiDocument;
  const paths = Object.fromEntries(
    Object.entries(gathered.paths)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, operations]) => [path, mapValues(operations, toldOperation)]),
  );
  const used = reached(paths, gathered.components.schemas);
  const schemas = Object.fromEntries(
    Object.entries(gathered.components.schemas)
      .filter(([name]) => used.has(name))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return { ...gathered, paths, components: { ...gathered.components, schemas } };
}

/** Names what the framework leaves unnamed: the rest of a path, and answers without words. */
function toldOperation(operation: Operation): Operation {
  return {
    ...operation,
    ...(operation.parameters === undefined
      ? {}
      : { parameters: operation.parameters.map((one) => (one.name === "*" ? { ...one, name: "path" } : one)) }),
    responses: Object.fromEntries(
      Object.entries(operation.responses).map(([status, answer]) => [
        status,
        answer.description === "Default Response" ? { ...answer, description: STATUS_CODES[status] ?? "" } : answer,
      ]),
    ),
  };
}

const mapValues = <T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));

/** Names of the schemas that the paths refer to, directly or through others. */
function reached(paths: unknown, schemas: Readonly<Record<string, JsonSchema>>): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) visit(item);
    else if (typeof value === "object" && value !== null)
      for (const [key, inner] of Object.entries(value)) {
        const name = key === "$ref" && typeof inner === "string" ? (inner.split("/").at(-1) ?? "") : null;
        if (name === null) visit(inner);
        else if (!names.has(name)) {
          names.add(name);
          visit(schemas[name]);
        }
      }
  };
  visit(paths);
  return names;
}

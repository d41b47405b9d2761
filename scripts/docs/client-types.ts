import type { JsonSchema, Operation } from "../../src/http/openapi-document.ts";
import { readOpenApi } from "./open-document.ts";

/** src/client/api-types.ts: the OpenAPI document as TypeScript types. */
export async function clientTypes(): Promise<string> {
  const { paths, components } = await readOpenApi();
  const shapes = Object.entries(components.schemas).map(([name, schema]) => `export type ${name} = ${typeOf(schema)};`);
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => `  "${method.toUpperCase()} ${path}": ${operationType(operation)};`),
  );
  return `// Generated from the routes in src/http by \`npm run docs\`; edit there.
// biome-ignore-all format: one line a shape
import type { RawBody } from "./client.ts";

/** Every endpoint: what it takes and what it answers when it does what it was asked. */
export interface Operations {
${operations.join("\n")}
}

${shapes.join("\n\n")}
`;
}

function operationType({ parameters = [], requestBody, responses }: Operation): string {
  const inside = (place: string): string =>
    object(
      parameters
        .filter((one) => one.in === place)
        .map((one) => ({ name: one.name, required: one.required === true, type: typeOf(one.schema) })),
    );
  const body = Object.entries(requestBody?.content ?? {});
  const isStream = body.some(([, { schema }]) => schema.format === "binary");
  const json = requestBody?.content["application/json"];
  const good = Object.entries(responses)
    .filter(([status]) => status.startsWith("2"))
    .flatMap(([, { content = {} }]) => Object.entries(content));
  const answers = [
    ...new Set(
      good.map(([type, { schema }]) => (type === "application/json" && schema.type !== "string" ? typeOf(schema) : "RawAnswer")),
    ),
  ];
  const needed = (place: string): string => (parameters.some((one) => one.in === place && one.required === true) ? "" : "?");
  return object([
    ...(parameters.some((one) => one.in === "path") ? [{ name: "path", required: true, type: inside("path") }] : []),
    ...(parameters.some((one) => one.in === "query")
      ? [{ name: "query", required: needed("query") === "", type: inside("query") }]
      : []),
    ...(isStream
      ? [{ name: "body", required: true, type: "RawBody" }]
      : json === undefined
        ? []
        : [{ name: "body", required: hasRequired(json.schema), type: typeOf(json.schema) }]),
    { name: "answer", required: true, type: answers.length === 0 ? "null" : answers.join(" | ") },
  ]).replaceAll("RawAnswer", "Response");
}

/** A body whose every field may be left out may be left out itself. */
const hasRequired = (schema: JsonSchema): boolean =>
  typeof schema.$ref === "string" || (Array.isArray(schema.required) && schema.required.length > 0);

function typeOf(schema: JsonSchema): string {
  if (typeof schema.$ref === "string") return schema.$ref.split("/").at(-1) ?? "unknown";
  const choices = listOf(schema.anyOf) ?? listOf(schema.oneOf);
  if (choices !== null) return [...new Set(choices.map(typeOf))].join(" | ");
  const parts = listOf(schema.allOf);
  if (parts !== null) return parts.map(typeOf).join(" & ");
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type })).join(" | ");
  switch (schema.type) {
    case "string":
    case "boolean":
    case "null":
      return schema.type;
    case "number":
    case "integer":
      return "number";
    case "array": {
      const item = isSchema(schema.items) ? typeOf(schema.items) : "unknown";
      return `readonly ${/[ |&]/.test(item) ? `(${item})` : item}[]`;
    }
    case "object":
      return objectType(schema);
    default:
      return "unknown";
  }
}

function objectType(schema: JsonSchema): string {
  const rest = schema.additionalProperties;
  const required = Array.isArray(schema.required) ? schema.required : [];
  const fields = Object.entries(isSchema(schema.properties) ? schema.properties : {}).map(([name, value]) => ({
    name,
    required: required.includes(name),
    type: isSchema(value) ? typeOf(value) : "unknown",
  }));
  const isOpen = isSchema(rest) || rest === true;
  if (fields.length === 0)
    return isOpen && isSchema(rest) ? `Readonly<Record<string, ${typeOf(rest)}>>` : "Readonly<Record<string, unknown>>";
  return isOpen ? `${object(fields)} & Readonly<Record<string, unknown>>` : object(fields);
}

const object = (fields: readonly { name: string; required: boolean; type: string }[]): string =>
  fields.length === 0
    ? "Record<string, never>"
    : `{ ${fields.map(({ name, required, type }) => `readonly ${/^\w+$/.test(name) ? name : JSON.stringify(name)}${required ? "" : "?"}: ${type}`).join("; ")} }`;

const isSchema = (value: unknown): value is JsonSchema => typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value: unknown): JsonSchema[] | null => (Array.isArray(value) ? value.filter(isSchema) : null);

import type { JsonSchema, Operation } from "../../src/http/openapi-document.ts";
import { fieldsOf, limitsText, schemaText } from "../../src/http/schema-text.ts";
import { code, GENERATED, markdownTable } from "./markdown.ts";
import { readOpenApi } from "./open-document.ts";

/** docs/api.md: every endpoint with what it takes and what it answers. */
export async function apiPage(): Promise<string> {
  const { info, paths, components } = await readOpenApi();
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const byTag = Map.groupBy(operations, ({ operation }) => operation.tags[0] ?? "");
  const tags = [...byTag.keys()].sort();
  return `${[
    GENERATED("the routes in src/http"),
    "# HTTP API",
    info.description,
    "`GET /api/v1/openapi.json` is the same as an OpenAPI 3.1 document, `GET /api/v1/docs` as a page of the server. How to use it: [guide/feedback-api.md](guide/feedback-api.md). What each code means: [errors.md](errors.md).",
    markdownTable(
      ["endpoint", "what it does", "permission"],
      tags.flatMap((tag) =>
        (byTag.get(tag) ?? []).map(({ path, method, operation }) => [
          `[${method} ${path}](#${operation.operationId.toLowerCase()})`,
          operation.summary ?? "",
          permissionOf(operation),
        ]),
      ),
    ),
    ...tags.flatMap((tag) => [`## ${tag}`, ...(byTag.get(tag) ?? []).map(operationText)]),
    "## Shapes",
    ...Object.entries(components.schemas).map(([name, schema]) => `### ${name}\n\n${schemaTable(schema)}`),
  ].join("\n\n")}\n`;
}

const permissionOf = ({ description = "", security }: Operation): string =>
  security.length === 0 ? "none" : (/permission `(\w+)`/.exec(description)?.[1] ?? "any token");

function operationText({ path, method, operation }: { path: string; method: string; operation: Operation }): string {
  const { operationId, summary = "", description = "", parameters = [], requestBody, responses } = operation;
  const asked = parameters
    .filter(({ name }) => name !== "idempotency-key")
    .map((one) => [
      code(one.name),
      one.in,
      code(schemaText(one.schema)),
      `${one.required === true ? "" : "optional"}`,
      [one.description ?? "", limitsText(one.schema)].filter((text) => text !== "").join("; "),
    ]);
  const good = Object.entries(responses).filter(
    ([, { content = {} }]) => content["application/problem+json"] === undefined || Object.keys(content).length > 1,
  );
  const refusals = Object.entries(responses).flatMap(([, { description: when, content = {} }]) =>
    content["application/problem+json"] === undefined ? [] : [...when.matchAll(/`(\w+)`:/g)].map((match) => match[1] ?? ""),
  );
  return [
    `<a id="${operationId.toLowerCase()}"></a>`,
    `### ${method} ${path}`,
    [summary === "" ? "" : `${summary}.`, description]
      .filter((text) => text !== "")
      .join(" ")
      .replaceAll("\n\n", " "),
    asked.length === 0 ? "" : markdownTable(["asked", "in", "type", "", "what"], asked),
    ...Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) => `Body, ${code(type)}:\n\n${schemaTable(schema)}`),
    `Answers: ${good
      .map(
        ([status, { content = {} }]) =>
          `${status} ${Object.entries(content)
            .filter(([type]) => type !== "application/problem+json")
            .map(([type, { schema }]) => `${code(schemaText(schema))}${type === "application/json" ? "" : ` (${type})`}`)
            .join(" or ")}`,
      )
      .join("; ")}. Refusals: ${refusals.map((name) => `[${name}](errors.md#${name})`).join(", ")}.`,
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function schemaTable(schema: JsonSchema): string {
  const fields = fieldsOf(schema);
  if (fields === null) return code(schemaText(schema));
  return markdownTable(
    ["field", "type", "", "what"],
    fields.map(({ name, type, required, about }) => [code(name), code(type), required ? "" : "optional", about]),
  );
}

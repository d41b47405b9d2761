import { createHash } from "node:crypto";
import type { JsonSchema, OpenApiDocument, Operation } from "./openapi-document.ts";
import { type Field, fieldsOf, limitsText, schemaText } from "./schema-text.ts";

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 0 auto; padding: 1rem 1.25rem 4rem; }
h1 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-bottom: 1px solid; } h3 { font-size: 1rem; margin-bottom: 0.25rem; }
code { font: 0.9em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
details { border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: 0.4rem; margin: 0.5rem 0; padding: 0.5rem 0.75rem; }
summary { cursor: pointer; } summary b { display: inline-block; min-width: 4rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.5rem; border-top: 1px solid color-mix(in srgb, currentColor 15%, transparent); }
:target { outline: 2px solid; outline-offset: 2px; }
.scroll { overflow-x: auto; }
`;

/** Nothing but this page's own style, by its digest: no script, no font, no picture, no frame, no request to anywhere. */
export const DOCS_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The OpenAPI document as a page that needs no script. Everything from the document is escaped. */
export function docsPage({ info, paths, components }: OpenApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const byTag = Map.groupBy(operations, ({ operation }) => operation.tags[0] ?? "");
  const tags = [...byTag.keys()].sort();
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(info.title)} API</title><style>${STYLE}</style></head>
<body>
<header><h1>${escapeHtml(info.title)} API</h1>
<p>${escapeHtml(info.description)}</p>
<p><a href="openapi.json">openapi.json</a> is the same for programs.</p>
<nav aria-label="Parts">${tags.map((tag) => `<a href="#${escapeHtml(tag)}">${escapeHtml(tag)}</a>`).join(" · ")} · <a href="#shapes">shapes</a></nav></header>
<main>
${tags.map((tag) => `<section><h2 id="${escapeHtml(tag)}">${escapeHtml(tag)}</h2>\n${(byTag.get(tag) ?? []).map(operationPart).join("\n")}</section>`).join("\n")}
<section><h2 id="shapes">shapes</h2>
${Object.entries(components.schemas).map(shapePart).join("\n")}</section>
</main>
</body>
</html>
`;
}

function operationPart({ path, method, operation }: { path: string; method: string; operation: Operation }): string {
  const { summary = "", description = "", parameters = [], requestBody, responses, operationId } = operation;
  const asked = parameters.map((one): Field & { place: string } => ({
    name: one.name,
    place: one.in,
    type: schemaText(one.schema),
    required: one.required === true,
    about: [one.description ?? "", limitsText(one.schema)].filter((text) => text !== "").join("; "),
  }));
  return `<details id="${escapeHtml(operationId)}"><summary><b>${escapeHtml(method)}</b> <code>${escapeHtml(path)}</code> ${escapeHtml(summary)}</summary>
${paragraphs(description)}
${asked.length === 0 ? "" : `<h3>Asked</h3>${fieldTable(asked, ({ place }) => place)}`}
${Object.entries(requestBody?.content ?? {})
  .map(([type, { schema }]) => `<h3>Body: <code>${escapeHtml(type)}</code></h3>${schemaPart(schema)}`)
  .join("")}
<h3>Answers</h3><div class="scroll"><table><tr><th>status</th><th>holds</th><th>when</th></tr>${Object.entries(responses)
    .map(
      ([status, { description: when, content = {} }]) =>
        `<tr><td>${escapeHtml(status)}</td><td>${Object.entries(content)
          .map(([type, { schema }]) => `${typeLink(schema)} <small>${escapeHtml(type)}</small>`)
          .join("<br>")}</td><td>${escapeHtml(when)
          .replaceAll(/`([^`]+)`/g, "<code>$1</code>")
          .replaceAll("\n\n", "<br>")}</td></tr>`,
    )
    .join("")}</table></div></details>`;
}

const shapePart = ([name, schema]: [string, JsonSchema]): string =>
  `<details id="shape-${escapeHtml(name)}"><summary><code>${escapeHtml(name)}</code></summary>${schemaPart(schema)}</details>`;

function schemaPart(schema: JsonSchema): string {
  const about = typeof schema.description === "string" ? paragraphs(schema.description) : "";
  const fields = fieldsOf(schema);
  return fields === null ? `${about}<p>${typeLink(schema)}</p>` : `${about}${fieldTable(fields, () => null)}`;
}

function fieldTable<F extends Field>(fields: readonly F[], placeOf: (field: F) => string | null): string {
  const rows = fields.map((field) => {
    const place = placeOf(field);
    return `<tr><td><code>${escapeHtml(field.name)}</code>${field.required ? "" : " <small>optional</small>"}${place === null ? "" : ` <small>${escapeHtml(place)}</small>`}</td><td>${linked(field.type)}</td><td>${escapeHtml(field.about)}</td></tr>`;
  });
  return `<div class="scroll"><table><tr><th>name</th><th>type</th><th>what</th></tr>${rows.join("")}</table></div>`;
}

const typeLink = (schema: JsonSchema): string => linked(schemaText(schema));

/** Names of shapes begin with a capital letter and no type does. */
const linked = (type: string): string =>
  `<code>${escapeHtml(type).replaceAll(/(?<![\w&"])([A-Z]\w+)/g, '<a href="#shape-$1">$1</a>')}</code>`;

const paragraphs = (text: string): string =>
  text
    .split("\n\n")
    .filter((part) => part !== "")
    .map((part) => `<p>${escapeHtml(part).replaceAll(/`([^`]+)`/g, "<code>$1</code>")}</p>`)
    .join("");

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);

import type { JsonSchema } from "./openapi-document.ts";

/** A schema in one line, as people read a type: `string`, `number | null`, `Run[]`, `"yes" | "no"`. */
export function schemaText(schema: JsonSchema): string {
  if (typeof schema.$ref === "string") return schema.$ref.split("/").at(-1) ?? "";
  const choices = listOf(schema.anyOf) ?? listOf(schema.oneOf);
  if (choices !== null) return [...new Set(choices.map(schemaText))].join(" | ");
  const parts = listOf(schema.allOf);
  if (parts !== null) return parts.map(schemaText).join(" & ");
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (Array.isArray(schema.type)) return schema.type.map((type) => schemaText({ ...schema, type })).join(" | ");
  if (schema.type === "array") {
    const item = isSchema(schema.items) ? schemaText(schema.items) : "any";
    return /[ |]/.test(item) ? `(${item})[]` : `${item}[]`;
  }
  if (schema.type === "object")
    return isSchema(schema.additionalProperties) && schema.properties === undefined
      ? `{ [name]: ${schemaText(schema.additionalProperties)} }`
      : "object";
  if (schema.type === "string" && typeof schema.format === "string") return `string (${schema.format})`;
  return typeof schema.type === "string" ? schema.type : "any";
}

/** What a value must keep to besides its type; "" where there is nothing. */
export function limitsText(schema: JsonSchema): string {
  const { minimum, maximum, minLength, maxLength, default: byDefault } = schema;
  const range = (low: unknown, high: unknown, unit: string): string =>
    low === undefined && high === undefined ? "" : `${low ?? "…"} to ${high ?? "…"}${unit}`;
  // zod writes the bounds of safe integers, which tell nobody anything
  const isPlain = (value: unknown): boolean => typeof value === "number" && Math.abs(value) < Number.MAX_SAFE_INTEGER;
  return [
    range(isPlain(minimum) ? minimum : undefined, isPlain(maximum) ? maximum : undefined, ""),
    range(minLength, maxLength, " characters"),
    byDefault === undefined ? "" : `default ${JSON.stringify(byDefault)}`,
  ]
    .filter((text) => text !== "")
    .join(", ");
}

export interface Field {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly about: string;
}

/** The fields of an object's schema; null when it is none. */
export function fieldsOf(schema: JsonSchema): Field[] | null {
  if (!isSchema(schema.properties)) return null;
  const required = Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(schema.properties).map(([name, value]) => {
    const field = isSchema(value) ? value : {};
    const about = [typeof field.description === "string" ? field.description : "", limitsText(field)];
    return {
      name,
      type: schemaText(field),
      required: required.includes(name),
      about: about.filter((text) => text !== "").join("; "),
    };
  });
}

const isSchema = (value: unknown): value is JsonSchema => typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value: unknown): JsonSchema[] | null => (Array.isArray(value) ? value.filter(isSchema) : null);

import type { FastifyError, FastifyRequest } from "fastify";
import { RequeenError } from "../core/errors.ts";

/** One thing that is wrong with a request, and what would be right. */
export interface InputProblem {
  /** Name of the field, with dots into objects and lists; empty: the request as a whole. */
  readonly field: string;
  readonly reason: string;
  /** The values, or for a field that is not known the names, that are allowed. */
  readonly allowed?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/** What the validator says of one place, as fastify-type-provider-zod gives it. */
interface Finding {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
}

type Part = "body" | "querystring" | "params" | "headers";
const LONGEST_SHOWN = 80;

/** A request that does not have the form that its route asks for, as the problem that the caller reads. */
export function invalidInput(error: FastifyError, request: FastifyRequest): RequeenError {
  const part = (error.validationContext ?? "body") as Part;
  const findings = (error.validation ?? []) as unknown as readonly Finding[];
  const problems = findings.flatMap((finding) => problemsOf(finding, part, request));
  const text = problems.map(({ field, reason }) => `${field === "" ? WHOLE[part] : field} ${reason}`).join("; ");
  const [only, ...others] = problems;
  const isOne = only !== undefined && others.length === 0 && only.field !== "";
  const { reason: _reason, ...named } = isOne ? only : { reason: "" };
  return new RequeenError("bad_request", text, { ...named, problems }, { cause: error });
}

const WHOLE: Readonly<Record<Part, string>> = {
  body: "the body",
  querystring: "the query",
  params: "the address",
  headers: "the headers",
};

function problemsOf({ keyword, instancePath, message, params }: Finding, part: Part, request: FastifyRequest): InputProblem[] {
  const path = instancePath.split("/").filter((step) => step !== "");
  const field = path.join(".");
  if (keyword === "unrecognized_keys" && Array.isArray(params.keys)) {
    const allowed = path.length === 0 ? fieldsOf(request.routeOptions.schema?.[part]) : null;
    return params.keys.map((key: string) => ({
      field: [...path, key].join("."),
      reason: `is not a field of ${path.length === 0 ? WHOLE[part] : field}${allowed === null ? "" : `; it has ${allowed.join(", ") || "none"}`}`,
      ...(allowed === null ? {} : { allowed }),
    }));
  }
  const { [part === "querystring" ? "query" : part]: root } = request as unknown as Readonly<Record<string, unknown>>;
  const value = path.reduce<unknown>(
    (from, step) => (typeof from === "object" && from !== null ? (from as Record<string, unknown>)[step] : undefined),
    root,
  );
  if (value === undefined || (value === null && path.length === 0)) return [{ field, reason: missing(part, path) }];
  return [{ field, ...rule(keyword, params, value, message ?? "is not of the form asked for") }];
}

const missing = (part: Part, path: readonly string[]): string =>
  path.length === 0 && part === "body" ? "is required; send it with its Content-Type" : "is required";

/** The rule that was broken, in the words of all our messages: what is allowed, and what came. */
function rule(
  keyword: string,
  params: Readonly<Record<string, unknown>>,
  value: unknown,
  message: string,
): Omit<InputProblem, "field"> {
  const got = `; got ${shown(value)}`;
  if (keyword === "invalid_value" && Array.isArray(params.values))
    return { reason: `must be one of ${params.values.map(plain).join(", ")}${got}`, allowed: params.values };
  if (keyword === "too_small" || keyword === "too_big") return bound(keyword, params, value);
  if (keyword === "invalid_type") return { reason: `must be ${KINDS[String(params.expected)] ?? String(params.expected)}${got}` };
  return { reason: `${message.charAt(0).toLowerCase()}${message.slice(1)}${got}` };
}

function bound(keyword: "too_small" | "too_big", params: Readonly<Record<string, unknown>>, value: unknown) {
  const isLeast = keyword === "too_small";
  const limit = Number(isLeast ? params.minimum : params.maximum);
  const facts = isLeast ? { minimum: limit } : { maximum: limit };
  const words = params.inclusive === false ? (isLeast ? "more than" : "less than") : isLeast ? "at least" : "at most";
  const { origin } = params;
  if (origin === "string") {
    const length = typeof value === "string" ? value.length : 0;
    return { reason: `must have ${words} ${characters(limit)}; got ${length}`, ...facts };
  }
  if (origin === "array" && Array.isArray(value))
    return { reason: `must have ${words} ${limit} items; got ${value.length}`, ...facts };
  return { reason: `must be ${words} ${limit}; got ${shown(value)}`, ...facts };
}

const characters = (count: number): string => (count === 1 ? "1 character" : `${count} characters`);

const KINDS: Readonly<Record<string, string>> = {
  object: "an object",
  record: "an object",
  array: "a list",
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  null: "null",
};

const plain = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** What came, short: the kind of what is no single value, since a caller knows his document and a log needs none of it. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}...`;
}

/** Names of the fields of a schema, or null where it takes any. */
function fieldsOf(schema: unknown): string[] | null {
  const shape = (schema as { shape?: unknown } | undefined)?.shape;
  return typeof shape === "object" && shape !== null ? Object.keys(shape) : null;
}

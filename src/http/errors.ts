import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { ERRORS, type ErrorCode, isRequeenError, RequeenError } from "../core/errors.ts";
import { invalidInput } from "./invalid-input.ts";

/** RFC 9457 problem details, with Requeen's code. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly remedy: string;
  readonly request_id: string;
  readonly [fact: string]: unknown;
}

/** The one place that turns errors into answers. What is not in the error table is a bug: its message goes to the log, never to the caller. */
export function installErrors(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const known = asRequeenError(error, request);
    if (known.code === "internal") request.log.error({ err: error }, "a request failed");
    return sendProblem(reply, request, known);
  });
  const methodsAt = watchMethods(app);
  app.setNotFoundHandler((request, reply) => {
    const place = `${request.method} ${request.url.slice(0, 200)}`;
    const allowed = methodsAt(request.url);
    if (allowed.length === 0) return sendProblem(reply, request, new RequeenError("not_found", `there is nothing at ${place}`));
    reply.header("allow", allowed.join(", "));
    return sendProblem(
      reply,
      request,
      new RequeenError("method_not_allowed", `${place}: this address takes ${allowed.join(", ")}`, { allowed }),
    );
  });
}

/** Remembers the routes as they are registered. @returns the methods that an address takes, sorted; none = there is no such address. */
function watchMethods(app: FastifyInstance): (url: string) => string[] {
  const routes: { readonly form: RegExp; readonly methods: readonly string[] }[] = [];
  app.addHook("onRoute", ({ url, method }) => {
    const parts = url.split("/").map((part) => {
      if (part === "*") return ".+";
      return part.startsWith(":") ? "[^/]+" : part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
    });
    // a wildcard of everything is the door of another protocol, not an address
    if (url !== "*" && url !== "/*") routes.push({ form: new RegExp(`^${parts.join("/")}$`), methods: [method].flat() });
  });
  return (url) => {
    const path = url.split("?")[0] ?? "";
    const fitting = routes.filter(({ form }) => form.test(path));
    // as the router: an address of its own goes before one with a name in it
    const own = fitting.filter(({ form }) => form.source === `^${path.replaceAll("/", "\\/")}$`);
    return [...new Set((own.length > 0 ? own : fitting).flatMap(({ methods }) => methods))].sort();
  };
}

const FASTIFY_CODES: Readonly<Record<number, ErrorCode>> = {
  400: "bad_request",
  413: "payload_too_large",
  415: "unsupported_media_type",
};

function asRequeenError(error: FastifyError, request: FastifyRequest): RequeenError {
  if (isRequeenError(error)) return error;
  if (hasZodFastifySchemaValidationErrors(error)) return invalidInput(error, request);
  if (error.code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") return wrongMediaType(request, error);
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE") return tooLarge(request, error);
  const code = FASTIFY_CODES[error.statusCode ?? 500];
  if (code !== undefined) return new RequeenError(code, error.message, {}, { cause: error });
  return new RequeenError(
    "internal",
    "the server met a bug; its log has the details under this request id",
    {},
    { cause: error },
  );
}

function wrongMediaType({ routeOptions, headers }: FastifyRequest, cause: Error): RequeenError {
  const allowed = [...(routeOptions.config?.consumes ?? [JSON_TYPE])];
  const got = (headers["content-type"] ?? "none").slice(0, 100);
  const message = `Content-Type must be ${allowed.length === 1 ? "" : "one of "}${allowed.join(", ")}; got ${got}`;
  return new RequeenError("unsupported_media_type", message, { field: "Content-Type", allowed }, { cause });
}

function tooLarge({ routeOptions, headers }: FastifyRequest, cause: Error): RequeenError {
  const { bodyLimit } = routeOptions;
  const got = Number(headers["content-length"]);
  const length = Number.isSafeInteger(got) ? `; got ${got}` : "";
  const message = `the body must be at most ${bodyLimit} bytes long (server.bodyLimitBytes)${length}`;
  return new RequeenError("payload_too_large", message, { maximum: bodyLimit }, { cause });
}

const JSON_TYPE = "application/json";

const USUAL_RETRY_SECONDS = 5;

/** Whole seconds, at least one. */
function retryAfter({ details }: RequeenError): string {
  const seconds = Number(details.retry_after_seconds ?? USUAL_RETRY_SECONDS);
  return String(Math.max(1, Math.ceil(seconds)));
}

function sendProblem(reply: FastifyReply, request: FastifyRequest, error: RequeenError): FastifyReply {
  const { http, meaning, remedy } = ERRORS[error.code];
  const problem: ProblemDocument = {
    ...error.details,
    type: `https://requeen.dev/errors#${error.code}`,
    title: meaning,
    status: http,
    code: error.code,
    detail: error.message.slice(error.code.length + 2),
    remedy,
    request_id: request.id,
  };
  if (http === 503 || http === 429) reply.header("retry-after", retryAfter(error));
  // RFC 6750: no error code where no credential came
  const refused = error.details.reason === undefined || error.details.reason === "missing" ? "" : ', error="invalid_token"';
  if (http === 401) reply.header("www-authenticate", `Bearer realm="requeen"${refused}`);
  // a string, so that no route's response schema gets hold of it
  return reply.code(http).header("content-type", "application/problem+json").send(JSON.stringify(problem));
}

import { Problem, Unreachable } from "./problem.ts";

export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Request {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly query?: Query;
  readonly body?: unknown;
  /** A repeat with the same key has no second effect and gets the same answer. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
  /** Goes out although the page is being left. */
  readonly keepalive?: boolean;
}

const BASE = "/api/v1";
const CSRF_HEADER = "x-requeen-csrf";

/** The value that a session asks for with each change; kept in memory only. */
let csrf: string | null = null;
export const setCsrf = (value: string | null): void => {
  csrf = value;
};

export function address(path: string, query: Query = {}): string {
  const words = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === null || value === undefined || value === "" ? [] : [[name, String(value)]],
  );
  return `${BASE}${path}${words.length === 0 ? "" : `?${new URLSearchParams(words)}`}`;
}

/**
 * Asks the API. The caller names the shape that the route answers.
 * @throws Problem for an answer that is none of 2xx; Unreachable without one
 */
export async function ask<Answer>(path: string, request: Request = {}): Promise<Answer> {
  const { method = "GET", query, body, idempotencyKey, signal, keepalive = false } = request;
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
  if (method !== "GET" && csrf !== null) headers[CSRF_HEADER] = csrf;
  let response: Response;
  try {
    response = await fetch(address(path, query), {
      method,
      headers,
      credentials: "same-origin",
      keepalive,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new Unreachable(cause);
  }
  const text = await response.text();
  if (!response.ok) throw new Problem(response.status, readObject(text));
  return (text === "" ? null : JSON.parse(text)) as Answer;
}

/** A proxy may answer in HTML: then there are no facts, and nothing of it is shown. */
function readObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

export const newKey = (): string => crypto.randomUUID();

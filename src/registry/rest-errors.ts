import { type ErrorCode, RequeenError } from "../core/errors.ts";
import type { Endpoint } from "./endpoint.ts";

export interface Answer {
  readonly address: string;
  readonly endpoint: Endpoint;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly nowMs: number;
}

/** MLflow's error codes that say more than the HTTP status. Source: mlflow-protocol.md 2.1. */
const BY_ERROR_CODE: Readonly<Record<string, ErrorCode>> = {
  INVALID_PARAMETER_VALUE: "bad_request",
  BAD_REQUEST: "bad_request",
  RESOURCE_ALREADY_EXISTS: "already_exists",
  ALREADY_EXISTS: "already_exists",
  RESOURCE_CONFLICT: "conflict",
  ABORTED: "conflict",
  INVALID_STATE: "conflict",
  UNAUTHENTICATED: "unauthenticated",
  CUSTOMER_UNAUTHORIZED: "unauthenticated",
  PERMISSION_DENIED: "forbidden",
  ENDPOINT_NOT_FOUND: "not_implemented",
  NOT_IMPLEMENTED: "not_implemented",
};

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: "bad_request",
  401: "unauthenticated",
  403: "forbidden",
  404: "not_implemented",
  405: "not_implemented",
  409: "conflict",
  411: "bad_request",
  413: "payload_too_large",
  422: "bad_request",
  501: "not_implemented",
  507: "disk_full",
};

const REMEDIES: { readonly [code in ErrorCode]?: string } = {
  unauthenticated:
    "; set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, to what this server accepts",
  forbidden: "; the account in use may not do this, or the server's --allowed-hosts lacks its own name",
};

/**
 * The error that stands for an answer outside 2xx. A 404 that is not MLflow's JSON means that the server does not have the endpoint:
 * `not_implemented` with details `endpoint_missing: true`, on which callers fall back.
 */
export function errorOfAnswer(answer: Answer): RequeenError {
  const { address, endpoint, status, headers } = answer;
  const told = readError(answer.body);
  const what = `${endpoint.method} ${endpoint.path} at ${address} answered ${status}`;
  const details: Record<string, unknown> = { address, endpoint: endpoint.path, status };
  if (told.errorCode !== null) details.mlflow_error_code = told.errorCode;

  if (status >= 300 && status < 400) {
    const location = (headers.location ?? "nowhere").replace(/[?#].*$/, "").replace(/\/\/[^/]*@/, "//");
    return new RequeenError(
      "registry_unavailable",
      `${what}, a redirect to ${location}, which is not followed; set MLFLOW_TRACKING_URI to the server's final address`,
      { ...details, location, permanent: true },
    );
  }
  // MLflow 2 answers 500 for an artifact that is not there
  const absent = status === 500 && /\[Errno 2\] No such file|No such artifact/.test(told.message);
  const code = absent ? endpoint.missing : codeOf(status, told.errorCode, endpoint);
  if (code === "not_implemented" && status !== 501) details.endpoint_missing = true;
  if (code === "registry_unavailable") {
    const retryAfterMs = readRetryAfter(headers["retry-after"], answer.nowMs);
    if (retryAfterMs !== null) details.retry_after_ms = retryAfterMs;
    if (status < 500 && status !== 408 && status !== 429) details.permanent = true;
  }
  return new RequeenError(code, `${what}: ${told.message}${REMEDIES[code] ?? ""}`, details);
}

function codeOf(status: number, errorCode: string | null, endpoint: Endpoint): ErrorCode {
  if (status === 404 && errorCode !== null && errorCode !== "ENDPOINT_NOT_FOUND") return endpoint.missing;
  const byCode = errorCode === null ? undefined : BY_ERROR_CODE[errorCode];
  return byCode ?? BY_STATUS[status] ?? "registry_unavailable";
}

function readError(body: Uint8Array): { errorCode: string | null; message: string } {
  const text = new TextDecoder().decode(body.subarray(0, 65_536));
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) {
      const errorCode = "error_code" in value && value.error_code !== undefined ? String(value.error_code) : null;
      const message = "message" in value ? value.message : "detail" in value ? value.detail : undefined;
      return {
        errorCode,
        message: typeof message === "string" && message !== "" ? message.slice(0, 2_000) : (errorCode ?? "no message"),
      };
    }
  } catch {
    // not JSON: a proxy's or a web framework's page; its text is shown below
  }
  const plain = text
    .replace(/<(script|style)[\s\S]*?<\/\1>/gi, " ")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  return { errorCode: null, message: plain === "" ? "no message" : plain.slice(0, 300) };
}

/** Seconds or an HTTP date, as milliseconds from now; null when absent or unreadable. Source: RFC 9110, 10.2.3. */
function readRetryAfter(value: string | undefined, nowMs: number): number | null {
  if (value === undefined) return null;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1_000;
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}

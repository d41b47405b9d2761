import { expect, test } from "vitest";
import { errorOfAnswer } from "../../../src/registry/rest-errors.ts";

const nowMs = Date.parse("2026-01-01T00:00:00Z");
const errorOf = (
  status: number,
  body: string | object,
  headers: Record<string, string> = {},
  missing: "not_found" | "model_not_found" = "not_found",
) =>
  errorOfAnswer({
    address: "http://mlflow:5000",
    endpoint: { method: "POST", path: "/api/2.0/mlflow/x", repeatable: true, missing },
    status,
    headers,
    body: new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body)),
    nowMs,
  });

test.each([
  [400, { error_code: "INVALID_PARAMETER_VALUE", message: "bad name" }, "bad_request"],
  [400, { error_code: "RESOURCE_ALREADY_EXISTS", message: "there" }, "already_exists"],
  [500, { error_code: "INVALID_STATE", message: "deleted" }, "conflict"],
  [409, { error_code: "RESOURCE_CONFLICT", message: "x" }, "conflict"],
  [404, { error_code: "RESOURCE_DOES_NOT_EXIST", message: "no run" }, "not_found"],
  [404, { error_code: "ENDPOINT_NOT_FOUND", message: "no such path" }, "not_implemented"],
  [404, "<!doctype html><h1>Not Found</h1>", "not_implemented"],
  [405, "<h1>Method Not Allowed</h1>", "not_implemented"],
  [501, { error_code: "NOT_IMPLEMENTED", message: "no multipart" }, "not_implemented"],
  [401, "You are not authenticated", "unauthenticated"],
  [403, "Invalid Host header - possible DNS rebinding attack detected", "forbidden"],
  [403, { error_code: "PERMISSION_DENIED", message: "no" }, "forbidden"],
  [413, "", "payload_too_large"],
  [507, "", "disk_full"],
  [429, {}, "registry_unavailable"],
  [500, { error_code: "INTERNAL_ERROR", message: "boom" }, "registry_unavailable"],
  [502, "<html>Bad Gateway</html>", "registry_unavailable"],
  [500, { message: "[Errno 2] No such file or directory: '/x'" }, "not_found"],
  [418, "", "registry_unavailable"],
])("%i with %j is %s", (status, body, code) => {
  expect(errorOf(status, body).code).toBe(code);
});

test("a missing model is model_not_found, and MLflow's own code stands in the details", () => {
  const error = errorOf(
    404,
    { error_code: "RESOURCE_DOES_NOT_EXIST", message: "Registered Model with name=x not found" },
    {},
    "model_not_found",
  );
  expect(error.code).toBe("model_not_found");
  expect(error.message).toBe(
    "model_not_found: POST /api/2.0/mlflow/x at http://mlflow:5000 answered 404: Registered Model with name=x not found",
  );
  expect(error.details).toEqual({
    address: "http://mlflow:5000",
    endpoint: "/api/2.0/mlflow/x",
    status: 404,
    mlflow_error_code: "RESOURCE_DOES_NOT_EXIST",
  });
});

test("only a missing endpoint asks for a fallback, not a feature that a server refuses", () => {
  expect(errorOf(404, "<h1>Not Found</h1>").details.endpoint_missing).toBe(true);
  expect(errorOf(501, { error_code: "NOT_IMPLEMENTED" }).details.endpoint_missing).toBeUndefined();
});

test("a page is shown as its text, without scripts and styles, and cut", () => {
  const error = errorOf(500, `<html><style>b{}</style><script>alert(1)</script><h1>Oops</h1><p>${"long ".repeat(200)}</p>`);
  expect(error.message).toContain("answered 500: Oops long long");
  expect(error.message).not.toMatch(/alert|b\{\}/);
  expect(error.message.length).toBeLessThan(500);
});

test.each([
  ["12", 12_000],
  ["Thu, 01 Jan 2026 00:01:00 GMT", 60_000],
  ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
  ["soon", undefined],
])("Retry-After %s is %s milliseconds", (value, expected) => {
  expect(errorOf(503, "", { "retry-after": value }).details.retry_after_ms).toBe(expected);
});

test("a redirect names its target without credentials and query", () => {
  const error = errorOf(307, "", { location: "https://user:secret@sso.example/login?next=%2F#x" });
  expect(error.message).toContain("a redirect to https://sso.example/login, which is not followed");
  expect(error.details.permanent).toBe(true);
});

import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ERRORS, type ErrorCode } from "../../src/core/errors.ts";
import { DOCS_POLICY, docsPage } from "../../src/http/docs-page.ts";
import type { OpenApiDocument } from "../../src/http/openapi-document.ts";
import { retrain } from "../../src/loop/retrain.ts";
import { AUTHORIZED, type OpenApi, openApi } from "./support/open-api.ts";
import { addToyLabels } from "./support/open-house.ts";

/** The OpenAPI document says what the server does. */
let clockMs = Date.UTC(2026, 1, 1);
let api: OpenApi;
let document: OpenApiDocument;
const ids: Record<string, string> = { specialist: "toy", version: "champion" };

beforeAll(async () => {
  api = await openApi(() => clockMs);
  const { house } = api.opened;
  await addToyLabels(house, { from: 0, count: 200, noise: 0.05, startMs: clockMs - 30 * 86_400_000 });
  const run = await retrain(house, { specialist: "toy", by: "anna", reason: "person" });
  clockMs += 1_000;
  await api.send("POST", "/feedback/import?import_id=one", "no json\n", { "content-type": "application/x-ndjson" });
  ids.run = run.run_id;
  ids.dataset = run.dataset_id ?? "";
  document = (await api.get("/openapi.json")).json();
}, 60_000);
afterAll(async () => await api[Symbol.asyncDispose]());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

test("every operation has words, names of its own, and its refusals", () => {
  expect(document.openapi).toBe("3.1.0");
  const names = operations().map(({ operation }) => operation.operationId);
  expect(new Set(names).size).toBe(names.length);
  for (const { path, method, operation } of operations().filter(({ path: one }) => one.startsWith("/api/"))) {
    const place = `${method} ${path}`;
    expect([place, operation.summary]).toEqual([place, expect.stringMatching(/\S/)]);
    const statuses = Object.keys(operation.responses);
    expect([place, statuses]).toEqual([place, expect.arrayContaining(["400", "403", "429", "500", "503"])]);
    expect([place, statuses.some((status) => status.startsWith("2"))]).toEqual([place, true]);
    if (operation.security.length > 0) expect([place, statuses]).toEqual([place, expect.arrayContaining(["401"])]);
    for (const name of path.matchAll(/\{(\w+)\}/g))
      expect([place, operation.parameters?.map((one) => one.name)]).toEqual([place, expect.arrayContaining([name[1]])]);
  }
});

test("writes take an Idempotency-Key, but for those whose answer holds a secret", () => {
  const all = operations();
  const keyed = all.filter(({ operation }) => operation.parameters?.some((one) => one.name === "idempotency-key"));
  const writes = all.filter(({ method }) => method !== "get");
  const without = writes.filter((one) => !keyed.includes(one)).map(({ path }) => path.split("/")[3]);
  expect(keyed.filter(({ method }) => method === "get")).toEqual([]);
  expect(new Set(without)).toEqual(new Set(["tokens"]));
});

test("every reference leads somewhere and no shape stands there unused", () => {
  const named = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1]);
  expect([...new Set(named)].sort()).toEqual(Object.keys(document.components.schemas).sort());
});

test("every read answers as its schema says", async () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: "api", ...document });
  const { opinions } = (await api.get("/opinions?limit=1")).json();
  const feedback = (await api.get("/feedback?limit=1")).json().feedback[0];
  const place: Readonly<Record<string, string>> = {
    "/api/v1/runs/": ids.run ?? "",
    "/api/v1/datasets/": ids.dataset ?? "",
    "/api/v1/verdicts/": ids.run ?? "",
    "/api/v1/opinions/": opinions[0].opinion_id,
    "/api/v1/feedback/": feedback.feedback_id,
    "/api/v1/imports/": "one",
    "/api/v1/tokens/": "nobody",
    "/api/v1/review/": "nobody",
  };
  let checked = 0;
  for (const { path, method, operation } of operations()) {
    if (method !== "get" || path === "/api/v1/events") continue;
    const id = Object.entries(place).find(([prefix]) => path.startsWith(prefix))?.[1] ?? "";
    const url = path
      .replace("{id}", id)
      .replace("{opinion_id}", opinions[0].opinion_id)
      .replace("{specialist}", "toy")
      .replace("{version}", "champion")
      .replace("{path}", "MLmodel");
    const answer = await api.app.inject({ url, headers: AUTHORIZED });
    const [type = ""] = String(answer.headers["content-type"]).split(";");
    const told = operation.responses[String(answer.statusCode)]?.content?.[type];
    expect([url, answer.statusCode, type, told === undefined ? "not told" : "told"]).toEqual([
      url,
      expect.any(Number),
      type,
      "told",
    ]);
    expect([url, answer.statusCode < 500]).toEqual([url, true]);
    if (!type.endsWith("json") || path.endsWith("/export")) continue;
    const pointer = `api#/paths/${path.replaceAll("~", "~0").replaceAll("/", "~1")}/get/responses/${answer.statusCode}/content/${type.replaceAll("/", "~1")}/schema`;
    const validate = ajv.getSchema(encodeURI(pointer)) ?? ajv.compile({ $ref: encodeURI(pointer) });
    expect([url, validate(answer.json()), validate.errors]).toEqual([url, true, null]);
    checked += 1;
  }
  expect(checked).toBeGreaterThan(30);
});

test("every code that a route names is in the table, with the status under which it stands", () => {
  for (const { operation } of operations())
    for (const [status, { description }] of Object.entries(operation.responses))
      for (const [, code] of description.matchAll(/^`(\w+)`:/gm))
        expect([code, ERRORS[code as ErrorCode]?.http]).toEqual([code, Number(status)]);
});

test("an address that takes other methods says which, and one that is none is none", async () => {
  const answer = await api.send("DELETE", "/runs/run-1");
  expect([answer.statusCode, answer.json().code, answer.headers.allow]).toEqual([405, "method_not_allowed", "GET, HEAD"]);
  expect((await api.send("PATCH", "/nothing", {})).json().code).toBe("not_found");
  expect((await api.send("POST", "/feedback/stats", {})).headers.allow).toBe("GET, HEAD");
});

test("the docs page asks for nothing from anywhere and runs nothing", async () => {
  const page = await api.app.inject({ url: "/api/v1/docs", headers: { host: "localhost" } });
  expect(page.statusCode).toBe(200);
  expect(page.headers["content-security-policy"]).toBe(DOCS_POLICY);
  expect(DOCS_POLICY).toContain("default-src 'none'");
  expect(page.body).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|\son\w+=|style=|https?:/i);
  for (const { operation } of operations()) expect(page.body).toContain(`id="${operation.operationId}"`);
});

test("what the document says is text on the page, whatever it holds", () => {
  const evil = `</p><script>alert("x")</script><img src=x onerror='y'>`;
  const page = docsPage({
    ...document,
    info: { ...document.info, title: evil, description: evil },
    components: {
      schemas: { [evil]: { type: "object", properties: { [evil]: { type: "string", description: evil, enum: [evil] } } } },
    },
    paths: {
      [evil]: {
        get: {
          operationId: evil,
          summary: evil,
          description: evil,
          tags: [evil],
          security: [],
          responses: { "200": { description: evil } },
        },
      },
    },
  });
  expect(page).not.toMatch(/<script|<img/i);
  expect(page).toContain("&lt;script&gt;");
});

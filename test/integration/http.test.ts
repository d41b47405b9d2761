import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OpenedHouse } from "../../src/cli/house.ts";
import { buildApp } from "../../src/http/app.ts";
import { adminToken, readAdminToken } from "../../src/http/auth/admin-token.ts";
import { openToyHouse } from "./support/open-house.ts";

const TOKEN = "a-token-of-the-test";
const folder = mkdtempSync(join(tmpdir(), "requeen-http-"));
let opened: OpenedHouse;
let app: FastifyInstance;

beforeAll(async () => {
  opened = await openToyHouse(folder);
  app = await buildApp({
    house: opened.house,
    authenticate: adminToken(TOKEN, "anna"),
    mlflow: opened.embeddedMlflow,
    logger: false,
  });
});
afterAll(async () => {
  await app.close();
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});

const headers = { authorization: `Bearer ${TOKEN}`, host: "127.0.0.1:8080" };
const get = (url: string, extra: Record<string, string> = {}) =>
  app.inject({ method: "GET", url, headers: { ...headers, ...extra } });
const post = (url: string, payload: object, extra: Record<string, string> = {}) =>
  app.inject({ method: "POST", url, payload, headers: { ...headers, ...extra } });

async function judgeOne(): Promise<{ opinion_id: string }> {
  const answer = await post("/api/v1/specialists/toy/judge", { columns: { a: 0.1, b: 0.2, noise: 0.3 } });
  expect(answer.statusCode).toBe(201);
  return answer.json();
}

describe("who may come in", () => {
  test.each(["/api/v1/status", "/api/v1/opinions/pending", "/api/v1/runs", "/api/v1/models", "/api/v1/history"])(
    "%s without a token is 401",
    async (url) => {
      const answer = await app.inject({ method: "GET", url, headers: { host: "localhost" } });
      expect(answer.statusCode).toBe(401);
      expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
      expect(answer.headers["www-authenticate"]).toMatch(/^Bearer/);
      expect(answer.json()).toMatchObject({ code: "unauthenticated", status: 401, request_id: answer.headers["x-request-id"] });
    },
  );
  test("a wrong token is 401, also for MLflow's own paths; the right one opens both", async () => {
    for (const url of ["/api/v1/status", "/api/2.0/mlflow/registered-models/search"]) {
      expect((await get(url, { authorization: "Bearer nearly-a-token" })).statusCode).toBe(401);
      expect((await get(url)).statusCode).toBe(200);
    }
  });
  test("a request for another host, and a change from a page of another site, are 403", async () => {
    expect((await get("/api/v1/status", { host: "evil.example" })).statusCode).toBe(403);
    expect((await post("/api/v1/feedback", {}, { origin: "https://evil.example" })).statusCode).toBe(403);
  });
  test("health and readiness need no token", async () => {
    expect((await app.inject({ url: "/health" })).json()).toEqual({ status: "ok" });
    expect((await app.inject({ url: "/ready" })).json()).toMatchObject({
      status: "ready",
      store: { ok: true },
      registry: { ok: true },
    });
  });
  test("the token file is made once, for its owner alone; one that others can read is refused", async () => {
    const own = mkdtempSync(join(tmpdir(), "requeen-token-"));
    const tokens = await Promise.all([readAdminToken(own), readAdminToken(own), readAdminToken(own)]);
    expect(new Set(tokens.map(({ token }) => token)).size).toBe(1);
    expect(statSync(tokens[0].file).mode & 0o777).toBe(0o600);
    expect(readFileSync(tokens[0].file, "utf8").trim()).toHaveLength(43);
    chmodSync(tokens[0].file, 0o644);
    await expect(readAdminToken(own)).rejects.toMatchObject({ code: "forbidden" });
    rmSync(own, { recursive: true });
  });
});

describe("feedback", () => {
  test("is stored as the token's, whatever the body says of itself; a double click changes nothing", async () => {
    const { opinion_id } = await judgeOne();
    const body = {
      opinion_id,
      human_recommendation: "no",
      human_rating: 0.2,
      submitted_by: "somebody else",
      manual_review: true,
      tier: "blind",
    };
    const first = await post("/api/v1/feedback", body);
    expect(first.statusCode).toBe(201);
    expect(first.json()).toMatchObject({ opinion_id, status: "recorded", superseded: null });
    const again = await post("/api/v1/feedback", body);
    expect(again.statusCode).toBe(200);
    expect(again.json()).toMatchObject({ feedback_id: first.json().feedback_id, status: "duplicate" });

    const changed = await post("/api/v1/feedback", { ...body, human_recommendation: "yes" });
    expect(changed.json()).toMatchObject({ status: "recorded", superseded: first.json().feedback_id });
    const { feedbacks, count } = (await get(`/api/v1/feedback/opinion/${opinion_id}`)).json();
    expect(count).toBe(2);
    expect(feedbacks.map(({ state }: { state: string }) => state).sort()).toEqual(["current", "superseded"]);
    expect(feedbacks[0]).toMatchObject({
      submitted_by: "anna",
      evidence: {
        tier: "informed",
        reviewer: "anna",
        claimed: { submitted_by: "somebody else", tier: "blind", manual_review: true },
      },
    });
  });
  test.each([
    [{ human_recommendation: "maybe" }, 400, "bad_request", /one of yes, no/],
    [{ human_rating: 1.5 }, 400, "bad_request", /human_rating/],
    [{ human_rating: "high" }, 400, "bad_request", /human_rating/],
    [{ opinion_id: "nobody" }, 404, "opinion_not_found", /nobody/],
    [{ opinion_id: "" }, 400, "bad_request", /opinion_id/],
    [{ feedback_notes: "x".repeat(30_000) }, 400, "bad_request", /feedback_notes/],
  ])("%j is refused with a named reason, and nothing is stored", async (change, status, code, reason) => {
    const { opinion_id } = await judgeOne();
    const answer = await post("/api/v1/feedback", { opinion_id, human_recommendation: "yes", human_rating: 1, ...change });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toMatchObject({ code, status });
    expect(answer.json().detail).toMatch(reason);
    if (status === 400) expect(answer.json().field).toBe(Object.keys(change)[0]);
    expect((await get(`/api/v1/feedback/opinion/${opinion_id}`)).json().count).toBe(0);
  });
  test("a body too large is 413, no JSON is 400, another media type is refused", async () => {
    const large = await post("/api/v1/feedback", {
      opinion_id: "x",
      human_recommendation: "yes",
      feedback_notes: "x".repeat(6_000_000),
    });
    expect(large.statusCode).toBe(413);
    const broken = await app.inject({
      method: "POST",
      url: "/api/v1/feedback",
      payload: "{",
      headers: { ...headers, "content-type": "application/json" },
    });
    expect(broken.statusCode).toBe(400);
    const xml = await app.inject({
      method: "POST",
      url: "/api/v1/feedback",
      payload: "<a/>",
      headers: { ...headers, "content-type": "application/xml" },
    });
    expect(xml.statusCode).toBeGreaterThanOrEqual(400);
    expect(xml.statusCode).toBeLessThan(500);
  });
});

describe("opinions and what came of them", () => {
  test("before the first champion an opinion says so, and waits for a person", async () => {
    const opinion = await judgeOne();
    expect(opinion).toMatchObject({
      state: "no_champion",
      opinion: { recommendation: "review_required", confidence_score: null },
      model: null,
      probabilities: null,
    });
    const { opinions } = (await get("/api/v1/opinions/pending?specialist=toy&limit=1000")).json();
    expect(opinions.map(({ opinion_id }: { opinion_id: string }) => opinion_id)).toContain(opinion.opinion_id);
  });
  test.each([
    ["toy", { columns: { a: 1 } }, 422, "bad_features"],
    ["toy", { columns: { a: 1, b: 2, noise: "x" } }, 422, "bad_features"],
    ["toy", { columns: { a: 1, b: 2, noise: 0, more: 1 } }, 422, "bad_features"],
    ["toy", { plan: { plan_id: "p", tasks: [] } }, 422, "bad_plan"],
    ["toy", {}, 400, "bad_request"],
    ["nobody", { columns: {} }, 404, "specialist_not_found"],
  ])("judging %s with %j is %i %s", async (specialist, body, status, code) => {
    const answer = await post(`/api/v1/specialists/${specialist}/judge`, body);
    expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
  });
  test.each(["/api/v1/runs/nothing", "/api/v1/verdicts/nothing", "/api/v1/nothing", "/nothing"])(
    "%s is 404 as a problem",
    async (url) => {
      const answer = await get(url);
      expect(answer.statusCode).toBe(404);
      expect(answer.json().code).toMatch(/not_found$/);
    },
  );
  test("lists answer as the command line's --json", async () => {
    expect((await get("/api/v1/runs")).json()).toEqual({ runs: [], next: null });
    expect((await get("/api/v1/models")).json()).toEqual({ models: [], next: null });
    expect((await get("/api/v1/history")).json()).toEqual({ reigns: [], next: null });
    expect((await get("/api/v1/status")).json().specialists).toMatchObject([
      { specialist: "toy", state: "WAIT", champion: null },
    ]);
  });
});

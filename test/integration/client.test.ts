import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient, RequeenProblem } from "../../src/client/index.ts";
import { AUTHORIZED, type OpenApi, openApi } from "./support/open-api.ts";

/** The typed client against a real server over a real port. */
let api: OpenApi;
let baseUrl = "";
const token = AUTHORIZED.authorization.slice("Bearer ".length);
beforeAll(async () => {
  api = await openApi();
  baseUrl = await api.app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(async () => await api[Symbol.asyncDispose]());

const client = (more: Partial<Parameters<typeof createClient>[0]> = {}) => createClient({ baseUrl, token, ...more });
const columns = { a: 0.1, b: 0.2, noise: 0 };

test("judges, says what was right, reads it back; a refusal is a problem with code and field", async () => {
  const requeen = client();
  const opinion = await requeen.ask("POST /api/v1/specialists/{specialist}/judge", {
    path: { specialist: "toy" },
    body: { columns },
  });
  const accepted = await requeen.ask("POST /api/v1/feedback", {
    body: { opinion_id: opinion.opinion_id, human_recommendation: "yes", human_rating: 1 },
  });
  expect(accepted.status).toBe("recorded");
  const said = await requeen.ask("GET /api/v1/feedback/opinion/{opinion_id}", { path: { opinion_id: opinion.opinion_id } });
  expect(said.statistics.distribution).toEqual({ yes: 1 });
  const refused = requeen.ask("POST /api/v1/feedback", {
    body: { opinion_id: opinion.opinion_id, human_recommendation: "maybe" },
  });
  await expect(refused).rejects.toBeInstanceOf(RequeenProblem);
  await expect(refused).rejects.toMatchObject({
    status: 400,
    code: "bad_request",
    details: { field: "human_recommendation", allowed: ["yes", "no"] },
  });
});

test("an answer that was lost is asked for again with the same key: one effect", async () => {
  const waits: number[] = [];
  let lost = 0;
  const requeen = client({
    wait: async (ms) => void waits.push(ms),
    fetch: async (...call) => {
      const answer = await fetch(...call);
      lost += 1;
      if (lost < 3) throw new TypeError("the line was cut");
      return answer;
    },
  });
  const { opinion_id } = await requeen.ask("POST /api/v1/specialists/{specialist}/judge", {
    path: { specialist: "toy" },
    body: { columns, plan_id: "lost" },
  });
  expect([lost, waits]).toEqual([3, [250, 500]]);
  const found = await Array.fromAsync(requeen.each("GET /api/v1/opinions", "opinions", { query: { plan: "lost" } }));
  expect(found.map((opinion) => opinion.opinion_id)).toEqual([opinion_id]);
});

test("Retry-After is waited for; a refusal that time does not mend is not asked again; tries end", async () => {
  const asked: string[] = [];
  const waits: number[] = [];
  const answers = [
    new Response("{}", { status: 429, headers: { "retry-after": "7" } }),
    new Response("{}", { status: 409, headers: { "retry-after": "2" } }),
    new Response(JSON.stringify({ code: "run_active", detail: "wait" }), { status: 409 }),
  ];
  const requeen = client({
    wait: async (ms) => void waits.push(ms),
    fetch: async (_url, init) => {
      asked.push(new Headers(init?.headers).get("idempotency-key") ?? "");
      return answers.shift() ?? new Response("<html>away</html>", { status: 503 });
    },
  });
  await expect(requeen.ask("POST /api/v1/runs/{id}/cancel", { path: { id: "run-1" } })).rejects.toMatchObject({
    code: "run_active",
  });
  expect([asked.length, new Set(asked).size, waits]).toEqual([3, 1, [7_000, 2_000]]);
  await expect(requeen.ask("GET /api/v1/status")).rejects.toMatchObject({ status: 503, code: "", message: /<html>away/ });
  expect(asked.length).toBe(3 + 5);
});

test("lists go on page after page; files and imports pass as they are", async () => {
  const requeen = client();
  const paged = await Array.fromAsync(requeen.each("GET /api/v1/opinions", "opinions", { query: { limit: 1 } }));
  const { opinions } = await requeen.ask("GET /api/v1/opinions");
  expect(paged.map(({ opinion_id }) => opinion_id)).toEqual(opinions.map(({ opinion_id }) => opinion_id));
  const line = {
    opinion_id: paged[0]?.opinion_id,
    human_recommendation: "no",
    submitted_by: "ana",
    submitted_at: "2026-01-01T00:00:00Z",
  };
  const report = await requeen.ask("POST /api/v1/feedback/import", {
    body: new Blob([JSON.stringify(line)]).stream() as ReadableStream<Uint8Array>,
    contentType: "application/x-ndjson",
  });
  expect(report).toMatchObject({ added: 1 });
  const exported = await requeen.ask("GET /api/v1/feedback/export", { query: { format: "csv" } });
  expect(await (exported as Response).text()).toContain("ana");
});

test("events are heard, and heard again after the line was cut", async () => {
  const stop = new AbortController();
  let connections = 0;
  const requeen = client({
    wait: async () => undefined,
    fetch: async (...call) => {
      connections += 1;
      if (connections === 2) throw new TypeError("the line was cut");
      const answer = await fetch(...call);
      if (connections > 1) return answer;
      const first = await answer.body?.getReader().read();
      return new Response(first?.value, { headers: answer.headers });
    },
  });
  for await (const event of requeen.events({ signal: stop.signal })) {
    expect(event).toMatchObject({ type: expect.stringMatching(/^(feedback|status)$/), data: { specialist: "toy" } });
    stop.abort();
  }
  expect(connections).toBeGreaterThanOrEqual(3);
}, 20_000);

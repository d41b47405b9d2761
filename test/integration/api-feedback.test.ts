import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RequeenError } from "../../src/core/errors.ts";
import type { Identity } from "../../src/core/identity.ts";
import { buildApp } from "../../src/http/app.ts";
import { AUTHORIZED, type OpenApi, openApi } from "./support/open-api.ts";

/** Feedback over HTTP: the original's fields, edits and retractions, whole files in and out, the quarantine. */
let clockMs = Date.UTC(2026, 1, 1);
let api: OpenApi;
const PEOPLE: Readonly<Record<string, Identity>> = {
  anna: { subject: "anna", roles: ["admin"], specialists: null, channel: "person", via: "admin_token", expiresAtMs: null },
  rui: { subject: "rui", roles: ["reviewer"], specialists: null, channel: "person", via: "jwt", expiresAtMs: null },
  eva: { subject: "eva", roles: ["ml_engineer"], specialists: ["another"], channel: "person", via: "jwt", expiresAtMs: null },
  robot: { subject: "robot", roles: ["program"], specialists: null, channel: "program", via: "api_key", expiresAtMs: null },
};
const as = (name: string) => ({ authorization: `Bearer ${name}` });

beforeAll(async () => {
  api = await openApi(() => clockMs, {
    authenticate: async (token) => {
      const known = PEOPLE[token ?? ""] ?? (token === undefined ? undefined : PEOPLE.anna);
      if (known === undefined) throw new RequeenError("unauthenticated", "no token");
      return known;
    },
  });
});
afterAll(async () => await api[Symbol.asyncDispose]());

async function judged(): Promise<string> {
  clockMs += 1_000;
  const answer = await api.send("POST", "/specialists/toy/judge", { columns: { a: 0.1, b: 0.2, noise: 0.3 } });
  return String(answer.json().opinion_id);
}
async function said(opinion_id: string, decision: string, name = "rui", rating: number | null = null): Promise<string> {
  clockMs += 1_000;
  const body = { opinion_id, human_recommendation: decision, human_rating: rating };
  const answer = await api.send("POST", "/feedback", body, as(name));
  expect(answer.statusCode).toBe(201);
  return String(answer.json().feedback_id);
}

test("a reviewer edits his own judgement: the new one counts, the old one stays as history", async () => {
  const opinion = await judged();
  const before = await said(opinion, "yes", "rui", 0.75);
  const edited = await api.send("PATCH", `/feedback/${before}`, { human_recommendation: "no" }, as("rui"));
  expect(edited.json()).toMatchObject({ status: "recorded", superseded: before, opinion_id: opinion });
  const { feedbacks, statistics } = (await api.get(`/feedback/opinion/${opinion}`)).json();
  expect(feedbacks).toMatchObject([
    { state: "current", human_recommendation: "no", human_rating: 0.75, submitted_by: "rui", evidence: { tier: "informed" } },
    { state: "superseded", feedback_id: before },
  ]);
  expect(statistics).toEqual({ count: 1, avg_rating: 0.75, min_rating: 0.75, max_rating: 0.75, distribution: { no: 1 } });
  expect((await api.send("PATCH", `/feedback/${before}`, { human_rating: 1 }, as("rui"))).json().code).toBe("conflict");
  expect((await api.send("PATCH", `/feedback/${before}`, {}, as("rui"))).statusCode).toBe(400);
});

test("nobody changes another's judgement but an admin, whose change is no word of the reviewer's", async () => {
  const opinion = await judged();
  const id = await said(opinion, "yes");
  for (const answer of [
    await api.send("PATCH", `/feedback/${id}`, { human_recommendation: "no" }, as("robot")),
    await api.send("DELETE", `/feedback/${id}`, undefined, as("robot")),
  ])
    expect([answer.statusCode, answer.json().code]).toEqual([403, "forbidden"]);
  const mended = (await api.send("PATCH", `/feedback/${id}`, { human_recommendation: "no" }, as("anna"))).json();
  expect((await api.get(`/feedback/${mended.feedback_id}`)).json()).toMatchObject({
    submitted_by: "rui",
    evidence: { tier: "bulk", channel: "import_vouched", claimed: { edited_by: "anna" } },
  });
  const { audit } = (await api.get("/audit?subject=toy&limit=1000")).json();
  expect(audit.at(-1)).toMatchObject({ action: "feedback.edit", actor: "anna", details: { feedback_id: id, reviewer: "rui" } });
});

test("a judgement that is taken back counts no more, and what it had replaced does not come back", async () => {
  const opinion = await judged();
  await said(opinion, "yes");
  const second = await said(opinion, "no");
  const taken = await api.send("DELETE", `/feedback/${second}?reason=misread`, undefined, as("rui"));
  expect(taken.json()).toMatchObject({ feedback_id: second, state: "retracted" });
  expect((await api.send("DELETE", `/feedback/${second}`, undefined, as("rui"))).statusCode).toBe(200);
  const { feedbacks, statistics } = (await api.get(`/feedback/opinion/${opinion}`)).json();
  expect(feedbacks.map(({ state }: { state: string }) => state)).toEqual(["retracted", "superseded"]);
  expect(statistics.count).toBe(0);
  expect((await api.send("DELETE", "/feedback/nobody", undefined, as("rui"))).json().code).toBe("feedback_not_found");
});

test("statistics have the original's fields; without a specialist, those of all", async () => {
  const start = clockMs;
  clockMs += 400 * 86_400_000;
  const [one, two] = [await judged(), await judged()];
  await said(one, "yes", "rui", 0.2);
  await said(two, "no", "rui", 0.6);
  await said(two, "no", "robot");
  const stats = (await api.get("/feedback/stats?specialist_type=toy&window_days=1")).json();
  expect(stats).toEqual({
    specialist_type: "toy",
    window_days: 1,
    count: 3,
    avg_rating: 0.4,
    min_rating: 0.2,
    max_rating: 0.6,
    distribution: { yes: 1, no: 2 },
  });
  const all = (await api.get("/feedback/stats")).json();
  expect(all.total_opinions).toBe(all.with_feedback + all.pending_feedback);
  expect(all.specialists).toMatchObject([{ specialist_type: "toy", count: expect.any(Number) }]);
  clockMs = start;
  expect((await api.get("/feedback/stats?specialist_type=nobody")).json().code).toBe("specialist_not_found");
  expect((await api.get("/feedback/stats?specialist_type=toy&window_days=0")).statusCode).toBe(400);
  expect((await api.get("/feedback/stats?specialist=toy")).statusCode).toBe(400);
});

test("feedback health says 503 when the store is away, and nothing of the inside", async () => {
  expect((await api.get("/feedback/health")).json()).toEqual({ status: "healthy", reason: null });
  const { house } = api.opened;
  const refuse = () => Promise.reject(new RequeenError("store_unavailable", "the store cannot be reached"));
  const away = { ...house.store, ping: refuse, getOpinionHeads: refuse };
  const app = await buildApp({
    house: { ...house, store: away },
    authenticate: async () => PEOPLE.anna as Identity,
    mlflow: null,
    logger: false,
  });
  const answer = await app.inject({ url: "/api/v1/feedback/health", headers: { host: "localhost" } });
  expect([answer.statusCode, answer.json()]).toEqual([503, { status: "degraded", reason: "store_unavailable" }]);
  const body = { opinion_id: "o", human_recommendation: "yes" };
  const lost = await app.inject({ method: "POST", url: "/api/v1/feedback", payload: body, headers: { host: "localhost" } });
  expect([lost.statusCode, lost.json().code, Number(lost.headers["retry-after"]) > 0]).toEqual([503, "store_unavailable", true]);
  await app.close();
});

test("an import tells what became of each line, and goes on where it was cut", async () => {
  const opinions = [await judged(), await judged(), await judged()];
  const document = (opinion_id: string, n: number) => ({
    ...{ feedback_id: `imported-${n}`, opinion_id, human_recommendation: n === 1 ? "perhaps" : "yes", submitted_by: `p${n}` },
    submitted_at: new Date(clockMs).toISOString(),
  });
  const lines = opinions.map((opinion, n) => JSON.stringify(document(opinion, n)));
  const ndjson = { "content-type": "application/x-ndjson" };
  const first = await api.send("POST", "/feedback/import?import_id=file-7", `${lines[0]}\n`, ndjson);
  expect(first.json()).toMatchObject({ import_id: "file-7", position: 1, added: 1, tier: "rule", skipped: 0 });
  expect((await api.get("/imports/file-7")).json()).toMatchObject({ position: 1, done: true, report: { added: 1 } });

  const whole = await api.send(
    "POST",
    "/feedback/import?import_id=file-7&results=lines",
    `${lines.join("\n")}\nno json\n`,
    ndjson,
  );
  const told = whole.body
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(told.slice(0, -1)).toMatchObject(
    [
      { line: 2, outcome: "quarantined", problems: [{ field: "human_recommendation", reason: /one of yes, no/ }] },
      { line: 3, outcome: "added", id: "imported-2" },
      { line: 4, outcome: "quarantined" },
    ].map((line) => ("problems" in line ? { ...line, problems: [{ field: "human_recommendation" }] } : line)),
  );
  expect(told.at(-1)).toMatchObject({ summary: { position: 4, skipped: 1, read: 3, added: 1, quarantined: 2, unreadable: 1 } });
  expect((await api.get("/imports/file-7")).json()).toMatchObject({ position: 4, report: { read: 4, added: 2, quarantined: 2 } });

  const gap = await api.send("POST", "/feedback/import?import_id=file-7&position=9", `${lines[0]}\n`, ndjson);
  expect([gap.statusCode, gap.json()]).toMatchObject([409, { code: "conflict", position: 4 }]);
  const again = await api.send("POST", "/feedback/import?results=summary", `${lines.join("\n")}\n`, ndjson);
  expect(again.json()).toMatchObject({ read: 3, same: 2, added: 0, import_id: null });
});

test("a line that is cut in the middle of an import loses nothing that was stored, and the rest goes on", async () => {
  const lines = Array.from({ length: 6_000 }, (_, n) =>
    JSON.stringify({
      ...{ specialist_type: "toy", opinion_id: `cut-${n}`, plan_id: `cut-${n}`, evaluated_at: "2026-01-01T00:00:00Z" },
      opinion: { recommendation: "yes" },
    }),
  );
  const baseUrl = await api.app.listen({ host: "127.0.0.1", port: 0 });
  const cut = request(`${baseUrl}/api/v1/opinions/import?import_id=cut`, {
    method: "POST",
    headers: { ...AUTHORIZED, "content-type": "application/x-ndjson" },
  });
  cut.on("error", () => undefined);
  cut.write(`${lines.slice(0, 4_500).join("\n")}\n`);
  const progress = async () => (await api.get("/imports/cut")).json();
  await expect.poll(async () => (await progress()).position, { timeout: 20_000 }).toBe(4_000);
  cut.destroy();
  const whole = () =>
    api.send("POST", "/opinions/import?import_id=cut", lines.join("\n"), { "content-type": "application/x-ndjson" });
  // the server may not have heard of the end yet: until then it says that the import is being read
  await expect.poll(async () => (await whole()).statusCode, { timeout: 20_000 }).toBe(200);
  expect(await progress()).toMatchObject({ position: 6_000, done: true, report: { read: 6_000, quarantined: 0 } });
  const { added, same } = (await progress()).report;
  expect(added + same).toBe(6_000);
}, 60_000);

test("who vouches makes the tier bulk and must say why; a scope keeps others' labels out", async () => {
  const opinion = await judged();
  const csv = `opinion_id,human_recommendation,submitted_by,submitted_at\n${opinion},yes,"Ana, Lima",2026-01-05T10:00:00Z\n`;
  const type = { "content-type": "text/csv" };
  expect((await api.send("POST", "/feedback/import?vouch=true", csv, type)).json()).toMatchObject({
    code: "bad_request",
    field: "reason",
  });
  const rule = await api.send("POST", "/feedback/import", csv, type);
  expect(rule.json()).toMatchObject({ added: 1, tier: "rule" });
  const vouched = await api.send("POST", "/feedback/import?vouch=true&reason=paper%20forms", csv, type);
  expect(vouched.json()).toMatchObject({ superseded: 1, tier: "bulk" });
  const { feedbacks } = (await api.get(`/feedback/opinion/${opinion}`)).json();
  expect(feedbacks[0]).toMatchObject({ evidence: { tier: "bulk", reviewer: "Ana, Lima" }, metadata: { vouched_by: "anna" } });

  const outside = await api.send("POST", "/feedback/import?vouch=true&reason=x", csv, { ...type, ...as("eva") });
  expect(outside.json()).toMatchObject({ quarantined: 1, added: 0 });
  expect((await api.send("POST", "/feedback/import", csv, { ...type, ...as("robot") })).statusCode).toBe(403);
  const xml = await api.send("POST", "/feedback/import", "<a/>", { "content-type": "application/xml" });
  expect([xml.statusCode, xml.json().code]).toEqual([415, "unsupported_media_type"]);
});

test("an export in any form comes back as the same judgements", async () => {
  const opinion = await judged();
  await said(opinion, "no", "rui", 0.125);
  const whole = await api.get(`/feedback/export?opinion=${opinion}`);
  expect(whole.headers["content-type"]).toMatch(/^application\/x-ndjson/);
  const document = JSON.parse(whole.body);
  expect(document).toMatchObject({ opinion_id: opinion, human_recommendation: "no", human_rating: 0.125 });
  const csv = (await api.get(`/feedback/export?opinion=${opinion}&format=csv`)).body;
  expect(csv.split("\n")[1]).toContain(`${opinion},`);
  const parquet = await api.get(`/feedback/export?opinion=${opinion}&format=parquet`);
  expect(parquet.rawPayload.subarray(0, 4).toString()).toBe("PAR1");
  const back = await api.send("POST", "/feedback/import", parquet.rawPayload, {
    "content-type": "application/vnd.apache.parquet",
  });
  // read whole, and told apart from what has this id already: it came by another channel
  expect(back.json()).toMatchObject({ read: 1, unreadable: 0, problems: [expect.stringContaining("feedback_id")] });
  expect((await api.get(`/feedback/export?opinion=${opinion}&format=json`)).json()).toEqual([document]);
});

test("an opinion of a judge elsewhere is external, whatever it says; what cannot be read is refused, in bulk quarantined", async () => {
  const sent = {
    specialist_type: "toy",
    columns: { a: 1, b: 2, noise: 0 },
    opinion: { recommendation: "yes", confidence_score: 0.9, risk_score: 0.1 },
    model: { name: "toy-evaluator", version: "1", run_id: null, sha256: null },
  };
  const answer = await api.send("POST", "/opinions", sent, as("robot"));
  expect(answer.statusCode).toBe(201);
  expect(answer.json()).toMatchObject({
    state: "external",
    model: null,
    features: { schema: "toy/1", values: [1, 2, 0] },
    extra: { claimed_model: { version: "1" } },
  });
  const { opinion_id } = answer.json();
  expect(
    (
      await api.send(
        "POST",
        "/opinions",
        { ...sent, opinion_id, evaluated_at: answer.json().evaluated_at, plan_id: answer.json().plan_id },
        as("robot"),
      )
    ).statusCode,
  ).toBe(200);
  expect((await api.send("POST", "/opinions", { ...sent, opinion_id }, as("robot"))).json().code).toBe("already_exists");
  const bad = await api.send("POST", "/opinions", { ...sent, specialist_type: "nobody" }, as("robot"));
  expect([bad.statusCode, bad.json()]).toMatchObject([422, { code: "bad_document", problems: [{ field: "specialist_type" }] }]);

  const lines = [
    { ...sent, plan_id: "r1", evaluated_at: "2026-01-01T00:00:00Z" },
    { ...sent, opinion: {} },
  ];
  const body = lines.map((line) => JSON.stringify(line)).join("\n");
  const bulk = await api.send("POST", "/opinions", body, { "content-type": "application/x-ndjson" });
  const told = bulk.body
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(told).toMatchObject([{ line: 1, outcome: "added" }, { line: 2, outcome: "quarantined" }, { summary: { read: 2 } }]);
  const repeated = await api.send("POST", "/opinions", body, { "content-type": "application/x-ndjson" });
  expect(repeated.body).toContain('"outcome":"same"');
});

test("what was quarantined is replayed when its opinion has come, or discarded", async () => {
  const document = {
    feedback_id: "early",
    opinion_id: "comes-later",
    human_recommendation: "yes",
    submitted_by: "ana",
    submitted_at: "2026-01-06T10:00:00Z",
  };
  const ndjson = { "content-type": "application/x-ndjson" };
  const line = JSON.parse(
    (await api.send("POST", "/feedback/import?results=lines", JSON.stringify(document), ndjson)).body.split("\n")[0] ?? "",
  );
  expect(line).toMatchObject({ outcome: "quarantined", problems: [{ field: "opinion_id" }] });
  expect(
    (await api.get("/quarantine?kind=feedback")).json().quarantine.map((entry: { quarantine_id: string }) => entry.quarantine_id),
  ).toContain(line.id);
  expect((await api.send("POST", `/quarantine/${line.id}/replay`, {})).json().replay).toMatchObject({ read: 1, quarantined: 1 });
  await api.send("POST", "/opinions", { specialist_type: "toy", opinion_id: "comes-later", opinion: { recommendation: "yes" } });
  expect((await api.send("POST", `/quarantine/${line.id}/replay`, { vouch: true, reason: "seen" })).json().replay).toMatchObject({
    added: 1,
    tier: "bulk",
  });
  const [waiting] = (await api.get("/quarantine")).json().quarantine;
  expect((await api.send("POST", `/quarantine/${waiting.quarantine_id}/discard`)).json()).toEqual({
    discarded: 1,
    dry_run: false,
  });
  expect((await api.get("/quarantine?state=discarded")).json().quarantine).toMatchObject([
    { quarantine_id: waiting.quarantine_id },
  ]);
  expect((await api.send("POST", "/quarantine/nothing/discard")).statusCode).toBe(404);
});

test("an unknown query field is refused by its name, not passed over", async () => {
  const answer = await api.app.inject({ url: "/api/v1/feedback?specalist=toy", headers: AUTHORIZED });
  expect([answer.statusCode, answer.json().detail]).toMatchObject([400, expect.stringContaining("specalist")]);
});

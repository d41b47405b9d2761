import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OpenedHouse } from "../../src/cli/house.ts";
import type { Identity } from "../../src/core/identity.ts";
import { buildApp } from "../../src/http/app.ts";
import { addFeedback } from "../../src/loop/intake.ts";
import { judge } from "../../src/loop/judge.ts";
import { nextForReview } from "../../src/loop/review.ts";
import { openToyHouse } from "./support/open-house.ts";

const folder = mkdtempSync(join(tmpdir(), "requeen-review-"));
const START = Date.parse("2026-03-02T09:00:00.000Z");
const MINUTE = 60_000;
let clock = START;
let opened: OpenedHouse;
let app: FastifyInstance;
let ids = 0;

const person = (subject: string, specialists: string[] | null = null): Identity => ({
  subject,
  roles: ["human_expert"],
  specialists,
  channel: "person",
  via: "jwt",
  expiresAtMs: null,
});
/** The token is the name. */
const authenticate = async (token: string | undefined): Promise<Identity> =>
  token === "elsewhere"
    ? person(token, ["another"])
    : token === "viewer"
      ? { ...person(token), roles: ["viewer"] }
      : person(token ?? "nobody");

beforeAll(async () => {
  opened = await openToyHouse(folder, () => clock);
  app = await buildApp({ house: opened.house, authenticate, mlflow: opened.embeddedMlflow, logger: false });
});
afterAll(async () => {
  await app.close();
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});

const call = async (who: string, method: "GET" | "POST", path: string, payload?: object) => {
  const headers = { authorization: `Bearer ${who}`, host: "localhost" };
  const answer = await app.inject({ method, url: `/api/v1${path}`, headers, ...(payload === undefined ? {} : { payload }) });
  return { status: answer.statusCode, body: answer.json() };
};
const post = (who: string, path: string, payload: object = {}) => call(who, "POST", path, payload);

async function addOpinions(count: number): Promise<string[]> {
  const names = Array.from({ length: count }, () => `opinion-${ids++}`);
  await judge(
    opened.house,
    "toy",
    names.map((opinionId) => ({
      opinionId,
      planId: `plan-${opinionId}`,
      columns: { a: 1, b: 2, noise: 0 },
      evaluatedAtMs: clock,
    })),
  );
  return names;
}
/** Leaves just these waiting. */
async function only(count: number): Promise<string[]> {
  const { items } = await opened.house.store.listOpinions({ pending: true }, { limit: 10_000 });
  await addFeedback(
    opened.house,
    "person",
    items.map(({ opinion_id: opinionId }) => ({ opinionId, recommendation: "yes", rating: null, reviewer: "janitor" })),
  );
  clock += 60 * MINUTE;
  return addOpinions(count);
}
const next = async (who: string, body: object = {}) => (await post(who, "/review/next", body)).body.review;

describe("a blind review", () => {
  test("shows the row and hides every word of the model until it is submitted", async () => {
    const [opinion] = await only(1);
    const answer = await post("ann", "/review/next", { specialist: "toy" });
    expect(answer.status).toBe(200);
    const { review } = answer.body;
    expect(review).toMatchObject({
      specialist: "toy",
      decisions: ["yes", "no"],
      columns: { a: 1, b: 2, noise: 0 },
      opinion: null,
      claim: { opinion_id: opinion, reviewer: "ann", mode: "blind", state: "open", shown_opinion: false },
    });
    const text = JSON.stringify(answer.body);
    for (const told of ["recommendation", "confidence", "risk", "probabilit", "propensity", "review_required", "model"])
      expect(text).not.toContain(told);
    expect(JSON.stringify((await call("ann", "GET", "/review/claims")).body)).not.toContain("propensity");

    const submitted = await post("ann", `/review/claims/${review.claim.claim_id}/submit`, {
      decision: "no",
      notes: "too small, says joe@x.com",
    });
    expect(submitted.status).toBe(201);
    expect(submitted.body).toMatchObject({
      status: "recorded",
      tier: "blind",
      shown_opinion: false,
      decision: "no",
      notes_withheld: false,
      opinion: { opinion_id: opinion, opinion: { recommendation: "review_required" } },
      claim: { state: "submitted" },
    });
    const stored = await opened.house.store.getFeedback(submitted.body.feedback_id);
    expect(stored).toMatchObject({
      state: "current",
      human_recommendation: "no",
      evidence: {
        tier: "blind",
        channel: "review_blind",
        reviewer: "ann",
        shown_opinion: false,
        propensity: 1,
        base_propensity: 1,
      },
    });
    expect(await next("ann")).toBeNull();
  });

  test("submitted twice it is one judgement; with another answer it is 409", async () => {
    await only(1);
    const { claim } = await next("ann");
    const url = `/review/claims/${claim.claim_id}/submit`;
    const both = await Promise.all([post("ann", url, { decision: "yes" }), post("ann", url, { decision: "yes" })]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 201]);
    expect(new Set(both.map(({ body }) => body.feedback_id)).size).toBe(1);
    const other = await post("ann", url, { decision: "no" });
    expect([other.status, other.body.code, other.body.decision]).toEqual([409, "conflict", "yes"]);
    const { items } = await opened.house.store.listFeedback({ opinionId: claim.opinion_id }, { limit: 10 });
    expect(items).toHaveLength(1);
  });

  test.each([
    ["GET /opinions/pending", () => call("ann", "GET", "/opinions/pending?limit=1000")],
    ["GET /opinions/{id}", (id: string) => call("ann", "GET", `/opinions/${id}`)],
    ["GET /opinions", () => call("ann", "GET", "/opinions?specialist=toy&limit=1000")],
  ])("counts as informed when the reviewer looks the opinion up meanwhile: %s", async (_title, look) => {
    const [opinion = ""] = await only(1);
    const { claim } = await next("ann");
    expect((await look(opinion)).status).toBe(200);
    const { body } = await post("ann", `/review/claims/${claim.claim_id}/submit`, { decision: "yes" });
    expect(body).toMatchObject({ tier: "informed", shown_opinion: true });
    expect((await opened.house.store.getFeedback(body.feedback_id))?.evidence).toMatchObject({
      channel: "review_informed",
      shown_opinion: true,
    });
  });

  test("is never offered of what the reviewer has seen before; informed, it is", async () => {
    await only(1);
    await call("ann", "GET", "/opinions/pending?limit=1000");
    expect(await next("ann")).toBeNull();
    expect(await next("bob")).toMatchObject({ claim: { reviewer: "bob" } });
    await only(1);
    await call("ann", "GET", "/opinions/pending?limit=1000");
    expect(await next("ann", { mode: "informed" })).toMatchObject({
      claim: { mode: "informed", shown_opinion: true },
      opinion: { opinion: { recommendation: "review_required" } },
    });
  });
});

describe("a claim", () => {
  test("is its reviewer's alone", async () => {
    await only(1);
    const { claim } = await next("ann");
    expect(await next("bob")).toBeNull();
    for (const [verb, body] of [
      ["submit", { decision: "yes" }],
      ["skip", {}],
      ["renew", {}],
      ["release", {}],
      ["undo", {}],
    ] as const) {
      const { status } = await post("bob", `/review/claims/${claim.claim_id}/${verb}`, body);
      expect([verb, status]).toEqual([verb, 403]);
      expect((await post("bob", `/review/claims/nothing/${verb}`, body)).status).toBe(404);
    }
    const { claims } = (await call("bob", "GET", "/review/claims?limit=1000")).body;
    expect(claims.map(({ claim_id }: { claim_id: string }) => claim_id)).not.toContain(claim.claim_id);
  });

  test("released goes to anybody, skipped to anybody else", async () => {
    await only(1);
    const first = (await next("ann")).claim;
    expect((await post("ann", `/review/claims/${first.claim_id}/release`)).body.state).toBe("released");
    expect((await post("ann", `/review/claims/${first.claim_id}/release`)).status).toBe(200);
    const again = (await next("ann")).claim;
    const skipped = await post("ann", `/review/claims/${again.claim_id}/skip`, { reason: "ask joe@x.com" });
    expect(skipped.body).toMatchObject({ state: "skipped", skip_reason: "ask [email]" });
    expect(await next("ann")).toBeNull();
    expect((await next("bob")).claim.opinion_id).toBe(first.opinion_id);
    expect((await post("ann", `/review/claims/${again.claim_id}/submit`, { decision: "yes" })).status).toBe(409);
  });

  test("ends by time; a late answer counts, unless somebody else took the opinion", async () => {
    await only(1);
    const late = (await next("ann")).claim;
    clock += 16 * MINUTE;
    expect((await call("ann", "GET", "/review/claims?limit=1")).body.claims[0].state).toBe("expired");
    expect((await post("ann", `/review/claims/${late.claim_id}/submit`, { decision: "yes" })).status).toBe(201);

    await only(1);
    const lost = (await next("ann")).claim;
    clock += 16 * MINUTE;
    const taken = (await next("bob")).claim;
    expect(taken.opinion_id).toBe(lost.opinion_id);
    for (const verb of ["submit", "renew", "skip"]) {
      const answer = await post("ann", `/review/claims/${lost.claim_id}/${verb}`, verb === "submit" ? { decision: "yes" } : {});
      expect([answer.status, answer.body.detail]).toEqual([409, expect.stringMatching(/given to another reviewer/)]);
    }
    expect((await post("bob", `/review/claims/${taken.claim_id}/submit`, { decision: "no" })).status).toBe(201);
  });

  test("renewed in time holds on", async () => {
    await only(1);
    const { claim } = await next("ann");
    clock += 14 * MINUTE;
    const renewed = await post("ann", `/review/claims/${claim.claim_id}/renew`);
    expect(Date.parse(renewed.body.expires_at)).toBe(clock + 15 * MINUTE);
    clock += 14 * MINUTE;
    expect(await next("bob")).toBeNull();
  });

  test("no more than twenty are held at once", async () => {
    await only(30);
    for (let count = 0; count < 20; count += 1) expect((await next("hoarder")).claim.state).toBe("open");
    expect((await post("hoarder", "/review/next")).body).toMatchObject({ code: "conflict", held: 20 });
    clock += 16 * MINUTE;
    expect((await next("hoarder")).claim.state).toBe("open");
  });

  test("asked for again under the same Idempotency-Key is the same claim", async () => {
    await only(3);
    const ask = async () => {
      const headers = { authorization: "Bearer idem", host: "localhost", "idempotency-key": "ask-once-0001" };
      const answer = await app.inject({ method: "POST", url: "/api/v1/review/next", headers });
      expect(answer.json()).toMatchObject({ review: { claim: { state: "open" } } });
      return answer.json().review.claim.claim_id;
    };
    expect(await ask()).toBe(await ask());
    expect((await call("idem", "GET", "/review/claims")).body.claims).toHaveLength(1);
  });

  test("two reviewers who ask at once never get the same opinion", async () => {
    await only(12);
    const all = await Promise.all(Array.from({ length: 12 }, (_, index) => next(`racer-${index}`)));
    expect(new Set(all.map(({ claim }) => claim.opinion_id)).size).toBe(12);
    expect(await next("racer-12")).toBeNull();
  });
});

describe("undo", () => {
  test("takes the judgement back and gives the opinion again, now informed", async () => {
    await only(1);
    const { claim } = await next("ann");
    const url = `/review/claims/${claim.claim_id}`;
    const { body } = await post("ann", `${url}/submit`, { decision: "yes" });
    clock += 50_000;
    const undone = await post("ann", `${url}/undo`);
    expect(undone.body).toMatchObject({
      feedback_id: body.feedback_id,
      claim: { state: "undone" },
      review: { claim: { mode: "informed", opinion_id: claim.opinion_id }, opinion: { opinion_id: claim.opinion_id } },
    });
    expect((await opened.house.store.getFeedback(body.feedback_id))?.state).toBe("retracted");
    expect((await post("ann", `${url}/undo`)).status).toBe(409);
    const again = await post("ann", `/review/claims/${undone.body.review.claim.claim_id}/submit`, { decision: "no" });
    expect(again.body).toMatchObject({ status: "recorded", tier: "informed" });
    expect((await opened.house.store.getFeedback(again.body.feedback_id))?.state).toBe("current");
  });

  test("is refused after a minute", async () => {
    await only(1);
    const { claim } = await next("ann");
    await post("ann", `/review/claims/${claim.claim_id}/submit`, { decision: "yes" });
    clock += 61_000;
    expect((await post("ann", `/review/claims/${claim.claim_id}/undo`)).status).toBe(409);
  });
});

describe("who may review", () => {
  test("a viewer may not, nor one whose scope has other specialists", async () => {
    await only(1);
    expect((await post("viewer", "/review/next")).status).toBe(403);
    expect((await post("elsewhere", "/review/next", { specialist: "toy" })).status).toBe(403);
    expect(await next("elsewhere")).toBeNull();
    expect((await post("ann", "/review/next", { specialist: "nobody" })).status).toBe(404);
    expect((await post("ann", "/review/next", { mode: "peeking" })).status).toBe(400);
    const { claim } = await next("ann");
    expect((await post("ann", `/review/claims/${claim.claim_id}/submit`, { decision: "maybe" })).status).toBe(400);
  });
});

test("the summary counts what waits and what is done, and says how many labels are missing", async () => {
  await only(7);
  const before = (await call("counter", "GET", "/review/summary")).body;
  expect(before).toMatchObject({ reviewer: "counter", done: 0, held: 0, waiting: 7, seconds_per_review: null });
  for (let count = 0; count < 6; count += 1) {
    const { claim } = await next("counter");
    clock += 20_000;
    await post("counter", `/review/claims/${claim.claim_id}/submit`, { decision: "yes" });
  }
  await next("counter");
  const after = (await call("counter", "GET", "/review/summary")).body;
  expect(after).toMatchObject({ done: 6, held: 1, waiting: 1, seconds_per_review: 20 });
  const [toy] = after.specialists;
  expect(toy.labels_to_next_run).toBe(Math.max(0, 100 - toy.new_labels));
  expect(toy.labels_to_decide).toBeNull();
  expect(toy.sentence).toBe(
    `${toy.labels_to_next_run} more labels start the next run of toy; about ${Math.round((toy.labels_to_next_run * 20) / 60)} minutes.`,
  );
});

test("a draw reads as much of 3,000 waiting opinions as of 300", async () => {
  const rows = async (waiting: number): Promise<{ calls: number; read: number }> => {
    await only(waiting);
    const counted = { calls: 0, read: 0 };
    const store = new Proxy(opened.house.store, {
      get(target, key, receiver) {
        const method: unknown = Reflect.get(target, key, receiver);
        if (typeof method !== "function") return method;
        return async (...given: unknown[]) => {
          counted.calls += 1;
          const answer: unknown = await method.apply(target, given);
          const items: unknown = Array.isArray(answer) ? answer : (answer as { items?: unknown } | null)?.items;
          counted.read += Array.isArray(items) ? items.length : 1;
          return answer;
        };
      },
    });
    const house = { ...opened.house, store, random: () => 0.5 };
    expect((await nextForReview(house, `counter-of-${waiting}`, { mode: "blind" }))?.claim.state).toBe("open");
    return counted;
  };
  const [few, many] = [await rows(300), await rows(3_000)];
  expect(many.calls).toBeLessThanOrEqual(few.calls);
  expect(many.read).toBeLessThanOrEqual(300);
});

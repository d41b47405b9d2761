import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildApp } from "../../src/http/app.ts";
import type { House } from "../../src/loop/house.ts";
import { AUTHORIZED, type OpenApi, openApi } from "./support/open-api.ts";
import { addToyLabels } from "./support/open-house.ts";

/** The same write with the same Idempotency-Key: one effect and one answer, whatever ends in its middle. */
let clockMs = Date.UTC(2026, 1, 1);
let api: OpenApi;
beforeAll(async () => {
  api = await openApi(() => clockMs);
});
afterAll(async () => await api[Symbol.asyncDispose]());

const withKey = (key: string) => ({ "idempotency-key": key });
const row = { columns: { a: 0.1, b: 0.2, noise: 0.3 } };
async function judged(): Promise<string> {
  return String((await api.send("POST", "/specialists/toy/judge", row)).json().opinion_id);
}

test("the same key and body give the same answer and one effect; another body is refused", async () => {
  const opinion_id = await judged();
  const body = { opinion_id, human_recommendation: "yes", human_rating: 0.5 };
  const first = await api.send("POST", "/feedback", body, withKey("k1"));
  expect([first.statusCode, first.json().status]).toEqual([201, "recorded"]);
  clockMs += 3_600_000;
  const again = await api.send("POST", "/feedback", body, withKey("k1"));
  expect([again.statusCode, again.body, again.headers["idempotency-replayed"]]).toEqual([201, first.body, "true"]);
  expect(again.headers["content-type"]).toBe(first.headers["content-type"]);
  const other = await api.send("POST", "/feedback", { ...body, human_recommendation: "no" }, withKey("k1"));
  expect([other.statusCode, other.json()]).toMatchObject([409, { code: "conflict", field: "Idempotency-Key" }]);
  expect((await api.get(`/feedback/opinion/${opinion_id}`)).json().count).toBe(1);
  const judgedTwice = [
    await api.send("POST", "/specialists/toy/judge", row, withKey("k2")),
    await api.send("POST", "/specialists/toy/judge", row, withKey("k2")),
  ];
  expect(judgedTwice[1]?.body).toBe(judgedTwice[0]?.body);
});

test("a refusal is not kept: after it was mended, the same key works", async () => {
  const body = { opinion_id: "comes", human_recommendation: "yes" };
  expect((await api.send("POST", "/feedback", body, withKey("k3"))).statusCode).toBe(404);
  await api.send("POST", "/opinions", { specialist_type: "toy", opinion_id: "comes", opinion: { recommendation: "no" } });
  expect((await api.send("POST", "/feedback", body, withKey("k3"))).statusCode).toBe(201);
});

test("while the first is being worked on, the second is told to come back", async () => {
  const opinion_id = await judged();
  const body = { opinion_id, human_recommendation: "yes" };
  let release = (): void => undefined;
  const slow = await appOver((house) => ({
    addFeedback: async (feedback) => {
      await new Promise<void>((go) => {
        release = go;
      });
      return house.store.addFeedback(feedback);
    },
  }));
  const first = slow("/feedback", body, withKey("k4"));
  await expect.poll(() => release.length + Number(release.name !== "release")).toBeGreaterThan(0);
  const second = await slow("/feedback", body, withKey("k4"));
  expect([second.statusCode, second.json().code, second.headers["retry-after"]]).toEqual([409, "request_in_progress", "2"]);
  release();
  expect((await first).statusCode).toBe(201);
  expect((await slow("/feedback", body, withKey("k4"))).body).toBe((await first).body);
});

test("a crash between effect and answer: the repeat gives the answer that the first would have given", async () => {
  const opinion_id = await judged();
  await api.send("POST", "/feedback", { opinion_id, human_recommendation: "no" });
  const before = (await api.get(`/feedback/opinion/${opinion_id}`)).json().feedbacks[0].feedback_id;
  clockMs += 1_000;
  const dying = await appOver(() => ({ answerRequest: () => Promise.reject(new Error("killed here")) }));
  const body = { opinion_id, human_recommendation: "yes", human_rating: 0.25 };
  expect((await dying("/feedback", body, withKey("k5"))).statusCode).toBe(500);
  clockMs += 60_000;
  const repeated = await api.send("POST", "/feedback", body, withKey("k5"));
  expect([repeated.statusCode, repeated.json()]).toMatchObject([
    201,
    { status: "recorded", superseded: before, submitted_at: new Date(clockMs - 60_000).toISOString() },
  ]);
  expect((await api.get(`/feedback/opinion/${opinion_id}`)).json().count).toBe(2);

  const judgedDying = await dying("/specialists/toy/judge", row, withKey("k6"));
  expect(judgedDying.statusCode).toBe(500);
  const total = (await api.get("/feedback/stats")).json().total_opinions;
  expect((await api.send("POST", "/specialists/toy/judge", row, withKey("k6"))).statusCode).toBe(201);
  expect((await api.get("/feedback/stats")).json().total_opinions).toBe(total);
});

test("kill -9 between effect and answer: another process gives the answer that the first would have given", async () => {
  const opinion_id = await judged();
  const body = JSON.stringify({ opinion_id, human_recommendation: "yes", human_rating: 0.5 });
  const script = join(import.meta.dirname, "support/answer-and-die.ts");
  const diedAt = clockMs;
  const died = promisify(execFile)(process.execPath, [script, api.folder, "/feedback", body, "k-kill", String(diedAt)]);
  await expect(died).rejects.toMatchObject({ signal: "SIGKILL" });
  expect((await api.get(`/feedback/opinion/${opinion_id}`)).json().count).toBe(1);
  clockMs += 5_000;
  const json = { "content-type": "application/json" };
  const repeated = await api.send("POST", "/feedback", body, { ...withKey("k-kill"), ...json });
  expect([repeated.statusCode, repeated.json()]).toMatchObject([
    201,
    { status: "recorded", superseded: null, submitted_at: new Date(diedAt).toISOString() },
  ]);
  expect((await api.get(`/feedback/opinion/${opinion_id}`)).json().count).toBe(1);
}, 60_000);

test("a rollback that was repeated after a crash goes back one step, not two", async () => {
  const { house } = api.opened;
  await addToyLabels(house, { from: 0, count: 200, noise: 0.05, startMs: clockMs - 30 * 86_400_000 });
  for (const seed of [1, 2, 3]) {
    const ask = () => api.send("POST", "/specialists/toy/retrain", { seed, promote: false }, withKey(`run-${seed}`));
    const started = await ask();
    expect(started.statusCode).toBe(202);
    const { run_id } = started.json();
    await expect.poll(async () => (await house.store.getRun(run_id))?.state, { timeout: 30_000 }).toBe("finished");
    expect((await ask()).json().run_id).toBe(run_id);
    clockMs += 1_000;
  }
  for (const version of ["1", "v2", "3"]) {
    const promoted = await api.send("POST", "/specialists/toy/promote", { version, reason: "test", force: true });
    expect(promoted.json()).toMatchObject({ state: "done", version: version.replace("v", "") });
    clockMs += 1_000;
  }
  const dying = await appOver(() => ({ answerRequest: () => Promise.reject(new Error("killed here")) }));
  const body = { reason: "leaks memory" };
  expect((await dying("/specialists/toy/rollback", body, withKey("back"))).statusCode).toBe(500);
  const repeated = await api.send("POST", "/specialists/toy/rollback", body, withKey("back"));
  expect(repeated.json()).toMatchObject({ action: "rollback", version: "2", tombstone: "3", state: "done", dry_run: false });
  expect((await api.get("/models/toy/champion")).json().version).toBe("2");
}, 120_000);

test("an expired key is new again, and a key that is none is refused", async () => {
  const opinion_id = await judged();
  const body = { opinion_id, human_recommendation: "yes" };
  const first = await api.send("POST", "/feedback", body, withKey("k7"));
  const later = await appOver(() => ({}), { leaseNow: () => Date.now() + 25 * 3_600_000 });
  clockMs += 25 * 3_600_000;
  const again = await later("/feedback", body, withKey("k7"));
  expect([again.statusCode, again.json()]).toMatchObject([200, { status: "duplicate", feedback_id: first.json().feedback_id }]);
  for (const key of ["", "with space", "ü", "x".repeat(256)])
    expect((await api.send("POST", "/feedback", body, withKey(key))).statusCode).toBe(400);
});

/** Another app over the same house, with some methods of its store in place of its own. */
async function appOver(replaced: (house: House) => Partial<House["store"]>, changes: Partial<House> = {}) {
  const { house } = api.opened;
  const store = new Proxy(house.store, {
    get: (target, name) => {
      const own = replaced(house) as Record<PropertyKey, unknown>;
      const value: unknown = Object.hasOwn(own, name) ? own[name] : Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const app = await buildApp({
    house: { ...house, store, ...changes },
    authenticate: async () => ({
      subject: "anna",
      roles: ["admin"],
      specialists: null,
      channel: "person",
      via: "admin_token",
      expiresAtMs: null,
    }),
    mlflow: null,
    logger: false,
  });
  return (url: string, payload: object, headers: Record<string, string>) =>
    app.inject({ method: "POST", url: `/api/v1${url}`, payload, headers: { ...AUTHORIZED, ...headers } });
}

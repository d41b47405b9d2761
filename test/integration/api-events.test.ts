import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Events, openEvents } from "../../src/loop/events.ts";
import type { House } from "../../src/loop/house.ts";
import { AUTHORIZED, type OpenApi, openApi } from "./support/open-api.ts";
import { addToyLabels } from "./support/open-house.ts";

/** What changes, as it changes: over a real port, as a browser hears it. */
let api: OpenApi;
let events: Events;
let port = 0;
const clockMs = Date.UTC(2026, 1, 1);

beforeAll(async () => {
  // the app is given its events, so that the test's house is the one that they look at
  const forwarded: Pick<Events, "onRunEvent" | "touch" | "subscribe" | "close"> = {
    onRunEvent: (event) => events.onRunEvent(event),
    touch: () => events.touch(),
    subscribe: (listener, lastId) => events.subscribe(listener, lastId),
    close: () => events.close(),
  };
  api = await openApi(() => clockMs, { events: forwarded });
  events = openEvents(api.opened.house, { runsEveryMs: 50, statusEveryMs: 200 });
  await api.app.listen({ host: "127.0.0.1", port: 0 });
  port = (api.app.server.address() as { port: number }).port;
});
afterAll(async () => await api[Symbol.asyncDispose]());

interface Heard {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Listens until `enough` says so. */
async function listen(enough: (heard: readonly Heard[]) => boolean, lastId?: string): Promise<Heard[]> {
  const stop = new AbortController();
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/events`, {
    headers: { authorization: AUTHORIZED.authorization, ...(lastId === undefined ? {} : { "last-event-id": lastId }) },
    signal: stop.signal,
  });
  expect(answer.headers.get("content-type")).toMatch(/^text\/event-stream/);
  const heard: Heard[] = [];
  let rest = "";
  for await (const chunk of answer.body ?? []) {
    rest += new TextDecoder().decode(chunk as Uint8Array);
    const parts = rest.split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(part)?.[1] ?? "";
      if (field("data") !== "") heard.push({ id: field("id"), event: field("event"), data: JSON.parse(field("data")) });
    }
    if (enough(heard)) break;
  }
  stop.abort();
  return heard;
}

test("a new listener is told the present status, then counts and a run's steps as they come", async () => {
  await addToyLabels(api.opened.house, { from: 0, count: 200, noise: 0.05, startMs: clockMs - 30 * 86_400_000 });
  let runId = "";
  const heard = await listen((sofar) => {
    if (runId === "" && sofar.some(({ event }) => event === "status")) {
      runId = "asked";
      void api.send("POST", "/specialists/toy/retrain", {}).then((answer) => {
        runId = answer.json().run_id;
      });
    }
    return sofar.some(({ event, data }) => event === "status" && data.champion !== null);
  });
  expect(heard.find(({ event }) => event === "status")?.data).toMatchObject({ specialist: "toy", human_labels: 200 });
  expect(heard.find(({ event }) => event === "feedback")?.data).toMatchObject({ specialist: "toy", human_labels: 200 });
  const steps = heard.filter(({ event, data }) => event === "run" && data.run_id === runId && data.phase === "done");
  expect(steps.map(({ data }) => data.step)).toEqual(
    expect.arrayContaining(["collect", "check", "train", "decide", "register", "promote", "rollout"]),
  );
  expect(new Set(heard.map(({ id }) => id)).size).toBe(heard.length);

  // one who comes back is told what he missed and nothing twice
  const middle = heard.at(-3) as Heard;
  const missed = await listen((sofar) => sofar.length >= 2, middle.id);
  expect(missed.slice(0, 2)).toEqual(heard.slice(-2));
  // an id of another process: the present status
  const anew = await listen((sofar) => sofar.length >= 1, "0000-17");
  expect(anew[0]?.event).toBe("status");
}, 60_000);

test("a run that another process drives is heard of too", async () => {
  const { house } = api.opened;
  const run = (await house.store.listRuns({}, { limit: 1 })).items[0];
  if (run === undefined) throw new Error("the first test left a run");
  const other = {
    ...run,
    run_id: "run-elsewhere",
    trigger: { ...run.trigger, evidence_key: null },
    state: "running" as const,
    steps: [],
    ended_at: null,
  };
  await house.store.addRun(other);
  let isCancelled = false;
  const heard = await listen((sofar) => {
    const own = sofar.filter(({ data }) => data.run_id === other.run_id);
    if (own.length > 0 && !isCancelled) {
      isCancelled = true;
      void house.store.putRun({ ...other, state: "cancelled", ended_at: clockMs });
    }
    return own.some(({ data }) => data.state === "cancelled");
  });
  expect(heard.filter(({ data }) => data.run_id === other.run_id).map(({ data }) => data.state)).toEqual([
    "running",
    "cancelled",
  ]);
}, 20_000);

test("who reads nothing is let go before much waits for him", async () => {
  const accepted = once(api.app.server, "connection") as Promise<[Socket]>;
  const socket = connect(port, "127.0.0.1");
  const [atServer] = await accepted;
  socket.on("error", () => undefined);
  socket.write(`GET /api/v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: ${AUTHORIZED.authorization}\r\n\r\n`);
  socket.pause();
  const { house } = api.opened;
  const run = (await house.store.listRuns({}, { limit: 1 })).items[0] as Awaited<ReturnType<House["store"]["getRun"]>>;
  if (run === null) throw new Error("the first test left a run");
  const filler = "x".repeat(64 * 1024);
  const told = setInterval(() => {
    for (let n = 0; n < 40; n += 1)
      events.onRunEvent({ run: { ...run, specialist: filler }, step: "train", phase: "started", share: 0 });
  }, 5);
  await expect.poll(() => atServer.destroyed, { timeout: 20_000 }).toBe(true);
  clearInterval(told);
  socket.destroy();
}, 30_000);

test("a server that drains ends its streams, and does not wait for them", async () => {
  const second = await openApi(() => clockMs);
  await second.app.listen({ host: "127.0.0.1", port: 0 });
  const own = (second.app.server.address() as { port: number }).port;
  const answer = await fetch(`http://127.0.0.1:${own}/api/v1/events`, { headers: { authorization: AUTHORIZED.authorization } });
  const whole = answer.text();
  await second[Symbol.asyncDispose]();
  expect(await whole).toMatch(/^retry: \d+/);
}, 20_000);

test("a stream ends with the token that opened it", async () => {
  const identity = { subject: "rui", roles: ["viewer"], specialists: null, channel: "person", via: "jwt" } as const;
  const second = await openApi(() => clockMs, {
    authenticate: async () => ({ ...identity, expiresAtMs: clockMs + 50 }),
  });
  await second.app.listen({ host: "127.0.0.1", port: 0 });
  const own = (second.app.server.address() as { port: number }).port;
  const answer = await fetch(`http://127.0.0.1:${own}/api/v1/events`, { headers: { authorization: "Bearer x" } });
  expect(await answer.text()).toMatch(/^retry: \d+/);
  await second[Symbol.asyncDispose]();
}, 20_000);

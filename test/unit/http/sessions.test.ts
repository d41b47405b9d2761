import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Identity } from "../../../src/core/identity.ts";
import { createSealer } from "../../../src/http/auth/sealer.ts";
import { openSessions, type Sessions } from "../../../src/http/auth/sessions.ts";
import { readSharedKey } from "../../../src/http/auth/shared-key.ts";
import { openSqliteStore } from "../../../src/store/sqlite/open.ts";
import type { Store } from "../../../src/store/store.ts";

const KEY = Buffer.from("k".repeat(32));
const HOUR = 3_600_000;
let clockMs = Date.UTC(2026, 5, 1);
const now = () => clockMs;
let store: Store;
const counter = (function* () {
  for (let count = 1; ; count += 1) yield count;
})();
const next = (): number => counter.next().value;

/** A server of its own over the shared store, as a second replica or after a restart. */
const server = (key = KEY): Sessions =>
  openSessions({
    store,
    sealer: createSealer(key),
    longestMs: 12 * HOUR,
    now,
    newId: (prefix) => `${prefix}${next()}`,
    owner: `server-${next()}`,
    leaseNow: now,
  });
const ann: Identity = {
  subject: "ann",
  roles: ["reviewer"],
  specialists: ["business"],
  channel: "person",
  via: "jwt",
  expiresAtMs: null,
};

beforeAll(async () => {
  store = await openSqliteStore(":memory:", { now });
});
afterAll(() => store.close());

describe("a sealed value", () => {
  const sealer = createSealer(KEY);
  test("comes back for its purpose and its key only, and shows nothing", () => {
    const sealed = sealer.seal("login", { secret: "verifier" });
    expect(sealer.open("login", sealed)).toEqual({ secret: "verifier" });
    expect(sealer.open("session", sealed)).toBeNull();
    expect(createSealer(Buffer.from("x".repeat(32))).open("login", sealed)).toBeNull();
    expect(Buffer.from(sealed, "base64url").toString("latin1")).not.toContain("verifier");
    expect(sealer.seal("login", { secret: "verifier" })).not.toBe(sealed);
  });
  test("changed in any byte, cut or extended, does not open", () => {
    const bytes = Buffer.from(sealer.seal("login", { a: 1 }), "base64url");
    for (let index = 0; index < bytes.length; index += 1) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(sealer.open("login", changed.toString("base64url"))).toBeNull();
      expect(sealer.open("login", bytes.subarray(0, index).toString("base64url"))).toBeNull();
    }
    expect(sealer.open("login", Buffer.concat([bytes, bytes.subarray(0, 1)]).toString("base64url"))).toBeNull();
  });
});

test("a session is read by every server with the key, with the scope and roles of the token", async () => {
  const { cookie, session } = server().start(ann, false);
  const read = await server().read(cookie);
  expect(read.identity).toEqual({ ...ann, via: "session", expiresAtMs: clockMs + 12 * HOUR });
  expect(read.id).toBe(session.id);
  await expect(server(Buffer.from("y".repeat(32))).read(cookie)).rejects.toMatchObject({ details: { reason: "malformed" } });
});

test("it ends with its token, or after its longest time", async () => {
  const sessions = server();
  const short = sessions.start({ ...ann, expiresAtMs: clockMs + HOUR }, false);
  const long = sessions.start({ ...ann, expiresAtMs: clockMs + 100 * HOUR }, false);
  clockMs += HOUR;
  await expect(sessions.read(short.cookie)).rejects.toMatchObject({ code: "unauthenticated", details: { reason: "expired" } });
  expect((await sessions.read(long.cookie)).expiresAtMs).toBe(long.session.expiresAtMs);
  clockMs += 11 * HOUR;
  await expect(sessions.read(long.cookie)).rejects.toMatchObject({ details: { reason: "expired" } });
});

test("a session that ended is ended for every server, also for who kept the cookie; others go on", async () => {
  const [one, two] = [server(), server()];
  const [ended, kept] = [one.start(ann, false), one.start(ann, false)];
  await two.read(ended.cookie);
  await one.end(ended.session);
  await expect(one.read(ended.cookie)).rejects.toMatchObject({ details: { reason: "signed_out" } });
  clockMs += 2_000;
  await expect(two.read(ended.cookie)).rejects.toMatchObject({ details: { reason: "signed_out" } });
  expect((await two.read(kept.cookie)).identity.subject).toBe("ann");
});

test("sign-outs at the same time, in one server and in two, all hold; over sessions are forgotten", async () => {
  const servers = [server(), server()];
  const started = Array.from({ length: 6 }, () => servers[0].start(ann, false));
  await Promise.all(started.map(({ session }, index) => servers[index % 2].end(session)));
  const fresh = server();
  for (const { cookie } of started) await expect(fresh.read(cookie)).rejects.toMatchObject({ details: { reason: "signed_out" } });
  clockMs += 13 * HOUR;
  await fresh.end(fresh.start(ann, false).session);
  expect(Object.keys((await store.getSetting("requeen:ended-sessions")) as object)).toHaveLength(1);
});

test("a program gets no session", () => {
  expect(() => server().start({ ...ann, channel: "program" }, false)).toThrow(expect.objectContaining({ code: "forbidden" }));
});

test("the value against forged requests is that of its session", () => {
  const sessions = server();
  const [one, two] = [sessions.start(ann, false).session, sessions.start(ann, false).session];
  expect(sessions.isCsrf(one, sessions.csrfOf(one))).toBe(true);
  for (const wrong of [sessions.csrfOf(two), "", `${sessions.csrfOf(one)}x`, "🐝"])
    expect(sessions.isCsrf(one, wrong)).toBe(false);
});

test("servers that start at once make one key together", async () => {
  const keys = await Promise.all(Array.from({ length: 5 }, (_, index) => readSharedKey(store, `starter-${index}`, now)));
  expect(new Set(keys).size).toBe(1);
  expect(Buffer.from(keys[0], "base64url")).toHaveLength(32);
});

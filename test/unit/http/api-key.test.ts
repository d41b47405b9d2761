import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { apiKeyReader } from "../../../src/http/auth/api-key.ts";
import { hashOfSecret } from "../../../src/loop/tokens.ts";
import { openSqliteStore } from "../../../src/store/sqlite/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { aToken } from "../../conformance/store-documents.ts";

const SECRET = "s".repeat(43);
const ID = "0123456789abcdef";
const HOUR = 3_600_000;
let clockMs = 0;
const now = () => clockMs;
const nothing = () => undefined;
let store: Store;

beforeAll(async () => {
  store = await openSqliteStore(":memory:", { now });
  const wanted = { secret_sha256: hashOfSecret(SECRET), name: "ci", expires_at: null };
  await store.addToken(aToken(ID, wanted));
  await store.addToken(aToken("00000000000000b1", { ...wanted, tier: "bulk", vouched_by: "ann", specialists: null }));
  await store.addToken(aToken("00000000000000e1", { ...wanted, expires_at: Date.UTC(2026, 5, 1) }));
});
beforeEach(() => {
  clockMs = Date.UTC(2026, 5, 1) - HOUR;
});
afterAll(() => store.close());

test("a key gives its program, scope and channel: rule labels, or bulk ones that a person answers for", async () => {
  const read = apiKeyReader(store, now, nothing);
  expect(await read(`rq_${ID}_${SECRET}`)).toEqual({
    subject: "program:ci",
    roles: ["program"],
    specialists: ["business"],
    channel: "program",
    via: "api_key",
    expiresAtMs: null,
  });
  expect(await read(`rq_00000000000000b1_${SECRET}`)).toMatchObject({ channel: "import_vouched", specialists: null });
});

test.each([
  ["another secret", `rq_${ID}_${"t".repeat(43)}`, "unknown"],
  ["another id", `rq_0000000000000000_${SECRET}`, "unknown"],
  ["a secret that is cut", `rq_${ID}_${"s".repeat(42)}`, "malformed"],
  ["the digest instead of the secret", `rq_${ID}_${hashOfSecret(SECRET).slice(0, 43)}`, "unknown"],
  ["an id in capitals", `rq_${ID.toUpperCase()}_${SECRET}`, "malformed"],
])("%s is refused", async (_title, key, reason) => {
  await expect(apiKeyReader(store, now, nothing)(key)).rejects.toMatchObject({ code: "unauthenticated", details: { reason } });
});

test("an unknown id and a wrong secret are answered with the same words", async () => {
  const read = apiKeyReader(store, now, nothing);
  const messages = await Promise.all(
    [`rq_${ID}_${"t".repeat(43)}`, `rq_0000000000000000_${SECRET}`].map((key) =>
      read(key).catch((error: Error) => error.message),
    ),
  );
  expect(messages[0]).toBe(messages[1]);
});

test("a key ends at its time, to the millisecond", async () => {
  const read = apiKeyReader(store, now, nothing);
  clockMs = Date.UTC(2026, 5, 1) - 1;
  await read(`rq_00000000000000e1_${SECRET}`);
  clockMs += 1;
  await expect(read(`rq_00000000000000e1_${SECRET}`)).rejects.toMatchObject({ details: { reason: "expired" } });
});

test("a revocation holds here at once, in another server after two seconds", async () => {
  const id = "00000000000000c1";
  await store.addToken(aToken(id, { secret_sha256: hashOfSecret(SECRET), expires_at: null }));
  const [here, there] = [apiKeyReader(store, now, nothing), apiKeyReader(store, now, nothing)];
  for (const read of [here, there]) await read(`rq_${id}_${SECRET}`);
  await store.revokeToken(id, "ann", now());
  here.forget(id);
  await expect(here(`rq_${id}_${SECRET}`)).rejects.toMatchObject({ details: { reason: "revoked" } });
  clockMs += 2_000;
  await expect(there(`rq_${id}_${SECRET}`)).rejects.toMatchObject({ details: { reason: "revoked" } });
});

test("use is noted to the hour: a write an hour, not one a request", async () => {
  const id = "00000000000000d1";
  await store.addToken(aToken(id, { secret_sha256: hashOfSecret(SECRET), expires_at: null }));
  const read = apiKeyReader(store, now, nothing);
  const first = now();
  for (let request = 0; request < 5; request += 1) {
    await read(`rq_${id}_${SECRET}`);
    clockMs += 10 * 60_000;
  }
  expect((await store.getToken(id))?.last_used_at).toBe(first);
  clockMs = first + HOUR;
  await read(`rq_${id}_${SECRET}`);
  expect((await store.getToken(id))?.last_used_at).toBe(first + HOUR);
});

test("a note of use that cannot be written is logged, and the request goes on", async () => {
  const events: string[] = [];
  const failing = { getToken: (id: string) => store.getToken(id), touchToken: () => Promise.reject(new Error("disk away")) };
  clockMs += 100 * HOUR;
  await apiKeyReader(failing, now, (event) => void events.push(event))(`rq_${ID}_${SECRET}`);
  expect(events).toEqual(["token_use_not_recorded"]);
});

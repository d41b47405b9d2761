import { afterEach, beforeEach, expect, test } from "vitest";
import { RequeenError } from "../../../src/core/errors.ts";
import { type Denial, recordDenials } from "../../../src/http/auth/denials.ts";
import { refusal } from "../../../src/http/auth/refusal.ts";
import { verifyAuditChain } from "../../../src/store/audit-chain.ts";
import { openSqliteStore } from "../../../src/store/sqlite/open.ts";
import type { Store } from "../../../src/store/store.ts";

let clockMs = Date.UTC(2026, 5, 1);
const now = () => clockMs;
let store: Store;
beforeEach(async () => {
  store = await openSqliteStore(":memory:", { now });
});
afterEach(() => store.close());

const denied = (permission: string, subject = "ann"): Denial => ({
  subject,
  asked: "POST /api/v1/tokens",
  error: new RequeenError("forbidden", "no", { permission }),
  requestId: "r-1",
});
const entries = async () => (await store.listAudit({}, { limit: 1_000 })).items;

test("an entry says who asked for what, why not, and in which request", async () => {
  await recordDenials({ store, now, log: () => undefined }).record(denied("administer"));
  expect(await entries()).toMatchObject([
    {
      at: clockMs,
      actor: "ann",
      action: "access.deny",
      subject: "POST /api/v1/tokens",
      details: { code: "forbidden", permission: "administer", request_id: "r-1" },
    },
  ]);
});

test("a thousand equal denials of a minute are an entry and a count; the next minute has its own", async () => {
  const denials = recordDenials({ store, now, log: () => undefined });
  for (let attempt = 0; attempt < 1_000; attempt += 1) await denials.record(denied("administer"));
  expect(await entries()).toHaveLength(1);
  clockMs += 60_000;
  await denials.record(denied("administer"));
  expect((await entries()).map(({ details }) => details.repeated ?? null)).toEqual([null, 999, null]);
  await denials.close();
  expect(await entries()).toHaveLength(3);
});

test("who varies what he asks for fills nothing either: a hundred entries a minute, the rest is counted", async () => {
  const denials = recordDenials({ store, now, log: () => undefined });
  for (let attempt = 0; attempt < 5_000; attempt += 1) await denials.record(denied("administer", `somebody-${attempt}`));
  await denials.close();
  const written = await entries();
  expect(written).toHaveLength(101);
  expect(written.at(-1)).toMatchObject({ actor: "unknown", subject: "others", details: { repeated: 4_900 } });
  expect(await verifyAuditChain(written)).toMatchObject({ intact: true, entries: 101 });
});

test("credentials that nobody has are counted by the reason, whatever they were", async () => {
  const denials = recordDenials({ store, now, log: () => undefined });
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const error = refusal("unknown", "there is no such API key", { token_id: `id-${attempt}` });
    await denials.record({ subject: null, asked: "GET /api/v1/status", error, requestId: `r-${attempt}` });
  }
  expect(await entries()).toHaveLength(1);
});

test("where the log cannot be written, that is said, and the refusal stands", async () => {
  const events: string[] = [];
  const failing = { appendAudit: () => Promise.reject(new RequeenError("store_unavailable", "away")) };
  await recordDenials({ store: failing, now, log: (event) => void events.push(event) }).record(denied("operate"));
  expect(events).toEqual(["denial_not_recorded"]);
});
